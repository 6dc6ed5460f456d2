"""Histories, by which cycles depend on earlier ones: stationary distribution, lower orders and compact forms.

This is linear algebra in NumPy, done once when parameters are loaded or learned. One cycle is a vector of four
latent standard-normal features, x_n, driven by independent standard normals e_n (4,):

- `VAR`:         x_n = B e_n + A_1 x_{n-1} + ... + A_p x_{n-p}
- `StateSpace`:  x_n = H s_n + B e_n,   s_{n+1} = F s_n + G e_n

A VAR is itself a state space, whose memory s_n is (x_{n-1}, ..., x_{n-p}); everything below is computed in that form.
The mathematics is described in docs/model.md, "From cycle to cycle".
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checked

from .record import MOST_STATES, Record, lower_factor, real_array, require_at_most

FEATURES = 4
_NEGLIGIBLE = 1e-12  # Hankel singular values below this share of the largest carry rounding errors only


class _Process(Record):
    """The stationary distribution, which both kinds of history compute alike."""

    innovation: Float64Array

    def realisation(self) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Return the matrices of the state-space form.

        Returns
        -------
        F : array of shape (q, q)
        G : array of shape (q, 4)
        H : array of shape (4, q)
        """
        raise NotImplementedError

    @cached_property
    def spectral_radius(self) -> float:
        """Largest modulus of the eigenvalues of F, below 1; the closer to 1, the slower the memory fades."""
        return _spectral_radius(self.realisation()[0])

    @cached_property
    def _covariance(self) -> Float64Array:
        F, G, _ = self.realisation()
        return _read_only(_lyapunov(F, G @ G.T))

    @cached_property
    def _cholesky(self) -> Float64Array:
        return _read_only(_lower_root(self._covariance))

    def stationary_covariance(self) -> Float64Array:
        """Return the covariance of the memory of a device that has been cycled for long.

        Returns
        -------
        array of shape (4p, 4p) or (q, q)
            Solution P of P = F P F^T + G G^T. For a `VAR` the covariance of (x_{n-1}, ..., x_{n-p}), with index
            4*(j-1) + feature; for a `StateSpace` that of s_n.
        """
        return self._covariance

    def memory_cholesky(self) -> Float64Array:
        """Return the lower Cholesky factor of `stationary_covariance`, which makes an initial memory of normals.

        A covariance that is singular within rounding (states that no innovation reaches, or that repeat each other) is
        factored through its eigenvalues, with negative ones taken as zero. The factor then has zeros on its diagonal;
        nothing is added to the covariance to make it definite.

        Returns
        -------
        array of the shape of `stationary_covariance`
        """
        return self._cholesky

    @checked
    def autocovariance(self, lags: int) -> Float64Array:
        """Return the autocovariances of the stationary process.

        Closed form: Gamma[0] = H P H^T + B B^T and Gamma[k] = H F^(k-1) (F P H^T + G B^T), with P the covariance of the
        memory (e.g. H. Luetkepohl, New Introduction to Multiple Time Series Analysis, 2005, sections 2.1.4 and 18.2).

        Parameters
        ----------
        lags : int
            Largest lag in cycles, 0 or more.

        Returns
        -------
        array of shape (lags + 1, 4, 4)
            Gamma[k] = E[x_n x_{n-k}^T].

        Raises
        ------
        ValueError
            If ``lags`` is negative.
        """
        if lags < 0:
            raise ValueError(f"lags must be 0 or more, not {lags}")
        F, G, H = self.realisation()
        B, P = self.innovation, self._covariance
        gamma = np.empty((lags + 1, FEATURES, FEATURES))
        gamma[0] = H @ P @ H.T + B @ B.T
        cross = F @ P @ H.T + G @ B.T  # E[s_{n+k} x_n^T], here k = 1
        for k in range(1, lags + 1):
            gamma[k] = H @ cross
            cross = F @ cross
        return gamma


