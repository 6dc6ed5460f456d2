"""Lines whose segments differ: against an independent nodal analysis, with open segments and segments of 0 ohm."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg

import synaptogen as sg
from synaptogen.crossbar import Wires, effective_conductances, solve
from synaptogen.model import iv
from synaptogen.wires import line_currents, solve_row

FINE = 1e-11
ENDS = [("left", "bottom"), ("right", "top"), ("both", "both")]


def segments(rng, rows, columns):
    return rng.uniform(0.2, 40.0, (rows, columns + 1)), rng.uniform(0.2, 40.0, (rows + 1, columns))


def nodal(g, word, bit, ends, columns, source=0.0, sense=0.0):
    """Node voltages of word and bit lines for driven columns; lines whose end is open are connected to nothing."""
    n, m = g.shape
    number = np.arange(2 * n * m).reshape(2, n, m)
    matrix, injected = sp.lil_matrix((2 * n * m, 2 * n * m)), np.zeros(2 * n * m)

    def resistor(a, b, siemens):
        for x, y in ((a, b), (b, a)):
            matrix[x, x] += siemens
            matrix[x, y] -= siemens

    def held(a, ohm, volt):
        if np.isfinite(ohm):
            matrix[a, a] += 1 / ohm
            injected[a] += volt / ohm

    for i, j in np.ndindex(n, m):
        resistor(number[0, i, j], number[1, i, j], g[i, j])
        if j:
            resistor(number[0, i, j - 1], number[0, i, j], 1 / word[i, j])
        if i:
            resistor(number[1, i - 1, j], number[1, i, j], 1 / bit[i, j])
    for i in range(n):
        for j, end in {"left": [(0, 0)], "right": [(m - 1, m)], "both": [(0, 0), (m - 1, m)]}[ends[0]]:
            held(number[0, i, j], word[i, end] + sense, 0.0)
    for j in range(m):
        for i, end in {"top": [(0, 0)], "bottom": [(n - 1, n)], "both": [(0, 0), (n - 1, n)]}[ends[1]]:
            held(number[1, i, j], bit[end, j] + source, columns[j])
    return scipy.sparse.linalg.spsolve(matrix.tocsc(), injected).reshape(2, n, m)


def compare(g, word, bit, ends, rng, **ohm):
    v = rng.uniform(-1, 1, g.shape[1])
    found = solve(g, Wires(word, bit, word_ends=ends[0], bit_ends=ends[1], tolerance=FINE, **ohm), columns=v)
    rows, columns = nodal(g, word, bit, ends, v, **ohm)
    assert np.abs(found.currents - g * (columns - rows)).max() < 1e-9 * np.abs(g * (columns - rows)).max()
    return found


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (2, 2), (13, 70), (70, 13)])
def test_each_segment_has_its_own_resistance(shape, ends):
    rng = np.random.default_rng(0)
    g = rng.uniform(1e-5, 1e-3, shape)
    compare(g, *segments(rng, *shape), ends, rng, source=3.0, sense=7.0)


@pytest.mark.parametrize("ends", ENDS)
def test_open_segments_carry_no_current(ends):
    rng = np.random.default_rng(1)
    g = rng.uniform(1e-4, 1e-3, (9, 11))
    word, bit = segments(rng, 9, 11)
    word[2, 5] = word[4, 3] = word[4, 4] = bit[6, 3] = bit[1, 7] = np.inf  # in the middle of lines
    word[7, 0] = bit[-1, 9] = np.inf  # at an end
    found = compare(g, word, bit, ends, rng)
    alone = found.currents[4, 3]  # the node between two open segments: its one cell carries nothing
    assert abs(alone) < 1e-12 * np.abs(found.currents).max()


def test_a_line_with_one_resistance_for_all_its_segments():
    rng = np.random.default_rng(2)
    g, word, bit = rng.uniform(1e-5, 1e-3, (5, 8)), rng.uniform(1, 9, 5), rng.uniform(1, 9, 8)
    v = rng.uniform(-1, 1, 8)
    each = Wires(np.repeat(word[:, None], 9, 1), np.repeat(bit[None], 6, 0))
    assert np.allclose(solve(g, Wires(word, bit), columns=v).currents, solve(g, each, columns=v).currents, rtol=1e-8)


def test_equal_segments_are_those_of_one_number():
    g = np.random.default_rng(3).uniform(1e-5, 1e-3, (5, 8))
    one = solve(g, Wires(2.0, 3.0), columns=np.ones(8))
    each = solve(g, Wires(np.full(5, 2.0), np.full((6, 8), 3.0)), columns=np.ones(8))
    assert all(np.array_equal(a, b) for a, b in zip(one, each, strict=True))


def test_segments_of_no_resistance_among_others():
    rng = np.random.default_rng(4)
    g = rng.uniform(1e-5, 1e-3, (7, 6))
    word, bit = segments(rng, 7, 6)
    word[3, 2:4] = bit[2, 1] = bit[-1, 4] = 0.0
    v = rng.uniform(-1, 1, 6)
    rows, columns = nodal(g, np.maximum(word, 1e-7), np.maximum(bit, 1e-7), ENDS[0], v)
    found = solve(g, Wires(word, bit), columns=v).currents
    assert np.abs(found - g * (columns - rows)).max() < 1e-6 * np.abs(found).max()


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_cells_of_the_model_and_batches(batch):
    rng = np.random.default_rng(5)
    cells = sg.CellArray((6, 9), rng=1, bandwidth=0)
    cells.apply_voltage(-2.0, where=rng.uniform(size=(6, 9)) < 0.5)
    word, bit = segments(rng, 6, 9)
    word[2, 4] = np.inf
    wires, v = Wires(word, bit, tolerance=FINE), rng.uniform(-0.3, 0.3, (batch, 9))
    found = solve(cells, wires, columns=v)
    p = cells.params.constants()
    assert np.allclose(found.currents, iv.current(cells.r.astype(float), found.cells, p), rtol=1e-9)
    for k, one in enumerate(v):
        chord = np.abs(found.currents[k] / found.cells[k])
        rows, columns = nodal(chord, word, bit, ENDS[0], one)
        assert np.abs(found.cells[k] - (columns - rows)).max() < 1e-8
    assert np.allclose(cells.product(v.T, wires=wires).T, found.row_currents, rtol=1e-5)


def test_one_selected_row_is_a_row_of_its_own():
    rng = np.random.default_rng(6)
    cells = sg.CellArray((5, 4), rng=1, bandwidth=0)
    cells.apply_voltage(-2.0)
    word, bit = segments(rng, 5, 4)
    u = np.array([0.1, 0.0, 0.2, 0.15])
    for ends in ("top", "bottom", "both"):
        voltages, currents = solve_row(cells, Wires(word, bit, source=2.0, bit_ends=ends, tolerance=FINE), 3, u)
        above, below = bit[:4].sum(0) + 2.0, bit[4:].sum(0) + 2.0
        series = {"top": above, "bottom": below, "both": above * below / (above + below)}[ends]
        drop = np.array([sum((word[3, : min(i, j) + 1].sum() + 2.0) * currents[j] for j in range(4)) for i in range(4)])
        assert np.allclose(voltages, u - series * currents - drop, atol=1e-9)


def test_wires_with_arrays_are_values():
    word = np.full((2, 4), 2.0)
    word[0, 1] = np.inf
    a, b = Wires(word), Wires(word.copy())
    word[0, 0] = 5.0  # the wires hold a copy
    assert a == b
    assert hash(a) == hash(b)
    assert a != Wires(word)
    assert a != Wires(2.0)
    assert repr(a).startswith("Wires(word=2.0 ohm with 1 open of 8, bit=1.0, ")
    with pytest.raises(ValueError, match="read-only"):
        a.word[0, 0] = 1.0


@pytest.mark.parametrize(
    ("word", "bit", "message"),
    [
        (np.ones((2, 3, 4)), 1.0, r"word has shape \(2, 3, 4\)"),
        (np.ones((3, 1)), 1.0, "one for each segment"),
        ([], 1.0, "word has shape"),
        ([1.0, -1.0], 1.0, "negative"),
        (1.0, [1.0, np.nan], "not a number"),
        (np.ones((3, 5)), np.ones((3, 4)), "crossbars of different shape"),
        (np.inf, 1.0, "finite"),
    ],
)
def test_bad_segments(word, bit, message):
    with pytest.raises(ValueError, match=message):
        Wires(word, bit)


def test_bad_kinds_of_segments():
    with pytest.raises(TypeError, match="array of resistances"):
        Wires(["a", "b"])
    with pytest.raises(TypeError, match="not a number"):
        Wires("one")


@pytest.mark.parametrize("wires", [Wires(np.ones(4)), Wires(1.0, np.ones((3, 5))), Wires(np.ones((3, 5)))])
def test_wires_of_another_crossbar(wires):
    with pytest.raises(ValueError, match="this crossbar needs"):
        solve(np.ones((3, 5)), wires, columns=np.ones(5))


def test_a_line_that_is_cut_off_at_its_only_end():
    word = np.ones((3, 5))
    word[1, 0] = np.inf
    g = np.full((3, 4), 1e-4)
    g[1] = 0.0
    with pytest.raises(ValueError, match="row 1"):
        solve(g, Wires(word), columns=np.ones(4))


# ---- noise, and nothing to do


def variance_of_cells(cells, u):
    k_t, q = 1.380649e-23 * 300, 1.602176634e-19
    p, r = cells.params.constants(), cells.r.astype(float)
    slope = iv.differential_conductance(r, u, p)
    with np.errstate(invalid="ignore", divide="ignore"):
        chord = np.where(u == 0, slope, iv.current(r, u, p) / u)
    return (4 * k_t * np.abs(chord) + 2 * q * np.abs(iv.current(r, u, p))) * 1e8


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("wires", [Wires(0.0, 0.0), Wires(2.0, 2.0), Wires(0.0, 5.0, source=3.0)])
@pytest.mark.parametrize("driven", ["none", "one", "all"])
def test_noise_is_that_of_the_cells_at_their_voltages(wires, driven, transpose):
    cells = sg.CellArray((5, 7), rng=1)
    cells.apply_voltage(-2.0, where=np.arange(7) % 2 == 0)
    v = np.zeros((1, 5 if transpose else 7))
    v[0, : {"none": 0, "one": 1, "all": 7}[driven]] = 0.2
    _, variances = line_currents(cells, wires, v, transpose, 1e8)
    found = solve(cells, wires, **{"rows" if transpose else "columns": v}, transpose=transpose)
    assert np.allclose(variances[0], variance_of_cells(cells, found.cells[0]).sum(0 if transpose else 1), rtol=1e-6)
    assert variances.min() > 0


def test_noise_of_ideal_wires_is_that_of_a_product_without_wires():
    v = np.array([0.2, 0.0, 0.0, -0.1])
    cells = sg.CellArray((6, 4), rng=1)
    cells.apply_voltage(-2.0)
    with_wires, without = (
        np.std([cells.product(v, wires=w) for _ in range(4000)], axis=0) for w in (Wires(0.0, 0.0), None)
    )
    assert np.all(np.abs(with_wires / without - 1) < 6 * 1 / np.sqrt(4000))  # 1e-8 a line by chance, ratio of two


@pytest.mark.parametrize("transpose", [False, True])
def test_an_empty_batch_has_no_currents(transpose):
    cells, wires = sg.CellArray((5, 7), rng=1), Wires(1.0, 1.0)
    empty = np.zeros((0, 5)) if transpose else np.zeros((0, 7))
    found = solve(cells, wires, **{"rows" if transpose else "columns": empty}, transpose=transpose)
    assert found.cells.shape == (0, 5, 7)
    assert cells.product(empty if transpose else empty.T, wires=wires, transpose=transpose).shape == (
        (0, 7) if transpose else (5, 0)
    )
    with pytest.raises(ValueError, match="every input"):
        effective_conductances(cells, wires, empty)
