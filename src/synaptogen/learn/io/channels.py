"""Which columns of a table are voltage and current of the device, and which of them belong together."""

import re
from dataclasses import dataclass

import numpy as np

from synaptogen._utils import Float64Array

from .columns import FEATURE_ROLES, is_magnitude, listed, logarithm_of, role_of
from .raw_tables import RawTable, is_numeric
from .units import LONGEST, split_unit

OVERFLOW = 1e30  # instruments write 9.91e37 for what they could not measure
CONSTANT = 1e-9  # share of its magnitude by which a constant column varies
GATES = frozenset(("g", "gate", "wl", "gs", "gd", "bulk", "body", "sub", "well", "wordline"))
APPLIED = frozenset(
    (
        "applied",
        "source",
        "driver",
        "generator",
        "supply",
        "awg",
        "set",
        "force",
        "forced",
        "prog",
        "programmed",
        "nominal",
        "target",
        "command",
        "control",
        "cmd",
        "out",
    )
)
MEASURED = frozenset(("meas", "measured", "sense", "sensed", "dut", "device", "actual", "cell", "memristor", "ewe"))
FORWARD = frozenset(("forward", "fwd", "up", "trace"))
BACKWARD = frozenset(("backward", "bwd", "reverse", "rev", "down", "retrace"))
_REPEATS = re.compile(
    r"(?i)(?:cycle|cyc|sweep|run|loop|scan|device|dev|cell|sample|no|nr|#)?[\s_\-.]*\d+(?:st|nd|rd|th)?[\s_]*(?:cycle|sweep|run)?"
)
_PREFIXED = re.compile(r"(?P<tag>\w+?)[\s_.\-]+[iI]")
FEWEST_SWEPT, FROM_ZERO = 12, 0.3  # points of a sweep; share of its end below which a tenth of them is
TWO_ENDS = 0.05  # share of the swing of a voltage from which another one matters
ALIKE = 0.9  # correlation of an applied voltage with the measured one


@dataclass
class Channel:
    """A column that is a voltage, a current or a time.

    Attributes
    ----------
    role, tag : str
        As `columns.role_of` finds them.
    index : int
        Place in the table.
    factor : float
        Its unit in SI units.
    name : str
    unit : bool
        Whether the name has a unit.
    logarithm : bool
        Whether the numbers are decadic logarithms.
    device : str
        Name of the device, if the name of the column begins with it.
    """

    role: str
    tag: str
    index: int
    factor: float
    name: str
    unit: bool
    logarithm: bool = False
    device: str = ""


def channels_of(table: RawTable) -> list[Channel]:
    """Return the columns of numbers whose names say what they are.

    Parameters
    ----------
    table : RawTable

    Returns
    -------
    list of Channel
    """
    found = []
    for k, name in enumerate(table.names):
        if not is_numeric(table.columns[k]) or not name:
            continue
        role, tag = role_of(name)
        if role is not None:
            base, factor = split_unit(name)
            found.append(Channel(role, tag, k, factor, name, base != name.strip().strip('"').strip()))
    found += _currents_by_prefix(table, found)
    if any(c.role == "current" for c in found) and not holds_features(table):
        for c in found:  # V_set is the voltage of a sweep, and not a threshold
            if c.role in ("u_set", "u_reset"):
                c.role, c.tag = "voltage", c.role.removeprefix("u_")
    return found


def _currents_by_prefix(table: RawTable, known: list[Channel]) -> list[Channel]:
    """Return the columns ``A_I`` beside ``A_V``, which alone could be anything, and give both the tag "a"."""
    found = []
    taken = {c.index for c in known}
    for k, name in enumerate(table.names):
        free = k not in taken and is_numeric(table.columns[k]) and len(name) <= LONGEST
        match = _PREFIXED.fullmatch(split_unit(name)[0]) if free else None
        own = [c for c in known if match and re.fullmatch(rf"(?i){re.escape(match['tag'])}[\s_.\-]+[VU]\b.*", c.name)]
        if match is None or len(own) != 1 or own[0].role != "voltage":
            continue
        own[0].tag = match["tag"].lower()
        own[0].device = "" if re.search(r"\d", match["tag"]) else match["tag"]
        base, factor = split_unit(name)
        unit = base != name.strip().strip('"').strip()
        found.append(Channel("current", own[0].tag, k, factor, name, unit, device=own[0].device))
    return found


def holds_features(table: RawTable) -> bool:
    """Return whether columns with names of features hold features, and are not the voltages of sweeps of SET and RESET.

    Parameters
    ----------
    table : RawTable

    Returns
    -------
    bool
        True if a resistance of a state is among them, or no threshold begins near zero, as a sweep does.
    """
    roles = [role_of(name)[0] if name else None for name in table.names]
    if "voltage" in roles or not FEATURE_ROLES.intersection(r for r in roles if r):
        return False
    if any(r in ("r_hrs", "r_lrs") for r in roles):
        return True
    for role, column in zip(roles, table.columns, strict=True):
        if role in ("u_set", "u_reset") and is_numeric(column) and np.isfinite(column).any():
            size = np.abs(column[np.isfinite(column)])
            if len(size) >= FEWEST_SWEPT and np.quantile(size, 0.1) < FROM_ZERO * size.max():
                return False
    return True


