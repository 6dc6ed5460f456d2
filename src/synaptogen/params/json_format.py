"""Files of device parameters in the JSON form of this package.

Readers return the keyword arguments of `synaptogen.params.DeviceParams`, history and population as dictionaries. Its
constructor checks the numbers.
"""

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from synaptogen._utils import PathLike, parse_json, replacing

from .feature_scale import FeatureScale

Fields: TypeAlias = dict[str, Any]
"""Keyword arguments of `DeviceParams`."""

SCHEMA = "synaptogen/device-params/1"
DIGEST = "digest"
_LARGEST = 64 << 20  # bytes of a file; a VAR of order 1000 takes one

_FEATURES = [
    {"name": "R_HRS", "unit": "ohm", "scale": "log10"},
    {"name": "U_SET", "unit": "V", "scale": "linear"},
    {"name": "R_LRS", "unit": "ohm", "scale": "linear"},
    {"name": "U_RESET", "unit": "V", "scale": "linear"},
]
_SCALARS = {"name": "name", "U_max": "u_max", "U_read": "u_read", "reset_exponent": "eta", "quantile": "quantile"}
_OWN_SHAPES = ("first", "second", "reach")
_RESTLESS = ("spread", "rise", "new", "fade")
_DICTS = ("fluctuation", "pulse_width", "trend", "wear")
_OPTIONAL = {
    "U_range": "u_range",
    "reset_stretch": "stretch",
    **{part: part for part in _DICTS},
}
_PARTS = ("schema", "features", "source", "iv", "history", "population")


def read(source: PathLike | Mapping[str, Any]) -> tuple[str, Fields]:
    """Read parameters from a file, a text or an object.

    Parameters
    ----------
    source : path, str or mapping
        Path of a file, JSON text, or the JSON object itself.

    Returns
    -------
    where : str
        A name of the source, for messages.
    fields : dict
        The parameters.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no parameter file, or not complete.
    """
    if isinstance(source, Mapping):
        where, document = "parameters", source
    elif isinstance(source, str) and source.lstrip().startswith("{"):
        where = "JSON text"
        document = _parse(where, source)
    else:
        if not isinstance(source, str | os.PathLike):
            raise TypeError(f"source is a {type(source).__name__}: give a path, JSON text or a JSON object")
        where = os.fspath(source)
        document = load_object(where)
    if document is not source:
        _check_digest(where, document)
    try:
        return where, _interpret(where, {key: value for key, value in document.items() if key != DIGEST})
    except RecursionError as error:
        raise ValueError(f"{where} is nested too deeply: it is no parameter file") from error


def write(values: Mapping[str, Any]) -> str:
    """Return parameters as JSON text, from which floats are read back bit for bit."""
    history, population = values["history"], values["population"]
    memory = ["lags"] if history.kind == "var" else ["F", "G", "H"]
    document = {
        "schema": SCHEMA,
        "name": values["name"],
        "source": dict(values["source"]),
        "features": _described(values["scales"]),
        "U_max": values["u_max"],
        "U_read": values["u_read"],
        **({} if values["u_range"] is None else {"U_range": values["u_range"]}),
        "reset_exponent": values["eta"],
        **({} if values["stretch"] is None else {"reset_stretch": values["stretch"].tolist()}),
        "iv": {"HHRS": values["hhrs"].tolist(), "LLRS": values["llrs"].tolist()},
        "quantile": values["quantile"].tolist(),
        **_parts_of_devices(values),
        "history": {key: getattr(history, key).tolist() for key in ("innovation", *memory)},
        "population": {
            **({} if population.sigma_scale == "linear" else {"sigma_scale": population.sigma_scale}),
            **{key: getattr(population, key).tolist() for key in ("weights", "means", "cholesky")},
            **({} if population.low is None else {key: getattr(population, key).tolist() for key in ("low", "high")}),
        },
        **{part: values[part].to_dict() for part in _DICTS if values[part] is not None},
    }
    return json.dumps(document, indent=1) + "\n"


def write_whole(path: PathLike, text: str) -> None:
    """Write parameters to a file, completely or not at all, with a digest by which damage is found.

    Parameters
    ----------
    path : path
        The file.
    text : str
        The parameters, as `write` returns them.
    """
    # right after the brace, so that the file without this line is complete
    text = text.replace("{\n", f'{{\n "{DIGEST}": "{_digest(json.loads(text))}",\n', 1)
    with replacing(path) as beside, beside.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def load_object(where: str) -> Mapping[str, Any]:
    """Return the JSON object in the file ``where``; raises ValueError if there is none in it."""
    with open(where, "rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{where} has more than {_LARGEST >> 20} MiB: it is no parameter file")
    try:
        return _parse(where, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is not a text file (UTF-8): {error}") from error


def _parse(where: str, text: str) -> Mapping[str, Any]:
    try:
        document = parse_json(text)
    except ValueError as error:
        raise ValueError(f"{where} is not JSON, or is cut short: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{where} must hold a JSON object, not a {type(document).__name__}")
    return document


def _digest(document: Mapping[str, Any]) -> str:
    """Return a digest of parameters, the same however the text is laid out."""
    content = {key: value for key, value in document.items() if key != DIGEST}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode('ascii')).hexdigest()}"


