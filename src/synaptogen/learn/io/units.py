"""Units in names of columns and in cells: which there are, where in a name they stand, and their factors to SI units.

A unit is a prefix and a symbol (``uA``, ``kohm``), a word (``milliamps``), or a power of ten and a symbol
(``10^-6 A``). Prefixes are those that measurements of devices have: small ones of voltages, currents and times, large
ones of resistances; ``MA`` is no unit here, since people write it for milliamperes.
"""

import re
from collections.abc import Mapping

from synaptogen.params import FEATURE_UNITS

LONGEST = 200  # characters of a name; longer texts are no names, and would take long to look at

_MICRO = ("u", "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}", "\\mu", "\\mu ")
_SMALL = {"": 1.0, "m": 1e-3, **dict.fromkeys(_MICRO, 1e-6), "n": 1e-9, "p": 1e-12}
_CYRILLIC = {"\u043c": 1e-3, "\u043c\u043a": 1e-6, "\u043d": 1e-9, "\u043f": 1e-12}
_LARGE = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_LONG = {"milli": 1e-3, "micro": 1e-6, "nano": 1e-9, "pico": 1e-12, "femto": 1e-15, "kilo": 1e3, "mega": 1e6}
_SYMBOLS = {
    "V": ("V", "Volt", "Volts", "volt", "volts", "VOLT", "\N{CYRILLIC CAPITAL LETTER VE}"),
    "A": (
        *("A", "Amp", "Amps", "amp", "amps", "AMP", "Ampere", "Amperes", "ampere", "amperes"),
        "\N{CYRILLIC CAPITAL LETTER A}",
    ),
    "s": ("s", "sec", "second", "seconds", "Second", "Seconds"),
    "S": ("S", "Siemens", "siemens", "mho"),
    "ohm": (
        *("ohm", "Ohm", "ohms", "Ohms", "OHM", "OHMS", "\\Omega"),
        *("\N{GREEK CAPITAL LETTER OMEGA}", "\N{OHM SIGN}"),
    ),
}
_PREFIXES = {"V": _SMALL | {"k": 1e3}, "A": _SMALL | {"f": 1e-15}, "s": _SMALL, "S": _SMALL, "ohm": _SMALL | _LARGE}


def _units() -> dict[str, tuple[float, str]]:
    found = {
        prefix + symbol: (factor, base)
        for base, symbols in _SYMBOLS.items()
        for symbol in symbols
        for prefix, factor in _PREFIXES[base].items()
    }
    for prefix, factor in _CYRILLIC.items():
        found |= {prefix + _SYMBOLS[base][-1]: (factor, base) for base in ("V", "A")}
    for base, symbols in _SYMBOLS.items():
        words = [symbol.lower() for symbol in symbols if len(symbol) > 1 and symbol.isascii()]
        for word in words:
            for prefix, factor in _LONG.items():
                for text in (prefix + word, (prefix + word).capitalize(), prefix.capitalize() + word.capitalize()):
                    found[text] = (factor, base)
    found |= {"Volt DC": (1.0, "V"), "Amp DC": (1.0, "A"), "VDC": (1.0, "V"), "ADC": (1.0, "A")}
    return found


_UNITS = _units()
UNITS = {unit: factor for unit, (factor, _) in _UNITS.items()}
"""Units that a name may end with, in SI units."""