def magnitudes_of(table: RawTable) -> list[Channel]:
    """Return the columns of magnitudes of currents, or of their logarithms.

    Parameters
    ----------
    table : RawTable

    Returns
    -------
    list of Channel
    """
    found = []
    for k, name in enumerate(table.names):
        if name and is_numeric(table.columns[k]) and is_magnitude(name):
            _, factor = split_unit(name)
            found.append(Channel("current", f"abs{k}", k, factor, name, split_unit(name)[0] != name))
    if found:
        return found
    for k, name in enumerate(table.names):
        unit = logarithm_of(name) if name and is_numeric(table.columns[k]) else None
        if unit is not None:
            found.append(Channel("current", f"log{k}", k, unit, name, True, logarithm=True))
    return found


def numbered_currents(table: RawTable) -> list[Channel]:
    """Return the columns of numbers whose names are those of cycles or devices: currents beside a voltage.

    Parameters
    ----------
    table : RawTable

    Returns
    -------
    list of Channel
    """
    found = []
    for k, name in enumerate(table.names):
        if is_numeric(table.columns[k]) and _REPEATS.fullmatch(name.strip()):
            found.append(Channel("current", f"c{k}", k, 1.0, name, False))
    return found


def without_gates(channels: list[Channel]) -> tuple[list[Channel], list[str]]:
    """Return the channels without those of a gate, if others are there, and the names of those left out.

    Parameters
    ----------
    channels : list of Channel

    Returns
    -------
    kept : list of Channel
    left_out : list of str
    """
    kept: list[Channel] = []
    left_out: list[str] = []
    for role in ("voltage", "current"):
        mine = [c for c in channels if c.role == role]
        others = [c for c in mine if c.tag not in GATES]
        kept += others or mine
        left_out += [c.name for c in mine if others and c.tag in GATES]
    return [c for c in channels if c in kept or c.role not in ("voltage", "current")], left_out


def numbers_of(table: RawTable, channel: Channel) -> Float64Array:
    """Return the numbers of a channel in SI units, NaN where the instrument had none.

    Parameters
    ----------
    table : RawTable
    channel : Channel

    Returns
    -------
    array
    """
    values = np.asarray(table.columns[channel.index], np.float64)
    if channel.logarithm:
        with np.errstate(over="ignore"):
            values = np.power(10.0, values)
    return np.where(np.abs(values) > OVERFLOW, np.nan, values) * channel.factor


def pairs_of(table: RawTable, volts: list[Channel], amps: list[Channel]) -> list[tuple[Channel, Channel]]:
    """Return the pairs of voltage and current that belong together.

    Parameters
    ----------
    table : RawTable
    volts, amps : list of Channel

    Returns
    -------
    list of pairs

    Raises
    ------
    ValueError
        If several columns could be meant; the message names the option that decides.
    """
    if len(volts) == 1:
        amps = _different(table, amps)
    if len(volts) == 1 and len(amps) == 1:
        return [(volts[0], amps[0])]
    swept = [v for v in volts if varies(numbers_of(table, v))] or volts
    amps = _of_swept(volts, swept, amps)
    if len(swept) == 1 and len(amps) > 1:
        return _one_voltage(table, swept[0], amps)
    if len(amps) == 1:
        return [(_one_current(table, swept, amps[0]), amps[0])]
    if len(swept) == len(amps):
        by_tag = {i.tag: i for i in amps}
        if len(by_tag) == len(amps) and all(v.tag in by_tag for v in swept):
            return [(v, by_tag[v.tag]) for v in swept]
        return list(zip(swept, amps, strict=True))
    if len(swept) == 2 * len(amps):  # set and measured voltage of each current
        own = [v for v in swept if not words_of(v) & APPLIED]
        if len(own) == len(amps):
            return list(zip(own, amps, strict=True))
    matched = [(v, i) for v in swept for i in amps if v.tag == i.tag]
    if matched:
        return matched
    raise ValueError(
        f"{len(swept)} voltages ({listed(v.name for v in swept[:4])}) and {len(amps)} currents "
        f"({listed(i.name for i in amps[:4])}) do not make pairs: name one of each with --column"
    )


def way_of(tag: str) -> int:
    """Return 1 for the tag of a current of the way there, -1 for the way back, else 0.

    Parameters
    ----------
    tag : str
        As "forward" or "rev2".

    Returns
    -------
    int
    """
    word = tag.rstrip("0123456789")
    return 1 if word in FORWARD else -1 if word in BACKWARD else 0


def _number_of(tag: str) -> int:
    return int(re.sub(r"\D", "", tag)[:9] or 0)


def _of_swept(volts: list[Channel], swept: list[Channel], amps: list[Channel]) -> list[Channel]:
    """Return currents without those of terminals whose voltage stands still, if those that are swept have their own."""
    still = {v.tag for v in volts if v not in swept} - {v.tag for v in swept}
    own = [i for i in amps if i.tag in {v.tag for v in swept}]
    return [i for i in amps if i.tag not in still] if own else amps


