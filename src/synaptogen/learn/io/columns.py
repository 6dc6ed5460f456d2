"""Names of columns: what they stand for, and the units in them."""

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

from synaptogen.params import FEATURE_NAMES

LOOPS = ("voltage", "current", "time")
KEYS = ("device", "cycle")
FLAG = "flag"
KNOWN = (*KEYS, *LOOPS, *FEATURE_NAMES, FLAG)
ALIASES = {
    "voltage": ("v", "u", "volt", "volts", "voltages", "bias", "av", "vd", "anodev", "v_meas", "vmeas"),
    "current": ("i", "amp", "amps", "currents", "ai", "id", "anodei", "i_meas", "imeas"),
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
    "Volt": 1.0,
    "Volts": 1.0,
    "Amp": 1.0,
    "Amps": 1.0,
    "sec": 1.0,
    **{p + ohm: f for ohm in _OHM for p, f in _LARGE.items()},
}
"""Units that a name may end with, in SI units."""

_ENDING = re.compile(r"(?P<base>.+?)\s*(?:\((.*)\)|\[(.*)\]|/\s*(\S+)|[_,]\s*(\S+)|\s+in\s+(\S+))")

_NUMBER = re.compile(r"[\s_]*\(?\d+\)?$")


class Column(NamedTuple):
    """A column of the file, and the factor that brings its numbers to SI units."""

    name: Hashable
    factor: float


def columns_of(present: Iterable[Hashable], given: Mapping[str, str]) -> dict[str, Column]:
    """Find which of the file's columns stands for which of ours: those that were given, else those that are known.

    Parameters
    ----------
    present : iterable
        Names of the columns of the file.
    given : mapping of str to str
        The file's names of some of our columns (`KNOWN`).

    Returns
    -------
    dict of str to Column
        By our names; columns that are not found are left out.

    Raises
    ------
    ValueError
        If a given name is not there, or several names could be the voltage or the current.
    """
    parts = {name: split_unit(str(name)) for name in present}
    plain: dict[str, Hashable] = {}
    for name, (base, _) in parts.items():
        plain.setdefault(base.lower(), name)
    found = {}
    for ours in KNOWN:
        if ours in given:
            if given[ours] not in parts:
                raise ValueError(f"there is no column {given[ours]!r} for {ours}; there are {listed(present)}")
            name = given[ours]
        else:
            name = plain[ours] if ours in plain else _known(ours, plain)
        if name is not None:
            found[ours] = Column(name, parts[name][1])
    return found


def _known(ours: str, plain: Mapping[str, Hashable]) -> Hashable | None:
    """Return the column whose name is known to mean ours, or None; numbers behind such names count several of them."""
    aliases = (ours, *ALIASES.get(ours, ()))
    matches = [plain[alias] for alias in aliases if alias in plain]
    if ours in ("voltage", "current"):
        numbered = [name for base, name in plain.items() if _NUMBER.sub("", base) in aliases]
        matches += [name for name in numbered if name not in matches]
        if len(matches) > 1:
            raise ValueError(
                f"{listed(matches)} could each be the {ours}: say which with columns={{{ours!r}: ...}}, or --column"
            )
    return matches[0] if matches else None


def split_unit(name: str) -> tuple[str, float]:
    """Return a name without its unit, and the unit in SI units; a name without a known unit stays as it is."""
    name = name.strip().strip('"').strip()
    match = _ENDING.fullmatch(name)
    unit = next((group for group in match.groups()[1:] if group), "").strip() if match else ""
    return (match["base"].strip(), UNITS[unit]) if match and unit in UNITS else (name, 1.0)


def listed(names: Iterable[object]) -> str:
    """Return names in a list for an error message."""
    return ", ".join(map(repr, map(str, names))) or "nothing"
