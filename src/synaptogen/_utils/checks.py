"""Checks of what users give. Each raises before anything has changed, and names the argument and the remedy."""

import difflib
import math
import operator
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import BoolArray, RealArray, Shape
from .operands import as_array

T = TypeVar("T")
Number = TypeVar("Number", bound=np.floating[Any])
Entry = TypeVar("Entry", bound=np.generic)


def shape(value: int | Shape) -> Shape:
    """Return the shape of an array of at least one cell.

    Parameters
    ----------
    value : int or tuple of int
        Length of the only axis, or lengths of all axes; () is a single cell.

    Returns
    -------
    tuple of int

    Raises
    ------
    TypeError
        If ``value`` is not an int or a tuple of ints.
    ValueError
        If an axis is shorter than 1.
    """
    try:
        sizes = tuple(map(operator.index, value if isinstance(value, tuple | list) else (value,)))
    except TypeError:
        raise TypeError(f"shape={value!r} is not an int or a tuple of ints") from None
    if any(size < 1 for size in sizes):
        raise ValueError(f"shape={value!r} holds no cells: every axis needs a size of at least 1")
    return sizes


def blocked_shape(value: int | Shape) -> Shape:
    """Return a shape like `shape`, with at least one axis along which the array is cut into blocks.

    Parameters
    ----------
    value : int or tuple of int
        Shape of the array.

    Returns
    -------
    tuple of int

    Raises
    ------
    TypeError, ValueError
        As `shape`, and for a single cell.
    """
    sizes = shape(value)
    if not sizes:
        raise ValueError("shape=() is a single cell, which cannot be cut into blocks: use CellArray")
    return sizes


def positive_int(name: str, value: int) -> int:
    """Return an int of at least 1.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : int
        An int of Python or NumPy.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If ``value`` is not an int.
    ValueError
        If it is less than 1, or a truth value.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an int") from None
    if not 1 <= number < 1 << 63 or isinstance(value, bool):
        raise ValueError(f"{name}={str(value)[:40]}: give an int of at least 1, and less than 2**63")
    return number


def bandwidth(value: float) -> float:
    """Return a bandwidth in Hz: finite, and 0 (no noise) or more.

    Parameters
    ----------
    value : float
        Bandwidth in Hz.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If ``value`` is not a number.
    ValueError
        If it is negative or not finite.
    """
    number = _number("bandwidth", value)
    if not 0.0 <= number < math.inf:
        raise ValueError(f"bandwidth={value!r}: give a bandwidth in Hz, or 0 for no noise")
    return number


def positive(name: str, value: float, unit: str) -> float:
    """Return a finite number above 0.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : float
        The number.
    unit : str
        Its unit, for messages.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If ``value`` is not a number.
    ValueError
        If it is not above 0, or not finite.
    """
    number = _number(name, value)
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name}={value!r}: give a finite number of {unit} above 0")
    return number


def not_negative(name: str, value: float, unit: str) -> float:
    """Return a finite number that is not negative.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : float
    unit : str
        Its unit, for messages.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is negative, NaN or infinite.
    """
    number = _number(name, value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name}={value!r}: give a finite number of {unit}, 0 or more")
    return number


def resistance(name: str, value: float) -> float:
    """Return the resistance of a wire in ohm: finite, and 0 or more.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : float
        Resistance in ohm.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If ``value`` is not a number.
    ValueError
        If it is negative or not finite.
    """
    number = _number(name, value)
    if not 0.0 <= number < math.inf:
        raise ValueError(f"{name}={value!r}: give a resistance in ohm, finite and not negative")
    return number


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is not a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is an int of {int(value).bit_length()} bits, which is too large") from None


def flag(name: str, value: bool) -> bool:
    """Return a truth value of Python or NumPy as one of Python.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : bool
        True or False.

    Returns
    -------
    bool

    Raises
    ------
    TypeError
        If ``value`` is anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r} is of type {type(value).__name__}: give True or False")
    return bool(value)


