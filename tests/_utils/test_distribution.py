"""Commands that install parts of the package, and the error where another distribution shares its folder."""

import ast
import re
import shutil
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import synaptogen
from synaptogen._utils import DISTRIBUTION, distribution, install_command, require_own_folder

ROOT = Path(__file__).parents[2]
PACKAGE = Path(synaptogen.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_name_is_that_of_the_project():
    assert PROJECT["name"] == DISTRIBUTION


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ({}, "pip install 'synaptogen-sim[plot]'"),
        ({"url": "file:///a%20b/c", "dir_info": {}}, "pip install '/a b/c[plot]'"),
        ({"url": "file:///a/c", "dir_info": {"editable": True}}, "pip install -e '/a/c[plot]'"),
        ({"url": "file:///a/c.whl", "archive_info": {}}, "pip install '/a/c.whl[plot]'"),
        ({"url": "https://a/c.whl", "archive_info": {}}, "pip install 'synaptogen-sim[plot] @ https://a/c.whl'"),
        ({"url": "https://a/c", "vcs_info": {"vcs": "git"}}, "pip install 'synaptogen-sim[plot] @ git+https://a/c'"),
    ],
)
def test_extras_come_from_where_the_package_came(monkeypatch, origin, command):
    monkeypatch.setattr(distribution, "_origin", lambda: origin)
    assert install_command("plot") == command
    assert install_command("plot", "zarr") == command.replace("plot", "plot,zarr")
    assert install_command() == command.replace("[plot]", "")


def extras_named(tree):
    """Extras that calls of `require`, `missing` and `install_command` name, as far as they are plain strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None)
            given = {"require": node.args[1:], "missing": node.args[1:], "install_command": node.args}.get(name, [])
            yield from (argument.value for argument in given if isinstance(argument, ast.Constant))


def test_messages_name_extras_that_there_are():
    named = {
        extra for path in PACKAGE.rglob("*.py") for extra in extras_named(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {"cli", "plot", "zarr", "learn", "circuit", "cuda12"} <= named
    assert named <= set(PROJECT["optional-dependencies"])


def test_no_other_place_writes_such_a_command():
    found = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if path.name != "distribution.py" and re.search(r"pip install|synaptogen\[", path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_import_is_declared():
    """Every library that the package imports stands in pyproject.toml itself, not only behind another one."""
    declared = [*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)]
    names = {Requirement(text).name.lower().replace("_", "-") for text in declared} - {DISTRIBUTION}
    providers = metadata.packages_distributions()
    missing = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in {module.split(".")[0] for module in modules}:
                if module in sys.stdlib_module_names or module in ("synaptogen", "cuda", ""):
                    continue  # cuda.* comes with the compilers that numba-cuda asks for
                if not {name.lower().replace("_", "-") for name in providers.get(module, [module])} & names:
                    missing[module] = path.name
    assert missing == {}


def test_a_shared_folder_is_refused(tmp_path, run_python):
    shutil.copytree(PACKAGE, tmp_path / "synaptogen", ignore=shutil.ignore_patterns("__pycache__"))
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport synaptogen; print(synaptogen.__file__)"
    assert str(tmp_path) in run_python(program, PYTHONPATH="")

    def record(folder, *files):
        place = tmp_path / f"{folder}.dist-info"
        place.mkdir()
        (place / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files), encoding="utf-8")

    record("synaptogen_sim-0.1.0", "synaptogen/__init__.py")
    record("synaptogen-9.9.0", "_editable.pth", "synaptogen-9.9.0.dist-info/METADATA")
    require_own_folder(tmp_path / "synaptogen")
    record("synaptogen-0.2.0", "synaptogen/__init__.py", "synaptogen/other.py")
    with pytest.raises(ImportError, match=r"synaptogen-0\.2\.0 is .* pip uninstall synaptogen synaptogen-sim"):
        require_own_folder(tmp_path / "synaptogen")
    with pytest.raises(AssertionError, match="two virtual environments"):
        run_python(program, PYTHONPATH="")
