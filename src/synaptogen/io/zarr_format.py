"""The arrays of a saved array: a zarr group with one for each kind of state, the cell as last axis.

Ranges of cells can be written and read in any order, by any number of processes as long as each writes whole chunks.
The description of the group is in `description`.
"""

import hashlib
import math
import threading
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from synaptogen._utils import AnyArray, Shape, Uninterrupted, load_small, parse_object, require, require_regular
from synaptogen.engines import CellIds, ReadNumbers
from synaptogen.state import ArraySpec, CellState, ClockTime

from .description import ID_BITS, Checksums, Description, Saved, attributes_of

if TYPE_CHECKING:
    import zarr

CHUNK = 1 << 20  # cells
SPECIAL = ("ids", "reads")
"""Arrays that only some saved arrays have: ids that do not follow each other, numbers of reads that differ."""
_CRC = 4  # bytes of a checksum, at the end of a chunk
_LARGEST = 1 << 16  # bytes of the metadata of an array
_CONFIGURING = threading.Lock()
_ZSTD = bytes.fromhex("28b52ffd")

State: TypeAlias = Mapping[str, AnyArray]
"""The state of some cells by its kinds, as `Engine.dump` gives it: arrays with the cell as last axis."""
ZarrArray: TypeAlias = "zarr.Array[Any]"
"""An array on disk."""


