"""A state space by its poles: all its moments have closed forms in it, so that it can be fitted.

With poles l_i, rows g_i of G and columns h_i of H,

    P_ij = g_i g_j^* / (1 - l_i l_j^*),   M = L P H^* + G B^T
    Gamma[0] = H P H^* + B B^T,   Gamma[k] = H L^(k-1) M,   T(w) = B + H (exp(iw) - L)^-1 G

Real poles come first, then one pole of each complex pair, whose conjugate is implied. The state space is that of
docs/model.md, From cycle to cycle.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, StateSpace

Complex: TypeAlias = NDArray[np.complex128]

_LOWER = np.tril_indices(FEATURES)
_NEAR = 0.999  # share of the cap to which poles beyond it are moved


@dataclass(frozen=True)
class ModalForm:
    """A state space in modal form, whose poles, G, H and B are one vector of parameters.

    A real pole is cap * tanh(a); a pair is cap * tanh(a) * exp(+-i b).

    Parameters
    ----------
    parameters : array of shape (n_parameters,)
    n_real, n_pairs : int
        Number of real poles, and of complex pairs.
    cap : float
        Largest modulus of a pole.
    """

    parameters: Float64Array
    n_real: int
    n_pairs: int
    cap: float

    @classmethod
    def from_state_space(cls, history: StateSpace, cap: float) -> "ModalForm":
        """Decompose a state space into its modes; poles outside the cap are moved inside.

        Parameters
        ----------
        history : StateSpace
        cap : float
            Largest modulus of a pole.

        Returns
        -------
        ModalForm
        """
        poles, V = np.linalg.eig(history.F)
        g, h = np.linalg.solve(V, history.G + 0j), history.H @ V
        balance = np.sqrt(np.linalg.norm(g, axis=1) / np.maximum(np.linalg.norm(h, axis=0), 1e-12))
        g, h = g / balance[:, None], h * balance
        real, upper = np.flatnonzero(poles.imag == 0), np.flatnonzero(poles.imag > 0)
        inside = np.arctanh(np.minimum(np.abs(poles) / cap, _NEAR))
        parts = [
            inside[real] * np.sign(poles.real[real]),
            inside[upper],
            np.angle(poles[upper]),
            g[real].real,
            g[upper].real,
            g[upper].imag,
            h.T[real].real,
            h.T[upper].real,
            h.T[upper].imag,
            history.innovation[_LOWER],
        ]
        return cls(np.concatenate([np.ravel(p) for p in parts]), len(real), len(upper), cap)

    def with_parameters(self, parameters: Float64Array) -> "ModalForm":
        """Return the same modal form with other parameters."""
        return replace(self, parameters=parameters)

    def moments(
        self, thetas: Float64Array, lags: NDArray[np.intp], omega: Float64Array
    ) -> tuple[Float64Array, Complex]:
        """Return autocovariances and transfer functions of n parameter vectors at once.

        Parameters
        ----------
        thetas : array of shape (n, n_parameters)
        lags : array of int of shape (k,)
        omega : array of shape (w,)
            Angular frequencies per cycle.

        Returns
        -------
        gamma : array of shape (n, k, 4, 4)
            Autocovariances Gamma at the lags.
        transfer : complex array of shape (n, w, 4, 4)
            T at the frequencies; the spectrum is T T^*.
        """
        poles, g, h, B = self._complete(thetas)
        gg = g @ g.conj().swapaxes(1, 2)
        P = gg / (1 - poles[:, :, None] * poles[:, None, :].conj())
        PH = P @ h.conj()
        M = poles[:, :, None] * PH + g @ B.swapaxes(1, 2)
        H = h.swapaxes(1, 2)
        decay = poles[:, None, :] ** np.maximum(lags - 1, 0)[:, None]
        gamma = _weighted(H, decay, M).real
        gamma[:, lags == 0] = ((H @ PH).real + B @ B.swapaxes(1, 2))[:, None]
        resolvent = 1 / (np.exp(1j * omega)[:, None] - poles[:, None, :])
        T = B[:, None] + _weighted(H, resolvent, g)
        return gamma, T

    def state_space(self) -> StateSpace:
        """Return the state space, with a block of two real states for each pair."""
        (poles, g, h, B), r, c = self._complete(self.parameters[None]), self.n_real, self.n_pairs
        q = r + 2 * c
        F, G, H = np.zeros((q, q)), np.zeros((q, FEATURES)), np.zeros((FEATURES, q))
        F[:r, :r], G[:r], H[:, :r] = np.diag(poles[0, :r].real), g[0, :r].real, h[0, :r].real.T
        for j in range(c):
            i, at = r + j, slice(r + 2 * j, r + 2 * j + 2)
            a, b = poles[0, i].real, poles[0, i].imag
            F[at, at] = [[a, -b], [b, a]]
            G[at] = g[0, i].real, g[0, i].imag
            H[:, at] = np.stack([2 * h[0, i].real, -2 * h[0, i].imag], axis=1)
        signs = np.sign(np.diagonal(B[0]))  # the sign of e is arbitrary: make the diagonal of B positive
        return StateSpace(B[0] * signs, F, G * signs, H)

    def _complete(self, thetas: Float64Array) -> tuple[Complex, Complex, Complex, Float64Array]:
        """Return poles (n, q), g and h (n, q, 4), conjugates included and last, and B (n, 4, 4)."""
        r, c, n = self.n_real, self.n_pairs, len(thetas)
        cuts = np.cumsum([r, c, c, 4 * r, 4 * c, 4 * c, 4 * r, 4 * c, 4 * c])
        real, size, angle, *vectors, lower = np.split(thetas, cuts, axis=1)
        pair = self.cap * np.tanh(size) * np.exp(1j * angle)
        poles = np.concatenate([self.cap * np.tanh(real) + 0j, pair, pair.conj()], axis=1)
        g, h = (_with_conjugates(*(v.reshape(n, -1, FEATURES) for v in vectors[k : k + 3])) for k in (0, 3))
        B = np.zeros((n, FEATURES, FEATURES))
        B[(slice(None), *_LOWER)] = lower
        return poles, g, h, B


def _weighted(H: Complex, weight: Complex, M: Complex) -> Complex:
    """Return H diag(weight) M, (n, k, 4, 4), for k weights (n, k, q): products of a few tall matrices, for speed."""
    n, k, q = weight.shape
    tall = (H[:, None] * weight[:, :, None, :]).reshape(n, k * FEATURES, q)
    return np.asarray((tall @ M).reshape(n, k, FEATURES, FEATURES))


def _with_conjugates(real: Float64Array, part: Float64Array, imaginary: Float64Array) -> Complex:
    pairs = part + 1j * imaginary
    return np.concatenate([real + 0j, pairs, pairs.conj()], axis=1)
