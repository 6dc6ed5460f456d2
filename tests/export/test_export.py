"""Files for other simulators draw what our cells do.

With the interpreter of an environment that holds aihwkit in SYNAPTOGEN_AIHWKIT_PYTHON, aihwkit itself reads the file.
CrossSim is in no package registry: a stand-in with the interface of its documentation reads that file.
"""

import dataclasses
import json
import os
import subprocess
import sys
import types

import numpy as np
import pytest
from scipy.stats import ks_2samp

import synaptogen as sg
from synaptogen.crossbar import DifferentialPair, one_shot, write_verify
from synaptogen.params import FluctuationParams

PRESET = sg.DeviceParams.preset("hennen2024")
RESTLESS = PRESET.with_fluctuation(FluctuationParams.preset("hfox-1t1r"))
LEVELS = np.array([0.03, 0.22, 0.5, 0.77, 0.97])  # of the window; none is a target of the tables
COUNT = 3000
CLOSE = 0.1


@pytest.fixture(scope="module", params=["one-shot", "write-verify"])
def tables(request):
    return sg.export.error_tables(RESTLESS, programming=request.param, seed=5)


def written(tables, wanted, seed=77):
    """Return other cells that were written as those of the tables were."""
    cells = sg.CellArray(wanted.shape, RESTLESS, rng=seed)
    if tables.programming == "one-shot":
        one_shot(cells, wanted, outside="clip")
    else:
        write_verify(cells, wanted, tolerance=2e-6, budget=100, outside="clip")
    return cells


def wanted(tables):
    low, high = tables.targets[[0, -1]]
    return np.repeat((low + LEVELS * (high - low))[:, None], COUNT, 1)


def same_deviations(theirs, ours):
    """Check standard deviations along the last axis, with values held to the middle 99 percent of ours.

    Without that, single cells that could not be written decide: the fourth moment of errors is up to 3000 times that of
    normals. Held, it is below 8, and the ratio of two deviations scatters by less than 3.5 percent.
    """
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    ends = np.quantile(ours, [0.005, 0.995], axis=-1, keepdims=True)
    np.testing.assert_allclose(*(np.clip(each, *ends).std(-1) for each in (theirs, ours)), rtol=CLOSE)


def middle(values):
    """Return half the distance of the quantiles at 16 and 84 percent, along the last axis."""
    return np.subtract(*np.quantile(values, [0.84, 0.16], axis=-1)) / 2.0


def test_writes_reach_what_cells_reach(tables):
    targets = wanted(tables)
    ours = written(tables, targets).conductance() - targets
    theirs = tables.cells.programmed(targets, np.random.default_rng(1)) - targets
    same_deviations(theirs, ours)
    assert (np.abs(theirs.mean(1) - ours.mean(1)) < 0.1 * ours.std(1)).all()
    # 2.2 sqrt(1 / 3000 + 1 / 4096) is passed by one in 10,000; the rest is for what lies between targets of the table
    assert max(ks_2samp(*pair).statistic for pair in zip(ours, theirs, strict=True)) < 0.06


def test_reads_scatter_like_those_of_cells(tables):
    cells = sg.CellArray(20, PRESET, rng=3)
    g = cells.conductance()
    reads = np.stack([cells.read(PRESET.u_read) for _ in range(4000)]) / PRESET.u_read
    theirs = tables.cells.read(np.broadcast_to(g, reads.shape), np.random.default_rng(2))
    np.testing.assert_allclose(theirs.std(0), reads.std(0), rtol=0.06)  # five deviations of that of 4000 normals


@pytest.mark.parametrize("seconds", [5.0, 4e5])
def test_conductances_change_with_time_like_those_of_cells(tables, seconds):
    cells = written(tables, wanted(tables))
    before = cells.conductance()
    cells.wait(seconds)
    ours = np.log(cells.conductance() / before)
    rank = np.random.default_rng(3).random(before.shape)
    theirs = np.log(tables.cells.rested(before, rank, seconds) / before)
    np.testing.assert_allclose(middle(theirs), middle(ours), rtol=0.25)  # 1024 cells of the table scatter by 7 percent
    np.testing.assert_allclose(np.median(theirs, 1), np.median(ours, 1), atol=0.1 * ours.std())


