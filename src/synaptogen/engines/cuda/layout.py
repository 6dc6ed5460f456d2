"""Where the state of cells lies in the memory of a GPU, and the params beside it.

Tiles of 32 cells, the threads of a warp. State that is needed together lies together, a number of 32 cells after the
other: what a warp loads or stores is one line of 128 bytes. Mixing states and words stand apart, so that a read streams
four bytes a cell.
"""

from typing import Any, NamedTuple

import numpy as np

from synaptogen.model import Constants, Real, UInt32, normals, where

from .scalars import index_of, load, real_of, store, word_of

TILE = 32
U_SET, R_LRS, U_RESET, R_HRS, U_RATCHET, T_SCALE, T_END = (TILE * k for k in range(7))
FIELD_GROUPS, DEVICE_GROUPS = 7, 8

Four = tuple[Real, Real, Real, Real]


class State(NamedTuple):
    """Arrays that hold cells: (n,) for ``r`` and ``word``, tiles of groups for the others, all of one axis."""

    r: Any
    word: Any
    field: Any
    device: Any
    memory: Any
    ids: Any  # low words, then high words, where ids are not consecutive
    size: Any
    consecutive: Any
    first_lo: Any
    first_hi: Any


class Rules(NamedTuple):
    """The params that cells live by."""

    constants: Constants  # by value: the compiler puts them where instructions read them at no cost
    readout: Any
    F: Any
    G: Any
    start: Any
    slots: Any
    states: Any
    stationary: Any
    k0: Any
    k1: Any


def place(i: int, groups: int) -> int:
    """Where the first number of cell ``i`` lies in an array of tiles."""
    return (i // TILE) * (groups * TILE) + i % TILE


def ids(c: State, i: int) -> tuple[UInt32, UInt32]:
    """Id of a cell, as low and high word."""
    if c.consecutive:
        first = word_of(c.first_lo)
        lo = first + word_of(i)
        hi = word_of(c.first_hi) + word_of(i >> 32)
        return lo, where(lo < first, hi + 1, hi)
    return load(c.ids, i), load(c.ids, c.size + i)


def draw(rules: Rules, lo: UInt32, hi: UInt32, stream: int, number: UInt32, block: UInt32) -> Four:
    """Four normals of a cell, see `model.random.normals`."""
    return normals(lo, hi, stream, number, block, word_of(rules.k0), word_of(rules.k1))


def load4(array: Any, at: int) -> Four:
    """Four consecutive groups of a tile."""
    return load(array, at), load(array, at + TILE), load(array, at + 2 * TILE), load(array, at + 3 * TILE)


def store4(array: Any, at: int, x: Four) -> None:
    """Four consecutive groups of a tile."""
    store(array, at, x[0])
    store(array, at + TILE, x[1])
    store(array, at + 2 * TILE, x[2])
    store(array, at + 3 * TILE, x[3])


def zeros() -> Four:
    """Four zeros."""
    z = real_of(0.0)
    return z, z, z, z


def add4(a: Four, b: Four) -> Four:
    """Sum of two four-vectors."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


def slot_of(number: UInt32, slots: int) -> int:
    """Slot of a cycle in a ring; in 32 bits, as division is slow."""
    return np.int32(index_of(number)) % np.int32(slots)  # type: ignore[return-value]
