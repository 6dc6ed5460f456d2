"""Features of one device: curves are fitted to its branches, and each number is checked against raw points.

Each cycle is checked: a resistance that its own points contradict is replaced by theirs where they are precise, and
flagged where they are not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synaptogen._utils import BoolArray, Float64Array, IntArray

from .branch_curves import A, B, C
from .cycle_kernels import (
    ERROR_A,
    ERROR_C,
    LEVER_A,
    LEVER_C,
    RESET_AGREES,
    REST_A,
    REST_C,
    REST_ERROR_A,
    REST_ERROR_C,
    SET_AGREES,
    STATE_A,
    STATE_C,
    U_RESET,
    U_SET,
)
from .cycles import DeviceCycles, DevicePoints, evenly_spaced, measure_device, survey_device
from .device_curves import HALF, fit_curves
from .flags import Flag
from .segmentation import FOLLOWS
from .state_detection import CycleStates, detect_states
from .survey_kernels import REACH_NEGATIVE, REACH_POSITIVE

WORN = 5  # so many failed cycles in a row at the end of a record are called wear-out
MOST_CROSSINGS, NEAR_ZERO = 20, 0.2  # cycles in which a charging current is sought, and the share of the reach
CHARGED = 0.03  # share of the current at the read voltage from which a charging current counts
CHARGING_SIGMAS = 4.0  # and standard errors
OFF, SIGMAS = 0.08, 3.0  # share and standard errors by which points beside the read voltage may differ in one cycle
APART = 0.03  # share of the conductance above which the points may take the place of the curve
PRECISE, USABLE = 0.03, 0.2  # relative errors of points that join the curve, and of points that take its place
WANDER = 0.012  # share by which curves are usually off in a cycle
USUAL = 2.0  # number of cycles that this counts as
ANEW, ANEW_SIGMAS, FEWEST_ANEW = 0.2, 4.0, 3  # of the steps between loops that do not follow each other
UNCHECKED = 0.03  # relative error of a conductance without points beside the read voltage
UNCERTAIN, UNCERTAIN_LRS, LOST = 0.02, 0.15, 0.5  # relative errors from which a R_HRS is flagged, and is a bound


@dataclass
class DeviceFeatures:
    """Features of one device.

    Attributes
    ----------
    cycles : DeviceCycles
    values : dict of str to array of shape (n,)
        Features in ohm and V, in the sign of the model, and conductances ``g_a``, ``g_b``, ``g_c`` in S.
    flags : array of int of shape (n,)
        Sums of `Flag`.
    there : array of bool of shape (n,)
        Which rows are cycles.
    halves : tuple of dict, or None
        The same values from odd and from even points.
    """

    cycles: DeviceCycles
    values: dict[str, Float64Array]
    flags: NDArray[np.int32]
    there: BoolArray
    halves: tuple[dict[str, Float64Array], dict[str, Float64Array]] | None


def extract_device(loops: xr.Dataset, device: int, u_read: float, *, halves: bool) -> DeviceFeatures:
    """Extract the features of one device, from its own points alone.

    Parameters
    ----------
    loops : xarray.Dataset
    device : int
        Place of the device on its axis.
    u_read : float
        Read voltage in V.
    halves : bool
        Whether to measure odd and even points, too.

    Returns
    -------
    DeviceFeatures
    """
    one, points = survey_device(loops, device)
    state = detect_states(one)
    reaches = one.surveyed[~one.forming][:, [REACH_NEGATIVE, REACH_POSITIVE]]
    reach = [float(np.nanmedian(x)) if np.isfinite(x).any() else np.nan for x in reaches.T]
    other = one.kind.kind != "bipolar" and not (one.kind.kind == "unclear" and "polarity" in loops.attrs)
    if other or state.never or not u_read < np.nanmin([*reach, np.inf]):
        return _nothing(one)
    fit_curves(points, one, state, (reach[0], reach[1]), u_read)
    one.charging = _charging_current(points, one, np.flatnonzero(state.lrs & ~one.forming))
    one.share = _share(one, one.measured)
    values, flags = _features(one, state, one.measured, u_read)
    one.conductances_at_read = np.stack([values[k] for k in ("g_a", "g_b", "g_c")], axis=1)
    pair = None
    if halves:
        odd, even = (_features(one, state, measure_device(points, one, u_read, parity), u_read)[0] for parity in (0, 1))
        pair = odd, even
    return DeviceFeatures(one, values, flags, one.lowest >= 0, pair)


def _charging_current(points: DevicePoints, one: DeviceCycles, cycles: IntArray) -> float:
    """Return the current in A that the rising branch B carries at zero voltage beyond the falling ones; 0 within error.

    A capacitance makes it. It adds to the current of the LRS, and no curve through the origin takes it out.
    """
    found = []
    for k in evenly_spaced(cycles, MOST_CROSSINGS):
        first, last = max(int(one.lowest[k]), int(one.start[k])), int(one.highest[k])
        reach = NEAR_ZERO * float(np.nanmin(one.surveyed[k, [REACH_NEGATIVE, REACH_POSITIVE]]))
        near = first + np.flatnonzero(np.abs(points.u[first:last]) < reach)
        if len(near) > 4 and np.ptp(points.u[near]) > reach:
            found.append(float(np.polyfit(points.u[near], points.i[near], 2)[2]))
    if len(found) < 2:
        return 0.0
    middle = float(np.median(found))
    error = 1.4826 * float(np.median(np.abs(np.array(found) - middle))) / np.sqrt(len(found))
    return middle if abs(middle) > CHARGING_SIGMAS * max(error, one.noise / np.sqrt(5.0 * len(found))) else 0.0


def _nothing(one: DeviceCycles) -> DeviceFeatures:
    n = len(one.rows)
    names = ("r_hrs", "u_set", "r_lrs", "u_reset", "g_a", "g_b", "g_c")
    there = one.lowest >= 0
    flags = np.full(n, int(Flag.NEVER | Flag.NO_SET), np.int32)
    one.conductances_at_read = np.full((n, 3), np.nan)
    return DeviceFeatures(one, {name: np.full(n, np.nan) for name in names}, flags, there, None)


def _features(
    one: DeviceCycles, state: CycleStates, measured: Float64Array, u_read: float
) -> tuple[dict[str, Float64Array], NDArray[np.int32]]:
    """Return features and flags of the rows of a device."""
    g, error, misfit = _checked(one, measured, u_read)
    follows = one.rows[:, FOLLOWS] > 0
    before, e_before, m_before = (
        np.where(follows, np.concatenate([[np.nan], x[:-1, C]]), np.nan) for x in (g, error, misfit.astype(float))
    )
    after_failure = np.concatenate([[False], (state.no_reset & state.lrs)[:-1]]) & follows
    before = np.where(after_failure & ~state.from_lrs, np.nan, before)
    if _starts_anew(g, error, follows, one.loop):
        before = np.where(np.isfinite(g[:, A]), np.nan, before)
    from_a = np.isnan(before) & ~state.from_lrs
    g_hrs, e_hrs = np.where(from_a, g[:, A], before), np.where(from_a, error[:, A], e_before)
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = e_hrs > LOST * g_hrs
        r_hrs = 1 / np.where(lost, np.maximum(g_hrs, 0.0) + 2 * e_hrs, g_hrs)
        r_lrs = np.where(g[:, B] > 0, 1 / g[:, B], np.nan)
    u_set, u_reset = measured[:, U_SET], measured[:, U_RESET]
    seen = np.isnan(one.conductances[:, C]) & (one.highest >= 0) & (measured[:, RESET_AGREES] == 1)
    resets = state.resets | seen & np.isfinite(measured[:, U_RESET])
    at_set = state.sets & (one.lowest > one.start) & np.isnan(u_set)
    at_reset = state.lrs & resets & (one.highest >= 0) & np.isnan(u_reset)
    reach_n, reach_p = one.surveyed[:, REACH_NEGATIVE], one.surveyed[:, REACH_POSITIVE]
    u_set, u_reset = np.where(at_set, -reach_n, u_set), np.where(at_reset, reach_p, u_reset)
    values = {
        "r_hrs": np.where(state.from_lrs, np.nan, r_hrs),
        "u_set": np.where(state.sets, u_set, np.nan),
        "r_lrs": np.where(state.lrs, r_lrs, np.nan),
        "u_reset": np.where(state.lrs & resets, u_reset, np.nan),
        "g_a": g[:, A],
        "g_b": g[:, B],
        "g_c": g[:, C],
    }
    flags = _flags(one, state, values)
    flags[from_a & np.isfinite(g[:, A])] |= Flag.HRS_FROM_A
    with np.errstate(invalid="ignore"):
        flags[~(e_hrs <= UNCERTAIN * g_hrs) & np.isfinite(values["r_hrs"])] |= Flag.UNRESOLVED
        end_set = at_set | state.sets & (u_set < -0.995 * reach_n)
        end_reset = at_reset | state.lrs & resets & (u_reset > 0.995 * reach_p)
    flags[end_set] |= Flag.SET_AT_END
    flags[end_reset] |= Flag.RESET_AT_END
    wrong = np.where(from_a, misfit[:, A], m_before == 1) & np.isfinite(values["r_hrs"])
    with np.errstate(invalid="ignore"):
        charged = abs(one.charging) * values["r_lrs"] > CHARGED * u_read
    wrong |= (misfit[:, B] | charged) & np.isfinite(values["r_lrs"])
    wrong |= state.sets & ~at_set & (measured[:, SET_AGREES] == 0)
    wrong |= state.lrs & resets & ~at_reset & (measured[:, RESET_AGREES] == 0)
    wrong |= np.isfinite(one.reset_limit) & np.isfinite(values["u_reset"])  # nobody has seen it
    with np.errstate(invalid="ignore"):
        wrong |= values["r_hrs"] < 1.02 * values["r_lrs"]
    flags[wrong] |= Flag.MISFIT
    lost_row = one.forming
    for name in ("r_hrs", "u_set", "r_lrs", "u_reset"):
        values[name] = np.where(lost_row, np.nan, values[name])
    flags[lost_row] = Flag.FORMING
    return values, flags


def _starts_anew(g: Float64Array, error: Float64Array, follows: BoolArray, loop: IntArray) -> bool:
    """Return whether loops begin in another HRS than the loop before them ended in, namely in that of their own end.

    Then they are no successive cycles: chosen ones, or calculated ones. Of loops in one record several must show it.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        log = np.log(g)
        before, own = (log[1:, A] - log[:-1, C])[follows[1:]], (log[1:, A] - log[1:, C])[follows[1:]]
        doubt = np.hypot(error[1:, A] / g[1:, A], error[1:, C] / g[1:, C])[follows[1:]]
    there = np.isfinite(before) & np.isfinite(own)
    apart = bool(np.all(np.diff(loop) > 0))  # records of their own
    if np.count_nonzero(there) < (1 if apart else FEWEST_ANEW):
        return False
    off, own_off = (float(np.median(np.abs(x[there]))) for x in (before, own))
    return off > ANEW_SIGMAS * float(np.median(doubt[there])) and own_off < ANEW * off


