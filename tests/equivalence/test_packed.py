"""Compact storage: the lives of ordinary cells within rounding, bit-identical however the work is divided."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import synaptogen as sg
from synaptogen.engines.compiled_params import compile_params
from synaptogen.engines.cpu.packed import codes
from synaptogen.engines.cpu.packed.engine import scales_of, scales_of_traits
from synaptogen.params.device_params import DeviceParams

PRESET = DeviceParams.preset("hennen2024")
FOUR = PRESET.compact(4)
SIZE = 4099
OWN = DeviceParams.from_json(Path(__file__).parents[1] / "data" / "own_laws.json")
FAR = 1e6


def made(size=SIZE, **options):
    return sg.CellArray(size, **{"params": FOUR, "rng": 17, "threads": 1, "storage": "compact", **options})


def voltages(seed, *shape):
    return np.random.default_rng(seed).uniform(-1.7, 1.7, shape)


def live(cells, steps=8):
    """Voltages that differ from cell to cell, partial RESETs, reads."""
    found = []
    for k in range(steps):
        cells.apply_voltage(voltages(k, *cells.shape))
        if k % 4 == 1:
            cells.apply_voltages([-FAR, FAR, -FAR, 1.1])
        if k % 4 == 3:
            found += [cells.read(0.2), cells.sweep([0.1, 0.8, 1.2], noise=True)]
    return found


def assert_same(a, b, state, same_state):
    same_state(state(a), state(b))


# ---------------------------------------------------------------------------------------- rounding


def test_codes_keep_their_numbers():
    scales, _ = scales_of(compile_params(FOUR))
    code = np.arange(65536, dtype=np.uint32)
    for scale in scales:
        x = np.asarray(codes.decode(code, scale), np.float32)
        assert np.array_equal(codes.encode(x, scale), code)
        assert np.all(np.diff(x) > 0)
        # the nearest code is never further than half a step, but for the rounding of single precision
        y = np.random.default_rng(1).uniform(x[0], x[-1], 10_000)
        assert np.abs(codes.decode(codes.encode(y, scale), scale) - y).max() < 0.51 * scale.step


@pytest.mark.parametrize("u", [0.0, 1e-3, -1e-3, 0.2, -0.05])
def test_voltages_that_switch_nothing_change_no_bit(u, state, same_state):
    cells = made()
    live(cells)
    cells.apply_voltages([-FAR, 0.9])
    before = state(cells)
    cells.apply_voltage(u)
    cells.current(0.2)
    same_state(before, state(cells))


def test_the_same_partial_reset_again_changes_nothing_that_shows():
    cells = made()
    cells.apply_voltages([-FAR, 0.9])
    assert (cells.mode == sg.Mode.IRS).any()
    r, words = cells.r, cells.cycle
    cells.apply_voltages([0.9, 0.5, 0.9])
    assert np.array_equal(cells.r, r)
    assert np.array_equal(cells.cycle, words)


# ---------------------------------------------------------------------------------------- bit for bit


@pytest.mark.parametrize("options", [{}, {"start": "pristine"}, {"params": PRESET.compact(7)}], ids=str)
def test_any_number_of_threads(options, state, same_state):
    one, three = made(threads=1, **options), made(threads=3, **options)
    for a, b in zip(live(one), live(three), strict=True):
        assert np.array_equal(a, b)
    assert_same(one, three, state, same_state)


@pytest.mark.parametrize("blocks", [999, 1000, 1001])
def test_reads_by_any_number_of_threads(blocks):
    # each thread lays mixing states where its currents will be, and must keep to its own
    one, *others = (made(64 * blocks - 7, threads=threads).read(0.2) for threads in (1, 2, 3))
    for currents in others:
        assert np.array_equal(currents, one)


def test_views_live_as_the_whole(state, same_state):
    whole, cut = made((61, 67)), made((61, 67))
    for k in range(6):
        u = voltages(k, 61, 67)
        whole.apply_voltage(u)
        for rows in (slice(40, 61), slice(0, 7), slice(7, 40)):
            cut[rows].apply_voltage(u[rows])
    assert_same(whole, cut, state, same_state)
    columns = made((61, 67))[:, ::-3]
    for k in range(6):
        columns.apply_voltage(voltages(k, 61, 67)[:, ::-3])
    assert np.array_equal(columns.r, whole.r[:, ::-3])


def test_fused_voltages_live_as_single_ones(state, same_state):
    single, fused, swept = made(), made(), made()
    pulses = voltages(3, 12, SIZE)
    for u in pulses:
        single.apply_voltage(u)
    fused.apply_voltages(pulses)
    swept.sweep(pulses)
    assert_same(single, fused, state, same_state)
    assert_same(single, swept, state, same_state)


def test_blocks_live_as_the_whole(monkeypatch, state, same_state):
    from synaptogen.engines.cpu.packed import engine

    whole = made()
    currents = live(whole)
    monkeypatch.setattr(engine, "BLOCK", 1001)
    for a, b in zip(live(cells := made()), currents, strict=True):
        assert np.array_equal(a, b)
    assert_same(whole, cells, state, same_state)


def test_masked_cells_keep_their_state(state, same_state):
    cells, mask = made(), np.random.default_rng(0).random(SIZE) < 0.3
    cells.apply_voltages([-FAR, 0.9])
    before = cells.r
    cells.apply_voltage(1.2, where=mask)
    assert np.array_equal(cells.r[~mask], before[~mask])
    assert (cells.r[mask] != before[mask]).mean() > 0.5


def test_copies_and_files_go_on_bit_for_bit(tmp_path, state, same_state):
    pytest.importorskip("zarr")
    cells = made((41, 101))
    live(cells)
    cells.save(tmp_path / "a.zarr")
    others = [cells.copy(), sg.load(tmp_path / "a.zarr", threads=1), cells[:].copy()]
    part = cells[5:30, ::2].copy()
    u = voltages(9, 41, 101)
    for each in (cells, *others):
        each.apply_voltages([u, -u, u])
    part.apply_voltages(np.stack([u, -u, u])[:, 5:30, ::2])
    for other in others[:2]:
        assert other.storage == "compact"
        assert_same(cells, other, state, same_state)
    assert np.array_equal(others[2].r, cells.r)
    assert np.array_equal(part.r, cells.r[5:30, ::2])
    for mine, whole in zip(part.upcoming(2), cells.upcoming(2), strict=True):
        assert np.array_equal(mine, whole[:, 5:30, ::2])


def test_reads_in_blocks_are_one_read():
    one, many = made((61, 67)), made((61, 67))
    for block in (1000, 1024):  # runs that begin within, and with, cells that share their noise
        assert np.array_equal(np.concatenate(list(many.read_in_blocks(0.3, block=block))), one.read(0.3).ravel())
    assert np.array_equal(np.concatenate(list(many[3:9].read_in_blocks(block=64))), one[3:9].read().ravel())
    with pytest.raises(ValueError, match="one for all"):
        one.read_in_blocks(np.zeros((61, 67)))


@pytest.mark.parametrize("storage", ["full", "compact"])
@pytest.mark.parametrize("size", [1, 64, 100, SIZE])
@pytest.mark.parametrize("part", [slice(None), slice(64, None), slice(3, None)])
def test_cells_read_at_voltages_of_their_own(storage, size, part):
    """Each cell reads what it would read if all had its voltage: noise depends on cell and number of the read."""
    if not range(size)[part]:
        return
    cells = made(size, storage=storage)
    low = np.random.default_rng(1).uniform(size=cells[part].shape) < 0.5
    at = {u: cells.copy()[part].read(u) for u in (0.1, -0.3)}
    found = cells.copy()[part].read(np.where(low, 0.1, -0.3))
    assert np.array_equal(found, np.where(low, at[0.1], at[-0.3]))


def test_the_last_cycle_is_followed_by_the_first(state, same_state):
    first, last = made(64), made(64)
    last.apply_voltage(-FAR)
    engine = last.state.engine
    engine._status[:] = (engine._status & ~np.uint32((1 << 29) - 1)) | np.uint32((1 << 29) - 1)
    last.apply_voltage(FAR)
    assert np.all(last.cycle == 0)
    for mine, theirs in zip(last.features, first.features, strict=True):
        assert np.array_equal(mine, theirs)
    for mine, theirs in zip(last.upcoming(3), first.upcoming(3), strict=True):
        assert np.array_equal(mine, theirs)


# ---------------------------------------------------------------------------------------- against full storage


def test_the_same_cells_as_in_full_storage():
    full, packed = made(storage="full"), made()
    assert np.array_equal(full.device, packed.device)
    for _ in range(50):
        for cells in (full, packed):
            cells.apply_voltages([-FAR, FAR])
    for u in (None, -FAR, FAR):
        if u is not None:
            full.apply_voltage(u)
            packed.apply_voltage(u)
        assert np.array_equal(full.mode, packed.mode)
        assert np.array_equal(full.cycle, packed.cycle)
        assert np.abs(full.r - packed.r).max() < 1e-3 * (full.r.max() - full.r.min())
    for name, mine, theirs in zip(full.features._fields, full.features, packed.features, strict=True):
        assert np.median(np.abs(theirs / mine - 1)) < 1e-3, name


# the second falls gradually, then suddenly, and by a step at U_max
@pytest.mark.parametrize("params", [FOUR, FOUR.replace(eta=2.0, stretch=[0.3, 0.05, 0.1])], ids=["power", "stretched"])
def test_scattered_lives_as_in_full_storage(params):
    full, packed = made(20_000, params=params, storage="full"), made(20_000, params=params)
    for k in range(10):
        for cells in (full, packed):
            cells.apply_voltage(voltages(k, 20_000))
    # a voltage within rounding of a threshold (1e-4 V of 3.4 V) may fall on its other side: 20 of 20,000 at the most
    assert np.count_nonzero(np.abs(full.r - packed.r) > 1e-3) < 20
    assert np.count_nonzero(full.mode != packed.mode) < 20
    same = full.mode == packed.mode
    partly = same & (full.mode == sg.Mode.IRS)
    assert partly.sum() > 1000
    fields, theirs = (np.median(cells.state.fields()[:, partly], axis=1) for cells in (full, packed))
    assert np.allclose(fields, theirs, rtol=1e-3)


@pytest.mark.parametrize("shape", [(37, 113), (1, 300), (300, 1), (520, 1100)])
def test_products(shape):
    cells, again = made(shape), made(shape, threads=3)
    for each in (cells, again):
        each.apply_voltages([-FAR, 0.9])
    r, engine = cells.r.astype(float), cells.state.engine
    for transpose, inputs in ((False, shape[1]), (True, shape[0])):
        for count in (1, 2, 5):
            weights = voltages((4, count), count, inputs).astype(np.float32)
            sums = engine.weighted_sums(shape, cells.state.selection, weights, transpose)
            # rounding of a sum of n terms: a random walk of n^1/2 steps of 1e-7, times 40
            assert np.abs(sums - weights @ (r if transpose else r.T)).max() < 4e-6 * inputs**0.5
        v = voltages(1, inputs)
        assert np.array_equal(cells.product(v, transpose=transpose), again.product(v, transpose=transpose))
    part = cells[shape[0] // 3 :, ::-2]
    v = voltages(5, part.shape[1])
    assert np.allclose(
        part.product(v, bandwidth=0), part.current(np.broadcast_to(v, part.shape)).sum(axis=1), rtol=1e-4
    )


# ---------------------------------------------------------------------------------------- statistics


@pytest.mark.parametrize(("states", "bound"), [(4, 0.05), (8, 0.03)])
def test_autocorrelations(states, bound):
    """Of all features' normal scores, over cells of one device, against the VAR(10) that was truncated."""
    lags, size = 200, 60_000
    population = PRESET.population
    alike = sg.Population([1.0], population.means[:1], population.cholesky[:1] * 1e-6)
    cells = sg.CellArray(size, PRESET.replace(population=alike).compact(states), rng=5, storage="compact")
    gamma = PRESET.history.autocovariance(lags)
    deviation = np.sqrt(np.diagonal(gamma[0]))
    first = scores(cells.features)
    worst = 0.0
    for n in range(lags + 1):
        found = scores(cells.features) @ first.T / size
        worst = max(worst, np.abs(found - gamma[n] / np.outer(deviation, deviation)).max())
        if n < lags:
            cells.apply_voltages([-FAR, FAR])
    # 3216 estimates with standard deviations of at most 0.0041; the histories alone are off by 0.041 and 0.023
    assert worst < bound