@dataclass(frozen=True, eq=False)
class VAR(_Process):
    """Vector autoregression: x_n = B e_n + A_1 x_{n-1} + ... + A_p x_{n-p}.

    Parameters
    ----------
    innovation : array of shape (4, 4)
        B, lower triangular with a positive diagonal.
    lags : array of shape (p, 4, 4)
        A_1 ... A_p; ``lags[0]`` belongs to the MOST RECENT cycle.

    Raises
    ------
    ValueError
        If an array has the wrong shape or content, or the process is not stationary (spectral radius 1 or more).

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> history = sg.VAR(np.eye(4), [0.5 * np.eye(4)])
    >>> history, round(history.spectral_radius, 3)
    (VAR(1), 0.5)
    >>> history.autocovariance(2)[:, 0, 0].round(3)
    array([1.333, 0.667, 0.333])
    """

    innovation: Float64Array
    lags: Float64Array

    def __post_init__(self) -> None:
        require_at_most("lags", self.lags, MOST_STATES, "lags")
        self._set(
            innovation=lower_factor("innovation", self.innovation, (FEATURES, FEATURES)),
            lags=real_array("lags", self.lags, (None, FEATURES, FEATURES)),
        )
        _require_stable("lags: the companion matrix", self.spectral_radius)

    @property
    def kind(self) -> str:
        """The name of this kind of history, ``"var"``."""
        return "var"

    @property
    def order(self) -> int:
        """Number p of past cycles that a cycle depends on."""
        return len(self.lags)

    def realisation(self) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Return the matrices of the companion form, with memory (x_{n-1}, ..., x_{n-p}).

        Returns
        -------
        F : array of shape (4p, 4p)
        G : array of shape (4p, 4)
        H : array of shape (4, 4p)
        """
        size = FEATURES * self.order
        H = np.concatenate(list(self.lags), axis=1)
        F = np.vstack([H, np.eye(size - FEATURES, size)])
        G = np.vstack([self.innovation, np.zeros((size - FEATURES, FEATURES))])
        return F, G, H

    def __repr__(self) -> str:
        return f"VAR({self.order})"


@dataclass(frozen=True, eq=False)
class StateSpace(_Process):
    """Compact history: x_n = H s_n + B e_n, s_{n+1} = F s_n + G e_n, with a memory of q numbers.

    Parameters
    ----------
    innovation : array of shape (4, 4)
        B, lower triangular with a positive diagonal.
    F : array of shape (q, q)
        Weights of the memory in the next memory.
    G : array of shape (q, 4)
        Weights of the innovation in the next memory.
    H : array of shape (4, q)
        Weights of the memory in the cycle.

    Raises
    ------
    ValueError
        If an array has the wrong shape or content, or the process is not stationary (spectral radius 1 or more).

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> half = 0.5 * np.eye(4)
    >>> history = sg.StateSpace(np.eye(4), F=half, G=np.eye(4), H=half)
    >>> history
    compact(4)
    >>> history.autocovariance(2)[:, 0, 0].round(3)
    array([1.333, 0.667, 0.333])
    """

    innovation: Float64Array
    F: Float64Array
    G: Float64Array
    H: Float64Array

    def __post_init__(self) -> None:
        require_at_most("F", self.F, MOST_STATES, "states")
        F = real_array("F", self.F, (None, None))
        self._set(
            innovation=lower_factor("innovation", self.innovation, (FEATURES, FEATURES)),
            F=real_array("F", F, (len(F), len(F))),
            G=real_array("G", self.G, (len(F), FEATURES)),
            H=real_array("H", self.H, (FEATURES, len(F))),
        )
        _require_stable("F", self.spectral_radius)

    @property
    def kind(self) -> str:
        """The name of this kind of history, ``"compact"``."""
        return "compact"

    @property
    def order(self) -> int:
        """Number q of states."""
        return len(self.F)

    def realisation(self) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Return F, G and H as they are."""
        return self.F, self.G, self.H

    def quasi_triangular(self) -> "StateSpace":
        """Return the same process in a basis in which F is upper quasi-triangular, so that s can be updated in place.

        The basis is that of the real Schur form F = Z T Z^T with Z orthogonal, in which the states are Z^T s. Below its
        first subdiagonal T is exactly zero, and no two neighbours on the subdiagonal are both nonzero (a nonzero entry
        joins the two states of an oscillation).

        Returns
        -------
        StateSpace
            The process itself if F has that form already.
        """
        if _is_quasi_triangular(self.F):
            return self
        import scipy.linalg  # here, since it takes as long to import as the rest of the package

        T, Z = scipy.linalg.schur(self.F, output="real")
        return StateSpace(self.innovation, np.triu(T, -1), Z.T @ self.G, self.H @ Z)

    def __repr__(self) -> str:
        return f"compact({self.order})"


