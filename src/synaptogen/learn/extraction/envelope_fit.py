"""Fit of the two polynomials that bound all I-V curves, and of the mixing state of each branch.

    I(r, U) = (1 - r) I_LLRS(U) + r I_HHRS(U)                     (docs/model.md, Current)

The fit alternates: given the states r, both polynomials follow from one quadratic program; given these, each r is a
ratio of two sums. The program keeps both envelopes passive and increasing on the whole range, the LRS above the HRS,
and their curvature small where no point was measured. It is solved exactly as a least distance problem (C. L. Lawson
and R. J. Hanson, Solving Least Squares Problems, SIAM 1995, chapter 23) by non-negative least squares.

The mixture is unchanged by r -> alpha + beta r with the polynomials to match. The scale is fixed by the branches: the
LLRS conducts a little more, and the HHRS less, than nearly all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag, cholesky, solve_triangular
from scipy.optimize import nnls

from synaptogen._utils import BoolArray, Float64Array, IntArray

from .cycle_kernels import HUBER, MODEL_ERROR

ROUNDS = 24
GRID = 81  # number of voltages at which the constraints hold
FINE, ADDITIONS = 2001, 20  # number of voltages at which they are checked, and of rounds in which more are added
INSISTED = 0.5  # share of the constraints that must hold between the points
STEEPNESS = 1e-3  # least slope of an envelope, as a share of the mean conductance of the LRS
LEAST_OWN = 0.1  # the same as a share of that of the HRS, for the HHRS of devices whose HRS conducts far less
LOW_VOLTAGE, FEWEST_LOW = 0.2, 3  # share of the range where a non-linear HRS conducts least, and points it takes
CURVATURE = 3e-9  # weight of the penalty, relative to all points together with an error of noise and 1 % of the scale
INSIDE = 1e-3  # share of the penalty that counts where points were measured
OUTER = 0.02  # share of the branches beyond the margin at either end
LRS_MARGIN, HRS_MARGIN = 1.05, 0.5  # envelopes over the outermost branches, in conductance


@dataclass(frozen=True)
class BranchSamples:
    """Points of branches that envelopes are fitted to.

    Parameters
    ----------
    u, i : array of shape (n,)
        Voltages in V and currents in A.
    branch : array of int of shape (n,)
        Number of the branch of each point.
    trust : array of shape (n,)
        Weight of each point; 1 for a usual one.
    is_lrs : array of bool of shape (branches,)
        Which branches are of the LRS; the others are of the HRS.
    """

    u: Float64Array
    i: Float64Array
    branch: IntArray
    trust: Float64Array
    is_lrs: BoolArray

    def select(self, branches: BoolArray) -> "BranchSamples":
        """Return the points of the branches that a mask of shape (branches,) selects."""
        keep = branches[self.branch]
        number = np.cumsum(branches) - 1
        return BranchSamples(
            self.u[keep], self.i[keep], number[self.branch[keep]], self.trust[keep], self.is_lrs[branches]
        )


@dataclass(frozen=True)
class EnvelopeMixture:
    """Envelopes, and the mixing state of each branch between them.

    Parameters
    ----------
    llrs, hhrs : array
        Currents in A as polynomials in V, highest power first; the constant is 0.
    r : array of shape (branches,)
        0 on the LLRS, 1 on the HHRS.
    """

    llrs: Float64Array
    hhrs: Float64Array
    r: Float64Array

    def current(self, r: Float64Array, u: Float64Array) -> Float64Array:
        """Return currents in A.

        Parameters
        ----------
        r : array
            Mixing states.
        u : array
            Voltages in V; the two broadcast.

        Returns
        -------
        array
        """
        a, b = np.polyval(self.llrs, u), np.polyval(self.hhrs, u)
        return np.asarray(a + r * (b - a))


class _Basis:
    """Powers of the voltage, scaled to the range, for two polynomials at once."""

    def __init__(self, degrees: tuple[int, int], u_range: float, scale: float) -> None:
        self.degrees, self.u_range, self.scale = degrees, u_range, scale
        self.powers = np.arange(1, max(degrees) + 1)

    def values(self, u: Float64Array, derivative: int = 0) -> Float64Array:
        """Return derivatives of the powers of x = u/u_range, shape (n, highest degree)."""
        p, factor = self.powers, np.ones(len(self.powers))
        for d in range(derivative):
            factor = factor * (p - d)
        x = (u / self.u_range)[:, None]
        return np.asarray(factor * x ** np.maximum(p - derivative, 0))

    def keep(self) -> BoolArray:
        """Mark which of the 2 x highest degree coefficients exist."""
        return np.concatenate([self.powers <= d for d in self.degrees])

    def polynomials(self, theta: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return coefficients in V and A, highest power first."""
        both = theta.reshape(2, -1) * self.scale / self.u_range**self.powers
        llrs, hhrs = (np.append(row[:d][::-1], 0.0) for row, d in zip(both, self.degrees, strict=True))
        return llrs, hhrs


