"""Units in names of columns and in cells: which there are, where in a name they stand, and their factors to SI units.

A unit is a prefix and a symbol (``uA``, ``kohm``), a word (``milliamps``), or a power of ten and a symbol
(``10^-6 A``). Prefixes are those that measurements of devices have: small ones of voltages, currents and times, large
ones of resistances; ``MA`` is no unit here, since people write it for milliamperes. Else capitals and small letters may
be exchanged where no other unit has the letters (``UA``, ``KOHM``). Prefix and symbol may be parted (``k Ohm``).
"""

import re
from collections.abc import Mapping

from synaptogen.params import FEATURE_UNITS

LONGEST = 200  # characters of a name; longer texts are no names, and would take long to look at

_MICRO = ("u", "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}", "\\mu", "\\mu ")
_SMALL = {"": 1.0, "m": 1e-3, **dict.fromkeys(_MICRO, 1e-6), "n": 1e-9, "p": 1e-12}
_CYRILLIC = {"\u043c": 1e-3, "\u043c\u043a": 1e-6, "\u043d": 1e-9, "\u043f": 1e-12}
_LARGE = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "Meg": 1e6, "MEG": 1e6, "G": 1e9, "T": 1e12}
_LONG = {
    "mu": 1e-6,
    "milli": 1e-3,
    "micro": 1e-6,
    "nano": 1e-9,
    "pico": 1e-12,
    "femto": 1e-15,
    "kilo": 1e3,
    "mega": 1e6,
}
_HANZI = {"\u5146": 1e6, "\u5343": 1e3, "": 1.0, "\u6beb": 1e-3, "\u5fae": 1e-6, "\u7eb3": 1e-9, "\u76ae": 1e-12}
_HANZI_SYMBOLS = {  # with and without the second sign
    "V": ("\u4f0f", "\u4f0f\u7279"),
    "A": ("\u5b89", "\u5b89\u57f9"),
    "ohm": ("\u6b27", "\u6b27\u59c6"),
    "s": ("\u79d2",),
}
_KANA = {  # of volt, ampere and ohm
    "\u30dc\u30eb\u30c8": "V",
    "\u30a2\u30f3\u30da\u30a2": "A",
    "\u30aa\u30fc\u30e0": "ohm",
}
CONDUCTANCE_QUANTUM = 7.748091729e-5  # S: 2 e^2/h
_SYMBOLS = {
    "V": ("V", "Volt", "Volts", "volt", "volts", "VOLT", "\N{CYRILLIC CAPITAL LETTER VE}"),
    "A": (
        *("A", "Amp", "Amps", "amp", "amps", "AMP", "Ampere", "Amperes", "ampere", "amperes"),
        "\N{CYRILLIC CAPITAL LETTER A}",
    ),
    "s": ("s", "sec", "second", "seconds", "Second", "Seconds"),
    "S": ("S", "Siemens", "siemens", "mho", "Mho", "\N{INVERTED OHM SIGN}", "\N{LATIN SMALL LETTER UPSILON}"),
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
    for prefix, factor in {"": 1.0, "\u043a": 1e3, "\u041c": 1e6, "\u0413": 1e9}.items():
        found[prefix + "\u041e\u043c"] = (factor, "ohm")
    for base, symbols in _HANZI_SYMBOLS.items():
        found |= {prefix + symbol: (factor, base) for prefix, factor in _HANZI.items() for symbol in symbols}
    found |= {word: (1.0, base) for word, base in _KANA.items()}
    for base, symbols in _SYMBOLS.items():
        for symbol in symbols:
            for prefix, factor in _LONG.items():
                found[prefix + symbol] = found[prefix + symbol.lower()] = (factor, base)
    for symbol in ("ohm", "ohms"):  # with one vowel less
        found |= {"kil" + symbol: (1e3, "ohm"), "meg" + symbol: (1e6, "ohm")}
    found |= dict.fromkeys(("G0", "G_0", "2e^2/h", "2e2/h", "2e²/h"), (CONDUCTANCE_QUANTUM, "S"))
    found |= {"Volt DC": (1.0, "V"), "Amp DC": (1.0, "A"), "VDC": (1.0, "V"), "ADC": (1.0, "A")}
    return found


def _folded() -> dict[str, tuple[float, str]]:
    """Return units in small letters where only one has these, of more than one sign."""
    found: dict[str, set[tuple[float, str]]] = {}
    for unit, meaning in _UNITS.items():
        if len(unit) > 1 and meaning[1] not in "sS":
            found.setdefault(unit.lower(), set()).add(meaning)
    return {unit: meanings.pop() for unit, meanings in found.items() if len(meanings) == 1}


_UNITS = _units()
_FOLDED = _folded()
UNITS = {unit: factor for unit, (factor, _) in _UNITS.items()}
"""Units that a name may end with, in SI units."""

_QUANTITY = {"V": "voltage", "A": "current", "s": "time", "ohm": "resistance", "S": "conductance"}
_BRACKETS = r"\((?P<round>[^()]*(?:\([^()]*\)[^()]*)*)\)|\[(?P<square>.*)\]|\{(?P<curly>.*)\}|<(?P<angle>.*)>"
_ENDING = re.compile(
    rf"(?P<base>.+?)\s*(?:{_BRACKETS}|/\s*(\S+)|[_,.:=\N{{MIDDLE DOT}}]\s*([^\s_/.,()\[\]{{}}<>]+)"
    r"|\s+in\s+(\S+(?:\s\S+)?)|\s+(?:-\s+)?(\S{2,}|[\N{GREEK CAPITAL LETTER OMEGA}\N{OHM SIGN}]))",
    re.DOTALL,
)
_IN_BRACKETS = re.compile(rf".+?\s*(?:{_BRACKETS})", re.DOTALL)
_WITHIN = re.compile(r"(?P<base>.+?)\s*[(\[{](?P<unit>[^()\[\]{}]+)[)\]}]\s*(?P<rest>[^()\[\]{}]+)", re.DOTALL)
_WORD = re.compile(r"(?P<base>[IVU]|current|voltage)[\s_](?P<unit>milli|micro|nano|pico)", re.IGNORECASE)
_UNDERSCORED = re.compile(
    r"(?P<base>[^\W_]+)_(?P<unit>[^\W_]{2,8})(?:_(?P<rest>\w+)|\s*(?P<bracket>[(\[][^()\[\]]+[)\]]))"
)
_BEFORE = re.compile(r"(?P<unit>[^\W\d_]{2,8})[\s_](?P<rest>[IVU]|current|voltage)", re.IGNORECASE)
_GLUED = re.compile(r"(?P<base>[IVU])(?P<unit>[mun\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}p][AV])")
_PREFIX_ALONE = re.compile(
    r"(?P<base>(?:R(?![a-z])|HRS|LRS|[\w\s]*resistance).*?)\s*[(\[](?P<prefix>[kKMG]|[Mm]eg|MEG)[)\]]"
)
_KIND = re.compile(r"(?i)[\s,;]*\b(?:dc|ac|rms|r\.m\.s\.|avg|average|mean|median|peak|at .*|@.*)$|(?<=[AV])(?:DC|AC)$")
_PARTED = re.compile(r"[\s.\-\N{MIDDLE DOT}\N{DOT OPERATOR}]+")
_POWER = re.compile(
    r"[x\N{MULTIPLICATION SIGN}*]?\s*(?:10\s*\^?\s*\(?|1?[eE])(?P<power>[+-]?\d{1,2})\)?\s*[x*]?\s*(?P<unit>\S+)"
)
_FACTOR = re.compile(r".*[*x\N{MULTIPLICATION SIGN}]\s*(?:10\s*\^|1[eE]).*", re.DOTALL)
_SUPERSCRIPTS = str.maketrans("\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "-0123456789")
_DENSITY = re.compile(r"(?i)density|[A-Za-z\N{MICRO SIGN}]?A\s*(/|[\N{MIDDLE DOT}*. ]\s*)\s*[cmun\N{MICRO SIGN}]?m")
_LOOKS_LIKE = re.compile(
    r"[^\W\d_]{1,3}(?:A|V|amps?|volts?|ohms?|Ohms?|\N{GREEK CAPITAL LETTER OMEGA}|S)|\S*\d\s*(?:A|V|[Oo]hm)"
    r"|[AVS]\s*[*/].*"
)
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
    return _unit_last(name.strip().strip('"').strip())


def _unit_last(name: str) -> str:
    """Return a name with its unit at the end, in brackets, where it stands at a place that few give it."""
    if len(name) > LONGEST:
        return name
    alone = _PREFIX_ALONE.fullmatch(name)
    if alone:
        return f"{alone['base']} ({alone['prefix']}ohm)"
    word = _WORD.fullmatch(name)
    if word:
        return f"{word['base']} ({word['unit'].lower()}{'A' if word['base'][0] in 'iIcC' else 'V'})"
    match = _UNDERSCORED.fullmatch(name) or _WITHIN.fullmatch(name) or _BEFORE.fullmatch(name) or _GLUED.fullmatch(name)
    meaning = _meaning(match["unit"]) if match else None
    if match is None or meaning is None or (meaning[1] in "sS" and len(match["unit"]) < 3):
        return name
    parts = match.groupdict()
    rest = [parts.get("base"), parts.get("rest") or parts.get("bracket")]
    return f"{' '.join(part for part in rest if part)} ({match['unit']})"


def _meaning(unit: str) -> tuple[float, str] | None:
    """Return the factor of a unit to its SI unit, and that unit; None if it is none."""
    text = unit.strip().translate(_SUPERSCRIPTS)
    for form in (text, _KIND.sub("", text).strip(), _PARTED.sub("", text)):
        if form in _UNITS:
            return _UNITS[form]
    power = _POWER.fullmatch(text)
    if power and power["unit"] in _UNITS:
        factor, base = _UNITS[power["unit"]]
        return float(10.0 ** int(power["power"]) * factor), base
    folded = _PARTED.sub("", _KIND.sub("", text))
    word = folded.lower().startswith(("milli", "micro", "meg", "mu"))
    return None if folded[:1] == "M" and not word else _FOLDED.get(folded.lower())  # "MA"


def factor_of(unit: str) -> float | None:
    """Return a unit in SI units, as of "mV" or "10^-6 A"; None if it is none."""
    meaning = _meaning(unit)
    return None if meaning is None else meaning[0]


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
    meaning = _meaning(unit)
    return "s" if meaning is None else meaning[1]


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
    strange = any(form.fullmatch(inside) for form in (_UNKNOWN, _BROKEN, _LOOKS_LIKE))
    if inside and factor_of(inside) is None and strange:
        return inside
    before = text.rpartition(inside)[0] if inside else text
    behind = re.fullmatch(r".+_(?P<unit>\w{2})", text)
    if behind and not inside and factor_of(behind["unit"]) is None and _BROKEN.fullmatch(behind["unit"]):
        return behind["unit"]
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
