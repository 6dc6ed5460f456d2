"""Time for the cells of networks: the same states as those of arrays, however waits are cut; drift and its training."""

import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there

import synaptogen as sg  # noqa: E402
from synaptogen.torch import programming  # noqa: E402

DEVICE = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
Config = sg.torch.AnalogConfig
SHOT = Config(DEVICE, programming="one-shot", seed=3)
HOURS = 7200.0


def states(part):
    """Mixing states (groups * outputs, 2, inputs) of a layer."""
    both = (part.total + part.difference) / 2, (part.total - part.difference) / 2
    return np.stack([part.matrices(r).flatten(0, 1).numpy() for r in both], 1)


def same(a, b):
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def network(config=SHOT):
    torch.manual_seed(0)
    return sg.torch.convert(nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(24, 5)), config)


@pytest.mark.parametrize("options", [{}, {"tile": (8, 5)}, {"stuck_reset": 0.1}, {"programming": "write-verify"}])
def test_layers_wait_as_the_arrays_that_were_written(options):
    """The reference is an array of the same seed with the same pulses; states agree to single precision."""
    config = replace(SHOT, **options)
    torch.manual_seed(1)
    layer = sg.torch.convert(nn.Linear(12, 7), config)
    part = layer.analog
    scaled = (layer.weight.detach() / part.full_scale[0]).double().numpy()
    written = programming.program_cells(scaled, config, part.seed)
    stuck = programming.stuck_cells((7, 12), config, part.seed, 0).reshape(7, 2, 12) >= 0
    for seconds in (1.0, HOURS, 1e8):
        sg.torch.wait(layer, seconds, 330.0)
        written.cells.wait(seconds, 330.0)
        expected = written.cells.r.reshape(7, 2, 12)
        np.testing.assert_allclose(states(part)[~stuck], expected[~stuck], atol=3e-5)
        assert np.all(states(part)[stuck] != 1.0)


@pytest.mark.parametrize("wires", [None, sg.crossbar.Wires(2.0, 2.0)])
def test_waits_can_be_cut_anywhere(wires):
    whole, cut = (network(replace(SHOT, wires=wires)) for _ in range(2))
    rng = np.random.default_rng(4)
    for _ in range(2):
        pieces = rng.integers(1, 10**13, 3)
        sg.torch.wait(whole, pieces.sum() / 1e9, 350.0)
        for piece in pieces:
            sg.torch.wait(cut, piece / 1e9, 350.0)
        same(whole.state_dict(), cut.state_dict())
    x = torch.rand(3, 4, 4, 4)
    assert torch.equal(whole(x), cut(x))


@pytest.mark.parametrize("way", ["file", "state_dict", "deepcopy", "meta", "other tiles"])
def test_saved_and_loaded_in_the_middle(way, tmp_path):
    def digital():
        return nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(24, 5))

    model = sg.torch.wait(network(), 100.0, compensate=True)
    if way == "deepcopy":
        again = copy.deepcopy(model)
    elif way in ("file", "meta"):
        sg.torch.save(model, tmp_path / "chip.pt")
        with torch.device("meta" if way == "meta" else "cpu"):
            again = digital()
        again = sg.torch.load(tmp_path / "chip.pt", again)
    else:
        again = sg.torch.convert(
            digital(), replace(SHOT, seed=9, tile=(8, 5) if way == "other tiles" else (1024, 1024))
        )
        sg.torch.wait(again, 5.0)
        again.load_state_dict(model.state_dict())
    for seconds in (0.5, HOURS):
        for each in (model, again):
            sg.torch.wait(each, seconds)
        for name, part in sg.torch.analog_parts(model).items():
            other = again.get_submodule(name)
            np.testing.assert_array_equal(states(part), states(other))
            assert torch.equal(part.unit, other.unit)
    for each in (model, again):
        sg.torch.program(each)
    if way not in ("state_dict", "other tiles"):  # there, the weights are those of the digital layers
        np.testing.assert_array_equal(states(model[2].analog), states(again[2].analog))


def test_a_state_dict_without_time_begins_anew():
    model, fresh = network(), network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    sg.torch.wait(model, HOURS)
    assert set(model.state_dict()) - set(before) == {
        f"{at}.analog.aged_{what}" for at in (0, 2) for what in ("written", "time", "unit")
    }
    model.load_state_dict(before)
    for each in (model, fresh):
        sg.torch.wait(each, 10.0)
    same(model.state_dict(), fresh.state_dict())


def test_cells_that_are_written_again_begin_anew():
    model, fresh = network(), network()
    sg.torch.wait(model, HOURS, compensate=True)
    assert model[2].analog.aged.time.ticks > 0
    assert "ranges estimated, 7200 s after writing" in str(sg.torch.summary(model))
    sg.torch.program(model)
    assert "after writing" not in str(sg.torch.summary(model))
    assert "2.analog.aged_time" not in model.state_dict()
    for each in (model, fresh):
        sg.torch.wait(each, 10.0)
    same(
        {name: value for name, value in model.state_dict().items() if not name.endswith("noise")},
        {name: value for name, value in fresh.state_dict().items() if not name.endswith("noise")},
    )