def test_time_begins_at_the_write_and_ends_with_the_table(tables):
    g, rank = tables.targets, np.full(len(tables.targets), 0.9)
    assert (tables.cells.rested(g, rank, 0.0) == g).all()
    with pytest.raises(ValueError, match="from 0 s to 1e"):
        tables.cells.rested(g, rank, 1e10)
    still = sg.export.error_tables(PRESET, programming="one-shot", cells=100)
    assert (still.cells.rested(g, rank, 1e10) == g).all()


def weights(tables):
    """Return weights over full scale, and what pairs of our cells hold of them."""
    asked = np.repeat(np.array([-1.0, -0.4, 0.1, 0.6, 1.0])[:, None], COUNT, 1)
    pair = DifferentialPair(*tables.targets[[0, -1]])
    g = written(tables, pair.targets(asked)).conductance()
    return asked, (g[0::2] - g[1::2]) / (tables.targets[-1] - tables.targets[0])


AIHWKIT = """
import importlib.util, json, sys
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import TorchInferenceRPUConfig
spec = importlib.util.spec_from_file_location("cells", sys.argv[1])
cells = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cells)
torch.manual_seed(1)
asked = torch.tensor(json.loads(sys.argv[2]))
rpu = TorchInferenceRPUConfig(noise_model=cells.SynaptogenNoiseModel())
rpu.mapping.weight_scaling_omega, rpu.mapping.max_input_size, rpu.mapping.max_output_size = 0.0, 0, 0
rpu.drift_compensation = None
layer = AnalogLinear(int(sys.argv[3]), len(asked), bias=False, rpu_config=rpu)
layer.set_weights(asked[:, None].expand(-1, int(sys.argv[3])).contiguous())
layer.eval()
layer.program_analog_weights()
tile = next(layer.analog_tiles())
held = tile.programmed_weights.double()
deviations = [(held - asked[:, None]).tolist()]
for seconds in json.loads(sys.argv[4]):
    layer.drift_analog_weights(seconds)
    deviations.append((tile.get_weights()[0].double() - held).std(1).tolist())
# a pair of cells without errors, read once: programming and drift are left out
model = cells.SynaptogenNoiseModel()
g = torch.full((20000,), 100.0)
read = model.apply_drift_noise_to_conductance(g, torch.full_like(g, 0.5), 0.0)
print(json.dumps([*deviations, float((read - g).std()), model.w_noise]))
"""


def test_aihwkit_reads_our_population(tables, tmp_path):
    interpreter = os.environ.get("SYNAPTOGEN_AIHWKIT_PYTHON")
    if interpreter is None:
        pytest.skip("SYNAPTOGEN_AIHWKIT_PYTHON names no interpreter that has aihwkit")
    asked, held = weights(tables)
    still = dataclasses.replace(tables, times=(), changes=np.zeros((0, 17, 65)))
    file = sg.export.write_noise_model(tmp_path / "cells.py", "aihwkit", still)
    arguments = [str(file), json.dumps(asked[:, 0].tolist()), str(COUNT), json.dumps([10.0])]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [interpreter, "-W", "ignore", "-c", AIHWKIT, *arguments], capture_output=True, text=True, env=environment
    )
    assert run.returncode == 0, run.stderr
    programmed, read, at_100, w_noise = json.loads(run.stdout.splitlines()[-1])
    same_deviations(programmed, held - asked)
    variance = tables.read_variance  # S^2 of a read of 1 S
    assert at_100 == pytest.approx(1e6 * np.sqrt(variance * 100e-6), rel=0.04)
    low, high = tables.targets[[0, -1]]
    pairs = np.sqrt(variance * (2 * low + np.abs(asked[:, 0]) * (high - low))) / (high - low)
    np.testing.assert_allclose(read, pairs, rtol=CLOSE)
    assert w_noise == pytest.approx(np.sqrt(variance * (low + (low + high) / 2)) / (high - low), rel=1e-3)


def stand_in(monkeypatch, name, **content):
    """Enter a module and its packages where imports find them."""
    parts = name.split(".")
    for k in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:k]), types.ModuleType(".".join(parts[:k])))
    vars(sys.modules[name]).update(content)


def run(text):
    module = types.ModuleType("cells")
    exec(compile(text, "cells.py", "exec"), vars(module))
    return module


class EmptyDevice:
    """What the documentation of CrossSim says of its base class."""

    def __init__(self, device_params, weight_error_params):
        self.Gmin_norm = device_params.Rmin / device_params.Rmax


