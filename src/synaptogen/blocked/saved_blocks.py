"""Saved arrays, read block by block."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from synaptogen._utils import PathLike
from synaptogen.array import CellArray
from synaptogen.engines import CellIds
from synaptogen.io import DAMAGE, Reader, Saved, damage_error, describe, open_saved
from synaptogen.state import ArraySpec, CellState

from .blocks import Blocks


def describe_saved(path: PathLike) -> Saved:
    """Return the description of a saved array that can be cut into blocks.

    Parameters
    ----------
    path : path
        Its directory.

    Returns
    -------
    Saved

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is no saved array, is damaged, or cannot be cut into blocks.
    """
    target = Path(path)
    group = open_saved(target)
    try:
        saved = describe(group)
        names: Any = group.attrs["arrays"]
        special = {"ids", "reads"} & set(names)
    except DAMAGE as error:
        raise damage_error(target, error) from error
    if special:
        raise ValueError(
            f"the cells at {target} are copies of scattered cells, or some were read more often than others: "
            "synaptogen.load reads such arrays"
        )
    return saved


def load_block(
    path: str, spec: ArraySpec, blocks: Blocks, k: int, threads: int, names: Collection[str] | None = None
) -> CellArray:
    """Return a block of a saved array.

    Parameters
    ----------
    path : str
        Directory of the saved array.
    spec : ArraySpec
        Everything that determines its cells.
    blocks : Blocks
        How it is cut.
    k : int
        Number of the block.
    threads : int
        Threads of the CPU engine.
    names : collection of str, optional
        Kinds of state to read, default: all. Reads and products need "r" only.

    Returns
    -------
    CellArray

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is no saved array, or is damaged.
    MemoryError
        If the block would not fit into memory.
    """
    target = Path(path)
    begin, size = blocks.first_cell(k), blocks.size_of(k)
    group = open_saved(target)
    try:
        reader = Reader.from_group(group, math.prod(blocks.shape))
        state = reader.state(begin, begin + size, names)
    except DAMAGE as error:
        raise damage_error(target, error) from error
    cells = CellState.build(spec, CellIds(size, spec.first + begin), threads, fill=False)
    if state:
        cells.engine.restore(0, state)
    return CellArray.from_state(cells, blocks.shape_of(k))
