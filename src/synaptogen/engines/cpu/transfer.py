"""The numbers of cells, taken out of buffers of tiles and put back: cells last, whatever their order in memory.

A buffer is looked at as (blocks, tiles, slots, numbers, quarters, lanes): tiles lie in blocks (of one tile, but for
rings), and the last two make the W lanes of a tile.
"""

from typing import Any

import numpy as np

from synaptogen._utils import AnyArray

from .history_buffers import BLOCK
from .lanes import W
from .packing import Packing

QUAD = min(W, 4)  # lanes that `lanes.transposed` transposes together


def as_records(buffer: AnyArray, rows: int) -> AnyArray:
    """A buffer that holds ``groups`` of W lanes a tile."""
    return buffer.reshape(-1, 1, 1, rows, W // QUAD, QUAD)


def as_rings(buffer: AnyArray, slots: int) -> AnyArray:
    """A buffer that holds rings, laid out as `rings.place` says."""
    if QUAD < 4:
        return buffer.reshape(-1, slots, BLOCK, 4, W // QUAD, QUAD).transpose(0, 2, 1, 3, 4, 5)
    return buffer.reshape(-1, slots, BLOCK, 4, W // 4, 4).transpose(0, 2, 1, 5, 4, 3)


def numbers_of(view: AnyArray, select: Packing) -> AnyArray:
    """A copy (numbers, cells) of the numbers of some cells."""
    if select.positions is not None and not isinstance(select.lanes, slice):
        cells = view[*_index_of(view, select.positions)]
        return np.ascontiguousarray(cells.reshape(select.size, -1).T)
    size = view.shape[1]
    first, last = (0, len(view) * size - 1) if select.groups is None else (select.groups[0], select.groups[-1])
    run = view[first // size : last // size + 1].transpose(2, 3, 0, 1, 4, 5)
    copied = np.array(run, order="C").reshape(view.shape[2] * view.shape[3], -1)[:, first % size * W :]
    return np.ascontiguousarray(copied[:, select.lanes])


def put_numbers(view: AnyArray, begin: int, numbers: AnyArray) -> None:
    """Put numbers (numbers, cells) back, from cell ``begin`` on: whole tiles, then the cells of others."""
    size = numbers.shape[1]
    whole = size // W if begin % W == 0 else 0
    groups, rest = begin // W + np.arange(whole), np.arange(begin + whole * W, begin + size)
    lanes = numbers[:, : whole * W].reshape(*view.shape[2:4], whole, *view.shape[4:])
    view[groups // view.shape[1], groups % view.shape[1]] = lanes.transpose(2, 0, 1, 3, 4)
    view[*_index_of(view, rest)] = numbers[:, whole * W :].T.reshape(len(rest), *view.shape[2:4])


def _index_of(view: AnyArray, positions: AnyArray) -> tuple[Any, ...]:
    """The index of the numbers of cells at some positions."""
    group, lane = positions // W, positions % W
    blocks = group // view.shape[1], group % view.shape[1]
    return *blocks, slice(None), slice(None), lane // QUAD, lane % QUAD
