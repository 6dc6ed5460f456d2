"""Training: in parallel, resumed, and with the errors of devices."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'synaptogen-sim[torch]'")

import synaptogen as sg  # noqa: E402
from synaptogen.torch.programming import program_cells  # noqa: E402

Config = sg.torch.AnalogConfig
nn = torch.nn
AWARE = Config(programming="one-shot", training="hardware-aware", seed=1)


def _model():
    torch.manual_seed(0)
    return sg.torch.convert(nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)), AWARE).train()


def _steps(model, optimiser, count, seed):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        optimiser.zero_grad()
        model(torch.randn(8, 6, generator=generator)).square().sum().backward()
        optimiser.step()


def test_a_checkpoint_resumes_bit_for_bit(tmp_path):
    model = _model()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    _steps(model, optimiser, 3, 1)
    torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict()}, tmp_path / "checkpoint.pt")
    _steps(model, optimiser, 3, 2)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    other = sg.torch.convert(nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)), AWARE).train()
    resumed = torch.optim.Adam(other.parameters(), 1e-2)
    other.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimiser"])
    _steps(other, resumed, 3, 2)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_drawn_errors_are_those_of_devices():
    """Weights at one level, drawn and programmed: same spread. 20,000 draws against 4,096 pairs, whose deviations have
    standard errors of 3 % at most (tails included, by the pairs' own fourth moment); the bound is 6 of them."""
    layer = sg.torch.Linear(400, 50, bias=False, config=AWARE).train()
    with torch.no_grad():
        layer.weight.fill_(0.5)
        layer.weight[:, 0] = 1.0
    held = layer.analog.weights(layer.analog.drawn(layer.matrix()))
    drawn = (held[0, :, 1:] - 0.5).double().numpy().ravel()
    written = program_cells(np.full((64, 64), 0.5), AWARE, seed=7)
    pairs = ((written.plus.astype(float) - written.minus) / layer.analog.per_weight - 0.5).ravel()
    assert abs(drawn.std() / pairs.std() - 1) < 0.2
    assert abs(np.median(drawn) - np.median(pairs)) < 0.03
    again = layer.analog.weights(layer.analog.drawn(layer.matrix()))
    assert not torch.equal(again, held)


def test_training_follows_weights_beyond_the_scale_of_the_written_cells(plain):
    """Weights three times as large as those that were written give outputs three times as large."""
    layer = sg.torch.Linear(6, 3, bias=False, config=replace(plain, training="hardware-aware")).train()
    x = torch.rand(4, 6)
    before = layer(x)
    with torch.no_grad():
        layer.weight.mul_(3.0)
    assert torch.allclose(layer(x), 3 * before, rtol=1e-4)


def test_errors_go_back_as_they_came():
    """The gradient of the input is that of the weights that were drawn, the weights' own is the digital layer's."""
    layer = sg.torch.Linear(6, 1, bias=False, config=replace(AWARE, bandwidth=0, dac_bits=None, adc_bits=None)).train()
    x = torch.eye(6).requires_grad_()
    y = layer(x)
    y.sum().backward()
    assert torch.allclose(x.grad[0], y.flatten(), rtol=0.01, atol=1e-3)
    assert torch.allclose(layer.weight.grad, torch.ones(1, 6))


def test_evaluation_reads_the_programmed_cells():
    layer = sg.torch.Linear(6, 3, config=AWARE).eval()
    x = torch.rand(6)
    spread = torch.stack([layer(x) for _ in range(20)]).std(0)
    layer.train()
    assert (torch.stack([layer(x) for _ in range(20)]).std(0) > 3 * spread).all()


PARALLEL = """
import os, sys
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import synaptogen as sg

def work(rank, store):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2))
    config = sg.torch.AnalogConfig(programming="one-shot", training="hardware-aware", seed=1)
    model = sg.torch.convert(model, config).train()
    parallel = torch.nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)
    sg.torch.reseed(model, rank)
    optimiser = torch.optim.SGD(parallel.parameters(), 1e-2)
    for step in range(3):
        optimiser.zero_grad()
        parallel(torch.randn(8, 6)).square().sum().backward()
        optimiser.step()
    flat = torch.cat([p.detach().flatten() for p in model.parameters()])
    both = [torch.empty_like(flat) for _ in range(2)]
    dist.all_gather(both, flat)
    seeds = [torch.empty_like(model[0].analog.noise) for _ in range(2)]
    dist.all_gather(seeds, model[0].analog.noise)
    if rank == 0:
        print(torch.equal(*both), not torch.equal(*seeds), flush=True)
    dist.barrier()
    dist.destroy_process_group()
    os._exit(0)  # gloo's threads may abort an interpreter that ends before they do

if __name__ == "__main__":
    mp.spawn(work, (sys.argv[1],), nprocs=2)
"""


def test_two_processes_train_one_model(tmp_path):
    import subprocess
    import sys

    script = tmp_path / "parallel.py"
    script.write_text(PARALLEL)
    done = subprocess.run(
        [sys.executable, script, tmp_path / "store"], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True"]


def test_pulses_move_weights_the_way_they_should():
    """RESET pulses on 2 x 600 cells: the mean change of those asked to rise is up, of the others down; each has a
    deviation of about 0.03 of full scale (set by cells whose RESET has not begun), so a mean has 0.002."""
    layer = sg.torch.Linear(60, 20, bias=False, config=AWARE)
    optimiser = sg.torch.PulseSGD(layer, lr=1.0, rule="sign", step=0.05, seed=3)
    full, before = float(layer.analog.full_scale.max()), layer.weight.detach().clone()
    sign = torch.ones_like(before)
    sign[10:] = -1
    layer.weight.grad = -sign * full
    optimiser.step()
    change = (layer.weight.detach() - before) / full
    assert change[:10].mean() > 0.02
    assert change[10:].mean() < -0.02
    assert optimiser.pulses == before.numel()
    assert (change * sign >= -1e-6).all()


@pytest.mark.parametrize("rule", ["threshold", "stochastic", "sign", "tiki-taka"])
def test_pulsed_training_learns(rule):
    """Two well separated clusters; from scratch, on cells."""
    torch.manual_seed(0)
    y = torch.arange(200) % 2
    x = torch.randn(200, 10) * 0.5 + (2.0 * y[:, None] - 1)
    model = sg.torch.convert(nn.Sequential(nn.Linear(10, 2)), AWARE)
    optimiser = sg.torch.PulseSGD(model, lr=0.5, rule=rule, seed=3)
    with torch.no_grad():
        model[0].weight.copy_(model[0].analog.weights()[0])
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    assert (model(x).argmax(1) == y).float().mean() > 0.95


def test_bad_pulsed_training():
    with pytest.raises(ValueError, match="convert it first"):
        sg.torch.PulseSGD(nn.Linear(2, 2), lr=0.1)
    layer = sg.torch.Linear(3, 2, config=AWARE)
    with pytest.raises(ValueError, match="rule='signs'"):
        sg.torch.PulseSGD(layer, lr=0.1, rule="signs")
    with pytest.raises(ValueError, match="lr=-1"):
        sg.torch.PulseSGD(layer, lr=-1)


def test_summary_tells_what_is_on():
    model = sg.torch.convert(nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 2)), AWARE)
    text = sg.torch.summary(model)
    assert "one-shot" in text
    assert "noise of 1e+08 Hz, DAC 8 bit, ADC 8 bit, ranges estimated, trains with drawn errors" in text
    sg.torch.calibrate(model, [torch.rand(10, 6)])
    assert "ranges from data" in sg.torch.summary(model)
    with pytest.raises(ValueError, match="holds no cells"):
        sg.torch.summary(nn.Linear(2, 2))