History: TypeAlias = VAR | StateSpace
"""Either kind of history."""


def yule_walker(autocovariance: ArrayLike, order: int) -> VAR:
    """Return the VAR of the given order that has these autocovariances up to lag ``order``.

    Solves the multivariate Yule-Walker equations, A [Gamma[j-i]]_ij = [Gamma[1] ... Gamma[q]] (P. Whittle, Biometrika
    50, 129 (1963)); B is the lower Cholesky factor of the covariance of what A leaves unexplained.

    Parameters
    ----------
    autocovariance : array of shape (at least order + 1, 4, 4)
        Gamma[k] = E[x_n x_{n-k}^T].
    order : int
        Order of the VAR, 1 or more.

    Returns
    -------
    VAR

    Raises
    ------
    ValueError
        If there are too few lags for the order, or no process has such autocovariances (not positive definite).
    """
    import scipy.linalg  # here, since it takes as long to import as the rest of the package

    gamma = real_array("autocovariance", autocovariance, (None, FEATURES, FEATURES))
    if not 1 <= order < len(gamma):
        raise ValueError(f"order must be between 1 and {len(gamma) - 1}, the lags given, not {order}")
    if not np.allclose(gamma[0], gamma[0].T, rtol=0, atol=1e-8 * np.abs(gamma[0]).max()):
        raise ValueError("autocovariance[0] must be symmetric: it is the covariance of x_n")
    right = np.concatenate(list(gamma[1 : order + 1]), axis=1)
    try:
        A = scipy.linalg.solve(_block_toeplitz(gamma[:order]), right.T, assume_a="pos").T
        unexplained = gamma[0] - A @ right.T
        B = np.linalg.cholesky((unexplained + unexplained.T) / 2)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "autocovariance is not positive definite, so no process has it: choose a lower order, or estimate it with"
            " the same divisor at every lag"
        ) from error
    return VAR(B, A.reshape(FEATURES, order, FEATURES).swapaxes(0, 1))


def balanced_truncation(history: History, q: int) -> StateSpace:
    """Return a state space of few states that approximates a longer history; B stays as it is.

    The states kept are those that innovations excite most and that contribute most to x: those with the largest Hankel
    singular values, found by the square-root method (B. C. Moore, IEEE Trans. Autom. Control 26, 17 (1981); A. J. Laub
    et al., same journal 32, 115 (1987)). The result is stable, since the truncation of a balanced stable system is.

    Parameters
    ----------
    history : VAR or StateSpace
        The longer history.
    q : int
        Number of states to keep.

    Returns
    -------
    StateSpace

    Raises
    ------
    ValueError
        If q is less than 1, or more than the number of states that the history makes use of.
    """
    F, G, H = history.realisation()
    reach = _symmetric_root(history.stationary_covariance())
    observe = _symmetric_root(_lyapunov(F.T, H.T @ H))
    left, values, right = np.linalg.svd(observe.T @ reach)
    useful = int(np.sum(values > _NEGLIGIBLE * max(values[0], _NEGLIGIBLE)))
    if not useful:
        raise ValueError(f"{history!r} has no memory to truncate: keep it, or take a VAR of order 1")
    if not 1 <= q <= useful:
        raise ValueError(f"q must be between 1 and {useful}, the states that {history!r} has use for, not {q}")
    scale = np.sqrt(values[:q])
    outward = reach @ right[:q].T / scale  # full state from balanced state
    inward = (left[:, :q] / scale).T @ observe.T  # and back
    return StateSpace(history.innovation, inward @ F @ outward, inward @ G, H @ outward)


