"""The compiled engine against the reference: any program of voltages, reads and products, any kind of parameter set.

Both engines draw the same random numbers, so that cells, cycles and noise can be compared one by one. What single
precision cannot decide is set aside: a cell whose threshold lies within rounding of a voltage that was applied to it.
Such cells are found on the reference engine, and must be fewer than one in a hundred.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import synaptogen as sg
from synaptogen.model.switching import CYCLE
from synaptogen.params.device_params import DeviceParams, Population

PRESET = DeviceParams.preset("hennen2024")
FAR = 1e6
TOO_CLOSE = 5e-6  # V; thresholds agree to about 1e-6 V between engines


def log_sigma():
    means, cholesky = PRESET.population.means.copy(), 0.3 * PRESET.population.cholesky
    means[:, 4:] = np.log(means[:, 4:])
    cholesky[:, 4:, :] = 0
    cholesky[:, range(4, 8), range(4, 8)] = 0.2
    return PRESET.replace(population=Population(PRESET.population.weights, means, cholesky, sigma_scale="log"))


def other_degrees():
    return PRESET.replace(
        quantile=[[0.05, 0.9, 0.0], [-0.1, 1.0, 0.1], [0.05, 0.9, 0.0], [0.02, 1.0, 0.0]],
        llrs=[1e-5, 2e-5, 2.65e-4, 0.0],
        hhrs=[2e-6, 1e-6, 0.0],
        eta=2.0,
    )


def stretched():
    """Knee within the range of U_RESET, and a step at U_max."""
    return PRESET.compact(4).replace(eta=2.0, stretch=[0.3, 0.05, 0.1])


def of_tests(name):
    """A parameter set of the tests: curves as scales and bounds of devices, or shapes and memory of devices besides."""
    return DeviceParams.from_json(Path(__file__).parents[1] / "data" / f"{name}.json")


SETS = {
    "VAR(10)": lambda: PRESET,
    "VAR(1)": lambda: PRESET.with_order(1),
    "VAR(2)": lambda: PRESET.with_order(2),
    "compact(4)": lambda: PRESET.compact(4),
    "compact(5)": lambda: PRESET.compact(5),
    "compact(8)": lambda: PRESET.compact(8),
    "log sigma": log_sigma,
    "other degrees": other_degrees,
    "stretched": stretched,
    "feature scales": lambda: of_tests("feature_scales"),
    "own laws": lambda: of_tests("own_laws"),
}


class Pair:
    """The same cells on both engines, and which of them can still be compared."""

    def __init__(self, shape, params, seed, start):
        self.cpu, self.reference = (
            sg.CellArray(shape, params, rng=seed, start=start, engine=engine, threads=2)
            for engine in ("cpu", "reference")
        )
        self.params = params
        self.clear = np.ones(shape, bool)

    def views(self, key):
        return self.cpu[key], self.reference[key]

    def watch(self, pulses, key=..., where=True):
        """Before voltages are applied: strike out cells that are too close to call, by going through them on a copy."""
        ghost = self.reference[key].copy()
        where = np.broadcast_to(where, ghost.shape)
        clear = self.clear[key].copy()
        for u in pulses:
            u = np.broadcast_to(u, ghost.shape)
            fields = ghost.state.engine.fields(slice(None)).reshape(7, *ghost.shape)
            u_set, u_reset, u_ratchet = fields[0], fields[2], fields[4]
            partly = ghost.mode == sg.Mode.IRS
            threshold = np.where(partly, u_ratchet, u_reset)
            close = np.abs(u - u_set) < TOO_CLOSE
            close |= (np.abs(u - threshold) < TOO_CLOSE) & ~(partly & (np.float32(u) == np.float32(u_ratchet)))
            clear &= ~(close & where)
            ghost.apply_voltage(u, where=where)
        self.clear[key] = clear

    def compare(self):
        clear = self.clear
        assert np.count_nonzero(~clear) <= 0.01 * clear.size + 1
        a, b = self.cpu, self.reference
        assert np.array_equal(a.mode[clear], b.mode[clear])
        assert np.array_equal(a.cycle[clear], b.cycle[clear])
        assert np.array_equal(
            a.state.status()[clear.ravel()], b.state.status()[clear.ravel()]
        )  # also which cells were limited
        assert np.abs(a.r - b.r)[clear].max() < 5e-6
        p = self.params.constants()
        for name in ("u_set", "r_lrs", "u_reset"):
            assert np.allclose(getattr(a.features, name)[clear], getattr(b.features, name)[clear], rtol=1e-4), name
        # conductances of high states are small differences, known as well as the mixing state is
        conductance = 1 / b.features.r_hrs[clear]
        off = np.abs(1 / a.features.r_hrs[clear].astype(float) - conductance)
        assert np.all(off < 1e-4 * conductance + 5e-6 / p.per_span)

    def compare_currents(self, a, b, u, noise, key=...):
        """Currents at voltages u of one read or of a sweep, with the noise of the same random numbers or without."""
        assert a.dtype == np.float32
        clear = np.broadcast_to(self.clear[key], b.shape)
        p = self.params.constants()
        scale = np.abs(np.asarray(u, float)) * (5e-6 / p.per_span + 1e-5 * p.g_llrs)
        deviation = np.sqrt((1.66e-20 + 3.3e-19 * np.abs(u)) * 1e8 * p.g_llrs) if noise else 0.0
        off = np.abs(a.astype(float) - b)
        assert np.all((off <= 1e-5 * np.abs(b) + 5e-6 * np.abs(b).max() + scale + 1e-4 * deviation)[clear])


# ---------------------------------------------------------------------------------------- programs

millivolts = st.integers(-1900, 1900).map(lambda k: k / 1000)
voltages = st.one_of(millivolts, st.sampled_from([0.0, 1.46, -1.5, 1.5, -FAR, FAR, -0.001, 0.001]))
seeds = st.integers(0, 2**32 - 1)
keys = st.sampled_from(["rows", "strided", "column", "one", "mixed"])
operations = st.one_of(
    st.tuples(st.just("all"), voltages),
    st.tuples(st.just("cycle"), st.integers(1, 12)),
    st.tuples(st.just("each"), seeds),
    st.tuples(st.just("where"), seeds, voltages),
    st.tuples(st.just("pulses"), seeds, st.integers(1, 5)),
    st.tuples(st.just("pulses where"), seeds, st.lists(voltages, min_size=1, max_size=5)),
    st.tuples(st.just("view"), keys, seeds, st.booleans()),
    st.tuples(st.just("sweep"), st.lists(voltages, min_size=1, max_size=6), st.booleans()),
    st.tuples(st.just("sweep of a view"), keys, seeds),
    st.tuples(st.just("read"), seeds, st.booleans()),
    st.tuples(st.just("read of a view"), keys),
    st.tuples(st.just("product"), seeds, st.booleans(), st.integers(1, 6)),
)
SHAPE = 11, 19


def key_of(name, rng):
    if name == "mixed":
        chosen = rng.permutation(SHAPE[0] * SHAPE[1])[:40]
        return np.unravel_index(chosen, SHAPE)
    return {
        "rows": np.s_[2:7],
        "strided": np.s_[::2, 1::3],
        "column": np.s_[:, 4],
        "one": np.s_[int(rng.integers(11)), int(rng.integers(19))],
    }[name]


def random_voltages(rng, shape):
    return np.round(rng.uniform(-1.7, 1.7, shape), 3)


def run(pair, operation):
    kind, *details = operation
    rng = np.random.default_rng(details[0] if isinstance(details[0], int) else 0)
    both = pair.cpu, pair.reference
    if kind == "all":
        pair.watch(details)
        for cells in both:
            cells.apply_voltage(details[0])
    elif kind == "cycle":
        for cells in both:
            cells.apply_voltages([-FAR, FAR] * details[0])
    elif kind == "each":
        u = random_voltages(rng, SHAPE)
        pair.watch([u])
        for cells in both:
            cells.apply_voltage(u)
    elif kind == "where":
        mask = rng.uniform(size=SHAPE) < 0.4
        pair.watch([details[1]], where=mask)
        for cells in both:
            cells.apply_voltage(details[1], where=mask)
    elif kind == "pulses":
        u = random_voltages(rng, (details[1], *SHAPE))
        pair.watch(u)
        for cells in both:
            cells.apply_voltages(u)
    elif kind == "pulses where":
        mask = rng.uniform(size=SHAPE[1]) < 0.4
        pair.watch(details[1], where=mask)
        for cells in both:
            cells.apply_voltages(details[1], where=mask)
    elif kind == "view":
        rng = np.random.default_rng(details[1])
        key = key_of(details[0], rng)
        views = pair.views(key)
        u = random_voltages(rng, (3, *views[0].shape)) if details[2] else random_voltages(rng, 3)
        pair.watch(u, key)
        for cells in views:
            cells.apply_voltages(u)
    elif kind == "sweep":
        pair.watch(details[0])
        a, b = (cells.sweep(details[0], noise=details[1]) for cells in both)
        u = np.reshape(details[0], (-1, 1, 1))
        pair.compare_currents(a, b, u, details[1])
    elif kind == "sweep of a view":
        rng = np.random.default_rng(details[1])
        key = key_of(details[0], rng)
        views = pair.views(key)
        u = random_voltages(rng, (4, *views[0].shape))
        pair.watch(u, key)
        a, b = (cells.sweep(u, noise=True) for cells in views)
        pair.compare_currents(a, b, u, True, key)
    elif kind == "read":
        u = random_voltages(rng, SHAPE) if details[1] else 0.2
        pair.compare_currents(*(cells.read(u) for cells in both), u, True)
        pair.compare_currents(*(cells.current(u) for cells in both), u, False)
    elif kind == "read of a view":
        key = key_of(details[0], rng)
        pair.compare_currents(*(cells.read(0.3) for cells in pair.views(key)), 0.3, True, key)
    elif kind == "product":
        compare_products(pair, rng, *details[1:])


def compare_products(pair, rng, transpose, batch):
    if not pair.clear.all():
        return
    inputs = SHAPE[0] if transpose else SHAPE[1]
    v = rng.uniform(-0.3, 0.3, (batch, inputs))
    for bandwidth in (0.0, 1e8):
        a, b = (
            cells.product(v if transpose else v.T, transpose=transpose, bandwidth=bandwidth)
            for cells in (pair.cpu, pair.reference)
        )
        assert a.dtype == np.float32
        assert a.shape == b.shape
        assert np.abs(a - b).max() < 3e-6 * inputs * 0.3 * pair.params.constants().g_llrs


@pytest.mark.parametrize("name", SETS)
# programs take too long to be shrunk each time
@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(seeds, st.sampled_from(["stationary", "pristine"]), st.lists(operations, min_size=3, max_size=12))
def test_any_program_gives_the_same_cells(name, seed, start, program):
    pair = Pair(SHAPE, SETS[name](), seed, start)
    for operation in program:
        run(pair, operation)
        pair.compare()


# ---------------------------------------------------------------------------------------- chosen programs


@pytest.mark.parametrize("start", ["stationary", "pristine"])
@pytest.mark.parametrize("name", SETS)
def test_many_cycles_of_cells_out_of_step(name, start):
    pair = Pair(SHAPE, SETS[name](), 3, start)
    rng = np.random.default_rng(1)
    for k in range(30):
        mask = rng.uniform(size=SHAPE) < 0.6
        for cells in (pair.cpu, pair.reference):
            cells.apply_voltages([-FAR, FAR], where=mask)
        if k % 10 == 9:
            pair.compare()
    assert pair.cpu.cycle.min() < pair.cpu.cycle.max() - 5
    assert pair.clear.all()


@pytest.mark.parametrize("name", SETS)
def test_devices(name):
    for seed in (0, 2**64 - 1):
        pair = Pair((3, 700), SETS[name](), seed, "stationary")
        a, b = pair.cpu.device, pair.reference.device
        assert a.shape == b.shape == (8, 3, 700)
        for row in range(8):
            assert np.allclose(a[row], b[row], rtol=1e-5, atol=1e-5 * np.abs(b[row]).max())
        pair.compare()


@pytest.mark.parametrize("name", ["VAR(10)", "compact(8)"])
def test_future_is_the_same(name):
    pair = Pair(200, SETS[name](), 4, "stationary")
    a, b = (cells.upcoming(25) for cells in (pair.cpu, pair.reference))
    for mine, theirs in zip(a[1:], b[1:], strict=True):
        assert np.allclose(mine, theirs, rtol=1e-4)
    assert np.allclose(np.log(a.r_hrs), np.log(b.r_hrs), atol=1e-3)


def test_partial_resets_in_small_steps():
    pair = Pair(400, PRESET, 5, "stationary")
    up = np.arange(0.5, 1.46, 0.0123)
    for cells in (pair.cpu, pair.reference):
        cells.apply_voltage(-FAR)
    pair.watch(up)
    a, b = (cells.sweep(up) for cells in (pair.cpu, pair.reference))
    pair.compare_currents(a, b, up[:, None], False)
    pair.compare()
    assert np.count_nonzero(pair.cpu.mode == sg.Mode.IRS) > 390


def test_population_that_is_limited_often():
    means = PRESET.population.means.copy()
    means[:, 4:] *= [3, 4, 8, 6]
    wide = PRESET.replace(population=Population(PRESET.population.weights, means, PRESET.population.cholesky))
    pair = Pair(3000, wide, 6, "stationary")
    for cells in (pair.cpu, pair.reference):
        cells.apply_voltages([-FAR, FAR] * 3)
    assert 20 < pair.reference.limited() < 2000
    assert pair.cpu.limited() == pair.reference.limited()
    assert np.array_equal(pair.cpu.state.status(), pair.reference.state.status())


def with_cycle(cells, number):
    """Give all cells, which must be in HRS, another cycle number: as if they had lived that long."""
    state = cells.state.engine.dump(0, cells.size)
    for words in (state.get("word"), state.get("hot")):
        if words is not None:
            row = words if words.ndim == 1 else words[0]
            row[:] = (row & ~np.uint32(CYCLE)) | np.uint32(number)
    cells.state.engine.restore(0, state)


@pytest.mark.parametrize("name", ["VAR(10)", "VAR(2)", "compact(4)"])
def test_cycle_numbers_start_again_at_zero_on_both_engines(name):
    # a small array is there in minutes. What the CPU engine has drawn ahead is passed over when cells are given another
    # number, so that they can be compared from cycle 0 on
    pair = Pair(100, SETS[name](), 7, "stationary")
    for cells in (pair.cpu, pair.reference):
        cells.apply_voltages([-FAR, FAR] * 19)
        with_cycle(cells, CYCLE - 12)
    for k in range(43):
        for cells in (pair.cpu, pair.reference):
            cells.apply_voltages([-FAR, FAR])
        if k >= 12:
            pair.compare()
            assert pair.cpu.cycle.max() == k - 12


@pytest.mark.parametrize("view", [False, True])
def test_read_numbers_start_again_at_zero_on_both_engines(view):
    results = []
    for engine in ("cpu", "reference"):
        cells = sg.CellArray(100, rng=1, engine=engine)
        cells = cells[5:90] if view else cells
        cells.read()
        cells.state.advance_reads(2**32 - 3)
        results.append([cells.read(), *cells.sweep([0.1, 0.2, 0.1], noise=True), cells.read()])
    for a, b in zip(*results, strict=True):
        assert np.allclose(a, b, rtol=1e-3, atol=1e-11)


def test_product_numbers_go_on_beyond_32_bits_on_both_engines():
    results = []
    for engine in ("cpu", "reference"):
        cells = sg.CellArray((5, 9), rng=1, engine=engine)
        cells.state.counters.products = 2**32 - 1
        v = np.full(9, 0.2)
        results.append([cells @ v, cells @ v])
    for a, b in zip(*results, strict=True):
        assert np.allclose(a, b, rtol=1e-4)