def one_of(name: str, value: str, known: Collection[str]) -> None:
    """Require that a text is one of a list.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : str
        The text.
    known : collection of str
        The texts allowed.

    Raises
    ------
    ValueError
        If it is not; the message lists the texts allowed, and suggests the closest.
    """
    if not isinstance(value, str) or value not in known:
        near = difflib.get_close_matches(str(value), list(known), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name}={value!r} is not known: choose from {', '.join(map(repr, known))}{hint}")


def named(name: str, value: str, known: Mapping[str, T]) -> T:
    """Return the entry of a mapping that a text names.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : str
        The text.
    known : mapping of str
        Entries by the texts allowed.

    Returns
    -------
    object
        The entry.

    Raises
    ------
    ValueError
        As `one_of`.
    """
    one_of(name, value, known)
    return known[value]


def voltages(name: str, value: ArrayLike, cells: Shape, dtype: type[Number]) -> NDArray[Number]:
    """Return one finite voltage for each cell.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array that broadcasts to ``cells``
        Voltages in V.
    cells : tuple of int
        Shape of the cells, m in number.
    dtype : type
        Type of the voltages returned.

    Returns
    -------
    array of shape (1,) or (m,)
        One voltage for all cells, or one for each, flat.

    Raises
    ------
    TypeError
        If ``value`` is not an array of real numbers.
    ValueError
        If a voltage is not finite, or the shape does not fit.
    """
    given = finite(name, value, dtype)
    if given.size == 1 and given.ndim <= len(cells):
        return given.reshape(1)
    return _broadcast(name, given, cells).reshape(-1)


def pulses(name: str, value: ArrayLike, cells: Shape, dtype: type[Number]) -> NDArray[Number]:
    """Return K finite voltages for each cell.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of shape (K, ...) with axes that broadcast to ``cells`` after the first
        Voltages in V.
    cells : tuple of int
        Shape of the cells, m in number.
    dtype : type
        Type of the voltages returned.

    Returns
    -------
    array of shape (K, 1) or (K, m)
        Voltages that are the same for all cells, or one for each, flat.

    Raises
    ------
    TypeError
        If ``value`` is not an array of real numbers.
    ValueError
        If a voltage is not finite, there is none, or the shape does not fit.
    """
    given = counted(name, value, dtype)
    if given.size == len(given) and given.ndim <= 1 + len(cells):
        return given.reshape(len(given), 1)
    return _broadcast(name, given, cells, first=True).reshape(len(given), -1)


def counted(name: str, value: ArrayLike, dtype: type[Number]) -> NDArray[Number]:
    """Return finite voltages with a first axis, along which they are counted, of at least one entry.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of shape (K, ...)
        Voltages in V.
    dtype : type
        Type of the voltages returned.

    Returns
    -------
    array of shape (K, ...)

    Raises
    ------
    TypeError
        If ``value`` is not an array of real numbers.
    ValueError
        If a voltage is not finite, or there is none.
    """
    given = finite(name, value, dtype)
    if given.ndim == 0 or len(given) == 0:
        raise ValueError(f"{name} has shape {given.shape}: its first axis counts the voltages, and there must be one")
    return given


def aligned(name: str, given: NDArray[Entry], cells: Shape, first: bool = False) -> NDArray[Entry]:
    """Return an array with as many axes as the cells, to which it broadcasts; nothing is copied.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    given : array
        The values.
    cells : tuple of int
        Shape of the cells.
    first : bool
        Whether the first axis of ``given`` counts voltages and is kept in front.

    Returns
    -------
    array
        ``given`` with axes of length 1 put in, so that its axes are those of the cells.

    Raises
    ------
    ValueError
        If the shape does not fit.
    """
    lead, own = (given.shape[:1], given.shape[1:]) if first else ((), given.shape)
    if len(own) > len(cells) or any(a not in (1, b) for a, b in zip(reversed(own), reversed(cells), strict=False)):
        raise ValueError(
            f"{name} has shape {given.shape}, which does not broadcast to the shape {cells} of the cells"
            + (" behind a first axis that counts voltages" if first else "")
        )
    # axes of one pulse line up with the last axes of the array, as in NumPy
    return given.reshape((*lead, *[1] * (len(cells) - len(own)), *own))


