"""Solve a crossbar with wires: node voltages and cell currents for given voltages of lines."""

from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checked, checks, default_threads

from .parameters import Chains, Wires
from .problem import CellCurrents, Network, Run
from .protocols import SolvableCells, state_of


class Solution(NamedTuple):
    """Voltages and currents of a crossbar.

    The first axis counts input vectors; it is missing if `solve` was given single vectors. The sums of
    ``column_currents`` and of ``row_currents`` are equal within the tolerance. Floating lines carry no current.
    """

    rows: Float64Array
    """Voltages in V of the nodes of word lines, (..., rows, columns)."""
    columns: Float64Array
    """Voltages in V of the nodes of bit lines, (..., rows, columns)."""
    cells: Float64Array
    """Voltages in V across the cells, (..., rows, columns)."""
    currents: Float64Array
    """Currents in A through the cells in the direction of their voltages, (..., rows, columns)."""

    @property
    def row_currents(self) -> Float64Array:
        """Sums of the cells' currents on each word line in A, (..., rows)."""
        return np.asarray(self.currents.sum(axis=-1))

    @property
    def column_currents(self) -> Float64Array:
        """Sums of the cells' currents on each bit line in A, (..., columns)."""
        return np.asarray(self.currents.sum(axis=-2))


@checked
def solve(
    cells: SolvableCells | ArrayLike,
    wires: Wires,
    *,
    rows: ArrayLike | None = None,
    columns: ArrayLike | None = None,
    rows_right: ArrayLike | None = None,
    columns_bottom: ArrayLike | None = None,
    floating_rows: ArrayLike | None = None,
    floating_columns: ArrayLike | None = None,
    transpose: bool = False,
    threads: int | None = None,
) -> Solution:
    """Solve a crossbar with wires: find voltages for which Kirchhoff's law holds at each of its 2 rows * columns nodes.

    Parameters
    ----------
    cells : CellArray or array of shape (rows, columns)
        Cells with their own I-V curves, or conductances in S of linear cells.
    wires : Wires
        Resistances of the lines, and the tolerance of the solution.
    rows, columns : array of shape (rows,) or (batch, rows); (columns,) or (batch, columns), optional
        Voltages in V of the drivers of word lines and of bit lines, which have the resistance ``wires.source``. Lines
        whose voltages are not given end in sense amplifiers: 0 V behind the resistance ``wires.sense``.
    rows_right, columns_bottom : like ``rows``, ``columns``, optional
        Voltages in V at the right ends of word lines and at the bottom ends of bit lines, if lines are driven at both
        ends with different voltages.
    floating_rows, floating_columns : array of bool of shape (rows,), (columns,), optional
        Lines that are not connected; their voltages are not used.
    transpose : bool
        By default the voltage across a cell is that of its bit line minus that of its word line, as in ``cells @ v``,
        which drives columns; with ``transpose`` it is the reverse, as in ``v @ cells``.
    threads : int, optional
        Most threads; default: those of the cells, or the number of cores.

    Returns
    -------
    Solution
        Voltages in V and currents in A.

    Raises
    ------
    ValueError
        If shapes do not match, a value is not finite, a conductance is negative, or the voltages of some floating
        lines are not determined because nothing connects them to a source.
    NotConvergedError
        If the tolerance cannot be reached.

    Examples
    --------
    >>> import numpy as np
    >>> from synaptogen.crossbar import Wires, solve
    >>> found = solve(np.full((2, 3), 1e-4), Wires(word=10.0, bit=10.0), columns=[0.2, 0.0, 0.2])
    >>> found.currents.shape
    (2, 3)
    >>> (1e6 * found.row_currents).round(1).tolist()
    [39.7, 39.7]
    >>> bool(np.all(np.abs(found.cells) < 0.2))
    True
    """
    from . import kernels, newton  # here, since they load Numba

    shape = _shape(cells)
    network, single = _network(shape, wires, rows, columns, rows_right, columns_bottom, floating_rows, floating_columns)
    model = _cells(cells, shape, -1.0 if not transpose else 1.0)
    _require_connection(network, cells, shape)
    sign = 1.0 if transpose else -1.0
    solution = Solution(*(np.empty(network.shape) for _ in Solution._fields))
    run = Run(_threads(cells, threads), network.shape[0] * shape[0] * shape[1])
    for part, state in newton.solve(model, network, wires.tolerance, _threads(cells, threads)):
        sources = network.word_voltages[part], network.bit_voltages[part]
        run(kernels.lay_out, shape[0], sign, sources, tuple(state), tuple(field[part] for field in solution))
    return Solution(*(field[0] for field in solution)) if single else solution