@pytest.mark.parametrize("rule", ["threshold", "stochastic", "tiki-taka"])
def test_pulsed_training_resumes_bit_for_bit(tmp_path, rule):
    """From a file, into an optimiser of another seed: cells, their history, read noise and random pulses."""

    def made(seed):
        torch.manual_seed(0)
        model = sg.torch.convert(nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)), replace(AWARE, seed=seed))
        return model.train(), sg.torch.PulseSGD(model, lr=2.0, rule=rule, step=0.1, seed=seed)

    model, optimiser = made(3)
    _steps(model, optimiser, 8, 1)
    torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict()}, tmp_path / "checkpoint.pt")
    _steps(model, optimiser, 8, 2)
    assert optimiser.renewals > 0
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    other, resumed = made(4)
    other.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimiser"])
    _steps(other, resumed, 8, 2)
    assert (resumed.pulses, resumed.renewals) == (optimiser.pulses, optimiser.renewals)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_a_kept_scale_is_that_of_the_saved_run():
    """The full scale of kept weights comes from their values when the optimiser was made: it is part of the state."""
    layers = [sg.torch.Linear(4, 3, config=AWARE) for _ in range(2)]
    with torch.no_grad():
        layers[1].weight.mul_(3.0)
    one, other = (sg.torch.PulseSGD(layer, lr=0.1, keep_weights=True, seed=1) for layer in layers)
    other.load_state_dict(one.state_dict())
    assert torch.equal(layers[0].weight, layers[1].weight)


