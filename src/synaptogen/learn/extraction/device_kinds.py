"""What kind of device a record shows, by rules on the excursions of its voltage.

Each excursion has a forward and a backward leg. Near zero (a tenth to 40 % of the peak) the conductances of the two are
compared: it *sets* if the backward leg conducts more, by a tenth and by five standard deviations, and *resets* if it
conducts less. Higher up, legs are compared bin by bin. The rules are, in this order:

0. current-driven: steps of the current are equal, and those of the voltage are not. Pulses: every second voltage is
   the same small one, as of reads between pulses. One way: no excursion has points on both of its legs.
1. noise: no leg carries a current above its noise.
2. no memory: neither near zero nor higher up do legs differ, as in a resistor or a diode; or the forward leg conducts
   more at both signs by a current that does not depend on the voltage, which is a charging current.
3. volatile: the backward leg conducts more higher up, but not near zero: the LRS is lost before zero is reached. Or
   excursions set again and again without any that resets, so that the LRS is lost at zero.
4. complementary: the forward leg conducts more higher up at both signs, and near zero legs do not differ.
5. unipolar: excursions of one sign set, and others of the same sign reset.
6. one sign: a single excursion of one sign, or only excursions that reset; the other half was not measured. SET alone:
   all excursions of one sign set, and keep the LRS to zero; either RESET was not recorded, or the LRS is lost at zero.
7. bipolar: excursions of one sign set, or those of the other reset. The polarity is 1 where SET is negative.
8. unclear: anything else.

Only bipolar devices have the four features of each cycle.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple, NoReturn, TypeAlias, get_args

import numpy as np

from synaptogen._utils import BoolArray, Float64Array, IntArray

from .excursions import BINS, SIGN, find_excursions, leg_profiles, noise_near_zero

Kind: TypeAlias = Literal[
    "bipolar",
    "unipolar",
    "volatile",
    "complementary",
    "no memory",
    "noise",
    "one sign",
    "SET alone",
    "one way",
    "pulses",
    "current-driven",
    "unclear",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
TableKind: TypeAlias = Literal["retention", "pulse response", "distribution"]

MOST = 80  # excursions of a record that are compared
LEAST_RATIO = 1.1  # of conductances of two states
SIGMAS = 5.0
NEAR, HIGH = slice(2, 8), slice(6, 19)  # bins near zero and higher up
HYSTERESIS = 1.3  # ratio of currents of the two legs higher up
RARE = 0.02  # share of the excursions of a sign below which an event is an accident
MAJORITY = 3.0  # times as many excursions must speak for one polarity as for the other
EQUAL, MANY, LESS = (
    0.02,
    0.8,
    0.15,
)  # difference of equal steps; share of them in what is driven, and by what less elsewhere
FEWEST_LEVELS = 12  # of a record of pulses
OFTEN = 0.25  # share of the excursions of a sign that makes a rule of an event

REASONS: dict[str, str] = {
    "unipolar": (
        "the device is unipolar: it sets and resets at the same sign of the voltage, which the model of two signs does"
        " not describe; give a table of its features (r_hrs, u_set, r_lrs, u_reset), to learn their statistics"
    ),
    "volatile": (
        "the device is volatile (threshold switching): its LRS is lost when the voltage goes back, so it has no R_LRS"
        " to read and no RESET; measure with a higher current limit if it should keep its state"
    ),
    "complementary": (
        "the device is complementary: at both signs it conducts only between two thresholds, and near zero its states"
        " cannot be told apart; measure one of its two cells, or half loops that leave it in the window"
    ),
    "no memory": (
        "the device switches at no voltage of this record: its current follows the voltage without hysteresis, as that"
        " of a resistor or a diode; measure with larger voltages, after forming"
    ),
    "noise": (
        "the record holds noise alone: no current follows the voltage; check the contacts, the range of the"
        " instrument, and that voltage and current belong together; repeated reads at one voltage are read with"
        " learn.read_retention"
    ),
    "one sign": (
        "the voltage has one sign only, and features need both SET and RESET: give the sweeps of both signs in one"
        " record, in the order of time"
    ),
    "SET alone": (
        "the voltage has one sign only, and each sweep is a SET: either the sweeps of RESET, at the other sign, are not"
        " in this record, then give them too, in the order of time; or the device is volatile (threshold switching),"
        " and loses its LRS at zero voltage"
    ),
    "one way": (
        "the record holds only one way of each sweep, up or down, and a switching device shows itself by the difference"
        " of both: give the points of the way back, too, in the order of time"
    ),
    "pulses": (
        "the record is one of programming pulses with reads in between, not of sweeps: it has no SET and RESET to"
        " extract; give loops, or a table of the resistances that were read, r_hrs and r_lrs of each cycle"
    ),
    "current-driven": (
        "the record was driven by a current: its steps are equal, and those of the voltage are not. The voltage falls"
        " back when the device sets, so it shows no U_SET as the model means it; measure with a voltage source and a"
        " current limit, or give a table of features (r_hrs, u_set, r_lrs, u_reset)"
    ),
    "unclear": (
        "no cycle switches between two resistances: the record shows neither SET at one sign of the voltage nor RESET"
        " at the other; check that voltage and current belong together"
    ),
    "retention": (
        "these are repeated reads (retention, noise or a bake), a resistance against time without switching cycles, so"
        " they hold no features and no loops: read them with learn.read_retention, and learn fluctuation from them with"
        " learn.fit_fluctuation; synaptogen fit does both"
    ),
    "pulse response": (
        "this is a response to programming pulses, read currents without sweeps: it has no SET and RESET to extract;"
        " give loops, or a table of r_hrs and r_lrs of each cycle; if currents were measured during the pulses,"
        " name both, --column voltage=NAME --column current=NAME"
    ),
    "distribution": (
        "this is a table of distributions, sorted values beside their cumulative probability: the order of the cycles"
        " is lost, and with it the memory of the device; give the values in the order of the cycles"
    ),
}
"""The sentence with which each kind is refused."""


class DeviceKind(NamedTuple):
    """Kind of a device, and its polarity: 1 where SET is negative, -1 where it is positive, 0 where unknown."""

    kind: Kind
    polarity: int


class _Legs(NamedTuple):
    """Excursions of a record that have both legs.

    Attributes
    ----------
    sign : array of shape (n,)
        Sign of the voltage.
    low : array of shape (n, 2)
        Conductances near zero of both legs, relative to the peak voltage, in A.
    low_error : array of shape (n, 2)
        Their standard errors.
    current, points : array of shape (n, 2, BINS)
        Mean currents in A and numbers of points.
    noise : float
        In A.
    follows : array of bool of shape (n,)
        Which of them follow the one before without a gap.
    """

    sign: Float64Array
    low: Float64Array
    low_error: Float64Array
    current: Float64Array
    points: Float64Array
    noise: float
    follows: BoolArray


def usual_reach(applied: Float64Array) -> float:
    """Return the largest voltage of the usual sweep in V, which a single forming sweep or a spike does not change.

    Parameters
    ----------
    applied : array of shape (n,)
        Applied voltages in V, of one sign or both; zeros do not count.

    Returns
    -------
    float
        0 without any voltage.
    """
    size = np.abs(applied)
    largest = float(size.max()) if len(size) else 0.0
    beyond = size[size > 0.02 * largest]
    return min(2.0 * float(np.median(beyond)), largest) if len(beyond) else 0.0


def detect_kind(applied: Float64Array, i: Float64Array) -> DeviceKind:
    """Find the kind and the polarity of the device of one record, by the rules of this module.

    Parameters
    ----------
    applied, i : array of shape (n,)
        Applied voltages in V and currents in A in the order of time, in the user's sign.

    Returns
    -------
    DeviceKind
    """
    reach = usual_reach(applied)
    if not reach > 0:
        return DeviceKind("unclear", 0)
    regular = _equal_steps(i)
    if regular > MANY and _equal_steps(applied) < regular - LESS:
        return DeviceKind("current-driven", 0)
    if _pulsed(applied):
        return DeviceKind("pulses", 0)
    rows = np.zeros((len(applied) // 3 + 2, 4), np.int64)
    rows = rows[: find_excursions(applied, reach, rows)]
    if not len(rows):
        return DeviceKind("unclear", 0)
    legs = _legs(applied, i, rows, reach)
    return _classify(legs, {int(s) for s in rows[:, SIGN]})


def _equal_steps(values: Float64Array) -> float:
    """Return the share of the steps that are as large as the one before, and not zero."""
    size = np.abs(np.diff(values))
    if len(size) < 2:
        return 0.0
    moves = size[1:] > 1e-6 * size.max()
    return float(np.mean(moves & (np.abs(np.diff(size)) < EQUAL * size[1:])))


def _pulsed(applied: Float64Array) -> bool:
    """Return whether every second level of the voltage is the same one, far below the others."""
    levels = applied[np.concatenate([[True], np.abs(np.diff(applied)) > 1e-3 * np.abs(applied).max()])]
    if len(levels) < FEWEST_LEVELS:
        return False
    for read, pulse in ((levels[::2], levels[1::2]), (levels[1::2], levels[::2])):
        same = np.abs(read - np.median(read)) < EQUAL * np.abs(levels).max()
        if np.mean(same) > MANY and np.median(np.abs(pulse)) > 2 * abs(float(np.median(read))) + SIGMAS * np.std(
            read[same]
        ):
            return True
    return False


def _legs(applied: Float64Array, i: Float64Array, rows: IntArray, reach: float) -> _Legs:
    pairs = np.linspace(0, len(rows) - 1, min(MOST // 2, len(rows))).round().astype(np.int64)
    chosen = np.unique(np.concatenate([pairs, np.minimum(pairs + 1, len(rows) - 1)]))  # of successive excursions
    sums, counts = np.empty((len(chosen), 2, BINS)), np.empty((len(chosen), 2, BINS))
    at_zero = np.abs(applied) <= 1e-3 * reach
    offset = float(np.median(i[at_zero])) if np.count_nonzero(at_zero) > 2 else 0.0
    leg_profiles(applied, i, rows, chosen, sums, counts)
    sign = rows[chosen, SIGN].astype(np.float64)
    differences = np.empty(len(applied))
    n = noise_near_zero(applied, i, 0.3 * reach, differences)
    noise = 1.4826 * float(np.median(differences[:n])) if n else 0.0
    noise = max(noise, 1e-7 * float(np.abs(i).max()), 1e-16)
    with np.errstate(invalid="ignore", divide="ignore"):
        current = sums / counts - (sign * offset)[:, None, None]
    x = (np.arange(BINS) + 0.5)[NEAR] / BINS
    weight = counts[:, :, NEAR]
    sxx = (weight * x * x).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.where(weight > 0, weight * x * np.nan_to_num(current[:, :, NEAR]), 0.0).sum(-1) / sxx
        error = noise / np.sqrt(sxx)
    follows = np.concatenate([[False], np.diff(chosen) == 1])
    return _Legs(sign, low, error, current, counts, noise, follows)


def _classify(legs: _Legs, signs: set[int]) -> DeviceKind:
    whole = np.asarray(np.isfinite(legs.low).all(axis=1))
    if not _above_noise(legs):
        return DeviceKind("noise", 0)
    if not whole.any():
        return DeviceKind("one way", 0)
    forward, backward = legs.low.T
    with np.errstate(invalid="ignore"):
        error = SIGMAS * np.hypot(*legs.low_error.T)
        sets = whole & (backward > LEAST_RATIO * forward) & (backward - forward > error)
        resets = whole & (forward > LEAST_RATIO * backward) & (forward - backward > error)
    more, less = _higher_up(legs)
    negative, positive = legs.sign < 0, legs.sign > 0

    def share(event: BoolArray, side: BoolArray) -> float:
        return float(np.mean(event[side & whole])) if np.any(side & whole) else 0.0

    s, r = (share(sets, negative), share(sets, positive)), (share(resets, negative), share(resets, positive))
    quiet = max(*s, *r) < RARE
    volatile = more & ~sets
    if quiet:
        if max(share(volatile, negative), share(volatile, positive)) >= OFTEN:
            return DeviceKind("volatile", 0)
        if min(share(less, negative), share(less, positive)) >= OFTEN:
            return DeviceKind("complementary", 0)
        return DeviceKind("no memory", 0)
    if len(signs) == 1:
        return DeviceKind(_of_one_sign(max(s), max(r), int(np.count_nonzero(whole))), 0)
    return _of_both_signs(legs, s, r, whole)


def _above_noise(legs: _Legs) -> bool:
    """Return whether any leg carries a current, and not only in one bin."""
    with np.errstate(invalid="ignore"):
        z = np.abs(legs.current) * np.sqrt(legs.points) / legs.noise
    loud = np.nan_to_num(z[:, :, HIGH]) > SIGMAS
    return bool((loud.sum(-1) >= 2).any() and loud.mean() > 0.02)


def _higher_up(legs: _Legs) -> tuple[BoolArray, BoolArray]:
    """Return in which excursions the backward leg conducts more somewhere, and in which it conducts less."""
    forward, backward = legs.current[:, 0, HIGH], legs.current[:, 1, HIGH]
    with np.errstate(invalid="ignore", divide="ignore"):
        error = SIGMAS * legs.noise * np.sqrt((1 / legs.points[:, :, HIGH]).sum(axis=1))
        more = (backward > HYSTERESIS * _beside(forward)) & (backward - forward > error)
        less = (forward > HYSTERESIS * _beside(backward)) & (forward - backward > error)
    return more.sum(-1) >= 2, less.sum(-1) >= 2


def _beside(current: Float64Array) -> Float64Array:
    """Return the largest current of each bin and its neighbours: legs do not have their points at the same voltages."""
    padded = np.pad(current, ((0, 0), (1, 1)), constant_values=np.nan)
    return np.asarray(np.fmax(np.fmax(padded[:, :-2], padded[:, 2:]), current))


def _of_one_sign(sets: float, resets: float, count: int) -> Kind:
    if min(sets, resets) >= 0.5 * OFTEN:
        return "unipolar"
    return "SET alone" if sets > 0.8 and count > 1 else "one sign"


def _of_both_signs(legs: _Legs, s: tuple[float, float], r: tuple[float, float], whole: BoolArray) -> DeviceKind:
    for_negative, for_positive = s[0] + r[1], s[1] + r[0]
    if for_negative >= MAJORITY * for_positive or for_positive >= MAJORITY * for_negative:
        polarity = 1 if for_negative > for_positive else -1
        side = 0 if polarity == 1 else 1
        if r[1 - side] < 0.05 and s[side] > 0.8 and _lost_at_zero(legs, -polarity, whole):
            return DeviceKind("volatile", 0)
        return DeviceKind("bipolar", polarity)
    both_set, both_reset = min(s) >= OFTEN, min(r) >= OFTEN
    if both_set and not both_reset:
        return DeviceKind("volatile", 0)
    if both_reset and not both_set:
        return DeviceKind("complementary" if _hump(legs) else "no memory", 0)
    if max(min(s[0], r[0]), min(s[1], r[1])) >= 0.5 * OFTEN:
        return DeviceKind("unipolar", 0)
    return DeviceKind("unclear", 0)


def _lost_at_zero(legs: _Legs, set_sign: int, whole: BoolArray) -> bool:
    """Return whether the forward leg of the other sign shows the HRS, with a current above noise, right after SET."""
    sets = whole & (legs.sign == set_sign)
    other = whole & (legs.sign == -set_sign) & legs.follows & np.concatenate([[False], sets[:-1]])
    if not sets.any() or not other.any():
        return False
    lrs, hrs = float(np.median(legs.low[sets, 1])), float(np.median(legs.low[sets, 0]))
    after = legs.low[other, 0]
    resolved = np.median(after) > SIGMAS * np.median(legs.low_error[other, 0])
    return bool(resolved and np.median(after) < np.sqrt(max(lrs, 0.0) * max(hrs, 0.03 * lrs, 0.0)))


def _hump(legs: _Legs) -> bool:
    """Return whether the forward leg has its largest current before the peak of the voltage."""
    with np.errstate(invalid="ignore"):
        before = np.nanmax(np.nan_to_num(legs.current[:, 0, : BINS - 4]), axis=1)
        at_end = np.nan_to_num(legs.current[:, 0, BINS - 2])
    return bool(np.median(before - at_end) > 0)


def refuse(kind: str) -> NoReturn:
    """Raise the refusal of a kind of device or of table.

    Parameters
    ----------
    kind : str
        One of `KINDS` but "bipolar", or a `TableKind`.

    Raises
    ------
    ValueError
        Always: one sentence that names the kind, and what could be done.
    """
    raise ValueError(REASONS[kind])


def kind_of_columns(names: Iterable[object]) -> TableKind | None:
    """Tell by the names of its columns whether a table is of a kind that has no cycles.

    Parameters
    ----------
    names : iterable
        Names of all columns.

    Returns
    -------
    {"retention", "pulse response", "distribution"} or None
    """
    words = [str(name).strip().strip("#").strip().lower() for name in names]
    first = [word.replace("(", " ").replace("[", " ").replace("_", " ").replace("/", " ").split() for word in words]
    parts = [set(word) for word in first if word]
    pulses = {"pulse", "pulses", "width", "pw", "applied", "pulsewidth"}
    read = any("read" in part and part & {"voltage", "v", "u"} for part in parts) or "readvoltage" in words
    if sum(bool(part & pulses) for part in parts) >= 2 - read:
        return "pulse response"
    if any(part & {"cdf", "cumulative", "percentile", "probability"} for part in parts):
        return "distribution"
    time = {"t", "time", "seconds", "s", "hours", "h", "min", "elapsed"}
    resistance = {"r", "resistance", "ohm", "g", "conductance", "i", "current", "lrs", "hrs", "rlrs", "rhrs"}
    voltage = {"v", "u", "voltage", "volt", "bias", "cycle", "cycles"}
    if (
        any(part & time for part in parts)
        and any(part & resistance and not part & time for part in parts)
        and not any(part & voltage and not part & resistance for part in parts)
    ):
        return "retention"
    return None
