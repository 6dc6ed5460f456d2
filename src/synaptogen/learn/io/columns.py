"""Names of columns: what they stand for, and the units in them."""

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

from synaptogen.params import FEATURE_NAMES

from .units import LONGEST, factor_of, is_density, plain, quantity_of, split_unit, unknown_unit

LOOPS = ("voltage", "current", "time")
KEYS = ("device", "cycle")
FLAG = "flag"
FEATURE_ROLES = frozenset(FEATURE_NAMES)
QUOTIENTS = ("resistance", "conductance")  # of which a current is made, if the user names them
KNOWN = (*KEYS, *LOOPS, *FEATURE_NAMES, FLAG)
ALIASES = {
    "voltage": (
        *(
            "v",
            "u",
            "volt",
            "volts",
            "voltages",
            "bias",
            "potential",
            "av",
            "vd",
            "anodev",
            "v_meas",
            "vmeas",
            "vf",
            "vm",
            "vdd",
        ),
        *("spannung", "tension", "v applied", "applied voltage", "drainv", "smuv", "voltage applied", "v_applied"),
        *("sourcevalue", "sourcevalues", "source value", "source values", "source_value", "applied bias"),
        *("source voltage", "measured voltage", "bias voltage", "v_bias", "vbias", "v_d", "sourcev", "u_meas"),
        *(
            "voltaje",
            "tensi\N{LATIN SMALL LETTER O WITH ACUTE}n",
            "tensione",
            "spanning",
            "\u7535\u538b",
            "\u96fb\u5727",
        ),
        *(
            "tens\u00e3o",
            "napi\u0119cie",
            "nap\u011bt\u00ed",
            "gerilim",
            "sp\u00e4nning",
            "j\u00e4nnite",
            "\u96fb\u58d3",
        ),
        *("\uc804\uc555", "\u7535\u538bu", "\u7535\u538bv", "\u5370\u52a0\u96fb\u5727"),
        *("\u043d\u0430\u043f\u0440\u044f\u0436\u0435\u043d\u0438\u0435",),
    ),
    "current": (
        *(
            "i",
            "amp",
            "amps",
            "curr",
            "currents",
            "ai",
            "id",
            "anodei",
            "i_meas",
            "imeas",
            "if",
            "im",
            "ids",
            "drain current",
        ),
        *("strom", "courant", "draini", "smui", "measured current", "i_d", "sourcei", "reading", "readings"),
        *("measurement value", "corriente"),
        *(
            "intensit\N{LATIN SMALL LETTER E WITH ACUTE}",
            "intensite",
            "corrente",
            "stroom",
            "\u7535\u6d41",
            "\u96fb\u6d41",
        ),
        *("intensidad", "pr\u0105d", "proud", "ak\u0131m", "str\u00f6m", "virta", "\u0442\u043e\u043a"),
        *("\uc804\ub958", "\u7535\u6d41i"),
    ),
    "time": ("t", "times", "t1", "timestamp", "time stamp", "elapsed", "elapsed time", "second", "x-axis", "rel time"),
    "device": (
        *("dev", "device_id", "cell", "devices", "sample", "device name", "device no", "die", "dut", "memristor"),
        *("crosspoint", "junction", "device number", "device #", "cell no", "cell number", "sample no"),
    ),
    "cycle": (
        *("cyc", "cycle_id", "n", "loop", "sweep", "cycles", "repeat", "cycle_no", "cycle number", "run", "iteration"),
        *("cycle no", "cycle #", "sweep number", "sweep no", "loop number", "#cycle", "switching cycle", "repetition"),
        *("cycle_number", "cycle index", "ncycle", "cycle_index", "run number", "run no", "loop no", "trial"),
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
        *(
            "r after reset",
            "resistance after reset",
            "high resistance state",
            "high-resistance state",
            "resistance of hrs",
            "roff resistance",
            "hrs r",
        ),
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
        *(
            "r after set",
            "resistance after set",
            "low resistance state",
            "low-resistance state",
            "resistance of lrs",
            "ron resistance",
            "lrs r",
        ),
    ),
    "u_set": ("v_set", "uset", "vset", "set voltage", "v(set)", "set", "voltage set", "v set", "u set"),
    "u_reset": (
        *("v_reset", "ureset", "vreset", "reset voltage", "v(reset)", "reset", "voltage reset", "v reset", "u reset"),
    ),
}
_MAGNITUDE = re.compile(
    r"(?i)(?:\|(?P<bars>[^|]+)\|.*|(?:abs(?:olute)?\.?(?:\s+value\s+of)?|magnitude\s+of)[\s_]*\(?(?P<abs>[a-z]\w*)\)?.*"
    r"|(?P<last>(?:i\w*?|[\w\s]*current))[\s_,(\[]*(?:abs|magnitude).*)"
)
_LOGARITHM = re.compile(
    r"(?i)(?:log_?\{?10\}?|lg)[\s_]*[(\[|]*\s*(?:abs)?[\s_]*[(\[|]*(?:current|i(?:_?[a-z]{1,3})?)(?P<rest>[\s)\]|/(\[].*)?"
)
_LIMIT = re.compile(r"compl|limit|\bi_?cc\b|\bi_?lim\b")  # of the instrument, not through the device
HALVES: Mapping[str, str] = {
    **{word: word for word in ("set", "reset")},
    **dict.fromkeys(("pos", "positive", "plus", "+"), "pos"),
    **dict.fromkeys(("neg", "negative", "minus", "-"), "neg"),
}
"""Words for the half of a loop that a sweep is, and the tag of a column that has such a word in its name."""