def _check_digest(where: str, document: Mapping[str, Any]) -> None:
    if DIGEST in document and document[DIGEST] != _digest(document):
        raise ValueError(
            f"{where} was changed after it was written: it is damaged, or was edited. If it was edited on purpose, "
            f'delete the line that begins with "{DIGEST}"'
        )


def _interpret(where: str, document: Mapping[str, Any]) -> Fields:
    if document.get("schema") != SCHEMA:
        raise ValueError(
            f"{where} has schema {document.get('schema')!r}, not {SCHEMA!r}: it is no parameter file, or newer"
        )
    require_keys(where, document, (*_SCALARS, *_PARTS), "a parameter file")
    _refuse_others(where, document, (*_SCALARS, *_PARTS, *_OPTIONAL, "own_shapes", "restless_innovation"))
    iv = _part(where, document, "iv", ("HHRS", "LLRS"))
    return {
        **{ours: document[theirs] for theirs, ours in _SCALARS.items()},
        **{ours: document[theirs] for theirs, ours in _OPTIONAL.items() if theirs in document},
        "source": document["source"],
        "llrs": iv["LLRS"],
        "hhrs": iv["HHRS"],
        **({"own": _part(where, document, "own_shapes", _OWN_SHAPES)} if "own_shapes" in document else {}),
        **(
            {"restless": _part(where, document, "restless_innovation", _RESTLESS)}
            if "restless_innovation" in document
            else {}
        ),
        "scales": _scales(where, document["features"]),
        "history": _history(where, document),
        "population": _part(
            where, document, "population", ("weights", "means", "cholesky"), ("sigma_scale", "low", "high")
        ),
    }


def _parts_of_devices(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what only some parameter sets have: shapes of devices, restless innovations."""
    own, restless = values["own"], values["restless"]
    return {
        **({} if own is None else {"own_shapes": {key: np.asarray(getattr(own, key)).tolist() for key in _OWN_SHAPES}}),
        **({} if restless is None else {"restless_innovation": {key: getattr(restless, key) for key in _RESTLESS}}),
    }


def _described(scales: Sequence[FeatureScale]) -> list[dict[str, Any]]:
    """Return the features with the scales of their populations."""
    return [
        {
            **plain,
            "scale": scale.kind,
            **({} if scale.curve is None else {"curve": scale.curve.tolist(), "range": [scale.low, scale.high]}),
            **({"offset": scale.offset} if scale.offset else {}),
        }
        for plain, scale in zip(_FEATURES, scales, strict=True)
    ]


def _scales(where: str, content: Any) -> list[FeatureScale]:
    """Return the scales of the features, whose names and units must be the known ones."""
    if not isinstance(content, list) or len(content) != len(_FEATURES):
        raise ValueError(f"{where}: features must be a list of {len(_FEATURES)}, like {_FEATURES}")
    found = []
    for plain, feature in zip(_FEATURES, content, strict=True):
        if not isinstance(feature, Mapping) or any(feature.get(key) != plain[key] for key in ("name", "unit")):
            raise ValueError(
                f"{where}: features must be exactly {_FEATURES}, or differ by scale, curve, range and offset alone"
            )
        name = f"{where}: feature {plain['name']}"
        require_keys(name, feature, ("scale",), "a parameter file")
        _refuse_others(name, feature, ("name", "unit", "scale", "curve", "range", "offset"))
        if ("curve" in feature) != ("range" in feature):
            raise ValueError(f"{name} must have curve and range, or neither")
        ends = feature.get("range", [None, None])
        if not isinstance(ends, list) or len(ends) != 2:
            raise ValueError(f"{name}: range must be a list of two numbers")
        try:
            found.append(
                FeatureScale(feature["scale"], feature.get("curve"), ends[0], ends[1], feature.get("offset", 0.0))
            )
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return found


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
    require_keys(f"{where}: {key}", content, required, "a parameter file")
    _refuse_others(f"{where}: {key}", content, (*required, *optional))
    return dict(content)


def require_keys(where: str, content: Collection[str], required: Collection[str], what: str) -> None:
    """Require keys of an object.

    Parameters
    ----------
    where : str
        Name of the object, for messages.
    content : collection of str
        Keys that it has.
    required : collection of str
        Keys that it must have.
    what : str
        What an object with these keys is, for messages.

    Raises
    ------
    ValueError
        If a key is missing.
    """
    missing = [key for key in required if key not in content]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}: it is not complete, or not {what}")


def _refuse_others(where: str, content: Collection[str], known: Collection[str]) -> None:
    """Raise ValueError for unknown keys: one may be a misspelt known key, and would be ignored silently."""
    others = [key for key in content if key not in known]
    if others:
        raise ValueError(
            f"{where} has unknown keys {', '.join(map(str, others))}: the known ones are {', '.join(known)}"
        )
