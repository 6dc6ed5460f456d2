"""Names of columns: what they stand for, and the units in them."""

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

from synaptogen.params import FEATURE_NAMES

LOOPS = ("voltage", "current", "time")
KEYS = ("device", "cycle")
FLAG = "flag"
FEATURE_ROLES = frozenset(FEATURE_NAMES)
KNOWN = (*KEYS, *LOOPS, *FEATURE_NAMES, FLAG)
ALIASES = {
    "voltage": (
        *("v", "u", "volt", "volts", "voltages", "bias", "av", "vd", "anodev", "v_meas", "vmeas", "vf", "vm", "vdd"),
        *("spannung", "tension", "v applied", "applied voltage", "drainv", "smuv", "voltage applied", "v_applied"),
        *("source voltage", "measured voltage", "bias voltage", "v_bias", "vbias", "v_d", "sourcev", "u_meas"),
        *(
            "voltaje",
            "tensi\N{LATIN SMALL LETTER O WITH ACUTE}n",
            "tensione",
            "spanning",
            "\u7535\u538b",
            "\u96fb\u5727",
        ),
        *("\u043d\u0430\u043f\u0440\u044f\u0436\u0435\u043d\u0438\u0435",),
    ),
    "current": (
        *("i", "amp", "amps", "currents", "ai", "id", "anodei", "i_meas", "imeas", "if", "im", "ids", "drain current"),
        *("strom", "courant", "draini", "smui", "measured current", "i_d", "sourcei", "reading", "corriente"),
        *(
            "intensit\N{LATIN SMALL LETTER E WITH ACUTE}",
            "intensite",
            "corrente",
            "stroom",
            "\u7535\u6d41",
            "\u96fb\u6d41",
        ),
        *("\u0442\u043e\u043a",),
    ),
    "time": ("t", "times", "t1", "timestamp", "time stamp", "elapsed", "elapsed time", "second", "x-axis", "rel time"),
    "device": ("dev", "device_id", "cell", "devices", "sample", "device name", "device no", "die"),
    "cycle": (
        *("cyc", "cycle_id", "n", "loop", "sweep", "cycles", "repeat", "cycle_no", "cycle number", "run", "iteration"),
        *("cycle no", "cycle #", "sweep number", "sweep no", "loop number", "#cycle", "switching cycle", "repetition"),
    ),
    "r_hrs": (
        "rhrs",
        "hrs",
        "roff",
        "r_off",
        "hrs resistance",
        "high resistance",
        "resistance hrs",
        "r(hrs)",
        "off resistance",
    ),
    "r_lrs": (
        "rlrs",
        "lrs",
        "ron",
        "r_on",
        "lrs resistance",
        "low resistance",
        "resistance lrs",
        "r(lrs)",
        "on resistance",
    ),
    "u_set": ("v_set", "uset", "vset", "set voltage", "v(set)", "set"),
    "u_reset": ("v_reset", "ureset", "vreset", "reset voltage", "v(reset)", "reset"),
}
_PREFIXES = {
    "": 1.0,
    "m": 1e-3,
    "u": 1e-6,
    "\N{MICRO SIGN}": 1e-6,
    "\N{GREEK SMALL LETTER MU}": 1e-6,
    "n": 1e-9,
    "p": 1e-12,
}
_LARGE = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_OHM = ("ohm", "Ohm", "ohms", "Ohms", "OHM", "\N{GREEK CAPITAL LETTER OMEGA}", "\N{OHM SIGN}")
_WORDS = {
    **dict.fromkeys(("Volt", "Volts", "volt", "volts", "Amp", "Amps", "amp", "amps", "Ampere", "ampere", "sec"), 1.0),
    **dict.fromkeys(("VOLT", "AMP", "Volt DC", "Amp DC", "VDC", "ADC", "Amperes", "amperes"), 1.0),
    **dict.fromkeys(("second", "seconds", "Second", "Seconds"), 1.0),
    "millivolt": 1e-3,
    "mVolt": 1e-3,
    "milliamp": 1e-3,
    "microamp": 1e-6,
    "uAmp": 1e-6,
    "fA": 1e-15,
}
UNITS = {
    **{p + unit: f for unit in ("V", "A", "s") for p, f in _PREFIXES.items()},
    **_WORDS,
    **{p + ohm: f for ohm in _OHM for p, f in _LARGE.items()},
}
"""Units that a name may end with, in SI units."""

