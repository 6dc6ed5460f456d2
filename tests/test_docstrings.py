"""Public functions say what they take and return: every parameter by name, in numpydoc sections."""

import ast
import re
from pathlib import Path

import pytest

import synaptogen

PACKAGE = Path(synaptogen.__file__).parent
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
QUESTIONS = re.compile(r"^(What|Which|How|The same|As |Of |Some |Room)")


def methods(cls):
    """Names of the methods of a class."""
    return {child.name for child in cls.body if isinstance(child, ast.FunctionDef)}


def is_contract(cls):
    """Whether a class is a protocol: it says what methods of others do."""
    return any("Protocol" in ast.unparse(base) for base in cls.bases)


def contracts(trees):
    """Names of the methods of each protocol, those that it inherits from others included."""
    classes = [child for tree in trees for child in tree.body if isinstance(child, ast.ClassDef) and is_contract(child)]
    own = {cls.name: methods(cls) for cls in classes}
    bases = {cls.name: [own.get(ast.unparse(base), set()) for base in cls.bases] for cls in classes}
    return {name: own[name].union(*bases[name]) for name in own}


CONTRACTS = contracts(TREES.values())


def promised(cls, contracts):
    """Methods that need no sections: the docstring of their class names the protocol that describes them."""
    first = (ast.get_docstring(cls) or "").split("\n\n")[0]
    return set().union(*(contracts.get(name.split(".")[-1], set()) for name in re.findall(r"`([\w.]+)`", first)))


def public_functions(node, contracts, prefix="", known=frozenset()):
    """(qualified name, node) of functions and methods that have no underscore before any part of their name."""
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            known_there = set() if is_contract(child) else promised(child, contracts)
            yield from public_functions(child, contracts, f"{child.name}.", known_there)
        elif isinstance(child, ast.FunctionDef) and child.name in known and ast.get_docstring(child):
            continue
        elif isinstance(child, ast.FunctionDef) and not child.name.startswith("_"):
            yield f"{prefix}{child.name}", child


def parameters(function, method):
    """Names of parameters, without the instance or class."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    plain = any(getattr(decorator, "id", "") == "staticmethod" for decorator in function.decorator_list)
    names = [argument.arg for argument in given[1 if method and not plain else 0 :]]
    return [name for name in names if name not in ("typingctx", "context")]  # what Numba hands to intrinsics


def sections(docstring):
    """Titles of numpydoc sections and their texts."""
    parts = re.split(r"^(\w[\w ]*)\n-+$", docstring, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def described(text):
    """Names of the entries of a Parameters section."""
    heads = re.findall(r"^(\*{0,2}\w[\w, *]*?)(?: :.*)?$", text, flags=re.MULTILINE)
    return {name.strip("* ") for head in heads for name in head.split(",")}


def complaints(name, function, method):
    """What a reader of a docstring misses."""
    docstring = ast.get_docstring(function) or ""
    first = docstring.split("\n", maxsplit=1)[0]
    if QUESTIONS.match(first) or first.endswith("?"):
        yield f"{name}: {first!r} does not say what it does"
    given = parameters(function, method)
    if len(given) < 2:
        return
    found = sections(docstring)
    missing = [argument for argument in given if argument not in described(found.get("Parameters", ""))]
    if missing:
        yield f"{name}: no word of {', '.join(missing)}"
    returns = function.returns is not None and ast.unparse(function.returns) not in ("None", "'None'")
    if returns and not {"Returns", "Yields"} & found.keys():
        yield f"{name}: no section Returns"


@pytest.mark.parametrize("path", TREES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_functions_are_documented(path):
    found = [
        complaint
        for name, function in public_functions(TREES[path], CONTRACTS)
        for complaint in complaints(name, function, "." in name)
    ]
    assert found == []


def test_methods_of_a_protocol_are_described_there_alone():
    protocol = 'class P(Protocol):\n    def f(self, a, b):\n        """Do it."""\n'
    follower = 'class A:\n    """An A; see `P`."""\n    def f(self, a, b):\n        """Do it."""\n'
    tree = ast.parse(protocol + follower + follower.replace("A", "B").replace("; see `P`", "").replace("f(", "g("))
    found = [name for name, _ in public_functions(tree, contracts([tree]))]
    assert found == ["P.f", "B.g"]


def test_what_is_missing_is_noticed():
    source = (
        'def f(a, b) -> int:\n    """Return a sum.\n\n    Parameters\n    ----------\n    a : int\n    """\n'
        'def g() -> int:\n    """What is it?"""\n'
        'def h(a, b) -> int:\n    """Return it.\n\n    Parameters\n    ----------\n    a, b : int\n\n    Returns\n'
        '    -------\n    int\n    """\n'
    )
    found = [list(complaints(name, f, False)) for name, f in public_functions(ast.parse(source), {})]
    assert [len(each) for each in found] == [2, 1, 0]
