"""Saving and loading whole arrays: a versioned zarr directory, written beside its place and renamed."""

from pathlib import Path

from synaptogen._utils import PathLike, Shape, replacing, require
from synaptogen.engines import CellIds
from synaptogen.state import CellState

from . import zarr_format
from .zarr_format import CHUNK, Saved

BLOCK = CHUNK  # cells written or read at a time


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
    ModuleNotFoundError
        If the extra ``synaptogen[zarr]`` is not installed.
    """
    require("zarr", "zarr")
    target = check_writable(path, overwrite=overwrite)
    owner = state if state.positions is None else state.copy()
    with replacing(target) as beside:
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
    if target.exists() and not zarr_format.is_saved_array(target):
        raise FileExistsError(f"{target} is not an array saved by synaptogen: remove it yourself or give another path")
    return target


def _write(state: CellState, shape: Shape, folder: Path) -> None:
    engine, reads = state.engine, state.counters.reads
    size = engine.cells.size
    writer = zarr_format.Writer.new(folder, size, engine.dump(0, 1), BLOCK)
    for begin in range(0, size, BLOCK):
        writer.write(begin, engine.dump(begin, min(size, begin + BLOCK)))
    for name, values in (("ids", engine.cells.ids), ("reads", reads.each)):
        if values is not None:
            writer.add(name, values.shape, values.dtype)[:] = values
    writer.finish(Saved(state.spec, shape, reads.times, state.counters.products))


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
        If it is something else, of another version, or incomplete.
    ModuleNotFoundError
        If the extra ``synaptogen[zarr]`` is not installed.
    """
    require("zarr", "zarr")
    target = Path(path)
    group = zarr_format.open_saved(target)
    try:
        saved = zarr_format.describe(group)
        reader = zarr_format.Reader.from_group(group, saved.size)
        cells = CellIds(saved.size, saved.spec.first, reader.ids)
        state = CellState.build(saved.spec, cells, threads, fill=False)
        state.counters.reads, state.counters.products = reader.reads(saved.reads), saved.products
        for begin in range(0, saved.size, BLOCK):
            state.engine.restore(begin, reader.state(begin, min(saved.size, begin + BLOCK)))
    except zarr_format.DAMAGE as error:
        raise zarr_format.damage_error(target, error) from error
    return state, saved.shape
