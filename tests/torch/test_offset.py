"""Weights on one cell with a reference: closed forms, statistics of what outputs share, files, costs."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there

import synaptogen as sg  # noqa: E402
from synaptogen.model import conductance, current, noise_variance  # noqa: E402
from synaptogen.torch.programming import program_cells, stuck_cells  # noqa: E402

Config = sg.torch.AnalogConfig
SINGLE = ("offset-column", "digital-offset")
EXACT = {"programming": "ideal", "bandwidth": 0, "dac_bits": None, "adc_bits": None, "seed": 1}
DEVICE = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")


def states_of_cells(part):
    """Mixing states of the lines with weights and of reference lines, (lines, inputs), of a matrix without groups."""
    states = torch.from_numpy(part.states())
    return states[: part.outputs].double().numpy(), states[part.outputs :].double().numpy()


@pytest.mark.parametrize("mapping", SINGLE)
@pytest.mark.parametrize("slices", [1, 3, 7])
@pytest.mark.parametrize("tile", [(1024, 1024), (16, 10)])
def test_exact_cells_multiply_as_the_weights_do(mapping, slices, tile):
    """Pulses of full voltage meet cells without curvature, so inputs above 0 give the product of whole weights."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 12, 3, groups=2), nn.Flatten(), nn.Linear(48, 13))
    options = EXACT | {"input_coding": "pulse-width", "weight_slices": slices, "tile": tile, "weight_mapping": mapping}
    if mapping == "digital-offset":
        options["adc_bits"] = 16  # so that tiles are converted
    analog = sg.torch.convert(model, Config(**options))
    for layer in (analog[0], analog[2]):
        weight = layer.matrix().detach()
        full = weight.abs().amax(-1, keepdim=True)
        wanted = weight if slices == 1 else (weight / full * 127).round() / 127 * full
        torch.testing.assert_close(layer.analog.weights(), wanted, rtol=0, atol=5e-5 * float(full.max()))
        x = torch.rand(3, layer.analog.groups * layer.analog.inputs)
        y = layer.analog.read(x, weight).detach()
        expected = torch.einsum("ngi,goi->ngo", x.view(3, len(weight), -1), wanted).flatten(1)
        # converters of 16 bits for the currents of all cells, once for each slice
        error = 2e-2 if mapping == "digital-offset" else 1e-4
        torch.testing.assert_close(y, expected, rtol=0, atol=error * float(expected.abs().max()))
    assert analog(torch.rand(3, 4, 4, 4)).shape == (3, 13)


