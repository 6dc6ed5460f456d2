"""Odd but possible measurements: a fit describes the devices, or says what it cannot do and why."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen import learn

NAMES = ("r_hrs", "u_set", "r_lrs", "u_reset")
DEVICES, CYCLES = 20, 60


def usual(devices=DEVICES, cycles=CYCLES, seed=0):
    """Features of devices that differ, without memory: (devices, cycles) of each."""
    rng = np.random.default_rng(seed)

    def one(spread, scatter):
        return spread * rng.standard_normal((devices, 1)) + scatter * rng.standard_normal((devices, cycles))

    return {
        "r_hrs": 1e5 * np.exp(one(0.3, 0.4)),
        "u_set": -0.7 + np.clip(one(0.03, 0.05), -0.4, 0.4),
        "r_lrs": 3e3 * np.exp(one(0.1, 0.08)),
        "u_reset": 0.8 + np.clip(one(0.03, 0.04), -0.4, 0.4),
    }


def fitted(values, **options):
    return learn.fit(learn.features(**values), **options)


def is_sensible(params, values, wide=2.5, off=0.35):
    """Simulated cells are finite, and their middle and widths are about those of the measured cycles."""
    made = sg.CellArray(600, params, rng=1, engine="reference").run_cycles(12)
    for name in values:
        want, have = (np.ravel(np.asarray(x, dtype=np.float64)) for x in (values[name], getattr(made, name)))
        want = want[np.isfinite(want)]
        assert np.all(np.isfinite(have)), name
        if name.startswith("r_"):
            assert np.all(have > 0), name
            want, have = np.log(want), np.log(have)
        low, middle, high = np.percentile(want, [10, 50, 90])
        least, found, most = np.percentile(have, [10, 50, 90])
        width = high - low
        assert abs(found - middle) < off * width + 0.02, (name, found, middle, width)
        assert width / wide - 0.02 < most - least < wide * width + 0.02, (name, most - least, width)


def rounded(values):
    return {
        name: np.round(v / step) * step for (name, v), step in zip(values.items(), (5e3, 0.05, 100, 0.05), strict=True)
    }


def with_gaps(values):
    lost = np.random.default_rng(1).random((DEVICES, CYCLES)) < 0.3
    return {name: np.where(lost, np.nan, v) for name, v in values.items()}


def of_unequal_length(values):
    ends = np.linspace(35, CYCLES, DEVICES)[:, None]
    return {name: np.where(np.arange(CYCLES) < ends, v, np.nan) for name, v in values.items()}


def in_two_groups(values):
    high = np.arange(DEVICES)[:, None] % 2 == 1
    return {**values, "r_hrs": np.where(high, 30.0, 1.0) * values["r_hrs"]}


def with_heavy_tails(values):
    t = np.random.default_rng(2).standard_t(1.5, (DEVICES, CYCLES))
    return {**values, "r_hrs": 1e5 * np.exp(np.clip(0.3 * t, -3, 8))}


def at_a_limit(values):
    return {**values, "r_lrs": np.maximum(values["r_lrs"], 3e3), "r_hrs": np.minimum(values["r_hrs"], 1.2e5)}


def falling(values):
    n = np.linspace(0, 1, CYCLES)
    return {**values, "r_hrs": values["r_hrs"] * np.exp(-1.5 * n), "u_reset": values["u_reset"] - 0.1 * n}


def alternating(values):
    return {**values, "r_lrs": values["r_lrs"] * np.exp(0.3 * (-1.0) ** np.arange(CYCLES))}


def of_two_levels(values):
    high = np.random.default_rng(3).random((DEVICES, CYCLES)) < 0.4
    return {**values, "r_hrs": np.where(high, 5.0, 1.0) * values["r_hrs"]}


def with_one_outlier(values):
    r = values["r_hrs"].copy()
    r[3, 17] = 1e12
    return {**values, "r_hrs": r}


def decades_apart(values):
    return {**values, "r_hrs": values["r_hrs"] * np.logspace(0, 4, DEVICES)[:, None]}


def copies_of_one(values):
    rng = np.random.default_rng(4)
    return {name: rng.permuted(np.tile(v[:1], (DEVICES, 1)), axis=1) for name, v in values.items()}


def with_a_stuck_device(values):
    stuck = (np.arange(DEVICES)[:, None] == 5) & (np.arange(CYCLES) > 30)
    return {**values, "r_hrs": np.where(stuck, 1.001 * values["r_lrs"], values["r_hrs"])}


def overlapping(values):
    return {**values, "r_lrs": 3e4 * (values["r_lrs"] / 3e3) ** 6}


ODD = {
    one.__name__: one
    for one in (
        rounded,
        with_gaps,
        of_unequal_length,
        in_two_groups,
        with_heavy_tails,
        at_a_limit,
        falling,
        alternating,
        of_two_levels,
        with_one_outlier,
        decades_apart,
        copies_of_one,
        with_a_stuck_device,
        overlapping,
    )
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_devices_are_described(kind):
    values = ODD[kind](usual())
    result = fitted(values, history="var", order=2)
    is_sensible(result.params, values)
    assert sg.DeviceParams.from_json(result.params.to_json()) == result.params


def test_one_device_and_few():
    """Their medians are right; how devices differ leans on the preset."""
    for devices in (1, 2, 3):
        values = usual(devices)
        result = fitted(values)
        made = sg.CellArray(300, result.params, rng=1, engine="reference").run_cycles(10)
        for name in NAMES:
            middle = np.median(getattr(made, name))
            scatter = 0.5 * np.ptp(np.percentile(values[name], [5, 95]))
            assert abs(middle - np.median(values[name])) < scatter
        assert any("fewer than the 16 that a population needs" in note for note in result.notes)


def test_a_device_whose_feature_never_changes_is_left_out():
    values = usual()
    values["u_set"][7] = -0.65
    result = fitted(values, history="var", order=1)
    assert len(result.features.devices) == DEVICES - 1
    assert any("never changes" in note for note in result.notes)
    is_sensible(result.params, values)


def test_a_feature_without_values_is_the_presets():
    values = usual()
    values["u_reset"] = np.full((DEVICES, CYCLES), np.nan)
    result = fitted(values, history="var", order=1)
    assert any(note.startswith("u_reset not measured") for note in result.notes)
    is_sensible(result.params, {name: values[name] for name in NAMES[:3]})


def test_devices_that_fail_for_good():
    """Their failed cycles say nothing of the others, and how they fail is learned."""
    values = usual()
    flag = np.zeros((DEVICES, CYCLES), int)
    for device in range(8):
        flag[device, 40 + device :] = learn.Flag.WORN | learn.Flag.NO_SET
        values["r_lrs"][device, 40 + device :] = 1e8
    table = learn.features(**values)
    table["flag"] = (("device", "cycle"), flag)
    result = learn.fit(table, history="var", order=1)
    assert result.wear.failures == 8
    good = {name: np.where(flag == 0, v, np.nan) for name, v in values.items()}
    is_sensible(result.params.replace(wear=None), good)


def test_a_trend_to_lower_values_is_given_back():
    values = falling(usual())
    result = fitted(values, history="var", order=1, detrend=1)
    change = result.params.trend.change([0, CYCLES - 1])
    assert change[1, 0] - change[0, 0] == pytest.approx(-1.5 / np.log(10), abs=0.2)
    made = sg.CellArray(600, result.params, rng=1, engine="reference").run_cycles(CYCLES)
    assert np.median(made.r_hrs[-1]) / np.median(made.r_hrs[0]) == pytest.approx(np.exp(-1.5), rel=0.3)


@pytest.mark.parametrize(("devices", "cycles"), [(1, 5), (1, 12), (12, 6)])
def test_few_cycles_tell_medians(devices, cycles):
    """Laws far from any preset; the medians of a record of so few cycles are known to its scatter."""
    rng = np.random.default_rng(cycles)
    scatter = {"r_hrs": 0.4, "u_set": 0.1, "r_lrs": 0.15, "u_reset": 0.1}
    middle = {"r_hrs": 3e6, "u_set": -3.0, "r_lrs": 2e5, "u_reset": 2.5}
    values = {name: middle[name] * np.exp(scatter[name] * rng.standard_normal((devices, cycles))) for name in middle}
    result = fitted(values)
    assert any(f"no device has more than {cycles} cycles" in note for note in result.notes)
    made = sg.CellArray(1000, result.params, rng=1, engine="reference").features
    for name in middle:
        error = abs(np.log(np.median(getattr(made, name)) / np.median(values[name])))
        assert error < 4 * 1.25 * scatter[name] / np.sqrt(devices * cycles), name  # of medians of normal numbers


@pytest.mark.parametrize("signs", [(-1, -1), (-1, 1)])
def test_voltages_of_the_other_polarity_and_magnitudes_are_turned(signs):
    values = usual()
    given = {**values, "u_set": signs[0] * values["u_set"], "u_reset": signs[1] * values["u_reset"]}
    is_sensible(fitted(given, history="var", order=1).params, values)


BROKEN = {
    "two cycles": (lambda v: {name: x[:, :2] for name, x in v.items()}, "has 2 cycles: at least 5"),
    "constant": (lambda v: {**v, "r_lrs": np.full_like(v["r_lrs"], 3e3)}, "r_lrs is constant in every device"),
    "nothing but NaN": (lambda v: {name: np.full_like(x, np.nan) for name, x in v.items()}, "only NaN"),
    "infinite": (lambda v: {**v, "r_hrs": np.where(v["r_hrs"] > 1e5, np.inf, v["r_hrs"])}, "holds infinities"),
    "negative": (lambda v: {**v, "r_hrs": -v["r_hrs"]}, "r_hrs must be positive"),
    "zero": (lambda v: {**v, "r_lrs": np.where(v["r_lrs"] > 3e3, 0.0, v["r_lrs"])}, "r_lrs must be positive"),
    "exchanged": (lambda v: {**v, "r_hrs": v["r_lrs"], "r_lrs": v["r_hrs"]}, "r_hrs is below r_lrs"),
    "logarithms": (lambda v: {**v, "r_hrs": np.log10(v["r_hrs"])}, "give ohm"),
    "no device": (lambda v: {name: x[:0] for name, x in v.items()}, "r_hrs is empty"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_described_is_refused_in_words(kind):
    change, words = BROKEN[kind]
    with pytest.raises(ValueError, match=words):
        fitted(change(usual()), history="var", order=1)
