"""Curves of the branches of one device.

The mixture of two polynomials is taken for a state if points beside the read voltage agree with it; else a shape of one
parameter.
"""

from dataclasses import replace

import numpy as np

from synaptogen._utils import BoolArray, Float64Array, IntArray

from .branch_curves import A, B, BranchCurves, C, mixture_curves, straight_curves
from .branch_samples import HRS_TOPS, hrs_fit_top, sample_branches
from .cycle_kernels import (
    BELOW_LIMIT,
    ERROR_C,
    HRS_A_BOTTOM,
    LRS_TOP,
    REST_A,
    REST_C,
    REST_ERROR_A,
    REST_ERROR_C,
    STATE_A,
    STATE_C,
    U_RESET,
    U_SET,
)
from .cycles import DeviceCycles, DevicePoints, evenly_spaced, measure_device
from .envelope_fit import fit_envelope_mixture
from .segmentation import END, HIGHEST, LOWEST, START
from .shape_fit import fit_shape
from .state_detection import CycleStates
from .survey_kernels import REACH_NEGATIVE, REACH_POSITIVE

MOST_CYCLES = 150  # the curves are fitted to at most so many
DEGREES = (7, 7)
ROUNDS, ALTERNATIONS = 2, 12
BIAS, BIAS_A = 0.035, 0.3  # shares of a conductance that curves of branches B and C, and of A, may be wrong by
UNKNOWN = 0.03  # largest error of the check of all cycles at which it counts
TELLING = 0.012  # median error of points beside the read voltage below which they alone tell what is right
CHECKED, MOST_DEVIANT = 0.06, 25.0  # error of the check up to which a mixture stays; largest square that counts
POOLED = 0.7  # share of the error of the check of all cycles that the curve may be wrong by
LOOSE, HALF = 0.08, 0.5  # relative error that a shape has where points do not show it, and the share that counts


def fit_curves(
    points: DevicePoints, one: DeviceCycles, state: CycleStates, reach: tuple[float, float], u_read: float
) -> None:
    """Fit the curves of a device: a mixture for all branches, and shapes for those that it does not describe.

    Parameters
    ----------
    points : DevicePoints
        Points without offset.
    one : DeviceCycles
        Gets its curves, and what is measured with them.
    state : CycleStates
    reach : (float, float)
        Largest voltages of SET and of RESET of the usual cycle in V, as magnitudes; NaN where there are none.
    u_read : float
        Read voltage in V.
    """
    u_range = float(np.nanmax(reach))
    one.curves = straight_curves(1.02 * u_range)
    good = np.flatnonzero(state.sets & (state.resets | np.isnan(one.conductances[:, C])) & ~one.forming)
    chosen = evenly_spaced(good, MOST_CYCLES)
    if len(chosen) and np.isfinite(reach[1]):
        try:
            _fit_mixture(points, one, chosen, (reach[1], u_range), u_read)
        except (ValueError, np.linalg.LinAlgError, RuntimeError):
            one.curves = straight_curves(1.02 * u_range)
    one.measured = measure_device(points, one, u_read)
    usable = {A: state.sets | state.no_set, B: state.lrs, C: state.resets}
    wrong = [branch for branch in (A, B, C) if not _describes(one, branch, usable[branch] & ~one.forming)]
    unknown = min(_bias(one, A, usable[A] & ~one.forming)[1], 1.0)
    one.curves.shape_error[A] = unknown
    if C not in wrong:
        one.curves.shape_error[C] = POOLED * min(_bias(one, C, usable[C] & ~one.forming)[1], 1.0)
    mixed = one.curves, one.measured
    if C not in wrong:
        one.doubt_of_model = _doubt_of_model(points, one, usable[C] & ~one.forming, u_read)
    for _ in range((2 if B in wrong else 1) if wrong else 0):
        for branch in wrong:
            _take_shape(points, one, branch, np.flatnonzero(usable[branch] & ~one.forming), u_read)
        one.measured = measure_device(points, one, u_read)
    if C in wrong and _is_better(mixed, (one.curves, one.measured), usable[C] & ~one.forming):
        one.curves = one.curves.with_branch(C, mixed[0])
        one.measured = measure_device(points, one, u_read)
        bias, noise = _bias(one, C, usable[C] & ~one.forming)
        one.curves.shape_error[C] = np.hypot(POOLED * min(noise, 1.0), abs(bias) if abs(bias) > 2 * noise else 0.0)
        one.doubt_of_model = _doubt_of_model(points, one, usable[C] & ~one.forming, u_read)
        wrong.remove(C)
    for branch in wrong:
        _calibrate(one, branch, usable[branch] & ~one.forming)