def test_cells_are_counted_with_their_references():
    torch.manual_seed(0)
    digital = nn.Linear(10, 30)
    for mapping, lines in (("differential-pair", 60), ("offset-column", 30 + 2), ("digital-offset", 30)):
        config = Config(**EXACT | {"adc_bits": 8}, tile=(16, 4), weight_mapping=mapping)
        analog = sg.torch.convert(nn.Sequential(digital), config)
        assert analog[0].analog.cells == lines * 10
        assert f"{lines * 10} cells" in repr(analog)
        assert f"{lines * 10} " in sg.torch.summary(analog)
        assert sg.torch.convert(digital, config, dry_run=True)[0].cells == (60 if lines == 60 else 30) * 10
        found = sg.torch.cost(analog, torch.rand(5, 10)).layers[0]
        rows = {60: 8, 32: 15, 30: 16}[lines]
        assert found.tiles == -(-30 // rows) * 3
        assert found.cells == lines * 10
        assert found.utilisation == lines * 10 / (found.tiles * 64)
        assert (found.dac_conversions, found.adc_conversions) == (0, 5 * 30 * 3)
        offsets = 10 + 30 * 3 if mapping == "digital-offset" else 0
        assert found.digital_energy == pytest.approx(5 * (30 * 2 + offsets) * sg.torch.Hardware().add_energy)


@pytest.mark.parametrize("mapping", SINGLE)
@pytest.mark.parametrize("method", ["one-shot", "write-verify"])
def test_cells_are_those_of_the_programming(mapping, method):
    """Weights are what the cells that were written conduct, less the reference, over half the window."""
    torch.manual_seed(0)
    config = Config(programming=method, weight_mapping=mapping, tile=(8, 6), stuck_set=0.02, seed=3)
    digital = nn.Linear(9, 16, bias=False)
    part = sg.torch.convert(digital, config).analog
    weight = digital.weight.detach().numpy()
    full = np.abs(weight).max(1, keepdims=True)
    levels = (weight / full).astype(float) / 2 + 0.5
    if mapping == "offset-column":
        levels = np.concatenate([levels, np.full((3, 9), 0.5)])  # seven lines and a reference on each tile
    programmed = program_cells(levels, config, part.seed)
    lines, references = states_of_cells(part)
    np.testing.assert_array_equal(np.concatenate([lines, references]), programmed.states)
    assert np.array_equal(programmed.states == 0, stuck_cells(levels.shape, config, part.seed, 0) == 0)
    p, (low, high) = config.device.constants(), config.window
    g = conductance(lines, config.device.u_read, p)
    middle = (low + high) / 2
    if mapping == "offset-column":
        middle = conductance(references, config.device.u_read, p)[np.arange(16) // 7]
    held = (g - middle) / ((high - low) / 2) * full
    np.testing.assert_allclose(part.weights()[0].numpy(), held, atol=1e-5)
    assert part.report.pulses.size == part.cells
    done = []
    sg.torch.program(sg.torch.convert(digital, config), progress=lambda *now: done.append(now))
    assert done[-1] == (144, 144)


def test_noise_of_a_reference_line_is_common_to_its_tile():
    """Variances of outputs and covariances of pairs of outputs, 20,000 reads: within 5 standard deviations."""
    config = Config(
        programming="one-shot", dac_bits=None, adc_bits=None, weight_mapping="offset-column", tile=(6, 20), seed=1
    )
    torch.manual_seed(0)
    layer = sg.torch.convert(nn.Linear(20, 10, bias=False), config)
    x, reads = torch.linspace(-1, 1, 20), 20000
    with torch.no_grad():
        y = layer(x.expand(reads, -1)).double().numpy() / layer.analog.unit[0, 0].double().numpy() / 2
    u, p = x.double().numpy() * config.full_voltage, config.device.constants()
    lines, references = (
        noise_variance(conductance(r, u, p), u, config.bandwidth).sum(1) for r in states_of_cells(layer.analog)
    )
    tile = np.arange(10) // 5
    expected = np.where(tile[:, None] == tile, references[tile], 0.0) + np.diag(lines)
    found = np.cov(y.T)
    power = np.outer(np.diag(expected), np.diag(expected)) + expected**2
    assert np.abs((found - expected) / np.sqrt(power / reads)).max() < 5  # one in 30,000 of 55 normals
    r, read = states_of_cells(layer.analog), current
    mean = read(r[0], u, p).sum(1) - read(r[1], u, p).sum(1)[tile]
    assert np.abs((y.mean(0) - mean) / np.sqrt(np.diag(expected) / reads)).max() < 5


def test_a_digital_offset_has_no_noise_and_its_adcs_see_all_cells():
    config = Config(programming="one-shot", dac_bits=6, adc_bits=None, weight_mapping="digital-offset", seed=1)
    torch.manual_seed(0)
    layer = sg.torch.convert(nn.Linear(20, 10, bias=False), config)
    x, reads, seen = torch.linspace(0, 1, 20), 20000, []
    layer.analog.observe = lambda vectors, currents: seen.append(currents)
    with torch.no_grad():
        y = layer(x.expand(reads, -1)).double().numpy() / layer.analog.unit[0, 0].double().numpy() / 2
    u, p = (x * 31).round().double().numpy() / 31 * config.full_voltage, config.device.constants()
    r, _ = states_of_cells(layer.analog)
    variance = noise_variance(conductance(r, u, p), u, config.bandwidth).sum(1)
    correlation = (np.cov(y.T) - np.diag(variance)) / np.sqrt(np.outer(variance, variance))
    assert np.abs(correlation * (reads / (1 + np.eye(10))) ** 0.5).max() < 5
    currents = seen[0][0, 0].double().numpy()
    error = 5 * np.sqrt(variance / reads) + 1e-5 * current(r, u, p).sum(1)
    assert (np.abs(currents.mean(0) - current(r, u, p).sum(1)) < error).all()
    low, high = config.window
    middle = (p.g_llrs - (low + high) / 2) * p.per_span
    assert (np.abs(y.mean(0) - (current(r, u, p) - current(middle, u, p)).sum(1)) < error).all()


def test_ranges_of_digital_offsets_hold_the_largest_currents():
    torch.manual_seed(0)
    config = Config(programming="ideal", bandwidth=0, weight_mapping="digital-offset", tile=(64, 7), seed=1)
    model = nn.Sequential(nn.Linear(20, 40))
    analog = sg.torch.convert(model, config)
    part = analog[0].analog
    seen = []
    part.observe = lambda vectors, currents: seen.append(currents)
    analog(torch.ones(1, 20))
    torch.testing.assert_close(part.adc_range, seen[0].amax(-1, keepdim=True).expand_as(part.adc_range))
    part.observe = None
    x, y = torch.rand(200, 20), []
    for _ in range(2):
        y.append(float((analog(x) - model(x)).detach().square().mean().sqrt()))
        sg.torch.calibrate(analog, [x])
    assert y[1] < y[0]  # the range is less than the largest current now


@pytest.mark.parametrize("mapping", SINGLE)
@pytest.mark.parametrize("slices", [1, 2])
def test_drawn_errors_are_those_of_written_cells(mapping, slices):
    """Deviations of weights 0.3 over outputs and common to a tile, drawn and written: within a fifth."""
    config = Config(
        programming="one-shot",
        training="hardware-aware",
        weight_mapping=mapping,
        weight_slices=slices,
        weight_bits=8 if slices == 1 else 5,
        scale="layer",
        tile=(40, 400),
        seed=1,
    )
    layer = nn.Linear(400, 76, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.3)
        layer.weight[0, 0] = 1.0
    part = sg.torch.convert(layer, config).analog
    weight = layer.weight.detach().unsqueeze(0)
    spreads = []
    for held in (part.weights(), part.weights(part.drawn(weight))):
        errors = (held - weight)[0, 1:37]  # of the first tile
        common = errors.median(0).values  # rare outliers would rule the mean
        spreads.append([float((part.quantile(0.84) - part.quantile(0.16)) / 2) for part in (errors - common, common)])
    (own, shared), (drawn_own, drawn_shared) = spreads
    assert drawn_own == pytest.approx(own, rel=0.2)
    assert drawn_shared == pytest.approx(shared, rel=0.2)
    assert (shared > 0.35 * own) == (mapping == "offset-column")  # 0.2 is what a median of 36 leaves


@pytest.mark.parametrize("mapping", SINGLE)
def test_references_age_and_are_saved_with_the_cells(mapping, tmp_path):
    config = Config(DEVICE, programming="one-shot", weight_mapping=mapping, tile=(8, 8), weight_slices=2, seed=1)
    torch.manual_seed(0)
    digital = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(24, 5))
    analog = sg.torch.convert(digital, config)
    part = analog[2].analog
    before, young = [states.copy() for states in states_of_cells(part)], copy.deepcopy(analog)
    sg.torch.wait(analog, 1e6, compensate=True)
    after = states_of_cells(part)
    assert np.all(before[0] != after[0])
    assert np.all(before[1] != after[1])
    cells = sg.CellArray(part.cells, DEVICE, rng=part.seed)
    assert before[1].shape == ((4, 24) if mapping == "offset-column" else (0, 24))
    assert cells.size == part.states().size
    sg.torch.save(analog, tmp_path / "chip.pt")
    with torch.device("meta"):
        empty = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(24, 5))
    again, x = sg.torch.load(tmp_path / "chip.pt", empty), torch.rand(2, 4, 4, 4)
    assert torch.equal(again(x), analog(x))
    assert torch.equal(sg.torch.wait(again, 10.0)(x), sg.torch.wait(analog, 10.0)(x))
    assert not torch.equal(young(x), analog(x))
    pairs = sg.torch.convert(digital, Config(DEVICE, programming="one-shot", seed=1))
    for one, other in ((pairs, analog), (analog, pairs)):
        with pytest.raises(ValueError, match="weight_mapping"):
            one.load_state_dict(other.state_dict())


