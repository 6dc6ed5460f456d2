"""Wire resistance in layers, against crossbars of the same cells."""

import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'synaptogen-sim[torch]'")

import synaptogen as sg  # noqa: E402
from synaptogen.crossbar import Wires  # noqa: E402
from synaptogen.torch.crossbars.wiring import transfer  # noqa: E402
from synaptogen.torch.programming import program_cells  # noqa: E402

Config = sg.torch.AnalogConfig
nn = torch.nn
WIRES = Wires(50.0, 30.0, source=20.0, sense=10.0)
BARE = Config(programming="one-shot", dac_bits=None, adc_bits=None, bandwidth=0, seed=5, wires=WIRES)


def layer_and_cells(config, inputs=9, outputs=5):
    """A layer, the same cells as an array, and what a current is worth."""
    torch.manual_seed(1)
    layer = sg.torch.Linear(inputs, outputs, bias=False, config=config)
    scaled = (layer.weight / layer.weight.abs().amax(1, keepdim=True)).detach().double().numpy()
    return layer, program_cells(scaled, config, layer.analog.seed).cells, layer.analog.unit[0, 0].double().numpy()


@pytest.mark.parametrize("tile", [(1024, 1024), (6, 4)])
def test_exact_reads_are_those_of_crossbars(tile):
    """Tile by tile as the array's own product with wires, which another solver gives, by Newton's method."""
    config = replace(BARE, wire_model="exact", tile=tile)
    layer, cells, unit = layer_and_cells(config)
    x = torch.rand(3, 9) * 2 - 1
    x[:, 0] = 1.0
    lines = np.zeros((10, 3))
    for i in range(0, 10, tile[0]):
        for j in range(0, 9, tile[1]):
            part = cells[i : i + tile[0], j : j + tile[1]]
            u = x[:, j : j + tile[1]].double().numpy().T * config.full_voltage
            lines[i : i + tile[0]] += part.product(u, bandwidth=0, wires=WIRES)
    wanted = (lines[0::2] - lines[1::2]).T * unit
    given = layer(x).detach().numpy()
    assert np.abs(given - wanted).max() < 2e-5 * np.abs(wanted).max()
    without = copy.deepcopy(layer)
    without.analog.config = replace(config, wires=None)
    assert np.abs(without(x).detach().numpy() - wanted).max() > 0.02 * np.abs(wanted).max()


def test_noise_of_exact_reads_is_that_of_the_cells(unlikely):
    layer, cells, unit = layer_and_cells(replace(BARE, wire_model="exact", bandwidth=1e8))
    x = torch.ones(1, 9)
    with torch.no_grad():
        reads = layer(x.expand(400, -1)).double().numpy()
    solution = sg.crossbar.solve(cells, WIRES, columns=np.full(9, layer.analog.full_voltage))
    from synaptogen.model.noise import noise_variance

    variance = noise_variance(solution.currents / solution.cells, solution.cells, 1e8).sum(1)
    wanted = variance.reshape(-1, 2).sum(1) * unit**2
    unlikely((reads.var(0, ddof=1) / wanted - 1) / np.sqrt(2 / (len(reads) - 1)))


def test_effective_reads_are_exact_for_linear_cells():
    """Line currents of resistors are linear in the inputs, of whatever sign: the transfer matrix is all there is."""
    g = np.random.default_rng(1).uniform(20e-6, 200e-6, (6, 8))
    u = np.random.default_rng(2).uniform(-1, 1, 8)
    wanted = sg.crossbar.solve(g, WIRES, columns=u).row_currents
    assert np.allclose(transfer(g, WIRES) @ u, wanted, rtol=1e-7, atol=0)


@pytest.mark.parametrize("tile", [(1024, 1024), (6, 4)])
def test_effective_reads_are_nearly_exact(tile):
    """What is left is the curvature of the cells' I-V curves: below 2 %, where wires cost 4 % or more."""
    layer, *_ = layer_and_cells(replace(BARE, tile=tile), inputs=24, outputs=8)
    exact = copy.deepcopy(layer)
    exact.analog.config = replace(layer.analog.config, wire_model="exact")
    x = torch.rand(5, 24) * 2 - 1
    with torch.no_grad():
        wanted, given = exact(x), layer(x)
    assert (given - wanted).norm() < 0.02 * wanted.norm()
    layer.analog.config = replace(layer.analog.config, wires=None)
    assert (layer(x) - wanted).norm() > 0.04 * wanted.norm()


def test_errors_are_drawn_for_cells_behind_wires():
    """Hardware-aware draws of the weights that were written lose what the written cells lose."""
    config = replace(BARE, programming="ideal", training="hardware-aware", wires=Wires(50.0, 50.0))
    layer = sg.torch.Linear(24, 8, bias=False, config=config)
    x = torch.rand(5, 24)
    with torch.no_grad():
        drawn, read = layer.train()(x), layer.eval()(x)
        digital = nn.functional.linear(x, layer.weight)
    assert (drawn - read).norm() < 0.1 * (digital - read).norm()


@pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated")  # torch's compiler does so itself
def test_wires_are_saved_and_compiled():
    config = Config(seed=1, wires=Wires(5.0, 5.0))
    layer, other = sg.torch.Linear(6, 3, config=config), sg.torch.Linear(6, 3, config=config)
    x = torch.rand(2, 6)
    layer(x)
    other.load_state_dict(layer.state_dict())
    compiled = torch.compile(copy.deepcopy(layer).requires_grad_(False), fullgraph=True, backend="aot_eager")
    wanted = layer(x)
    assert torch.equal(other(x), wanted)
    assert torch.allclose(compiled(x), wanted, atol=1e-6)
    assert "wires of 5 and 5 ohm a cell (effective)" in sg.torch.summary(layer)


def test_inputs_that_are_not_finite_stay_with_their_vector():
    layer = sg.torch.Linear(6, 3, config=Config(seed=1, wires=WIRES, wire_model="exact"))
    x = torch.rand(3, 6)
    x[1, 2] = torch.nan
    assert torch.isfinite(layer(x)).all(1).tolist() == [True, False, True]


def test_bad_wires():
    with pytest.raises(TypeError, match="wires is a float: give a synaptogen"):
        Config(wires=2.0)
    with pytest.raises(ValueError, match="without wires"):
        replace(BARE, gradient="exact")
    with pytest.raises(ValueError, match="wire_model='solved'"):
        Config(wires=WIRES, wire_model="solved")
    with pytest.raises(ValueError, match="wires=None"):
        sg.torch.PulseSGD(sg.torch.Linear(3, 2, config=BARE), lr=0.1)