def line_currents(
    cells: SolvableCells, wires: Wires, v: Float64Array, transpose: bool, bandwidth: float
) -> tuple[Float64Array, Float64Array]:
    """Compute the currents of the sensed lines, and the variances of their noise.

    The variance is the sum over the cells of a line at the voltages that they get. The division of noise currents by
    the wires is neglected.

    Parameters
    ----------
    cells : SolvableCells of shape (rows, columns)
        Cells of the model.
    wires : Wires
        Resistances of the lines.
    v : array of shape (batch, inputs)
        Voltages in V of columns, or with ``transpose`` of rows.
    transpose : bool
        Drive rows and sense columns.
    bandwidth : float
        Bandwidth in Hz of the read; 0 for no noise.

    Returns
    -------
    currents : array of shape (batch, lines)
        A.
    variances : array of shape (batch, lines)
        A^2.
    """
    from . import newton  # here, since it loads Numba

    shape = checks.crossbar(cells.shape)
    network, _ = _network(shape, wires, v if transpose else None, None if transpose else v)
    sign, lines = (1.0, 1) if transpose else (-1.0, 2)
    currents = np.empty((len(v), shape[1] if transpose else shape[0]))
    variances = np.zeros_like(currents)
    threads = _threads(cells, None)
    model = newton.ModelCells(cells.state.mixing().reshape(shape), sign, cells.state.constants)
    for part, state in newton.solve(model, network, wires.tolerance, threads):
        currents[part] = sign * state.currents.sum(axis=lines)
        if bandwidth:
            drop = (network.word_voltages[part, :, None] - network.bit_voltages[part, None, :]) + (state.w - state.b)
            variances[part] = model.noise_variances(sign * drop, bandwidth).sum(axis=lines)
    return currents, variances


def _shape(cells: SolvableCells | ArrayLike) -> tuple[int, int]:
    shape = checks.crossbar(cells.shape if hasattr(cells, "shape") else np.shape(cells))
    if 0 in shape:
        raise ValueError(f"cells has shape {shape}: there is nothing to solve")
    return shape


def _threads(cells: SolvableCells | ArrayLike, threads: int | None) -> int:
    if threads is not None:
        return checks.positive_int("threads", threads)
    state = state_of(cells)
    return default_threads() if state is None else state.threads


def _cells(cells: SolvableCells | ArrayLike, shape: tuple[int, int], sign: float) -> CellCurrents:
    from . import newton  # here, since it loads Numba

    state = state_of(cells)
    if state is not None:
        return newton.ModelCells(state.mixing().reshape(shape), sign, state.constants)
    conductances = checks.finite("cells", cast("ArrayLike", cells), np.float64)
    if np.any(conductances < 0):
        raise ValueError("cells holds negative conductances: give conductances in S, 0 or more")
    return newton.LinearCells(conductances)


def _network(
    shape: tuple[int, int],
    wires: Wires,
    rows: ArrayLike | None,
    columns: ArrayLike | None,
    rows_right: ArrayLike | None = None,
    columns_bottom: ArrayLike | None = None,
    floating_rows: ArrayLike | None = None,
    floating_columns: ArrayLike | None = None,
) -> tuple[Network, bool]:
    """Return the network, and whether all voltages were given as single vectors."""
    if not isinstance(wires, Wires):
        raise TypeError(f"wires is a {type(wires).__name__}: give a Wires(...)")
    if rows is None and columns is None:
        raise ValueError("give the voltages of rows, of columns, or of both: no line is driven")
    word_lines = _lines("rows", shape, wires, rows, rows_right, floating_rows)
    bit_lines = _lines("columns", shape, wires, columns, columns_bottom, floating_columns)
    counts = len(word_lines.voltages), len(bit_lines.voltages)
    sides = next((count for count in counts if count != 1), 1)
    if set(counts) - {1, sides}:
        raise ValueError(f"rows has a batch of {counts[0]}, columns of {counts[1]}: give the same, or one vector")
    each = [
        np.ascontiguousarray(np.broadcast_to(x, (sides, x.shape[1])))
        for x in (word_lines.voltages, bit_lines.voltages, word_lines.push, bit_lines.push)
    ]
    return Network(word_lines.chains, bit_lines.chains, *each), word_lines.single and bit_lines.single


