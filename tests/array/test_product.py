"""Crossbar products against sums over cells, without noise and with it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import synaptogen as sg
from synaptogen.state import CellState

FAR = 1e6
KT, Q = 1.380649e-23 * 300, 1.602176634e-19  # J, C
ENGINES = ["cpu", "reference"]
engines = pytest.mark.parametrize("engine", ENGINES)
SHAPES = [(1, 1), (1, 40), (40, 1), (5, 16), (16, 5), (7, 33), (64, 64), (19, 100)]


def mixed(shape, engine="cpu", **options):
    """Cells in all modes, of very different conductance."""
    cells = sg.CellArray(shape, rng=31, engine=engine, **options)
    rng = np.random.default_rng(1)
    cells.apply_voltages([-FAR], where=rng.uniform(size=shape) < 0.7)
    cells.apply_voltage(rng.uniform(0.5, 1.5, shape))
    return cells


def sums_of_cells(cells, v, transpose):
    """Line currents as sums of the currents of single cells, in float64."""
    u = np.asarray(v, float)[:, None] if transpose else np.asarray(v, float)
    return cells.current(np.broadcast_to(u, cells.shape)).astype(float).sum(axis=0 if transpose else 1)


def tolerance(cells, v):
    """Rounding of a sum of so many single-precision numbers."""
    return 3e-7 * len(v) * np.abs(v).max() * 2.7e-4 + 1e-12


@engines
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("transpose", [False, True])
def test_products_are_sums_of_cell_currents(engine, shape, transpose):
    cells = mixed(shape, engine, bandwidth=0)
    rng = np.random.default_rng(2)
    for scale in (0.2, 1.4):
        v = rng.uniform(-scale, scale, shape[0] if transpose else shape[1])
        found = v @ cells if transpose else cells @ v
        assert found.shape == (shape[1] if transpose else shape[0],)
        assert found.dtype == cells.r.dtype
        assert np.abs(found - sums_of_cells(cells, v, transpose)).max() <= tolerance(cells, v)


@engines
@pytest.mark.parametrize("shape", [(5, 16), (7, 33)])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("transpose", [False, True])
def test_batches_are_products_one_by_one(engine, shape, count, transpose):
    cells = mixed(shape, engine)
    inputs, outputs = shape if transpose else shape[::-1]
    batch = np.random.default_rng(3).uniform(-0.3, 0.3, (count, inputs))
    found = cells.product(batch if transpose else batch.T, transpose=transpose, bandwidth=0)
    assert found.shape == ((count, outputs) if transpose else (outputs, count))
    assert found.flags.c_contiguous
    for k, v in enumerate(batch):
        one = found[k] if transpose else found[:, k]
        assert np.abs(one - sums_of_cells(cells, v, transpose)).max() <= tolerance(cells, v)
    operator = batch @ cells if transpose else cells @ batch.T
    assert operator.shape == found.shape


@settings(max_examples=40)
@given(
    key=st.sampled_from([np.s_[2:9, 3:20], np.s_[::-1], np.s_[:, ::3], np.s_[1:12:5, ::-2], np.s_[3:4], np.s_[:, 5:6]]),
    transpose=st.booleans(),
    engine=st.sampled_from(ENGINES),
    count=st.integers(0, 3),
)
def test_products_of_views(key, transpose, engine, count):
    view = mixed((13, 37), engine)[key]
    inputs = view.shape[0] if transpose else view.shape[1]
    rng = np.random.default_rng(4)
    batch = rng.uniform(-0.3, 0.3, (max(count, 1), inputs))
    v = batch[0] if count == 0 else batch if transpose else batch.T
    found = view.product(v, transpose=transpose, bandwidth=0)
    lines = found.reshape(len(batch), -1) if transpose else found.reshape(-1, len(batch)).T
    for mine, one in zip(lines, batch, strict=True):
        assert np.abs(mine - sums_of_cells(view, one, transpose)).max() <= tolerance(view, one)


@engines
def test_transposes_are_consistent(engine):
    """w (A v) = (w A) v for the conductances at one read voltage each way."""
    cells = mixed((11, 23), engine, bandwidth=0)
    conductance = cells.conductance().astype(float)
    assert np.allclose(cells @ np.full(23, 0.2), conductance.sum(1) * 0.2, rtol=1e-5)
    assert np.allclose(np.full(11, 0.2) @ cells, conductance.sum(0) * 0.2, rtol=1e-5)
    unit = np.zeros(23)
    unit[7] = 0.2
    assert np.allclose(cells @ unit, conductance[:, 7] * 0.2, rtol=1e-4, atol=1e-11)


@engines
def test_zero_voltages_carry_no_current(engine):
    cells = mixed((6, 21), engine, bandwidth=0)
    assert np.all(cells @ np.zeros(21) == 0)
    assert np.all(np.zeros(6) @ cells == 0)


@engines
def test_products_change_no_cell_and_no_argument(engine, state, same_state):
    cells = mixed((6, 21), engine)
    before, v = state(cells), np.full((21, 2), 0.2)
    cells @ v
    v.T[:, :6] @ cells
    after = state(cells)
    assert after.pop("products") == before.pop("products") + 2
    same_state(before, after)
    assert np.all(v == 0.2)


@engines
def test_integers_and_lists_are_voltages_too(engine):
    cells = mixed((2, 3), engine, bandwidth=0)
    assert np.array_equal(cells @ [0, 1, 0], cells @ np.array([0.0, 1.0, 0.0]))
    assert np.array_equal([0, 1] @ cells, np.array([0.0, 1.0]) @ cells)


# ---------------------------------------------------------------------------------------- noise


def exact_deviation(cells, v, transpose, bandwidth):
    """Standard deviation of a line: variances of its cells, 4kTB|I/U| + 2qB|I|, add up."""
    u = np.broadcast_to(np.asarray(v, float)[:, None] if transpose else np.asarray(v, float), cells.shape)
    current = cells.current(u).astype(float)
    small = cells.current(np.where(u == 0, 1e-3, u)).astype(float) / np.where(u == 0, 1e-3, u)
    return np.sqrt(
        (4 * KT * bandwidth * np.abs(small) + 2 * Q * bandwidth * np.abs(current)).sum(0 if transpose else 1)
    )


@engines
@pytest.mark.parametrize("transpose", [False, True])
def test_noise_of_a_line_is_that_of_its_cells_together(engine, transpose):
    """Chi-square and KS of 1,500 products for each line: 168 p-values, two-sided at 1e-6, over all four cases."""
    cells = mixed((5, 37), engine)
    rng, bandwidth, count = np.random.default_rng(5), 1e9, 1500
    v = rng.uniform(-0.5, 0.5, 5 if transpose else 37)
    v[2] = 0.0
    exact = sums_of_cells(cells, v, transpose)
    deviation = exact_deviation(cells, v, transpose, bandwidth)
    draws = np.stack([cells.product(v, transpose=transpose, bandwidth=bandwidth) for _ in range(count)])
    z = (draws - exact) / deviation
    for line in z.T:
        p = scipy.stats.chi2.cdf(np.sum(line**2), count)
        assert 1e-6 < p < 1 - 1e-6
        assert scipy.stats.kstest(line, "norm").pvalue > 1e-6
    correlation = z.T @ z / count - np.eye(z.shape[1])
    assert np.abs(correlation).max() * np.sqrt(count) < 6 * np.sqrt(2)
    successive = np.mean(z[1:] * z[:-1], axis=0) * np.sqrt(count)
    assert np.abs(successive).max() < 6


@engines
@pytest.mark.parametrize("transpose", [False, True])
def test_each_vector_of_a_batch_has_its_own_noise(engine, transpose, unlikely):
    cells = mixed((5, 37), engine)
    count, inputs = 4001, 5 if transpose else 37
    v = np.full(inputs, 0.2)
    batch = np.tile(v, (count, 1))
    found = cells.product(batch if transpose else batch.T, transpose=transpose)
    found = found if transpose else found.T
    z = (found - sums_of_cells(cells, v, transpose)) / exact_deviation(cells, v, transpose, cells.bandwidth)
    n = z.size
    unlikely([z.mean() * np.sqrt(n), (np.mean(z**2) - 1) * np.sqrt(n / 2)])
    unlikely(np.mean(z[1:] * z[:-1]) * np.sqrt(n))
    unlikely(np.mean(z[:, 1:] * z[:, :-1]) * np.sqrt(n))


@engines
def test_noise_of_products_is_told_by_seed_line_and_number(engine):
    a, b = mixed((5, 37), engine), mixed((5, 37), engine)
    v, w = np.full(37, 0.2), np.full(5, 0.2)
    first, second = a @ v, a @ v
    assert not np.any(first == second)
    assert np.array_equal(b @ v, first)
    assert np.array_equal(b @ v, second)
    assert np.allclose(a @ v, b[:] @ v, rtol=1e-6)  # a view may sum in another order
    assert np.array_equal(w @ a, w @ b)
    twin = a.copy()
    assert np.array_equal(a @ v, twin @ v)


def test_both_engines_draw_the_same_noise():
    a, b = (mixed((5, 37), engine, bandwidth=1e13) for engine in ENGINES)
    v = np.full((37, 6), 0.2)
    exact = a.product(v, bandwidth=0)
    assert np.std(a @ v - exact) > 1e-6
    a, b = (mixed((5, 37), engine, bandwidth=1e13) for engine in ENGINES)
    assert np.allclose(a @ v, b @ v, rtol=1e-4, atol=1e-9)


@engines
def test_bandwidth_of_a_product(engine):
    cells = mixed((4, 9), engine, bandwidth=0)
    v = np.full(9, 0.2)
    assert np.array_equal(cells @ v, cells @ v)
    assert not np.any(cells.product(v, bandwidth=1e9) == cells @ v)
    assert cells.state.counters.products == 1


@engines
def test_an_empty_batch_gives_no_currents(engine):
    cells = mixed((4, 9), engine)
    for bandwidth in (0.0, 1e8):
        assert cells.product(np.zeros((9, 0)), bandwidth=bandwidth).shape == (4, 0)
        assert cells.product(np.zeros((0, 4)), transpose=True, bandwidth=bandwidth).shape == (0, 9)


@pytest.mark.parametrize("call", ["product", "read", "current"])
def test_no_other_thread_comes_between_a_read_and_the_time_that_it_takes(call, monkeypatch):
    cells = sg.CellArray((4, 4), sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r"), rng=1)
    wait, free = CellState.wait, []

    def is_free(lock):
        if not lock.acquire(blocking=False):
            return False
        lock.release()
        return True

    def watched(state, *args):
        with ThreadPoolExecutor(1) as other:
            free.append(other.submit(is_free, state.guard.lock).result())
        return wait(state, *args)

    monkeypatch.setattr(CellState, "wait", watched)
    getattr(cells, call)(*([np.full(4, 0.2)] if call == "product" else [0.2]), duration=1.0)
    assert free == [False]
    assert cells.time == 1.0
