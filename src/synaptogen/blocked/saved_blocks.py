"""Saved arrays, read block by block."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from synaptogen._utils import PathLike
from synaptogen.array import CellArray
from synaptogen.engines import CellIds
from synaptogen.io import (
    SPECIAL,
    Description,
    Reader,
    Saved,
    read_consistently,
    require_mixing,
    require_possible_cells,
    state_layout,
)
from synaptogen.state import ArraySpec, CellState

from .blocks import Blocks


class SavedSource(NamedTuple):
    """A saved array, and no other that may have taken its place."""

    path: str
    """Its directory."""
    token: str
    """Its token, which no other has."""


def describe_saved(path: PathLike) -> tuple[Saved, SavedSource]:
    """Return the description of a saved array that can be cut into blocks. Nothing on disk changes.

    Parameters
    ----------
    path : path
        Its directory.

    Returns
    -------
    saved : Saved
    source : SavedSource
        What to read its blocks from.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is no saved array, is damaged, or cannot be cut into blocks.
    """
    saved, names, token = read_consistently(Path(path), lambda found: (found.saved(), found.names, found.token))
    if set(SPECIAL) & set(names):
        raise ValueError(
            f"the cells at {path} are copies of scattered cells, or some were read more often than others: "
            "synaptogen.load reads such arrays"
        )
    return saved, SavedSource(str(Path(path).absolute()), token)


def load_block(
    source: SavedSource, spec: ArraySpec, blocks: Blocks, k: int, threads: int, names: Collection[str] | None = None
) -> CellArray:
    """Return a block of a saved array.

    Parameters
    ----------
    source : SavedSource
        The saved array.
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
        If there is nothing at the path.
    ReplacedError
        If another array is there now.
    ValueError
        If it is no saved array, or is damaged.
    MemoryError
        If the block would not fit into memory.
    """
    begin, size = blocks.first_cell(k), blocks.size_of(k)

    def read(description: Description) -> CellState:
        time = description.saved().time
        reader = Reader.open(description, state_layout(spec, time), blocks.size)
        state = reader.state(begin, begin + size, names)
        ids = CellIds(size, spec.first + begin)
        cells = CellState.build(spec, ids, threads, fill=False, time=time, in_block=True)
        cells.restore(0, state)
        if names is None:
            require_possible_cells(cells.engine, 0, size)
        elif "r" in names:
            require_mixing("r", cells.engine.mixing(cells.engine.selection(None)), cells.engine, begin)
        return cells

    return CellArray.from_state(read_consistently(Path(source.path), read, source.token), blocks.shape_of(k))