def autocorrelation_error(a: History, b: History, lags: int = 200) -> float:
    """Return the largest difference of autocorrelation between two histories, over all pairs of features and all lags.

    Both autocovariances are divided by the stationary standard deviations of ``a``, so that an error of variance
    counts, too: as a difference at lag 0.

    Parameters
    ----------
    a : VAR or StateSpace
        The reference.
    b : VAR or StateSpace
        The other history.
    lags : int
        Largest lag in cycles.

    Returns
    -------
    float
    """
    reference = a.autocovariance(lags)
    deviation = np.sqrt(np.diagonal(reference[0]))
    return float(np.abs((reference - b.autocovariance(lags)) / np.outer(deviation, deviation)).max())


def _read_only(array: Float64Array) -> Float64Array:
    array.setflags(write=False)
    return array


def _require_stable(what: str, radius: float) -> None:
    """Raise ValueError unless a spectral radius is below 1."""
    if not radius < 1:
        raise ValueError(
            f"{what} has spectral radius {radius:.6g}, which must be below 1 for a stationary history: check the order"
            " of lags (most recent first), or scale them down"
        )


def _spectral_radius(F: Float64Array) -> float:
    """Return the largest modulus of the eigenvalues of F (q, q)."""
    try:
        return float(np.abs(np.linalg.eigvals(F)).max())
    except np.linalg.LinAlgError:  # entries so large that the iteration overflowed
        return float("inf")


def _lyapunov(F: Float64Array, Q: Float64Array) -> Float64Array:
    """Solve P = F P F^T + Q by doubling, for a stable F (q, q) and a positive semidefinite Q (q, q).

    After k steps P holds 2^k terms of the sum over j of F^j Q F^jT: the squared Smith method (R. A. Smith, SIAM J.
    Appl. Math. 16, 198 (1968)). It adds positive semidefinite terms only. It is more accurate than the bilinear
    transform of `scipy.linalg.solve_discrete_lyapunov`, and faster for long histories.
    """
    P, power = Q, F
    for _ in range(64):
        step = power @ P @ power.T
        P = P + step
        if np.abs(step).max() <= 1e-17 * np.abs(P).max():
            break
        power = power @ power
    return (P + P.T) / 2


def _symmetric_root(P: Float64Array) -> Float64Array:
    """Return R with R R^T = P for a positive semidefinite P (q, q); eigenvalues negative by rounding count as zero."""
    values, vectors = np.linalg.eigh(P)
    root: Float64Array = vectors * np.sqrt(np.maximum(values, 0))
    return root


def _lower_root(P: Float64Array) -> Float64Array:
    """Return a lower triangular R with R R^T = P for a positive semidefinite P (q, q), also a singular one."""
    try:
        return np.asarray(np.linalg.cholesky(P), dtype=np.float64)
    except np.linalg.LinAlgError:
        upper = np.asarray(np.linalg.qr(_symmetric_root(P).T, mode="r"), dtype=np.float64)
        return np.tril((upper * np.where(np.diagonal(upper) < 0, -1.0, 1.0)[:, None]).T)


def _block_toeplitz(gamma: Float64Array) -> Float64Array:
    """Return the covariance (4q, 4q) of q successive cycles, most recent first, from autocovariances (q, 4, 4)."""
    q = len(gamma)
    rows: list[list[Float64Array]] = [[gamma[j - i] if j >= i else gamma[i - j].T for j in range(q)] for i in range(q)]
    return np.block(rows)


def _is_quasi_triangular(F: Float64Array) -> bool:
    """Return whether F (q, q) has the form that `StateSpace.quasi_triangular` gives it."""
    joined = np.diagonal(F, -1) != 0
    return not np.any(np.tril(F, -2)) and not np.any(joined[1:] & joined[:-1])