def _fit_mixture(
    points: DevicePoints, one: DeviceCycles, chosen: IntArray, voltages: tuple[float, float], u_read: float
) -> None:
    u_max, u_range = voltages
    top = HRS_TOPS[0]
    for round_ in range(ROUNDS):
        part, _ = sample_branches(points, one, chosen, top)
        mixture = fit_envelope_mixture(
            part, DEGREES, u_range=u_range, u_read=u_read, noise=one.noise, rounds=ALTERNATIONS
        )
        if round_ < ROUNDS - 1:
            top = hrs_fit_top(part, mixture, u_max, one.noise)
        one.curves = mixture_curves(mixture, 1.02 * u_range, u_read, top * u_max)
        if round_ < ROUNDS - 1:
            one.measured = measure_device(points, one, u_read)
    one.hrs_top = top


def _bias(one: DeviceCycles, branch: int, cycles: BoolArray) -> tuple[float, float]:
    return _bias_of(one.curves, one.measured, branch, cycles)


def _bias_of(curves: BranchCurves, measured: Float64Array, branch: int, cycles: BoolArray) -> tuple[float, float]:
    """Return by what share points beside the read voltage conduct more than the curve, all cycles together, its error.

    Both are infinite where that cannot be known.
    """
    g = curves.conductance(measured[:, STATE_A : STATE_C + 1])[:, branch]
    rest, error = measured[:, REST_A + branch], measured[:, REST_ERROR_A + branch]
    there = cycles & np.isfinite(g) & np.isfinite(rest) & (error > 0)
    if not there.any():
        return np.inf, np.inf
    weight = 1 / (error[there] ** 2 + (0.1 * g[there]) ** 2)
    weight /= weight.sum()
    size = float(np.sum(weight * g[there]))
    if not size > 0:
        return np.inf, np.inf
    return float(np.sum(weight * rest[there])) / size, float(np.sqrt(np.sum((weight * error[there]) ** 2))) / size


def _describes(one: DeviceCycles, branch: int, cycles: BoolArray) -> bool:
    """Return whether points beside the read voltage agree with the curve of a branch."""
    if not cycles.any():
        return True
    bias, noise = _bias(one, branch, cycles)
    if branch == A:  # mostly a way to U_SET: the other HRS, branch C, is that of the next cycle
        return not (np.isfinite(bias) and abs(bias) > max(BIAS_A, 2 * noise))
    return noise < UNKNOWN and abs(bias) < max(BIAS, 1.5 * noise)


def _doubt_of_model(points: DevicePoints, one: DeviceCycles, cycles: BoolArray, u_read: float) -> Float64Array:
    """Return by how much conductances of branch C differ between mixture and shape, in S, where points cannot tell.

    Zero where points beside the read voltage are precise, or speak against the shape.
    """
    nothing = np.zeros(len(one.rows))
    doubt = (
        one.measured[cycles, REST_ERROR_C] / one.curves.conductance(one.measured[:, STATE_A : STATE_C + 1])[cycles, C]
    )
    if not cycles.any() or not np.nanmedian(doubt) > TELLING:
        return nothing
    mixed = one.curves, one.measured
    _take_shape(points, one, C, np.flatnonzero(cycles), u_read)
    measured, shape = measure_device(points, one, u_read), one.curves
    one.curves = mixed[0]
    other, n = _deviation(shape, measured, cycles)
    if not other < 1 + 2 * float(np.sqrt(2 / max(n, 1))):
        return nothing
    here, there = (c.conductance(m[:, STATE_A : STATE_C + 1])[:, C] for c, m in (mixed, (shape, measured)))
    return np.asarray(np.nan_to_num(np.abs(here - there)))


