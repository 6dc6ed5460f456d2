"""Pulses with a width and reads with a duration: thresholds shift, and time passes."""

import numpy as np
import pytest
from scipy import stats

import synaptogen as sg

PRESET = sg.DeviceParams.preset("hennen2024")
LAW = sg.PulseWidthParams("mine", 1e-6, 0.1, [(1e-8, 2.0), (1e-6, 1.5), (1e-4, 1.2)])
WIDE = PRESET.with_pulse_width(LAW)
MOVING = WIDE.with_fluctuation("hfox-1t1r")
CLOCK = PRESET.with_fluctuation("hfox-1t1r")


def array(params=WIDE, shape=700, engine="cpu", **options):
    if engine == "compact":
        engine, options["storage"] = "cpu", "compact"
    return sg.CellArray(shape, params, rng=11, engine=engine, **options)


@pytest.fixture(params=["cpu", "reference", "compact"])
def engine(request):
    return request.param


def same(a, b):
    for name in ("r", "mode", "cycle"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_half_of_the_cells_set_at_a_voltage_that_falls_by_kappa_a_decade():
    # The voltage that sets half of the cells is the median U_SET times 1 - kappa log10(w/w_0). The share of cells that
    # it sets is binomial with p = 1/2. Three widths, two-sided, 1e-6 in all.
    n = 20_000
    median = float(np.median(sg.CellArray(200_000, PRESET, rng=1).features.u_set))
    for seed, width in enumerate((1e-8, 1e-6, 1e-4)):
        cells = sg.CellArray(n, WIDE, rng=100 + seed)
        cells.apply_voltage(median * (1 - 0.1 * np.log10(width / 1e-6)), width=width)
        share = float((cells.mode == sg.Mode.LRS).mean())
        limit = stats.norm.isf(1e-6 / 6) * np.sqrt(0.25 / n + 0.25 / 200_000)
        assert abs(share - 0.5) < limit
        cells = sg.CellArray(n, WIDE, rng=200 + seed)  # a voltage that does not follow it misses
        cells.apply_voltage(median, width=width)
        assert width == 1e-6 or abs(float((cells.mode == sg.Mode.LRS).mean()) - 0.5) > 0.2


def test_a_pulse_does_what_its_effective_voltage_does(engine):
    u = np.random.default_rng(1).uniform(-1.2, 1.9, (6, 700)).astype(np.float32)
    widths = np.array([1e-8, 3e-8, 1e-7, 1e-6, 2e-5, 1e-4])
    pulses, plain, one_by_one = (array(engine=engine) for _ in range(3))
    for cells in (pulses, plain, one_by_one):
        cells.apply_voltage(-0.7)
    pulses.apply_voltages(u, width=widths)
    for voltage, width in zip(u, widths, strict=True):
        plain.apply_voltage(LAW.effective_voltage(voltage, width))
        one_by_one.apply_voltage(voltage, width=width)
    same(pulses, plain)
    same(pulses, one_by_one)
    assert len(np.unique(pulses.mode)) == 3
    assert pulses.time == one_by_one.time == pytest.approx(widths.sum())
    assert plain.time == 0.0


def test_the_reference_width_changes_no_bit(engine):
    pulses = [-0.7, 1.1, -2.0, 1.3, 2.0]
    first, second, none = array(engine=engine), array(engine=engine), array(PRESET, engine=engine)
    first.apply_voltages(pulses, width=1e-6)
    second.apply_voltages(pulses)
    none.apply_voltages(pulses)
    same(first, second)
    same(first, none)


def test_currents_flow_at_the_voltage_itself():
    cells, plain = array(), array()
    wave = np.array([0.0, -0.4, -0.8, -0.4, 0.5, 1.1, 0.3])
    noisy = cells.copy()
    found = cells.sweep(wave, width=1e-4)
    for u, current in zip(wave, found, strict=True):
        plain.apply_voltage(LAW.effective_voltage(u, 1e-4))
        np.testing.assert_array_equal(current, plain.current(u))
    same(cells, plain)
    # noise is that of a sweep without widths
    twin = noisy.copy()
    at_reference = noisy.sweep(wave, width=1e-6, noise=True)
    np.testing.assert_array_equal(at_reference, twin.sweep(wave, noise=True))
    np.testing.assert_array_equal(noisy.read(), twin.read())


def test_wires_carry_the_voltage_itself():
    wires = sg.crossbar.Wires(1e-6, 1e-6)
    ideal, wired, plain = (array(shape=(6, 5)) for _ in range(3))
    for cells in (ideal, wired, plain):
        cells.apply_voltage(-2.0)
    ideal.apply_voltage(0.95, width=1e-4)
    wired.apply_voltage(0.95, wires=wires, width=1e-4)
    plain.apply_voltage(LAW.effective_voltage(0.95, 1e-4))
    np.testing.assert_allclose(wired.r, ideal.r, atol=1e-5)
    np.testing.assert_array_equal(ideal.r, plain.r)
    assert wired.time == 1e-4
    # with resistance, the voltages that cells see are those of the network at 0.95 V
    strong = sg.crossbar.Wires(50.0, 50.0)
    cells = array(shape=(6, 5))
    cells.apply_voltage(-2.0)
    cells.apply_voltage(0.95, wires=strong, width=1e-4)
    left = sg.crossbar.solve(cells, strong, rows=np.zeros(6), columns=np.full(5, 0.95)).cells
    at_rest = cells.copy()
    at_rest.apply_voltage(LAW.effective_voltage(left, 1e-4))
    np.testing.assert_allclose(at_rest.r, cells.r, atol=1e-4)
    assert 0 < (cells.mode == sg.Mode.IRS).sum() < 30 or cells.r.std() > 0.01


def test_through_wires_the_first_to_set_takes_voltage_from_the_others():
    """One SET after the other by hand, each followed by a solution of the network, ends in the same state."""
    u, width, wires = -1.0, 1e-7, sg.crossbar.Wires(60.0, 60.0)
    cells, by_hand, at_once = (array(shape=(8, 9)) for _ in range(3))
    cells.apply_voltage(u, wires=wires, width=width)
    at_once.apply_voltage(LAW.effective_voltage(u, width), wires=wires)
    while True:
        left = sg.crossbar.solve(by_hand, wires, rows=np.zeros(8), columns=np.full(9, u)).cells
        ratio = np.where(by_hand.mode == sg.Mode.LRS, 0.0, LAW.effective_voltage(left, width) / by_hand.features.u_set)
        if ratio.max() < 1.0:
            break
        by_hand.apply_voltage(-9.0, where=ratio == ratio.max())
    np.testing.assert_array_equal(cells.mode, by_hand.mode)
    assert 0 < (cells.mode == sg.Mode.LRS).sum() < (at_once.mode == sg.Mode.LRS).sum()


def test_pulses_and_reads_take_their_time(engine):
    timed, waiting = array(MOVING, engine=engine), array(MOVING, engine=engine)
    timed.apply_voltages([-2.0, 1.2], width=[1e-5, 3e-5])
    for u, width in ((-2.0, 1e-5), (1.2, 3e-5)):
        waiting.wait(width)
        waiting.apply_voltage(LAW.effective_voltage(waiting.dtype.type(u), width))
    same(timed, waiting)
    for method in ("read", "current", "conductance"):
        before = getattr(timed.copy(), method)()
        twin = timed.copy()
        np.testing.assert_array_equal(
            getattr(twin, method)(duration=10.0, **({"bandwidth": 1e8} if method == "read" else {})), before
        )
        twin2 = timed.copy()
        twin2.wait(10.0)
        same(twin, twin2)
        assert twin.time == pytest.approx(10.0 + 4e-5)


def test_products_take_their_time():
    cells, waiting = array(MOVING, (20, 35)), array(MOVING, (20, 35))
    v = np.full(35, 0.1)
    np.testing.assert_array_equal(cells.product(v, bandwidth=0, duration=5.0), waiting.product(v, bandwidth=0))
    waiting.wait(5.0)
    same(cells, waiting)


def test_a_clock_without_a_law_moves_and_shifts_nothing(engine):
    cells, waiting = array(CLOCK, engine=engine), array(CLOCK, engine=engine)
    cells.apply_voltage(-0.6, width=2.0)
    waiting.wait(2.0)
    waiting.apply_voltage(-0.6)
    same(cells, waiting)
    assert cells.time == 2.0


def test_a_part_of_an_array_takes_the_whole_along():
    cells = array(MOVING, (7, 100))
    cells[2:4].apply_voltage(-0.7, width=1e-5)
    cells[0].read(duration=1.0)
    assert cells.time == pytest.approx(1.00001)
    mask = np.arange(100) < 50
    cells.apply_voltage(-2.0, where=mask, width=1e-5)
    assert cells.time == pytest.approx(1.00002)
    assert (cells.mode[:, mask] == sg.Mode.LRS).all()


def test_the_duration_of_a_read_sets_its_noise():
    # the mean over a time T has the noise of a bandwidth of 1/(2T)
    cells, twin = array(shape=4000), array(shape=4000)
    np.testing.assert_array_equal(cells.read(duration=1e-3), twin.read(bandwidth=500.0))
    np.testing.assert_array_equal(cells.read(duration=1e-3, bandwidth=7.0), twin.read(bandwidth=7.0))
    silent = array(bandwidth=0.0)
    np.testing.assert_array_equal(silent.read(duration=1e-3), silent.current())
    crossbar, other = array(shape=(4, 5)), array(shape=(4, 5))
    np.testing.assert_array_equal(crossbar.product([0.1] * 5, duration=1e-2), other.product([0.1] * 5, bandwidth=50.0))


def test_what_means_nothing_is_refused(state, same_state):
    plain = array(PRESET, (3, 4))
    before = state(plain)
    for call in (plain.apply_voltage, plain.sweep, plain.apply_voltages):
        with pytest.raises(ValueError, match=r"width means nothing.*with_pulse_width"):
            call([-2.0] if call != plain.apply_voltage else -2.0, width=1e-6)
    wide = array(WIDE, (3, 4))
    for width in (1e-9, 1.0, 0.0, -1e-6, np.nan, "x", [1e-6, 1e-6]):
        for cells in (wide,):
            with pytest.raises((ValueError, TypeError), match="width"):
                cells.apply_voltage(-2.0, width=width)
    with pytest.raises(ValueError, match="width has shape"):
        wide.apply_voltages([-2.0, 1.0, 2.0], width=[1e-6, 1e-6])
    for duration in (0.0, -1.0, np.nan):
        for call in (plain.read, plain.current, plain.conductance):
            with pytest.raises(ValueError, match="duration"):
                call(duration=duration)
        with pytest.raises(ValueError, match="duration"):
            plain.product([0.1] * 4, duration=duration)
    same_state(before, state(plain))
    assert plain.time == wide.time == 0.0


def test_durations_move_the_clock_of_cells_that_stand_still():
    cells = array(PRESET)
    before = cells.r
    cells.read(duration=2.0)
    cells.current(duration=0.5)
    assert cells.time == 2.5
    np.testing.assert_array_equal(cells.r, before)


@pytest.mark.parametrize("params", [WIDE, MOVING])
def test_blocks_on_disk_are_the_cells_of_an_array(tmp_path, params):
    disk = sg.outofcore.DiskArray((24, 8), params, path=tmp_path / "cells", rng=3, block=128)
    cells = sg.CellArray((24, 8), params, rng=3)
    for each in (disk, cells):
        each.apply_voltages([-0.7, 1.2, -0.6], width=[1e-8, 1e-6, 1e-4])
        each.apply_voltage(1.1, where=np.arange(8) % 2 == 0, width=1e-5)
    same(disk, cells)
    for method in ("sweep", "product"):
        argument = {"sweep": [-0.5, 1.0], "product": [0.1] * 8}[method]
        options = {"width": 1e-5, "noise": True} if method == "sweep" else {"duration": 3.0}
        np.testing.assert_array_equal(
            getattr(disk, method)(argument, **options), getattr(cells, method)(argument, **options)
        )
    np.testing.assert_array_equal(disk.read(duration=2.0), cells.read(duration=2.0))
    same(disk, cells)
    assert disk.time == pytest.approx(cells.time)
    assert disk.voltages == 6
    again = sg.load(tmp_path / "cells")
    same(again, cells)
    for each in (again, cells):
        each.apply_voltage(1.2, width=1e-5)
    same(again, cells)
    with pytest.raises(ValueError, match="width"):
        disk.apply_voltage(1.0, width=1.0)
    same(disk, sg.load(tmp_path / "cells"))


def test_it_is_told(tmp_path):
    cells = array(MOVING)
    assert "pulse widths of 'mine' (1e-06 s)" in repr(cells)
    cells.save(tmp_path / "cells")
    assert sg.load(tmp_path / "cells").params == MOVING
