"""The description of a saved array, in the attributes of its group: what there is, how to tell it from others, checks.

Version 4 of the format has checks that version 3 had not: a digest of the description, an id that is new with every
save, and the checksums of all chunks. Arrays of version 3 are read without them. Version 5 adds the time of the cells;
arrays whose clock has never moved are written as version 4.
"""

import glob
import hashlib
import json
import math
import os
import secrets
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from synaptogen._utils import Shape, checks, load_small, parse_object, replacing, set_aside, writing
from synaptogen.engines import ENGINES, STARTS, STORAGES
from synaptogen.params import DeviceParams
from synaptogen.state import TIME_ZERO, ArraySpec, ClockTime

FORMAT = "synaptogen/cell-array"
TIMED, VERSION, UNCHECKED = 5, 4, 3
"""The versions that are written, with and without time, and an earlier one without checks, which is read, too."""
_MOST_INSTANTS = 1 << 22
_MOST_DIGITS = 60  # of an age
ID_BITS = 56  # of the id of a cell
_MOST_AXES = 60  # NumPy has 64, and results need some before those of the array
_LARGEST = 1 << 26  # bytes of a description
_DROPPINGS = (".DS_Store", "._", ".nfs", ".fuse_hidden", "Thumbs.db", "desktop.ini", ".zarr.json.")
"""How names begin that systems leave in folders, and a count of reads that was killed."""
_COUNTERS = ("read_count", "products")
_SPEC = ("engine", "storage", "shape", "seed", "first", "start", "bandwidth", "params")
_KNOWN = frozenset(("format", "version", *_SPEC, *_COUNTERS, "voltages", "arrays"))
_CHECKS = frozenset(("id", "checksums", "digest"))
_TIME = frozenset(("ticks", "age", "instants"))

Checksums: TypeAlias = Mapping[str, Mapping[str, str]]
"""For each array: "metadata", the SHA-256 of its zarr.json, and "chunks", the CRC32C of its chunks, 8 digits each."""

DAMAGE = (KeyError, IndexError, TypeError, ValueError, OSError, EOFError, RuntimeError, ArithmeticError, AttributeError)
"""Errors that reading a damaged array may raise."""


