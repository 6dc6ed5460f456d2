"""Arrays on disk: a zarr directory, versioned, written beside its place and renamed."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .extras import require
from .replacing import replacing

if TYPE_CHECKING:
    from .array import CellArray

FORMAT = "synaptogen/cell-array"
VERSION = 1
BLOCK = 1 << 20  # cells written at a time, and the length of a zarr chunk


def save(cells: "CellArray", path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Write an array; see `CellArray.save`."""
    zarr = require("zarr", "zarr")
    target = Path(path)
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists: give overwrite=True to replace it, or another path")
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"{target.absolute().parent} is no directory: make it first")
    if target.exists() and not _is_ours(target):
        raise FileExistsError(f"{target} is not an array saved by synaptogen: remove it yourself or give another path")
    owner = cells if cells._positions is None else cells.copy()
    with replacing(target) as beside:
        _write(zarr, owner, beside)


def _write(zarr: Any, cells: "CellArray", folder: Path) -> None:
    engine, reads = cells._engine, cells._counters.reads
    group = zarr.create_group(folder, zarr_format=3)
    size = engine.cells.size
    arrays: dict[str, Any] = {}
    for begin in range(0, size, BLOCK):
        for name, block in engine.dump(begin, min(size, begin + BLOCK)).items():
            if name not in arrays:
                shape = (*block.shape[:-1], size)
                chunks = (*[max(1, n) for n in block.shape[:-1]], min(size, BLOCK))
                arrays[name] = group.create_array(name, shape=shape, chunks=chunks, dtype=block.dtype)
            if block.size:
                arrays[name][..., begin : begin + block.shape[-1]] = block
    for name, values in (("ids", engine.cells.ids), ("reads", reads.each)):
        if values is not None:
            group.create_array(name, data=values)
    # last, so that a directory with these attributes is complete
    group.attrs.update(
        format=FORMAT, version=VERSION, engine=engine.name, shape=list(cells.shape), seed=str(engine.seed),
        first=str(engine.cells.first), start=engine.start, bandwidth=cells.bandwidth, read_count=reads.times,
        products=cells._counters.products, params=json.loads(cells.params.to_json()),
    )  # fmt: skip


def _is_ours(path: Path) -> bool:
    try:
        return bool(json.loads((path / "zarr.json").read_text())["attributes"]["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False


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
    zarr = require("zarr", "zarr")
    target = Path(path)
    if not target.exists():
        raise FileNotFoundError(f"there is no saved array at {target}")
    if not _is_ours(target):
        raise ValueError(f"{target} is not an array saved by synaptogen, or was cut short while it was written")
    try:
        group = zarr.open_group(target, mode="r")
        return _read(group, threads)
    except (KeyError, OSError, EOFError, RuntimeError) as error:
        raise ValueError(f"{target} is damaged: {error}") from error


def _read(group: Any, threads: int | None) -> "CellArray":
    from . import checks
    from .array import ENGINES, CellArray
    from .counters import Counters
    from .engines.law import law_of
    from .engines.protocol import Cells, ReadNumbers
    from .engines.room import require_cells
    from .engines.threads import default_threads
    from .params import DeviceParams

    a = group.attrs
    if a["version"] != VERSION:
        raise ValueError(
            f"the array was saved in version {a['version']} of the format; this installation reads version {VERSION}: "
            "use the release of synaptogen that wrote it"
        )
    workers = default_threads() if threads is None else checks.positive_int("threads", threads)
    params = DeviceParams.from_json(a["params"])
    shape = tuple(a["shape"])
    size = int(np.prod(shape, dtype=np.int64))
    ids = group["ids"][:] if "ids" in group else None
    law, make = law_of(params), checks.named("engine", a["engine"], ENGINES)
    require_cells(size, make.bytes_for(law))
    engine: Any = make(law, Cells(size, int(a["first"]), ids), int(a["seed"]), a["start"], workers, fill=False)
    names = [name for name in engine.dump(0, 1) if law.memory or name != "memory"]
    for name in names:
        if group[name].shape[-1] != size:
            raise KeyError(f"{name} holds {group[name].shape[-1]} cells in place of {size}")
    for begin in range(0, size, BLOCK):
        engine.restore(begin, {name: group[name][..., begin : begin + BLOCK] for name in names})
    counters = Counters(size)
    counters.reads = ReadNumbers(a["read_count"], group["reads"][:] if "reads" in group else None)
    counters.products = a["products"]
    return CellArray._of(engine, params, shape, None, counters, a["bandwidth"])