def test_precision_and_moves_change_nothing_of_what_follows():
    model, double = network(), network()
    for each in (model, double):
        sg.torch.wait(each, 50.0)
    double = double.double()
    for each in (model, double):
        sg.torch.wait(each, HOURS)
    for one, other in zip(sg.torch.analog_parts(model).values(), sg.torch.analog_parts(double).values(), strict=True):
        np.testing.assert_allclose(states(one), states(other), atol=1e-6)
    half = sg.torch.wait(network().bfloat16(), 50.0)
    assert half[2].analog.aged.holds(half[2].analog)


def test_nothing_waits_that_stands_still():
    with pytest.raises(ValueError, match="stand still"):
        sg.torch.wait(network(Config(programming="one-shot", seed=1)), 1.0)
    with pytest.raises(ValueError, match="holds no cells"):
        sg.torch.wait(nn.Linear(2, 2), 1.0)
    model = network()
    for given, name in (({"seconds": -1.0}, "seconds"), ({"seconds": 1.0, "temperature": 0.0}, "temperature")):
        with pytest.raises(ValueError, match=name):
            sg.torch.wait(model, **given)
    with pytest.raises(ValueError, match="per"):
        sg.torch.compensate_drift(model, per="chip")
    with pytest.raises(ValueError, match="vectors"):
        sg.torch.compensate_drift(model, vectors=0)
    assert model[0].analog.aged is None


# ---- compensation


def shrunk(layer, factor):
    """Give all pairs of an ideal layer a smaller difference, as a drift that is common to all of them."""
    part = layer.analog
    sg.torch.wait(layer, 1e-9)
    aged = part.aged
    mean = aged.written.mean(2, keepdims=True)
    return {"states": mean + factor * (aged.written - mean), "part": part}


@pytest.mark.parametrize("per", ["layer", "tile", "output"])
def test_a_common_drift_is_compensated_exactly_without_noise(per, monkeypatch):
    config = Config(DEVICE, programming="ideal", bandwidth=0, dac_bits=None, adc_bits=None, seed=1, tile=(8, 16))
    layer = sg.torch.convert(nn.Linear(40, 10, bias=False), config)
    x = torch.rand(6, 40)
    before = layer(x)
    drifted = shrunk(layer, 0.8)["states"]
    monkeypatch.setattr("synaptogen.torch.aging.states_after", lambda *_: drifted)
    sg.torch.wait(layer, 1.0)
    assert torch.allclose(layer(x), 0.8 * before, rtol=1e-5)
    counts = layer.analog.counts
    sg.torch.compensate_drift(layer, per=per)
    assert layer.analog.counts == counts
    assert torch.allclose(layer(x), before, rtol=1e-4, atol=1e-6)


def test_factors_are_shared_as_said_and_stay_until_they_are_measured_again():
    config = Config(DEVICE, programming="ideal", seed=1, tile=(8, 16))
    torch.manual_seed(2)
    layer = sg.torch.convert(nn.Linear(40, 10), config)
    first = layer.analog.unit.clone()
    sg.torch.wait(layer, 3e8)
    for per, different in (("layer", 1), ("tile", 3), ("output", 10)):
        ratio = sg.torch.compensate_drift(layer, per=per).analog.unit / first
        assert len({round(value, 5) for value in ratio.flatten().tolist()}) == different
        assert 0.8 < float(ratio.min()) < float(ratio.max()) < 2.0 or different == 1
    unit = layer.analog.unit.clone()
    sg.torch.wait(layer, 1.0)
    assert torch.equal(layer.analog.unit, unit)
    assert layer.analog.aged.time.seconds == pytest.approx(3e8 + 1)


def test_compensation_brings_the_response_back():
    """The slope of outputs over the written ones, for other inputs; its standard error is .004."""
    torch.manual_seed(3)
    layer = sg.torch.convert(nn.Linear(256, 64, bias=False), Config(DEVICE, programming="ideal", scale="layer", seed=1))
    x = torch.randn(300, 256)
    layer.requires_grad_(False)
    before = layer(x)
    without, with_it = (
        float((before * layer(x)).sum() / before.square().sum())
        for change in (sg.torch.wait, lambda model, _: sg.torch.compensate_drift(model, vectors=200))
        if change(layer, 3e8)
    )
    assert abs(with_it - 1) < 0.02 < abs(without - 1)


# ---- training


