"""What users may give. Every check raises before anything has changed, and says which argument and what to do."""

import difflib
import math
import operator
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Shape

T = TypeVar("T")


def shape(value: int | Shape) -> Shape:
    """A shape of at least one cell."""
    try:
        sizes = tuple(map(operator.index, value if isinstance(value, tuple | list) else (value,)))
    except TypeError:
        raise TypeError(f"shape={value!r} is not an int or a tuple of ints") from None
    if any(size < 1 for size in sizes):
        raise ValueError(f"shape={value!r} holds no cells: every axis needs a size of at least 1")
    return sizes


def blocked_shape(value: int | Shape) -> Shape:
    """A shape with a first axis along which to cut it."""
    sizes = shape(value)
    if not sizes:
        raise ValueError("shape=() is a single cell, which cannot be cut into blocks: use CellArray")
    return sizes


def positive_int(name: str, value: int) -> int:
    """An int of at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an int") from None
    if number < 1 or isinstance(value, bool):
        raise ValueError(f"{name}={value!r}: give an int of at least 1")
    return number


def bandwidth(value: float) -> float:
    """A bandwidth in Hz."""
    number = _number("bandwidth", value)
    if not 0.0 <= number < math.inf:
        raise ValueError(f"bandwidth={value!r}: give a bandwidth in Hz, or 0 for no noise")
    return number


def positive(name: str, value: float, unit: str) -> float:
    """A finite number above 0."""
    number = _number(name, value)
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name}={value!r}: give a finite number of {unit} above 0")
    return number


def resistance(name: str, value: float) -> float:
    """A resistance in ohm of a wire."""
    number = _number(name, value)
    if not 0.0 <= number < math.inf:
        raise ValueError(f"{name}={value!r}: give a resistance in ohm, finite and not negative")
    return number


def _number(name: str, value: Any) -> float:
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is not a number")
    return float(value)


def flag(name: str, value: bool) -> bool:
    """True or False, of Python or NumPy."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r} is of type {type(value).__name__}: give True or False")
    return bool(value)


def one_of(name: str, value: str, known: Collection[str]) -> None:
    """A word from a list."""
    if not isinstance(value, str) or value not in known:
        near = difflib.get_close_matches(str(value), list(known), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name}={value!r} is not known: choose from {', '.join(map(repr, known))}{hint}")


def named(name: str, value: str, known: Mapping[str, T]) -> T:
    """What a word from a list stands for."""
    one_of(name, value, known)
    return known[value]


def voltages(name: str, value: ArrayLike, cells: Shape, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """Finite voltages for cells of a shape: (1,) for one voltage for all, else flat (m,)."""
    given = finite(name, value, dtype)
    if given.size == 1 and given.ndim <= len(cells):
        return given.reshape(1)
    return _broadcast(name, given, cells).reshape(-1)


def pulses(name: str, value: ArrayLike, cells: Shape, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """The same for K voltages one after the other: (K, 1) or (K, m)."""
    given = counted(name, value, dtype)
    if given.size == len(given) and given.ndim <= 1 + len(cells):
        return given.reshape(len(given), 1)
    return _broadcast(name, given, cells, first=True).reshape(len(given), -1)


def counted(name: str, value: ArrayLike, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """Finite voltages one after the other along a first axis."""
    given = finite(name, value, dtype)
    if given.ndim == 0 or len(given) == 0:
        raise ValueError(f"{name} has shape {given.shape}: its first axis counts the voltages, and there must be one")
    return given


def aligned(name: str, given: NDArray[Any], cells: Shape, first: bool = False) -> NDArray[Any]:
    """An array that broadcasts to the shape of cells, with as many axes; ``first``: behind a first axis of its own."""
    lead, own = (given.shape[:1], given.shape[1:]) if first else ((), given.shape)
    if len(own) > len(cells) or any(a not in (1, b) for a, b in zip(reversed(own), reversed(cells), strict=False)):
        raise ValueError(
            f"{name} has shape {given.shape}, which does not broadcast to the shape {cells} of the cells"
            + (" behind a first axis that counts voltages" if first else "")
        )
    # axes of one pulse line up with the last axes of the array, as in NumPy
    return given.reshape((*lead, *[1] * (len(cells) - len(own)), *own))


def _broadcast(name: str, given: NDArray[Any], cells: Shape, first: bool = False) -> NDArray[Any]:
    lead = given.shape[:1] if first else ()
    return np.broadcast_to(aligned(name, given, cells, first), (*lead, *cells))


def finite(name: str, value: ArrayLike, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """Finite real numbers, of any shape."""
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "biuf":
            raise TypeError
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused below
            given = given.astype(dtype, copy=False)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is not an array of real numbers") from None
    if not all_finite(given):
        raise ValueError(f"{name} holds values that are not finite (NaN or infinite); no cell was changed")
    return given


def all_finite(values: NDArray[Any]) -> bool:
    """Are all values finite? A sum tells in most cases, without a temporary as large as the array."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return True
    return bool(np.isfinite(values).all())


def mask(name: str, value: ArrayLike, cells: Shape) -> NDArray[np.bool_]:
    """A flat mask of cells."""
    return _broadcast(name, truths(name, value), cells).reshape(-1)


def truths(name: str, value: ArrayLike) -> NDArray[np.bool_]:
    """An array of truth values, of any shape."""
    try:
        given = np.asarray(value)
    except ValueError:
        raise TypeError(f"{name} is not an array: give an array of bool") from None
    if given.dtype != np.bool_:
        raise TypeError(f"{name} is of type {given.dtype}: give an array of bool")
    return given


def crossbar(cells: Shape) -> tuple[int, int]:
    """Two axes: rows and columns."""
    if len(cells) != 2:
        raise ValueError(f"a product needs cells of shape (rows, columns); these have shape {cells}")
    return cells[0], cells[1]


def vectors(value: ArrayLike, cells: Shape, transpose: bool, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """Input vectors (batch, inputs) of a crossbar product."""
    given = finite("v", value, dtype)
    inputs = cells[0] if transpose else cells[1]
    batched = given[None] if given.ndim == 1 else given if transpose else given.T
    if given.ndim not in (1, 2) or batched.shape[1] != inputs:
        side, form = ("rows", "(batch, rows)") if transpose else ("columns", "(columns, batch)")
        raise ValueError(
            f"v has shape {given.shape}: a product with these cells takes ({inputs},) voltages on the {side}, "
            f"or a batch of shape {form}"
        )
    return batched
