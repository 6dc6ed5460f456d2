"""Node voltages of crossbars with wires: Newton's method on Kirchhoff's law, with conjugate gradients inside.

With T_w, T_b the conductances along word and bit lines, and g the slopes dI/dU of the cells, one correction solves

    [T_w + g    -g   ] [dw]   [rho_w]            A = T_w + g,   P = T_b + g
    [  -g    T_b + g ] [db] = [rho_b]

A and P consist of one tridiagonal system for each line. Eliminating the word lines leaves S db = rho_b + g A^-1 rho_w
with S = P - g A^-1 g: symmetric, positive definite, and so near P that conjugate gradients with P as preconditioner
need few steps. For linear cells one correction is the solution, and a second one removes rounding errors.

The symbols (w, b, g, rho, push, t, z, x, y, p, q, s) are those of the table at the head of `kernels`. Where there are
at least three right sides, the sweeps of `many_rhs` come first, and Newton's method finishes what they leave.

**Error.** The matrix is an M-matrix whose columns sum to what leaves the network: a residual of 1 A at a node changes
the currents through the ends of all lines by 1 A in total. The sum of |rho| over all nodes therefore bounds the error
of the current of every line, for cells with rising I-V curves. The solver stops when this sum is below the tolerance.
"""

from collections.abc import Iterator

import numpy as np

from synaptogen._utils import BoolArray, Float64Array, RealArray
from synaptogen.model import Constants, conductance, noise_variance

from . import kernels, many_rhs
from .problem import CellCurrents, Network, NodeState, NotConvergedError, Run
from .tolerances import allowed, rounding

MOST_CORRECTIONS, MOST_STEPS, MOST_HALVINGS = 60, 3000, 8
FORCING = 1e-3  # relative residual to which one correction of non-linear cells is solved
CACHE_BYTES = 1 << 23  # of all right sides that are solved together
ARRAYS = 13  # numbers for each cell and right side


class LinearCells:
    """Cells with fixed conductances, as `CellCurrents`.

    Parameters
    ----------
    conductances : array of shape (rows, columns)
        S.
    """

    linear = True

    def __init__(self, conductances: Float64Array) -> None:
        self._g = np.ascontiguousarray(conductances)[None]
        self.compiled = (self._g[0],)

    @property
    def conductances(self) -> Float64Array:
        """Conductances in S, (rows, columns)."""
        return np.asarray(self._g[0])

    def slopes(self, shape: tuple[int, int, int]) -> Float64Array:
        """Return the conductances in S, (1, rows, columns)."""
        return self._g

    def evaluate(self, run: "Run", active: BoolArray, network: Network, state: NodeState, g: Float64Array) -> None:
        """Compute currents by Ohm's law."""
        sources = network.word_voltages, network.bit_voltages
        run(
            kernels.evaluate_linear,
            network.shape[0] * network.shape[1],
            active,
            sources,
            state.w,
            state.b,
            g,
            state.currents,
        )


class ModelCells:
    """Cells of the device model, as `CellCurrents`.

    Parameters
    ----------
    mixing : array of shape (rows, columns)
        Mixing states.
    sign : {1.0, -1.0}
        1 if a positive cell voltage lies on the word line, -1 if it lies on the bit line.
    constants : Constants
        Of the parameter set.
    """

    linear = False

    def __init__(self, mixing: RealArray, sign: float, constants: Constants) -> None:
        self._r, self._sign = np.ascontiguousarray(mixing, np.float64), sign
        self._constants = constants
        self.compiled = self._r, sign, constants

    @property
    def conductances(self) -> Float64Array:
        """Conductances in S at 0 V, (rows, columns)."""
        return np.asarray(conductance(self._r, 0.0, self._constants))

    def noise_variances(self, u: Float64Array, bandwidth: float) -> Float64Array:
        """Return the variances of the noise of cells; at 0 V it is the thermal noise.

        Parameters
        ----------
        u : array of shape (sides, rows, columns)
            Voltages in V across the cells.
        bandwidth : float
            Hz.

        Returns
        -------
        array of shape (sides, rows, columns)
            A^2.
        """
        return np.asarray(noise_variance(conductance(self._r, u, self._constants), u, bandwidth))

    def slopes(self, shape: tuple[int, int, int]) -> Float64Array:
        """Return zeros of the shape of the slopes, (sides, rows, columns)."""
        return np.zeros(shape)

    def evaluate(self, run: "Run", active: BoolArray, network: Network, state: NodeState, g: Float64Array) -> None:
        """Compute currents and slopes by the model."""
        sources = network.word_voltages, network.bit_voltages
        run(
            kernels.evaluate_cells(),
            network.shape[0] * network.shape[1],
            active,
            sources,
            state.w,
            state.b,
            self._r,
            self._sign,
            self._constants,
            state.currents,
            g,
        )


