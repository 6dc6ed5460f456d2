"""The format of saved arrays: a zarr group with one array for each kind of state, the cell as last axis.

Ranges of cells can be written and read in any order, by any number of processes as long as each writes whole chunks.
"""

import glob
import json
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from synaptogen._utils import AnyArray, Shape, checks, replacing, require
from synaptogen.engines import STARTS, CellIds, ReadNumbers
from synaptogen.params import DeviceParams
from synaptogen.state import ArraySpec

if TYPE_CHECKING:
    import zarr

FORMAT = "synaptogen/cell-array"
VERSION = 3
CHUNK = 1 << 20  # cells

State: TypeAlias = Mapping[str, AnyArray]
"""The state of some cells by its kinds, as `Engine.dump` gives it: arrays with the cell as last axis."""
ZarrArray: TypeAlias = "zarr.Array[Any]"
"""An array on disk."""


class Saved(NamedTuple):
    """The description of a saved array: everything but the state of its cells."""

    spec: ArraySpec
    """Everything that determines the cells."""
    shape: Shape
    """Shape of the array."""
    reads: int = 0
    """Number of the next read."""
    products: int = 0
    """Number of the next crossbar product."""
    voltages: int = 0
    """Number of voltages applied to all cells, where that is counted."""

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)


class Writer:
    """A group that is being written.

    Parameters
    ----------
    group : zarr.Group, optional
        The group; default: none, for a process that writes only into arrays made by another.
    arrays : dict of str to zarr.Array
        Its arrays by name.
    """

    # chunks of zeros are written too: a missing chunk means damage, see `_require_all_chunks`
    CONFIG: ClassVar[Any] = {"write_empty_chunks": True}

    def __init__(self, group: "zarr.Group | None", arrays: dict[str, ZarrArray]) -> None:
        self.group, self.arrays = group, arrays

    @classmethod
    def new(cls, folder: Path, size: int, layout: State, chunk: int = CHUNK, *, compress: bool = True) -> Self:
        """Make a group for the state of cells.

        Parameters
        ----------
        folder : Path
            Directory to make.
        size : int
            Number of cells.
        layout : mapping of str to array
            State of any number of such cells, for names, types and other axes; see `state_layout`.
        chunk : int
            Cells of a chunk.
        compress : bool
            Compress chunks.

        Returns
        -------
        Writer
        """
        writer = cls(require("zarr", "zarr").create_group(folder, zarr_format=3), {})
        for name, block in layout.items():
            writer.add(name, (*block.shape[:-1], size), block.dtype, chunk, compress=compress)
        return writer

    @classmethod
    def reopen(cls, folder: Path, names: Iterable[str]) -> Self:
        """Open arrays of a group that another process has made, to write into them.

        Parameters
        ----------
        folder : Path
            Directory of the group.
        names : iterable of str
            Names of the arrays.

        Returns
        -------
        Writer
        """
        open_array = require("zarr", "zarr").open_array
        return cls(None, {name: open_array(folder / name, mode="r+", config=cls.CONFIG) for name in names})

    def add(self, name: str, shape: Shape, dtype: DTypeLike, chunk: int = CHUNK, *, compress: bool = True) -> ZarrArray:
        """Make an array in the group.

        Parameters
        ----------
        name : str
            Its name.
        shape : tuple of int
            Its shape, the cell as last axis.
        dtype : dtype
            Type of its numbers.
        chunk : int
            Cells of a chunk.
        compress : bool
            Compress chunks.

        Returns
        -------
        zarr.Array
        """
        assert self.group is not None
        chunks = (*shape[:-1], min(shape[-1], chunk))
        self.arrays[name] = self.group.create_array(
            name, shape=shape, chunks=chunks, dtype=dtype, compressors="auto" if compress else None, config=self.CONFIG
        )
        return self.arrays[name]

    def write(self, begin: int, state: State) -> None:
        """Write the state of a range of cells.

        Parameters
        ----------
        begin : int
            The first cell.
        state : mapping of str to array
            Their state.
        """
        for name, block in state.items():
            self.arrays[name][..., begin : begin + block.shape[-1]] = block

    def finish(self, saved: Saved) -> None:
        """Write the description of the array: last, so that a folder that has one is complete."""
        assert self.group is not None
        spec = saved.spec
        self.group.attrs.update(
            format=FORMAT,
            version=VERSION,
            engine=spec.engine,
            storage=spec.storage,
            shape=list(saved.shape),
            seed=str(spec.seed),
            first=str(spec.first),
            start=spec.start,
            bandwidth=spec.bandwidth,
            read_count=saved.reads,
            products=saved.products,
            voltages=saved.voltages,
            params=json.loads(spec.params.to_json()),
            arrays=sorted(self.arrays),
        )


def state_layout(spec: ArraySpec) -> State:
    """Return the state of one cell of a spec: names, types and axes of the arrays to write."""
    return spec.populate(CellIds(1), 1, fill=False).dump(0, 1)