def test_states_of_other_columns_of_tiles_load():
    torch.manual_seed(0)
    options = {"programming": "one-shot", "weight_mapping": "offset-column", "bandwidth": 0, "seed": 1}
    layer = nn.Linear(20, 10)
    one, other = (sg.torch.convert(layer, Config(tile=(64, n), **options)) for n in (20, 7))
    sg.torch.program(one, seed=5)
    other.load_state_dict(one.state_dict())
    np.testing.assert_array_equal(one.analog.states(), other.analog.states())


@pytest.mark.parametrize("mapping", SINGLE)
@pytest.mark.parametrize("options", [{}, {"input_slices": 3}, {"adc_offset": 1.0, "adc_inl": 1.0}, {"scale": "layer"}])
def test_other_options_work_beside(mapping, options):
    torch.manual_seed(0)
    config = Config(weight_mapping=mapping, tile=(32, 16), seed=1, **options)
    model = nn.Sequential(nn.Conv1d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 6)).eval()
    analog, x = sg.torch.convert(model, config), torch.rand(64, 3, 10)
    sg.torch.calibrate(analog, [x])
    with torch.no_grad():
        error = (analog(x) - model(x)).square().mean().sqrt() / model(x).std()
        assert float(error) < (0.25 if mapping == "digital-offset" else 0.15)
        if not options:
            compiled = torch.compile(copy.deepcopy(analog), backend="eager")
            torch.testing.assert_close(compiled(x), copy.deepcopy(analog)(x))
    recurrent = sg.torch.convert(nn.LSTM(3, 4), config)
    assert recurrent(torch.rand(5, 2, 3))[0].shape == (5, 2, 4)


def test_what_is_not_modelled_is_refused():
    for mapping in SINGLE:
        with pytest.raises(ValueError, match="wires"):
            Config(weight_mapping=mapping, wires=sg.crossbar.Wires(1.0, 1.0))
        with pytest.raises(ValueError, match="activation_products"):
            Config(weight_mapping=mapping, activation_products="cells")
        with pytest.raises(ValueError, match="differential-pair"):
            sg.torch.PulseSGD(sg.torch.convert(nn.Linear(2, 2), Config(weight_mapping=mapping)), 0.1)
    with pytest.raises(ValueError, match="reference lines"):
        Config(weight_mapping="offset-column", tile=(2, 8), weight_slices=2)
    with pytest.raises(ValueError, match="weight_mapping"):
        Config(weight_mapping="pairs")
