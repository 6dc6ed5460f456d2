"""Parameters come back from reads of virtual cells whose parameters are known."""

from dataclasses import replace

import numpy as np
import pytest

import synaptogen as sg

learn = pytest.importorskip("synaptogen.learn")

from synaptogen.learn.fluctuation import ReadGroup, figures_of, groups_of, rows_of  # noqa: E402  # an extra

PRESET = sg.FluctuationParams.preset("hfox-1t1r")
DEVICE = sg.DeviceParams.preset("hennen2024")
CELLS, READS = 48, 420


def cells_with(fluctuation, n, seed):
    cells = sg.CellArray(n, DEVICE.with_fluctuation(fluctuation), rng=seed)
    cells.apply_voltage(-2.0)
    cells.apply_voltage(2.0)  # into the HRS, at time 0
    return cells


def reads_of(fluctuation, times, n=CELLS, seed=11, temperature=None):
    """Conductances (cells, times) that the engine makes, the first read right after the write."""
    cells = cells_with(fluctuation, n, seed)
    g = [cells.conductance()]
    for step in np.diff(times):
        cells.wait(float(step), temperature=temperature)
        g.append(cells.conductance())
    return np.stack(g, axis=1).astype(float)


def figures_at(fluctuation, g, reads, cells=600, seed=77):
    """Figures of many virtual cells about a conductance."""
    group = ReadGroup("", np.full((2, reads), np.log(g)), np.arange(reads) * 1.0, np.full(reads, np.nan), reads)
    made = group.simulated(fluctuation, cells, seed)
    return figures_of(rows_of(made.log_g, made.dense))


TRUTHS = {
    "white three times less, more drift": replace(PRESET, white=PRESET.white / 3, walk=2 * PRESET.walk),
    "no telegraph": replace(PRESET, trap_share=0.0),
}


@pytest.fixture(scope="module", params=TRUTHS)
def fitted(request):
    truth = TRUTHS[request.param]
    g = reads_of(truth, np.arange(READS) * 1.0)
    return request.param, truth, g, learn.fit_fluctuation(learn.reads(conductance=g, time=np.arange(READS)), rng=3)


def test_statistics_of_other_truths_are_recovered(fitted):
    # 48 cells tell a median of sd/G to .8/sqrt(48) x 1.25 = .14, its spread and a robust sd to .08 and .13; bounds
    # are three of these, and those of shares three binomial errors: one in 100 fits would leave them by chance
    _, truth, g, result = fitted
    middle = float(np.median(g[:, 0]))
    own, made = (figures_at(p, middle, READS) for p in (truth, result.params))
    for name, bound in {
        "sd": 0.42,
        "sd, spread": 0.27,
        "white": 0.42,
        "moved 1, ln rsd": 0.39,
        "moved 10, ln rsd": 0.39,
        "moved 100, ln rsd": 0.39,
        f"moved {READS - 1}, ln rsd": 0.39,
        "moved 100, median": 0.06,
        "exponent": 0.25,
        "two levels": 0.18,
    }.items():
        assert abs(made[name] - own[name]) < bound, (name, own[name], made[name])


def test_what_differs_from_the_preset_is_found(fitted):
    name, _, _, result = fitted
    if name == "no telegraph":
        # what traps do to a median cell
        strength = [p.trap_share * p.trap_active * p.trap_separation for p in (result.params, PRESET)]
        assert strength[0] < 0.6 * strength[1]
    else:
        assert {"white", "walk"} <= set(result.learned)
        assert result.params.white < PRESET.white / 1.8
        assert 1.4 < result.params.walk / PRESET.walk < 2.8


def test_the_result_says_what_was_learned_and_whose_the_rest_is(fitted):
    _, _, _, result = fitted
    assert {"white", "walk"} <= set(result.learned)
    assert result.origin["energy"].startswith("preset 'hfox-1t1r': assumed")
    assert result.origin["fastest"].startswith("interval of the reads, 1 s")
    assert result.params.energy == PRESET.energy
    assert set(result.params.source["learned"].split(", ")) == set(result.learned)
    assert f"cells x {READS} reads" in result.params.source["measurements"]
    assert "numbers were learned" in result.verdict
    assert DEVICE.with_fluctuation(result.params).fluctuation == result.params