def _checked(one: DeviceCycles, measured: Float64Array, u_read: float) -> tuple[Float64Array, Float64Array, BoolArray]:
    """Return conductances in S at the read voltage, their errors, and which of them raw points contradict.

    Conductances are weighted means of those of the curve and of points beside the read voltage (`_share`).
    """
    curves = one.curves
    g = curves.conductance(measured[:, STATE_A : STATE_C + 1])
    error = np.abs(curves.per_state) * measured[:, ERROR_A : ERROR_C + 1]
    error = np.hypot(error, curves.shape_error * np.abs(g))
    if len(one.doubt_of_model):
        error[:, C] = np.hypot(error[:, C], HALF * one.doubt_of_model)
    doubt = measured[:, REST_ERROR_A : REST_ERROR_C + 1]
    rest = _rest(one, measured, g)
    other_side = HALF * _asymmetry(one, g[:, A], u_read)  # half way between the two: no point tells which is right
    wander = _wander(rest / g, doubt / g) * np.abs(g)
    share = one.share
    with np.errstate(invalid="ignore"):
        left = (1 - share) * np.abs(rest)
        misfit = left > OFF * np.abs(g) + SIGMAS * doubt
        misfit[:, B] |= np.isnan(rest[:, B]) & np.isfinite(g[:, B])
        misfit[:, B] |= ~(error[:, B] < UNCERTAIN_LRS * g[:, B]) & np.isfinite(g[:, B])
    g = np.where(share > 0, g + share * rest, g)
    error = np.where(share > 0, np.sqrt((1 - share) ** 2 * (error**2 + wander**2) + (share * doubt) ** 2), error)
    g[:, A] *= 1 + other_side
    error[:, A] = np.hypot(error[:, A], abs(other_side) * np.abs(g[:, A]))
    error = np.where(np.isnan(rest), np.hypot(error, UNCHECKED * np.abs(g)), error)
    return g, np.hypot(error, _error_of_offset(one, measured, u_read)), misfit


