"""Arrays on disk: a zarr directory, versioned, written beside its place and renamed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import checks, store
from .engines.protocol import Cells
from .engines.threads import default_threads
from .extras import require
from .replacing import replacing
from .store import Saved

if TYPE_CHECKING:
    from .array import CellArray

BLOCK = store.CHUNK  # cells written at a time


def save(cells: "CellArray", path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Write an array; see `CellArray.save`."""
    require("zarr", "zarr")
    target = writable(path, overwrite=overwrite)
    owner = cells if cells._positions is None else cells.copy()
    with replacing(target) as beside:
        _write(owner, beside)


def writable(path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """The place for a saved array, if one may be written there.

    Raises FileExistsError if there is something that must stay, FileNotFoundError if its folder is missing.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists: give overwrite=True to replace it, or another path")
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"{target.absolute().parent} is no directory: make it first")
    if target.exists() and not store.is_ours(target):
        raise FileExistsError(f"{target} is not an array saved by synaptogen: remove it yourself or give another path")
    return target


def _write(cells: "CellArray", folder: Path) -> None:
    engine, reads = cells._engine, cells._counters.reads
    size = engine.cells.size
    writer = store.Writer.new(folder, size, engine.dump(0, 1), BLOCK)
    for begin in range(0, size, BLOCK):
        writer.write(begin, engine.dump(begin, min(size, begin + BLOCK)))
    for name, values in (("ids", engine.cells.ids), ("reads", reads.each)):
        if values is not None:
            writer.add(name, values.shape, values.dtype)[:] = values
    writer.finish(Saved(cells._recipe, cells.shape, reads.times, cells._counters.products))


def load(path: str | os.PathLike[str], *, threads: int | None = None) -> "CellArray":
    """Read an array written by `CellArray.save`: it goes on bit for bit where that one stopped.

    Parameters
    ----------
    path : path of the zarr directory
    threads : int, optional
        Threads of the CPU engine; default: the number of cores.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is something else, of another version, or incomplete.
    """
    require("zarr", "zarr")
    workers = default_threads() if threads is None else checks.positive_int("threads", threads)
    target = Path(path)
    group = store.opened(target)
    try:
        return _read(group, workers)
    except store.DAMAGE as error:
        raise store.damaged(target, error) from error


def _read(group: Any, threads: int) -> "CellArray":
    saved = store.described(group)
    reader = store.Reader.of(group, saved.size)
    cells = saved.recipe.make(saved.shape, Cells(saved.size, saved.recipe.first, reader.ids), threads, fill=False)
    cells._counters.reads, cells._counters.products = reader.reads(saved.reads), saved.products
    for begin in range(0, saved.size, BLOCK):
        cells._engine.restore(begin, reader.state(begin, min(saved.size, begin + BLOCK)))
    return cells
