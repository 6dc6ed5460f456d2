"""Layout of cells in the memory of a GPU, and of the parameter set beside them.

Cells lie in tiles of 32, one for each thread of a warp. A tile holds groups of 32 numbers, each group one number of all
its cells, so that what a warp loads or stores at once is one line of 128 bytes. Numbers that are needed together lie in
groups side by side. Mixing states and status words have arrays of their own, so that a read streams four bytes per
cell.

In the functions of this folder ``i`` is the position of a cell, and ``base`` the index of its first number in an array
of tiles.
"""

from typing import Any, NamedTuple

import numpy as np

from synaptogen.model import Constants, Real, UInt32, normals, where

from .scalars import index_of, load, real_of, store, uint32_of

WARP_TILE = 32
"""Cells of a tile, which are the threads of a warp."""
U_SET, R_LRS, U_RESET, R_HRS, U_RATCHET, T_SCALE, T_END = (WARP_TILE * k for k in range(7))
"""Distance of each of the `FIELDS` of a cell from its ``base``."""
FIELD_GROUPS, DEVICE_GROUPS = 7, 8
"""Numbers of a cell in ``CellBuffers.fields`` and in ``CellBuffers.device``."""

Four = tuple[Real, Real, Real, Real]


class CellBuffers(NamedTuple):
    """Arrays of n cells on the GPU, as kernels take them. All have one axis; all but ``ids`` are padded to whole tiles.

    Attributes
    ----------
    r : array of float32 of shape (n,)
        Mixing states.
    status : array of uint32 of shape (n,)
        Status words, see `synaptogen.model.switching`.
    fields, device, memory : array of float32
        Tiles of 7, 8 and m groups: `FIELDS`, device vectors, and what cells keep of earlier cycles.
    ids : array of uint32 of shape (2 n,)
        Low 32 bits of all ids, then the high ones; without meaning if ids are ``consecutive``.
    size : int
        Number of cells, without padding.
    consecutive : bool
        Whether cell i has the id first + i.
    first_lo, first_hi : uint32
        Low and high 32 bits of the first id.
    """

    r: Any
    status: Any
    fields: Any
    device: Any
    memory: Any
    ids: Any
    size: Any
    consecutive: Any
    first_lo: Any
    first_hi: Any


class KernelParams(NamedTuple):
    """A parameter set as kernels take it: `CompiledParams` in single precision, in flat arrays.

    Attributes
    ----------
    constants : Constants
        Passed by value: the compiler puts them where instructions read them at no cost.
    readout, F, G, start : array of float32
        As in `CompiledParams`, by rows, ``start`` in the order of `CompiledParams.start_blocks`.
    slots : int
        Order of a VAR, 0 for a state space.
    states : int
        Number of states of a state space, 0 for a VAR.
    stationary : bool
        Whether cells begin with a history.
    k0, k1 : uint32
        Low and high 32 bits of the seed, the key of the random numbers.
    own : bool
        Whether devices have shapes and memory of their own, which the memory of a cell then ends with.
    restless : bool
        Whether innovations of R_LRS are restless.
    """

    constants: Constants
    readout: Any
    F: Any
    G: Any
    start: Any
    slots: Any
    states: Any
    stationary: Any
    k0: Any
    k1: Any
    own: Any
    restless: Any


def base_of(i: int, groups: int) -> int:
    """Return where the first number of a cell lies in an array of tiles.

    Parameters
    ----------
    i : int
        Position of the cell.
    groups : int
        Numbers that the array holds per cell.

    Returns
    -------
    int
        Index; the next number of the cell lies `WARP_TILE` further on.
    """
    return (i // WARP_TILE) * (groups * WARP_TILE) + i % WARP_TILE


def cell_id(state: CellBuffers, i: int) -> tuple[UInt32, UInt32]:
    """Return the id of a cell.

    Parameters
    ----------
    state : CellBuffers
        All cells.
    i : int
        Position of the cell.

    Returns
    -------
    lo, hi : uint32
        Its low and high 32 bits.
    """
    if state.consecutive:
        first = uint32_of(state.first_lo)
        lo = first + uint32_of(i)
        hi = uint32_of(state.first_hi) + uint32_of(i >> 32)
        return lo, where(lo < first, hi + 1, hi)
    return load(state.ids, i), load(state.ids, state.size + i)


def cell_normals(params: KernelParams, lo: UInt32, hi: UInt32, stream: int, number: UInt32, block: UInt32) -> Four:
    """Return four normal numbers of a cell, see `synaptogen.model.normals`.

    Parameters
    ----------
    params : KernelParams
        For its seed.
    lo, hi : uint32
        Id of the cell.
    stream, number, block
        Address of the numbers.

    Returns
    -------
    four real numbers
    """
    return normals(lo, hi, stream, number, block, uint32_of(params.k0), uint32_of(params.k1))


def load_four(array: Any, base: int) -> Four:
    """Load four consecutive numbers of a cell.

    Parameters
    ----------
    array : array of float32
        An array of tiles.
    base : int
        Index of the first number.

    Returns
    -------
    four real numbers
    """
    return (
        load(array, base),
        load(array, base + WARP_TILE),
        load(array, base + 2 * WARP_TILE),
        load(array, base + 3 * WARP_TILE),
    )


def load_own(array: Any, base: int, own: bool) -> tuple[Real, ...]:
    """Load what a device has of its own, sixteen consecutive numbers of a cell; zeros if it has nothing.

    Parameters
    ----------
    array : array of float32
        An array of tiles.
    base : int
        Index of the first number.
    own : bool
        Whether devices have anything of their own.

    Returns
    -------
    sixteen real numbers
    """
    a, b, c, d = four_zeros(), four_zeros(), four_zeros(), four_zeros()
    if own:
        a, b = load_four(array, base), load_four(array, base + 4 * WARP_TILE)
        c, d = load_four(array, base + 8 * WARP_TILE), load_four(array, base + 12 * WARP_TILE)
    return a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]


def store_four(array: Any, base: int, x: Four) -> None:
    """Store four consecutive numbers of a cell.

    Parameters
    ----------
    array : array of float32
        An array of tiles.
    base : int
        Index of the first number.
    x : four real numbers
        What to store.
    """
    store(array, base, x[0])
    store(array, base + WARP_TILE, x[1])
    store(array, base + 2 * WARP_TILE, x[2])
    store(array, base + 3 * WARP_TILE, x[3])


def four_zeros() -> Four:
    """Return four zeros."""
    zero = real_of(0.0)
    return zero, zero, zero, zero


def slot_of(number: UInt32, slots: int) -> int:
    """Return the slot of a cycle in a ring: its number modulo ``slots``, in 32 bits, as division is slow.

    Parameters
    ----------
    number : uint32
        Number of the cycle.
    slots : int
        Slots of the ring.

    Returns
    -------
    int
    """
    return np.int32(index_of(number)) % np.int32(slots)  # type: ignore[return-value]  # int32: kernels index with it