def scores(features):
    """Normal scores (4, cells): quantile transforms increase, so ranks tell x."""
    return np.stack([stats.zscore(normal_scores(feature)) for feature in features])


def normal_scores(values):
    return stats.norm.ppf((stats.rankdata(values) - 0.5) / len(values))


def test_ten_million_cells():
    """Bytes a cell, and marginals against an array of its own in full storage (KS, false alarm rate 1e-6 each)."""
    cells = sg.CellArray(10_000_000, rng=3, storage="compact")
    engine = cells.state.engine
    buffers = sum(buffer.nbytes for buffer in engine._buffers())
    assert engine.bytes_per_cell == 20
    assert cells.nbytes == 200_000_000
    assert buffers < 20.01 * cells.size
    assert "20 B a cell, 190.7 MiB" in repr(cells)
    cells.apply_voltages([-FAR, FAR, -FAR, FAR])
    assert np.all(engine.status(engine.selection(np.arange(0, cells.size, 997))) >> 30 == sg.Mode.HRS)
    other = sg.CellArray(100_000, PRESET, rng=4)
    other.apply_voltages([-FAR, FAR, -FAR, FAR])
    part = cells[5_000_000:5_100_000].features
    for name, mine, theirs in zip(part._fields, part, other.features, strict=True):
        assert stats.ks_2samp(mine, theirs).pvalue > 1e-6, name