def fit_envelope_mixture(
    samples: BranchSamples,
    degrees: tuple[int, int],
    *,
    u_range: float,
    u_read: float,
    noise: float,
    rounds: int = ROUNDS,
) -> EnvelopeMixture:
    """Fit both envelopes and the state of each branch.

    Parameters
    ----------
    samples : BranchSamples
    degrees : (int, int)
        Degrees of the LLRS and the HHRS.
    u_range : float
        The envelopes are passive and increase on -u_range ... u_range, in V.
    u_read : float
        Voltage in V at which resistances are defined.
    noise : float
        Standard deviation of a current in A.
    rounds : int
        Number of alternations between states and polynomials.

    Returns
    -------
    EnvelopeMixture

    Raises
    ------
    ValueError
        If there are no branches of one of the two states.
    """
    if samples.is_lrs.all() or not samples.is_lrs.any():
        raise ValueError("envelopes need branches of both states, LRS and HRS: no cycle switches")
    scale = float(np.quantile(np.abs(samples.i), 0.99))
    basis = _Basis(degrees, u_range, scale)
    phi, y = basis.values(samples.u), samples.i / scale
    variance = (noise / scale) ** 2 + (MODEL_ERROR * y) ** 2
    weights = samples.trust / variance
    r = np.where(samples.is_lrs, 0.0, 1.0)
    low = min(1.0, LEAST_OWN * _hrs_scale(samples) / (STEEPNESS * scale))
    steepness = min(low, LEAST_OWN * _least_conductance(samples, u_range, noise) * u_range / (STEEPNESS * scale))
    limits = _shape_constraints(basis, steepness)
    penalty = _curvature_penalty(basis, samples, low) * len(y) / ((noise / scale) ** 2 + 0.01**2)
    theta = np.empty(0)
    for round_ in range(rounds):
        if round_ % 4 == 0:
            if round_:
                far = np.abs(y - _predict(theta, phi, r[samples.branch])) / np.sqrt(variance)
                weights = samples.trust * np.minimum(1.0, HUBER / np.maximum(far, 1e-12)) / variance
            gram, cross = _branch_sums(phi, y, weights, samples)
        theta = _fit_both(gram, cross, r, basis.keep(), limits, penalty)
        r_fit, r = r, _solve_states(gram, cross, theta)
        if round_ < rounds - 1:
            r = _rescale_states(r, samples.is_lrs, theta, basis.values(np.array([u_read]))[0])
    theta = _solve_everywhere(
        basis, steepness, limits, lambda tight: _fit_both(gram, cross, r_fit, basis.keep(), tight, penalty)
    )
    r = _solve_states(gram, cross, theta)
    return EnvelopeMixture(*basis.polynomials(theta), r)