def _error_of_offset(one: DeviceCycles, measured: Float64Array, u_read: float) -> Float64Array:
    """Return the error of the conductances in S that the error of the offset makes.

    It counts in full at the read voltage, and less where a curve is fitted to the larger currents of higher voltages.
    """
    by_curve = np.abs(one.curves.per_state * measured[:, LEVER_A : LEVER_C + 1])
    by_points = np.minimum(one.share + one.curves.at_points, 1.0)
    return np.asarray(one.offset_error * ((1 - by_points) * by_curve + by_points / u_read))


def _rest(one: DeviceCycles, measured: Float64Array, g: Float64Array) -> Float64Array:
    """Return by how much points beside the read voltage conduct more than curves of these conductances, in S."""
    straight = one.curves.at_zero == 0
    return np.asarray(measured[:, REST_A : REST_C + 1] + straight * (measured[:, STATE_A : STATE_C + 1] - g))


def _share(one: DeviceCycles, measured: Float64Array) -> Float64Array:
    """Return the weight of points beside the read voltage in the conductance of each branch, shape (n, 3).

    Where they are precise, a conductance of the HRS is the mean of theirs and of the curve's, by their errors; how far
    curves of this device are off follows from all cycles. Where points are off by much more than their error, the state
    has changed on the way to the read voltage, and they alone count.
    """
    g = one.curves.conductance(measured[:, STATE_A : STATE_C + 1])
    rest, doubt = _rest(one, measured, g), measured[:, REST_ERROR_A : REST_ERROR_C + 1]
    near = g + rest
    with np.errstate(invalid="ignore", divide="ignore"):
        wander = _wander(rest / g, doubt / g) * np.abs(g)
        share = np.where(doubt < PRECISE * near, wander**2 / (wander**2 + doubt**2), 0.0)
        share[:, B] = 0.0  # the curve of the LRS has many more points, and hardly a state that changes
        apart = np.abs(rest) > np.where(doubt < PRECISE * near, APART, OFF) * np.abs(g) + SIGMAS * doubt
        return np.where(apart & (doubt < USABLE * near), 1.0, np.nan_to_num(share))


