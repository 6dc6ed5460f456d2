"""Crossbars with wires against an independent nodal analysis, Kirchhoff's params, and limits known in closed form."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg
from hypothesis import given
from hypothesis import strategies as st

import synaptogen as sg
from synaptogen.crossbar import Wires, effective_conductances, solve
from synaptogen.model import iv
from synaptogen.wires import many_rhs, newton

ENDS = [("left", "bottom"), ("right", "top"), ("both", "both"), ("left", "both")]
FINE = 1e-11


def nodal(g, wires, rows, columns, free_rows=(), free_columns=(), right=None, bottom=None):
    """Node voltages of word and bit lines: the full matrix of all nodes, by a direct sparse solver."""
    n, m = g.shape
    number = np.arange(2 * n * m).reshape(2, n, m)
    matrix, injected = sp.lil_matrix((2 * n * m, 2 * n * m)), np.zeros(2 * n * m)

    def resistor(a, b, conductance):
        for x, y in ((a, b), (b, a)):
            matrix[x, x] += conductance
            matrix[x, y] -= conductance

    def source(a, ohm, volt):
        matrix[a, a] += 1 / ohm
        injected[a] += volt / ohm

    for i, j in np.ndindex(n, m):
        resistor(number[0, i, j], number[1, i, j], g[i, j])
        if j:
            resistor(number[0, i, j - 1], number[0, i, j], 1 / wires.word)
        if i:
            resistor(number[1, i - 1, j], number[1, i, j], 1 / wires.bit)
    for i in set(range(n)) - set(free_rows):
        end, volt = (wires.sense, 0.0) if rows is None else (wires.source, rows[i])
        for j in {"left": [0], "right": [m - 1], "both": [0, m - 1]}[wires.word_ends]:
            source(number[0, i, j], wires.word + end, volt if right is None or j == 0 else right[i])
    for j in set(range(m)) - set(free_columns):
        end, volt = (wires.sense, 0.0) if columns is None else (wires.source, columns[j])
        for i in {"top": [0], "bottom": [n - 1], "both": [0, n - 1]}[wires.bit_ends]:
            source(number[1, i, j], wires.bit + end, volt if bottom is None or i == 0 else bottom[j])
    return scipy.sparse.linalg.spsolve(matrix.tocsc(), injected).reshape(2, n, m)


def conductances(shape, rng, low=1e3, high=1e5):
    return 1 / np.exp(rng.uniform(np.log(low), np.log(high), shape))


def cells_of(shape, seed=3, **options):
    """Half of the cells set, some of them partly reset."""
    cells = sg.CellArray(shape, rng=seed, bandwidth=0, **options)
    rng = np.random.default_rng(seed)
    cells.apply_voltage(-2.5, where=rng.uniform(size=shape) < 0.5)
    cells.apply_voltage(rng.uniform(0, 1.2, shape))
    return cells


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (13, 70), (70, 13)])
@pytest.mark.parametrize("transpose", [False, True])
def test_linear_cells_equal_a_direct_nodal_analysis(ends, shape, transpose):
    rng = np.random.default_rng(0)
    wires = Wires(3.0, 0.7, source=5.0, sense=11.0, word_ends=ends[0], bit_ends=ends[1], tolerance=FINE)
    g = conductances(shape, rng)
    v = rng.uniform(-1, 1, shape[0] if transpose else shape[1])
    sides = {"rows": v} if transpose else {"columns": v}
    found = solve(g, wires, transpose=transpose, **sides)
    rows, columns = nodal(g, wires, sides.get("rows"), sides.get("columns"))
    scale = np.abs(v).max()
    assert np.abs(found.rows - rows).max() < 1e-9 * scale
    assert np.abs(found.columns - columns).max() < 1e-9 * scale
    u = (rows - columns) * (1 if transpose else -1)
    assert np.abs(found.cells - u).max() < 1e-9 * scale
    assert np.allclose(found.currents, g * u, rtol=0, atol=1e-9 * np.abs(g * u).max())
    expected = (g * u).sum(0 if transpose else 1)
    sensed = found.column_currents if transpose else found.row_currents
    assert np.abs(sensed - expected).max() < 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize("ends", ENDS)
def test_floating_and_half_selected_lines(ends):
    rng = np.random.default_rng(1)
    wires = Wires(2.0, 0.4, source=1.0, word_ends=ends[0], bit_ends=ends[1], tolerance=FINE)
    g = conductances((17, 23), rng)
    rows, columns = rng.choice([0, 0.5, 1.0], 17), rng.choice([0, 0.5], 23)
    floating = np.arange(17) % 3 == 1, np.arange(23) % 2 == 1
    found = solve(g, wires, rows=rows, columns=columns, floating_rows=floating[0], floating_columns=floating[1])
    expected = nodal(g, wires, rows, columns, np.flatnonzero(floating[0]), np.flatnonzero(floating[1]))
    assert np.abs(found.rows - expected[0]).max() < 1e-8
    assert np.abs(found.columns - expected[1]).max() < 1e-8
    largest = np.abs(found.row_currents).max()
    assert np.abs(found.row_currents[floating[0]]).max() < 1e-9 * largest
    assert np.abs(found.column_currents[floating[1]]).max() < 1e-9 * largest


@pytest.mark.parametrize("sides", [1, 5])
@pytest.mark.parametrize("wires", [Wires(3.0, 0.7, source=5.0), Wires(2.0, 3.0)], ids=["sources", "none"])
def test_ends_of_their_own_voltage(wires, sides):
    """Both ends of all lines driven, each with its own voltage; some lines float."""
    rng, shape = np.random.default_rng(11), (17, 23)
    wires = dataclasses.replace(wires, word_ends="both", bit_ends="both", tolerance=FINE)
    g = conductances(shape, rng)
    rows, right, columns, bottom = (rng.uniform(-1, 1, (sides, count)) for count in (17, 17, 23, 23))
    free = np.arange(17) % 5 == 1, np.arange(23) % 6 == 2
    found = solve(
        g,
        wires,
        rows=rows,
        columns=columns,
        rows_right=right,
        columns_bottom=bottom,
        floating_rows=free[0],
        floating_columns=free[1],
    )
    for k in range(sides):
        each = nodal(g, wires, rows[k], columns[k], *map(np.flatnonzero, free), right[k], bottom[k])
        assert np.abs(found.rows[k] - each[0]).max() < 1e-8
        assert np.abs(found.columns[k] - each[1]).max() < 1e-8


@pytest.mark.parametrize("sides", [1, 4])
@pytest.mark.parametrize("cells", ["linear", "non-linear"])
def test_ends_of_lines_without_segments(cells, sides):
    """One node between two equal drivers: as if driven at one end, by their mean through half the resistance."""
    rng = np.random.default_rng(12)
    crossbar = conductances((6, 8), rng) if cells == "linear" else cells_of((6, 8))
    rows, right = rng.uniform(-0.5, 0.5, (2, sides, 6))
    both = solve(crossbar, Wires(0, 2.0, source=30.0, word_ends="both"), rows=rows, rows_right=right, transpose=True)
    one = solve(crossbar, Wires(0, 2.0, source=15.0), rows=(rows + right) / 2, transpose=True)
    assert np.allclose(both.currents, one.currents, rtol=1e-8, atol=1e-15)
    ends = Wires(2.0, 2.0, word_ends="both", tolerance=FINE)
    same = solve(crossbar, ends, rows=rows, rows_right=rows, transpose=True)
    assert np.allclose(same.currents, solve(crossbar, ends, rows=rows, transpose=True).currents, rtol=1e-9)


def test_bad_second_ends():
    g, v = np.full((3, 4), 1e-4), np.ones(3)
    for wires, sources, message in (
        (Wires(), {"rows": v, "rows_right": v}, r'rows_right.*Wires\(word_ends="both"\)'),
        (Wires(bit_ends="both"), {"rows": v, "columns_bottom": np.ones(4)}, "columns_bottom"),
        (Wires(word_ends="both"), {"rows": v, "rows_right": np.ones(4)}, "rows_right has shape"),
        (Wires(word_ends="both"), {"rows": v, "rows_right": [0, np.nan, 0]}, "rows_right"),
        (Wires(0.0, word_ends="both"), {"rows": v, "rows_right": 2 * v}, "nothing is between"),
        (Wires(word_ends="both"), {"rows": np.ones((2, 3)), "rows_right": np.ones((3, 3))}, "batch"),
    ):
        with pytest.raises(ValueError, match=message):
            solve(g, wires, transpose=True, **sources)


def test_one_cell_of_a_passive_array_is_bypassed_by_sneak_paths():
    """All lines float but one of each kind, no wire resistance: three groups of parallel cells in series."""
    n, g = 20, 1e-4
    free = np.arange(n) > 0
    found = solve(
        np.full((n, n), g),
        Wires(0, 0),
        columns=np.eye(n)[0],
        rows=np.zeros(n),
        floating_rows=free,
        floating_columns=free,
    )
    k = n - 1
    assert found.row_currents[0] == pytest.approx(g * (1 + 1 / (1 / k + 1 / k**2 + 1 / k)), rel=1e-8)


def test_ideal_wires_make_an_ideal_product():
    rng = np.random.default_rng(2)
    g, v = conductances((6, 11), rng), rng.uniform(-1, 1, (3, 11))
    assert np.allclose(solve(g, Wires(0, 0), columns=v).row_currents, v @ g.T, rtol=1e-12)
    # one kind of wires without resistance: the other lines are chains of their own, here of one cell
    one = solve(g[:, :1], Wires(0, 2.0, bit_ends="top"), columns=[1.0])
    assert one.row_currents[0] > one.row_currents[-1] * g[0, 0] / g[-1, 0]


def test_lines_without_resistance_behind_drivers_that_have_some():
    """Word lines without resistance are one node each: v g_total / (1 + R g_total), into grounded columns."""
    g = conductances((5, 8), np.random.default_rng(3))
    total = g.sum(1)
    for ends, ohm in (("left", 40.0), ("both", 20.0)):
        found = solve(g, Wires(0, 0, source=40.0, word_ends=ends), rows=np.ones(5), transpose=True)
        assert np.allclose(found.row_currents, total / (1 + ohm * total), rtol=1e-9)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_kirchhoff_holds_at_every_node_of_non_linear_cells(transpose, engine):
    cells = cells_of((33, 47), engine=engine)
    rng = np.random.default_rng(4)
    v = rng.uniform(-0.8, 0.8, (2, 33 if transpose else 47))
    wires = Wires(4.0, 1.5, source=20.0, sense=10.0)
    found = solve(cells, wires, transpose=transpose, **({"rows": v} if transpose else {"columns": v}))
    p = cells.params.constants()
    sign = 1 if transpose else -1
    assert np.allclose(found.cells, sign * (found.rows - found.columns), atol=1e-15)
    i = sign * iv.current(cells.r.astype(float), found.cells, p)  # from word lines into bit lines
    ends = (
        wires.word + (wires.source if transpose else wires.sense),
        wires.bit + (wires.sense if transpose else wires.source),
    )
    left = np.concatenate([((v if transpose else 0 * v[:, :1]) + np.zeros((2, 33)))[..., None], found.rows], axis=-1)
    flow = -np.diff(left, axis=-1) / np.where(np.arange(47) == 0, ends[0], wires.word)
    word = flow - np.concatenate([flow[..., 1:], np.zeros((2, 33, 1))], axis=-1) - i
    ground = np.zeros((2, 47)) if transpose else v
    below = np.concatenate([found.columns, ground[:, None]], axis=1)
    down = -np.diff(below, axis=1) / np.where(np.arange(33) == 32, ends[1], wires.bit)[:, None]
    bit = i - down + np.concatenate([np.zeros((2, 1, 47)), down[:, :-1]], axis=1)
    largest = np.maximum(np.abs(found.row_currents).max(1), np.abs(found.column_currents).max(1))[:, None, None]
    assert np.abs(word / largest).max() < 1e-9
    assert np.abs(bit / largest).max() < 1e-9
    assert np.abs(found.cells).max() > 0.1


@pytest.mark.parametrize(
    ("g", "wires"),
    [
        (np.full((64, 64), 1e-3), Wires(5.0, 5.0)),
        (np.full((64, 64), 1e-9), Wires(1.0, 1.0)),
        (np.where(np.random.default_rng(5).uniform(size=(64, 64)) < 0.9, 0, 1e-4), Wires(1.0, 3.0)),
        (np.full((64, 64), 1e-4), Wires(1.0, 3.0, word_ends="both", bit_ends="both")),
    ],
    ids=["1 kohm, 5 ohm", "1 Gohm", "zeros", "both ends"],
)
def test_hard_cases_are_right(g, wires):
    v = np.linspace(0.1, 1.0, 64)
    found = solve(g, wires, columns=v)
    rows, columns = nodal(g, wires, None, v)
    expected = (g * (columns - rows)).sum(1)
    assert np.abs(found.row_currents - expected).max() < 3e-9 * np.abs(expected).max()


def test_no_conductance_at_all_carries_no_current():
    assert np.all(solve(np.zeros((4, 5)), Wires(), columns=np.ones(5)).row_currents == 0)


def test_small_drops_keep_their_digits():
    """A single cell of 1 Tohm behind 1 ohm: i = v / (1e12 + 2), and the drop along the wire is i."""
    found = solve([[1e-12]], Wires(1.0, 1.0, tolerance=1e-12), columns=[1.0])
    assert found.rows[0, 0] == pytest.approx(1 / (1e12 + 2), rel=1e-12)


@pytest.mark.parametrize("sides", [2, 5, 19])
def test_results_do_not_depend_on_threads(sides):
    rng = np.random.default_rng(6)
    g, v = conductances((90, 130), rng), rng.uniform(-1, 1, (sides, 130))
    found, again = (solve(g, Wires(), columns=v, threads=threads) for threads in (1, 3))
    assert all(np.array_equal(x, y) for x, y in zip(found, again, strict=True))


# ---------------------------------------------------------------------------------------- many right sides


@pytest.fixture
def sweeps_alone(monkeypatch):
    """Call it, and what sweeps do not solve is an error."""

    def forbidden(*arguments):
        raise AssertionError("left to Newton's method")

    return lambda: monkeypatch.setattr(newton, "_Newton", forbidden)


WIRES = [
    Wires(3.0, 0.7, source=5.0, sense=11.0, tolerance=FINE),
    Wires(0.0, 2.0, source=7.0, tolerance=FINE),
    Wires(2.0, 0.0, sense=7.0, tolerance=FINE),
    Wires(0.0, 0.0, tolerance=FINE),
]


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("wires", WIRES, ids=["both", "bits", "words", "none"])
@pytest.mark.parametrize("cells", ["linear", "non-linear"])
def test_many_right_sides_equal_single_ones(ends, wires, cells, sweeps_alone):
    """Two methods that share only the chains: sweeps over all right sides, conjugate gradients for each."""
    shape, rng = (19, 71), np.random.default_rng(9)
    wires = dataclasses.replace(wires, word_ends=ends[0], bit_ends=ends[1])
    crossbar = conductances(shape, rng) if cells == "linear" else cells_of(shape)
    rows, columns = rng.uniform(-0.2, 0.2, (11, 19)), rng.uniform(-0.2, 0.2, 71)
    floating = {"floating_rows": np.arange(19) % 5 == 2, "floating_columns": np.arange(71) % 7 == 3}
    alone = [solve(crossbar, wires, rows=row, columns=columns, transpose=True, **floating) for row in rows]
    sweeps_alone()
    found = solve(crossbar, wires, rows=rows, columns=columns, transpose=True, **floating)
    for k, single in enumerate(alone):
        for name in ("row_currents", "column_currents"):
            line = getattr(single, name)
            assert np.abs(getattr(found, name)[k] - line).max() < 3e-11 * np.abs(line).max()
        for x, y in zip(found, single, strict=True):
            assert np.abs(x[k] - y).max() < 1e-9 * np.abs(y).max()


@pytest.mark.parametrize("g", [1e-3, 1e-4, 1e-12], ids=["1 kohm", "10 kohm", "1 Tohm"])
@pytest.mark.parametrize("ohm", [5.0, 100.0])
def test_many_right_sides_of_hard_crossbars(g, ohm):
    """Uniform cells, all rows at 1 V: each right side a multiple of the first, whose line is a known chain."""
    n, scales = 40, np.array([1.0, 0.0, -2.0, 1e-6])
    wires = Wires(ohm, 0.0, tolerance=FINE)
    found = solve(np.full((n, n), g), wires, rows=np.multiply.outer(scales, np.ones(n)), transpose=True)
    far = 0.0  # admittance of a chain of cells to ground, from its far end
    for _ in range(n):
        far = 1 / (ohm + 1 / (far + g))
    expected = np.multiply.outer(scales, np.full(n, far))
    for currents, wanted in zip(found.row_currents, expected, strict=True):
        assert np.abs(currents - wanted).max() <= 2e-11 * np.abs(wanted).max()


def test_many_right_sides_with_strongly_bent_cells():
    """Beyond the reach of one slope a cell: what sweeps leave, Newton's method solves."""
    cells, rng = cells_of((30, 40)), np.random.default_rng(10)
    v = rng.uniform(-1.4, 1.4, (9, 40)) * np.linspace(0.1, 1, 9)[:, None]
    found = solve(cells, Wires(10.0, 10.0), columns=v)
    for k in range(9):
        alone = solve(cells, Wires(10.0, 10.0), columns=v[k])
        assert np.abs(found.row_currents[k] - alone.row_currents).max() < 3e-9 * np.abs(alone.row_currents).max()