def test_a_seed_makes_the_same_parameters():
    g = reads_of(PRESET, np.arange(80) * 1.0, 20)
    data = learn.reads(conductance=g, time=np.arange(80))
    one, two = (learn.fit_fluctuation(data, rng=5).params for _ in range(2))
    assert one == two
    assert one != learn.fit_fluctuation(data, rng=6).params


def test_few_reads_tell_amplitudes_alone():
    g = reads_of(PRESET, np.arange(80) * 1.0, 20)
    result = learn.fit_fluctuation(learn.reads(conductance=g), rng=5, interval=1.0)
    assert set(result.learned) <= {"white", "walk", "walk_skew", "flicker", "trap_separation"}
    assert result.params.flicker_slope == PRESET.flicker_slope
    assert any("not timed" in note for note in result.notes)


DOWN = replace(PRESET, walk=0.04, walk_skew=-0.5)
SERIES = {
    "60 cells x 20 reads": (60, np.arange(20.0), None),
    "40 cells, retention at a temperature": (40, np.array([0, 10, 100, 1e3, 1e4, 1e5, 1e6, 3e6]), 358.0),
    "10 cells x 100 reads": (10, np.arange(100.0), None),
}


@pytest.mark.parametrize("name", SERIES)
def test_few_reads_tell_whether_cells_drift_down(name):
    # a median of n cells is known to 1.25 sd / sqrt(n), and a robust sd to 1.2 / sqrt(2 n) of it;
    # bounds are three of these
    n, times, kelvin = SERIES[name]
    g = reads_of(DOWN, times, n, temperature=kelvin)
    data = learn.reads(conductance=g, time=times, temperature=kelvin)
    result = learn.fit_fluctuation(data, rng=3)
    assert "walk_skew" in result.learned
    moved = [_moved(params, times, kelvin, g) for params in (result.params, DOWN)]
    deviation = np.std(moved[1])
    assert abs(np.median(moved[0]) - np.median(moved[1])) < 3 * 1.25 * deviation / np.sqrt(n)
    assert np.median(moved[0]) < 0
    assert abs(np.log(_width(moved[0]) / _width(moved[1]))) < 3 * 1.2 / np.sqrt(2 * n)


def _moved(params, times, kelvin, g):
    heat = np.full(len(times), np.nan if kelvin is None else kelvin)
    group = ReadGroup("", np.log(g), times, heat, 2)
    log_g = group.simulated(params, 2000, 99).log_g
    return log_g[:, -1] - log_g[:, 0]


def _width(x):
    return np.subtract(*np.percentile(x, (84, 16))) / 2


def test_short_series_tell_the_white_part():
    # 60 cells tell the median of the white part, of sd .85 in ln, to .14; and the preset's is six times smaller
    truth = replace(PRESET, white=6 * PRESET.white)
    g = reads_of(truth, np.arange(20.0), 60)
    result = learn.fit_fluctuation(learn.reads(conductance=g, time=np.arange(20.0)), rng=3)
    assert "white" in result.learned
    assert abs(np.log(result.params.white / truth.white)) < 3 * 0.14
    uneven = learn.reads(conductance=g[:, :7], time=np.arange(7.0))
    assert result.params.fastest == PRESET.fastest
    assert "8 or more evenly spaced" in learn.fit_fluctuation(uneven, rng=3).origin["white"]


def test_the_interval_of_reads_sets_the_scale_of_time():
    g = reads_of(PRESET, np.arange(80) * 1.0, 20)
    fast = learn.fit_fluctuation(learn.reads(conductance=g, time=np.arange(80) * 1e-3), rng=5).params
    slow = learn.fit_fluctuation(learn.reads(conductance=g, time=np.arange(80)), rng=5).params
    assert fast.fastest == pytest.approx(1e-3 * slow.fastest)
    assert fast.onset == pytest.approx(1e-3 * slow.onset)
    assert fast.walk == pytest.approx(slow.walk, rel=0.2)


