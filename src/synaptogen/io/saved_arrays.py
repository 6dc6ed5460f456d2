"""Saving and loading whole arrays: a versioned zarr directory, written beside its place and renamed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from synaptogen._utils import PathLike, Shape, leftovers, replacing_folder, require
from synaptogen.engines import CellIds, engine_class
from synaptogen.state import CellState

from . import zarr_format
from .description import DAMAGE, Description, ReplacedError, Saved, damage_error, read_description, require_nothing_else
from .values import require_possible_cells

BLOCK = zarr_format.CHUNK  # cells written or read at a time
_ATTEMPTS = 50  # to read an array that others keep replacing
_PAUSE = 0.02  # s between them

T = TypeVar("T")


def save_state(state: CellState, shape: Shape, path: PathLike, *, overwrite: bool) -> None:
    """Write the cells of an array; see `synaptogen.CellArray.save`.

    Parameters
    ----------
    state : CellState
        The cells; a part of an engine is copied first.
    shape : tuple of int
        Shape of the array.
    path : path
        Directory to make.
    overwrite : bool
        Replace a saved array that is at ``path``.

    Raises
    ------
    FileExistsError
        If there is something at ``path`` that must not be replaced.
    FileNotFoundError
        If the folder of ``path`` is missing.
    BlockingIOError
        If another process or object is writing there.
    ModuleNotFoundError
        If the extra ``zarr`` is not installed.
    """
    require("zarr", "zarr")
    target = check_writable(path, overwrite=overwrite)
    owner = state if state.positions is None else state.copy()
    with replacing_folder(target, lambda: check_writable(target, overwrite=overwrite)) as beside:
        _write(owner, shape, beside)


def check_writable(path: PathLike, *, overwrite: bool) -> Path:
    """Return the path for a saved array, once it is clear that one may be written there.

    Parameters
    ----------
    path : path
        Directory to make.
    overwrite : bool
        Replace a saved array that is at ``path``; anything else is never replaced.

    Returns
    -------
    Path

    Raises
    ------
    FileExistsError
        If there is something at ``path`` that must not be replaced.
    FileNotFoundError
        If the folder of ``path`` is missing.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists: give overwrite=True to replace it, or another path")
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"{target.absolute().parent} is no directory: make it first")
    if target.exists():
        require_nothing_else(target)
    return target


def _write(state: CellState, shape: Shape, folder: Path) -> None:
    engine, reads = state.engine, state.counters.reads
    size = engine.cells.size
    writer = zarr_format.Writer.new(folder, size, state.dump(0, 1), BLOCK)
    for begin in range(0, size, BLOCK):
        writer.write(begin, state.dump(begin, min(size, begin + BLOCK)))
    for name, values in (("ids", engine.cells.ids), ("reads", reads.each)):
        if values is not None:
            writer.add(name, values.shape, values.dtype)
            writer.write(0, {name: values})
    writer.finish(Saved(state.spec, shape, reads.times, state.counters.products, time=state.clock.time))


def load_state(path: PathLike, threads: int) -> tuple[CellState, Shape]:
    """Read the cells of a saved array; see `synaptogen.load`.

    Parameters
    ----------
    path : path
        The directory.
    threads : int
        Threads of the CPU engine.

    Returns
    -------
    state : CellState
        All cells, as they were saved.
    shape : tuple of int
        Shape of the array.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is something else, of another version, or damaged.
    MemoryError
        If the cells would not fit into memory.
    ModuleNotFoundError
        If the extra ``zarr`` is not installed.
    """
    require("zarr", "zarr")
    spec = read_consistently(Path(path), Description.saved).spec
    engine_class(spec.engine, spec.storage)  # what is missing here is no damage there
    return read_consistently(Path(path), lambda description: _load(description, threads))


def _load(description: Description, threads: int) -> tuple[CellState, Shape]:
    saved = description.saved()
    reader = zarr_format.Reader.open(description, zarr_format.state_layout(saved.spec, saved.time), saved.size)
    cells = CellIds(saved.size, saved.spec.first, reader.ids)
    state = CellState.build(saved.spec, cells, threads, fill=False, time=saved.time)
    state.counters.reads, state.counters.products = reader.reads(saved.reads), saved.products
    for begin in range(0, saved.size, BLOCK):
        end = min(saved.size, begin + BLOCK)
        state.restore(begin, reader.state(begin, end))
        require_possible_cells(state.engine, begin, end)
    return state, saved.shape


def read_consistently(path: Path, read: Callable[[Description], T], token: str | None = None) -> T:
    """Read a saved array, or part of it, while others may be replacing it: what is returned is of one save.

    Parameters
    ----------
    path : Path
        Its directory.
    read : callable
        Called with the description of the array; returns what is wanted of it.
    token : str, optional
        Token of the only array that is meant; default: whichever there is.

    Returns
    -------
    object
        What ``read`` has returned.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ReplacedError
        If another array is there than the one that is meant.
    ValueError
        If there is no saved array at ``path``, or it is damaged.
    """
    for _ in range(_ATTEMPTS):
        description = _described(path)
        if token not in (None, description.token):
            raise ReplacedError(path)
        error = None
        try:
            found = read(description)
        except ModuleNotFoundError:
            raise
        except DAMAGE as caught:
            error = caught
        if _described(path).token == description.token:
            if error is None:
                return found
            raise damage_error(path, error) from error
    raise BlockingIOError(f"{path} is replaced again and again while it is read: wait for its writer, or copy it first")


def _described(path: Path) -> Description:
    """Return the description of an array, also in the moment in which some systems have none while it is replaced."""
    for _ in range(_ATTEMPTS):
        try:
            return read_description(path)
        except (FileNotFoundError, ValueError):
            if not leftovers(path):
                raise
            time.sleep(_PAUSE)
    return read_description(path)
