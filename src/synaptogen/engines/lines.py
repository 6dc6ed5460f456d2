"""Lines of a crossbar as products with the matrix of mixing states, and other methods that engines share.

The current of a cell, and the variance of its noise, are linear in its mixing state: see `synaptogen.model.lines`.
"""

from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import Float64Array, RealArray, require_cells, writeable
from synaptogen.model import Constants, Transition, fluctuation, linear_in_mixing, noise_density, partial_reset

from .compiled_params import CompiledParams
from .moments import Moment, state_at, written_now
from .protocol import FIELDS, AnyEngine, Engine, Positions, Selection

_PART = 1 << 14  # cells at a time, so that their numbers stay in the cache


class EngineDefaults(Generic[Selection]):
    """Methods of `Engine` that most engines share; an engine may inherit them."""

    move_words = 1

    def __setstate__(self, state: dict[str, Any]) -> None:
        # compiled code would write to the memory of whoever unpickles, which may be read-only or shared
        self.__dict__.update(writeable(state))

    @classmethod
    def require_room(cls: type[AnyEngine], params: CompiledParams, cells: int) -> None:
        """Check that cells fit into the memory of the machine."""
        require_cells(cells, cls.bytes_for(params))

    def in_one_step(self, select: Selection) -> bool:
        """Return whether voltages change cells in one call of compiled code: here, they do not."""
        return False

    def move(self: Engine[Any], moment: Moment, memory: NDArray[np.uint32]) -> None:
        """Move all cells to another instant, in double precision and some at a time; see `Engine.move`.

        A cell whose state is the one that its mode and features tell has been written since the last move.
        """
        index = memory[0]
        p = self.compiled_params.constants
        for begin in range(0, self.cells.size, _PART):
            here = np.arange(begin, min(self.cells.size, begin + _PART))
            select = self.selection(here)
            fields = dict(zip(FIELDS, self.fields(select), strict=True))
            curve = Transition(fields["t_scale"], fields["t_end"])
            with np.errstate(all="ignore"):  # cells that are not partly reset have no transition
                partial = partial_reset(curve, fields["u_ratchet"], p)
            written = fluctuation.written_state(self.status(select), fields["r_lrs"], fields["r_hrs"], partial)
            index[here] = written_now(self.mixing(select), written, index[here], moment.present)
            r = state_at(moment, written, index[here], self.cells.id_words(here), self.seed, p)
            self.restore(begin, {"r": r.astype(self.dtype)})

    def line_currents(
        self: Engine[Selection],
        shape: tuple[int, int],
        select: Selection,
        line_starts: Positions,
        v: RealArray,
        transpose: bool,
        bandwidth: float,
        number: int,
    ) -> RealArray:
        """Return the currents of lines by `weighted_sums` and `line_normals`; see `Engine.line_currents`."""
        offsets, weights = line_weights(v.astype(np.float64), bandwidth, self.compiled_params.constants)
        sums = offsets + self.weighted_sums(shape, select, weights, transpose)
        normals = self.line_normals(line_starts, number, len(v)) if bandwidth else None
        return np.asarray(with_noise(sums, normals, len(v)), self.dtype)


def line_weights(u: Float64Array, bandwidth: float, p: Constants) -> tuple[Float64Array, Float64Array]:
    """Return what inputs add to a line, as linear functions of the mixing states.

    Parameters
    ----------
    u : array of shape (batch, inputs)
        Voltages in V.
    bandwidth : float
        Bandwidth in Hz; 0: no noise.
    p : Constants
        Constants of the parameter set.

    Returns
    -------
    offsets : array of shape (k, 1)
        Sums over the inputs for r = 0: currents in A in the first ``batch`` rows; with a bandwidth also variances in
        A^2 in as many rows after them. k is ``batch`` or twice that.
    weights : array of shape (k, inputs)
        What each input adds per unit of the mixing state of its cell, in the same rows.
    """
    parts = linear_in_mixing(u, noise_density(u) * bandwidth, p)
    rows = 2 if bandwidth else 1
    offsets = [part.sum(axis=-1, keepdims=True) for part in parts[0 : 2 * rows : 2]]
    return np.concatenate(offsets), np.concatenate(parts[1 : 2 * rows : 2])


def with_noise(sums: RealArray, normals: RealArray | None, batch: int) -> RealArray:
    """Return the currents of lines from their sums.

    Parameters
    ----------
    sums : array of shape (batch, lines) or (2 * batch, lines)
        Currents in A; with noise, their variances in A^2 below.
    normals : array of shape (batch, lines), optional
        Standard normal numbers; None: no noise.
    batch : int
        Number of vectors.

    Returns
    -------
    array of shape (batch, lines)
        Currents in A.
    """
    if normals is None:
        return sums[:batch]
    return np.asarray(sums[:batch] + np.sqrt(np.maximum(sums[batch:], 0.0)) * normals)
