"""Arrays on disk: a zarr directory, versioned, written beside its place and renamed."""

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import checks
from .counters import Counters
from .engines.law import law_of
from .engines.protocol import Cells, ReadNumbers
from .engines.threads import default_threads
from .extras import require
from .params import DeviceParams
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
                arrays[name] = _create(group, name, (*block.shape[:-1], size), block.dtype)
            arrays[name][..., begin : begin + block.shape[-1]] = block
    for name, values in (("ids", engine.cells.ids), ("reads", reads.each)):
        if values is not None:
            arrays[name] = _create(group, name, values.shape, values.dtype)
            arrays[name][:] = values
    # last, so that a directory with these attributes is complete
    group.attrs.update(
        format=FORMAT, version=VERSION, engine=engine.name, storage=cells.storage, shape=list(cells.shape),
        seed=str(engine.seed), first=str(engine.cells.first), start=engine.start, bandwidth=cells.bandwidth,
        read_count=reads.times, products=cells._counters.products, params=json.loads(cells.params.to_json()),
        arrays=sorted(arrays),
    )  # fmt: skip


def _create(group: Any, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
    # chunks of zeros are written too: a chunk that is not there is a defect, see `_whole`
    chunks = (*shape[:-1], min(shape[-1], BLOCK))
    return group.create_array(name, shape=shape, chunks=chunks, dtype=dtype, config={"write_empty_chunks": True})


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
    workers = default_threads() if threads is None else checks.positive_int("threads", threads)
    target = Path(path)
    if not target.exists():
        raise FileNotFoundError(f"there is no saved array at {target}")
    if not _is_ours(target):
        raise ValueError(f"{target} is not an array saved by synaptogen, or was cut short while it was written")
    try:
        group = zarr.open_group(target, mode="r")
        version = group.attrs["version"]
        if version == VERSION:
            return _read(group, workers)
    except (KeyError, IndexError, TypeError, ValueError, OSError, EOFError, RuntimeError) as error:
        raise ValueError(f"{target} is damaged: {error}") from error
    raise ValueError(
        f"{target} was saved in version {version} of the format, and this installation reads version {VERSION}: "
        "use the release of synaptogen that wrote it"
    )


def _read(group: Any, threads: int) -> "CellArray":
    from .array import CellArray
    from .choices import STARTS, engine_of

    a = group.attrs
    checks.one_of("start", a["start"], STARTS)
    shape, params = checks.shape(tuple(a["shape"])), DeviceParams.from_json(a["params"])
    law, make, size = law_of(params), engine_of(a["engine"], a.get("storage", "full")), math.prod(shape)
    arrays = {name: _whole(group[name]) for name in a["arrays"]}
    cells = Cells(size, int(a["first"]), arrays.pop("ids")[:] if "ids" in arrays else None)
    counters = Counters(size)
    counters.reads = ReadNumbers(a["read_count"], arrays.pop("reads")[:] if "reads" in arrays else None)
    counters.products = a["products"]
    for name, array in arrays.items():
        if array.shape[-1] != size:
            raise ValueError(f"{name} holds {array.shape[-1]} cells in place of {size}")
    make.require_room(law, size)
    engine: Any = make(law, cells, int(a["seed"]), a["start"], threads, fill=False)
    for begin in range(0, size, BLOCK):
        engine.restore(begin, {name: array[..., begin : begin + BLOCK] for name, array in arrays.items()})
    return CellArray._of(engine, params, shape, None, counters, float(a["bandwidth"]))


def _whole(array: Any) -> Any:
    """The array, if all of its chunks are there: zarr would read zeros for those that are not."""
    if array.nchunks_initialized != array.nchunks:
        raise ValueError(f"{array.nchunks - array.nchunks_initialized} chunks of {array.name} are missing")
    return array