def _different(table: RawTable, channels: list[Channel]) -> list[Channel]:
    """Return channels without those that repeat the numbers of another one."""
    kept: list[Channel] = []
    for c in channels:
        values = numbers_of(table, c)
        if not any(np.array_equal(values, numbers_of(table, other), equal_nan=True) for other in kept):
            kept.append(c)
    return kept


def without_repeats(table: RawTable, pairs: list[tuple[Channel, Channel]]) -> list[tuple[Channel, Channel]]:
    """Return pairs without those that hold the same numbers as another one, as tables with a column twice do.

    Parameters
    ----------
    table : RawTable
    pairs : list of pairs of Channel

    Returns
    -------
    list of pairs
    """
    devices = table.devices or [""] * len(table.names)
    kept: list[int] = []
    for device in dict.fromkeys(devices):
        kept += [id(c) for c in _different(table, [i for _, i in pairs if devices[i.index] == device])]
    return [(v, i) for v, i in pairs if id(i) in kept]


def _one_voltage(table: RawTable, v: Channel, amps: list[Channel]) -> list[tuple[Channel, Channel]]:
    same = [i for i in amps if i.tag and i.tag == v.tag]
    if same and not _numbered(amps):
        return [(v, same[0])]
    varying = [i for i in amps if varies(numbers_of(table, i))] or amps
    if len(varying) == 1:
        return [(v, varying[0])]
    if _opposite(table, varying):
        return [(v, same[0] if same else varying[0])]
    ways = [way_of(i.tag) for i in varying]
    if set(ways) == {1, -1}:
        return [(v, i) for i in sorted(varying, key=lambda i: (_number_of(i.tag), way_of(i.tag) < 0))]
    if len(varying) == 2 or not _alike(table, varying):
        raise ValueError(
            f"{listed(i.name for i in varying)} could each be the current: say which with "
            "columns={'current': ...}, or --column current=NAME"
        )
    return [(v, i) for i in varying]


def _one_current(table: RawTable, volts: list[Channel], i: Channel) -> Channel:
    """Return the voltage across the device: the measured one, where the applied one is there too."""
    if len(volts) == 1:
        return volts[0]
    measured = [v for v in volts if words_of(v) & MEASURED]
    own = measured or [v for v in volts if not words_of(v) & APPLIED] or volts
    same = [v for v in own if v.tag and v.tag == i.tag]
    chosen = (same or own)[0]
    for other in volts:
        if chosen in measured and words_of(other) & APPLIED:
            continue
        if other is not chosen and not _follows(table, other, chosen):
            raise ValueError(
                f"{listed(v.name for v in volts)} could each be the voltage: if the device lies between two of them,"
                f" give their difference, --column 'voltage={chosen.name}-{other.name}'; else say which with"
                " columns={'voltage': ...}, or --column voltage=NAME"
            )
    return chosen


def _follows(table: RawTable, other: Channel, chosen: Channel) -> bool:
    """Return whether a voltage goes with another one, as an applied with a measured one does, or hardly varies."""
    a, b = numbers_of(table, other), numbers_of(table, chosen)
    there = np.isfinite(a) & np.isfinite(b)
    a, b = a[there], b[there]
    if len(a) < 3 or np.ptp(a) < TWO_ENDS * np.ptp(b):
        return True
    return bool(np.ptp(b) > 0 and np.corrcoef(a, b)[0, 1] > ALIKE and np.ptp(a) < 30 * np.ptp(b))


def words_of(v: Channel) -> set[str]:
    """Return the words in the name of a channel, and its tag.

    Parameters
    ----------
    v : Channel

    Returns
    -------
    set of str
    """
    return set(re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", v.name).lower())) | {v.tag}


def _numbered(amps: list[Channel]) -> bool:
    """Return whether currents are numbered through, as of many cycles."""
    return len(amps) > 2 and all(re.search(r"\d", i.tag) or i.name == amps[0].name for i in amps)


def varies(values: Float64Array) -> bool:
    """Return whether a column is not constant.

    Parameters
    ----------
    values : array

    Returns
    -------
    bool
    """
    there = values[np.isfinite(values)]
    return bool(there.size) and float(np.ptp(there)) > CONSTANT * float(np.abs(there).max() or 1.0)


def _alike(table: RawTable, channels: list[Channel]) -> bool:
    """Return whether columns are repeats of one measurement: of the same order of magnitude at the same points."""
    size = [float(np.nanmedian(np.abs(numbers_of(table, c)))) for c in channels]
    return len(channels) > 2 or max(size) < 30 * max(min(size), 1e-30)


def _opposite(table: RawTable, channels: list[Channel]) -> bool:
    """Return whether two currents are the ends of one path: the same with opposite signs."""
    if len(channels) != 2:
        return False
    a, b = (numbers_of(table, c) for c in channels)
    there = np.isfinite(a) & np.isfinite(b)
    total = float(np.abs(a[there]).sum() + np.abs(b[there]).sum())
    return total > 0 and float(np.abs(a[there] + b[there]).sum()) < 0.2 * total
