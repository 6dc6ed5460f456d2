"""The format of saved arrays: a zarr group with one array a kind of state, the cell as last axis.

It is written and read a range of cells at a time, in any order and by any number of processes as long as ranges are
whole chunks.
"""

import glob
import json
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from numpy.typing import NDArray

from synaptogen._utils import Shape, checks, replacing, require
from synaptogen.engines import STARTS, CellIds, ReadNumbers
from synaptogen.params import DeviceParams
from synaptogen.state import ArraySpec

FORMAT = "synaptogen/cell-array"
VERSION = 3
CHUNK = 1 << 20  # cells

State = Mapping[str, NDArray[Any]]


class Saved(NamedTuple):
    """What is known of a saved array besides the state of its cells."""

    spec: ArraySpec
    shape: tuple[int, ...]
    reads: int = 0
    products: int = 0
    voltages: int = 0  # that all cells have seen, where that was counted

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)


class Writer:
    """A group that is being written, and its arrays by name."""

    # chunks of zeros are written too: a chunk that is not there is a defect, see `whole`
    CONFIG: ClassVar = {"write_empty_chunks": True}

    def __init__(self, group: Any, arrays: dict[str, Any]) -> None:
        self.group, self.arrays = group, arrays

    @classmethod
    def new(cls, folder: Path, size: int, layout: State, chunk: int = CHUNK, *, compress: bool = True) -> Self:
        """A new group for so many cells; ``layout`` is the state of any number of such cells."""
        writer = cls(require("zarr", "zarr").create_group(folder, zarr_format=3), {})
        for name, block in layout.items():
            writer.add(name, (*block.shape[:-1], size), block.dtype, chunk, compress=compress)
        return writer

    @classmethod
    def joining(cls, folder: Path, names: Iterable[str]) -> Self:
        """A group that another process has begun."""
        open_array = require("zarr", "zarr").open_array
        return cls(None, {name: open_array(folder / name, mode="r+", config=cls.CONFIG) for name in names})

    def add(self, name: str, shape: Shape, dtype: Any, chunk: int = CHUNK, *, compress: bool = True) -> Any:
        """A new array."""
        chunks = (*shape[:-1], min(shape[-1], chunk))
        self.arrays[name] = self.group.create_array(
            name, shape=shape, chunks=chunks, dtype=dtype, compressors="auto" if compress else None, config=self.CONFIG
        )
        return self.arrays[name]

    def write(self, begin: int, state: State) -> None:
        """Write the state of the cells from ``begin`` on."""
        for name, block in state.items():
            self.arrays[name][..., begin : begin + block.shape[-1]] = block

    def finish(self, saved: Saved) -> None:
        """Write what is known of the array: last, so that a folder with these attributes is complete."""
        r = saved.spec
        self.group.attrs.update(
            format=FORMAT,
            version=VERSION,
            engine=r.engine,
            storage=r.storage,
            shape=list(saved.shape),
            seed=str(r.seed),
            first=str(r.first),
            start=r.start,
            bandwidth=r.bandwidth,
            read_count=saved.reads,
            products=saved.products,
            voltages=saved.voltages,
            params=json.loads(r.params.to_json()),
            arrays=sorted(self.arrays),
        )


def layout_of(spec: ArraySpec) -> State:
    """The kinds of state that cells of a spec have, each array with one cell."""
    return spec.populate(CellIds(1), 1, fill=False).dump(0, 1)


def recount(folder: Path, saved: Saved) -> None:
    """Write anew how often the array was read and multiplied."""
    about = json.loads((folder / "zarr.json").read_text())
    about["attributes"] |= {"read_count": saved.reads, "products": saved.products}
    with replacing(folder / "zarr.json") as beside:
        beside.write_text(json.dumps(about))


def is_ours(path: Path) -> bool:
    """Is there a complete array of this format, whichever its version?"""
    try:
        return bool(json.loads((path / "zarr.json").read_text())["attributes"]["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def opened(path: Path) -> Any:
    """The group of a saved array.

    Raises FileNotFoundError if there is nothing, and ValueError if it is something else or of another version.
    """
    zarr = require("zarr", "zarr")
    if not path.exists():
        aside = next(path.absolute().parent.glob(f".{glob.escape(path.name)}.old.*"), None)
        hint = "" if aside is None else f"; a save was interrupted, and what was there before it is {aside}: rename it"
        raise FileNotFoundError(f"there is no saved array at {path}{hint}")
    if not is_ours(path):
        raise ValueError(f"{path} is not an array saved by synaptogen, or was cut short while it was written")
    try:
        group = zarr.open_group(path, mode="r")
        version = group.attrs["version"]
    except DAMAGE as error:
        raise damaged(path, error) from error
    if version != VERSION:
        raise ValueError(
            f"{path} was saved in version {version} of the format, and this installation reads version {VERSION}: "
            "use the release of synaptogen that wrote it"
        )
    return group


DAMAGE = (KeyError, IndexError, TypeError, ValueError, OSError, EOFError, RuntimeError)
"""What reading a damaged array may raise."""


def damaged(path: Path, error: Exception) -> ValueError:
    """The error to raise instead."""
    return ValueError(f"{path} is damaged: {error}")


def described(group: Any) -> Saved:
    """What a group says of itself."""
    a = group.attrs
    checks.one_of("start", a["start"], STARTS)
    spec = ArraySpec(
        DeviceParams.from_json(a["params"]),
        a["engine"],
        a.get("storage", "full"),
        int(a["seed"]),
        a["start"],
        float(a["bandwidth"]),
        int(a["first"]),
    )
    return Saved(spec, checks.shape(tuple(a["shape"])), a["read_count"], a["products"], a.get("voltages", 0))


class Reader(NamedTuple):
    """The arrays of a group that hold the state of cells, and who the cells are."""

    arrays: Mapping[str, Any]
    ids: NDArray[Any] | None
    counts: NDArray[Any] | None

    @classmethod
    def of(cls, group: Any, size: int) -> "Reader":
        """The arrays of ``size`` cells. Raises ValueError if one is of another size, or chunks are missing."""
        arrays = {name: whole(group[name]) for name in group.attrs["arrays"]}
        ids, counts = (arrays.pop(name)[:] if name in arrays else None for name in ("ids", "reads"))
        for name, array in arrays.items():
            if array.shape[-1] != size:
                raise ValueError(f"{name} holds {array.shape[-1]} cells in place of {size}")
        return cls(arrays, ids, counts)

    def state(self, begin: int, end: int, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """The state of a range of cells, all of it or that of some names."""
        arrays = self.arrays if names is None else {name: self.arrays[name] for name in names}
        return {name: array[..., begin:end] for name, array in arrays.items()}

    def reads(self, times: int) -> ReadNumbers:
        """How often the cells were read."""
        return ReadNumbers(times, self.counts)


def whole(array: Any) -> Any:
    """The array, if all of its chunks are there: zarr would read zeros for those that are not."""
    if array.nchunks_initialized != array.nchunks:
        raise ValueError(f"{array.nchunks - array.nchunks_initialized} chunks of {array.name} are missing")
    return array
