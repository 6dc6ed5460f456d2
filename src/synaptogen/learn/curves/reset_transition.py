"""The law of the RESET transition, learned from all cycles at once.

A cycle runs from (U_RESET, y1) on its LRS to (U_max, y2) on its HRS along

    I_t(U) = y2 + (y1 - y2) h(U) / h(U_RESET)

with h the `fall` of `model.iv`: a power of U_max - U, or that power stretched by a knee, a slope and a rest. Both are
fitted by robust least squares, and U_max too if the loops tell it. The stretched law has three more numbers, and is
taken where cycles that it was not fitted to are described better by it.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from synaptogen._utils import Float64Array, IntArray
from synaptogen.learn.extraction import Mixture, Points
from synaptogen.learn.extraction import cycle_kernels as at
from synaptogen.learn.extraction import cycles as _branches
from synaptogen.learn.extraction import segmentation as cutting
from synaptogen.model import iv

LAWS = ("auto", "power", "stretched")
SHORTEST_TOP = 0.85  # of the ramp: U_max is not sought below
GAIN = 0.03  # of the residual: by less, neither a U_max below the end of the ramp nor a stretched law is believed
HUBER = 2.0  # typical residuals
ETA_RANGE = (0.05, 20.0)
STEEPEST = 12.0  # exponent of a stretched law: its numbers stay far above the least of single precision
START = (1.0, 1.0)  # slope and rest of the stretched law
MOST = 20.0  # of them
KINKS = (0.2, 0.5)  # of U_max - U_RESET from the end: where stretched laws start from


@dataclass(frozen=True)
class ResetLaw:
    """The RESET transition of a device population.

    Parameters
    ----------
    u_max : float
        Voltage in V of a full RESET.
    eta : float
        Exponent.
    eta_error : float
        Its standard error, cycles being independent.
    stretch : array of shape (3,) or None
        Knee, slope and rest, as `DeviceParams` takes them; None: a power law.
    rms_power, rms_stretched : float
        Rms residual in A of both laws between U_RESET and the end of the ramp, each half of the cycles by the laws of
        the other; NaN with fewer than two cycles.
    """

    u_max: float
    eta: float
    eta_error: float
    stretch: Float64Array | None
    rms_power: float
    rms_stretched: float


@dataclass(frozen=True)
class Resets:
    """Points of RESET transitions: voltage, current and cycle of each; of each cycle U_RESET, conductances, states."""

    u: Float64Array
    i: Float64Array
    cycle: IntArray
    u_reset: Float64Array
    g: Float64Array  # (n, 2): before and after, in S
    r: Float64Array  # (n, 2): the same as mixing states
    fold: IntArray  # (n,): parity of the loop

    def with_ends(self, curves: Mixture, u_read: float) -> "Resets":
        """The same with the states that conductances are on these curves."""
        g_llrs, g_hhrs = (np.polyval(p, u_read) / u_read for p in (curves.llrs, curves.hhrs))
        return replace(self, r=(g_llrs - self.g) / (g_llrs - g_hhrs))

    def of(self, cycles: NDArray[np.bool_]) -> "Resets":
        """Only some cycles."""
        points, number = cycles[self.cycle], np.cumsum(cycles) - 1
        return Resets(
            self.u[points],
            self.i[points],
            number[self.cycle[points]],
            self.u_reset[cycles],
            self.g[cycles],
            self.r[cycles],
            self.fold[cycles],
        )


def resets_of(points: Points, one: _branches.Cycles, chosen: IntArray, chords: tuple[float, float]) -> Resets:
    """Points of a device between U_RESET and the largest voltage, in some of its cycles.

    ``chords`` are the conductances in S, at the read voltage, of the curves that states were measured with.
    """
    g_llrs, g_hhrs = chords
    measured = one.measured[chosen]
    g = g_llrs + measured[:, [at.R_B, at.R_C]] * (g_hhrs - g_llrs)
    u, i, cycle = [], [], []
    for n, k in enumerate(chosen):
        first, last = one.rows[k, cutting.LOWEST], one.rows[k, cutting.HIGHEST] + 1
        index = first + np.flatnonzero(points.u[first:last] > measured[n, at.U_RESET])
        u.append(points.u[index])
        i.append(points.i[index])
        cycle.append(np.full(len(index), n))
    fold = one.rows[chosen, cutting.LOOP] % 2
    return Resets(
        np.concatenate(u), np.concatenate(i), np.concatenate(cycle), measured[:, at.U_RESET], g, np.empty_like(g), fold
    )


def joined(parts: list[Resets]) -> Resets:
    """Resets of several devices."""
    before = np.cumsum([0, *(len(part.u_reset) for part in parts)])
    cycle = np.concatenate([part.cycle + k for part, k in zip(parts, before, strict=False)])
    others = {name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0]) if name != "cycle"}
    return Resets(cycle=cycle, **others)


def fit_law(resets: Resets, curves: Mixture, ramp: float, noise: float, law: str = "auto") -> ResetLaw:
    """Learn the law of RESET transitions, whose ends are states of ``curves``.

    ``ramp`` is the largest voltage in V, ``noise`` that of currents in A, ``law`` one of `LAWS`.
    """
    rms = {kind: _held_out(resets, curves, ramp, noise, kind) for kind in LAWS[1:]}
    if law == "auto":
        better = rms["stretched"] < (1 - GAIN) * rms["power"]  # False for NaN
        law = "stretched" if better else "power"
    found = _fit(resets, curves, ramp, noise, law)
    error, chosen = _eta_error(resets, curves, found), found.law
    stretch = None if law == "power" else np.array([chosen.knee, chosen.gradual, chosen.rest])
    return ResetLaw(chosen.u_max, chosen.eta, error, stretch, rms["power"], rms["stretched"])


class _Law(NamedTuple):
    """What `iv.transition_profile` asks of constants."""

    u_max: float
    eta: float
    knee: float = np.inf
    gradual: float = 0.0
    rest: float = 0.0

    @classmethod
    def of(cls, x: Float64Array, u_max: float) -> "_Law":
        """From log eta, and of a stretched law the place of the knee in V below U_max, slope and rest over the knee."""
        eta = float(np.exp(x[0]))
        if len(x) == 1:
            return cls(u_max, eta)
        knee = float(x[1]) ** eta
        return cls(u_max, eta, knee, knee * float(x[2]), knee * float(x[3]))


class _Fitted(NamedTuple):
    """Numbers that make a law, the law, and the rms residual in A."""

    x: Float64Array
    law: _Law
    rms: float


def _currents(resets: Resets, curves: Mixture, law: Any) -> Float64Array:
    """Currents at all points; at and beyond U_max those of the HRS."""
    y1 = curves.current(resets.r[:, 0], resets.u_reset)[resets.cycle]
    y2 = curves.current(resets.r[:, 1], np.full(len(resets.r), law.u_max))[resets.cycle]
    before = law.u_max - 1e-3  # of U_RESET and of what is compared with it
    left = (
        iv.transition_profile(np.minimum(resets.u, law.u_max), law)
        / iv.transition_profile(np.minimum(resets.u_reset, before), law)[resets.cycle]
    )
    inside = y2 + (y1 - y2) * np.minimum(left, 1.0)
    return np.where(resets.u < law.u_max, inside, curves.current(resets.r[resets.cycle, 1], resets.u))


def _held_out(resets: Resets, curves: Mixture, ramp: float, noise: float, kind: str) -> float:
    """Rms residual in A of each half of the cycles by the law of the other.

    At the end of the ramp the RESET is complete, whatever the law.
    """
    halves = [resets.fold == k for k in np.unique(resets.fold)]
    if len(halves) < 2:
        return np.nan
    rest = []
    for half in halves:
        law, test = _fit(resets.of(~half), curves, ramp, noise, kind).law, resets.of(half)
        rest.append((_currents(test, curves, law) - test.i)[test.u < ramp])
    return float(np.sqrt(np.mean(np.concatenate(rest) ** 2)))


def _fit(resets: Resets, curves: Mixture, ramp: float, noise: float, kind: str) -> _Fitted:
    """The law of a kind; its U_max is below the end of the ramp if that fits better."""
    at_end, free = (_fitted(resets, curves, ramp, noise, kind, fixed) for fixed in (True, False))
    return free if free.rms < (1 - GAIN) * at_end.rms else at_end


def _fitted(resets: Resets, curves: Mixture, ramp: float, noise: float, kind: str, fixed: bool) -> _Fitted:
    straight = _currents(resets, curves, _Law(ramp, 1.0))
    scale = max(float(np.median(np.abs(resets.i - straight))), noise)
    starts, low, high = _starts(kind, ramp, float(np.median(ramp - resets.u_reset)))
    if not fixed:
        starts = [[*x, 0.97 * ramp] for x in starts]
        low, high = [*low, SHORTEST_TOP * ramp], [*high, ramp]

    def law(x: Float64Array) -> _Law:
        return _Law.of(x, ramp) if fixed else _Law.of(x[:-1], float(x[-1]))

    def rest(x: Float64Array) -> Float64Array:
        return (_currents(resets, curves, law(x)) - resets.i) / scale

    fits = [
        least_squares(
            rest, x, bounds=(low, high), loss="huber", f_scale=HUBER, diff_step=[1e-4] * len(x), x_scale="jac"
        )
        for x in starts
    ]
    x = min(fits, key=lambda fit: float(fit.cost)).x
    return _Fitted(x if fixed else x[:-1], law(x), scale * float(np.sqrt(np.mean(rest(x) ** 2))))


def _starts(kind: str, ramp: float, reach: float) -> tuple[list[list[float]], list[float], list[float]]:
    """Where fits start from, and between what bounds they search."""
    least, most = np.log(ETA_RANGE)
    if kind == "power":
        return [[np.log(0.5)], [np.log(3.0)]], [least], [most]
    reach = max(reach, 0.1 * ramp)
    starts = [[np.log(3.0), share * reach, *START] for share in KINKS]
    return starts, [least, 0.02 * ramp, 0.0, 0.0], [np.log(STEEPEST), ramp, MOST, MOST]


def _eta_error(resets: Resets, curves: Mixture, found: _Fitted) -> float:
    """Standard error of eta from the scatter of the cycles: the sandwich of least squares at this U_max."""
    steps = 1e-3 * np.maximum(np.abs(found.x), 1e-2)
    sides = [
        [_currents(resets, curves, _Law.of(found.x + d * step, found.law.u_max)) for d in (-1, 1)]
        for step in np.diag(steps)
    ]
    slopes = np.stack([(high - low) / (2 * h) for (low, high), h in zip(sides, steps, strict=True)])
    rest = resets.i - _currents(resets, curves, found.law)
    scores = np.stack([np.bincount(resets.cycle, slope * rest) for slope in slopes])
    bread = np.linalg.pinv(slopes @ slopes.T)
    return found.law.eta * float(np.sqrt((bread @ scores @ scores.T @ bread)[0, 0]))
