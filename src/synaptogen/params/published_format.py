"""Read parameter files in the layout published with the model (doi:10.1109/TED.2024.3427616)."""

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synaptogen._utils import Float64Array, PathLike

from .json_format import Fields, load_object, require_keys
from .record import real_array

_ETA, _GAMMA, _MU = "\N{GREEK SMALL LETTER ETA}", "\N{GREEK SMALL LETTER GAMMA}", "\N{GREEK SMALL LETTER MU}"
_PUBLISHED = ("HHRS", "LLRS", _ETA, "U0", "Umax", f"{_MU}DtD", "LDtD", _GAMMA, "wk")


def read_published(path: PathLike, order: int | None, name: str | None) -> Fields:
    """Read parameters from a file of the published layout.

    Parameters
    ----------
    path : path
        The file.
    order : int, optional
        Order of the VAR; default: the highest in the file.
    name : str, optional
        Name of the parameter set; default: the name of the file without its suffix.

    Returns
    -------
    dict
        Keyword arguments of `DeviceParams`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it has another layout, is not complete, or lacks that order.
    """
    where = os.fspath(path)
    # the names hold Greek letters and a subscript, which Unicode can write in several ways
    document = {unicodedata.normalize("NFKC", key): value for key, value in load_object(where).items()}
    require_keys(where, document, _PUBLISHED, "of the published layout")
    try:
        return _interpret_published(Path(where), document, order, name)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _interpret_published(path: Path, document: Mapping[str, Any], order: int | None, name: str | None) -> Fields:
    order = _published_order(document, order)
    return {
        "name": path.stem if name is None else name,
        "source": {"note": f"Read from {path.name}, a file of the published layout, order p={order}."},
        "llrs": document["LLRS"],
        "hhrs": document["HHRS"],
        "u_max": document["Umax"],
        "u_read": document["U0"],
        "eta": _only(document, _ETA),
        "quantile": document[_GAMMA],
        "history": _published_history(document, order),
        "population": _published_population(document),
    }


def _published_order(document: Mapping[str, Any], order: int | None) -> int:
    orders = sorted(int(key[4:]) for key in document if re.fullmatch(r"VAR_[0-9]{3}", key))
    if not orders:
        raise ValueError("there is no history: no key VAR_001, VAR_002, ...")
    if order is not None and order not in orders:
        raise ValueError(f"order {order} is not in the file: it has {', '.join(map(str, orders))}")
    return orders[-1] if order is None else order


def _published_history(document: Mapping[str, Any], order: int) -> Fields:
    """Split (4, 4 + 4p), the innovation and then the lags from the oldest to the most recent."""
    table = _table(document, f"VAR_{order:03d}", 4, 4 + 4 * order)
    innovation, *lags = table.reshape(4, -1, 4).swapaxes(0, 1)
    return {"innovation": innovation, "lags": lags[::-1]}


def _published_population(document: Mapping[str, Any]) -> Fields:
    """Split means (8, K), one column a component, and factors (8, 8K), side by side."""
    count = np.size(document["wk"])
    return {
        "weights": document["wk"],
        "means": _table(document, f"{_MU}DtD", 8, count).T,
        "cholesky": _table(document, "LDtD", 8, 8 * count).reshape(8, -1, 8).swapaxes(0, 1),
    }


def _table(document: Mapping[str, Any], key: str, rows: int, columns: int) -> Float64Array:
    return real_array(key, document[key], (rows, columns))


def _only(document: Mapping[str, Any], key: str) -> Any:
    """Return a number that some files hold as a list of one."""
    value = document[key]
    return value[0] if isinstance(value, list) and len(value) == 1 else value
