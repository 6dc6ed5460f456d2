"""Many right sides of one crossbar: eight at a time, by SOR sweeps that share one factorisation.

A right side is one set of source voltages. Alternating solutions of word and bit lines (`sor_kernels`) converge like
rho^k, with rho the largest eigenvalue of P^-1 g A^-1 g (A, P and g as in `newton`). All elements of that matrix are
positive, so a few products with a positive vector give an estimate of rho. The eigenvalues lie between 0 and rho.
Over-relaxation by the inverse roots of the Chebyshev polynomial of that range, n sweeps at a time,

    omega_k = 1 / (1 - rho (1 + cos((2k - 1) pi / 2n)) / 2)

reduces the error by (1 - sqrt(1 - rho)) / (1 + sqrt(1 - rho)) per sweep, as conjugate gradients would, without their
inner products and vectors. The sweeps stop when Kirchhoff's law holds to the tolerance. Right sides that do not
converge are left to Newton's method.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import BoolArray, Float64Array, notice, pool

from . import kernels, sor_kernels
from .parameters import Chains
from .problem import COMPILING, CellCurrents, Network
from .sor_kernels import LANES
from .tolerances import allowed

Lines: TypeAlias = tuple[Float64Array, Float64Array, Float64Array]
"""J, w and b of `sor_kernels`, (rows, columns, 8)."""

FEWEST = 3  # right sides; fewer are solved faster by Newton's method
LARGEST = 1 << 31  # bytes of a group; larger arrays are solved one right side at a time
MOST_SWEEPS, CHECKS = 300, 10
LARGEST_RHO = 1 - 1e-4  # beyond it there would be too many sweeps
SETTLING = 3  # sweeps before the slopes of non-linear cells are taken again
CYCLE = 20
POWERS = 3  # products for the estimate of rho
MARGIN = 0.1  # rho is raised by this share of rho (1 - rho): too low a value costs sweeps, too high a value hardly


class Factors(NamedTuple):
    """Lines factored for one set of slopes.

    Attributes
    ----------
    g : array of shape (rows, columns)
        Slopes in S.
    t_w, z_w : arrays of shape (rows, columns), (rows,)
        Factors of word lines.
    directions : two pairs (t, z) of arrays of shape (rows, columns), (columns,)
        Factors of bit lines, for sweeps down and for sweeps up.
    """

    g: Float64Array
    t_w: Float64Array
    z_w: Float64Array
    directions: tuple[tuple[Float64Array, Float64Array], ...]


class Group(NamedTuple):
    """Eight right sides in the lanes of vectors.

    Attributes
    ----------
    sources : four arrays of shape (rows, 8) or (columns, 8)
        Voltages in V of word and bit lines, and currents in A into their last nodes.
    lines : three arrays of shape (rows, columns, 8)
        J, w and b.
    row_buffer : two arrays of shape (columns, 8)
        Working memory for one row.
    """

    sources: tuple[Float64Array, Float64Array, Float64Array, Float64Array]
    lines: Lines
    row_buffer: tuple[Float64Array, Float64Array]


def _aligned(*shape: int) -> Float64Array:
    """Return an array of lanes, (..., 8), each set of lanes in one cache line."""
    count = LANES * int(np.prod(shape))
    memory = np.empty(count + LANES)
    first = -memory.ctypes.data % (8 * LANES) // 8
    return memory[first : first + count].reshape(*shape, LANES)


def fits(shape: tuple[int, int, int]) -> bool:
    """Return whether (sides, rows, columns) has enough right sides for sweeps, and a group is not too large."""
    sides, rows, columns = shape
    return sides >= FEWEST and 3 * 8 * LANES * rows * columns <= LARGEST


def solve(
    cells: CellCurrents, network: Network, tolerance: float, floor: Float64Array, threads: int
) -> Iterator[tuple[slice, Group, BoolArray]]:
    """Solve right sides group by group.

    Parameters
    ----------
    cells : CellCurrents
        Cells of shape (rows, columns).
    network : Network
        Lines and sources.
    tolerance : float
        Largest error of a current, as a share of the largest current of a line.
    floor : array of shape (sides,)
        Rounding error of the currents in A; an error of this size is accepted.
    threads : int
        Most groups at a time.

    Yields
    ------
    part : slice
        Right sides of the group.
    group : Group
        Their solution.
    solved : array of bool
        Which of them have converged.
    """
    sides = len(network.word_voltages)
    parts = [slice(k, min(k + LANES, sides)) for k in range(0, sides, LANES)]
    with notice(COMPILING):
        crossbar = _Sweeps(cells, network, tolerance, floor)
        for first in range(0, len(parts), threads):
            now = parts[first : first + threads]
            done = pool(threads).map(crossbar.solve, now) if len(now) > 1 else map(crossbar.solve, now)
            for part, (group, solved) in zip(now, done, strict=True):
                yield part, group, solved[: part.stop - part.start]
                crossbar.unused.append(group)


def _lanes_of(part: slice) -> NDArray[np.intp]:
    """Return the right sides in the lanes of a group; spare lanes repeat the last one."""
    return np.asarray(np.minimum(np.arange(part.start, part.start + LANES), part.stop - 1))


def _rate(rho: float) -> float:
    """Return the factor by which an over-relaxed sweep reduces the error."""
    root = float(np.sqrt(1 - rho))
    return max((1 - root) / (1 + root), 1e-3)


def _corrected(rho: float, observed: float) -> float:
    """Return the rho for which sweeps that were relaxed for ``rho`` reduce the error by the factor ``observed``.

    Outside its range a Chebyshev polynomial T_n(cosh x) grows like exp(n x).
    """
    return min(rho / 2 * (1 + float(np.cosh(np.log(max(observed / _rate(rho), 1.0))))), LARGEST_RHO)


def relaxations(rho: float, count: int) -> Float64Array:
    """Return the factors of over-relaxation of ``count`` sweeps, in cycles of at most `CYCLE` roots.

    Large factors increase the rounding errors of voltages; one more sweep without over-relaxation then removes these.

    Parameters
    ----------
    rho : float
        Spectral radius of a sweep, below 1.
    count : int
        Number of sweeps.

    Returns
    -------
    array of shape (count,) or (count + 1,)
    """
    cycles = -(-count // CYCLE)
    lengths = [count // cycles + (k < count % cycles) for k in range(cycles)]
    return np.concatenate([*(1 / _roots(rho, n) for n in lengths), np.ones(int(rho > 0.5))])


def _roots(rho: float, n: int) -> Float64Array:
    """Return the n roots of the Chebyshev polynomial of the range 1 - rho ... 1, in Leja's order.

    That order keeps partial products, and with them rounding errors, small: Reichel, Linear Algebra Appl. 154, 389
    (1991).
    """
    roots = 1 - rho * (1 + np.cos((2 * np.arange(1, n + 1) - 1) * np.pi / (2 * n))) / 2
    distance, order = roots.copy(), []
    for _ in range(n):
        order.append(int(np.argmax(distance)))
        distance *= np.abs(roots - roots[order[-1]])
    return np.asarray(roots[order])


class _Sweeps:
    """Sweeps over the groups of one crossbar; arguments as in `solve`."""

    def __init__(self, cells: CellCurrents, network: Network, tolerance: float, floor: Float64Array) -> None:
        self.cells, self.linear, self.network = cells.compiled, cells.linear, network
        self.tolerance, self.floor = tolerance, floor
        self.loops, self.unused = sor_kernels.kernels(), list[Group]()  # unused: groups whose memory is free again
        if self.linear:  # one matrix for all groups
            self.factors = self.factor(cells.conductances)
            group = self.group(slice(0, 1))
            self.rho = self.spectral_radius(self.factors, group)
            self.unused.append(group)

    def solve(self, part: slice) -> tuple[Group, BoolArray]:
        """Solve a group; return it, with J the currents of the cells, and which of its lanes have converged."""
        lanes, group = _lanes_of(part), self.group(part)
        wanted = self.tolerance / (2 * self.network.shape[1])  # factor by which the error is to fall
        before, solved = np.full(LANES, np.inf), np.zeros(LANES, bool)
        if self.linear:
            factors, rho = self.factors, self.rho
        else:
            factors = self.factor(self.slopes(group))
            rho = self.spectral_radius(factors, group)
            group = self.group(part, group)
            self.sweep(factors, group, SETTLING, rho)
            wanted /= _rate(rho) ** SETTLING
            factors = self.factor(self.slopes(group))
        for _ in range(CHECKS):
            count = int(np.ceil(np.log(wanted) / np.log(_rate(rho))))
            if count > MOST_SWEEPS:
                break
            self.sweep(factors, group, count, rho)
            missing, goal = self.missing(group, self.floor[lanes])
            solved = missing <= goal
            if solved.all() or not np.all(solved | ((missing < before / 2) & (goal > 0))):
                break
            left = float(np.min(goal[~solved] / missing[~solved]))
            rho = _corrected(rho, (wanted / left) ** (1 / count))
            wanted, before = left / 2, missing
        return group, solved

    def group(self, part: slice, memory: Group | None = None) -> Group:
        """Return some right sides, not yet solved, in the memory of another group or in new memory."""
        lanes = _lanes_of(part)
        net = self.network
        given = [x[lanes].T for x in (net.word_voltages, net.bit_voltages, net.word_push, net.bit_push)]
        try:
            group = memory or self.unused.pop()
        except IndexError:
            _, rows, columns = net.shape
            lines = _aligned(rows, columns), _aligned(rows, columns), _aligned(rows, columns)
            sources = _aligned(rows), _aligned(columns), _aligned(rows), _aligned(columns)
            group = Group(sources, lines, (_aligned(columns), _aligned(columns)))
        for mine, source in zip(group.sources, given, strict=True):
            mine[:] = source
        for line in group.lines[1:]:
            line[:] = 0.0
        return group

    def factor(self, g: Float64Array) -> Factors:
        """Factor word lines, and bit lines as seen from both ends."""
        (rows, columns), one, shared = g.shape, np.ones(1, np.bool_), g[None]
        word_lines, bit_lines = self.network.word_lines, self.network.bit_lines
        blocks = -(-rows // kernels.ROWS)
        t, z = np.zeros((1, blocks, columns, kernels.ROWS)), np.zeros((1, rows))
        kernels.factor_rows(0, blocks, one, tuple(word_lines), shared, t, z)
        t_w = np.ascontiguousarray(t[0].transpose(0, 2, 1)).reshape(-1, columns)[:rows]
        directions = []
        for flip in (False, True):
            # a line without resistance is one node, wherever it is connected
            turned = flip and bit_lines.segment
            ends = Chains(bit_lines.segment, bit_lines.last, bit_lines.first) if turned else bit_lines
            t_b, z_b = np.zeros((1, rows, columns)), np.zeros((1, columns))
            order = slice(None, None, -1) if flip else slice(None)
            kernels.factor_columns(
                0, -(-columns // kernels.COLUMNS), one, tuple(ends), np.ascontiguousarray(shared[:, order]), t_b, z_b
            )
            directions.append((np.ascontiguousarray(t_b[0, order]), z_b[0]))
        return Factors(g, t_w, z[0], (directions[0], directions[1]))

    def spectral_radius(self, factors: Factors, group: Group) -> float:
        """Estimate the spectral radius of a sweep without over-relaxation, by the power method, with a margin.

        The memory of the group is used, and its w and b are 0 afterwards.
        """
        (J, w, b), rows = group.lines, len(factors.g)
        J[:] = factors.g[:, :, None]
        for source in group.sources:
            source[:] = 0.0
        sums = []
        for k in range(POWERS):
            self.one_sweep((factors.g,), factors, group, k % 2 == 0, 1.0)
            sums.append(float(b[:: max(1, rows // 8)].sum()))
        w[:] = b[:] = 0.0
        rho = min(sums[-1] / sums[-2], 1.0) if sums[-2] > 0 else 0.0
        return min(rho + MARGIN * rho * (1 - rho), LARGEST_RHO)

    def sweep(self, factors: Factors, group: Group, count: int, rho: float) -> None:
        """Make ``count`` sweeps, starting from the w and b of a group."""
        group.lines[0][:] = 0.0
        omegas = [0.0, *relaxations(rho, count)]  # the first sweep leaves b and begins its next solution
        for k, omega in enumerate(omegas):
            self.one_sweep(self.cells, factors, group, k % 2 == 0, omega, k == len(omegas) - 1)

    def one_sweep(
        self, cells: tuple[object, ...], factors: Factors, group: Group, down: bool, omega: float, last: bool = False
    ) -> None:
        """Sweep once over the rows, down or up."""
        arriving, (leaving, _) = factors.directions if down else factors.directions[::-1]
        word_lines = factors.t_w, factors.z_w, self.network.word_lines.segment
        self.loops.sweep(
            down,
            last,
            omega,
            factors.g,
            word_lines,
            (*arriving, self.network.bit_lines.segment),
            leaving,
            cells,
            group.sources,
            group.lines,
            group.row_buffer,
        )

    def slopes(self, group: Group) -> Float64Array:
        """Return one matrix of slopes in S for all lanes, (rows, columns)."""
        g = np.empty(group.lines[0].shape[:2])
        self.loops.slopes(self.cells, group.sources, group.lines, g)
        return g

    def missing(self, group: Group, floor: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return the sums of missing currents and the allowed ones in A, (8,); set J to the cells' currents."""
        missing, largest = np.empty(LANES), np.empty(LANES)
        word_lines, bit_lines = tuple(self.network.word_lines), tuple(self.network.bit_lines)
        self.loops.check(word_lines, bit_lines, self.cells, group.sources, group.lines, missing, largest)
        return missing, allowed(self.tolerance, largest, floor)
