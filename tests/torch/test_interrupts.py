"""Ctrl-C while a model is written, waits or is trained by pulses: each layer is as before or as after it."""

import signal

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import synaptogen as sg
from synaptogen.torch import aging
from synaptogen.torch.layers import base
from synaptogen.torch.training.pulse_sgd import _PulsedLayer

DEVICE = sg.DeviceParams.preset("hennen2024").compact(1).with_fluctuation("hfox-1t1r")
CONFIG = sg.torch.AnalogConfig(params=DEVICE, programming="ideal", bandwidth=0.0, seed=1)


@pytest.fixture(autouse=True)
def interrupts():
    """Ctrl-C raises, as in a program that nobody has put into the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def model(seed=3):
    torch.manual_seed(1)
    layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    return sg.torch.program(sg.torch.convert(layers, CONFIG), seed)


def states(network):
    return [part.states() for part in sg.torch.analog_parts(network).values()]


def interrupting(monkeypatch, place, name, at):
    """Press Ctrl-C at the n-th call of a function."""
    function, calls = getattr(place, name), []

    def call(*arguments, **options):
        calls.append(name)
        if len(calls) == at:
            signal.raise_signal(signal.SIGINT)
        return function(*arguments, **options)

    monkeypatch.setattr(place, name, call)


@pytest.mark.parametrize(("place", "name", "done"), [(base, "write_matrix", 1), (base.AnalogCells, "hold", 2)])
def test_an_interrupted_program_leaves_whole_layers_that_know_their_seeds(place, name, done, monkeypatch):
    """Before the second layer is written, or in the middle of it."""
    network, first, second = model(3), model(3), model(4)
    interrupting(monkeypatch, place, name, 2)
    with pytest.raises(KeyboardInterrupt) as caught:
        sg.torch.program(network, seed=4)
    monkeypatch.undo()
    assert "sg.torch.program again" in caught.value.__notes__[0]
    expected = [second if k < done else first for k in range(2)]
    for k, (mine, its) in enumerate(zip(states(network), map(states, expected), strict=True)):
        np.testing.assert_array_equal(mine, its[k])
    seeds = [part.seed for part in sg.torch.analog_parts(network).values()]
    wanted = [[part.seed for part in sg.torch.analog_parts(each).values()] for each in expected]
    assert seeds == [wanted[k][k] for k in range(2)]
    np.testing.assert_equal(states(sg.torch.program(network, seed=4)), states(second))


def test_a_program_that_fails_keeps_the_seeds():
    network = model(3)
    with torch.no_grad():
        network[2].weight[0, 0] = np.nan
    before = network[2].analog.seed
    with pytest.raises(ValueError, match="NaN"):
        sg.torch.program(network, seed=4)
    assert network[2].analog.seed == before
    assert network[2].analog.next_seed is None


@pytest.mark.parametrize(("place", "name", "moved"), [(aging, "states_after", 1), (base.AnalogCells, "take_states", 2)])
def test_an_interrupted_wait_leaves_layers_that_know_their_age(place, name, moved, monkeypatch):
    network, before, after = model(), model(), sg.torch.wait(model(), 100.0)
    interrupting(monkeypatch, place, name, 2)
    with pytest.raises(KeyboardInterrupt) as caught:
        sg.torch.wait(network, 100.0)
    monkeypatch.undo()
    assert "must not be used as it is" in caught.value.__notes__[0]
    for k, found in enumerate(states(network)):
        np.testing.assert_array_equal(found, states(after if k < moved else before)[k])
    later = states(sg.torch.wait(network, 50.0))
    np.testing.assert_array_equal(later[0], states(sg.torch.wait(after, 50.0))[0])


def test_factors_after_an_interrupt_are_those_of_the_next_call(monkeypatch):
    network, twin = (sg.torch.wait(model(), 1e6) for _ in range(2))
    interrupting(monkeypatch, aging, "_reference", 4)
    with pytest.raises(KeyboardInterrupt):
        sg.torch.compensate_drift(network)
    monkeypatch.undo()
    sg.torch.compensate_drift(network)
    sg.torch.compensate_drift(twin)
    for mine, its in zip(sg.torch.analog_parts(network).values(), sg.torch.analog_parts(twin).values(), strict=True):
        torch.testing.assert_close(mine.unit, its.unit, rtol=0, atol=0)


def test_an_interrupt_comes_after_a_step_of_pulses(monkeypatch):
    def trained(network):
        optimiser = sg.torch.PulseSGD(network, lr=0.5, seed=2)
        network(torch.ones(2, 3)).square().sum().backward()
        return optimiser

    config = sg.torch.AnalogConfig(programming="ideal", seed=1, bandwidth=0.0)
    first, second = (
        sg.torch.convert(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)), config) for _ in range(2)
    )
    second.load_state_dict(first.state_dict())
    whole, broken = trained(first), trained(second)
    whole.step()
    interrupting(monkeypatch, _PulsedLayer, "update", 2)
    with pytest.raises(KeyboardInterrupt):
        broken.step()
    monkeypatch.undo()
    assert broken.pulses == whole.pulses > 0
    np.testing.assert_equal(states(second), states(first))