_ENDING = re.compile(
    r"(?P<base>.+?)\s*(?:\((.*)\)|\[(.*)\]|\{(.*)\}|<(.*)>|/\s*(\S+)|[_,.]\s*([^\s_]+)|\s+in\s+(\S+)|\s+(\S{2,}))"
)
_POWER = re.compile(
    r"[x\N{MULTIPLICATION SIGN}*]?\s*(?:10\s*\^?\s*\(?|1?[eE])(?P<power>[+-]?\d{1,2})\)?\s*[x*]?\s*(?P<unit>\S+)"
)
_SUPERSCRIPTS = str.maketrans("\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "-0123456789")
_DENSITY = re.compile(r"(?i)density|[A-Za-z\N{MICRO SIGN}]?A\s*(/|[\N{MIDDLE DOT}*. ]\s*)\s*[cmun\N{MICRO SIGN}]?m")
_MAGNITUDE = re.compile(r"(?i)(?:\|(?P<bars>[^|]+)\|.*|abs[\s_]*\(?(?P<abs>[a-z]\w*)\)?.*|(?P<last>i\w*?)[\s_]*abs.*)")
LONGEST = 200  # characters of a name; longer texts are no names, and would take long to look at
_NUMBER = re.compile(r"[\s_]*[\(\[]?\d+[\)\]]?$")
_PARTS = frozenset(
    (
        *(
            "wafer",
            "lot",
            "chip",
            "die",
            "die x",
            "die y",
            "diex",
            "diey",
            "site",
            "subsite",
            "module",
            "array",
            "block",
        ),
        *("sample", "sample id", "sample name", "device id", "device name", "device no", "dev id", "cell", "cell id"),
        *("wordline", "bitline", "word line", "bit line", "x coordinate", "y coordinate", "device type", "structure"),
    )
)
_QUANTITY = {"V": "voltage", "A": "current", "s": "time", "ohm": "resistance"}


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
    return factor_of(text.strip("()[]{}<> ")) is not None


def _unit_in(name: str) -> str:
    """Return the unit that a name ends with, or an empty text."""
    if len(name) > LONGEST:
        return ""
    match = _ENDING.fullmatch(name.strip().strip('"').strip())
    unit = next((group for group in match.groups()[1:] if group), "").strip() if match else ""
    return unit if factor_of(unit) is not None else ""


def quantity_of(name: str) -> str | None:
    """Return what the unit of a name measures: "voltage", "current", "time", "resistance", or None."""
    unit = _unit_in(name)
    return _QUANTITY[base_unit(unit)] if unit else None


def base_unit(unit: str) -> str:
    """Return the SI unit of a unit: "V", "A", "s" or "ohm"."""
    unit = unit.removesuffix("DC").strip()
    if unit.lower().endswith(("ohm", "ohms")) or unit[-1:] in ("\N{GREEK CAPITAL LETTER OMEGA}", "\N{OHM SIGN}"):
        return "ohm"
    if "olt" in unit or "VOLT" in unit or unit.endswith("V"):
        return "V"
    return "A" if "mp" in unit or "AMP" in unit or unit.endswith("A") else "s"


def is_density(name: str) -> bool:
    """Return whether a name is that of a current per area."""
    return _DENSITY.search(name) is not None


def is_magnitude(name: str) -> bool:
    """Return whether a name is that of the magnitude of a current, as "|I| (A)" or "AbsI"."""
    match = _MAGNITUDE.fullmatch(name.strip().strip('"')) if len(name) <= LONGEST else None
    inner = next((group for group in match.groups() if group), "") if match else ""
    return bool(inner) and role_of(inner)[0] == "current"


def role_of(name: str) -> tuple[str | None, str]:
    """Return which of ours a name stands for, and what tells it from others of the same role.

    Parameters
    ----------
    name : str
        Name of a column, as ``"DrainI(3)"`` or ``"Smu1.V[1][1]"``.

    Returns
    -------
    role : str or None
        One of `KNOWN`, or None.
    tag : str
        The rest of the name: a number, the name of an electrode, "set" or "reset".
    """
    if len(name) > LONGEST:
        return None, ""
    base, _ = split_unit(name.replace("#", " ").strip())
    word = base.strip().strip('"').lower()
    word = re.sub(r"\s*@.*", "", word)  # R_HRS@0.2V
    if is_density(name):
        return None, word
    for ours in KNOWN:
        if word == ours or word in ALIASES.get(ours, ()):
            return ours, ""
    smu = re.fullmatch(r"(?P<tag>.*?)[._ ]?(?P<kind>[vi])(?P<index>(\[\d+\])+)", word)
    if smu:
        return ("voltage" if smu["kind"] == "v" else "current"), f"{smu['tag']}{smu['index']}"
    if word.startswith(("abs", "|", "log", "norm")) or word.endswith(("abs", "|")):
        return None, word
    plain = _NUMBER.sub("", word)
    number = word[len(plain) :].strip(" _()[]")
    for ours in ("voltage", "current"):
        if plain == ours or plain in ALIASES[ours]:
            return ours, number
    event = re.fullmatch(r"(?P<kind>[viu]|voltage|current)[\s_\-.]*(?P<tag>(re)?set)[\s_\-.]*(?P<number>\d*)", word)
    event = event or re.fullmatch(
        r"(?P<tag>(re)?set)[\s_\-.]*(?P<kind>[viu]|voltage|current)[\s_\-.]*(?P<number>\d*)", word
    )
    if event:
        role = "current" if event["kind"] in ("i", "current") else "voltage"
        return role, event["tag"] + event["number"]
    electrode = re.fullmatch(
        r"(?P<tag>drain|gate|source|anode|cathode|top|bottom|smu\d*|ch\d*|base|bulk|te|be)[\s_\-.]*(?P<kind>[vi]|voltage|current)[\s_]*(?P<number>\(?\d*\)?)",
        word,
    )
    if electrode:
        role = "current" if electrode["kind"] in ("i", "current") else "voltage"
        return role, f"{electrode['tag']}{electrode['number'].strip('()')}"
    way = re.fullmatch(
        r"(?P<kind>[viu]|voltage|current)[\s_\-.(]*(?P<tag>forward|fwd|backward|bwd|reverse|rev|up|down|retrace|trace)\)?",
        word,
    )
    if way:
        return ("current" if way["kind"] in ("i", "current") else "voltage"), way["tag"]
    letter = re.fullmatch(r"(?P<kind>[viu])[\s_\-]?(?P<tag>[a-z]{1,6}\d*|\d+)", plain if not number else word)
    if letter and word not in ("idx", "unit", "index", "iv", "vi", "ivs"):
        return ("current" if letter["kind"] == "i" else "voltage"), letter["tag"]
    for words, role in (("voltage", "voltage"), ("bias", "voltage"), ("current", "current"), ("time", "time")):
        if words in word.split() or word.startswith(words) or word.endswith(words):
            return role, word.replace(words, "").strip(" _-")
    quantity = quantity_of(name)
    return (quantity, word) if quantity in ("voltage", "current", "time") else (None, word)


def device_part(name: str) -> bool:
    """Return whether a column names a device, or a part of its name, as wafer and die do."""
    word = re.sub(r"[\s_\-.#]+", " ", split_unit(name)[0].lower()).strip() if len(name) <= LONGEST else ""
    return word in _PARTS or word in ALIASES["device"] or word == "device"


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
    name = name.replace("\u00c2\N{MICRO SIGN}", "\N{MICRO SIGN}").strip().strip('"').strip()  # UTF-8 read as Latin-1
    unit = _unit_in(name)
    match = _ENDING.fullmatch(name) if unit else None
    factor = factor_of(unit) if unit else None
    if match is None or factor is None:
        return name, 1.0
    return match["base"].strip(), factor


def listed(names: Iterable[object]) -> str:
    """Return names in a list for an error message."""
    return ", ".join(repr(text if len(text) <= 60 else text[:57] + "...") for text in map(str, names)) or "nothing"
