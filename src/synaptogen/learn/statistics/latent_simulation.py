"""Simulated records of a learned history, for corrections and errors that have no closed form."""

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, VAR, History, StateSpace

__all__ = ["latent_records"]


def latent_records(history: History, devices: int, cycles: int, rng: np.random.Generator) -> Float64Array:
    """Draw stationary records of a history, all devices side by side in each step.

    Parameters
    ----------
    history : VAR or StateSpace
        See docs/model.md, From cycle to cycle.
    devices, cycles : int
    rng : Generator

    Returns
    -------
    array of shape (devices, cycles, 4)
    """
    memory = history.memory_cholesky() @ rng.standard_normal((len(history.memory_cholesky()), devices))
    e = np.ascontiguousarray(rng.standard_normal((cycles, FEATURES, devices)))
    driven = history.innovation @ e
    x = _from_states(history, memory, e, driven) if isinstance(history, StateSpace) else _var(history, memory, driven)
    return np.ascontiguousarray(np.moveaxis(x, 2, 0))


def _from_states(history: StateSpace, s: Float64Array, e: Float64Array, driven: Float64Array) -> Float64Array:
    for n in range(len(e)):
        driven[n] += history.H @ s
        s = history.F @ s + history.G @ e[n]
    return driven


def _var(history: VAR, memory: Float64Array, driven: Float64Array) -> Float64Array:
    """Draw from a VAR; the past is kept oldest first, so that the last p cycles lie side by side in memory."""
    cycles, _, devices = driven.shape
    p = history.order
    x = np.empty((p + cycles, FEATURES, devices))
    x[:p] = memory.reshape(p, FEATURES, devices)[::-1]
    A = np.concatenate(list(history.lags[::-1]), axis=1)
    for n in range(cycles):
        x[p + n] = driven[n] + A @ x[n : n + p].reshape(p * FEATURES, devices)
    return x[p:]
