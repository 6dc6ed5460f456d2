"""The rooms of the package: one door each, no circle of imports, and no name at the top that is not public.

The layers are in pyproject.toml, for import-linter.
"""

import ast
from pathlib import Path

import pytest

import synaptogen

PACKAGE = Path(synaptogen.__file__).parent
ROOT = PACKAGE.name


def modules():
    """Every module of the package by its name, a package by that of its folder."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = (ROOT, *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def is_package(name):
    return MODULES[name].name == "__init__.py"


def imports(name, tree):
    """(module, names) of each import from the package, wherever it stands, also where it is for type checkers only."""
    package = name.split(".") if is_package(name) else name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            if module.split(".")[0] == ROOT:
                yield module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names if alias.name.split(".")[0] == ROOT)


def door_names(tree):
    """What a door exports."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [ast.literal_eval(element) for element in node.value.elts]
    return []


def behind_doors(name, found):
    """Imports of a module that pass by the door of a package that it does not lie in."""
    for module, names in found:
        own, parts = name.split("."), module.split(".")
        packages = [".".join(parts[:n]) for n in range(2, len(parts) + 1) if is_package(".".join(parts[:n]))]
        strange = [package for package in packages if own[: package.count(".") + 1] != package.split(".")]
        if not strange:
            continue
        if not is_package(module):
            yield f"{name}: {module}"
        else:
            yield from (f"{name}: {module}.{n}" for n in names if n not in door_names(TREES[module]))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_rooms_are_entered_by_their_doors(name):
    assert list(behind_doors(name, imports(name, TREES[name]))) == []


def test_an_import_past_a_door_is_noticed():
    assert list(behind_doors("synaptogen.array.cell_array", [("synaptogen.engines.protocol", ["Engine"])])) != []
    assert list(behind_doors("synaptogen.array.cell_array", [("synaptogen.engines", ["nothing"])])) != []
    assert list(behind_doors("synaptogen.engines.cpu.engine", [("synaptogen.engines.protocol", ["Engine"])])) == []


def graph():
    """Which modules each module imports."""
    edges = {}
    for name, tree in TREES.items():
        edges[name] = set()
        for module, names in imports(name, tree):
            edges[name] |= {f"{module}.{n}" if f"{module}.{n}" in MODULES else module for n in names} or {module}
    return edges


def circle(edges):
    """Modules of a circle, or none."""
    left = {name: set(found) for name, found in edges.items()}
    while True:
        ends = {name for name, found in left.items() if not found & left.keys()}
        if not ends:
            return sorted(left)
        left = {name: found for name, found in left.items() if name not in ends}


def test_no_module_imports_itself_by_way_of_others():
    assert circle(graph()) == []
    assert circle({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == ["a", "b", "c"]


def test_the_top_holds_rooms():
    loose = {path.name for path in PACKAGE.iterdir() if path.is_file()}
    assert loose == {"__init__.py", "__init__.pyi", "__main__.py", "py.typed"}
    assert all(ast.get_docstring(TREES[name]) for name in MODULES if is_package(name))


def test_completion_offers_what_is_public_and_nothing_else():
    offered = set(dir(synaptogen))
    rooms = {"circuit", "crossbar", "distributed", "explore", "export", "learn", "outofcore", "plot", "torch"}
    assert offered == {*synaptogen.__all__, *rooms, "__version__"}
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    told = {alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told | {"__version__"} == offered


@pytest.mark.parametrize("name", sorted(name for name in MODULES if is_package(name)))
def test_doors_have_what_they_promise(name):
    names = door_names(TREES[name])
    assert len(names) == len(set(names))
    bound = {
        alias.asname or alias.name
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    defined = {
        getattr(target, "id", None)
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    functions = {node.name for node in TREES[name].body if isinstance(node, ast.FunctionDef)}
    assert set(names) <= bound | defined | functions
