"""The RESET transition, learned from all cycles at once.

A cycle runs from (U_RESET, y1) on its LRS to (U_max, y2) on its HRS along

    I_t(U) = y2 + (y1 - y2) h(U) / h(U_RESET)                     (docs/model.md, Switching)

with h the `transition_profile` of `model.iv`: a power of U_max - U, or that power stretched by a knee, a slope and a
rest. Both are fitted by robust least squares, and U_max too if the loops determine it. The stretched form has three
more numbers, and is taken where it describes cycles better that it was not fitted to.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias, cast, get_args

import numpy as np
from scipy.optimize import least_squares

from synaptogen._utils import BoolArray, Float64Array, IntArray
from synaptogen.learn.extraction import DeviceCycles, DevicePoints, EnvelopeMixture
from synaptogen.model import Constants, iv

Kind: TypeAlias = Literal["power", "stretched"]
Transition: TypeAlias = Literal["auto", "power", "stretched"]

KINDS: tuple[Kind, ...] = get_args(Kind)
TRANSITIONS: tuple[Transition, ...] = get_args(Transition)
SHORTEST_TOP = 0.85  # share of the ramp below which U_max is not sought
GAIN = 0.03  # of the residual: a smaller gain justifies neither a U_max below the end of the ramp nor a stretched form
HUBER = 2.0  # typical residuals beyond which residuals count linearly
ETA_RANGE = (0.05, 20.0)
STEEPEST = 12.0  # exponent of a stretched transition: its numbers stay far above the least of single precision
START = (1.0, 1.0)  # slope and rest of the stretched transition at the start of a fit
MOST = 20.0  # largest slope and rest
KINKS = (0.2, 0.5)  # shares of U_max - U_RESET below U_max at which fits of stretched transitions start


@dataclass(frozen=True)
class ResetTransition:
    """The RESET transition of a device population.

    Parameters
    ----------
    u_max : float
        Voltage in V of a full RESET.
    eta : float
        Exponent.
    eta_error : float
        Its standard error, with cycles taken as independent.
    stretch : array of shape (3,) or None
        Knee, slope and rest, as `DeviceParams` takes them; None: a power law.
    rms_power, rms_stretched : float
        Rms residual in A of both forms between U_RESET and the end of the ramp, each half of the cycles by the fit to
        the other; NaN with fewer than two cycles.
    """

    u_max: float
    eta: float
    eta_error: float
    stretch: Float64Array | None
    rms_power: float
    rms_stretched: float


@dataclass(frozen=True)
class ResetPoints:
    """Points of RESET transitions, and the cycles that they belong to.

    Parameters
    ----------
    u, i : array of shape (points,)
        Voltages in V and currents in A.
    cycle : array of int of shape (points,)
        Number of the cycle of each point.
    u_reset : array of shape (n,)
        Voltage of RESET of each cycle in V.
    g : array of shape (n, 2)
        Conductances in S at the read voltage, before and after.
    r : array of shape (n, 2)
        The same as mixing states; see `with_states`.
    fold : array of int of shape (n,)
        Parity of the loop.
    """

    u: Float64Array
    i: Float64Array
    cycle: IntArray
    u_reset: Float64Array
    g: Float64Array
    r: Float64Array
    fold: IntArray

    def with_states(self, curves: EnvelopeMixture, u_read: float) -> "ResetPoints":
        """Return the points with the states that conductances have on other curves.

        Parameters
        ----------
        curves : EnvelopeMixture
        u_read : float
            Read voltage in V.

        Returns
        -------
        ResetPoints
        """
        g_llrs, g_hhrs = (np.polyval(p, u_read) / u_read for p in (curves.llrs, curves.hhrs))
        return replace(self, r=(g_llrs - self.g) / (g_llrs - g_hhrs))

    def select(self, cycles: BoolArray) -> "ResetPoints":
        """Return the cycles that a mask of shape (n,) selects."""
        points, number = cycles[self.cycle], np.cumsum(cycles) - 1
        return ResetPoints(
            self.u[points],
            self.i[points],
            number[self.cycle[points]],
            self.u_reset[cycles],
            self.g[cycles],
            self.r[cycles],
            self.fold[cycles],
        )


def reset_points(points: DevicePoints, one: DeviceCycles, chosen: IntArray) -> ResetPoints:
    """Take the points of a device between U_RESET and the largest voltage, in some of its cycles.

    Parameters
    ----------
    points : DevicePoints
        Points without offset.
    one : DeviceCycles
        Cycles of this device.
    chosen : array of int of shape (n,)
        Rows of the cycles to take.

    Returns
    -------
    ResetPoints
        Without mixing states ``r``.
    """
    g = one.conductances_at_read[chosen][:, 1:]
    u_reset = one.u_reset[chosen]
    u, i, cycle = [], [], []
    for n, (first, last) in enumerate(zip(one.lowest[chosen], one.highest[chosen] + 1, strict=True)):
        index = first + np.flatnonzero(points.u[first:last] > u_reset[n])
        u.append(points.u[index])
        i.append(points.i[index])
        cycle.append(np.full(len(index), n))
    fold = one.loop[chosen] % 2
    return ResetPoints(np.concatenate(u), np.concatenate(i), np.concatenate(cycle), u_reset, g, np.empty_like(g), fold)


def join_resets(parts: list[ResetPoints]) -> ResetPoints:
    """Join the transitions of several devices, whose cycles are numbered through."""
    before = np.cumsum([0, *(len(part.u_reset) for part in parts)])
    cycle = np.concatenate([part.cycle + k for part, k in zip(parts, before, strict=False)])
    others = {name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0]) if name != "cycle"}
    return ResetPoints(cycle=cycle, **others)


def fit_reset_transition(
    resets: ResetPoints, curves: EnvelopeMixture, ramp: float, noise: float, transition: Transition = "auto"
) -> ResetTransition:
    """Learn the RESET transition, whose ends are states of given curves.

    Parameters
    ----------
    resets : ResetPoints
    curves : EnvelopeMixture
    ramp : float
        Largest voltage in V.
    noise : float
        Standard deviation of a current in A.
    transition : {"auto", "power", "stretched"}
        Form of the transition; "auto" takes the better one.

    Returns
    -------
    ResetTransition
    """
    rms = {kind: _held_out(resets, curves, ramp, noise, kind) for kind in KINDS}
    if transition == "auto":
        better = rms["stretched"] < (1 - GAIN) * rms["power"]  # False for NaN
        transition = "stretched" if better else "power"
    found = _fit(resets, curves, ramp, noise, transition)
    error, chosen = _eta_error(resets, curves, found), found.constants
    stretch = None if transition == "power" else np.array([chosen.knee, chosen.gradual, chosen.rest])
    return ResetTransition(chosen.u_max, chosen.eta, error, stretch, rms["power"], rms["stretched"])


class _Constants(NamedTuple):
    """The five constants of `iv.transition_profile`, under the names of `model.Constants`."""

    u_max: float
    eta: float
    knee: float = np.inf
    gradual: float = 0.0
    rest: float = 0.0

    @classmethod
    def from_parameters(cls, x: Float64Array, u_max: float) -> "_Constants":
        """Take log eta; of a stretched transition also the knee in V below U_max, slope and rest over the knee."""
        eta = float(np.exp(x[0]))
        if len(x) == 1:
            return cls(u_max, eta)
        knee = float(x[1]) ** eta
        return cls(u_max, eta, knee, knee * float(x[2]), knee * float(x[3]))


class _FittedTransition(NamedTuple):
    """Parameters of the least squares, the constants that they make, and the rms residual in A."""

    x: Float64Array
    constants: _Constants
    rms: float


def _profile(u: Float64Array, constants: _Constants) -> Float64Array:
    """Return the height of the transition above its end; the formula needs no other constants than these five."""
    return np.asarray(iv.transition_profile(u, cast("Constants", constants)))


def _currents(resets: ResetPoints, curves: EnvelopeMixture, constants: _Constants) -> Float64Array:
    """Return the currents at all points; at and beyond U_max those of the HRS."""
    y1 = curves.current(resets.r[:, 0], resets.u_reset)[resets.cycle]
    y2 = curves.current(resets.r[:, 1], np.full(len(resets.r), constants.u_max))[resets.cycle]
    before = constants.u_max - 1e-3  # largest U_RESET, since the profile is about 0 at U_max
    left = (
        _profile(np.minimum(resets.u, constants.u_max), constants)
        / _profile(np.minimum(resets.u_reset, before), constants)[resets.cycle]
    )
    inside = y2 + (y1 - y2) * np.minimum(left, 1.0)
    return np.where(resets.u < constants.u_max, inside, curves.current(resets.r[resets.cycle, 1], resets.u))


def _held_out(resets: ResetPoints, curves: EnvelopeMixture, ramp: float, noise: float, kind: Kind) -> float:
    """Return the rms residual in A of each half of the cycles by the fit to the other.

    At the end of the ramp the RESET is complete in any form, so these points do not count.
    """
    halves = [resets.fold == k for k in np.unique(resets.fold)]
    if len(halves) < 2:
        return np.nan
    rest = []
    for half in halves:
        found, test = _fit(resets.select(~half), curves, ramp, noise, kind), resets.select(half)
        rest.append((_currents(test, curves, found.constants) - test.i)[test.u < ramp])
    return float(np.sqrt(np.mean(np.concatenate(rest) ** 2)))


def _fit(resets: ResetPoints, curves: EnvelopeMixture, ramp: float, noise: float, kind: Kind) -> _FittedTransition:
    """Fit a form of the transition; its U_max is below the end of the ramp if that fits better."""
    at_end, free = (_fit_kind(resets, curves, ramp, noise, kind, fixed) for fixed in (True, False))
    return free if free.rms < (1 - GAIN) * at_end.rms else at_end


def _fit_kind(
    resets: ResetPoints, curves: EnvelopeMixture, ramp: float, noise: float, kind: Kind, fixed: bool
) -> _FittedTransition:
    straight = _currents(resets, curves, _Constants(ramp, 1.0))
    scale = max(float(np.median(np.abs(resets.i - straight))), noise)
    starts, low, high = _starts(kind, ramp, float(np.median(ramp - resets.u_reset)))
    if not fixed:
        starts = [[*x, 0.97 * ramp] for x in starts]
        low, high = [*low, SHORTEST_TOP * ramp], [*high, ramp]

    def constants(x: Float64Array) -> _Constants:
        return _Constants.from_parameters(x, ramp) if fixed else _Constants.from_parameters(x[:-1], float(x[-1]))

    def rest(x: Float64Array) -> Float64Array:
        return (_currents(resets, curves, constants(x)) - resets.i) / scale

    fits = [
        least_squares(
            rest, x, bounds=(low, high), loss="huber", f_scale=HUBER, diff_step=[1e-4] * len(x), x_scale="jac"
        )
        for x in starts
    ]
    x = min(fits, key=lambda fit: float(fit.cost)).x
    return _FittedTransition(x if fixed else x[:-1], constants(x), scale * float(np.sqrt(np.mean(rest(x) ** 2))))


def _starts(kind: Kind, ramp: float, reach: float) -> tuple[list[list[float]], list[float], list[float]]:
    """Return the starts of fits, and the bounds between which they search."""
    least, most = np.log(ETA_RANGE)
    if kind == "power":
        return [[np.log(0.5)], [np.log(3.0)]], [least], [most]
    reach = max(reach, 0.1 * ramp)
    starts = [[np.log(3.0), share * reach, *START] for share in KINKS]
    return starts, [least, 0.02 * ramp, 0.0, 0.0], [np.log(STEEPEST), ramp, MOST, MOST]


def _eta_error(resets: ResetPoints, curves: EnvelopeMixture, found: _FittedTransition) -> float:
    """Return the standard error of eta from the scatter of the cycles: the sandwich of least squares at this U_max."""
    steps = 1e-3 * np.maximum(np.abs(found.x), 1e-2)
    sides = [
        [
            _currents(resets, curves, _Constants.from_parameters(found.x + d * step, found.constants.u_max))
            for d in (-1, 1)
        ]
        for step in np.diag(steps)
    ]
    slopes = np.stack([(high - low) / (2 * h) for (low, high), h in zip(sides, steps, strict=True)])
    rest = resets.i - _currents(resets, curves, found.constants)
    scores = np.stack([np.bincount(resets.cycle, slope * rest) for slope in slopes])
    bread = np.linalg.pinv(slopes @ slopes.T)
    return found.constants.eta * float(np.sqrt((bread @ scores @ scores.T @ bread)[0, 0]))
