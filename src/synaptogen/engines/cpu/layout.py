"""Where the state of cells and the parameter set lie in memory, and how a lane group is read from there.

Three words are used all over `engines.cpu`:

- A **lane** is one element of a SIMD register. There are W lanes.
- A **lane group**, or group, is W cells that are worked on at once, one cell per lane. Group t holds the cells
  t W ... t W + W - 1 of an array.
- A **row** is W consecutive numbers in memory: one quantity of the cells of a group.

The rows of a group that are used together lie side by side and form a **record**.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synaptogen.model import Real, UInt32, where

from .lanes import INLINE, Pointer, W, lane_numbers, load, prefetch_far, reals, scalar, store, uint32s

Four: TypeAlias = tuple[Real, Real, Real, Real]
"""A four-vector: one entry per feature, each W lanes."""
UInt32Array: TypeAlias = NDArray[np.uint32]
Arrays: TypeAlias = tuple[Any, ...]
"""Arrays, and numbers beside them, that a kernel takes as one argument."""

HOT, DEVICE_RECORD, CURVE = 3 * W, 10 * W, 3 * W
"""Numbers per lane group in each of the three records."""
STATUS, U_SET, R_LRS = (W * k for k in range(3))
"""Where the rows of the hot record begin."""
U_RESET, R_HRS = 8 * W, 9 * W
"""Where the rows of the device record begin that follow the device vector."""
U_RATCHET, T_SCALE, T_END = (W * k for k in range(3))
"""Where the rows of the curve record begin."""
VECTOR = 8
"""Rows of the device vector: mu and sigma."""
DEVICE_VECTOR = VECTOR * W
"""Numbers of the device record that are the device vector."""


class CellPointers(NamedTuple):
    """Pointers to the state of an array of cells.

    No pass over the cells streams what it does not need. Each of the three records is one buffer. The mixing states
    have a buffer of their own, so that a read takes four bytes per cell.

    Attributes
    ----------
    r
        Mixing states, one row per group.
    hot
        Records of `HOT` numbers per group that every voltage uses: status, U_SET in V, R_LRS as a mixing state.
    status
        The same memory as ``hot``, read as unsigned 32-bit integers; see `model.switching` for the status.
    device
        Records of `DEVICE_RECORD` numbers per group that only RESETs use: the device vector, U_RESET in V, R_HRS as a
        mixing state.
    curve
        Records of `CURVE` numbers per group that only partly reset cells use: the ratchet in V, and scale and end of
        the RESET transition.
    memory
        For a state space q rows per group, one per state; for a VAR the ring buffers of `history_buffers`.
    id_lo, id_hi
        Low and high halves of the cell ids, one row per group; not used where ids are consecutive.
    first_id
        Id of cell 0 where ids are consecutive, uint64.
    consecutive
        True if ids are ``first_id``, ``first_id`` + 1 ...
    """

    r: Any
    hot: Any
    status: Any
    device: Any
    curve: Any
    memory: Any
    id_lo: Any
    id_hi: Any
    first_id: Any
    consecutive: Any


class KernelParams(NamedTuple):
    """Pointers to the arrays of a parameter set, its sizes, and the key of the random numbers.

    Attributes
    ----------
    constants
        The numbers of `model.Constants` in single precision, in the order of `lanes.flatten`.
    kind
        Stands for the type of these `model.Constants`; see `lanes.load_constants`.
    readout, F, G, start
        Matrices of `CompiledParams`, flat. ``start`` of a VAR is stored as blocks of 4 x 4, each by columns.
    slots
        Slots of a ring buffer: the order p of a VAR; 0 for a state space.
    states
        Number q of states per cell; 0 for a VAR.
    stationary
        True if histories start from the stationary distribution.
    k0, k1
        Low and high halves of the seed.
    rows
        Rows of W numbers per group in the memory of cells: of a state space the states, then `OWN_ROWS` of the devices.
    own
        Whether devices have shapes and memory of their own.
    own_from
        Row of the memory in which that begins.
    restless
        Whether innovations of R_LRS are restless.
    """

    constants: Any
    kind: Any
    readout: Any
    F: Any
    G: Any
    start: Any
    slots: Any
    states: Any
    stationary: Any
    k0: Any
    k1: Any
    rows: Any
    own: Any
    own_from: Any
    restless: Any


@njit(**INLINE)
def ids(cells: CellPointers, group: int) -> tuple[UInt32, UInt32]:
    """Return the ids of the cells of a group.

    Parameters
    ----------
    cells : CellPointers or packed.layout.Packed
    group : int

    Returns
    -------
    lo, hi : uint32 lanes
        Low and high halves of the ids.
    """
    if cells.consecutive:
        first = cells.first_id + np.uint64(group * W)
        low = uint32s(first & np.uint64(0xFFFFFFFF))
        lo = low + lane_numbers()
        hi = uint32s(first >> np.uint64(32))
        return lo, where(lo < low, hi + 1, hi)
    return load(cells.id_lo, group * W), load(cells.id_hi, group * W)


@njit(**INLINE)
def own_index(params: KernelParams, group: int) -> int:
    """Return where in the memory of cells begins what the devices of a group have of their own.

    Parameters
    ----------
    params : KernelParams
    group : int

    Returns
    -------
    int
        Index of the first number.
    """
    return (group * params.rows + params.own_from) * W


@njit(**INLINE)
def load_own(pointer: Pointer, at: int) -> tuple[Real, ...]:
    """Load what the devices of a group have of their own: `OWN_ROWS` consecutive rows.

    Parameters
    ----------
    pointer, at
        Memory, and the index of the first number.

    Returns
    -------
    sixteen lanes
    """
    a, b = load4(pointer, at), load4(pointer, at + 4 * W)
    c, d = load4(pointer, at + 8 * W), load4(pointer, at + 12 * W)
    return a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]


@njit(**INLINE)
def load4(pointer: Pointer, at: int) -> Four:
    """Load four consecutive rows.

    Parameters
    ----------
    pointer, at
        Memory, and the index of the first number.

    Returns
    -------
    four lanes
    """
    return load(pointer, at), load(pointer, at + W), load(pointer, at + 2 * W), load(pointer, at + 3 * W)


@njit(**INLINE)
def store4(pointer: Pointer, at: int, x: Four) -> None:
    """Store four consecutive rows.

    Parameters
    ----------
    pointer, at
        Memory, and the index of the first number.
    x : four lanes
    """
    store(pointer, at, x[0])
    store(pointer, at + W, x[1])
    store(pointer, at + 2 * W, x[2])
    store(pointer, at + 3 * W, x[3])


@njit(**INLINE)
def prefetch_numbers(pointer: Pointer, at: int, count: int) -> None:
    """Prefetch consecutive numbers into the second-level cache.

    Parameters
    ----------
    pointer, at
        Memory, and the index of the first number.
    count : int
        How many numbers, a multiple of W.
    """
    for k in range(0, count, W):
        prefetch_far(pointer, at + k)


@njit(**INLINE)
def scalar4(pointer: Pointer, at: int) -> tuple[float, float, float, float]:
    """Load four consecutive numbers.

    Parameters
    ----------
    pointer, at
        Memory, and the index of the first number.

    Returns
    -------
    four plain numbers
    """
    return scalar(pointer, at), scalar(pointer, at + 1), scalar(pointer, at + 2), scalar(pointer, at + 3)


@njit(**INLINE)
def zeros() -> Four:
    """Return four lanes of zeros."""
    z = reals(np.float32(0.0))
    return z, z, z, z
