"""The numbers of cells, taken out of buffers of tiles and put back: cells last, whatever their order in memory.

A buffer is looked at as (tiles, slots, numbers, quarters, lanes), where the last two make the W lanes of a tile.
"""

from typing import Any

import numpy as np

from synaptogen.engines.protocol import Array

from .lanes import W
from .packing import Packing

QUARTER = min(W, 4)  # lanes that `lanes.transposed` transposes together


def in_groups(buffer: Array, groups: int) -> Array:
    """A buffer that holds ``groups`` of W lanes a tile."""
    return buffer.reshape(-1, groups, 1, W // QUARTER, QUARTER)


def in_rings(buffer: Array, slots: int) -> Array:
    """A buffer that holds rings, laid out as `rings.place` says."""
    if QUARTER < 4:
        return buffer.reshape(-1, slots, 4, W // QUARTER, QUARTER)
    return buffer.reshape(-1, slots, 4, W // 4, 4).transpose(0, 1, 4, 3, 2)


def numbers_of(view: Array, select: Packing) -> Array:
    """A copy (numbers, cells) of the numbers of some cells."""
    if select.positions is not None and not isinstance(select.lanes, slice):
        cells = view[*lanes_at(select.positions)]
        return np.ascontiguousarray(cells.reshape(select.size, -1).T)
    run = view if select.tiles is None else view[select.tiles[0] : select.tiles[-1] + 1]
    copied = np.array(run.transpose(1, 2, 0, 3, 4), order="C").reshape(view.shape[1] * view.shape[2], -1)
    return np.ascontiguousarray(copied[:, select.lanes])


def put_numbers(view: Array, begin: int, numbers: Array) -> None:
    """Put numbers (numbers, cells) back, from cell ``begin`` on: whole tiles, then the cells of others."""
    size = numbers.shape[1]
    whole = size // W if begin % W == 0 else 0
    tile, rest = begin // W, np.arange(begin + whole * W, begin + size)
    tiles = numbers[:, : whole * W].reshape(*view.shape[1:3], whole, *view.shape[3:])
    view[tile : tile + whole] = tiles.transpose(2, 0, 1, 3, 4)
    view[*lanes_at(rest)] = numbers[:, whole * W :].T.reshape(len(rest), *view.shape[1:3])


def lanes_at(positions: Array) -> tuple[Any, ...]:
    """The index of the numbers of cells at some positions."""
    lane = positions % W
    return positions // W, slice(None), slice(None), lane // QUARTER, lane % QUARTER