@given(st.floats(0.0, 0.9999), st.integers(0, 60))
def test_relaxations_are_as_good_as_chebyshev_polynomials(rho, count):
    """Their product over eigenvalues 1 - rho ... 1, a cycle at a time: 1 / T_n(2 / rho - 1) at most."""
    omegas = many_rhs.relaxations(rho, count)
    assert len(omegas) == count + (rho > 0.5)
    left = np.abs(np.prod(1 - omegas[:, None] * np.linspace(1 - rho, 1, 999), axis=0)).max()
    cycles = -(-count // many_rhs.CYCLE)
    lengths = [count // cycles + (k < count % cycles) for k in range(cycles)]
    bound = np.prod([1 / np.cosh(n * np.arccosh(2 / max(rho, 1e-9) - 1)) for n in lengths])
    assert left <= bound * (1 + 1e-6) + 1e-12


# ---------------------------------------------------------------------------------------- arrays of cells


@pytest.mark.parametrize("transpose", [False, True])
def test_products_through_wires(transpose):
    cells = cells_of((20, 31))
    v = np.random.default_rng(7).uniform(-0.5, 0.5, (4, 20 if transpose else 31))
    batch = v if transpose else v.T
    ideal = cells.product(batch, transpose=transpose)
    free = cells.product(batch, transpose=transpose, wires=Wires(0, 0))
    assert np.allclose(free, ideal, rtol=1e-5, atol=1e-10)
    wires = Wires(3.0, 1.0)
    found = cells.product(batch, transpose=transpose, wires=wires)
    solution = solve(cells, wires, transpose=transpose, **({"rows": v} if transpose else {"columns": v}))
    expected = solution.column_currents if transpose else solution.row_currents.T
    assert found.dtype == cells.dtype
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-11)
    assert not np.allclose(found, ideal, rtol=1e-3, atol=1e-11)
    assert np.array_equal(cells.product(batch, transpose=transpose, wires=None), ideal)


def test_a_product_without_wires_and_noise_is_the_operator():
    cells = cells_of((20, 31))
    v = np.full(31, 0.2)
    assert np.array_equal(cells.product(v, wires=None, bandwidth=0), cells @ v)


def test_noise_through_wires_is_that_of_the_cells(unlikely):
    cells = cells_of((6, 9))
    v, wires = np.full(9, 0.2), Wires(0, 0)
    quiet = cells.product(v, wires=wires)
    draws = np.stack([cells.product(v, wires=wires, bandwidth=1e9) for _ in range(400)]) - quiet
    current = np.abs(cells.current(np.full((6, 9), 0.2)).astype(float))
    variance = (4 * 1.380649e-23 * 300 / 0.2 + 2 * 1.602176634e-19) * 1e9 * current.sum(1)
    unlikely((np.mean(draws**2, axis=0) / variance - 1) * np.sqrt(200))


def test_voltages_through_ideal_wires_are_the_voltages():
    one, other = cells_of((8, 12)), cells_of((8, 12))
    u = np.linspace(-1.4, 0.3, 12)[None] - np.linspace(-0.3, 0.2, 8)[:, None]
    one.apply_voltage(u, wires=Wires(0, 0))
    other.apply_voltage(u)
    assert np.array_equal(one.mode, other.mode)
    assert np.allclose(one.r, other.r, atol=1e-5)


def test_wires_protect_far_cells_from_a_set():
    cells = sg.CellArray((64, 64), rng=1)
    cells.apply_voltage(np.full(64, -1.1), wires=Wires(60.0, 60.0))
    bare = sg.CellArray((64, 64), rng=1)
    bare.apply_voltage(-1.1)
    through, directly = cells.mode == sg.Mode.LRS, bare.mode == sg.Mode.LRS
    assert not np.any(through & ~directly)
    assert through.sum() < 0.9 * directly.sum()


def test_effective_conductances_come_close():
    cells = cells_of((48, 48))
    rng = np.random.default_rng(8)
    wires, v = Wires(2.0, 2.0), rng.uniform(0, 0.2, (20, 48))
    exact, ideal = cells.product(v.T, wires=wires), cells.product(v.T)
    fast = effective_conductances(cells, wires, np.full(48, 0.1)) @ v.T
    assert np.abs(fast - exact).mean() < 0.2 * np.abs(ideal - exact).mean()


# ---------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("name", ["word", "bit", "source", "sense"])
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_bad_resistances(name, value):
    with pytest.raises(ValueError, match=name):
        Wires(**{name: value})


def test_bad_wires():
    with pytest.raises(TypeError, match="word"):
        Wires("1")
    with pytest.raises(ValueError, match="did you mean 'both'"):
        Wires(word_ends="booth")
    for tolerance in (0.0, -1.0, 1e-15, 1.0, np.nan):
        with pytest.raises(ValueError, match="tolerance"):
            Wires(tolerance=tolerance)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no line is driven"),
        ({"rows": np.ones(4)}, r"rows has shape \(4,\)"),
        ({"rows": np.full(3, np.nan)}, "rows holds"),
        ({"columns": np.ones((2, 4)), "rows": np.ones((3, 3))}, "batch"),
        ({"columns": np.ones(4), "floating_rows": np.ones(4, bool)}, "floating_rows"),
        ({"columns": np.ones(4), "floating_rows": np.ones(3, bool), "floating_columns": np.ones(4, bool)}, "floating"),
        ({"columns": np.ones(4), "threads": 0}, "threads"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        solve(np.full((3, 4), 1e-4), Wires(), **arguments)


def test_bad_cells():
    for g, message in ((-np.ones((2, 2)), "negative"), (np.full((2, 2), np.nan), "cells holds"), (np.ones(3), "rows")):
        with pytest.raises(ValueError, match=message):
            solve(g, Wires(), rows=np.ones(2))
    with pytest.raises(ValueError, match="nothing to solve"):
        solve(np.ones((0, 2)), Wires(), columns=np.ones(2))
    isolated = np.ones((3, 3))
    isolated[1] = 0
    with pytest.raises(ValueError, match="row 1"):
        solve(isolated, Wires(), columns=np.ones(3), floating_rows=[False, True, False])


def test_voltages_that_lines_cannot_apply():
    cells = cells_of((3, 4))
    before = cells.r
    with pytest.raises(ValueError, match="line by line"):
        cells.apply_voltage(np.eye(3, 4), wires=Wires())
    with pytest.raises(ValueError, match="where"):
        cells.apply_voltage(0.5, wires=Wires(), where=np.ones((3, 4), bool))
    with pytest.raises(ValueError, match="finite"):
        cells.apply_voltage(np.nan, wires=Wires())
    assert np.array_equal(cells.r, before)


@pytest.mark.parametrize("part", [2, 3])
def test_disturbance_of_select_schemes_through_wires(part):
    """V/2 and V/3: no more cells are disturbed than by ideal wires, and cells see what their lines bring."""
    shape, target, v = (64, 64), (60, 3), -2.4
    rows, columns = np.zeros(64), np.zeros(64)
    if part == 2:
        rows[target[0]], columns[target[1]] = -v / 2, v / 2
    else:
        rows[:], columns[:] = 2 * v / 3, v / 3
        rows[target[0]], columns[target[1]] = 0, v
    u = columns - rows[:, None]
    assert u[target] == pytest.approx(v)
    through, directly = sg.CellArray(shape, rng=2), sg.CellArray(shape, rng=2)
    seen = solve(through, Wires(20.0, 20.0), rows=rows, columns=columns).cells
    assert abs(v) * 0.5 < abs(seen[target]) < abs(v) * 0.999
    through.apply_voltage(u, wires=Wires(20.0, 20.0))
    directly.apply_voltage(u)
    disturbed, most = (cells.mode != sg.Mode.HRS for cells in (through, directly))
    assert disturbed[target]
    assert most[target]
    assert 1 <= disturbed.sum() <= most.sum()
    assert most.sum() > 10 or part == 3
