"""The compiled loops of reads against the tensor operations that they stand for."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there

import synaptogen as sg  # noqa: E402
from synaptogen.model import normals as normals_at  # noqa: E402
from synaptogen.torch.crossbars import compiled_convolutions, kernels, matrix  # noqa: E402
from synaptogen.torch.crossbars.noise import key_of, noise_state, normals  # noqa: E402
from synaptogen.torch.layers import base  # noqa: E402

Config = sg.torch.AnalogConfig
LAYERS = [
    (nn.Linear, {"in_features": 37, "out_features": 11}, (5, 3, 37)),
    (nn.Conv1d, {"in_channels": 3, "out_channels": 20, "kernel_size": 3, "stride": 2, "dilation": 2}, (4, 3, 23)),
    (
        nn.Conv2d,
        {
            "in_channels": 4,
            "out_channels": 6,
            "kernel_size": (3, 2),
            "padding": 1,
            "stride": (2, 1),
            "dilation": (2, 1),
        },
        (3, 4, 12, 7),
    ),
    (nn.Conv2d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": (1, 2), "padding": 2}, (2, 4, 8, 7)),
    (nn.Conv2d, {"in_channels": 6, "out_channels": 6, "kernel_size": 3, "groups": 6, "padding": 1}, (2, 6, 40, 41)),
    (nn.Conv2d, {"in_channels": 6, "out_channels": 9, "kernel_size": 3, "groups": 3, "padding": 1}, (2, 6, 7, 9)),
    (
        nn.Conv3d,
        {"in_channels": 2, "out_channels": 4, "kernel_size": (1, 2, 2), "dilation": (1, 1, 2)},
        (2, 2, 4, 5, 6),
    ),
]
CONFIGS = [
    {},
    {"bandwidth": 0.0},
    {"tile": (8, 7)},
    {"adc_bits": None},
    {"dac_bits": 3, "adc_bits": 4},
    {"dac_bits": 12},
    {"training": "hardware-aware"},
]


@pytest.fixture(params=LAYERS, ids=lambda each: f"{each[0].__name__}-{each[2]}")
def digital(request):
    kind, options, shape = request.param
    torch.manual_seed(3)
    return kind(**options), torch.randn(shape)


def without_loops(monkeypatch, work):
    """Return the result of work with tensor operations."""
    with monkeypatch.context() as patched:
        for module in (matrix, base):
            patched.setattr(module, "can_compile", lambda *_: False)
        return work()


@pytest.mark.parametrize("is_calibrated", [False, True])
@pytest.mark.parametrize("options", CONFIGS, ids=str)
def test_loops_are_the_operations(digital, options, is_calibrated, monkeypatch):
    model, x = digital
    analog = sg.torch.convert(model, Config(programming="one-shot", seed=2, **options)).eval()
    if is_calibrated:
        sg.torch.calibrate(analog, [0.4 * x])  # so that some inputs and currents are beyond the ranges
        analog.analog.input_range.mul_(0.7)
    other = copy.deepcopy(analog)
    with torch.no_grad():
        fast, slow = analog(x), without_loops(monkeypatch, lambda: other(x))
    assert fast.shape == slow.shape
    parts = analog.analog, other.analog
    counts = [part.counts for part in parts]
    assert (counts[0].inputs, counts[0].currents) == (counts[1].inputs, counts[1].currents)
    assert counts[0].inputs_beyond == counts[1].inputs_beyond
    assert abs(counts[0].currents_beyond - counts[1].currents_beyond) <= 2
    assert torch.equal(*(part.noise for part in parts))
    # where sums round otherwise, a current may be next to another level of the ADC
    bits = analog.analog.config.adc_bits
    levels = 2.0**-23 if bits is None else 2.0 ** (1 - bits)
    far = (fast - slow).abs() > 1e-5 * slow.abs().max()
    assert far.float().mean() < 0.01
    assert (fast - slow).abs().max() < 20 * levels * slow.abs().max()


def test_currents_at_the_end_of_a_range_are_not_beyond_it():
    """Ranges that are those of the largest currents seen make such currents common."""
    top, none = np.float32(2.0), np.empty((0, 0, 0, 0), np.float32)
    currents = np.array([top, -top, np.nextafter(top, np.float32(3)), 1.0], np.float32).reshape(1, 1, 1, 4)
    ranges, unit, factor = np.full((1, 1, 4), top), np.ones((1, 4), np.float32), np.ones(1, np.float32)
    out, beyond = np.empty((1, 4), np.float32), np.empty(1, np.int64)
    common = np.empty((1, 1, 1), np.float32)
    kernels.convert_vectors(0, 1, currents, none, common, none, ranges, unit, factor, 128, out, beyond)
    assert beyond.tolist() == [1]
    assert out[0, :3].tolist() == [2.0, -2.0, 2.0]


@pytest.mark.parametrize("loops", [True, False])
@pytest.mark.parametrize("options", [{}, {"dac_bits": 12, "bandwidth": 0.0}], ids=str)
def test_inputs_at_the_end_of_the_range_are_not_beyond_it(options, loops, digital, monkeypatch):
    model, x = digital
    analog = sg.torch.convert(model, Config(seed=2, input_ranges="data", **options)).eval()

    def beyond(top):
        analog.analog.converted.zero_()
        analog.analog.input_range.fill_(top)
        with torch.no_grad():
            analog(x) if loops else without_loops(monkeypatch, lambda: analog(x))
        return analog.analog.counts.inputs_beyond

    top = x.abs().max()
    assert beyond(top) == 0
    assert beyond(torch.nextafter(top, torch.zeros(()))) > 0


def test_inputs_that_are_not_finite_come_through(digital, monkeypatch):
    model, x = digital
    x.view(-1)[4], x.view(-1)[-1] = float("nan"), float("inf")
    analog = sg.torch.convert(model, Config(seed=2, bandwidth=0.0)).eval()
    with torch.no_grad():
        fast, slow = analog(x), without_loops(monkeypatch, lambda: analog(x))
    assert torch.equal(fast.isnan(), slow.isnan())
    assert fast.isnan().any()


@pytest.mark.parametrize("outputs", [1, 40, 300])
def test_images_in_pieces_are_images_as_a_whole(outputs, digital, monkeypatch):
    """In pieces of a row, of some rows, or of an image and more: the same numbers, up to the rounding of sums."""
    model, x = digital
    if isinstance(model, nn.Linear):
        return
    config = Config(programming="one-shot", adc_bits=None, seed=2)
    analog = sg.torch.calibrate(sg.torch.convert(model, config), [x]).eval()
    other = copy.deepcopy(analog)
    with torch.no_grad():
        whole = analog(x)
        monkeypatch.setattr(compiled_convolutions, "OUTPUTS_AT_ONCE", outputs)
        torch.testing.assert_close(other(x), whole, rtol=1e-4, atol=1e-5 * float(whole.abs().max()))
    assert other.analog.counts == analog.analog.counts


@pytest.mark.parametrize("shape", [(1, 1, 3, 200), (3, 2, 4, 5), (70, 1, 2, 1), (7,), (2, 3, 2, 2, 33)])
def test_normals_are_those_of_their_address(shape):
    """Against the generator's formula in double precision, for each line, tile and vector."""
    state = noise_state(5)
    z = normals(state, shape, torch.zeros(0)).numpy()
    assert z.shape == shape
    filled = (1,) * (4 - len(shape)) + shape
    z = z.reshape(-1, *filled[-3:])
    group, tile, vector, output = (each.astype(np.uint32) for each in np.indices(z.shape))
    line, zero = group * np.uint32(z.shape[3]) + output, np.zeros(z.shape, np.uint32)
    with np.errstate(over="ignore"):
        four = normals_at(vector, line // 4, 0, tile, zero, *key_of(state))
    np.testing.assert_allclose(z, np.choose(line % 4, four), atol=1e-4)


def test_threads_change_nothing(digital):
    model, x = digital
    analog = sg.torch.convert(model, Config(seed=2)).eval()
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        with torch.no_grad():
            found.append(copy.deepcopy(analog)(x))
    torch.testing.assert_close(*found, rtol=0, atol=0.02 * float(found[0].abs().max()))


def test_gradients_are_those_of_the_operations(digital, monkeypatch):
    model, x = digital
    analog = sg.torch.convert(model, Config(seed=2, bandwidth=0.0)).eval()

    def gradients():
        given = x.clone().requires_grad_()
        return torch.autograd.grad(analog(given).square().sum(), [given, analog.weight])

    for fast, slow in zip(gradients(), without_loops(monkeypatch, gradients), strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-3, atol=1e-2 * float(slow.abs().max()))