def fit_states(samples: BranchSamples, curves: EnvelopeMixture, noise: float) -> Float64Array:
    """Fit the state of each branch under known curves, by Huber's method.

    Parameters
    ----------
    samples : BranchSamples
    curves : EnvelopeMixture
    noise : float
        Standard deviation of a current in A.

    Returns
    -------
    array of shape (branches,)
    """
    a = np.polyval(curves.llrs, samples.u)
    d, y = np.polyval(curves.hhrs, samples.u) - a, samples.i - a
    n, r = len(samples.is_lrs), np.zeros(0)
    error = np.hypot(noise, MODEL_ERROR * samples.i)
    weights = samples.trust / error**2
    for _ in range(6):
        sums = (np.bincount(samples.branch, weights * x, n) for x in (d * y, d * d))
        r = np.divide(*sums)
        far = np.abs(y - r[samples.branch] * d) / error
        weights = samples.trust * np.minimum(1.0, HUBER / np.maximum(far, 1e-12)) / error**2
    return r


def _hrs_scale(samples: BranchSamples) -> float:
    """Return the size of the largest currents of the HRS in A."""
    hrs = ~samples.is_lrs[samples.branch] & (samples.trust == 1)
    return float(np.quantile(np.abs(samples.i[hrs]), 0.99)) if hrs.any() else np.inf


def _least_conductance(samples: BranchSamples, u_range: float, noise: float) -> float:
    """Return the conductance of the usual HRS at low voltages in S, or the error of one where noise hides it."""
    low = ~samples.is_lrs[samples.branch] & (np.abs(samples.u) <= LOW_VOLTAGE * u_range)
    if np.count_nonzero(low) < FEWEST_LOW:
        return np.inf
    u, i, number = samples.u[low], samples.i[low], samples.branch[low]
    own, weight = (np.bincount(number, u * x, len(samples.is_lrs)) for x in (i, u))
    seen = weight > 0
    error = noise / float(np.sqrt(np.median(weight[seen])))
    return max(float(np.median(own[seen] / weight[seen])), error)


def _predict(theta: Float64Array, phi: Float64Array, r: Float64Array) -> Float64Array:
    a, b = theta.reshape(2, -1)
    low = phi @ a
    return np.asarray(low + r * (phi @ b - low))


def _branch_sums(
    phi: Float64Array, y: Float64Array, weights: Float64Array, samples: BranchSamples
) -> tuple[Float64Array, Float64Array]:
    """Return weighted sums over each branch: of products of powers, and of powers times current."""
    n, d = len(samples.is_lrs), phi.shape[1]
    gram, cross = np.zeros((n, d, d)), np.zeros((n, d))
    for j in range(d):
        cross[:, j] = np.bincount(samples.branch, weights * phi[:, j] * y, n)
        for k in range(j + 1):
            gram[:, j, k] = gram[:, k, j] = np.bincount(samples.branch, weights * phi[:, j] * phi[:, k], n)
    return gram, cross


def _solve_states(gram: Float64Array, cross: Float64Array, theta: Float64Array) -> Float64Array:
    a, b = theta.reshape(2, -1)
    d = b - a
    return np.asarray((cross @ d - (gram @ a) @ d) / np.maximum((gram @ d) @ d, 1e-300))


def _rescale_states(r: Float64Array, is_lrs: BoolArray, theta: Float64Array, at_read: Float64Array) -> Float64Array:
    """Move states to the scale on which the envelopes lie a margin beyond nearly all branches."""
    g_llrs, g_hhrs = theta.reshape(2, -1) @ at_read
    g = g_llrs + r * (g_hhrs - g_llrs)
    top = LRS_MARGIN * np.quantile(g[is_lrs], 1 - OUTER)
    bottom = HRS_MARGIN * max(np.quantile(g[~is_lrs], OUTER), 0.0)
    return np.asarray((top - g) / (top - bottom))


def _fit_both(
    gram: Float64Array,
    cross: Float64Array,
    r: Float64Array,
    keep: BoolArray,
    limits: tuple[Float64Array, Float64Array],
    penalty: Float64Array,
) -> Float64Array:
    """Fit both polynomials, given the states, by a quadratic program."""
    s = 1 - r
    ll, lh, hh = (np.einsum("b,bjk->jk", w, gram) for w in (s * s, s * r, r * r))
    hessian = np.block([[ll, lh], [lh, hh]]) + penalty
    gradient = np.concatenate([s @ cross, r @ cross])
    g, h = limits
    theta = np.zeros(len(keep))
    theta[keep] = _quadratic_program(hessian[np.ix_(keep, keep)], gradient[keep], g[:, keep], h)
    return theta


