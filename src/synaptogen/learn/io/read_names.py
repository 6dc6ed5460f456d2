"""Names of columns of repeated reads: what they stand for, and the units in them."""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from .columns import FEATURE_ROLES, device_part, role_of
from .units import base_unit, factor_of

QUANTITIES = ("resistance", "conductance", "current")
ROLES = ("device", "time", "read", *QUANTITIES, "voltage", "temperature", "level", "before", "after")
"""Names of ours that ``columns`` may give."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "time": ("t", "time", "times", "elapsed", "elapsed time", "retention time", "bake time", "delay", "wait", "age"),
    "read": (
        *("read", "reads", "read number", "read no", "read index", "n read", "read n", "nread", "readout", "repeat"),
        *("repetition", "read id", "sample no", "read count", "readnumber", "index", "k", "step"),
    ),
    "resistance": ("r", "res", "resistance", "rread", "r read", "read resistance", "resistance read"),
    "conductance": ("g", "cond", "conductance", "gread", "g read", "read conductance"),
    "current": ("i", "current", "iread", "i read", "read current", "id", "i meas", "measured current"),
    "voltage": ("v", "u", "voltage", "vread", "v read", "u read", "uread", "read voltage", "bias", "vd"),
    "temperature": ("temp", "temperature", "bake temperature", "t bake", "tbake", "bake temp", "bake", "ambient"),
    "level": ("level", "target", "state", "target level", "code", "goal", "target state", "programmed level", "bin"),
}
SPANS = {
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("y", "yr", "year", "years"), 3.15576e7),
    "sec": 1.0,
    "secs": 1.0,
}
_SIEMENS = {
    p + unit: f
    for unit in ("S", "siemens", "Siemens")
    for p, f in (("", 1.0), ("m", 1e-3), ("u", 1e-6), ("n", 1e-9), ("\N{MICRO SIGN}", 1e-6), ("\u03bc", 1e-6))
}
QUANTITY_OF = {"V": "voltage", "A": "current", "s": "time", "ohm": "resistance", "S": "conductance"}
_CELSIUS = ("C", "degC", "\N{DEGREE SIGN}C", "deg C", "Celsius", "celsius", "\u2103")
_KELVIN = ("K", "Kelvin", "kelvin")
BEFORE, AFTER = ("before", "pre", "initial", "unbaked", "fresh"), ("after", "post", "final", "baked")
_PARTS = frozenset(  # of the name of a cell, beside those that loops have
    (
        *("row", "col", "column", "wl", "bl", "x", "y", "dut", "dut id", "dut no", "address", "addr", "cell address"),
        *("cell no", "cell number", "cell index", "device number", "device index", "chip id", "chip no", "die id"),
    )
)
_SCATTER = ("std", "stdev", "stddev", "sd", "sigma", "err", "error", "uncertainty", "var", "variance")
_MIDDLE = ("mean", "avg", "average", "median")
_AT_A_TIME = re.compile(  # as "R (10 s)" and "R at 10 s"
    r".*[\s@(\[=_][\d.]+(?:e[+-]?\d+)?\s*(?:[num]?s|sec|min|h|hrs?|d|days?)\s*[)\]]?"
)
_LOG = re.compile(r"(?i)(?P<kind>log_?\{?10\}?|lg|ln|log)(?P<rest>[\s_]*[(\[].*|[\s_]+.+|[a-z])")
_UNIT = re.compile(
    r"(?P<base>.+?)\s*(?:\((?P<a>.*)\)|\[(?P<b>.*)\]|/\s*(?P<c>\S+)|[_,. ]\s*(?P<d>[^\s_]+)|\s+in\s+(?P<e>\S+))"
)


class Name(NamedTuple):
    """What the name of a column says.

    Attributes
    ----------
    role : str
        One of `ROLES`, or empty.
    factor : float
        Its unit in SI units.
    celsius : bool
        Whether the unit is a degree Celsius.
    unit : bool
        Whether there is a unit.
    when : str
        "before", "after" or empty.
    base : float
        Base of the logarithm that is given instead of the quantity; 0: none, NaN: a logarithm of no stated base.
    """

    role: str
    factor: float = 1.0
    celsius: bool = False
    unit: bool = False
    when: str = ""
    base: float = 0.0


def name_of(text: str) -> Name:
    """Say what the name of a column means.

    Parameters
    ----------
    text : str
        As ``"R (kohm)"``, ``"bake_temperature_C"`` or ``"g_after_uS"``.

    Returns
    -------
    Name
    """
    if role_of(text)[0] in FEATURE_ROLES or _AT_A_TIME.fullmatch(text):
        return Name("")  # r_hrs is no time in hours
    logarithm = _logarithm(text)
    if logarithm is not None:
        return logarithm
    base, factor, kind = parted(text)
    words = [w for w in re.split(r"[\s_\-.#()\[\]]+", base.lower()) if w]
    if any(w in _SCATTER for w in words):
        return Name("")
    when = next((w for w in words if w in BEFORE), "") and "before"
    when = when or (next((w for w in words if w in AFTER), "") and "after")
    plain = " ".join(w for w in words if w not in (*BEFORE, *AFTER, *_MIDDLE))
    outside = re.sub(r"\s*[(\[].*", "", text)  # as "Cell (row, column)"
    if device_part(text) or device_part(outside) or plain in _PARTS or role_of(text)[0] == "device":
        return Name("device")
    role = next((r for r, known in WORDS.items() if plain in known), "")
    if role == "level" or "target" in words:
        return Name("level", factor, unit=bool(kind))
    if plain == "bake" and kind == "time":
        role = "time"
    role = kind or role  # "T (K)" is a temperature, "t (s)" a time
    if not role and words and plain.rstrip("0123456789 ") in ("r", "g", "i") and plain[-1:].isdigit():
        role = {"r": "resistance", "g": "conductance", "i": "current"}[plain.rstrip("0123456789 ")]
    return Name(role, factor, kind == "temperature" and _unit_text(text) in _CELSIUS, bool(kind), when)


def _logarithm(text: str) -> Name | None:
    """Return what the name of a logarithm says, as "log10(R/ohm)"; None if it is none."""
    match = _LOG.fullmatch(text.strip())
    if match is None:
        return None
    inner = match["rest"].strip(" _")
    inner = re.sub(r"^[(\[]([^()\[\]]*(?:\([^()]*\))?)[)\]]", r"\1", inner)
    found = name_of(inner)
    if found.role not in (*QUANTITIES, "time"):
        return None
    kind = match["kind"].lower()
    return found._replace(base=math.e if kind == "ln" else math.nan if kind == "log" else 10.0)


def _unit_text(text: str) -> str:
    match = _UNIT.fullmatch(text.strip())
    return next((g for g in match.groups()[1:] if g), "").strip() if match else ""


def parted(text: str) -> tuple[str, float, str]:
    """Return a name without its unit, the unit in SI units, and what it measures."""
    unit = _unit_text(text)
    match = _UNIT.fullmatch(text.strip())
    if not unit or match is None:
        word = text.strip()
        if (word.lower() in SPANS and len(word) > 2) or word.lower() in ("seconds", "hours", "days"):
            return "time", SPANS.get(word.lower(), 1.0), "time"
        return word, 1.0, ""
    base = match["base"]
    plain = re.sub(r"[\s_\-.]+", " ", base.lower()).strip()
    if unit in SPANS and (plain in WORDS["time"] or plain.endswith("time")):
        return base, SPANS[unit], "time"
    if unit in _SIEMENS:
        return base, _SIEMENS[unit], "conductance"
    if unit in (*_CELSIUS, *_KELVIN):
        return base, 1.0, "temperature"
    factor = factor_of(unit)
    if factor is None:
        return text.strip(), 1.0, ""
    return base, factor, QUANTITY_OF[base_unit(unit)]
