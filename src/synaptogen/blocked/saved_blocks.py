"""Saved arrays, block by block."""

import math
import os
from collections.abc import Collection
from pathlib import Path

from synaptogen.array import CellArray
from synaptogen.engines import CellIds
from synaptogen.io import DAMAGE, Reader, Saved, damaged, described, opened
from synaptogen.state import ArraySpec, CellState

from .blocks import Blocks


def saved_at(path: str | os.PathLike[str]) -> Saved:
    """What is known of a saved array that can be cut into blocks.

    Raises FileNotFoundError if there is none, and ValueError if it is damaged or cannot be cut.
    """
    target = Path(path)
    group = opened(target)
    try:
        saved = described(group)
        special = {"ids", "reads"} & set(group.attrs["arrays"])
    except DAMAGE as error:
        raise damaged(target, error) from error
    if special:
        raise ValueError(
            f"the cells at {target} are copies of scattered cells, or some were read more often than others: "
            "synaptogen.load reads such arrays"
        )
    return saved


def block_from(
    path: str, spec: ArraySpec, blocks: Blocks, k: int, threads: int, names: Collection[str] | None = None
) -> CellArray:
    """A block of a saved array, with all of its state or that of some names: "r" is enough for reads and products."""
    target = Path(path)
    begin, size = blocks.begin(k), blocks.size_of(k)
    group = opened(target)
    try:
        reader = Reader.of(group, math.prod(blocks.shape))
        state = reader.state(begin, begin + size, names)
    except DAMAGE as error:
        raise damaged(target, error) from error
    cells = CellState.build(spec, CellIds(size, spec.first + begin), threads, fill=False)
    if state:
        cells.engine.restore(0, state)
    return CellArray.from_state(cells, blocks.shape_of(k))
