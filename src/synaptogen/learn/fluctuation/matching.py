"""Parameters by matching statistics of simulations to measured ones (indirect inference), leaning on known ones.

Minimised is

    sum_k [(m_k(theta) - a_k) / e_k]^2 + sum_i [(theta_i - prior_i) / s_i]^2

with the measured statistics a, their errors e, simulated statistics m, and what is known of the parameters without the
measurement. Steps are those of Gauss and Newton. Each round simulates with numbers of its own, and later rounds are
averaged, so that nothing is fitted to the numbers of one simulation.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synaptogen._utils import Float64Array

AVERAGED = 6  # of the last rounds
SLOPES = frozenset((0, 2, 4, 6))  # rounds in which derivatives are taken
STEP = 0.12  # of each parameter, for derivatives, in its own scale
LONGEST = 1.0  # step of a round
HALVINGS = 3  # of a step, at most, that makes the loss larger ...
WORSE = 1.2  # ... by this factor
MISFIT = 3.0  # errors from which on a statistic that no parameters can match counts less


@dataclass(frozen=True, eq=False)
class Match:
    """Parameters that match.

    Attributes
    ----------
    theta : array of shape (p,)
        The parameters.
    error : array of shape (p,)
        Their standard errors, of the measurement and of what was known together.
    alone : array of shape (p,)
        The same if all others were known.
    distance : float
        Mean squared distance of the statistics in units of their errors.
    loss : float
        What was minimised.
    """

    theta: Float64Array
    error: Float64Array
    alone: Float64Array
    distance: float
    loss: float


def match(
    simulate: Callable[[Float64Array, int], Float64Array],
    aim: Float64Array,
    error: Float64Array,
    prior: Float64Array,
    spread: Float64Array,
    start: Float64Array,
    seed: int,
    rounds: int,
    fresh: int,
    report: Callable[[float], None],
) -> Match:
    """Find the parameters.

    Parameters
    ----------
    simulate : callable
        Takes parameters (p,) and a seed, returns statistics (k,).
    aim, error : array of shape (k,)
        Measured statistics and their errors.
    prior, spread : array of shape (p,)
        Parameters as they are known without the measurement, and how well.
    start : array of shape (p,)
        Where to begin.
    seed : int
        Of the first simulation; others follow.
    rounds : int
        Number of steps.
    fresh : int
        Number of simulations with other numbers whose mean is judged at the end.
    report : callable
        Called with the share that is done.

    Returns
    -------
    Match
    """
    theta, path = start.copy(), []
    jacobian, slopes = np.zeros((len(aim), len(theta))), 0
    parts = rounds + len(theta) * sum(n in SLOPES for n in range(rounds))
    done = 0

    def loss_of(made: Float64Array, theta: Float64Array) -> float:
        off = np.abs(made - aim) / error
        # as the weights of the steps: beyond MISFIT, it grows in proportion
        parts = np.where(off < MISFIT, off**2, 2 * MISFIT * off - MISFIT**2)
        return float(parts.sum() + np.sum(((theta - prior) / spread) ** 2))

    def step_done() -> None:
        nonlocal done
        done += 1
        report(done / parts)

    before, reached = theta, np.inf
    for n in range(rounds):
        found = simulate(theta, seed + n)
        step_done()
        here = loss_of(found, theta)
        for _ in range(HALVINGS if n < rounds - AVERAGED else 0):
            if here <= WORSE * reached:
                break
            # too far, where statistics do not follow their derivatives: half of the step
            theta = (theta + before) / 2
            found = simulate(theta, seed + n)
            here = loss_of(found, theta)
        before, reached = theta, here
        if n in SLOPES:
            made = np.empty((len(theta), len(aim)))
            for i in range(len(theta)):
                moved = theta.copy()
                moved[i] += STEP
                made[i] = (simulate(moved, seed + n) - found) / STEP
                step_done()
            slopes += 1
            jacobian = jacobian + ((made / error).T - jacobian) / min(slopes, 2)
        off = (found - aim) / error
        weight = np.minimum(1.0, MISFIT / np.maximum(np.abs(off), 1e-9))
        weighted = (jacobian * weight[:, None]).T
        information = weighted @ jacobian + np.diag(1 / spread**2)
        step = -np.linalg.solve(information, weighted @ off + (theta - prior) / spread**2)
        # later rounds differ by the numbers of their simulations alone: small steps average over these
        theta = theta + step * min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-9)) * (1.0 if n < 3 else 0.6)
        path.append(theta)
    theta = np.mean(path[-AVERAGED:], axis=0)
    made = np.mean([simulate(theta, seed + rounds + k) for k in range(fresh)], axis=0)
    report(1.0)
    pull = float(np.sum(((theta - prior) / spread) ** 2))
    information = jacobian.T @ jacobian + np.diag(1 / spread**2)
    distance = float(np.mean(np.square((made - aim) / error)))
    # what no parameters match shows that the errors are too small
    larger = max(1.0, np.sqrt(distance))
    sd = np.sqrt(np.diag(np.linalg.inv(information))) * larger
    return Match(theta, sd, larger / np.sqrt(np.diag(information)), distance, distance * len(aim) + pull)
