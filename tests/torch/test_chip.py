"""What chips have: stuck cells, offsets and non-linearities of ADCs."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there

import synaptogen as sg  # noqa: E402
from synaptogen.torch import programming  # noqa: E402

Config = sg.torch.AnalogConfig


def states(analog):
    part = analog.analog
    both = (part.total + part.difference) / 2, (part.total - part.difference) / 2
    return torch.stack([part.matrices(r)[0] for r in both])


@pytest.mark.parametrize("method", ["ideal", "one-shot"])
def test_stuck_cells_are_as_many_as_said_and_stay(method, monkeypatch):
    digital = nn.Linear(200, 100)
    config = Config(programming=method, stuck_set=0.05, stuck_reset=0.1, seed=1)
    analog = sg.torch.convert(digital, config)
    r = states(analog)
    low, high = torch.isclose(r, torch.zeros(()), atol=1e-6), torch.isclose(r, torch.ones(()), atol=1e-6)
    # 40,000 cells: five standard deviations
    assert abs(float(low.double().mean()) - 0.05) < 5 * (0.05 * 0.95 / 40000) ** 0.5
    assert abs(float(high.double().mean()) - 0.1) < 5 * (0.1 * 0.9 / 40000) ** 0.5
    if method == "one-shot":
        failed = torch.from_numpy(analog.analog.report.failed.reshape(100, 2, 200)).movedim(1, 0)
        assert bool(failed[low].all())
        assert bool(failed[high].all())
    with torch.no_grad():
        analog.weight.copy_(torch.randn(100, 200))
    again = states(sg.torch.program(analog))
    assert torch.equal(again[low | high].round(), r[low | high].round())
    monkeypatch.setattr(programming, "AT_ONCE", 1000)
    assert torch.equal(states(sg.torch.program(analog)), again)
    other = states(sg.torch.program(analog, seed=2))
    assert not torch.equal(torch.isclose(other, torch.zeros(()), atol=1e-6), low)


def test_hardware_aware_training_meets_stuck_cells():
    table = programming.error_table(Config(programming="ideal", stuck_set=0.05, stuck_reset=0.05, seed=1))
    share = float((table.error.abs() > 0.01).double().mean())
    assert 0.1 < share < 0.25  # a pair errs if one of its two cells is stuck where it should not be
    assert not programming.error_table(Config(programming="ideal", seed=1)).error.abs().max() > 0.01


def outputs(config, x, model=None):
    model = nn.Linear(8, 40, bias=False) if model is None else model
    analog = sg.torch.convert(model, config)
    return analog, analog(x)


def test_offsets_of_adcs_are_those_said():
    torch.manual_seed(0)
    model, x = nn.Linear(8, 400, bias=False), torch.randn(1, 8)
    plain, y = outputs(Config(programming="ideal", bandwidth=0, adc_bits=16, seed=1), x, model)
    moved, z = outputs(Config(programming="ideal", bandwidth=0, adc_bits=16, adc_offset=100.0, seed=1), x, model)
    part = plain.analog
    step = part.adc_range[0, 0, 0] / (2**15 - 1) * part.unit[0, 0] * x.abs().max()
    offsets = ((z - y) / step).detach().numpy().ravel()
    inside = np.abs(offsets) < 1e4
    assert abs(offsets[inside].mean()) < 5 * 100 / np.sqrt(400)
    assert abs(offsets[inside].std() - 100) < 5 * 100 / np.sqrt(800)
    assert torch.equal(moved(x), z)  # a property of the chip, not a noise


def test_steps_of_adcs_have_the_widths_said_and_the_ends_stay():
    matrix = sg.torch.AnalogMatrix(1, 3, 20, Config(adc_bits=10, adc_dnl=0.2, tile=(8, 10), seed=1), seed=5)
    assert matrix.adc_error.shape == (2, 1024)
    assert torch.allclose(matrix.adc_error[:, [0, -1]], torch.zeros(2, 2), atol=1e-6)
    widths = matrix.adc_error.diff(dim=1)
    assert abs(float(widths.std()) - 0.2) < 5 * 0.2 / (2 * 2046) ** 0.5
    currents = torch.linspace(-1.2, 1.2, 4001).view(1, 1, -1, 1).expand(1, 2, -1, 3)
    found = matrix.digits(currents, torch.ones(1, 2, 1, 3), torch.ones(1, 1, 1, 3)) * 511
    assert torch.allclose(found, found.round(), atol=1e-3)
    assert float(found.min()) == pytest.approx(-512, abs=1e-3)
    assert float(found.max()) == pytest.approx(511, abs=1e-3)
    ideal = (currents * 511).round().clamp(-512, 511)
    error = found - ideal
    assert float((error - matrix.adc_error[:, (ideal[0, 0, :, 0] + 512).long()].unsqueeze(-1)).abs().max()) < 1.01
    assert not torch.equal(error[:, 0], error[:, 1])


def test_a_chip_keeps_its_adcs_in_a_state():
    x, config = torch.randn(5, 8), Config(programming="one-shot", adc_offset=1.0, adc_dnl=0.3, seed=1)
    model = nn.Linear(8, 4)
    first, _ = outputs(config, x, model)
    other, _ = outputs(Config(programming="one-shot", adc_offset=1.0, adc_dnl=0.3, seed=2), x, model)
    assert not torch.equal(first.analog.adc_shift, other.analog.adc_shift)
    other.load_state_dict(first.state_dict())
    assert torch.equal(first.analog.adc_shift, other.analog.adc_shift)
    assert torch.equal(first.analog.adc_error, other.analog.adc_error)
    assert torch.equal(first(x), other(x))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"stuck_set": -0.1}, "stuck_set"),
        ({"stuck_set": 0.6, "stuck_reset": 0.6}, "at most 1"),
        ({"adc_offset": float("nan")}, "adc_offset"),
        ({"adc_dnl": 0.1, "adc_bits": None}, "adc_bits"),
        ({"adc_dnl": 0.1, "activation_products": "cells"}, "activation_products"),
    ],
)
def test_bad_options(options, named):
    with pytest.raises(ValueError, match=named):
        Config(**options)


def test_pulses_refuse_stuck_cells():
    model = sg.torch.convert(nn.Linear(4, 3), Config(programming="ideal", stuck_set=0.1, seed=1))
    with pytest.raises(ValueError, match="stuck"):
        sg.torch.PulseSGD(model, 0.1)
