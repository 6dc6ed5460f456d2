"""The code of README and documentation runs as it stands, from the top of each page to its end.

Blocks of Python share the names of their page. Blocks of the shell run in the folder of the page. A block below a line
such as ``*Needs an NVIDIA GPU.*`` is left out where that is not at hand, and the reason is shown.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from synaptogen.circuit.simulators import simulator

for library in ("zarr", "matplotlib", "sklearn", "typer", "distributed"):  # the extras that the pages use
    pytest.importorskip(library)

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^ *```([^\n`]*)\n.*?^ *```$", re.MULTILINE | re.DOTALL)
SHOWN = {"text", "csv", "json", "spice", "bibtex"}  # blocks that are not programs
MARK = re.compile(r"\*Needs ([^*]+)\.\*\s*\Z")
SETS_UP = ("pip install", "python3 -m venv", "git clone")  # what changes the environment: .ci/run does it


def has_module(name):
    return importlib.util.find_spec(name) is not None


def has_gpu():
    if not has_module("numba_cuda"):
        return False
    from numba import cuda

    return cuda.is_available()


def has_simulators(*names):
    for name in names:
        try:
            simulator(name)
        except (ValueError, OSError, ModuleNotFoundError):
            return False
    return True


AT_HAND = {
    "PyTorch": lambda: has_module("torch"),
    "ngspice": lambda: has_simulators("ngspice"),
    "VACASK": lambda: has_simulators("vacask"),
    "ngspice and VACASK": lambda: has_simulators("ngspice", "vacask"),
    "an NVIDIA GPU": has_gpu,
    "a SLURM cluster": lambda: False,
    "a Kubernetes cluster": lambda: False,
}
"""Whether what a block needs is there, for each text of a mark."""


def run_shell(example):
    """Run the commands of a block as a user would, with the programs of this Python first on the path."""
    folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if has_simulators("ngspice"):
        folders.append(str(simulator("ngspice").program.parent))
    done = subprocess.run(
        ["bash", "-euc", example.parsed],
        env={**os.environ, "PATH": os.pathsep.join(folders), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{example.path}:{example.line}\n{example.parsed}\n{done.stdout}\n{done.stderr}"


SYBIL = Sybil([PythonCodeBlockParser(), CodeBlockParser("sh", run_shell)], path=str(ROOT))


def need(example):
    """What a block needs by the line above it, or None."""
    found = MARK.search(example.document.text[: example.start].rstrip())
    return found[1] if found else None


def sets_up(example):
    return isinstance(example.parsed, str) and example.parsed.strip().startswith(SETS_UP)


def blocks(page):
    return list(SYBIL.parse(page).examples())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for example in blocks(page):
        wanted = need(example)
        if not sets_up(example) and (wanted is None or AT_HAND[wanted]()):
            example.evaluate()


MARKED = [
    (f"{page.relative_to(ROOT)}:{example.line}", need(example))
    for page in PAGES
    for example in blocks(page)
    if need(example)
]


@pytest.mark.parametrize(("block", "wanted"), MARKED, ids=[block for block, _ in MARKED])
def test_blocks_that_need_something(block, wanted):
    """They are run with their pages; here those that are not are counted, with the reason."""
    assert wanted in AT_HAND, f"{block} needs {wanted}: nobody knows how to tell whether that is there"
    if not AT_HAND[wanted]():
        pytest.skip(f"the block at {block} needs {wanted}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_run_or_only_shown(page):
    languages = set(FENCE.findall(page.read_text(encoding="utf-8")))
    assert languages <= {"python", "sh", *SHOWN}, f"{page}: blocks of {languages}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_install_name_what_there_is(page):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, named in re.findall(r"pip install [^\n]*?'([\w.-]*)\[([\w,]+)\]'", page.read_text(encoding="utf-8")):
        assert name in (".", project["name"])
        assert set(named.split(",")) <= set(project["optional-dependencies"])


def test_a_block_that_fails_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n\n```sh\nfalse\n```\n", encoding="utf-8")
    first, second, third = Sybil([PythonCodeBlockParser(), CodeBlockParser("sh", run_shell)]).parse(page).examples()
    first.evaluate()
    with pytest.raises(AssertionError):
        second.evaluate()
    with pytest.raises(AssertionError, match=re.escape("page.md:9")):
        third.evaluate()
