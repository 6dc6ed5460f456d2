"""Names of columns: what they stand for, and the units in them."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from synaptogen.params import FEATURE_NAMES

LOOPS = ("voltage", "current", "time")
KEYS = ("device", "cycle")
FLAG = "flag"
KNOWN = (*KEYS, *LOOPS, *FEATURE_NAMES, FLAG)
ALIASES = {
    "voltage": ("v", "u", "volt", "volts", "voltages", "bias", "v1", "u1", "av", "vd", "anodev", "v_meas", "vmeas"),
    "current": ("i", "amp", "amps", "currents", "i1", "ai", "id", "anodei", "i_meas", "imeas"),
    "time": ("t", "times", "t1"),
    "device": ("dev", "device_id", "cell", "devices"),
    "cycle": ("cyc", "cycle_id", "n", "loop", "sweep", "cycles", "repeat", "cycle_no", "cycle number"),
    "r_hrs": ("rhrs", "hrs"),
    "r_lrs": ("rlrs", "lrs"),
    "u_set": ("v_set", "uset", "vset"),
    "u_reset": ("v_reset", "ureset", "vreset"),
}
_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "\N{MICRO SIGN}": 1e-6, "\N{GREEK SMALL LETTER MU}": 1e-6, "n": 1e-9}
_LARGE = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
_OHM = ("ohm", "Ohm", "ohms", "\N{GREEK CAPITAL LETTER OMEGA}", "\N{OHM SIGN}")
UNITS = {
    **{p + unit: f for unit in ("V", "A", "s") for p, f in _PREFIXES.items()},
    "pA": 1e-12,
    "Volt": 1.0, "Volts": 1.0, "Amp": 1.0, "Amps": 1.0, "sec": 1.0,
    **{p + ohm: f for ohm in _OHM for p, f in _LARGE.items()},
}  # fmt: skip
"""Units that a name may end with, in SI units."""

_ENDING = re.compile(r"(?P<base>.+?)\s*(?:\((.*)\)|\[(.*)\]|/\s*(\S+)|[_,]\s*(\S+)|\s+in\s+(\S+))")


class Column(NamedTuple):
    """A column of the file, and by what its numbers are multiplied."""

    name: Any
    factor: float


def columns_of(present: Any, given: Mapping[str, str]) -> dict[str, Column]:
    """Which of the file's names stands for which of ours: those that were given, else those that are known."""
    parts = {name: split_unit(str(name)) for name in present}
    plain = {base.lower(): name for name, (base, _) in reversed(parts.items())}
    found = {}
    for ours in KNOWN:
        name: Any
        if ours in given:
            if given[ours] not in parts:
                raise ValueError(f"there is no column {given[ours]!r} for {ours}; there are {listed(present)}")
            name = given[ours]
        else:
            name = next((plain[alias] for alias in (ours, *ALIASES.get(ours, ())) if alias in plain), None)
        if name is not None:
            found[ours] = Column(name, parts[name][1])
    return found


def split_unit(name: str) -> tuple[str, float]:
    """A name without its unit, and the unit in SI units; a name without a known one as it is."""
    name = name.strip().strip('"').strip()
    match = _ENDING.fullmatch(name)
    unit = next((group for group in match.groups()[1:] if group), "").strip() if match else ""
    return (match["base"].strip(), UNITS[unit]) if match and unit in UNITS else (name, 1.0)


def listed(present: Any) -> str:
    """Names for an error."""
    return ", ".join(map(repr, map(str, present))) or "nothing"