class ReplacedError(ValueError):
    """What is at a path is another array than the one that was opened there."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is another array than the one that was opened or left there: another process or object has "
            "replaced it. Open it again"
        )


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
    time: ClockTime = TIME_ZERO
    """What time it is for the cells."""

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)


class Description(NamedTuple):
    """The attributes of a saved array, once it is clear that they are those that were written."""

    path: Path
    """Its directory."""
    attributes: Mapping[str, Any]
    """The attributes."""
    token: str
    """A text that differs from that of every other save, also one to the same place."""

    @property
    def checksums(self) -> Checksums | None:
        """Checksums of the arrays, None for arrays of earlier versions."""
        found: Checksums | None = self.attributes.get("checksums")
        return found

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""
        names = self.attributes["arrays"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"the attribute arrays is {names!r}, not a list of names")
        return names

    def saved(self) -> Saved:
        """Return the description in the form of this package.

        Raises
        ------
        Exception
            One of `DAMAGE` if a value is none that an array can have.
        """
        a = self.attributes
        for name, known in (("engine", ENGINES), ("start", STARTS)):
            checks.one_of(name, a[name], known)
        checks.one_of("storage", a.get("storage", "full"), STORAGES)
        shape = _shape(a["shape"])
        spec = ArraySpec(
            DeviceParams.from_json(_object("params", a["params"])),
            a["engine"],
            a.get("storage", "full"),
            _digits("seed", a["seed"], 1 << 64),
            a["start"],
            checks.bandwidth(a["bandwidth"]),
            _digits("first", a["first"], (1 << ID_BITS) + 1 - math.prod(shape)),
        )
        reads, products = (_count(name, a[name]) for name in _COUNTERS)
        voltages = _count("voltages", a.get("voltages", 0))
        return Saved(spec, shape, reads, products, voltages, _time(a) if a["version"] == TIMED else TIME_ZERO)


def attributes_of(saved: Saved, checksums: Checksums) -> dict[str, Any]:
    """Return the attributes of a new save, with a digest of their own.

    Parameters
    ----------
    saved : Saved
        What is saved.
    checksums : mapping
        Checksums of its arrays.

    Returns
    -------
    dict
        For JSON.
    """
    spec = saved.spec
    content = {
        "format": FORMAT,
        "version": TIMED if saved.time != TIME_ZERO else VERSION,
        "engine": spec.engine,
        "storage": spec.storage,
        "shape": list(saved.shape),
        "seed": str(spec.seed),
        "first": str(spec.first),
        "start": spec.start,
        "bandwidth": float(spec.bandwidth),
        "read_count": saved.reads,
        "products": saved.products,
        "voltages": saved.voltages,
        "params": json.loads(spec.params.to_json()),
        "arrays": sorted(checksums),
        "id": secrets.token_hex(16),
        "checksums": checksums,
        **({} if saved.time == TIME_ZERO else _attributes_of_time(saved.time)),
    }
    return content | {"digest": _digest(content)}


def is_saved_array(path: Path) -> bool:
    """Return whether a complete array of this format, of any version, is at ``path``."""
    return _names_of(path) is not None


def _names_of(path: Path) -> set[str] | None:
    """Return the names of all files and folders of a saved array, damaged or not; None where there is none."""
    try:
        attributes = _load(path / "zarr.json")["attributes"]
        if attributes["format"] != FORMAT:
            return None
        return {"zarr.json", *filter(_is_text, attributes["arrays"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def require_nothing_else(path: Path) -> None:
    """Require that a folder holds a saved array, and nothing of the user's, which would be lost with it.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    FileExistsError
        If it is no saved array, or holds more than that.
    """
    names = _names_of(path)
    if names is None:
        raise FileExistsError(f"{path} is not an array saved by synaptogen: remove it yourself or give another path")
    others = sorted(name for name in os.listdir(path) if name not in names and not name.startswith(_DROPPINGS))
    if others:
        raise FileExistsError(
            f"{path} would be replaced, and holds {others[0]!r}, which does not belong to the array: move it elsewhere"
        )


def read_description(path: Path) -> Description:
    """Read the description of a saved array.

    Parameters
    ----------
    path : Path
        Its directory.

    Returns
    -------
    Description

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is something else, of another version, or damaged.
    """
    if not path.exists():
        aside = set_aside(path) or next(
            iter(sorted(path.absolute().parent.glob(f".{glob.escape(path.name)}.old.*"))), None
        )
        hint = "" if aside is None else f"; a save was interrupted, and what was there before it is {aside}: rename it"
        raise FileNotFoundError(f"there is no saved array at {path}{hint}")
    try:
        group = _load(path / "zarr.json")
        attributes = group["attributes"]
        if attributes["format"] != FORMAT:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f": {error}" if str(error) else ""
        raise ValueError(
            f"{path} is not an array saved by synaptogen, or was cut short while it was written{reason}"
        ) from error
    try:
        version = attributes["version"]
        if version not in (TIMED, VERSION, UNCHECKED) or isinstance(version, bool | float):
            raise _version_error(path, version)
        if (group.get("zarr_format"), group.get("node_type")) != (3, "group"):
            raise ValueError("zarr.json describes no group of zarr format 3")
        checked = version != UNCHECKED
        _refuse_others(attributes, _KNOWN | (_CHECKS if checked else set()) | (_TIME if version == TIMED else set()))
        if checked and attributes["digest"] != _digest(attributes):
            raise ValueError("the digest of its description does not match: zarr.json has been changed")
        return Description(path, attributes, attributes["id"] if checked else _old_token(path, attributes))
    except _VersionError:
        raise
    except DAMAGE as error:
        raise damage_error(path, error) from error


class _VersionError(ValueError):
    """The format has another version."""


def _version_error(path: Path, version: object) -> _VersionError:
    return _VersionError(
        f"{path} was saved in version {version} of the format, and this installation reads versions {UNCHECKED} to "
        f"{TIMED}: use the release of synaptogen that wrote it"
    )


def update_counts(path: Path, token: str, saved: Saved, patience: float = 0.5) -> None:
    """Replace the numbers of reads and products in a saved array.

    While another process is replacing the array, nothing is written: what is there now will be gone.

    Parameters
    ----------
    path : Path
        Its directory.
    token : str
        Its token.
    saved : Saved
        Its description, with the new numbers.
    patience : float
        Seconds to wait for another writer.

    Raises
    ------
    ReplacedError
        If another array is there now.
    PermissionError
        If nothing can be written there.
    """
    try:
        with writing(path, patience):
            require_same(path, token)
            about = _load(path / "zarr.json")
            about["attributes"] |= {"read_count": saved.reads, "products": saved.products}
            if "digest" in about["attributes"]:
                about["attributes"]["digest"] = _digest(about["attributes"])
            with replacing(path / "zarr.json") as beside:
                beside.write_text(json.dumps(about), encoding="utf-8")
    except BlockingIOError:
        return
    except PermissionError as error:
        raise PermissionError(
            f"{path} cannot be written, where reads and products with noise are counted: use current(u), bandwidth=0, "
            "or a copy of the array"
        ) from error


def require_same(path: Path, token: str) -> None:
    """Require that an array is still the one that was opened.

    Parameters
    ----------
    path : Path
        Its directory.
    token : str
        Its token.

    Raises
    ------
    ReplacedError
        If another array is there now.
    FileNotFoundError, ValueError
        If none is.
    """
    if read_description(path).token != token:
        raise ReplacedError(path)


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
    lacking = isinstance(error, KeyError)
    return ValueError(f"{path} is damaged: {f'{error} is missing' if lacking else error}")


def _load(path: Path) -> dict[str, Any]:
    return parse_object(load_small(path, _LARGEST))


def _digest(attributes: Mapping[str, Any]) -> str:
    """Return the digest of all attributes but itself, whatever their order and spacing."""
    content = {name: value for name, value in attributes.items() if name != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _old_token(path: Path, attributes: Mapping[str, Any]) -> str:
    """Return a token for an array of a version that has no id: its content, and the folder that it is in."""
    place = path.stat()
    content = {name: value for name, value in attributes.items() if name not in _COUNTERS}
    return f"{_digest(content)}-{place.st_dev}-{place.st_ino}"


def _refuse_others(attributes: Mapping[str, Any], known: frozenset[str]) -> None:
    others = sorted(attributes.keys() - known)
    if others:
        raise ValueError(f"unknown attributes {', '.join(map(repr, others))}")


def _shape(value: Any) -> Shape:
    if not isinstance(value, list) or len(value) > _MOST_AXES or any(type(size) is not int for size in value):
        raise ValueError(f"the attribute shape is {str(value)[:80]}, not a list of at most {_MOST_AXES} sizes")
    shape = checks.shape(tuple(value))
    if math.prod(shape) > 1 << ID_BITS:
        raise ValueError(f"the attribute shape is {value}: so many cells have no ids")
    return shape


def _digits(name: str, value: Any, end: int) -> int:
    if not isinstance(value, str) or not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
        raise ValueError(f"the attribute {name} is {str(value)[:80]!r}, not digits")
    number = int(value)
    if number >= end:
        raise ValueError(f"the attribute {name} is {number}, which is too large")
    return number


def _attributes_of_time(time: ClockTime) -> dict[str, Any]:
    """Return the time of cells for JSON, whole numbers as texts of digits."""
    return {"ticks": str(time.ticks), "age": str(time.age), "instants": [str(instant) for instant in time.instants]}


def _time(attributes: Mapping[str, Any]) -> ClockTime:
    texts = attributes["instants"]
    if not isinstance(texts, list) or len(texts) > _MOST_INSTANTS:
        raise ValueError("the attribute instants is no list of texts")
    instants = tuple(_digits("instants", text, 10**_MOST_DIGITS) for text in texts)
    ticks, age = (_digits(name, attributes[name], 10**_MOST_DIGITS) for name in ("ticks", "age"))
    if any(b <= a for a, b in pairwise(instants)) or any(instant << 32 > age for instant in instants[-1:]):
        raise ValueError("the attribute instants does not ascend to the age")
    return ClockTime(ticks, age, instants)


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"the attribute {name} is {str(value)[:80]!r}, not a count")
    return int(value)


def _object(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"the attribute {name} is no object")
    return value