_KIND = r"(?P<kind>[viu]|voltage|current)(?:\s+sweep)?"
_HALF_BEHIND = re.compile(
    rf"{_KIND}[\s_\-.(]*(?P<tag>(?:re)?set|pos(?:itive)?|neg(?:ative)?|plus|minus|[+\-])(?:[\s_.]*sweep)?[\s_\-.)]*(?P<number>\d*)"
)
_HALF_BEFORE = re.compile(
    rf"(?P<tag>(?:re)?set|pos(?:itive)?|neg(?:ative)?|plus|minus)[\s_\-.]*(?:sweep[\s_\-.]*)?{_KIND}[\s_\-.]*(?P<number>\d*)"
)
_BUFFER = re.compile(r"(?i)smu\w*\.\w*buffer\w*\.(?P<what>readings|sourcevalues|timestamps|measurefunctions|statuses)")
_REPEAT = r"(?:cycle|cyc|loop|sweep|run|device|dev|cell|sample|[cd#])?[\s_\-.]*\d+"
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


def is_setting(name: str) -> bool:
    """Return whether a name is that of a limit, which an instrument was set to."""
    return _LIMIT.search(name.lower()) is not None


def logarithm_of(name: str) -> float | None:
    """Return the unit in A of a current whose decadic logarithm a name is, as "log10(|I|/uA)"; None if it is none."""
    match = _LOGARITHM.fullmatch(plain(name)) if len(name) <= LONGEST else None
    if match is None:
        return None
    units = [factor_of(part) for part in re.findall(r"[^\s()\[\]|/]+", match["rest"] or "")]
    return next((unit for unit in units if unit is not None), 1.0)


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
    strange = unknown_unit(base)
    if strange and strange != base:  # refused later, as that of this quantity
        base = base.rpartition(strange)[0].rstrip("([{< ")
    word = base.strip().strip('"').lower()
    buffer = _BUFFER.fullmatch(word)
    word = buffer["what"] if buffer else word  # smua.nvbuffer1.readings
    word = re.sub(r"\s*@.*", "", word)  # R_HRS@0.2V
    if is_density(name):
        return None, word
    for ours in KNOWN:
        if word == ours or word in ALIASES.get(ours, ()):
            return ours, ""
    if _LIMIT.search(word):
        return None, word
    node = re.fullmatch(r"(?P<kind>[vi])\((?P<tag>[\w.:#,\-+]+)\)", word)  # of a circuit simulator
    if node and node["tag"] not in HALVES:
        return ("voltage" if node["kind"] == "v" else "current"), node["tag"]
    smu = re.fullmatch(r"(?P<tag>.*?)[._ ]?(?P<kind>[vi])(?P<index>(\(\d+\))?(\[\d+\])+)", word)
    if smu:
        return ("voltage" if smu["kind"] == "v" else "current"), f"{smu['tag']}{smu['index']}"
    if word.startswith(("abs", "|", "log", "norm")) or word.endswith(("abs", "|")):
        return None, word
    plain = _NUMBER.sub("", word)
    number = word[len(plain) :].strip(" _()[]")
    for ours in ("voltage", "current"):
        if plain == ours or plain in ALIASES[ours]:
            return ours, number
    event = _HALF_BEHIND.fullmatch(word) or _HALF_BEFORE.fullmatch(word)
    if event:
        role = "current" if event["kind"] in ("i", "current") else "voltage"
        return role, HALVES[event["tag"]] + event["number"]
    electrode = re.fullmatch(
        r"(?P<tag>drain|gate|source|anode|cathode|force|meas|sense|top|bottom|smu\d*|ch\d*|base|bulk|te|be)[\s_\-.]*(?P<kind>[vi]|voltage|current)[\s_]*(?P<number>\(?\d*\)?)",
        word,
    )
    if electrode:
        role = "current" if electrode["kind"] in ("i", "current") else "voltage"
        return role, f"{electrode['tag']}{electrode['number'].strip('()')}"
    repeat = re.fullmatch(rf"(?P<tag>{_REPEAT})[\s_\-.]+(?P<kind>[viu])", word)
    repeat = repeat or re.fullmatch(rf"(?P<kind>[viu]|voltage|current)[\s_\-.]*[(\[]?(?P<tag>{_REPEAT})[)\]]?", word)
    if repeat:
        return ("current" if repeat["kind"] in ("i", "current") else "voltage"), repeat["tag"]
    way = re.fullmatch(
        r"(?P<kind>[viu]|voltage|current)[\s_\-.(]*(?P<tag>forward|fwd|backward|bwd|reverse|rev|up|down|retrace|trace)\)?"
        r"[\s_\-.(]*(?P<number>\d*)\)?",
        word,
    )
    way = way or re.fullmatch(
        r"(?P<tag>forward|fwd|backward|bwd|reverse|rev)[\s_\-.]+(?P<kind>[viu]|voltage|current)[\s_\-.(]*(?P<number>\d*)\)?",
        word,
    )
    if way:
        return ("current" if way["kind"] in ("i", "current") else "voltage"), way["tag"] + way["number"]
    letter = re.fullmatch(
        r"(?P<kind>[viu])[\s_\-]?(?P<tag>[a-z]{1,6}\d*|\d+|measured?|applied|memristor|cathode)",
        plain if not number else word,
    )
    if letter and word not in ("idx", "unit", "index", "iv", "vi", "ivs"):
        return ("current" if letter["kind"] == "i" else "voltage"), letter["tag"]
    for words, role in (("voltage", "voltage"), ("bias", "voltage"), ("current", "current"), ("time", "time")):
        if words in word.split() or word.startswith(words) or word.endswith(words):
            return role, word.replace(words, "").strip(" _-")
    said = re.fullmatch(r"(?P<tag>.+?)\s*[(\[](?P<kind>voltage|current|time)[)\]]", word)  # nvbuffer1 (current)
    if said:
        return said["kind"], said["tag"]
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


def listed(names: Iterable[object]) -> str:
    """Return names in a list for an error message."""
    return ", ".join(repr(text if len(text) <= 60 else text[:57] + "...") for text in map(str, names)) or "nothing"
