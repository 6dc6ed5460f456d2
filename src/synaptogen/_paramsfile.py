"""Files of device parameters: this package's JSON form, and the layout published with the model.

Readers return the keyword arguments of `synaptogen.params.DeviceParams`, history and population as dictionaries.
Whether the figures are sound is for its constructor to say.
"""

import json
import os
import re
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen.model.record import real_array
from synaptogen.replacing import replacing

PathLike: TypeAlias = str | os.PathLike[str]
Fields: TypeAlias = dict[str, Any]

SCHEMA = "synaptogen/device-params/1"

_FEATURES = [
    {"name": "R_HRS", "unit": "ohm", "scale": "log10"},
    {"name": "U_SET", "unit": "V", "scale": "linear"},
    {"name": "R_LRS", "unit": "ohm", "scale": "linear"},
    {"name": "U_RESET", "unit": "V", "scale": "linear"},
]
_SCALARS = {"name": "name", "U_max": "u_max", "U_read": "u_read", "reset_exponent": "eta", "quantile": "quantile"}
_OPTIONAL = {"U_range": "u_range", "reset_stretch": "stretch"}
_PARTS = ("schema", "features", "source", "iv", "history", "population")

_ETA, _GAMMA, _MU = "\N{GREEK SMALL LETTER ETA}", "\N{GREEK SMALL LETTER GAMMA}", "\N{GREEK SMALL LETTER MU}"
_PUBLISHED = ("HHRS", "LLRS", _ETA, "U0", "Umax", f"{_MU}DtD", "LDtD", _GAMMA, "wk")


def read(source: PathLike | Mapping[str, Any]) -> tuple[str, Fields]:
    """Return a name for the source, to put before errors, and the parameters it holds."""
    if isinstance(source, Mapping):
        where, document = "parameters", source
    elif isinstance(source, str) and source.lstrip().startswith("{"):
        where = "JSON text"
        document = _parse(where, source)
    else:
        where = os.fspath(source)
        document = _load(where)
    return where, _interpret(where, document)


def write(values: Mapping[str, Any]) -> str:
    """Return parameters as JSON text; floats are written so that they are read back bit for bit."""
    history, population = values["history"], values["population"]
    memory = ["lags"] if history.kind == "var" else ["F", "G", "H"]
    document = {
        "schema": SCHEMA,
        "name": values["name"],
        "source": dict(values["source"]),
        "features": _FEATURES,
        "U_max": values["u_max"],
        "U_read": values["u_read"],
        **({} if values["u_range"] is None else {"U_range": values["u_range"]}),
        "reset_exponent": values["eta"],
        **({} if values["stretch"] is None else {"reset_stretch": values["stretch"].tolist()}),
        "iv": {"HHRS": values["hhrs"].tolist(), "LLRS": values["llrs"].tolist()},
        "quantile": values["quantile"].tolist(),
        "history": {key: getattr(history, key).tolist() for key in ("innovation", *memory)},
        "population": {
            **({} if population.sigma_scale == "linear" else {"sigma_scale": population.sigma_scale}),
            **{key: getattr(population, key).tolist() for key in ("weights", "means", "cholesky")},
        },
    }
    return json.dumps(document, indent=1) + "\n"


def write_whole(path: PathLike, text: str) -> None:
    """Write a text file as a whole or not at all: to a file beside it, which then takes its place."""
    with replacing(path) as beside, beside.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read_published(path: PathLike, order: int | None, name: str | None) -> Fields:
    """Return the parameters in a file of the published layout, with the VAR of an order, by default the highest."""
    where = os.fspath(path)
    # the names hold Greek letters and a subscript, which Unicode can write in several ways
    document = {unicodedata.normalize("NFKC", key): value for key, value in _load(where).items()}
    _require(where, document, _PUBLISHED, "of the published layout")
    try:
        return _interpret_published(Path(where), document, order, name)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _load(where: str) -> Mapping[str, Any]:
    try:
        return _parse(where, Path(where).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is not a text file (UTF-8): {error}") from error


def _parse(where: str, text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON, or is cut short: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{where} must hold a JSON object, not a {type(document).__name__}")
    return document


def _interpret(where: str, document: Mapping[str, Any]) -> Fields:
    if document.get("schema") != SCHEMA:
        raise ValueError(
            f"{where} has schema {document.get('schema')!r}, not {SCHEMA!r}: it is no parameter file, or newer"
        )
    _require(where, document, (*_SCALARS, *_PARTS), "a parameter file")
    _refuse_others(where, document, (*_SCALARS, *_PARTS, *_OPTIONAL))
    if document["features"] != _FEATURES:
        raise ValueError(f"{where}: features must be exactly {_FEATURES}: convert the figures")
    iv = _part(where, document, "iv", ("HHRS", "LLRS"))
    return {
        **{ours: document[theirs] for theirs, ours in _SCALARS.items()},
        **{ours: document[theirs] for theirs, ours in _OPTIONAL.items() if theirs in document},
        "source": document["source"],
        "llrs": iv["LLRS"],
        "hhrs": iv["HHRS"],
        "history": _history(where, document),
        "population": _part(where, document, "population", ("weights", "means", "cholesky"), ("sigma_scale",)),
    }


def _history(where: str, document: Mapping[str, Any]) -> Fields:
    content = document["history"]
    compact = isinstance(content, Mapping) and not {"F", "G", "H"}.isdisjoint(content)
    return _part(where, document, "history", ("innovation", "F", "G", "H") if compact else ("innovation", "lags"))


def _part(
    where: str, document: Mapping[str, Any], key: str, required: Collection[str], optional: Collection[str] = ()
) -> Fields:
    """Return the object under a key as a dictionary, once its own keys are the ones expected."""
    content = document[key]
    if not isinstance(content, Mapping):
        raise ValueError(f"{where}: {key} must be a JSON object with the keys {', '.join(required)}")
    _require(f"{where}: {key}", content, required, "a parameter file")
    _refuse_others(f"{where}: {key}", content, (*required, *optional))
    return dict(content)


def _require(where: str, content: Collection[str], required: Collection[str], what: str) -> None:
    missing = [key for key in required if key not in content]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}: it is not whole, or not {what}")


def _refuse_others(where: str, content: Collection[str], known: Collection[str]) -> None:
    """An unknown key may be a known one misspelt: ignoring it would be silent."""
    others = [key for key in content if key not in known]
    if others:
        raise ValueError(
            f"{where} has unknown keys {', '.join(map(str, others))}: the known ones are {', '.join(known)}"
        )


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


def _table(document: Mapping[str, Any], key: str, rows: int, columns: int) -> NDArray[np.float64]:
    return real_array(key, document[key], (rows, columns))


def _only(document: Mapping[str, Any], key: str) -> Any:
    """Some files hold a number as a list of one."""
    value = document[key]
    return value[0] if isinstance(value, list) and len(value) == 1 else value