class Writer:
    """A group that is being written.

    Ctrl-C comes between the calls of zarr, whose threads would otherwise go on writing after it.

    Parameters
    ----------
    folder : Path
        Its directory.
    group : zarr.Group, optional
        The group; default: none, for a process that writes only into arrays made by another.
    arrays : dict of str to zarr.Array
        Its arrays by name.
    """

    # chunks of zeros are written too: a missing chunk means damage
    CONFIG: ClassVar[Any] = {"write_empty_chunks": True}

    def __init__(self, folder: Path, group: "zarr.Group | None", arrays: dict[str, ZarrArray]) -> None:
        self.folder, self.group, self.arrays = folder, group, arrays

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
        create_group = require("zarr", "zarr").create_group
        with Uninterrupted():
            writer = cls(folder, create_group(folder, zarr_format=3), {})
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
        zarr_module = require("zarr", "zarr")
        # `open_array` takes a configuration, but does not heed it; that of the library is the same for all threads
        with _CONFIGURING, zarr_module.config.set({f"array.{name}": value for name, value in cls.CONFIG.items()}):
            arrays = {name: zarr_module.open_array(folder / name, mode="r+") for name in names}
        return cls(folder, None, arrays)

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
        codecs = require("zarr.codecs", "zarr")
        with Uninterrupted():
            self.arrays[name] = self.group.create_array(
                name,
                shape=shape,
                chunks=(*shape[:-1], min(shape[-1], chunk)),
                dtype=dtype,
                compressors=(*([codecs.ZstdCodec(level=0)] if compress else []), codecs.Crc32cCodec()),
                config=self.CONFIG,
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
            with Uninterrupted():
                self.arrays[name][..., begin : begin + block.shape[-1]] = block

    def finish(self, saved: Saved) -> str:
        """Write the description of the array: last, so that a folder that has one is complete.

        Parameters
        ----------
        saved : Saved
            What the array is.

        Returns
        -------
        str
            The token of the array.
        """
        assert self.group is not None
        checksums = {}
        for name in self.arrays:
            stored = StoredArray.open(self.folder / name)
            checksums[name] = {"metadata": stored.digest, "chunks": stored.checksums(0, stored.chunks)}
        attributes = attributes_of(saved, checksums)
        with Uninterrupted():
            self.group.update_attributes(attributes)  # in one step: `attrs.update` writes the file once for each
        return str(attributes["id"])


def state_layout(spec: ArraySpec, time: ClockTime) -> State:
    """Return the state of one cell: names, types and axes of the arrays to write.

    Parameters
    ----------
    spec : ArraySpec
        Everything that determines the cells.
    time : ClockTime
        What time it is for them.

    Returns
    -------
    dict of arrays
    """
    return CellState.build(spec, CellIds(1), 1, fill=False, time=time).dump(0, 1)


class StoredArray(NamedTuple):
    """An array on disk: its metadata and the files of its chunks, before anything that they say is believed."""

    folder: Path
    """Its directory."""
    digest: str
    """SHA-256 of its metadata."""
    shape: Shape
    """Its shape, the cell as last axis."""
    dtype: str
    """Name of the type of its numbers."""
    chunk: int
    """Cells of a chunk."""
    compressed: bool
    """Whether chunks are compressed."""
    checked: bool
    """Whether chunks end with a checksum."""

    @classmethod
    def open(cls, folder: Path) -> "StoredArray":
        """Read the metadata of an array.

        Parameters
        ----------
        folder : Path
            Its directory.

        Returns
        -------
        StoredArray

        Raises
        ------
        Exception
            One of `DAMAGE` if it is not in the form that `Writer` gives it.
        """
        content = load_small(folder / "zarr.json", _LARGEST)
        about = parse_object(content)
        shape, chunks = (tuple(map(_size, sizes)) for sizes in (about["shape"], _part(about, "chunk_grid", "regular")))
        codecs = [codec["name"] for codec in about["codecs"]]
        if codecs[:1] != ["bytes"] or codecs[1:] not in ([], ["zstd"], ["crc32c"], ["zstd", "crc32c"]):
            raise ValueError(f"{folder.name} has the codecs {codecs}, which no saved array has")
        if not shape or chunks[:-1] != shape[:-1] or _part(about, "chunk_key_encoding", "default") != "/":
            raise ValueError(f"{folder.name} is cut into chunks as no saved array is")
        digest = hashlib.sha256(content).hexdigest()
        return cls(folder, digest, shape, str(about["data_type"]), chunks[-1], "zstd" in codecs, "crc32c" in codecs)

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-self.shape[-1] // self.chunk)

    @property
    def _place(self) -> Path:
        return self.folder.joinpath("c", *["0"] * (len(self.shape) - 1))

    def require_all_chunks(self) -> None:
        """Require that all chunks exist: zarr would read zeros for those that are missing."""
        try:
            found = {entry.name for entry in self._place.iterdir()}
        except (FileNotFoundError, NotADirectoryError):
            found = set()
        missing = self.chunks - len(found)
        if missing > 0 or (missing := sum(str(k) not in found for k in range(self.chunks))):
            raise ValueError(f"{missing} chunks of {self.folder.name} are missing")

    def checksums(self, begin: int, end: int) -> str:
        """Return the checksums at the ends of chunks.

        Parameters
        ----------
        begin, end : int
            The first chunk, and the one after the last.

        Returns
        -------
        str
            8 digits for each.
        """
        return "".join(self._ends(k)[1].hex() for k in range(begin, end))

    def require_chunks(self, begin: int, end: int, expected: str | None) -> None:
        """Require that chunks are those that were saved, by their checksums, and not more than they should be.

        Parameters
        ----------
        begin, end : int
            The first chunk, and the one after the last.
        expected : str, optional
            The checksums of all chunks; default: none are known.
        """
        size = self.chunk * math.prod(self.shape[:-1]) * np.dtype(self.dtype).itemsize
        for k in range(begin, end):
            head, tail, length = self._ends(k)
            stored = length - _CRC * self.checked
            unpacked = _zstd_size(head) if self.compressed else stored
            if unpacked != size or stored > 2 * size + 1024:
                raise ValueError(f"chunk {k} of {self.folder.name} holds {unpacked} bytes in place of {size}")
            if expected is not None and tail.hex() != expected[8 * k : 8 * k + 8]:
                raise ValueError(f"chunk {k} of {self.folder.name} is not the one that was saved: its checksum differs")

    def require_file(self, k: int) -> None:
        """Require that a chunk exists."""
        require_regular(self._place / str(k))

    def _ends(self, k: int) -> tuple[bytes, bytes, int]:
        """Return the first and the last bytes of a chunk, and its length."""
        self.require_file(k)
        with (self._place / str(k)).open("rb") as file:
            head = file.read(18)
            length = file.seek(0, 2)
            file.seek(max(0, length - _CRC))
            return head, file.read(_CRC), length


class Reader(NamedTuple):
    """The arrays of a group that is read."""

    stored: Mapping[str, StoredArray]
    """State of the cells by its kinds, the cell as last axis."""
    checksums: Checksums | None
    """Checksums of all arrays, where there are any."""
    ids: AnyArray | None
    """Ids of the cells (size,) where they do not follow each other."""
    counts: AnyArray | None
    """Numbers of reads, one per cell, where they differ."""

    @classmethod
    def open(cls, description: Description, layout: State, size: int) -> "Reader":
        """Return the arrays of a group, once it is clear that they are complete and of the right form.

        Parameters
        ----------
        description : Description
            Description of the group.
        layout : mapping of str to array
            State of any number of such cells, for names, types and other axes; see `state_layout`.
        size : int
            Number of cells.

        Returns
        -------
        Reader

        Raises
        ------
        Exception
            One of `DAMAGE` if arrays or chunks are missing, or are not those that were saved.
        """
        names, checksums = description.names, description.checksums
        if set(names) - set(SPECIAL) != layout.keys() or len(set(names)) != len(names):
            raise ValueError(
                f"it lists the arrays {', '.join(names)[:200]}; cells of its kind have {', '.join(layout)}"
            )
        stored = {name: StoredArray.open(description.path / name) for name in names}
        for name, array in stored.items():
            if checksums is not None and array.digest != checksums[name]["metadata"]:
                raise ValueError(f"the metadata of {name} is not what was saved")
            expected, dtype = _form(name, layout, size)
            if (array.shape, array.dtype) != (expected, dtype.name):
                raise ValueError(f"{name} holds {array.shape} of {array.dtype} in place of {expected} of {dtype.name}")
            if checksums is not None and (not array.checked or len(checksums[name]["chunks"]) != 8 * array.chunks):
                raise ValueError(f"{name} lacks checksums")
            array.require_all_chunks()
        reader = cls(stored, checksums, None, None)
        ids, counts = (reader.state(0, stored[n].shape[-1], [n])[n] if n in stored else None for n in SPECIAL)
        if ids is not None and (ids >> np.uint64(ID_BITS)).any():
            raise ValueError(f"there are ids of cells above 2**{ID_BITS} - 1")
        return reader._replace(stored={n: a for n, a in stored.items() if n not in SPECIAL}, ids=ids, counts=counts)

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

        Raises
        ------
        Exception
            One of `DAMAGE` if a chunk is not the one that was saved.
        """
        return {name: self._read(name, begin, end) for name in (self.stored if names is None else names)}

    def _read(self, name: str, begin: int, end: int) -> AnyArray:
        array = self.stored[name]
        chunks = range(begin // array.chunk, -(-end // array.chunk))
        expected = None if self.checksums is None else self.checksums[name]["chunks"]
        array.require_chunks(chunks.start, chunks.stop, expected)
        values = np.asarray(require("zarr", "zarr").open_array(array.folder, mode="r")[..., begin:end])
        for k in chunks:
            array.require_file(k)  # raises if the chunk has gone meanwhile, for which zarr reads zeros
        return values

    def reads(self, times: int) -> ReadNumbers:
        """Return the numbers of the next reads: ``times`` for all cells, unless each has its own."""
        return ReadNumbers(times, self.counts)


def _form(name: str, layout: State, size: int) -> tuple[Shape, np.dtype[Any]]:
    """Return the shape and the type that an array of a group must have."""
    if name in layout:
        return (*layout[name].shape[:-1], size), layout[name].dtype
    return ((size,), np.dtype("u8")) if name == "ids" else ((-(-size // 64) * 64,), np.dtype("u4"))


def _size(value: Any) -> int:
    if type(value) is not int or not 0 < value <= 1 << ID_BITS:
        raise ValueError(f"{str(value)[:80]!r} is no length of an axis")
    return int(value)


def _part(about: Mapping[str, Any], name: str, kind: str) -> Any:
    """Return the only setting of a part of the metadata of an array, which must be of one kind."""
    part = about[name]
    if part["name"] != kind:
        raise ValueError(f"its {name} is {part['name']!r}, not {kind!r}")
    (setting,) = part["configuration"].values()
    return setting


def _zstd_size(head: bytes) -> int:
    """Return the size that a Zstandard frame says it unpacks to (RFC 8878, 3.1.1.1); -1 if it does not say."""
    if len(head) < 5 or head[:4] != _ZSTD:
        return -1
    flags = head[4]
    single = bool(flags & 0x20)
    at = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    width = (int(single), 2, 4, 8)[flags >> 6]
    if not width:
        return -1
    return int.from_bytes(head[at : at + width], "little") + 256 * (width == 2)