def test_full_scale_of_recurrent_layers_follows_from_their_hidden_size():
    """Torch's initial weights of all their matrices are below 1/sqrt(hidden size), also where there is one input."""
    layer = sg.torch.convert(nn.GRU(1, 64), AWARE)
    sg.torch.PulseSGD(layer, lr=0.1, seed=1)
    assert [float(part.full_scale.max()) for part in sg.torch.analog_parts(layer).values()] == [0.5, 0.5]


def test_updates_too_small_for_a_pulse_are_named():
    layer = sg.torch.Linear(4, 2, config=AWARE)
    optimiser = sg.torch.PulseSGD(layer, lr=1.0, seed=1)
    quantum = optimiser.layers[0].worth
    layer.weight.grad = torch.full_like(layer.weight, quantum / 20)
    for _ in range(9):
        optimiser.step()
    with pytest.warns(UserWarning, match=r"no weight got a pulse in 10 updates of weight: .* larger lr"):
        optimiser.step()
    assert optimiser.pulses == 0
    for _ in range(11):
        optimiser.step()
    assert optimiser.pulses == 8


def test_pulsed_state_of_another_optimiser_is_refused():
    layers = [sg.torch.Linear(4, n, config=AWARE) for n in (3, 2)]
    one, other = (sg.torch.PulseSGD(layer, lr=0.1, seed=1) for layer in layers)
    before = layers[1].weight.detach().clone()
    with pytest.raises(ValueError, match="make it alike"):
        other.load_state_dict(one.state_dict())
    with pytest.raises(ValueError, match="holds no cells"):
        other.load_state_dict(torch.optim.SGD(layers[1].parameters(), 0.1).state_dict())
    assert torch.equal(layers[1].weight, before)


def test_columns_are_transferred_in_turn():
    """Gradients reach the weights only by way of the fast array, one input at a time."""
    layer = sg.torch.Linear(3, 40, bias=False, config=AWARE)
    optimiser = sg.torch.PulseSGD(layer, lr=1.0, rule="tiki-taka", step=0.1, transfer_rate=1.0, seed=3)
    before = layer.weight.detach().clone()
    moved = []
    for _ in range(3):
        layer.weight.grad = torch.full_like(before, -float(layer.analog.full_scale.max()))
        optimiser.step()
        moved.append((layer.weight.detach() != before).any(0).tolist())
    assert moved == [[False, True, False], [False, True, True], [True, True, True]]
    assert (layer.weight.detach() - before).mean() > 0


@pytest.mark.parametrize("rule", ["stochastic", "threshold"])
def test_pulses_are_as_many_as_the_gradient_is_large(rule):
    """A gradient that asks for a share p of a pulse gets p pulses an update: by chance, or when they add up to one."""
    config = sg.torch.AnalogConfig(programming="one-shot", seed=1)
    shares, updates = (0.1, 0.2, 0.4), 40
    found = []
    for share in shares:
        layer = sg.torch.Linear(40, 25, config=config)
        optimiser = sg.torch.PulseSGD(layer, lr=0.5, rule=rule, seed=2)
        quantum = optimiser.layers[0].pairs.quantum * optimiser.layers[0].full  # the weight that one pulse changes
        for _ in range(updates):
            layer.weight.grad = torch.full_like(layer.weight, -share * quantum / 0.5)
            optimiser.step()
        found.append(optimiser.pulses)
    expected = np.array(shares) * 1000 * updates
    if rule == "stochastic":  # six standard deviations
        assert np.all(np.abs(found - expected) < 6 * np.sqrt(expected * (1 - np.array(shares))))
    else:  # a rounding error may keep the last pulse back
        assert np.all((found <= expected) & (found >= expected - 1000))


def test_the_rule_of_signs_leaves_small_gradients_alone():
    layer = sg.torch.Linear(4, 2, config=sg.torch.AnalogConfig(programming="one-shot", seed=1))
    optimiser = sg.torch.PulseSGD(layer, lr=0.5, rule="sign", dead=0.1, seed=2)
    quantum = optimiser.layers[0].pairs.quantum * optimiser.layers[0].full
    shares = torch.tensor([[0.09, 0.11, 5.0, -0.11], [-0.09, 0.0, -5.0, 0.05]])
    layer.weight.grad = shares.to(layer.weight) * quantum / 0.5
    optimiser.step()
    assert optimiser.pulses == 4
