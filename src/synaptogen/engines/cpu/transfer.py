"""Transfer of the state of some cells from the buffers of the engine to plain arrays and back.

In a buffer the numbers of a cell are W apart, or scattered over the slots of a ring buffer. In a plain array they are a
column: numbers first, cells last. Copies, saved files and properties such as ``cells.features`` use this form.

A **view** is a buffer reshaped to (blocks, groups, slots, numbers, quads, lanes) without a copy. Groups lie in blocks:
of one group, but for ring buffers of `BLOCK` groups. The last two axes make the W lanes of a group.
"""

from typing import Any

import numpy as np

from synaptogen._utils import AnyArray

from .history_buffers import BLOCK
from .lanes import W
from .packing import Packing

QUAD = min(W, 4)  # lanes that `lanes.transposed` transposes together


def as_records(buffer: AnyArray, rows: int) -> AnyArray:
    """Return the view of a buffer that holds a record per group.

    Parameters
    ----------
    buffer : array
    rows : int
        Rows of W numbers per group.

    Returns
    -------
    view of shape (groups, 1, 1, rows, W // QUAD, QUAD)
    """
    return buffer.reshape(-1, 1, 1, rows, W // QUAD, QUAD)


def as_rings(buffer: AnyArray, slots: int) -> AnyArray:
    """Return the view of a buffer that holds ring buffers, see `history_buffers.lane_offset`.

    Parameters
    ----------
    buffer : array
    slots : int
        Slots per ring buffer.

    Returns
    -------
    view of shape (blocks, BLOCK, slots, 4, W // QUAD, QUAD)
    """
    if QUAD < 4:
        return buffer.reshape(-1, slots, BLOCK, 4, W // QUAD, QUAD).transpose(0, 2, 1, 3, 4, 5)
    return buffer.reshape(-1, slots, BLOCK, 4, W // 4, 4).transpose(0, 2, 1, 5, 4, 3)


def numbers_of(view: AnyArray, select: Packing) -> AnyArray:
    """Return a copy of the numbers of some cells.

    Parameters
    ----------
    view : view of a buffer
    select : Packing
        m cells.

    Returns
    -------
    array of shape (slots * numbers, m)
    """
    if select.positions is not None and not isinstance(select.lanes, slice):
        cells = view[*_index_of(view, select.positions)]
        return np.ascontiguousarray(cells.reshape(select.size, -1).T)
    size = view.shape[1]
    first, last = (0, len(view) * size - 1) if select.groups is None else (select.groups[0], select.groups[-1])
    run = view[first // size : last // size + 1].transpose(2, 3, 0, 1, 4, 5)
    copied = np.array(run, order="C").reshape(view.shape[2] * view.shape[3], -1)[:, first % size * W :]
    return np.ascontiguousarray(copied[:, select.lanes])


def put_numbers(view: AnyArray, begin: int, numbers: AnyArray) -> None:
    """Write numbers of consecutive cells to a buffer: whole groups first, then the remaining cells.

    Parameters
    ----------
    view : view of a buffer
    begin : int
        Position of the first cell.
    numbers : array of shape (slots * numbers, m)
        As `numbers_of` returns them.
    """
    size = numbers.shape[1]
    whole = size // W if begin % W == 0 else 0
    groups, rest = begin // W + np.arange(whole), np.arange(begin + whole * W, begin + size)
    lanes = numbers[:, : whole * W].reshape(*view.shape[2:4], whole, *view.shape[4:])
    view[groups // view.shape[1], groups % view.shape[1]] = lanes.transpose(2, 0, 1, 3, 4)
    view[*_index_of(view, rest)] = numbers[:, whole * W :].T.reshape(len(rest), *view.shape[2:4])


def _index_of(view: AnyArray, positions: AnyArray) -> tuple[Any, ...]:
    """Return the index of the numbers of cells at some positions in a view."""
    group, lane = positions // W, positions % W
    blocks = group // view.shape[1], group % view.shape[1]
    return *blocks, slice(None), slice(None), lane // QUAD, lane % QUAD