def update_counts(folder: Path, saved: Saved) -> None:
    """Replace the numbers of reads and products in a saved array.

    Parameters
    ----------
    folder : Path
        Its directory.
    saved : Saved
        Its description, with the new numbers.
    """
    about = json.loads((folder / "zarr.json").read_text())
    about["attributes"] |= {"read_count": saved.reads, "products": saved.products}
    with replacing(folder / "zarr.json") as beside:
        beside.write_text(json.dumps(about))


def is_saved_array(path: Path) -> bool:
    """Return whether a complete array of this format, of any version, is at ``path``."""
    try:
        return bool(json.loads((path / "zarr.json").read_text())["attributes"]["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def open_saved(path: Path) -> "zarr.Group":
    """Return the group of a saved array, for reading.

    Parameters
    ----------
    path : Path
        Its directory.

    Returns
    -------
    zarr.Group

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is something else, or of another version.
    """
    zarr_module = require("zarr", "zarr")
    if not path.exists():
        aside = next(path.absolute().parent.glob(f".{glob.escape(path.name)}.old.*"), None)
        hint = "" if aside is None else f"; a save was interrupted, and what was there before it is {aside}: rename it"
        raise FileNotFoundError(f"there is no saved array at {path}{hint}")
    if not is_saved_array(path):
        raise ValueError(f"{path} is not an array saved by synaptogen, or was cut short while it was written")
    try:
        group: zarr.Group = zarr_module.open_group(path, mode="r")
        version = group.attrs["version"]
    except DAMAGE as error:
        raise damage_error(path, error) from error
    if version != VERSION:
        raise ValueError(
            f"{path} was saved in version {version} of the format, and this installation reads version {VERSION}: "
            "use the release of synaptogen that wrote it"
        )
    return group


DAMAGE = (KeyError, IndexError, TypeError, ValueError, OSError, EOFError, RuntimeError)
"""Errors that reading a damaged array may raise."""


def damage_error(path: Path, error: Exception) -> ValueError:
    """Return the error for users when a saved array is damaged.

    Parameters
    ----------
    path : Path
        Directory of the array.
    error : Exception
        The error that reading it has raised, one of `DAMAGE`.

    Returns
    -------
    ValueError
    """
    return ValueError(f"{path} is damaged: {error}")


def describe(group: "zarr.Group") -> Saved:
    """Return the description of a saved array.

    Parameters
    ----------
    group : zarr.Group
        Its group, from `open_saved`.

    Returns
    -------
    Saved

    Raises
    ------
    Exception
        One of `DAMAGE` if the description is damaged.
    """
    a: Mapping[str, Any] = group.attrs
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
    """The arrays of a group that is read."""

    arrays: Mapping[str, ZarrArray]
    """State of the cells by its kinds, the cell as last axis."""
    ids: AnyArray | None
    """Ids of the cells (size,) where they do not follow each other."""
    counts: AnyArray | None
    """Numbers of reads, one per cell, where they differ."""

    @classmethod
    def from_group(cls, group: "zarr.Group", size: int) -> "Reader":
        """Return the arrays of a group, once it is clear that they are complete.

        Parameters
        ----------
        group : zarr.Group
            The group, from `open_saved`.
        size : int
            Number of cells.

        Returns
        -------
        Reader

        Raises
        ------
        ValueError
            If an array is of another size, or chunks are missing.
        """
        names: Any = group.attrs["arrays"]
        arrays = {name: _require_all_chunks(group[name]) for name in names}
        ids, counts = (np.asarray(arrays.pop(name)[:]) if name in arrays else None for name in ("ids", "reads"))
        for name, array in arrays.items():
            if array.shape[-1] != size:
                raise ValueError(f"{name} holds {array.shape[-1]} cells in place of {size}")
        return cls(arrays, ids, counts)

    def state(self, begin: int, end: int, names: Collection[str] | None = None) -> dict[str, AnyArray]:
        """Read the state of a range of cells.

        Parameters
        ----------
        begin, end : int
            The first cell, and the one after the last.
        names : collection of str, optional
            Kinds of state to read; default: all.

        Returns
        -------
        dict of str to array
        """
        arrays = self.arrays if names is None else {name: self.arrays[name] for name in names}
        return {name: np.asarray(array[..., begin:end]) for name, array in arrays.items()}

    def reads(self, times: int) -> ReadNumbers:
        """Return the numbers of the next reads: ``times`` for all cells, unless each has its own."""
        return ReadNumbers(times, self.counts)


def _require_all_chunks(array: Any) -> ZarrArray:
    """Return the array if all of its chunks exist: zarr would read zeros for those that are missing."""
    if array.nchunks_initialized != array.nchunks:
        raise ValueError(f"{array.nchunks - array.nchunks_initialized} chunks of {array.name} are missing")
    checked: ZarrArray = array
    return checked
