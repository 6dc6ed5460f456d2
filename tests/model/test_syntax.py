"""Formulas keep to the rules by which every engine can run them: plain functions over + - * / and `synaptogen.ops`.

No decorator, no Numba or NumPy, no list, no call but of other formulas and named operations, and no branch on a value
but one: ``if any_(mask): return ...`` leaves out what no cell needs. The rules are checked on the syntax trees, so a
formula that breaks one is found before any engine meets it.
"""

import ast
from importlib import resources

import pytest

from synaptogen.model import ops

PACKAGE = resources.files("synaptogen")
FORMULAS = [
    "polynomial",
    "iv",
    "latent",
    "own_law",
    "ageing",
    "trend",
    "feature_scales",
    "features",
    "population",
    "switching",
    "noise",
    "temperature",
    "lines",
    "random",
    "fluctuation",
    "pulse_width",
]
# the door, what formulas are made of, the record that they take as `p`, and choices that engines make when they compile
OTHERS = {"__init__", "ops", "constants", "optional_parts", "trend_parts"}
SOURCES = {
    **{f"model/{name}.py": PACKAGE / "model" / f"{name}.py" for name in FORMULAS},
    "engines/lanes/elementary.py": PACKAGE / "engines" / "lanes" / "elementary.py",
}

OPERATIONS = {name for name, value in vars(ops).items() if callable(value) and not isinstance(value, type)}
OPERATIONS -= {"TypeAlias", "Any"}
ALLOWED = (
    # a module of documented functions and constants, and records of results
    ast.Module,
    ast.Import,
    ast.ImportFrom,
    ast.alias,
    ast.FunctionDef,
    ast.ClassDef,
    ast.arguments,
    ast.arg,
    ast.Assign,
    ast.AnnAssign,
    ast.Expr,
    ast.Return,
    ast.Name,
    ast.Load,
    ast.Store,
    ast.Constant,
    ast.Tuple,
    ast.Attribute,
    ast.Subscript,
    ast.Slice,
    ast.Call,
    ast.keyword,
    ast.For,
    # arithmetic, bits, comparisons
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.BitAnd,
    ast.BitOr,
    ast.BitXor,
    ast.LShift,
    ast.RShift,
    ast.USub,
    ast.Invert,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.Eq,
    ast.NotEq,
)


def complaints(source):
    """What in a module of formulas breaks the rules."""
    tree = ast.parse(source)
    annotations = {id(part) for node in ast.walk(tree) for part in annotation_parts(node)}
    known = OPERATIONS | {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    known |= {"range"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and is_formula_module(node):
            known |= {alias.asname or alias.name for alias in node.names}
    for node in ast.walk(tree):
        if id(node) in annotations:
            continue
        where = f"line {getattr(node, 'lineno', 0)}: "
        if isinstance(node, ast.If) and leaves_out_what_no_cell_needs(node):
            continue
        if not isinstance(node, ALLOWED):
            yield f"{where}{type(node).__name__}"
        elif isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not may_import(node)):
            yield f"{where}import"
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list:
            yield f"{where}decorator"
        elif isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] != ["NamedTuple"]:
            yield f"{where}class that is no NamedTuple"
        elif isinstance(node, ast.FunctionDef) and (node.args.vararg or node.args.kwarg or node.args.defaults):
            yield f"{where}optional arguments"
        elif isinstance(node, ast.Compare) and len(node.ops) > 1:
            yield f"{where}chained comparison"
        elif isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in known):
            yield f"{where}call of {ast.unparse(node.func)}"
        elif isinstance(node, ast.Call) and node.func.id == "range" and not all(map(is_number, node.args)):
            yield f"{where}loop whose length is no constant"


def leaves_out_what_no_cell_needs(node):
    """Whether a branch is ``if any_(mask): return ...``."""
    asks = isinstance(node.test, ast.Call) and ast.unparse(node.test.func) == "any_"
    return asks and not node.orelse and len(node.body) == 1 and isinstance(node.body[0], ast.Return)


def annotation_parts(node):
    """All nodes within the annotations of a node."""
    found = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    return [part for annotation in found if annotation is not None for part in ast.walk(annotation)]


def is_formula_module(node):
    *package, module = (node.module or "").split(".")
    ours = node.level > 0 or package[:1] == ["synaptogen"]
    choices = ("ops", "model", "optional_parts", "trend_parts")
    return ours and "engines" not in package and (module in choices or module in FORMULAS)


def may_import(node):
    return is_formula_module(node) or node.module == "typing" or (node.level == 1 and node.module == "constants")


def is_number(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


@pytest.mark.parametrize("name", SOURCES)
def test_formulas_keep_to_the_rules(name):
    assert list(complaints(SOURCES[name].read_text(encoding="utf-8"))) == []


def test_every_module_of_the_model_is_known_to_this_test():
    found = {file.name.removesuffix(".py") for file in (PACKAGE / "model").iterdir() if file.name.endswith(".py")}
    assert found == OTHERS | set(FORMULAS)


BROKEN = {
    "If": "def f(x: Real) -> Real:\n    if x > 0.0:\n        x = -x\n    return x",
    "IfExp": "def f(x: Real) -> Real:\n    return x if x > 0.0 else -x",
    "BoolOp": "def f(a: Mask, b: Mask) -> Mask:\n    return a and b",
    "Not": "def f(a: Mask) -> Mask:\n    return not a",
    "chained comparison": "def f(x: Real) -> Mask:\n    return 0.0 < x < 1.0",
    "List": "def f(x: Real) -> Any:\n    return [x, x]",
    "ListComp": "def f(x: Any) -> Any:\n    return [y for y in x]",
    "GeneratorExp": "def f(x: Any) -> Any:\n    return tuple(y for y in x)",
    "Pow": "def f(x: Real) -> Real:\n    return x**2",
    "call of abs": "def f(x: Real) -> Real:\n    return abs(x)",
    "call of np.sqrt": "def f(x: Real) -> Real:\n    return np.sqrt(x)",
    "call of x.sum": "def f(x: Real) -> Real:\n    return x.sum()",
    "decorator": "@njit\ndef f(x: Real) -> Real:\n    return x",
    "import": "from numba import njit",
    "line 1: import": "import numpy as np",
    "line 2: import": "\nfrom synaptogen.engines.values import Value",
    "line 3: import": "\n\nfrom random import random",
    "While": "def f(x: Real) -> Real:\n    while True:\n        x = x + 1.0",
    "loop whose length": "def f(n: Any) -> Any:\n    for _ in range(n):\n        n = n + 1\n    return n",
    "class that is no NamedTuple": "class State:\n    x: Real",
    "optional arguments": "def f(x: Real, y: Real = 0.0) -> Real:\n    return x + y",
    "Lambda": "f = lambda x: x",
}


@pytest.mark.parametrize("message", BROKEN)
def test_the_rules_are_noticed_when_broken(message):
    assert any(message in complaint for complaint in complaints(BROKEN[message]))
