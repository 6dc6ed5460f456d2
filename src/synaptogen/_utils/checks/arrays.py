"""Checks of shapes, and of arrays of voltages, masks and vectors."""

import operator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils.arrays import BoolArray, RealArray, Shape
from synaptogen._utils.operands import as_array

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