def bake_of(truth, kelvin, seed, n=240):
    """Cells of many levels before and after half an hour at a temperature, the first read right after the write."""
    group = np.geomspace(4e-6, 2.4e-4, n)
    times = np.array([0.0, 1800.0])
    g = ReadGroup("", np.log(np.stack([group, group], axis=1)), times, np.array([np.nan, kelvin]), 2)
    return np.exp(g.simulated(truth, n, seed).log_g)


def test_bakes_tell_the_fall_with_conductance_and_the_energy():
    # spreads of 150 cells a level are known to 10 %: eight levels at two temperatures give h and the exponent to about
    # 6 and 5 %, and the energy to about .2 eV, as the fit says; bounds are three of these and more
    truth = replace(PRESET, half_conductance=4e-5, exponent=2.5, energy=0.5)
    g = np.concatenate([bake_of(truth, kelvin, k, 1200) for k, kelvin in enumerate((300, 480))])
    kelvin = np.repeat([[np.nan, 300.0], [np.nan, 480.0]], 1200, axis=0)
    result = learn.fit_fluctuation(learn.reads(conductance=g, time=[0, 1800], temperature=kelvin), age=0, rng=1)
    assert {"half_conductance", "exponent", "walk"} <= set(result.learned)
    assert abs(np.log(result.params.half_conductance / truth.half_conductance)) < 0.35
    assert abs(np.log(result.params.exponent / truth.exponent)) < 0.3
    assert abs(result.params.energy - truth.energy) < 0.6


def test_bakes_of_other_chips_tell_the_energy_poorly():
    # spreads of chips differ by 10 %, which is what half an eV does here
    tables = [
        learn.reads(conductance=bake_of(PRESET, kelvin, k), time=[0, 1800], temperature=[np.nan, kelvin])
        for k, kelvin in enumerate((353, 400))
    ]
    result = learn.fit_fluctuation(tables, age=0, rng=1)
    assert 0.0 < result.params.energy < 2.2
    assert "poorly" in result.origin["energy"]
    assert "from chip to chip" in result.params.source["energy"]


@pytest.mark.parametrize("kelvin", [[np.nan, np.nan], [np.nan, 400.0], [400.0, 400.0]])
def test_one_temperature_leaves_the_energy_assumed(kelvin):
    table = learn.reads(conductance=bake_of(PRESET, 400, 1), time=[0, 1800], temperature=kelvin)
    result = learn.fit_fluctuation(table, rng=1)
    assert result.params.energy == PRESET.energy
    assert "assumed" in result.origin["energy"]


def test_groups_are_levels_and_schedules():
    g = np.concatenate([bake_of(PRESET, 300, 1), bake_of(PRESET, 300, 2)])
    time = np.tile([0.0, 1800.0], (len(g), 1))
    time[240:] *= 2
    found = groups_of([learn.reads(conductance=g, time=time, temperature=[300, 350])], 1.0, None)
    assert {group.seconds[-1] for group in found.groups} == {600 + 1800.0, 600 + 3600.0}
    assert sum(group.cells for group in found.groups) == 480
    for one in found.groups:
        assert one.cells >= 24
    assert any("600 s after the write" in note for note in found.notes)


def test_cells_with_gaps_are_filled_or_left_out():
    g = reads_of(PRESET, np.arange(80) * 1.0, 20)
    g[3, 5:7] = np.nan
    g[4, 5:40] = np.nan
    g[5, 0] = np.nan
    found = groups_of([learn.reads(conductance=g)], 1.0, None)
    assert sum(group.cells for group in found.groups) == 18
    assert all(np.isfinite(group.log_g).all() for group in found.groups)
    assert any("2 of 20 cells" in note for note in found.notes)


def test_too_few_cells_are_refused():
    with pytest.raises(ValueError, match="fewer than 5 cells"):
        learn.fit_fluctuation(learn.reads(conductance=np.full((4, 10), 1e-5)))


@pytest.mark.parametrize(("argument", "value"), [("interval", 0.0), ("age", -1.0), ("preset", "none")])
def test_unsound_arguments_are_refused(argument, value):
    with pytest.raises(ValueError, match=argument if argument != "preset" else "none"):
        learn.fit_fluctuation(learn.reads(conductance=np.full((9, 10), 1e-5)), **{argument: value})
