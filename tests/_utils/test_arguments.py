"""Rules that annotations give for arguments."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pytest
from numpy.typing import ArrayLike

from synaptogen._utils import PathLike, checked, require_fields
from synaptogen._utils.arguments import rule_of


class Shaped(Protocol):
    shape: tuple[int, ...]


@checked
def call(
    flag: bool = False,
    whole: int = 1,
    number: float = 1.0,
    perhaps: float | None = None,
    choice: Literal["a", "b"] = "a",
    either: int | Literal["bic"] = 1,
    array: ArrayLike = 0.0,
    cells: Shaped | ArrayLike = 0.0,
    path: PathLike = "p",
    text: str = "",
    names: Sequence[str] = (),
    report: Callable[[int], None] | None = None,
    quoted: "int" = 1,
):
    return locals()


GOOD = [
    *(
        ("flag", np.True_),
        ("whole", np.int8(3)),
        ("number", 2),
        ("number", np.float32(2)),
        ("number", np.array(2.0)),
        ("number", float("inf")),
    ),
    *(("perhaps", None), ("perhaps", 0.5), ("choice", "b"), ("either", 3), ("either", "bic"), ("path", Path("x"))),
    *(("array", [[1, 2]]), ("array", True), ("array", []), ("cells", object()), ("names", ["a"]), ("report", print)),
    *(("quoted", "any"), ("text", "x")),
]
BAD = [
    *(
        ("flag", 1),
        ("flag", "yes"),
        ("flag", None),
        ("whole", True),
        ("whole", 1.0),
        ("whole", "1"),
        ("whole", 1 << 63),
    ),
    *(("number", "1"), ("number", True), ("number", float("nan")), ("number", 1j), ("number", 10**400)),
    *(
        ("perhaps", "x"),
        ("choice", "c"),
        ("choice", 1),
        ("either", 1.5),
        ("either", "bis"),
        ("path", 3),
        ("text", b"x"),
    ),
    *(("array", "x"), ("array", [1j]), ("array", [[1], [1, 2]]), ("array", {1: 2}), ("array", [object()])),
    *(("names", "abc"), ("names", [1]), ("names", 3), ("report", 3)),
]


def label(value):
    """Names of tests must not hold addresses, which differ between processes."""
    return re.sub(r" at 0x\w+", "", str(value))


@pytest.mark.parametrize(("name", "value"), GOOD, ids=label)
def test_what_is_meant_is_taken(name, value):
    taken = call(**{name: value})[name]
    assert np.array_equal(taken, value) if name == "array" else taken == value


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda value: str(value)[:20])
def test_what_cannot_be_meant_is_refused_by_name(name, value):
    with pytest.raises((TypeError, ValueError), match=name):
        call(**{name: value})


def test_names_of_types_count_as_what_they_stand_for():
    """NumPy's own are such names from Python 3.12 on."""
    name = pytest.importorskip("typing_extensions").TypeAliasType
    for annotation in (name("Size", int | None), name("Size", int) | None):
        assert rule_of(annotation)("size", None) is None
        with pytest.raises(TypeError, match=r"size=1\.5 is not an int"):
            rule_of(annotation)("size", 1.5)
    with pytest.raises(TypeError, match="volts is not an array of real numbers"):
        rule_of(name("Volts", ArrayLike))("volts", "x")


def test_places_and_defaults():
    assert call(True, 5)["whole"] == 5
    with pytest.raises(TypeError, match="whole"):
        call(True, 5.0)
    with pytest.raises(TypeError, match=r"call\(\) got an unexpected keyword"):
        call(other=1)


def test_arrays_are_handed_on_as_those_of_numpy():
    given = np.arange(3.0)
    assert call(array=given)["array"] is given
    with pytest.raises(ValueError, match="array has masked entries"):
        call(array=np.ma.array([1.0, 2.0], mask=[True, False]))


def test_fields():
    @dataclass
    class Converter:
        bits: int
        low: float = 0.0

        def __post_init__(self):
            require_fields(self)

    assert Converter(3, 1).low == 1
    for values, name in (((3.0,), "bits"), ((3, "x"), "low"), ((True,), "bits")):
        with pytest.raises(TypeError, match=name):
            Converter(*values)
