"""``synaptogen doctor``: what is installed, what is missing, and how to get it."""

import os
import platform
import re
from collections.abc import Callable, Iterator
from importlib import metadata, util
from pathlib import Path
from typing import Any

from llvmlite import binding
from rich.table import Table
from rich.text import Text

import synaptogen
from synaptogen._utils import DISTRIBUTION, available_memory, default_threads, install_command
from synaptogen.circuit import cache_folder, find_compiler
from synaptogen.circuit.simulators import simulator
from synaptogen.cli.options import JSON
from synaptogen.cli.output import print_json, stdout
from synaptogen.engines import ENGINES
from synaptogen.engines.cpu import W

VECTORS = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "neon", "sve", "sve2")
"""Features of a processor that matter to the kernels."""

LIBRARIES = ("numpy", "scipy", "numba", "llvmlite")
PROGRAMS: dict[str, Callable[[], Path]] = {
    "ngspice": lambda: simulator("ngspice").program,
    "vacask": lambda: simulator("vacask").program,
    "openvaf-r": find_compiler,
}
DEVELOPMENT = ("all", "test", "lint", "docs")
"""Extras that are no part of what a user may miss."""


def doctor(as_json: JSON = False) -> None:
    """Show versions, simulators, threads and caches, what is missing, and how to get it."""
    facts = gather()
    if as_json:
        print_json(facts)
        return
    stdout.print(verdict(facts))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _readable(facts):
        table.add_row(Text(name, style="bold"), Text(value))  # plain text: no brackets lost as markup
    stdout.print(table)


def gather() -> dict[str, Any]:
    """Return the facts that ``doctor`` shows, for JSON."""
    features = binding.get_host_cpu_features()
    return {
        "synaptogen": synaptogen.__version__,
        "distribution": DISTRIBUTION,
        "folder": str(Path(synaptogen.__file__).parent),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: metadata.version(name) for name in LIBRARIES},
        "engine": "cpu",
        "engines": sorted(ENGINES),
        "lanes": W,
        "cpu": binding.get_host_cpu_name(),
        "cpu_features": [name for name in VECTORS if features.get(name)],
        "threads": default_threads(),
        "available_memory": available_memory(),
        "kernel_cache": _kernel_cache(),
        "presets": synaptogen.presets(),
        "simulators": {name: _found(find) for name, find in PROGRAMS.items()},
        "circuit_cache": str(cache_folder()),
        "extras": {extra: _state(extra, libraries) for extra, libraries in extras().items()},
    }


def _kernel_cache() -> dict[str, Any]:
    """Return where Numba keeps compiled kernels, and whether it can write there."""
    package = Path(synaptogen.__file__).parent
    given = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(given) if given else package
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return {"folder": str(folder) if given else f"__pycache__ of {folder}", "writable": os.access(there, os.W_OK)}


def _found(find: Callable[[], Path]) -> dict[str, str]:
    """Return where a program is, or the message of the error, which says how to get it."""
    try:
        return {"program": str(find())}
    except (OSError, ValueError, ModuleNotFoundError) as error:
        return {"missing": str(error)}


def extras() -> dict[str, list[str]]:
    """Return the extras of this installation, and the libraries that each brings."""
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        requirements = []
    found: dict[str, list[str]] = {}
    for requirement in requirements:
        name, extra = re.match(r"[\w.-]+", requirement), re.search(r"extra == ['\"]([\w.-]+)['\"]", requirement)
        if name and extra and extra[1] not in DEVELOPMENT and name[0] != DISTRIBUTION:
            found.setdefault(extra[1], []).append(name[0])
    return found


def _state(extra: str, libraries: list[str]) -> dict[str, Any]:
    missing = [name for name in libraries if not _installed(name)]
    return {"installed": not missing, "missing": missing, "command": install_command(extra) if missing else None}


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def verdict(facts: dict[str, Any]) -> str:
    """Return what a person can act on, in two lines at most.

    Parameters
    ----------
    facts : dict
        As of `gather`.

    Returns
    -------
    str
    """
    lacking = [f"the extra {name}" for name, state in facts["extras"].items() if not state["installed"]]
    lacking += [name for name, found in facts["simulators"].items() if "missing" in found]
    first = f"synaptogen {facts['synaptogen']} works here"
    if not facts["kernel_cache"]["writable"]:
        first += ", but compiles its kernels in each process: set NUMBA_CACHE_DIR to a folder that you can write to"
    elif not facts["extras"]:
        first += f", from its source: {DISTRIBUTION} is not installed, so its extras are not known"
    return f"{first}.\n" + (f"Not installed: {', '.join(lacking)}." if lacking else "Nothing is missing.")


def _readable(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    memory, cache = facts["available_memory"], facts["kernel_cache"]
    yield "package", f"{facts['distribution']} {facts['synaptogen']} in {facts['folder']}"
    yield "Python", f"{facts['python']}, {facts['platform']}"
    yield "libraries", ", ".join(f"{name} {facts[name]}" for name in LIBRARIES)
    yield "engine", f"{facts['engine']}, {facts['lanes']} lanes, {facts['threads']} threads"
    yield "engines", ", ".join(facts["engines"])
    yield "processor", f"{facts['cpu']}: {', '.join(facts['cpu_features']) or 'no vector features known'}"
    yield "memory", "unknown" if memory is None else f"{memory / 2**30:.1f} GiB available"
    yield "GPU", _gpu()
    yield "kernel cache", f"{cache['folder']}, {'writable' if cache['writable'] else 'not writable'}"
    yield "circuit cache", facts["circuit_cache"]
    yield "presets", ", ".join(facts["presets"])
    for name, found in facts["simulators"].items():
        yield name, found.get("program") or found["missing"]
    for extra, state in facts["extras"].items():
        wanted = f"needs {', '.join(state['missing'])}: {state['command']}"
        yield f"extra {extra}", "installed" if state["installed"] else wanted


def _gpu() -> str:
    if util.find_spec("numba_cuda") is None:
        return "not used: that needs the extra cuda12 or cuda13"
    from numba import cuda  # takes a while

    return "found" if cuda.is_available() else "none found by numba-cuda"
