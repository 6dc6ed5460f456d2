"""CellArray as users hold it: I-V loops, who is addressed by what, what is told, seeds, memory."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import synaptogen as sg
from synaptogen._utils import memory
from synaptogen.params.device_params import DeviceParams, Population

PRESET = DeviceParams.preset("hennen2024")
FAR = 1e6
KT, Q = 1.380649e-23 * 300, 1.602176634e-19  # J, C
ENGINES = ["cpu", "reference"]

engines = pytest.mark.parametrize("engine", ENGINES)


def published_current(r, u):
    """I(r, U) from the published polynomials."""
    return (1 - r) * np.polyval(PRESET.llrs, u) + r * np.polyval(PRESET.hhrs, u)


def mixing(resistance):
    """r(R) from the published polynomials."""
    low, high = np.polyval(PRESET.llrs, 0.2) / 0.2, np.polyval(PRESET.hhrs, 0.2) / 0.2
    return (low - 1 / np.asarray(resistance, float)) / (low - high)


# ---------------------------------------------------------------------------------------- the I-V loop


@engines
def test_iv_loop_is_the_published_one(engine):
    """A whole loop in closed form, from the features of the cells: down to SET, up through RESET, back."""
    cells = sg.CellArray(50, rng=1, engine=engine, bandwidth=0)
    now, after = cells.features, cells.upcoming(1)
    r_hrs, r_lrs, r_next = mixing(now.r_hrs), mixing(now.r_lrs), mixing(after.r_hrs[0])
    u_set, u_reset = now.u_set.astype(float), now.u_reset.astype(float)

    down = np.linspace(0, -1.5, 151)[1:]
    expected = np.where(down[:, None] > u_set, r_hrs, r_lrs)
    check(cells.sweep(down), expected, down)
    back = np.linspace(-1.5, 0.5, 50)
    check(cells.sweep(back), np.broadcast_to(r_lrs, (50, 50)), back)
    assert u_reset.min() > 0.5

    up = np.linspace(0.5, 1.7, 121)
    u_max, eta = PRESET.u_max, PRESET.eta
    start, end = published_current(r_lrs, u_reset), published_current(r_next, u_max)
    share = np.clip((u_max - up[:, None]) / (u_max - u_reset), 0, 1)
    transition = end + (start - end) * share**eta
    before = published_current(r_lrs, up[:, None])
    beyond = published_current(r_next, up[:, None])
    expected = np.where(up[:, None] <= u_reset, before, np.where(up[:, None] < u_max, transition, beyond))
    trace = cells.sweep(up)
    assert np.allclose(trace, expected, rtol=2e-4, atol=3e-9)
    assert np.all(cells.mode == sg.Mode.HRS)
    assert np.all(cells.cycle == 1)

    down = np.linspace(1.7, -0.4, 60)
    check(cells.sweep(down), np.broadcast_to(r_next, (60, 50)), down)


def check(trace, r, u):
    expected = published_current(r, u[:, None])
    assert np.allclose(trace, expected, rtol=2e-4, atol=3e-9)


@engines
def test_reset_is_continuous_where_it_begins_and_flat_where_it_ends(engine):
    cells = sg.CellArray(30, rng=2, engine=engine)
    cells.apply_voltage(-FAR)
    u_reset = cells.features.u_reset.astype(float)
    before = cells.current(u_reset)
    cells.apply_voltage(u_reset + 1e-5)
    assert np.all(cells.mode == sg.Mode.IRS)
    assert np.allclose(cells.current(u_reset), before, rtol=2e-4)
    goal = published_current(mixing(cells.features.r_hrs), PRESET.u_max)
    near = cells.sweep([1.44, 1.45, 1.459])
    assert np.allclose(near[2], goal, rtol=0.01, atol=1e-9)
    # flat: 20 mV before the end 1e-5 of the way is left
    assert np.all(np.abs(near[0] - goal) < 2e-4 * np.abs(before - goal) + 3e-9)
    cells.apply_voltage(PRESET.u_max)
    assert np.allclose(cells.current(PRESET.u_max), goal, rtol=2e-4, atol=3e-9)


@engines
def test_partial_resets_are_a_ratchet(engine):
    cells = sg.CellArray(40, rng=3, engine=engine)
    cells.apply_voltage(-FAR)
    cells.apply_voltage(1.1)
    partly, cycle = cells.r, cells.cycle
    assert np.all(cycle == 1)
    for u in (1.0, 1.1, 0.9, 0.0, -0.05):  # only a larger voltage moves it on
        cells.apply_voltage(u)
        assert np.array_equal(cells.r, partly)
    cells.apply_voltage(1.2)
    assert np.all(cells.r > partly)
    # the same voltages at once lead to the same place
    twin = sg.CellArray(40, rng=3, engine=engine)
    twin.apply_voltages([-FAR, 1.2])
    assert np.allclose(twin.r, cells.r, rtol=1e-6)
    # a SET from here uses the features of the cycle that has begun
    features = cells.features
    cells.apply_voltage(features.u_set)
    assert np.all(cells.mode == sg.Mode.LRS)
    assert np.array_equal(cells.cycle, cycle)
    assert np.allclose(1 / cells.conductance(), features.r_lrs, rtol=1e-5)


@engines
def test_first_positive_sweep_changes_nothing(engine, state, same_state):
    cells = sg.CellArray((4, 9), rng=4, engine=engine)
    before = state(cells)
    trace = cells.sweep(np.linspace(0, 5, 40))
    same_state(before, state(cells))
    assert np.all(cells.mode == sg.Mode.HRS)
    assert np.allclose(trace[10], cells.current(np.linspace(0, 5, 40)[10]))


@engines
def test_reads_and_zero_voltage_change_nothing(engine, state, same_state):
    cells = sg.CellArray((4, 9), rng=5, engine=engine)
    cells.apply_voltages(np.random.default_rng(0).uniform(-1.5, 1.5, (7, 4, 9)))
    before = state(cells)
    given_ = np.full((4, 9), -2.0)
    cells.read(given_)
    cells.current(given_)
    cells.apply_voltage(0.0)
    cells.apply_voltages(np.zeros((3, 4, 9)))
    cells.apply_voltage(given_, where=np.zeros((4, 9), bool))
    assert np.all(given_ == -2.0)
    after = state(cells)
    assert np.array_equal(after.pop("reads"), before.pop("reads") + 1)
    same_state(before, after)


@engines
def test_set_and_reset_happen_at_the_thresholds_themselves(engine):
    for offset, sets in [(1e-5, False), (0.0, True), (-1e-5, True)]:
        cells = sg.CellArray(200, rng=6, engine=engine)
        cells.apply_voltage(cells.features.u_set + cells.state.engine.dtype(offset))
        assert np.all((cells.mode == sg.Mode.LRS) == sets)
    for offset, begins in [(-1e-5, False), (0.0, False), (1e-5, True)]:
        cells = sg.CellArray(200, rng=6, engine=engine)
        cells.apply_voltage(-FAR)
        cells.apply_voltage(cells.features.u_reset + cells.state.engine.dtype(offset))
        assert np.all((cells.cycle == 1) == begins)
    cells = sg.CellArray(200, rng=6, engine=engine)
    cells.apply_voltages([-FAR, np.nextafter(np.float32(1.46), np.float32(0))])
    assert np.all(cells.mode == sg.Mode.IRS)
    cells.apply_voltage(1.46)
    assert np.all(cells.mode == sg.Mode.HRS)


# ---------------------------------------------------------------------------------------- who is addressed

shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=7)


@st.composite
def indexed(draw):
    """A shape, and an index of it that names no cell twice."""
    shape = draw(shapes)
    kind = draw(st.sampled_from(["basic", "mask", "integers"]))
    if kind == "basic":
        return shape, draw(hnp.basic_indices(shape, allow_newaxis=True))
    if kind == "mask":
        return shape, draw(hnp.arrays(bool, shape))
    rows = draw(
        st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1, max_size=shape[0], unique_by=lambda k: k % shape[0])
    )
    return shape, draw(st.sampled_from([rows, np.array(rows), (rows, Ellipsis)]))


@settings(max_examples=150)
@given(indexed())
def test_views_address_the_cells_that_numpy_would(case):
    shape, key = case
    numbers = np.arange(math.prod(shape)).reshape(shape)
    wanted = numbers[key]
    cells = sg.CellArray(shape, rng=1)
    if wanted.size == 0:
        with pytest.raises(IndexError, match="selects no cells"):
            cells[key]
        return
    view = cells[key]
    assert view.shape == wanted.shape
    assert view.size == wanted.size
    assert np.array_equal(view.r, cells.r[key])
    view.apply_voltage(-FAR)
    assert np.array_equal(cells.mode == sg.Mode.LRS, np.isin(numbers, wanted))
    # each view cell is the right one: they are told apart by voltages of their own
    u = cells.features.u_reset[key] * np.where(np.arange(wanted.size).reshape(wanted.shape) % 2, 0.999, 1.001)
    view.apply_voltage(u)
    begun = np.zeros(numbers.size, int)
    begun[np.ravel(wanted)] = (np.arange(wanted.size) + 1) % 2
    assert np.array_equal(cells.cycle.ravel(), begun)
    assert np.array_equal(view.cycle, cells.cycle[key])
    inner = view[..., None][..., 0] if view.ndim else view
    assert np.array_equal(inner.r, view.r)


@settings(max_examples=100)
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, base_shape=(5, 3, 4), max_dims=3), st.integers(0, 2**32 - 1))
def test_voltages_and_masks_broadcast_as_in_numpy(broadcast, seed):
    rng = np.random.default_rng(seed)
    shape = (5, 3, 4)
    u = rng.choice([-FAR, 0.0, 0.1], broadcast.input_shapes[0])
    mask = rng.uniform(size=broadcast.input_shapes[1]) < 0.5
    cells = sg.CellArray(shape, rng=1)
    cells.apply_voltage(u, where=mask)
    expected = np.broadcast_to(u, shape) * np.broadcast_to(mask, shape) < 0
    assert np.array_equal(cells.mode == sg.Mode.LRS, expected)


@pytest.mark.parametrize("shape", [(6,), (6, 1, 1, 1), (6, 4), (6, 3, 4), (6, 5, 1, 1), (6, 5, 3, 4), (6, 1, 4)])
def test_pulses_broadcast_behind_their_first_axis(shape):
    rng = np.random.default_rng(1)
    pulses = rng.choice([-FAR, FAR, 0.0], shape)
    cells = sg.CellArray((5, 3, 4), rng=1)
    cells.apply_voltages(pulses)
    full = np.broadcast_to(pulses.reshape(6, *[1] * (4 - len(shape)), *shape[1:]), (6, 5, 3, 4))
    # a cycle ends with the first FAR after a -FAR
    is_set, cycle = np.zeros((5, 3, 4), bool), np.zeros((5, 3, 4), int)
    for u in full:
        cycle += is_set & (u > 0)
        is_set = (is_set | (u < 0)) & ~(u > 0)
    assert np.array_equal(cells.cycle, cycle)
    assert np.array_equal(cells.mode == sg.Mode.LRS, is_set)
    trace = sg.CellArray((5, 3, 4), rng=1).sweep(pulses)
    assert trace.shape == (6, 5, 3, 4)


def test_pulses_only_where_the_mask_holds():
    cells = sg.CellArray((3, 4), rng=1)
    mask = np.array([True, False, True, False])
    cells.apply_voltages([-FAR, FAR] * 3, where=mask)
    assert np.array_equal(cells.cycle, np.tile([3, 0, 3, 0], (3, 1)))
    cells.apply_voltages(np.full((2, 3, 4), -FAR), where=mask[None])
    assert np.array_equal(cells.mode == sg.Mode.LRS, np.tile(mask, (3, 1)))
    cells.apply_voltage(-FAR, where=True)
    assert np.all(cells.mode == sg.Mode.LRS)


def test_views_of_views():
    cells = sg.CellArray((8, 8), rng=1)
    cells[2:7][::2][:, [1, 5]][1].apply_voltage(-FAR)
    expected = np.zeros((8, 8), bool)
    expected[4, [1, 5]] = True
    assert np.array_equal(cells.mode == sg.Mode.LRS, expected)


def test_iterating_gives_rows():
    cells = sg.CellArray((3, 4), rng=1)
    assert [row.shape for row in cells] == [(4,)] * 3
    assert len(cells) == 3
    assert np.array_equal(np.stack([row.r for row in cells]), cells.r)
    with pytest.raises(TypeError, match="single cell"):
        len(cells[0, 0])


@engines
def test_a_single_cell(engine):
    cells = sg.CellArray((), rng=1, engine=engine)
    assert (cells.shape, cells.size, cells.ndim) == ((), 1, 0)
    cells.apply_voltages([-FAR, FAR, -FAR])
    assert cells.mode == sg.Mode.LRS
    assert cells.cycle == 1
    assert np.shape(cells.read()) == ()
    assert cells.sweep([0.1, 0.2]).shape == (2,)
    assert cells.features.r_lrs.shape == ()
    assert "1 cell" in repr(cells)


# ---------------------------------------------------------------------------------------- what is told


def test_repr_says_what_is_on():
    cells = sg.CellArray((64, 32), rng=42, threads=3)
    for part in (
        "CellArray(64 x 32",
        "params='hennen2024'",
        "engine=cpu",
        "3 threads",
        "history=VAR(10)",
        "start=stationary",
        "seed=42",
        "noise of 1e+08 Hz at 300 K",
        "B a cell",
        "MiB",
    ):
        assert part in repr(cells), part
    assert "view" not in repr(cells)
    assert "view of 2048 cells" in repr(cells[:3])
    assert "CellArray(3 x 32" in repr(cells[:3])
    other = sg.CellArray(5, rng=1, engine="reference", history="compact", start="pristine", bandwidth=0)
    for part in ("CellArray(5,", "engine=reference", "history=compact(8)", "start=pristine", "no read noise"):
        assert part in repr(other), part


def test_histories_by_name():
    compact = PRESET.compact(4)
    assert sg.CellArray(2, history="compact").params == PRESET.compact(8)
    assert sg.CellArray(2, history="var").params == PRESET
    assert sg.CellArray(2, compact, history="compact").params == compact
    assert sg.CellArray(2, compact, history="var").params.history.order == 10
    assert sg.CellArray(2, compact).params == compact


@engines
@pytest.mark.parametrize("history", ["var", "compact"])
def test_memory_of_a_cell_is_told(engine, history):
    cells = sg.CellArray((100, 100), engine=engine, history=history)
    numbers = 40 if history == "var" else 8
    least = (numbers + 8 + 5) * cells.r.itemsize  # the memory of cycles, the device, r and four features
    assert least <= cells.nbytes / cells.size <= 2 * least
    assert f"{cells.nbytes / cells.size:.0f} B a cell" in repr(cells)
    assert abs(cells[:50].nbytes - cells.nbytes / 2) <= 1


@engines
def test_conductance_and_features_are_consistent(engine):
    cells = sg.CellArray(300, rng=7, engine=engine)
    for pulses in ([0.0], [-FAR], [1.0], [FAR]):
        cells.apply_voltages(pulses)
        assert np.allclose(cells.conductance(), cells.current(0.2) / 0.2, rtol=1e-6)
        assert np.allclose(cells.conductance(), cells.current() / 0.2, rtol=1e-6)
        resistance = 1 / cells.conductance().astype(float)
        if pulses == [-FAR]:
            assert np.allclose(resistance, cells.features.r_lrs, rtol=1e-5)
        if pulses in ([0.0], [FAR]):
            assert np.allclose(resistance, cells.features.r_hrs, rtol=1e-3)
        assert np.allclose(cells.r, mixing(resistance), atol=1e-6)
    assert cells.r.dtype == cells.read().dtype == (np.float32 if engine == "cpu" else np.float64)


@engines
def test_currents_beyond_the_measured_range_stay_passive(engine):
    cells = sg.CellArray(500, rng=8, engine=engine)
    for u in (-50.0, -1.9, -1.0, 1.0, 1.9, 50.0):
        assert np.all(cells.current(u) * u > 0)
    assert np.allclose(cells.current(50.0) / 50, cells.current(PRESET.u_range) / PRESET.u_range, rtol=1e-3)


@engines
@pytest.mark.parametrize("history", ["var", "compact"])
def test_upcoming_features_are_those_that_come(engine, history):
    """Whatever the voltages are that bring the cycles about."""
    cells = sg.CellArray((6, 7), rng=9, engine=engine, history=history)
    cells.apply_voltages([-FAR, 1.0, -FAR], where=np.arange(7) < 3)  # some are partly through
    future = cells.upcoming(6)
    assert future.r_hrs.shape == (6, 6, 7)
    begin, rng = cells.cycle, np.random.default_rng(3)
    seen = np.zeros((6, 6, 7), bool)
    for _ in range(40):
        cells.apply_voltages(rng.uniform(-1.6, 1.6, (2, 6, 7)))
        ahead = (cells.cycle - begin).astype(int)
        for k in range(1, 7):
            here = ahead == k
            seen[k - 1] |= here
            for name in ("r_hrs", "u_set", "r_lrs", "u_reset"):
                assert np.array_equal(getattr(cells.features, name)[here], getattr(future, name)[k - 1][here])
    assert seen[:4].mean() > 0.9
    assert np.array_equal(cells[1, 2].upcoming(2).u_set, cells.upcoming(2).u_set[:, 1, 2])


@engines
def test_running_cycles_gives_their_features(engine, same_cells):
    cells, pulsed = (sg.CellArray((3, 5), rng=9, engine=engine) for _ in range(2))
    future = cells.upcoming(4)
    found = cells[:, ::2].run_cycles(4)
    for name in future._fields:
        assert np.array_equal(getattr(found, name), getattr(future, name)[:, :, ::2])
    assert np.array_equal(cells.cycle, np.tile([4, 0, 4, 0, 4], (3, 1)))
    pulsed[:, ::2].apply_voltages([-FAR, FAR] * 4)
    same_cells(cells, pulsed)


# ---------------------------------------------------------------------------------------- limits


IDENTITY = np.eye(5)[[3, 3, 3, 3]]  # quantile polynomials z = x, increasing everywhere: no x is limited


def population(mean, deviations):
    return Population([1.0], np.array(mean)[None], np.diag(np.maximum(deviations, 1e-30))[None])


def normal_features(mean, deviations):
    return PRESET.replace(population=population(mean, deviations), quantile=IDENTITY)


MEAN = [4.87, -0.68, 4580.0, 0.73, 0.05, 0.02, 20.0, 0.01]


@engines
@pytest.mark.parametrize("feature", range(4))
def test_limited_counts_cells_with_a_negative_scale(engine, feature, unlikely):
    deviations = np.zeros(8)
    deviations[4 + feature] = MEAN[4 + feature]  # sigma is negative with probability Phi(-1)
    cells = sg.CellArray(20_000, normal_features(MEAN, deviations), rng=10, engine=engine)
    negative = cells.device[4 + feature] < 0
    assert cells.limited() == np.count_nonzero(negative)
    share = 0.15865525
    unlikely((cells.limited() - 20_000 * share) / np.sqrt(20_000 * share * (1 - share)))
    cells.apply_voltages([-FAR, FAR] * 3)
    assert cells.limited() == np.count_nonzero(negative)
    assert cells[:100].limited() == np.count_nonzero(negative[:100])
    assert isinstance(int(cells.limited()), int)


@engines
@pytest.mark.parametrize(
    ("feature", "mean", "name", "low", "high"),
    [
        (1, -0.02, "u_set", -np.inf, -1e-3),
        (2, 300.0, "r_lrs", 1.0, 1e12),
        (3, 0.01, "u_reset", 1e-3, np.inf),
    ],
)
def test_limited_counts_features_at_their_limits(engine, feature, mean, name, low, high):
    middle = np.array(MEAN)
    middle[feature], middle[4 + feature] = mean, abs(mean)
    cells = sg.CellArray(20_000, normal_features(middle, np.zeros(8)), rng=11, engine=engine)
    for _ in range(3):
        values = getattr(cells.features, name)
        at_limit = np.isclose(values, low, rtol=1e-5) | np.isclose(values, high, rtol=1e-5)
        assert np.all((values >= low * (1 + 1e-5 * np.sign(-low))) & (values <= high * (1 - 1e-5 * np.sign(-high))))
        assert 0.05 < at_limit.mean() < 0.5
        assert cells.limited() == np.count_nonzero(at_limit)
        cells.apply_voltages([-FAR, FAR])


@engines
def test_no_cell_is_limited_in_a_harmless_population(engine):
    cells = sg.CellArray(5000, normal_features(MEAN, np.zeros(8)), rng=12, engine=engine)
    for _ in range(5):
        assert cells.limited() == 0
        cells.apply_voltages([-FAR, FAR])


@engines
def test_wild_populations_give_devices_all_the_same(engine):
    """A third of all draws is impossible as a device: every cell still sets, resets and reads."""
    wild = np.array([4.87, -0.3, 2000.0, 0.5, 1.0, 0.5, 2000.0, 0.5])
    cells = sg.CellArray(3000, PRESET.replace(population=population(wild, wild.clip(0.5))), rng=13, engine=engine)
    rng = np.random.default_rng(1)
    for _ in range(4):
        trace = cells.sweep(rng.uniform(-2, 2, (6, 3000)))
        assert np.isfinite(trace).all()
        assert all(np.isfinite(feature).all() for feature in cells.features)
        cells.apply_voltage(-FAR)
        assert np.all(cells.mode == sg.Mode.LRS)
        cells.apply_voltage(FAR)
        assert np.all(cells.mode == sg.Mode.HRS)
        assert cells.limited() > 1000
        assert np.all(cells.current(0.2) >= 0)


# ---------------------------------------------------------------------------------------- noise


@engines
def test_noise_of_reads_has_the_variance_of_the_formula(engine, unlikely):
    cells = sg.CellArray(20_000, rng=14, engine=engine)
    cells.apply_voltages([-FAR, 1.0])
    for u, bandwidth in [(0.2, 1e8), (-0.5, 1e7), (0.0, 1e8)]:
        exact = cells.current(u).astype(float)
        g = cells.current(u).astype(float) / u if u else cells.current(1e-3).astype(float) / 1e-3
        deviation = np.sqrt(4 * KT * bandwidth * g + 2 * Q * bandwidth * np.abs(g * u))
        z = (cells.read(u, bandwidth=bandwidth) - exact) / deviation
        unlikely([z.mean() * np.sqrt(z.size), (np.mean(z**2) - 1) * np.sqrt(z.size / 2)])


def test_bandwidth_of_the_array_and_of_a_read():
    quiet, loud = sg.CellArray(500, rng=1, bandwidth=0), sg.CellArray(500, rng=1, bandwidth=1e10)
    exact = quiet.current()
    assert np.array_equal(quiet.read(), exact)
    assert np.array_equal(loud.read(bandwidth=0), exact)
    ratio = np.std(loud.read() - exact) / np.std(loud.read(bandwidth=1e8) - exact)
    assert ratio == pytest.approx(10, rel=0.2)
    assert np.array_equal(quiet.sweep([0.1], noise=True)[0], quiet.current(0.1))


# ---------------------------------------------------------------------------------------- seeds


def test_sources_of_randomness():
    assert sg.CellArray(3, rng=7).seed == 7
    assert sg.CellArray(3, rng=np.int64(7)).seed == 7
    assert sg.CellArray(3, rng=2**64 - 1).seed == 2**64 - 1
    sequence = np.random.SeedSequence(5)
    assert sg.CellArray(3, rng=sequence).seed == sg.CellArray(3, rng=np.random.SeedSequence(5)).seed
    assert sg.CellArray(3, rng=sequence).seed != sg.CellArray(3, rng=np.random.SeedSequence(6)).seed
    children = {sg.CellArray(3, rng=child).seed for child in np.random.SeedSequence(5).spawn(4)}
    assert len(children) == 4
    generator, twin = np.random.default_rng(9), np.random.default_rng(9)
    first, second = sg.CellArray(3, rng=generator).seed, sg.CellArray(3, rng=generator).seed
    assert first != second  # a Generator moves on
    assert first == sg.CellArray(3, rng=twin).seed
    assert sg.CellArray(3).seed != sg.CellArray(3, rng=None).seed


def test_no_global_random_state_is_touched():
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    cells = sg.CellArray(100)
    cells.apply_voltage(-1.0)
    cells.read()
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("rng", [-1, 2**64, np.int64(-5)])
def test_seeds_out_of_range(rng):
    with pytest.raises(ValueError, match="rng"):
        sg.CellArray(3, rng=rng)


@pytest.mark.parametrize("rng", [True, 1.0, "1", [1, 2], np.random.RandomState(1)])
def test_what_is_no_source_of_randomness(rng):
    with pytest.raises(TypeError, match="rng"):
        sg.CellArray(3, rng=rng)


def test_a_refused_array_does_not_use_up_the_generator():
    generator, twin = np.random.default_rng(9), np.random.default_rng(9)
    with pytest.raises(ValueError, match="threads"):
        sg.CellArray(3, rng=generator, threads=0)
    assert sg.CellArray(3, rng=generator).seed == sg.CellArray(3, rng=twin).seed


# ---------------------------------------------------------------------------------------- memory


@engines
def test_arrays_that_do_not_fit_are_refused_before_anything_is_allocated(engine, monkeypatch):
    small = sg.CellArray(100, rng=1, engine=engine)
    monkeypatch.setattr(memory, "available_memory", lambda: 10_000_000)

    def no_engine(*_, **__):
        raise AssertionError("an engine was made")

    monkeypatch.setattr(type(small.state.engine), "__init__", no_engine)
    with pytest.raises(MemoryError, match=r"1,000,000 cells .* GiB .*history='compact'"):
        sg.CellArray((1000, 1000), engine=engine)
    with pytest.raises(MemoryError):
        sg.CellArray((2**40, 2**40), engine=engine)  # more cells than an int64 counts
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(MemoryError):
        small.copy()
    with pytest.raises(MemoryError):
        small.upcoming(1)


@engines
def test_results_that_do_not_fit_are_refused_before_a_cell_changes(engine, monkeypatch, state, same_state):
    cells = sg.CellArray((10, 10), rng=1, engine=engine)
    before = state(cells)
    monkeypatch.setattr(memory, "available_memory", lambda: 30_000)
    for use in (lambda: cells.sweep(np.full(1000, -2.0)), lambda: cells.run_cycles(1000)):
        with pytest.raises(MemoryError, match="parts of the array"):
            use()
    same_state(before, state(cells))


def test_memory_is_not_checked_where_the_machine_does_not_say(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    assert sg.CellArray(10).size == 10


def test_memory_of_this_machine():
    assert memory.available_memory() is None or 2**20 < memory.available_memory() < 2**50
    array = memory.allocate(1000, np.float32)
    assert array.ctypes.data % 64 == 0
    assert not array.any()
    assert array.flags.writeable


@pytest.mark.parametrize("storage", ["full", "compact"])
def test_a_sweep_with_noise_counts_as_its_reads(storage):
    """Three points of a sweep are three reads, so that the next read has noise of its own."""
    swept = sg.CellArray(70, rng=1, storage=storage)
    read = swept.copy()
    trace = swept.sweep([0.1, 0.1, 0.1], noise=True)
    assert np.array_equal(trace, [read.read(0.1) for _ in range(3)])
    assert np.array_equal(swept.read(0.1), read.read(0.1))
