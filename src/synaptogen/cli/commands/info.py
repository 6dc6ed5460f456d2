"""``synaptogen info`` and ``synaptogen presets``: the installation and its parameter sets."""

import platform
import re
from importlib import metadata
from typing import Any

from llvmlite import binding
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

import synaptogen
from synaptogen._utils import available_memory, default_threads
from synaptogen.cli.options import JSON
from synaptogen.cli.output import print_json, stdout
from synaptogen.engines import ENGINES
from synaptogen.engines.cpu import W
from synaptogen.params import DeviceParams

VECTORS = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "neon", "sve", "sve2")
"""Features of a processor that matter to the kernels."""


def info(as_json: JSON = False) -> None:
    """Show versions, the engine, the processor, memory, presets and installed extras."""
    facts = gather()
    if as_json:
        print_json(facts)
        return
    table = Table.grid(padding=(0, 2))
    for name, value in _readable(facts):
        table.add_row(Text(name, style="bold"), Text(value))  # plain text: no brackets lost as markup
    stdout.print(table)


def gather() -> dict[str, Any]:
    """Return the facts that ``info`` shows, for JSON."""
    features = binding.get_host_cpu_features()
    return {
        "synaptogen": synaptogen.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "numpy": metadata.version("numpy"),
        "numba": metadata.version("numba"),
        "engine": "cpu",
        "engines": sorted(ENGINES),
        "lanes": W,
        "cpu": binding.get_host_cpu_name(),
        "cpu_features": [name for name in VECTORS if features.get(name)],
        "threads": default_threads(),
        "available_memory": available_memory(),
        "presets": synaptogen.presets(),
        "extras": {extra: _state(libraries) for extra, libraries in extras().items()},
    }


def extras() -> dict[str, list[str]]:
    """Return the extras of this installation, and the libraries that each brings."""
    try:
        requirements = metadata.requires("synaptogen") or []
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        requirements = []
    found: dict[str, list[str]] = {}
    for requirement in requirements:
        name, extra = re.match(r"[\w.-]+", requirement), re.search(r"extra == ['\"]([\w.-]+)['\"]", requirement)
        if name and extra and extra[1] != "all" and name[0] != "synaptogen":
            found.setdefault(extra[1], []).append(name[0])
    return found


def _state(libraries: list[str]) -> dict[str, Any]:
    missing = [name for name in libraries if not _installed(name)]
    return {"installed": not missing, "missing": missing}


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _readable(facts: dict[str, Any]) -> list[tuple[str, str]]:
    memory = facts["available_memory"]
    return [
        ("synaptogen", facts["synaptogen"]),
        ("Python", f"{facts['python']}, {facts['platform']}"),
        ("libraries", f"NumPy {facts['numpy']}, Numba {facts['numba']}"),
        ("engine", f"{facts['engine']}, {facts['lanes']} lanes, {facts['threads']} threads"),
        ("engines", ", ".join(facts["engines"])),
        ("processor", f"{facts['cpu']}: {', '.join(facts['cpu_features']) or 'no vector features known'}"),
        ("memory", "unknown" if memory is None else f"{memory / 2**30:.1f} GiB available"),
        ("presets", ", ".join(facts["presets"])),
        *((f"extra {extra}", _remedy(extra, state["missing"])) for extra, state in facts["extras"].items()),
    ]


def _remedy(extra: str, missing: list[str]) -> str:
    return f"needs {', '.join(missing)}: pip install 'synaptogen[{extra}]'" if missing else "installed"


def presets(as_json: JSON = False) -> None:
    """List the parameter sets that come with the package."""
    rows = [_description(DeviceParams.preset(name)) for name in synaptogen.presets()]
    if as_json:
        print_json({"presets": rows})
        return
    table = Table("Preset", "History", "Components", "U_max (V)", box=SIMPLE_HEAD)
    table.add_column("Source and licence", overflow="fold")
    for row in rows:
        history = f"{row['history']['kind']}({row['history']['order']})"
        cells = (row["name"], history, row["components"], f"{row['u_max']:g}", f"{row['citation']}\n{row['licence']}")
        table.add_row(*(Text(str(cell)) for cell in cells))
    stdout.print(table)


def _description(params: DeviceParams) -> dict[str, Any]:
    """Return the facts that ``presets`` shows, for JSON."""
    return {
        "name": params.name,
        "history": {"kind": params.history.kind, "order": params.history.order},
        "components": params.population.n_components,
        "u_max": params.u_max,
        "u_read": params.u_read,
        "licence": params.source.get("licence", "not stated"),
        "citation": params.source.get("citation", "not stated"),
        "note": params.source.get("note", ""),
    }