class _Lines(NamedTuple):
    """Lines of one kind with their sources; ``single``: these were given as one vector."""

    chains: Chains
    voltages: Float64Array  # V, (batch, lines)
    push: Float64Array  # A into the last nodes, (batch, lines)
    single: bool


def _lines(
    name: Literal["rows", "columns"],
    shape: tuple[int, int],
    wires: Wires,
    voltages: ArrayLike | None,
    others: ArrayLike | None,
    free: ArrayLike | None,
) -> _Lines:
    kind, end = ("word", "right") if name == "rows" else ("bit", "bottom")
    count, nodes = shape if name == "rows" else shape[::-1]
    floats = np.zeros(count, np.bool_) if free is None else checks.mask(f"floating_{name}", free, (count,))
    chains = wires.chains("word" if name == "rows" else "bit", voltages is not None, floats, nodes)
    given = _voltages(name, voltages, count)
    first = np.where(floats, 0.0, given)
    if others is None:
        return _Lines(chains, np.atleast_2d(first), np.zeros((1, count)), given.ndim < 2)
    if voltages is None or getattr(wires, f"{kind}_ends") != "both":
        raise ValueError(f'{name}_{end} are voltages of second ends: give {name} too, and Wires({kind}_ends="both")')
    other = _voltages(f"{name}_{end}", others, count)
    if given.ndim == other.ndim == 2 and len(given) != len(other) and 1 not in (len(given), len(other)):
        raise ValueError(f"{name} has a batch of {len(given)}, {name}_{end} of {len(other)}: give the same")
    difference = np.where(floats, 0.0, other - given)
    if not chains.one_node:
        push = difference / chains.last
    elif np.any(chains.first[difference.any(axis=tuple(range(difference.ndim - 1)))] == 0.0):
        raise ValueError(f"{name} and {name}_{end} differ, and nothing is between: give wires or sources a resistance")
    else:  # the line is one node, between two equal sources
        first, push = first + difference / 2, np.zeros_like(difference)
    first, push = np.broadcast_arrays(np.atleast_2d(first), np.atleast_2d(push))
    return _Lines(chains, first, push, max(given.ndim, other.ndim) < 2)


def _voltages(name: str, value: ArrayLike | None, count: int) -> Float64Array:
    """Return checked voltages of lines, (lines,) or (batch, lines); zeros if none are given."""
    given = checks.finite(name, np.zeros(count) if value is None else value, np.float64)
    if given.ndim not in (1, 2) or given.shape[-1] != count:
        raise ValueError(f"{name} has shape {given.shape}: give ({count},) voltages in V, or (batch, {count})")
    return given


def _require_connection(network: Network, cells: SolvableCells | ArrayLike, shape: tuple[int, int]) -> None:
    """Raise ValueError unless every line is connected to a source, directly or through cells that conduct."""
    held = np.concatenate([np.isfinite(c.first) | np.isfinite(c.last) for c in (network.word_lines, network.bit_lines)])
    if held.all():
        return
    from scipy.sparse import coo_array  # here, since importing them takes longer than all else
    from scipy.sparse.csgraph import connected_components

    conducting = np.asarray(cells) > 0 if state_of(cells) is None else np.ones(shape)
    row, column = np.nonzero(conducting)
    links = coo_array((np.ones(len(row)), (row, shape[0] + column)), (sum(shape), sum(shape)))
    _, group = connected_components(links, directed=False)
    lost = ~np.isin(group, group[held])
    if lost.any():
        names = [f"row {n}" if n < shape[0] else f"column {n - shape[0]}" for n in np.flatnonzero(lost)[:5]]
        raise ValueError(
            f"the voltages of {int(lost.sum())} floating lines ({', '.join(names)} ...) are not determined: no cell "
            "that conducts connects them to a line with a source"
        )
