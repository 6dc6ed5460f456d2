"""Small crossbars of any kind: cells of 0 to 10 S, wires of 0 to 10 kohm, floating lines. Right, or refused."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synaptogen as sg
from synaptogen.crossbar import Wires, solve
from synaptogen.wires.newton import NotConvergedError


def line_currents(g, wires, rows, columns, floating):
    """Currents of word and bit lines by eliminating nodes one by one, star to mesh: sums of positive terms only."""
    (n, m), ends = g.shape, {"left": [0], "right": [-1], "top": [0], "bottom": [-1], "both": [0, -1]}
    word, bit = np.arange(n * m).reshape(n, m), n * m + np.arange(n * m).reshape(n, m)
    nodes = 2 * n * m + n + m  # the last are sources
    links, voltages = np.zeros((nodes, nodes)), np.zeros(nodes)
    same = np.arange(nodes)  # nodes that a resistance of 0 makes one

    def connect(a, b, ohm):
        if ohm == 0:
            same[same == same[max(a, b)]] = same[min(a, b)]
        else:
            links[a, b] += 1 / ohm
            links[b, a] += 1 / ohm

    kinds = [
        (word, wires.word, wires.word_ends, rows, floating[0], 2 * n * m),
        (bit.T, wires.bit, wires.bit_ends, columns, floating[1], 2 * n * m + n),
    ]
    held = np.zeros(nodes, bool)
    for lines, segment, where, given_voltages, free, first in kinds:
        end = segment + (wires.sense if given_voltages is None else wires.source)
        for k, line in enumerate(lines):
            for a, b in pairwise(line):
                connect(a, b, segment)
            if not free[k]:
                held[first + k] = True
                voltages[first + k] = 0.0 if given_voltages is None else given_voltages[k]
                for at in ends[where]:
                    connect(first + k, line[at], end)
    links[word.ravel(), bit.ravel()] = links[bit.ravel(), word.ravel()] = g.ravel()
    one = same[:, None] == np.arange(nodes)
    links = one.T @ links @ one
    np.fill_diagonal(links, 0.0)
    for k in np.flatnonzero(held):
        held[same[k]], voltages[same[k]] = True, voltages[k]
    order = [a for a in range(nodes) if same[a] == a and not held[a] and links[a].any()]
    shares = {}
    for a in order:
        total = links[a].sum()
        if total > 0:
            shares[a] = links[a] / total
            links += np.outer(links[a], shares[a])
        links[a] = links[:, a] = 0.0
        np.fill_diagonal(links, 0.0)
    for a in reversed(order):
        voltages[a] = shares[a] @ voltages if a in shares else 0.0
    u = voltages[same]
    currents = g * (u[word] - u[bit])
    return currents.sum(axis=1), currents.sum(axis=0)


@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 4, 9]))
def test_any_small_crossbar(seed, sides):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 6, 2)
    g = 10 ** rng.uniform(*np.sort(rng.uniform(-12, 1, 2)), (n, m))
    g[rng.uniform(size=(n, m)) < rng.choice([0, 0, 0.3, 0.7])] = 0
    ohms = np.where(rng.uniform(size=4) < 1 / 3, 0.0, 10 ** rng.uniform(-4, 4, 4)).tolist()
    ends = str(rng.choice(["left", "right", "both"])), str(rng.choice(["top", "bottom", "both"]))
    wires = Wires(ohms[0], ohms[1], source=ohms[2], sense=ohms[3], word_ends=ends[0], bit_ends=ends[1])
    drive = rng.integers(3)
    rows = rng.normal(size=(sides, n)) if drive < 2 else None
    columns = rng.normal(size=(sides, m)) if drive > 0 else None
    floating = [rng.uniform(size=count) < rng.choice([0, 0.4]) for count in (n, m)]
    try:
        found = solve(
            g,
            wires,
            rows=rows,
            columns=columns,
            transpose=True,
            threads=1,
            floating_rows=floating[0],
            floating_columns=floating[1],
        )
    except NotConvergedError:
        # rounding of what a large conductance carries hides what a small one brings to a line that floats
        spread = g.max() / g[g > 0].min()
        if g.max() * max(ohms) < 100 and not (np.concatenate(floating).any() and spread > 1e5):
            raise
        return
    except ValueError as error:
        if "not determined" not in str(error):
            raise
        return
    for k in range(sides):
        each = [None if given_voltages is None else given_voltages[k] for given_voltages in (rows, columns)]
        expected = line_currents(g, wires, *each, floating)
        largest = max(np.abs(currents).max() for currents in expected)
        rounding = 1e-14 * g.sum() * max(np.abs(v).max() for v in each if v is not None)
        for currents, wanted in zip((found.row_currents[k], found.column_currents[k]), expected, strict=True):
            assert np.abs(currents - wanted).max() <= 2e-9 * largest + rounding


@pytest.mark.parametrize("sides", [1, 5])
@pytest.mark.parametrize("cells", ["linear", "model"])
def test_where_nothing_can_flow_nothing_does(cells, sides):
    """One line has a source, all others float: every node is at its voltage."""
    crossbar = np.full((4, 6), 1e-3) if cells == "linear" else sg.CellArray((4, 6), rng=1)
    columns = np.multiply.outer(np.arange(1.0, sides + 1), np.ones(6))
    found = solve(
        crossbar,
        Wires(100.0, 0.001),
        columns=columns,
        rows=np.zeros(4),
        floating_rows=np.ones(4, bool),
        floating_columns=np.arange(6) > 0,
    )
    assert np.allclose(found.rows, columns[:, :1, None], rtol=1e-12)
    assert np.abs(found.currents).max() < 1e-16


@pytest.mark.parametrize("sides", [1, 4])
@pytest.mark.parametrize("ohm", [1e6, 1e9, 1e12, 1e15])
def test_wires_that_hardly_conduct(ohm, sides):
    """Cells of 10 kohm behind them count for little: ohm's params, or a refusal, never another number."""
    try:
        found = solve(np.full((1, 1), 1e-4), Wires(ohm, ohm), columns=np.ones((sides, 1)))
    except NotConvergedError:
        assert ohm > 1e9
        return
    assert np.allclose(found.row_currents, 1 / (2 * ohm + 1e4), rtol=2e-9)


@pytest.mark.parametrize("volt", [1e-9, 1e-3, 100.0])
@pytest.mark.parametrize("sides", [1, 4])
def test_cells_at_any_voltage(volt, sides):
    """Kirchhoff's params for whole lines, also where cells are far from what was measured: what goes in comes out."""
    cells = sg.CellArray((9, 14), rng=2)
    cells.apply_voltage(-2.5, where=np.random.default_rng(3).uniform(size=(9, 14)) < 0.5)
    v = volt * np.random.default_rng(4).uniform(-1, 1, (sides, 14))
    found = solve(cells, Wires(3.0, 7.0, source=5.0), columns=v)
    largest = np.abs(found.column_currents).max(axis=1, keepdims=True)
    delivered = (v - found.columns[:, -1]) / 12.0  # through a segment and the driver
    assert np.all(np.abs(delivered - found.column_currents) <= 1e-8 * largest)
    assert np.all(np.abs(found.row_currents.sum(axis=1) - found.column_currents.sum(axis=1)) <= 1e-8 * largest[:, 0])
