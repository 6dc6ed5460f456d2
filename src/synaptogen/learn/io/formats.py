"""The format of a file, found by its content, and its tables or arrays.

**To add a format**, write a function that takes a path and returns a list of `RawTable`, or a dict of arrays with
attributes, and enter it in `LOADERS` with a test of the first bytes. Meanings of names, units, wide tables and the
joining of records come afterwards and are the same for all formats.
"""

import gzip
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray, require, require_memory

from .arrays import in_order, with_attributes
from .markup import cells_of, is_markup
from .raw_tables import RawTable, as_column
from .record_rows import lists_in_cells, with_points_in_rows
from .sheets import tables_of_sheet
from .spice import is_raw_file, load_raw
from .text_tables import load_text

_JSON = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?!\[\s*\[\s*[-\d][\d.eE+-]*\s+[-\d])(?:\{\s*[\"}]|\[\s*(?:[\[{\"\d\]-]|null|true|false))"
)
MOST_BYTES = 8 << 30  # that an archive may unfold to
MOST_TEXT = 512 << 20  # bytes of a JSON file

_BINARY = {
    **dict.fromkeys((".xls", ".xlsx", ".ods"), "a workbook"),
    **dict.fromkeys((".h5", ".hdf5", ".nc"), "HDF5 or NetCDF"),
    ".npz": "NPZ",
    ".npy": "NPY",
    ".mat": "MATLAB",
    ".parquet": "a Parquet table",
    ".pq": "a Parquet table",
}


class Contents(NamedTuple):
    """Content of a file: tables, or named arrays with attributes.

    Attributes
    ----------
    tables : list of RawTable
    arrays : dict of str to array
    attributes : dict
        Of the arrays.
    format : str
        Name of the format.
    """

    tables: list[RawTable]
    arrays: dict[str, AnyArray]
    attributes: dict[str, Any]
    format: str


def load(path: str) -> Contents:
    """Read a file whose format its first bytes tell.

    Parameters
    ----------
    path : str

    Returns
    -------
    Contents

    Raises
    ------
    ValueError
        If it is empty, damaged, a pickle, or of no known format.
    """
    with open(path, "rb") as file:
        start = file.read(512)
        blank = not start.strip(_BLANK)
        while blank and (part := file.read(1 << 20)):
            blank = not part.strip(_BLANK)
    if blank:
        raise ValueError("the file is empty")
    for what, is_such, remedy in REFUSED:
        if is_such(start):
            raise ValueError(f"this is {what}: {remedy}")
    if start[:2] == b"\x1f\x8b":
        return _unpacked(path)
    for name, matches, loader in LOADERS:
        if matches(start, path):
            try:
                return loader(path)._replace(format=name)
            except (ModuleNotFoundError, MemoryError):
                raise
            except (ValueError, OSError, KeyError, TypeError, EOFError, IndexError, OverflowError, RecursionError) as e:
                raise ValueError(f"this {name} cannot be read: {e}") from e
            except Exception as error:  # libraries for binary files raise what they like at damaged ones
                raise ValueError(f"this {name} is damaged: {type(error).__name__}: {error}") from error
    try:
        return Contents(load_text(path), {}, {}, "text")
    except ValueError as error:
        frame = lists_in_cells(path)
        if frame is not None:
            return Contents([table_of_frame(frame)], {}, {}, "text with lists in its cells")
        ending = os.path.splitext(path)[1].lower()
        if ending in _BINARY:
            raise ValueError(f"its ending {ending} says {_BINARY[ending]}, but its content is no such file") from error
        raise


def _unpacked(path: str) -> Contents:
    """Read a file that gzip has packed."""
    with tempfile.TemporaryDirectory() as folder:
        inside = os.path.join(folder, os.path.basename(path).removesuffix(".gz") or "file")
        size = 0
        try:
            with gzip.open(path, "rb") as packed, open(inside, "wb") as out:
                while part := packed.read(1 << 20):
                    size += len(part)
                    _check_size(size)
                    out.write(part)
        except (OSError, EOFError) as error:
            raise ValueError(f"this gzip file is damaged: {error}") from error
        return load(inside)


def _is_binary(start: bytes) -> bool:
    """Return whether bytes are neither a text in one of the usual encodings nor one of the known formats."""
    if any(matches(start, "") for _, matches, _ in LOADERS) or start[:2] in (b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff"):
        return False
    if start[:4] == b"PK\x03\x04" or b"\x00" not in start:
        return False
    zeros = [sum(byte == 0 for byte in start[k::2]) for k in (0, 1)]
    return min(zeros) > 0 or max(zeros) < len(start) // 3  # in UTF-16 every second byte of a plain text is zero


def _zip(path: str) -> Contents:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    raise ValueError(
        f"this is a ZIP archive of {len(names)} files, {', '.join(names[:3])} ...: unpack it, and give the folder or"
        " one of the files"
    )


def _is_npz(start: bytes, path: str) -> bool:
    if start[:4] != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return all(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return True  # damaged, as its loader says


def _markup(path: str) -> Contents:
    with open(path, "rb") as file:
        data = file.read(MOST_TEXT + 1)
    _check_text(data)
    tables = [table for k, cells in enumerate(cells_of(data)) for table in tables_of_sheet(cells, f"table {k + 1}")]
    if not tables:
        raise ValueError("it holds no table of numbers")
    return Contents(tables, {}, {}, "")


def _check_text(data: bytes) -> None:
    if len(data) > MOST_TEXT:
        raise ValueError(f"a file of more than {MOST_TEXT >> 20} MiB: save it as CSV, NPZ or Parquet")


def _pickle(path: str) -> Contents:
    raise ValueError(
        "a pickle can run any program when it is opened, so it is not read: save the data as CSV, NPZ or Parquet"
    )


def _npz(path: str) -> Contents:
    with zipfile.ZipFile(path) as archive:
        _check_size(sum(each.file_size for each in archive.infolist()))
    with np.load(path, allow_pickle=False) as file:
        return Contents([], {name: file[name] for name in file.files}, {}, "")


def _npy(path: str) -> Contents:
    try:
        return _npy_like(np.load(path, allow_pickle=False))
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise ValueError(
            "it holds Python objects, which are pickled, and a pickle can run any program when it is opened: save each"
            " array under its own name with numpy.savez"
        ) from None


def _npy_like(array: AnyArray) -> Contents:
    if array.ndim == 2 and min(array.shape) >= 2:
        columns = array.T if array.shape[1] <= array.shape[0] else array
        return Contents([RawTable([""] * len(columns), [np.asarray(c, np.float64) for c in columns])], {}, {}, "")
    if array.dtype.names:
        return Contents([], {name: array[name] for name in array.dtype.names}, {}, "")
    if array.ndim == 3 and 2 in (array.shape[0], array.shape[-1]):
        return Contents([], {"array": array}, {}, "")
    raise ValueError(f"one array of shape {array.shape} does not say what is voltage and what is current: save an NPZ")


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise ValueError(f"it would unfold to {size / 2**30:.1f} GiB, more than the {MOST_BYTES >> 30} GiB allowed")
    require_memory("what the file unfolds to, and a copy,", 2.0 * size, "cut it into several files")


def _workbook(path: str) -> Contents:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            _check_size(sum(each.file_size for each in archive.infolist()))
    calamine = require("python_calamine", "learn")
    with open(path, "rb") as file:
        book = calamine.CalamineWorkbook.from_filelike(file)
    tables = []
    for sheet in book.sheet_names:
        tables += tables_of_sheet(book.get_sheet_by_name(sheet).to_python(skip_empty_area=True), sheet)
    if not tables:
        raise ValueError(f"none of its sheets ({', '.join(book.sheet_names)}) holds a table of numbers")
    return Contents(tables, {}, {}, "")


def _matlab(path: str) -> Contents:
    import scipy.io  # here, since few need it

    found = {k: v for k, v in scipy.io.loadmat(path, squeeze_me=True).items() if not k.startswith("__")}
    return Contents([], _flat(found), {}, "")


def _hdf5(path: str) -> Contents:
    h5py = require("h5py", "learn")
    arrays: dict[str, AnyArray] = {}
    attributes: dict[str, Any] = {}
    with h5py.File(path, "r") as file:
        size = 0

        def take(name: str, item: Any) -> None:
            nonlocal size
            if not isinstance(item, h5py.Dataset) or name.startswith("#"):
                return
            size += item.size * item.dtype.itemsize
            _check_size(size)
            if item.dtype.names:
                arrays.update({f"{name}/{part}": _strings(item[part]) for part in item.dtype.names})
            elif h5py.check_ref_dtype(item.dtype) is not None:  # cells and structures of MATLAB
                folder, _, last = name.rpartition("/")
                for k, reference in enumerate(np.ravel(item[()])):
                    cell = file[reference] if reference else None
                    if isinstance(cell, h5py.Dataset) and cell.dtype.kind in "fiu":
                        arrays["/".join(x for x in (folder, str(k), last) if x)] = cell[()]
            elif item.dtype.kind in "fiuSOU":
                arrays.update(with_attributes(name, _strings(item[()]), dict(item.attrs)))

        file.visititems(take)
        attributes = {str(k): v for k, v in file.attrs.items()}
    if not arrays:
        raise ValueError("it holds no arrays")
    return Contents([], in_order(arrays), attributes, "")


def _strings(value: Any) -> AnyArray:
    array = np.asarray(value)
    if array.dtype.kind == "O":
        return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in array.ravel()]).reshape(array.shape)
    return array.astype(str) if array.dtype.kind == "S" else array


def _json(path: str) -> Contents:
    with open(path, "rb") as file:
        data = file.read(MOST_TEXT + 1)
    _check_text(data)
    text = data.decode("utf-8-sig")
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        rows = [line for line in text.splitlines() if line.strip()]
        if len(rows) < 2 or not all(row.lstrip().startswith("{") for row in rows):
            raise
        content = [json.loads(row) for row in rows]  # an object per line
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        names = list(dict.fromkeys(key for row in content for key in row))
        if not any(isinstance(v, list | dict) for v in content[0].values()):
            return Contents([RawTable(names, [as_column([row.get(n) for row in content]) for n in names])], {}, {}, "")
        content = {f"{_own_name(row) or k + 1}": row for k, row in enumerate(content)}  # a record each
    if isinstance(content, list) and len(content) > 1 and all(isinstance(row, list) for row in content):
        return _npy_like(np.array(content, np.float64))
    if isinstance(content, dict):
        content = _with_units(content)
        table = _split_table(content) or _table_of_scalars(content)
        return Contents([table], {}, {}, "") if table else Contents([], _flat(content), {}, "")
    raise ValueError("it is neither a list of rows nor an object of arrays")


def _table_of_scalars(content: Mapping[str, Any]) -> RawTable | None:
    """Return the table of an object of columns, or of rows, whose values are objects of numbers by row or by column."""
    if len(content) < 2 or not all(isinstance(v, Mapping) and v for v in content.values()):
        return None
    inner = list(next(iter(content.values())))
    if any(list(v) != inner or any(isinstance(x, list | Mapping) for x in v.values()) for v in content.values()):
        return None
    rows = [str(key).isdecimal() for key in content]
    if all(rows) and not all(str(key).isdecimal() for key in inner):
        return RawTable(inner, [as_column([row[name] for row in content.values()]) for name in inner])
    if all(str(key).isdecimal() for key in inner):
        return RawTable(list(content), [as_column(list(column.values())) for column in content.values()])
    return None


def _with_units(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object in whose names are the units that an object within it tells."""
    for key, value in content.items():
        if key.lower() in ("unit", "units") and isinstance(value, Mapping):
            told = {k: u for k, u in value.items() if isinstance(u, str) and k in content}
            return {f"{k} ({told[k]})" if k in told else k: v for k, v in content.items() if k != key}
    return content


def _split_table(content: Mapping[str, Any]) -> RawTable | None:
    """Return the table of an object with names of columns apart from the rows, as pandas writes it."""
    names, rows = content.get("columns"), content.get("data")
    if not isinstance(names, list) or not isinstance(rows, list) or not rows:
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return None
    return RawTable([str(n) for n in names], [as_column([row[k] for row in rows]) for k in range(len(names))])


def _own_name(row: Mapping[str, Any]) -> str:
    """Return the name that an object gives itself."""
    own = next((row[k] for k in ("name", "device", "id", "label", "cycle") if isinstance(row.get(k), str | int)), "")
    return str(own).replace("/", "_")


def _flat(content: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, AnyArray]:
    """Return the arrays of nested mappings and of structures, by names with slashes."""
    found: dict[str, AnyArray] = {}
    if depth > 20:
        raise ValueError("it is nested more than 20 deep")
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, np.void):
            value = np.asarray(value)
        unit = _with_unit(value)
        if unit is not None:
            found |= _flat({f"{key} ({unit[0]})": unit[1]}, prefix, depth + 1)
        elif isinstance(value, Mapping):
            found |= _flat(value, f"{name}/", depth + 1)
        elif isinstance(value, list) and len(value) > 1 and _are_rows(value):
            found |= _flat({column: [row[column] for row in value] for column in value[0]}, f"{name}/", depth + 1)
        elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            each = {_own_name(v) or str(k + 1): v for k, v in enumerate(value)}
            each = each if len(each) == len(value) else {str(k + 1): v for k, v in enumerate(value)}
            found |= _flat(each, f"{name}/", depth + 1)
        elif isinstance(value, np.ndarray) and value.dtype.names:
            structures = [value[()]] if value.ndim == 0 else list(value.ravel())
            parts = [{n: np.asarray(one[n]) for n in value.dtype.names or ()} for one in structures]
            whole = parts[0] if len(parts) == 1 else {str(k + 1): part for k, part in enumerate(parts)}
            found |= _flat(whole, f"{name}/", depth + 1)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "O" and value.ndim > 0:
            found |= _flat({str(k + 1): np.asarray(v) for k, v in enumerate(value.ravel())}, f"{name}/", depth + 1)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "O":
            found |= _flat({key: value.item()}, prefix, depth + 1) if not isinstance(value.item(), np.ndarray) else {}
        else:
            array = np.asarray(value) if not isinstance(value, list) else _rectangular(name, value)
            if array.dtype.kind in "fiubUS":
                found[name] = array
    return found


def _are_rows(value: list[Any]) -> bool:
    """Return whether objects are rows of a table: the same names, and no lists."""
    if not all(isinstance(row, Mapping) and row for row in value) or any(list(row) != list(value[0]) for row in value):
        return False
    return not any(isinstance(x, list | Mapping) for row in value for x in row.values())


def _with_unit(value: Any) -> tuple[str, Any] | None:
    """Return unit and values of an object that holds nothing but these."""
    if not isinstance(value, Mapping):
        return None
    units = [v for k, v in value.items() if k.lower() in ("unit", "units") and isinstance(v, str)]
    lists = [v for v in value.values() if isinstance(v, list)]
    return (units[0], lists[0]) if len(units) == 1 and len(lists) == 1 else None


def _rectangular(name: str, value: list[Any]) -> AnyArray:
    try:
        return (
            np.array([np.nan if v is None else v for v in value])
            if not any(isinstance(v, list) for v in value)
            else np.array(value)
        )
    except ValueError:
        raise ValueError(f"{name} is a list of lists of different length: fill the shorter ones with null") from None


def _parquet(path: str) -> Contents:
    require("pyarrow", "learn")
    frame = pd.read_parquet(path)
    return Contents([table_of_frame(frame)], {}, {}, "")


def table_of_frame(frame: pd.DataFrame) -> RawTable:
    """Return a data frame as a table; an index with names becomes columns.

    Parameters
    ----------
    frame : DataFrame

    Returns
    -------
    RawTable
    """
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame = with_points_in_rows(frame)
    columns = []
    for k in range(frame.shape[1]):
        column = frame.iloc[:, k]
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        columns.append(column.to_numpy(np.float64, na_value=np.nan) if numeric else as_column(column.tolist()))
    return RawTable([str(name) for name in frame.columns], columns)


def _is_workbook(start: bytes, path: str) -> bool:
    if start[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return True
    if start[:4] != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return any(n in names for n in ("[Content_Types].xml", "content.xml"))


def _is_pickle(start: bytes, path: str) -> bool:
    return (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05") or path.lower().endswith((".pkl", ".pickle"))


_BLANK = b" \t\r\n\x0b\x0c\xef\xbb\xbf"
LOADERS: tuple[tuple[str, Callable[[bytes, str], bool], Callable[[str], Contents]], ...] = (
    ("pickle", _is_pickle, _pickle),
    ("NPY file", lambda start, path: start[:6] == b"\x93NUMPY", _npy),
    ("workbook", _is_workbook, _workbook),
    ("NPZ file", _is_npz, _npz),
    ("archive", lambda start, path: start[:4] == b"PK\x03\x04", _zip),
    ("table in HTML or XML", lambda start, path: is_markup(start), _markup),
    ("HDF5 file", lambda start, path: start[:8] == b"\x89HDF\r\n\x1a\n" or b"\x89HDF\r\n\x1a\n" in start, _hdf5),
    ("MATLAB file", lambda start, path: start[:6] == b"MATLAB", _matlab),
    (
        "raw file of a circuit simulator",
        lambda start, path: is_raw_file(start),
        lambda path: Contents(load_raw(path), {}, {}, ""),
    ),
    ("Parquet file", lambda start, path: start[:4] == b"PAR1", _parquet),
    ("JSON file", lambda start, path: _JSON.match(start) is not None, _json),
)
"""Names of formats, tests of the first bytes, and loaders; what is none of these is text."""

_AS_TEXT = "export it as text (CSV) in the program that wrote it"
REFUSED: tuple[tuple[str, Callable[[bytes], bool], str], ...] = (
    ("a LabVIEW TDMS file", lambda s: s[:4] in (b"TDSm", b"TDSh"), f"{_AS_TEXT}, or as LVM"),
    ("an Origin project", lambda s: s[:4] in (b"CPYA", b"CPYU"), "export its worksheets as ASCII"),
    ("an Igor binary wave", lambda s: s[:4] in (b"\x05\x00\x00\x00", b"\x02\x00\x00\x00"), "save it as Igor text"),
    ("a waveform of a LeCroy oscilloscope", lambda s: b"WAVEDESC" in s[:32], "save it as a text of time and amplitude"),
    ("a waveform of a Tektronix oscilloscope", lambda s: b":WFM#" in s[:16], "save it as CSV"),
    ("a PDF", lambda s: s[:5] == b"%PDF-", "numbers are read from tables: ask for the data behind it"),
    (
        "an image",
        lambda s: s[:4] in (b"\x89PNG", b"GIF8", b"II*\x00", b"MM\x00*") or s[:3] == b"\xff\xd8\xff" or s[:2] == b"BM",
        "numbers are read from tables: export the data behind the picture",
    ),
    ("a database", lambda s: s[:15] == b"SQLite format 3", "export the table of the points as CSV"),
    ("a packed archive", lambda s: s[:4] == b"Rar!" or s[:6] == b"7z\xbc\xaf\x27\x1c", "unpack it"),
    ("a binary file of an unknown format", _is_binary, _AS_TEXT),
)
"""Kinds of files that are not read, tests of the first bytes, and what could be done."""
