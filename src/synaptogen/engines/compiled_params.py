"""CompiledParams: a parameter set as plain arrays, the form in which engines use it."""

from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import Float64Array
from synaptogen.model import OWN_ROWS, Constants
from synaptogen.params import VAR, DeviceParams, Population

VECTOR = 8
"""Numbers of a device vector (mu, sigma)."""
Bundle = TypeVar("Bundle")
"""A number, or a nest of tuples of numbers."""


class CompiledParams(NamedTuple):
    """A parameter set as plain arrays: what an engine needs to draw cells and to run them through their cycles.

    `DeviceParams` is what people write, check and save. `compile_params` turns it into this once per array: Cholesky
    factors, cumulated weights and lag matrices, laid out in the order in which engines go through them.

    docs/model.md has the formulas. Each cell has a memory of m numbers, from which the next latent vector x_n of its
    four features follows. For a VAR of order p, m = 4 p and the memory is x_(n-1) ... x_(n-p). For a state space it is
    the q = m states s_n.

    Attributes
    ----------
    constants : Constants
        Numbers that the formulas of `synaptogen.model` take as ``p``.
    slots : int
        The order p of a VAR: engines keep its memory as a ring of p slots of four numbers, x_n in slot n mod p. 0 for a
        state space.
    readout : array of shape (4 p, 4) or (q, 4)
        Weights of the memory: x_n is the sum of readout[k] * memory[k], plus the innovation B e_n. Of a VAR the latest
        cycle comes first: row 4 (j - 1) + i belongs to feature i of x_(n-j).
    F : array of shape (q, q)
        Step of the states, s_(n+1) = F s_n + G e_n; upper quasi-triangular. Empty for a VAR. With a restless innovation
        the last state is that of its scale, which the innovations do not reach.
    G : array of shape (q, 4)
        Effect of the innovations on the states. Empty for a VAR.
    start : array of shape (4 p, 4 p) or (q, q)
        Lower triangular; start @ normals is a memory from the stationary distribution, for a VAR (x_0, x_-1, ...).
    component_starts : array of uint32 of shape (K,)
        First 32-bit random number that chooses component k of the population, in ascending order.
    means : array of shape (K, d)
        Mean device vector of each component: four offsets mu, four scales sigma, and where devices have shapes and
        memory of their own, twelve own traits (`synaptogen.model.own_law`). d is 8 or 20.
    cholesky : array of shape (K, d, d)
        Lower Cholesky factor of the covariance of each component.
    log_sigma : bool
        Whether the population was fitted to log sigma.
    bounds : array of shape (2, d), or (0, d)
        Lowest and highest device vectors of the population, before sigma is taken from its logarithm; empty if it has
        no bounds.
    """

    constants: Constants
    slots: int
    readout: Float64Array
    F: Float64Array
    G: Float64Array
    start: Float64Array
    component_starts: NDArray[np.uint32]
    means: Float64Array
    cholesky: Float64Array
    log_sigma: bool
    bounds: Float64Array

    @property
    def traits(self) -> int:
        """Number d of the numbers that a device is drawn with."""
        return int(self.means.shape[1])

    @property
    def own(self) -> bool:
        """Whether devices have shapes and memory of their own."""
        return self.traits > VECTOR

    @property
    def restless(self) -> bool:
        """Whether innovations of R_LRS are restless."""
        return bool(self.constants.restless)

    @property
    def states(self) -> int:
        """Number q of states of a state space; 0 for a VAR."""
        return len(self.F)

    @property
    def memory(self) -> int:
        """Number m of the numbers that a cell keeps: of earlier cycles, then `OWN_ROWS` of its device."""
        return len(self.readout) + (OWN_ROWS if self.own else 0)

    @property
    def start_blocks(self) -> Float64Array:
        """``start`` in the order in which kernels go through it.

        Of a VAR it has shape (p, p, 4, 4): entry [i, j] is the block of 4 x 4 numbers that leads from the j-th four
        normals to x_-i, by columns. Of a state space it is ``start`` itself, by rows.
        """
        if not self.slots:
            return self.start
        return self.start.reshape(self.slots, 4, self.slots, 4).transpose(0, 2, 3, 1)


def compile_params(params: DeviceParams) -> CompiledParams:
    """Return the plain arrays of a parameter set.

    Parameters
    ----------
    params : DeviceParams
        The parameter set.

    Returns
    -------
    CompiledParams
    """
    history, population = params.history, params.population
    shares = np.cumsum(population.weights) / np.sum(population.weights)
    starts = np.concatenate([[0.0], shares[:-1]]) * 2.0**32
    if isinstance(history, VAR):
        slots, F, G = history.order, np.zeros((0, 0)), np.zeros((0, 4))
        readout = history.lags.transpose(0, 2, 1).reshape(-1, 4)
    else:
        history = history.quasi_triangular()
        slots, F, G, readout = 0, history.F, history.G, history.H.T
    start = history.memory_cholesky()
    if params.restless is not None:  # one state more, which has a step of its own and no weight in x
        F, G, readout = _bordered(F, params.restless.fade), _bordered(G)[:, :4], _bordered(readout)[:, :4]
        start = _bordered(start, 1.0)
    return CompiledParams(
        constants=params.constants(),
        slots=slots,
        readout=np.ascontiguousarray(readout),
        F=F,
        G=G,
        start=start,
        component_starts=starts.astype(np.uint32),
        means=population.means,
        cholesky=population.cholesky,
        log_sigma=population.sigma_scale == "log",
        bounds=_bounds(population),
    )


def _bounds(population: Population) -> Float64Array:
    if population.low is None or population.high is None:
        return np.empty((0, population.means.shape[1]))
    return np.stack([population.low, population.high])


def _bordered(matrix: Float64Array, corner: float = 0.0) -> Float64Array:
    """Return a matrix with a row and a column more: zeros, but for the corner."""
    bordered = np.pad(matrix, ((0, 1), (0, 1)))
    bordered[-1, -1] = corner
    return bordered


def single_precision(bundle: Bundle) -> Bundle:
    """Return numbers, or nested tuples of numbers such as `Constants`, in single precision.

    Parameters
    ----------
    bundle : float, or tuple of bundles
        The numbers.

    Returns
    -------
    float32, or tuple of bundles
        Of the same structure; named tuples keep their type.
    """
    nest: Any = bundle
    if not isinstance(nest, tuple):
        return cast(Bundle, np.float32(nest))
    parts = [single_precision(part) for part in nest]
    return cast(Bundle, type(nest)(*parts) if hasattr(nest, "_fields") else tuple(parts))