def solve(cells: CellCurrents, network: Network, tolerance: float, threads: int) -> Iterator[tuple[slice, NodeState]]:
    """Solve all right sides, as many at a time as the cache or memory holds.

    Parameters
    ----------
    cells : CellCurrents
        Cells of shape (rows, columns).
    network : Network
        Lines and sources.
    tolerance : float
        Largest error of a current, as a share of the largest current of a line.
    threads : int
        Most threads.

    Yields
    ------
    part : slice
        Right sides that have been solved.
    state : NodeState
        Their solution.

    Raises
    ------
    NotConvergedError
        If the error of a current may be above ``tolerance`` times the largest current of a line.
    """
    if not network.shape[0]:
        return
    floor = rounding(cells.conductances, network.largest_drop)
    if network.equal_segments and many_rhs.fits(network.shape):
        yield from _solve_many(cells, network, tolerance, floor, threads)
        return
    sides, rows, columns = network.shape
    together = max(1, min(sides, CACHE_BYTES // (8 * ARRAYS * rows * columns)))
    for begin in range(0, sides, together):
        part = network.part(begin, min(begin + together, sides))
        now = slice(begin, begin + part.shape[0])
        yield now, _Newton(cells, part, tolerance, floor[now], threads).solve()


def _solve_many(
    cells: CellCurrents, network: Network, tolerance: float, floor: Float64Array, threads: int
) -> Iterator[tuple[slice, NodeState]]:
    """Solve right sides by sweeps, and those that do not converge by Newton's method from where the sweeps ended."""
    for part, group, solved in many_rhs.solve(cells, network, tolerance, floor, threads):
        currents, w, b = (line.transpose(2, 0, 1)[: len(solved)] for line in group.lines)
        for lane in np.flatnonzero(~solved):
            k = part.start + int(lane)
            side = network.part(k, k + 1)
            reached = NodeState(*(np.ascontiguousarray(x[lane : lane + 1]) for x in (w, b, currents)))
            start = reached if all(np.isfinite(x).all() for x in reached) else None
            found = _Newton(cells, side, tolerance, floor[k : k + 1], threads, start).solve()
            w[lane], b[lane], currents[lane] = found.w[0], found.b[0], found.currents[0]
        yield part, NodeState(w, b, currents)


class _Newton:
    """Newton's method for one group of right sides that are solved together.

    Parameters
    ----------
    cells, network, tolerance, threads
        See `solve`.
    floor : array of shape (sides,)
        Rounding error of the currents in A.
    start : NodeState, optional
        First approximation; default: all nodes at the voltages of their sources.
    """

    def __init__(
        self,
        cells: CellCurrents,
        network: Network,
        tolerance: float,
        floor: Float64Array,
        threads: int,
        start: NodeState | None = None,
    ) -> None:
        self.cells, self.network, self.tolerance, self.floor = cells, network, tolerance, floor
        self.shape = sides, rows, columns = network.shape
        self.run = Run(threads, sides * rows * columns)
        self.row_blocks, self.column_blocks = -(-rows // kernels.ROWS), -(-columns // kernels.COLUMNS)
        self.active = np.ones(sides, np.bool_)
        self.state = NodeState(*np.zeros((3, *self.shape))) if start is None else start
        self.rho_w, self.rho_b, self.x, self.y, self.p, self.q, self.s = np.zeros((7, *self.shape))
        self.g = cells.slopes(self.shape)
        own = len(self.g)
        self.t_w, self.z_w = np.zeros((own, self.row_blocks, columns, kernels.ROWS)), np.zeros((own, rows))
        self.t_b, self.z_b = np.zeros((own, rows, columns)), np.zeros((own, columns))

    @np.errstate(all="ignore")  # what overflows does not converge
    def solve(self) -> NodeState:
        """Apply corrections until the residual is small enough."""
        missing, goal = self.residual()
        for correction in range(MOST_CORRECTIONS):
            self.active[:] = missing > goal
            if not self.active.any():
                return self.state
            if correction == 0 or not self.cells.linear:
                self.factor()
            self.correct(np.maximum(0.3 * goal, 0.0 if self.cells.linear else FORCING * missing))
            missing, goal = self.advance(missing)
            if not np.isfinite(missing).all():
                break
        worst = np.max(missing / np.where(goal > 0, goal, 1.0)) * self.tolerance
        raise NotConvergedError(
            f"currents of the crossbar are known to {worst:.1e} of the largest one only, not to the tolerance of "
            f"{self.tolerance:.1e}: give Wires a larger tolerance, or lower wire resistances"
        )

    def residual(self) -> tuple[Float64Array, Float64Array]:
        """Return the sums of the currents missing at all nodes, and what may be missing, in A, (sides,)."""
        sides, rows, _ = self.shape
        self.cells.evaluate(self.run, self.active, self.network, self.state, self.g)
        norms = np.zeros((sides, rows)), np.zeros((sides, self.column_blocks))
        net, state = self.network, self.state
        self.run(
            kernels.residual_rows,
            sides * rows,
            self.active,
            tuple(net.word_lines),
            net.word_push,
            state.w,
            state.currents,
            self.rho_w,
            norms[0],
        )
        self.run(
            kernels.residual_columns,
            sides * self.column_blocks,
            self.active,
            tuple(net.bit_lines),
            net.bit_push,
            state.b,
            state.currents,
            self.rho_b,
            norms[1],
        )
        currents = self.state.currents
        largest = np.maximum(np.abs(currents.sum(axis=2)).max(axis=1), np.abs(currents.sum(axis=1)).max(axis=1))
        return norms[0].sum(axis=1) + norms[1].sum(axis=1), allowed(self.tolerance, largest, self.floor)

    def factor(self) -> None:
        """Factor the chains of the lines for the present slopes."""
        own = len(self.g)
        active = np.ones(1, np.bool_) if self.cells.linear else self.active
        self.run(
            kernels.factor_rows,
            own * self.row_blocks,
            active,
            tuple(self.network.word_lines),
            self.g,
            self.t_w,
            self.z_w,
        )
        self.run(
            kernels.factor_columns,
            own * self.column_blocks,
            active,
            tuple(self.network.bit_lines),
            self.g,
            self.t_b,
            self.z_b,
        )

    def correct(self, goal: Float64Array) -> None:
        """Set x and y to the corrections of bit and word lines, by conjugate gradients until sum |r| <= goal."""
        sides, outer = self.shape[0], self.active.copy()
        count, word_lines = sides * self.row_blocks, self._word_lines()
        # from here on rho_b is the residual r of conjugate gradients
        self.run(kernels.eliminate, count, self.active, *word_lines, self.rho_w, self.rho_b)
        for array in (self.x, self.p, self.q):
            array[self.active] = 0.0
        alpha, beta, old = np.zeros(sides), np.zeros(sides), np.ones(sides)
        for _ in range(MOST_STEPS):
            new, size = self._descend(alpha)
            self.active &= size > goal
            if not self.active.any():
                break
            beta = np.where(alpha == 0.0, 0.0, new / old)
            old = np.where(self.active, new, 1.0)
            curvature = self._next_direction(beta)
            self.active &= curvature > 0.0  # otherwise rounding errors dominate
            alpha = np.where(self.active, new / np.where(self.active, curvature, 1.0), 0.0)
        self.active[:] = outer
        self.run(kernels.back_substitute, count, self.active, *word_lines, self.rho_w, self.x, self.y)

    def _word_lines(self) -> tuple[float | Float64Array, Float64Array, Float64Array, Float64Array, bool]:
        """Return segment, g, t, z and shared, as kernels take them."""
        return self.network.word_lines.segment, self.g, self.t_w, self.z_w, self.cells.linear

    def _descend(self, alpha: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Take a step alpha along p; return <r, y> and the sum of |r| of each side."""
        sides, segment = self.shape[0], self.network.bit_lines.segment
        sums, norms = np.zeros((2, sides, self.column_blocks))
        factors, vectors = (self.t_b, self.z_b, self.cells.linear), (self.x, self.p, self.rho_b, self.s, self.y)
        count = sides * self.column_blocks
        self.run(kernels.descend, count, self.active, segment, *factors, *vectors, alpha, sums, norms)
        return sums.sum(axis=1), norms.sum(axis=1)

    def _next_direction(self, beta: Float64Array) -> Float64Array:
        """Set p to y + beta p, and s to S p; return <p, s> of each side."""
        sums = np.zeros((self.shape[0], self.row_blocks))
        vectors = self.y, self.rho_b, self.p, self.q, self.s
        count = self.shape[0] * self.row_blocks
        self.run(kernels.direction, count, self.active, *self._word_lines(), *vectors, beta, sums)
        return np.asarray(sums.sum(axis=1))

    def advance(self, before: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Apply the correction, or half of it, a quarter ..., where the whole one would increase the residual."""
        step, outer, missing, goal = np.ones(self.shape[0]), self.active.copy(), before.copy(), np.zeros(len(before))
        for halving in range(MOST_HALVINGS + 1):
            self.run(
                kernels.advance,
                self.shape[0] * self.shape[1],
                self.active,
                step,
                self.y,
                self.x,
                self.state.w,
                self.state.b,
            )
            after, after_goal = self.residual()
            missing, goal = np.where(self.active, after, missing), np.where(self.active, after_goal, goal)
            self.active &= ~(after <= before)
            if self.cells.linear or not self.active.any() or halving == MOST_HALVINGS:
                break
            step = -np.abs(step) / 2
        self.active[:] = outer
        return np.where(outer, missing, 0.0), np.where(outer, goal, 1.0)