def _quadratic_program(hessian: Float64Array, gradient: Float64Array, g: Float64Array, h: Float64Array) -> Float64Array:
    """Return x that minimises x'Hx/2 - x'c with Gx >= h, as a least distance problem for non-negative least squares."""
    size = np.sqrt(np.diag(hessian))
    ridge = 1e-11 * np.eye(len(size))
    factor = cholesky(hessian / np.outer(size, size) + ridge)  # upper: H = R'R
    centre = solve_triangular(factor, solve_triangular(factor, gradient / size, trans=1))
    rows = solve_triangular(factor, (g / size).T, trans=1).T
    length = np.linalg.norm(rows, axis=1)
    rows, short = rows / length[:, None], (h - (g / size) @ centre) / length
    unit = max(float(np.abs(short).max()), 1e-300)
    if short.max() <= 0:
        return np.asarray(centre / size)
    dual = np.vstack([rows.T, short / unit])
    target = np.append(np.zeros(len(size)), 1.0)
    multipliers, _ = nnls(dual, target, maxiter=50 * dual.shape[1])
    rest = dual @ multipliers - target
    step = -rest[:-1] / rest[-1] * unit
    return np.asarray((centre + solve_triangular(factor, step)) / size)


def _shape_constraints(basis: _Basis, low: float, points: int = GRID) -> tuple[Float64Array, Float64Array]:
    """Return rows g and right sides h of g @ theta >= h: slopes of both envelopes, and the LRS above the HRS.

    The least slope of the HHRS is ``low`` times that of the LLRS.
    """
    u = np.linspace(-basis.u_range, basis.u_range, points)
    slope = basis.values(u, 1)
    chord = basis.values(u) / np.where(u == 0, 1.0, u / basis.u_range)[:, None]
    chord[u == 0] = basis.values(np.zeros(1), 1)
    none = np.zeros_like(slope)
    g = np.vstack([np.hstack([slope, none]), np.hstack([none, slope]), np.hstack([chord, -chord])])
    least = np.repeat([STEEPNESS, low * STEEPNESS, 10 * STEEPNESS], points)
    return g, least


def _solve_everywhere(
    basis: _Basis,
    low: float,
    limits: tuple[Float64Array, Float64Array],
    solve: Callable[[tuple[Float64Array, Float64Array]], Float64Array],
) -> Float64Array:
    """Solve with constraints added where the solution violates them between the points of the grid."""
    fine = _shape_constraints(basis, low, FINE)
    for _ in range(ADDITIONS):
        theta = solve(limits)
        lack = (fine[1] * INSISTED - fine[0] @ theta).reshape(3, -1)
        worst = lack.argmax(axis=1) + np.arange(3) * lack.shape[1]
        worst = worst[lack.max(axis=1) > 0]
        if not len(worst):
            break
        limits = np.vstack([limits[0], fine[0][worst]]), np.append(limits[1], fine[1][worst])
    return theta


def _curvature_penalty(basis: _Basis, samples: BranchSamples, low: float) -> Float64Array:
    """Return the mean square of the second derivative of both envelopes as a quadratic form.

    A straight line costs nothing. Where an envelope's own branches were measured, it counts a thousand times less. That
    of the HHRS is relative to the current of an HRS that conducts ``low`` times what is usual.
    """
    u = np.linspace(-basis.u_range, basis.u_range, GRID)
    bend, parts = basis.values(u, 2), []
    for of_state, size in ((samples.is_lrs, 1.0), (~samples.is_lrs, low)):
        first, last = np.quantile(samples.u[of_state[samples.branch] & (samples.trust == 1)], [0.005, 0.995])
        weight = np.where((u >= first) & (u <= last), INSIDE, 1.0)
        parts.append(CURVATURE / size**2 * (bend.T * weight) @ bend / GRID)
    return block_diag(*parts)
