"""The examples in docstrings run, and print what they say."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import synaptogen

PACKAGE = Path(synaptogen.__file__).parent
NEEDS = {"learn": "sklearn", "torch": "torch", "distributed": "distributed", "plot": "matplotlib", "circuit": "scipy"}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples():
    """(module, name, docstring, line) of everything with an example, found in the sources without importing them."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if ">>>" not in text:
            continue
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield from ((module, *found) for found in documented(ast.parse(text), ""))


def documented(node, prefix):
    """(name, docstring, line) of a module, class or function with an example, and of all within it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}"
            docstring = ast.get_docstring(child)
            if docstring and ">>>" in docstring:
                yield name, docstring, child.lineno
            yield from documented(child, f"{name}.")
    if isinstance(node, ast.Module) and ">>>" in (ast.get_docstring(node) or ""):
        yield "module", ast.get_docstring(node), 1


EXAMPLES = {f"{module}.{name}": (module, docstring, line) for module, name, docstring, line in examples()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name, tmp_path, monkeypatch):
    module, docstring, line = EXAMPLES[name]
    room = module.split(".")[1]
    if room in NEEDS:
        pytest.importorskip(NEEDS[room])
    monkeypatch.chdir(tmp_path)
    found = importlib.import_module(module)
    test = doctest.DocTestParser().get_doctest(docstring, dict(vars(found)), name, found.__file__, line)
    assert test.examples
    problems = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=problems.append)
    assert not problems, "".join(problems)


def test_a_wrong_example_is_noticed():
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", "nowhere", 0)
    problems = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=problems.append)
    assert problems
