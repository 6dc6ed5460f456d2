"""Many right sides of one crossbar: eight at a time by sweeps that share one factorisation.

Sweeps over word and bit lines in turn (`sweeps`) converge like rho^k, rho the largest eigenvalue of P^-1 g A^-1 g (see
`solver`). All elements of that matrix are positive, so a few products with a positive vector tell rho. The eigenvalues
lie between 0 and rho; over-relaxation by the inverse roots of the Chebyshev polynomial of that range, n at a time,

    omega_k = 1 / (1 - rho (1 + cos((2k - 1) pi / 2n)) / 2)

brings the error down by (1 - sqrt(1 - rho)) / (1 + sqrt(1 - rho)) a sweep, as conjugate gradients would, without their
inner products and vectors. Kirchhoff's law decides when it is enough; right sides for which sweeps do not get there are
left to Newton's method.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import Float64Array, notice, pool

from . import kernels
from . import sor_kernels as sweeps
from .problem import CellCurrents, Network
from .sor_kernels import LANES
from .tolerances import allowed

Lines: TypeAlias = tuple[Float64Array, Float64Array, Float64Array]
"""J, w and b of `sweeps`, (rows, columns, 8)."""

FEWEST = 3  # right sides; fewer are solved line by line in less time
LARGEST = 1 << 31  # bytes of a group; the largest arrays are solved one right side at a time
MOST_SWEEPS, CHECKS = 300, 10
NEAREST = 1 - 1e-4  # rho; sweeps would be too many
SETTLING = 3  # sweeps before the slopes of non-linear cells are taken again
CYCLE = 20
POWERS = 3  # products that tell rho
MARGIN = 0.1  # the share of what lacks to 1 that is added to rho, in proportion: too low a value costs, too high hardly


class Factors(NamedTuple):
    """Lines factored for one set of slopes."""

    g: Float64Array  # (rows, columns)
    t_w: Float64Array  # (rows, columns)
    z_w: Float64Array  # (rows,)
    directions: tuple[tuple[Float64Array, Float64Array], ...]  # t (rows, columns), z (columns,) of bit lines, twice


class Group(NamedTuple):
    """Some right sides in lanes, with their sources."""

    sources: tuple[Float64Array, Float64Array, Float64Array, Float64Array]
    """Voltages of word and bit lines, and currents into their last nodes, (rows, 8) or (columns, 8)."""
    lines: Lines
    desk: tuple[Float64Array, Float64Array]  # for one row, (columns, 8)


def aligned(*shape: int) -> Float64Array:
    """An array of lanes, (..., 8), each in one cache line."""
    count = LANES * int(np.prod(shape))
    room = np.empty(count + LANES)
    first = -room.ctypes.data % (8 * LANES) // 8
    return room[first : first + count].reshape(*shape, LANES)


def fits(shape: tuple[int, int, int]) -> bool:
    """Are there right sides enough, and room?"""
    sides, rows, columns = shape
    return sides >= FEWEST and 3 * 8 * LANES * rows * columns <= LARGEST


def solve(
    cells: CellCurrents, network: Network, tolerance: float, floor: Float64Array, threads: int
) -> Iterator[tuple[slice, Group, NDArray[np.bool_]]]:
    """Right sides group by group, and which of each are solved: to the tolerance, or to ``floor`` in A, (sides,)."""
    sides = len(network.word)
    parts = [slice(k, min(k + LANES, sides)) for k in range(0, sides, LANES)]
    with notice("synaptogen: compiling the solver for wires, once ..."):
        crossbar = _Sweeps(cells, network, tolerance, floor)
        for first in range(0, len(parts), threads):
            now = parts[first : first + threads]
            done = pool(threads).map(crossbar.solve, now) if len(now) > 1 else map(crossbar.solve, now)
            for part, (group, solved) in zip(now, done, strict=True):
                yield part, group, solved[: part.stop - part.start]
                crossbar.room.append(group)


def lanes_of(part: slice) -> NDArray[np.intp]:
    """Right sides in the lanes of a group; lanes to spare repeat the last one."""
    return np.asarray(np.minimum(np.arange(part.start, part.start + LANES), part.stop - 1))


def rate(rho: float) -> float:
    """What over-relaxed sweeps leave of the error, each."""
    root = float(np.sqrt(1 - rho))
    return max((1 - root) / (1 + root), 1e-3)


def corrected(rho: float, observed: float) -> float:
    """The rho of which sweeps that were relaxed for ``rho`` leave so much each.

    Outside of its range a Chebyshev polynomial T_n(cosh x) grows like exp(n x).
    """
    return min(rho / 2 * (1 + float(np.cosh(np.log(max(observed / rate(rho), 1.0))))), NEAREST)


def relaxations(rho: float, count: int) -> Float64Array:
    """Factors of over-relaxation of so many sweeps, in cycles of not too many roots.

    Where factors are large, they enlarge the rounding of voltages; then one more sweep, without, cleans up.
    """
    cycles = -(-count // CYCLE)
    lengths = [count // cycles + (k < count % cycles) for k in range(cycles)]
    return np.concatenate([*(1 / _roots(rho, n) for n in lengths), np.ones(int(rho > 0.5))])


def _roots(rho: float, n: int) -> Float64Array:
    """Roots of the Chebyshev polynomial of 1 - rho ... 1, in Leja's order.

    That order keeps products small on the way, and rounding with them: Reichel, Linear Algebra Appl. 154, 389 (1991).
    """
    roots = 1 - rho * (1 + np.cos((2 * np.arange(1, n + 1) - 1) * np.pi / (2 * n))) / 2
    distance, order = roots.copy(), []
    for _ in range(n):
        order.append(int(np.argmax(distance)))
        distance *= np.abs(roots - roots[order[-1]])
    return np.asarray(roots[order])


class _Sweeps:
    """What the groups of one crossbar have in common."""

    def __init__(self, cells: CellCurrents, network: Network, tolerance: float, floor: Float64Array) -> None:
        self.cells, self.linear, self.network = cells.compiled, cells.linear, network
        self.tolerance, self.floor = tolerance, floor
        self.loops, self.room = sweeps.kernels(), list[Group]()  # room: of groups that nobody needs any more
        if self.linear:  # one matrix for all groups
            self.factors = self.factor(self.cells[0])
            group = self.group(slice(0, 1))
            self.rho = self.spectral_radius(self.factors, group)
            self.room.append(group)

    def solve(self, part: slice) -> tuple[Group, NDArray[np.bool_]]:
        """A group, and which of its lanes are solved; J has become the currents of the cells."""
        lanes, group = lanes_of(part), self.group(part)
        wanted, before, solved = (
            self.tolerance / (2 * self.network.shape[1]),
            np.full(LANES, np.inf),
            np.zeros(LANES, bool),
        )
        if self.linear:
            factors, rho = self.factors, self.rho
        else:
            factors = self.factor(self.slopes(group))
            rho = self.spectral_radius(factors, group)
            group = self.group(part, group)
            self.sweep(factors, group, SETTLING, rho)
            wanted /= rate(rho) ** SETTLING
            factors = self.factor(self.slopes(group))
        for _ in range(CHECKS):
            count = int(np.ceil(np.log(wanted) / np.log(rate(rho))))
            if count > MOST_SWEEPS:
                break
            self.sweep(factors, group, count, rho)
            missing, goal = self.missing(group, self.floor[lanes])
            solved = missing <= goal
            if solved.all() or not np.all(solved | ((missing < before / 2) & (goal > 0))):
                break
            left = float(np.min(goal[~solved] / missing[~solved]))
            rho = corrected(rho, (wanted / left) ** (1 / count))
            wanted, before = left / 2, missing
        return group, solved

    def group(self, part: slice, room: Group | None = None) -> Group:
        """Some right sides, not yet solved, where there is room."""
        lanes = lanes_of(part)
        net = self.network
        given = [x[lanes].T for x in (net.word, net.bit, net.word_push, net.bit_push)]
        try:
            group = room or self.room.pop()
        except IndexError:
            _, rows, columns = net.shape
            lines = aligned(rows, columns), aligned(rows, columns), aligned(rows, columns)
            sources = aligned(rows), aligned(columns), aligned(rows), aligned(columns)
            group = Group(sources, lines, (aligned(columns), aligned(columns)))
        for mine, source in zip(group.sources, given, strict=True):
            mine[:] = source
        for line in group.lines[1:]:
            line[:] = 0.0
        return group

    def factor(self, g: Float64Array) -> Factors:
        """Word lines, and bit lines as seen from both ends."""
        (rows, columns), one, shared = g.shape, np.ones(1, np.bool_), g[None]
        words, bits = self.network.words, self.network.bits
        blocks = -(-rows // kernels.ROWS)
        t, z = np.zeros((1, blocks, columns, kernels.ROWS)), np.zeros((1, rows))
        kernels.factor_rows(0, blocks, one, tuple(words), shared, t, z)
        t_w = np.ascontiguousarray(t[0].transpose(0, 2, 1)).reshape(-1, columns)[:rows]
        directions = []
        for flip in (False, True):
            # a line without resistance is one node, wherever it is connected
            ends = bits._replace(first=bits.last, last=bits.first) if flip and bits.segment else bits
            t_b, z_b = np.zeros((1, rows, columns)), np.zeros((1, columns))
            order = slice(None, None, -1) if flip else slice(None)
            kernels.factor_columns(
                0, -(-columns // kernels.COLUMNS), one, tuple(ends), np.ascontiguousarray(shared[:, order]), t_b, z_b
            )
            directions.append((np.ascontiguousarray(t_b[0, order]), z_b[0]))
        return Factors(g, t_w, z[0], (directions[0], directions[1]))

    def spectral_radius(self, factors: Factors, group: Group) -> float:
        """Of a sweep without over-relaxation, by the power method, with a margin; the group is room, and left empty."""
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
        return min(rho + MARGIN * rho * (1 - rho), NEAREST)

    def sweep(self, factors: Factors, group: Group, count: int, rho: float) -> None:
        """So many sweeps from a group's w and b on."""
        group.lines[0][:] = 0.0
        omegas = [0.0, *relaxations(rho, count)]  # at first b stays, and its next solution begins
        for k, omega in enumerate(omegas):
            self.one_sweep(self.cells, factors, group, k % 2 == 0, omega, k == len(omegas) - 1)

    def one_sweep(
        self, cells: tuple[Any, ...], factors: Factors, group: Group, down: bool, omega: float, last: bool = False
    ) -> None:
        """Through the rows, down or up."""
        arriving, (leaving, _) = factors.directions if down else factors.directions[::-1]
        words = factors.t_w, factors.z_w, self.network.words.segment
        self.loops.sweep(
            down,
            last,
            omega,
            factors.g,
            words,
            (*arriving, self.network.bits.segment),
            leaving,
            cells,
            group.sources,
            group.lines,
            group.desk,
        )

    def slopes(self, group: Group) -> Float64Array:
        """One matrix for all lanes."""
        g = np.empty(group.lines[0].shape[:2])
        self.loops.slopes(self.cells, group.sources, group.lines, g)
        return g

    def missing(self, group: Group, floor: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Sum of what is missing at all nodes of each lane, and what may be missing; J becomes the currents."""
        missing, largest = np.empty(LANES), np.empty(LANES)
        words, bits = tuple(self.network.words), tuple(self.network.bits)
        self.loops.check(words, bits, self.cells, group.sources, group.lines, missing, largest)
        return missing, allowed(self.tolerance, largest, floor)
