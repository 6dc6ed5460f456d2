"""Conversion: what becomes cells, what does not and why, and how well a network survives."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'synaptogen-sim[torch]'")

import synaptogen as sg  # noqa: E402

Config = sg.torch.AnalogConfig
nn = torch.nn


class Odd(nn.Linear):
    def forward(self, x):
        return super().forward(x).abs()


def network():
    return nn.ModuleDict(
        {
            "conv": nn.Conv2d(1, 2, 3),
            "norm": nn.BatchNorm2d(2),
            "table": nn.Embedding(4, 3),
            "odd": Odd(3, 2),
            "raw": nn.Bilinear(1, 1, 2),
            "lstm": nn.LSTM(3, 2, proj_size=1),
            "body": nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2)),
        }
    )


def test_dry_run_names_what_is_left_and_why():
    plan = sg.torch.convert(network(), exclude=["body.2"], dry_run=True)
    assert {d.name for d in plan if d.convert} == {"conv", "body.0"}
    reasons = {d.name: d.reason for d in plan if not d.convert}
    assert reasons["body.2"] == "excluded"
    assert "no matrix" in reasons["norm"]
    assert "looked up" in reasons["table"]
    assert "subclass of Linear" in reasons["odd"]
    assert "converters=" in reasons["raw"]
    assert "proj_size" in reasons["lstm"]
    assert not any(d.cells for d in plan if not d.convert)
    assert all(d.name in str(plan) and d.reason in str(plan) for d in plan)
    assert "% of" in str(plan).splitlines()[0]
    assert next(d.cells for d in plan if d.name == "conv") == 2 * 18


def test_convert_leaves_the_model_and_shares_nothing():
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    made = sg.torch.convert(
        model, Config(seed=1), per_layer={"body": Config(programming="one-shot", seed=3)}, exclude="conv"
    )
    assert type(made["conv"]) is nn.Conv2d
    assert made["body"][0].analog.config.programming == "one-shot"
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not {p.data_ptr() for p in model.parameters()} & {p.data_ptr() for p in made.parameters()}
    assert not torch.equal(made["body"][0].analog.noise, made["body"][2].analog.noise)


def test_layers_that_are_used_twice_stay_one_layer():
    shared = nn.Linear(4, 4)
    made = sg.torch.convert(nn.Sequential(shared, nn.ReLU(), shared), Config(seed=1))
    assert made[0] is made[2]
    assert isinstance(made[0], sg.torch.Linear)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": 3}, TypeError, "give a torch.nn.Module"),
        ({"model": nn.ReLU()}, ValueError, "no layer of the model can be converted"),
        ({"model": nn.LayerNorm(3)}, ValueError, "scales each feature"),
        ({"exclude": "head"}, ValueError, "'head' fits no layer"),
        ({"config": {"bits": 8}}, TypeError, "give an AnalogConfig"),
    ],
)
def test_what_cannot_be_converted(arguments, error, message):
    given = {"model": nn.Sequential(nn.Linear(2, 2)), **arguments}
    with pytest.raises(error, match=message):
        sg.torch.convert(**given)


def test_weights_of_nan_name_their_layer():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with torch.no_grad():
        model[1].weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match="layer '1': weight holds NaN"):
        sg.torch.convert(model)


def test_same_seed_same_cells():
    model = nn.Linear(6, 3)
    x = torch.rand(2, 6)
    a, b, c = (sg.torch.convert(model, Config(seed=seed))(x) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_calibration_sets_ranges_from_data():
    layer = sg.torch.convert(nn.Sequential(nn.Linear(6, 3)), Config(seed=1, tile=(2, 4)))
    x = torch.rand(500, 6) * 3
    sg.torch.calibrate(layer, [(x, None)], quantile=1.0)
    part = layer[0].analog
    assert part.calibrated
    assert part.input_range == x.max()
    assert part.adc_range.shape == (1, 2, 1, 3)
    seen = []
    part.observe = lambda vectors, currents: seen.append(currents.abs().amax(2, keepdim=True))
    layer(x)
    # one output a tile, so each line has its own range; noise is drawn anew
    assert torch.allclose(seen[0], part.adc_range, rtol=0.02)


@pytest.mark.parametrize(
    ("loader", "message"),
    [([], "loader gives no input"), ([torch.zeros(0, 4)], "no input"), ([torch.full((1, 4), torch.nan)], "not finite")],
)
def test_bad_calibration(loader, message):
    model = sg.torch.convert(nn.Sequential(nn.Linear(4, 3)), Config(seed=1))
    before = {name: value.clone() for name, value in model[0].analog.state_dict().items() if name != "noise"}
    with pytest.raises(ValueError, match=message):
        sg.torch.calibrate(model, loader)
    assert all(torch.equal(model[0].analog.state_dict()[name], value) for name, value in before.items())
    with pytest.raises(ValueError, match="holds no cells"):
        sg.torch.calibrate(nn.Linear(4, 3), [torch.zeros(1, 4)])


def test_default_configuration_keeps_a_digits_network():
    """Within three points of its float accuracy, as converted and as calibrated; false alarms are not expected: it
    loses less than one point over all seeds tried."""
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
    train, test = order[:1200], order[1200:]
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x[train]), y[train]).backward()
        optimiser.step()

    def accuracy(network):
        with torch.no_grad():
            return float((network(x[test]).argmax(1) == y[test]).float().mean())

    digital = accuracy(model)
    assert digital > 0.93
    analog = sg.torch.convert(model, Config(seed=1))
    assert accuracy(analog) > digital - 0.03
    assert accuracy(sg.torch.calibrate(analog, [x[train]])) > digital - 0.03


def test_converters_count_what_is_beyond_their_ranges():
    """Ranges a tenth larger than a full input on a weight of 1, then half of that: inputs and weights of 1 saturate."""
    layer = sg.torch.convert(nn.Sequential(nn.Linear(4, 2, bias=False)), Config(seed=1, bandwidth=0))
    with torch.no_grad():
        layer[0].weight.copy_(torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    sg.torch.calibrate(sg.torch.program(layer), [torch.eye(4)[1:]], quantile=1.0)
    layer[0].analog.adc_range.mul_(1.1)
    assert layer[0].analog.counts == (0, 0, 0, 0)
    layer(torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 7.0], [0.0, 0.1, 0.0, 0.0]]))
    assert layer[0].analog.counts == (12, 1, 6, 0)
    layer[0].analog.adc_range.mul_(0.5)
    layer(torch.eye(4)[[0, 1, 3]])
    assert layer[0].analog.counts == (24, 1, 12, 2)
    assert "DAC 4.2 %, ADC 17 %" in sg.torch.summary(layer)


def test_other_seeds_are_other_chips():
    model = sg.torch.convert(nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 2)), Config(seed=1, programming="one-shot"))
    written = []
    for seed in (None, None, 5, 6, 5):
        sg.torch.program(model, seed=seed)
        written.append([part.difference.clone() for part in sg.torch.analog_parts(model).values()])
    for one, other, same in ((0, 1, True), (1, 2, False), (2, 3, False), (2, 4, True)):
        assert all(torch.equal(a, b) == same for a, b in zip(written[one], written[other], strict=True))
