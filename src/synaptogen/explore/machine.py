"""A parameter set as a machine in JavaScript: its formulas, traced from the model, and the numbers of its engine."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from synaptogen.engines import CompiledParams, compile_params
from synaptogen.model import (
    OWN_ROWS,
    OWN_TRAITS,
    Constants,
    ageing,
    features,
    iv,
    latent,
    lines,
    noise,
    optional_parts,
    population,
    random,
    switching,
    trend,
)
from synaptogen.params import DeviceParams

from .javascript import Kind, function
from .time import common_formulas

WORD: dict[str, Kind] = dict.fromkeys(("status", "mode"), "uint32")
MASK: dict[str, Kind] = dict.fromkeys(("mask", "limited"), "mask")
ADDRESS: dict[str, Kind] = dict.fromkeys(("lo", "hi", "stream", "number", "block", "k0", "k1"), "uint32")

COMMON: dict[Callable[..., Any], Mapping[str, Kind]] = {
    random.random_words: ADDRESS,
    random.normals: ADDRESS,
    random.read_normal: ADDRESS,
    population.chosen: {"word": "uint32", "start": "uint32"},
    population.scale: {},
    noise.noise_density: {},
    noise.noisy_current: {},
    switching.cycle: WORD,
    switching.is_limited: WORD,
    switching.sets: WORD,
    switching.in_mode: {**WORD, **MASK},
    switching.in_next_cycle: {**WORD, **MASK},
}
"""Formulas that are the same for all parameter sets, with the kinds of their arguments."""

OWN: dict[Callable[..., Any], Mapping[str, Kind]] = {
    latent.innovation: {"e": 4},
    switching.resets: WORD,
    iv.conductance: {},
    iv.transition: {},
    iv.partial_reset: {},
    iv.mixing_from_conductance: {},
    iv.resistance_from_mixing: {},
    lines.linear_in_mixing: {},
}
"""Formulas with the constants of a parameter set, whatever parts it has."""

NUMBERS = {
    name: getattr(module, name)
    for module, names in (
        (switching, ("LRS", "HRS", "IRS", "CYCLE")),
        (population, ("DRAWS",)),
        (random, ("DEVICE", "CYCLES", "HISTORY", "READ", "PRODUCT", "AGEING")),
    )
    for name in names
}
"""Constants of the model that the engine of the page needs."""

ARRAYS = ("readout", "F", "G", "start", "means", "cholesky", "bounds")
KNOWN = frozenset(("constants", "slots", "component_starts", "log_sigma", *ARRAYS))
"""Parts of `CompiledParams` that the engine of the page takes into account."""


def common_source() -> str:
    """Return the formulas and constants that all parameter sets share, as JavaScript.

    Raises
    ------
    TypeError
        If JavaScript has not what a formula needs.
    """
    words = {name: (value + 2**31) % 2**32 - 2**31 for name, value in NUMBERS.items()}  # integers with a sign
    formulas = "\n".join([*(function(formula, kinds) for formula, kinds in COMMON.items()), common_formulas()])
    return f"const MODEL = {{\n{_indented(formulas)}\n}};\nconst {{ {', '.join(words)} }} = {json.dumps(words)};\n"


def machine_source(params: DeviceParams) -> str:
    """Return a parameter set as an expression of JavaScript.

    Parameters
    ----------
    params : DeviceParams
        The parameter set.

    Returns
    -------
    str
        An object with the formulas, and the numbers that ``page/engine.js`` takes.

    Raises
    ------
    ValueError
        If the set has a part that the page cannot run; the message names it.
    """
    compiled = compile_params(params)
    require_known(params.name, compiled)
    constants = Watched(compiled.constants)
    formulas = "\n".join(_own_formulas(params.name, constants))
    constants.require_all_used(params.name)
    numbers = {
        "slots": compiled.slots,
        "traits": compiled.traits,
        "ownRows": OWN_ROWS if compiled.own else 0,
        "restless": compiled.restless,
        "trend": bool(compiled.constants.trend),
        "wear": bool(compiled.constants.wear),
        "logSigma": compiled.log_sigma,
        "componentStarts": compiled.component_starts.view(np.int32).tolist(),
        "uMax": params.u_max,
        "uRead": params.u_read,
        "rZero": params.constants().g_llrs * params.constants().per_span,
        "perSpan": params.constants().per_span,
        "rMax": params.constants().r_max,
        **{name: packed(getattr(compiled, name)) for name in ARRAYS},
    }
    # names and texts come from files: they stay out of the code
    return f"{{\n{_indented(formulas)}\n  numbers: {json.dumps(numbers)},\n}}"


class Watched:
    """Constants of a parameter set that remember which of them formulas have used.

    Parameters
    ----------
    constants : Constants
        The constants.
    """

    def __init__(self, constants: Constants) -> None:
        self._constants, self._used = constants, set[str]()

    def __getattr__(self, name: str) -> Any:
        self._used.add(name)
        return getattr(self._constants, name)

    def require_all_used(self, name: str) -> None:
        """Refuse a parameter set with constants that no formula of the page has used.

        Parameters
        ----------
        name : str
            Name of the set, for the message.

        Raises
        ------
        ValueError
            If there is such a constant, and it has an effect.
        """
        for constant in self._constants._fields:
            if constant not in self._used and _has_effect(getattr(self._constants, constant)):
                raise _cannot_run(name, constant)


def require_known(name: str, compiled: CompiledParams) -> None:
    """Refuse a parameter set with parts that the engine of the page does not know.

    Parameters
    ----------
    name : str
        Name of the set, for the message.
    compiled : CompiledParams
        Its compiled form.

    Raises
    ------
    ValueError
        If it has such a part, and the part has an effect.
    """
    for part in compiled._fields:
        if part not in KNOWN and _has_effect(getattr(compiled, part)):
            raise _cannot_run(name, part)


def packed(array: Any) -> dict[str, Any]:
    """Return an array in the form in which the page holds it: its shape, and its float64 numbers in base64.

    Parameters
    ----------
    array : array
        Numbers of any type.

    Returns
    -------
    dict
        For JSON.
    """
    values = np.ascontiguousarray(array, "<f8")
    return {"shape": list(values.shape), "base64": base64.b64encode(values.tobytes()).decode("ascii")}


def _cannot_run(name: str, part: str) -> ValueError:
    return ValueError(
        f"params {name!r} has {part}, which the page of the explorer cannot run: use CellArray in Python, or remove the"
        " part with DeviceParams.replace"
    )


def _has_effect(value: Any) -> bool:
    """Return whether a part is neither None, nor made of zeros, nor empty."""
    if isinstance(value, tuple | list):
        return any(map(_has_effect, value))
    return value is not None and bool(np.any(value))


def _own_formulas(name: str, p: Watched) -> Iterator[str]:
    """Write the formulas of a parameter set, with those of the parts that it has."""
    own = {"own": OWN_ROWS if p.own else 0}
    given = {"p": p, "b": p.innovation}
    try:
        yield function(features.cycle_features, {**dict.fromkeys(("x", "mu", "sigma"), 4), **own}, given)
        for formula, kinds in OWN.items():
            yield function(formula, kinds, given)
        if p.own:
            yield function(optional_parts.device_rows, {"traits": OWN_TRAITS}, {"law": p.own})
            yield function(optional_parts.blended, {"slow": 4, "white": 4, **own}, {"law": p.own})
        if p.trend:
            yield function(trend.moved_offsets, {"mu": 4, "sigma": 4, "z": 4, "number": "uint32"}, {"law": p.trend})
        if p.wear:
            address = {key: ADDRESS[key] for key in ("lo", "hi", "k0", "k1")}
            yield function(ageing.drawn_wear, {"u": 2, "number": "uint32", **address}, {"law": p.wear})
        if p.restless:
            yield function(optional_parts.innovation_of_lrs, {}, {"law": p.restless})
            yield function(optional_parts.next_unrest, {}, {"law": p.restless})
    except TypeError as error:
        raise ValueError(f"params {name!r} has a part that the page of the explorer cannot run: {error}") from error


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