def test_drawn_errors_are_those_of_cells_of_that_age():
    """Against layers that hold the same weights and wait; each standard deviation has a standard error of 5 %."""
    config = replace(SHOT, programming="ideal", scale="layer", training="hardware-aware", training_age=(1e-6, 1e8))
    errors = programming.aged_errors(config)
    assert errors.shape == (programming.AGES, programming.LEVELS, programming.SAMPLES)
    spread = errors.flatten(1).std(1)
    assert bool((spread[2:].diff() > 0).all())
    layer = nn.Linear(programming.SAMPLES, programming.LEVELS, bias=False)
    wanted = torch.linspace(-1, 1, programming.LEVELS)[:, None].expand_as(layer.weight)
    layer.weight.data.copy_(wanted)
    layer = sg.torch.convert(layer, replace(config, training="cells", training_age=None))
    before = 0.0
    for k in (4, 8):
        age = np.geomspace(1e-6, 1e8, programming.AGES)[k]
        sg.torch.wait(layer, age - before)
        held, before = (layer.analog.weights()[0] - wanted).std(), age
        assert abs(float(held / spread[k]) - 1) < 0.25


def test_each_pass_draws_an_age_and_its_errors():
    config = Config(DEVICE, programming="ideal", bandwidth=0, dac_bits=None, adc_bits=None, seed=1)
    aware = replace(config, training="hardware-aware", training_age=(1e-6, 1e8))
    torch.manual_seed(0)
    layer = sg.torch.convert(nn.Linear(200, 40, bias=False), aware).train()
    x = torch.eye(200)
    ideal = sg.torch.convert(nn.Linear(200, 40, bias=False), config)
    ideal.weight = layer.weight
    ideal.program()
    with torch.no_grad():
        target = ideal(x)
    spreads = torch.tensor([float((layer(x + k * 1e-9).detach() - target).std()) for k in range(60)]) / float(
        target.std()
    )
    table = programming.aged_errors(aware).flatten(1).std(1) / np.sqrt(1 / 3)
    # passes fall into nine classes; each has one spread, from nearly 0 to that of years
    assert float(spreads.min()) < 0.1 < 0.8 * float(table.max()) < float(spreads.max())
    assert len(torch.unique((spreads / float(table.max()) * 40).round())) > 4
    layer(x).sum().backward()
    assert bool(torch.isfinite(layer.weight.grad).all())
    assert "at ages of 1e-06 to 1e+08 s" in str(sg.torch.summary(layer))


def test_ages_are_refused_where_nothing_would_draw_them():
    good = {"params": DEVICE, "training": "hardware-aware", "training_age": (1.0, 10.0)}
    assert Config(**good).training_age == (1.0, 10.0)
    for changes, message in (
        ({"training": "cells"}, "hardware-aware"),
        ({"params": "hennen2024"}, "with_fluctuation"),
        ({"training_age": (10.0, 1.0)}, "shorter"),
        ({"training_age": (0.0, 1.0)}, "two times"),
        ({"training_age": 5.0}, "two times"),
        ({"training_age": (1.0, 2.0, 3.0)}, "two times"),
    ):
        with pytest.raises(ValueError, match=message):
            Config(**good | changes)


def test_ages_are_saved(tmp_path):
    model = network(replace(SHOT, training="hardware-aware", training_age=(1.0, 1e4)))
    sg.torch.save(model, tmp_path / "chip.pt")
    again = sg.torch.load(
        tmp_path / "chip.pt", nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(24, 5))
    )
    assert again[2].analog.config.training_age == (1.0, 1e4)
    same(model.state_dict(), again.state_dict())


# ---- training by pulses


def test_cells_that_are_trained_by_pulses_wait_with_their_optimiser():
    layer = sg.torch.convert(nn.Linear(5, 4), SHOT)
    optimiser = sg.torch.PulseSGD(layer, lr=0.5, seed=1)
    with pytest.raises(ValueError, match="PulseSGD"):
        sg.torch.wait(layer, 1.0)
    with pytest.raises(ValueError, match="seconds"):
        optimiser.wait(-1.0)
    before = layer.analog.weights().clone()
    optimiser.wait(HOURS)
    assert bool((layer.analog.weights() != before).any())
    saved = copy.deepcopy(optimiser.state_dict())
    other = sg.torch.convert(nn.Linear(5, 4), SHOT)
    resumed = sg.torch.PulseSGD(other, lr=0.5, seed=2)
    resumed.load_state_dict(saved)
    for each, own in ((layer, optimiser), (other, resumed)):
        own.zero_grad()
        each.weight.grad = torch.ones(4, 5)
        own.step()
        own.wait(10.0)
    assert torch.equal(layer.analog.difference, other.analog.difference)
    np.testing.assert_allclose(states(layer.analog)[:, 0], optimiser.layers[0].pairs.cells.r[0], atol=2e-7)
    still = sg.torch.convert(nn.Linear(5, 4), Config(programming="one-shot", seed=1))
    with pytest.raises(ValueError, match="stand still"):
        sg.torch.PulseSGD(still, lr=0.5).wait(1.0)
    del optimiser, own
    sg.torch.wait(layer, 1.0)