def parameters():
    part = types.SimpleNamespace
    device = part(Rmin=1e3, Rmax=1e4, programming_error=part(), read_noise=part(), drift_error=part())
    return part(xbar=part(device=device))


def test_a_device_for_crosssim(tables, monkeypatch):
    stand_in(monkeypatch, "simulator.devices.idevice", EmptyDevice=EmptyDevice)
    module, params = run(sg.export.noise_model(tables, "crosssim")), parameters()
    with pytest.raises(ValueError, match="give Rmin="):
        module.SynaptogenDevice(params.xbar.device, None)
    module.use(params, 100.0)
    found = params.xbar.device
    assert found.drift_error.model == found.read_noise.model == module.SynaptogenDevice.__name__
    assert (found.time, found.clip_conductance) == (100.0, False)
    made = module.SynaptogenDevice(found, None)
    made.drift_error(np.zeros(1), 0), made.read_noise(np.zeros(1)), made.programming_error(np.zeros(1))
    np.random.seed(1)  # noqa: NPY002  # CrossSim draws these
    top, targets = tables.targets[-1], wanted(tables)
    reached = top * made.programming_error((targets / top).astype(np.float32)) - targets
    cells = written(tables, targets)
    same_deviations(reached, cells.conductance() - targets)
    cells.wait(1000.0)
    later = top * made.drift_error(targets / top, 1000.0) - targets
    np.testing.assert_allclose(middle(later), middle(cells.conductance() - targets), rtol=0.15)
    read = made.read_noise(np.full(20000, 0.5)) - 0.5
    assert read.std() == pytest.approx(np.sqrt(tables.read_variance * 0.5 * top) / top, rel=0.04)
    np.random.seed(1)  # noqa: NPY002
    assert (made.programming_error(targets / top) == made.programming_error(targets / top)).mean() < 0.01


def test_a_noise_model_for_aihwkit_by_its_interface(tables, monkeypatch):
    torch = pytest.importorskip("torch")

    class Pairs:
        def __init__(self, g_max, g_min):
            self.g_max, self.g_min = g_max, g_min

    class Base:
        def __init__(self, g_converter):
            self.g_converter = g_converter

    stand_in(monkeypatch, "aihwkit.inference.converter.conductance", SinglePairConductanceConverter=Pairs)
    stand_in(monkeypatch, "aihwkit.inference.noise.base", BaseNoiseModel=Base)
    module = run(sg.export.noise_model(tables, "aihwkit"))
    model, targets = module.SynaptogenNoiseModel(), torch.from_numpy(1e6 * wanted(tables)).float()
    torch.manual_seed(1)
    reached = model.apply_programming_noise_to_conductance(targets)
    ours = 1e6 * written(tables, wanted(tables)).conductance() - targets.numpy()
    same_deviations(reached - targets, ours)
    torch.manual_seed(1)
    assert torch.equal(model.apply_programming_noise_to_conductance(targets), reached)
    rank = model.generate_drift_coefficients(targets)
    quiet = module.SynaptogenNoiseModel(read_noise=False)
    slow, fast = (quiet.apply_drift_noise_to_conductance(reached, rank, t) for t in (1e3, 1e7))
    assert (slow - reached).abs().mean() < (fast - reached).abs().mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": 50}, "cells=50"),
        ({"share": 1.0}, "share"),
        ({"programming": "ideal"}, "programming"),
        ({"bandwidth": -1.0}, "bandwidth"),
        ({"params": "none"}, "none"),
    ],
)
def test_bad_tables(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        sg.export.error_tables(**options)


def test_the_command(tmp_path, monkeypatch):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from synaptogen.cli.app import app

    monkeypatch.chdir(tmp_path)
    RESTLESS.to_json(tmp_path / "mine.json")
    arguments = ["export", "crosssim", "mine.json", "--method", "one-shot", "--cells", "200"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "cells_crosssim.py").read_text()
    compile(text, "cells_crosssim.py", "exec")
    assert "up to 1e+09 s" in text
    again, other = CliRunner().invoke(app, arguments), CliRunner().invoke(app, ["export", "memtorch"])
    assert again.exit_code == other.exit_code == 1
    assert "--overwrite" in again.output
    assert "SIMULATOR" in other.output