# ---------------------------------------------------------------------------------------- devices of their own


def test_devices_with_shapes_of_their_own_are_kept(state, same_state):
    cells, reference = made(300, params=OWN), sg.CellArray(300, OWN, rng=17, engine="reference")
    assert cells.state.engine.bytes_per_cell == 12 + 2 * 9 + 2 * 20  # eight states and that of the restless scale
    other = cells.copy()  # its devices are drawn again when a voltage needs them
    for each in (cells, reference, other):
        each.apply_voltages([-2.0, 2.0, -2.0, 1.2, -2.0])
    assert_same(cells, other, state, same_state)
    everything = [each.state.engine.selection(None) for each in (cells, reference)]
    mine, theirs = (e.state.engine.device(s) for e, s in zip((cells, reference), everything, strict=True))
    assert np.all(np.abs(mine - theirs).max(axis=1) < 1e-4 * np.ptp(theirs, axis=1))
    assert np.abs(cells.r - reference.r).max() < 2e-4
    assert np.array_equal(cells.mode, reference.mode)


def test_no_trait_of_a_device_leaves_its_bounds():
    compiled = compile_params(OWN)
    rows = scales_of_traits(compiled).reshape(-1, 4)
    ends = [np.asarray(codes.decode(np.uint32([0, 65535]), codes.Scale(*row[:3])), np.float32) for row in rows]
    low, high = np.transpose(ends)
    assert np.all(low >= compiled.bounds[0].astype(np.float32))
    assert np.all(high <= compiled.bounds[1].astype(np.float32))


# ---------------------------------------------------------------------------------------- bad input


def test_what_compact_storage_does_not_do():
    with pytest.raises(ValueError, match="engine='cpu'"):
        sg.CellArray(3, engine="reference", storage="compact")
    with pytest.raises(ValueError, match="history='var'"):
        sg.CellArray(3, history="var", storage="compact")
    with pytest.raises(ValueError, match="storage='small'"):
        sg.CellArray(3, storage="small")
    with pytest.raises(MemoryError, match="20 B"):
        sg.CellArray(10**13, storage="compact")


def test_thresholds_beyond_the_codes_are_counted_as_limited():
    far = PRESET.population.means.copy()
    far[:, 1] = -9.0  # V; codes end at 5 u_max = 7.3 V
    params = FOUR.replace(population=sg.Population(PRESET.population.weights, far, PRESET.population.cholesky))
    cells = made(1000, params=params)
    assert cells.limited() > 990
    assert np.abs(cells.features.u_set + 7.3).max() < 1.0
    cells.apply_voltage(-FAR)
    assert np.all(cells.mode == sg.Mode.LRS)