def _is_better(
    mixture: tuple[BranchCurves, Float64Array], shape: tuple[BranchCurves, Float64Array], cycles: BoolArray
) -> bool:
    """Return whether the mixture describes branch C better than a shape does, by points beside the read voltage.

    Both are judged by their mean squared deviation in units of its error. Where the two do not differ by more than this
    mean varies, the mixture stays if the points are precise enough to check it; a shape has fewer ways to be wrong.
    """
    (own, n), (other, _) = (_deviation(*one, cycles) for one in (mixture, shape))
    if not n or not np.isfinite(own):
        return False
    varies = 1 + 2 * float(np.sqrt(2 / n))
    if other > varies * own:
        return True
    bias, noise = _bias_of(*mixture, C, cycles)
    return own < varies * other and noise < CHECKED and abs(bias) < max(BIAS, 2 * noise)


def _deviation(curves: BranchCurves, measured: Float64Array, cycles: BoolArray) -> tuple[float, int]:
    """Return the mean square by which points beside the read voltage are off branch C, and of how many cycles."""
    state = np.abs(curves.per_state[C]) * measured[:, ERROR_C]
    error = np.hypot(measured[:, REST_ERROR_C], state)
    there = measured[cycles & (error > 0), REST_C] / error[cycles & (error > 0)]
    there = there[np.isfinite(there)]
    return (float(np.mean(np.minimum(there**2, MOST_DEVIANT))) if len(there) else np.nan), len(there)


def _calibrate(one: DeviceCycles, branch: int, cycles: BoolArray) -> None:
    """Scale the conductances that a shape gives to points beside the read voltage, which it may extrapolate wrongly."""
    bias, noise = _bias(one, branch, cycles)
    curves = one.curves
    per_state, error, at_points = curves.per_state.copy(), curves.shape_error.copy(), curves.at_points.copy()
    if abs(bias) < 1.5 * noise and error[branch] < noise:
        error[branch] = np.hypot(error[branch], HALF * min(noise, LOOSE))
    elif noise < LOOSE and abs(bias) < 0.5:
        per_state[branch] *= 1 + bias
        error[branch], at_points[branch] = noise, 1.0
    else:
        error[branch] = np.hypot(error[branch], LOOSE)
    one.curves = replace(curves, per_state=per_state, shape_error=error, at_points=at_points)


def _take_shape(points: DevicePoints, one: DeviceCycles, branch: int, cycles: IntArray, u_read: float) -> None:
    """Fit a shape of one parameter to a branch, and let it take the place of the mixture."""
    u, i, number, tops, side = [], [], [], [], -1 if branch == A else 1
    chosen = evenly_spaced(cycles, MOST_CYCLES)
    if branch == B and not (one.highest[chosen] >= 0).any():
        side = -1
    for n, k in enumerate(chosen):
        first, last, top = _branch(one, branch, int(k), side)
        index = np.arange(first, last)
        index = index[side * points.u[index] > 0.03 * top]
        if branch == B:
            index = index[side * points.i[index] < BELOW_LIMIT * (one.limit if side < 0 else one.reset_limit)]
        inside = index[side * points.u[index] <= top]
        u.append(side * points.u[inside])
        i.append(side * points.i[inside])
        number.append(np.full(len(inside), n))
        tops.append(top)
    if not u or not sum(map(len, u)):
        return
    shape = fit_shape(
        np.concatenate(u), np.concatenate(i), np.concatenate(number), one.noise, u_read, float(np.median(tops))
    )
    if shape is not None:
        one.curves = one.curves.with_shape(branch, shape, side, u_read)


def _branch(one: DeviceCycles, branch: int, k: int, side: int) -> tuple[int, int, float]:
    """Return first and last point of a branch, and the voltage up to which it keeps its state, as a magnitude."""
    start, lowest, highest, end = (int(one.rows[k, c]) for c in (START, LOWEST, HIGHEST, END))
    negative, positive = (float(one.surveyed[k, c]) for c in (REACH_NEGATIVE, REACH_POSITIVE))
    if branch == A:
        u_set = float(one.measured[k, U_SET])
        return start, max(lowest, start), HRS_A_BOTTOM * (-u_set if np.isfinite(u_set) else negative)
    if branch == B:
        if side < 0:
            return max(lowest, start), highest if highest >= 0 else end, negative
        u_reset = float(one.measured[k, U_RESET])
        top = LRS_TOP * (u_reset if np.isfinite(u_reset) else positive)
        return max(lowest, start), highest, top
    return (highest, end, 0.95 * positive) if highest >= 0 else (end, end, positive)
