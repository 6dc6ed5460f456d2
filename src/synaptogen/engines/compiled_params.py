"""The params by which cells are made and live, as plain arrays: what every engine needs of a parameter set."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import Float64Array
from synaptogen.model import Constants
from synaptogen.params import VAR, DeviceParams


class CompiledParams(NamedTuple):
    """One parameter set, unfolded for engines.

    The memory of a cell is m numbers. For a VAR of order p they are the last p values of x in a ring of ``slots`` = p
    slots of four, x_n in slot n mod p; for a state space (``slots`` = 0) they are its q states.
    """

    constants: Constants
    slots: int
    readout: Float64Array  # (m, 4): x_n gains readout[k] * memory[k]; VAR: lag-major, most recent first
    F: Float64Array  # (q, q) upper quasi-triangular, state space only
    G: Float64Array  # (q, 4)
    start: Float64Array  # (m, m) lower triangular: stationary memory = start @ normals; VAR: (x_0, x_-1, ...)
    component_starts: NDArray[np.uint32]  # (K,) first random word of each component's share
    means: Float64Array  # (K, 8)
    cholesky: Float64Array  # (K, 8, 8)
    log_sigma: bool

    @property
    def memory(self) -> int:
        """How many numbers a cell remembers."""
        return len(self.readout)


def compile_params(params: DeviceParams) -> CompiledParams:
    """Unfold a parameter set."""
    history, population = params.history, params.population
    shares = np.cumsum(population.weights) / np.sum(population.weights)
    starts = np.concatenate([[0.0], shares[:-1]]) * 2.0**32
    if isinstance(history, VAR):
        slots, F, G = history.order, np.zeros((0, 0)), np.zeros((0, 4))
        readout = history.lags.transpose(0, 2, 1).reshape(-1, 4)
    else:
        history = history.quasi_triangular()
        slots, F, G, readout = 0, history.F, history.G, history.H.T
    return CompiledParams(
        constants=params.constants(),
        slots=slots,
        readout=np.ascontiguousarray(readout),
        F=F,
        G=G,
        start=history.memory_cholesky(),
        component_starts=starts.astype(np.uint32),
        means=population.means,
        cholesky=population.cholesky,
        log_sigma=population.sigma_scale == "log",
    )