def _broadcast(name: str, given: NDArray[Entry], cells: Shape, first: bool = False) -> NDArray[Entry]:
    lead = given.shape[:1] if first else ()
    return np.broadcast_to(aligned(name, given, cells, first), (*lead, *cells))


def finite(name: str, value: ArrayLike, dtype: type[Number]) -> NDArray[Number]:
    """Return finite real numbers of any shape.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of real numbers, whole numbers or truth values
    dtype : type
        Type of the numbers returned.

    Returns
    -------
    array of the shape of ``value``

    Raises
    ------
    TypeError
        If ``value`` is not such an array.
    ValueError
        If a number is NaN or infinite, or too large for ``dtype``.
    """
    try:
        given = as_array(name, value, float)
    except TypeError as error:
        raise TypeError(f"{name} is not an array of real numbers: {error}") from error
    if given.dtype.kind not in "biuf":
        raise TypeError(f"{name} is not an array of real numbers: it is of type {given.dtype}; give floats")
    with np.errstate(over="ignore"):  # numbers that do not fit become infinite, and are refused below
        numbers = given.astype(dtype, copy=False)
    if not all_finite(numbers):
        raise ValueError(f"{name} holds values that are not finite (NaN or infinite); no cell was changed")
    return numbers


def all_finite(values: RealArray) -> bool:
    """Return whether all values are finite.

    In most cases the sum of the values decides, without a temporary array as large as they are.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return True
    return bool(np.isfinite(values).all())


def mask(name: str, value: ArrayLike, cells: Shape) -> BoolArray:
    """Return a truth value for each cell.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of bool that broadcasts to ``cells``
    cells : tuple of int
        Shape of the cells, m in number.

    Returns
    -------
    array of bool of shape (m,)

    Raises
    ------
    TypeError
        If ``value`` is not an array of bool.
    ValueError
        If the shape does not fit.
    """
    return _broadcast(name, truths(name, value), cells).reshape(-1)


def truths(name: str, value: ArrayLike) -> BoolArray:
    """Return an array of truth values of any shape.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of bool

    Returns
    -------
    array of bool of the shape of ``value``

    Raises
    ------
    TypeError
        If it holds anything else.
    """
    try:
        given = as_array(name, value, bool)
    except TypeError as error:
        raise TypeError(f"{name} is not an array: {error}; give an array of bool") from error
    if given.dtype != np.bool_:
        raise TypeError(f"{name} is of type {given.dtype}: give an array of bool")
    return given


def crossbar(cells: Shape) -> tuple[int, int]:
    """Return rows and columns of cells that have two axes.

    Parameters
    ----------
    cells : tuple of int
        Shape of the cells.

    Returns
    -------
    rows, columns : int

    Raises
    ------
    ValueError
        If the cells do not have two axes.
    """
    if len(cells) != 2:
        raise ValueError(f"a product needs cells of shape (rows, columns); these have shape {cells}")
    return cells[0], cells[1]


def vectors(value: ArrayLike, cells: Shape, transpose: bool, dtype: type[Number]) -> NDArray[Number]:
    """Return the input vectors of a crossbar product, one in each row.

    Parameters
    ----------
    value : array of shape (columns,) or (columns, batch); with ``transpose`` (rows,) or (batch, rows)
        Voltages in V.
    cells : tuple of int
        Rows and columns of the crossbar.
    transpose : bool
        Whether the rows are driven.
    dtype : type
        Type of the voltages returned.

    Returns
    -------
    array of shape (batch, inputs)

    Raises
    ------
    TypeError
        If ``value`` is not an array of real numbers.
    ValueError
        If a voltage is not finite, or the shape does not fit.
    """
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