_QUANTITY = {"V": "voltage", "A": "current", "s": "time", "ohm": "resistance", "S": "conductance"}
_BRACKETS = r"\((?P<round>[^()]*(?:\([^()]*\)[^()]*)*)\)|\[(?P<square>.*)\]|\{(?P<curly>.*)\}|<(?P<angle>.*)>"
_ENDING = re.compile(
    rf"(?P<base>.+?)\s*(?:{_BRACKETS}|/\s*(\S+)|[_,.]\s*([^\s_/.,()\[\]{{}}<>]+)|\s+in\s+(\S+)|\s+(\S{{2,}}))",
    re.DOTALL,
)
_IN_BRACKETS = re.compile(rf".+?\s*(?:{_BRACKETS})", re.DOTALL)
_POWER = re.compile(
    r"[x\N{MULTIPLICATION SIGN}*]?\s*(?:10\s*\^?\s*\(?|1?[eE])(?P<power>[+-]?\d{1,2})\)?\s*[x*]?\s*(?P<unit>\S+)"
)
_FACTOR = re.compile(r".*[*x\N{MULTIPLICATION SIGN}]\s*(?:10\s*\^|1[eE]).*", re.DOTALL)
_SUPERSCRIPTS = str.maketrans("\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "-0123456789")
_DENSITY = re.compile(r"(?i)density|[A-Za-z\N{MICRO SIGN}]?A\s*(/|[\N{MIDDLE DOT}*. ]\s*)\s*[cmun\N{MICRO SIGN}]?m")
_UNKNOWN = re.compile(
    r"(?i)(?:a\.?u\.?|arb\.?|arbitrary)(?:\s*units?\.?)?|norm\.?|normali[sz]ed|%|counts?|bits?|lsb|dba?m?|codes?"
)
_BROKEN = re.compile(r"(?:[^\w\s.,;:|()+-]{1,3}|[^\x00-\x7f]{1,3}|[MGTkKafz])[AV]")
_MISREAD = {  # the sign for micro in one encoding, read in another
    "\u00c2\N{MICRO SIGN}": "u",
    "\u00ce\u00bc": "u",
    "\u00a6\u00cc": "u",
    "\u0392\N{MICRO SIGN}": "u",
}


def plain(name: str) -> str:
    """Return a name without quotes and signs of TeX, and with the sign for micro where an encoding has broken it.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
    """
    for broken, sign in _MISREAD.items():
        name = name.replace(broken, sign)
    if "$" in name:
        name = re.sub(r"\\(?:mathrm|text|rm)\s*|(?<=_)\{|\}(?=\$|\s|$)", "", name.replace("$", ""))
    elif "_{" in name:
        name = re.sub(r"_\{([^{}]*)\}", r"_\1", name)
    return name.strip().strip('"').strip()


def factor_of(unit: str) -> float | None:
    """Return a unit in SI units, as of "mV" or "10^-6 A"; None if it is none."""
    text = unit.strip().translate(_SUPERSCRIPTS)
    if text in UNITS:
        return UNITS[text]
    power = _POWER.fullmatch(text)
    if power and power["unit"] in UNITS:
        return float(10.0 ** int(power["power"]) * UNITS[power["unit"]])
    return None


def is_unit(text: str) -> bool:
    """Return whether a text is a unit, perhaps in brackets."""
    return factor_of(plain(text).strip("()[]{}<> ")) is not None


def unit_in(name: str) -> str:
    """Return the unit that a name ends with, or an empty text."""
    if len(name) > LONGEST:
        return ""
    match = _ENDING.fullmatch(plain(name))
    unit = next((group for group in match.groups()[1:] if group), "").strip() if match else ""
    if match and unit in ("s", "S") and match["base"].lower() in ("v", "i", "u") and "_" in match[0]:
        return ""  # of the source
    return unit if factor_of(unit) is not None else ""


def quantity_of(name: str) -> str | None:
    """Return what the unit of a name measures, as "voltage" or "conductance", or None."""
    unit = unit_in(name)
    return _QUANTITY[base_unit(unit)] if unit else None


def base_unit(unit: str) -> str:
    """Return the SI unit of a unit: "V", "A", "s", "S" or "ohm"."""
    text = unit.strip().translate(_SUPERSCRIPTS)
    power = _POWER.fullmatch(text)
    return _UNITS[text][1] if text in _UNITS else _UNITS[power["unit"]][1] if power else "s"


def is_density(name: str) -> bool:
    """Return whether a name is that of a current per area."""
    return _DENSITY.search(name) is not None


def unknown_unit(name: str) -> str:
    """Return what stands in the place of a unit but is none of those that are known, or an empty text.

    Parameters
    ----------
    name : str
        Name of a column.

    Returns
    -------
    str
        As "?A" where an encoding has lost the prefix, "arb. units", or "*10^6".
    """
    text = plain(name)
    if len(text) > LONGEST:
        return ""
    match = _IN_BRACKETS.fullmatch(text)
    inside = next((group for group in match.groups() if group), "").strip() if match else ""
    if inside and factor_of(inside) is None and (_UNKNOWN.fullmatch(inside) or _BROKEN.fullmatch(inside)):
        return inside
    before = text.rpartition(inside)[0] if inside else text
    return text if _FACTOR.fullmatch(before) and not factor_of(text) else ""


def split_unit(name: str) -> tuple[str, float]:
    """Return a name without its unit, and the unit in SI units; a name without a known unit stays as it is."""
    name = plain(name)
    unit = unit_in(name)
    match = _ENDING.fullmatch(name) if unit else None
    factor = factor_of(unit) if unit else None
    if match is None or factor is None:
        return name, 1.0
    return match["base"].strip(), factor


def require_known_unit(name: str, role: str) -> None:
    """Refuse a column whose numbers are in a unit that is not known.

    Parameters
    ----------
    name : str
        Name of the column.
    role : str
        What it stands for.

    Raises
    ------
    ValueError
        If they are.
    """
    unit = unknown_unit(name)
    if unit:
        usual = {"voltage": "mV", "current": "uA", "time": "ms"}.get(role, FEATURE_UNITS.get(role, "ohm"))
        raise ValueError(
            f"column {name!r} has a unit that is not known, {unit!r}: say which it is with"
            f" units={{{role!r}: {usual!r}}} or --unit {role}={usual}; arbitrary units cannot be used"
        )


def check_units(units: Mapping[str, str]) -> None:
    """Refuse units that do not exist, or that do not suit what they are given for.

    Parameters
    ----------
    units : mapping of str to str
        Units of voltage, current, time or features.

    Raises
    ------
    ValueError
        If there are such.
    """
    suiting = {"voltage": "V", "current": "A", "time": "s", **FEATURE_UNITS}
    for role, unit in units.items():
        if role not in suiting:
            raise ValueError(f"units names {role!r}, which is not one of {', '.join(suiting)}")
        if factor_of(unit) is None or base_unit(unit) != suiting[role]:
            raise ValueError(
                f"{unit!r} is no unit of {role}: give one such as 'u{suiting[role]}', '10^-6 {suiting[role]}'"
            )


def with_unit(name: str, unit: str) -> str:
    """Return a name of a column with another unit than it has.

    Parameters
    ----------
    name : str
    unit : str

    Returns
    -------
    str
    """
    base = split_unit(name)[0]
    unknown = unknown_unit(base)
    if unknown and unknown != base:
        base = base.rpartition(unknown)[0].rstrip("([{< ")
    elif unknown:
        base = re.split(r"[*\N{MULTIPLICATION SIGN}]|\bx\b", base)[0].strip()
    return f"{base} ({unit})"