def _asymmetry(one: DeviceCycles, g: Float64Array, u_read: float) -> float:
    """Return by what share the curve of branch A conducts more at the negative read voltage than at the positive one.

    The branch is measured at negative voltages: its resistance at the read voltage is known no better than that.
    """
    there = g[np.isfinite(g)]
    if not there.size:
        return 0.0
    minus, plus = one.curves.current(A, float(np.median(there)), np.array([-u_read, u_read]))
    return float(np.clip(-minus / plus - 1, -1.0, 1.0)) if plus else 0.0


def _wander(rest: Float64Array, doubt: Float64Array) -> Float64Array:
    """Return for each branch by what share curves are off from cycle to cycle, beyond the error of the check.

    Medians, so that cycles whose state changes do not count; of few cycles together with a usual value.
    """
    found = np.full(3, WANDER)
    for branch in range(3):
        there = np.isfinite(rest[:, branch]) & np.isfinite(doubt[:, branch])
        n = int(np.count_nonzero(there))
        if not n:
            continue
        x, e = rest[there, branch], doubt[there, branch]
        own = max((1.4826 * float(np.median(np.abs(x)))) ** 2 - float(np.median(e)) ** 2, 0.0)
        found[branch] = np.sqrt((n * own + USUAL * WANDER**2) / (n + USUAL))
    return found


def _flags(one: DeviceCycles, state: CycleStates, values: Mapping[str, Float64Array]) -> NDArray[np.int32]:
    flags = np.zeros(len(one.rows), np.int32)
    flags[state.no_set] |= Flag.NO_SET
    flags[state.no_reset] |= Flag.NO_RESET
    flags[state.from_lrs] |= Flag.FROM_LRS
    lacking = np.isnan(values["r_hrs"]) & ~state.from_lrs | np.isnan(one.conductances[:, :2]).any(axis=1)
    lacking |= state.sets & np.isnan(values["u_set"]) | state.lrs & np.isnan(values["r_lrs"])
    lacking |= state.lrs & ~state.no_reset & np.isnan(values["u_reset"])
    flags[lacking] |= Flag.INCOMPLETE
    good = np.flatnonzero(state.sets & (state.resets | np.isnan(one.conductances[:, C])))
    last = good[-1] + 1 if len(good) else 0
    if len(good) and len(one.rows) - last >= WORN:
        flags[last:] |= Flag.WORN
    return flags
