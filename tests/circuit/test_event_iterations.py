"""The event form does not mind how often a simulator evaluates it: iterations, steps taken back, variables kept or not.

Its analog block runs as Python here, for simulators of both kinds: those that take variables back to the last accepted
time point before each evaluation, and those that let them be.
"""

import numpy as np
import pytest
from analog import EventCell
from scipy.optimize import brentq

import synaptogen as sg
from synaptogen.circuit import cell_model, instance_values
from synaptogen.circuit.load_line import sweep_behind_resistor

TINY = 1e-12  # V, for slopes as a simulator derives them


class Simulator:
    """Evaluates a cell at time points."""

    def __init__(self, cell, takes_back):
        self.cell, self.takes_back = cell, takes_back
        self.accepted = dict(cell.variables)

    def evaluate(self, time, voltage):
        if self.takes_back:
            self.cell.variables = dict(self.accepted)
        return self.cell.current(time, voltage)

    def accept(self, time, voltage):
        current = self.evaluate(time, voltage)
        self.accepted = dict(self.cell.variables)
        return current

    def newton(self, time, source, ohms, u):
        """The voltage of the cell behind a resistor, as simulators look for it, and how often it was evaluated."""
        for count in range(1, 101):
            current = self.evaluate(time, u)
            slope = (self.evaluate(time, u + TINY) - current) / TINY
            missing = u + ohms * current - source
            u -= missing / (1.0 + ohms * slope)
            if abs(missing) < 1e-6:
                return u, count
        raise AssertionError(f"Newton's method does not converge at {source} V")


def event_cell(seed, cycles, before=()):
    cell = sg.CellArray((), rng=seed, engine="reference")
    if before:
        cell.apply_voltages(list(before))
    model = cell_model(cell.params, "event", cycles=cycles)
    return cell, EventCell(model, {k: float(v[0]) for k, v in instance_values(cell, model).items()})


def ramps(heights, points=15):
    """Triangles, in steps small enough for a SET to be over before the voltage turns positive."""
    return np.concatenate([np.r_[np.linspace(0, u, points)[1:], np.linspace(u, 0, points)[1:]] for u in heights])


@pytest.mark.parametrize("takes_back", [True, False])
@pytest.mark.parametrize("before", [(), (-2.0,), (-2.0, 1.0), (-2.0, 2.0)])
def test_only_accepted_voltages_count(takes_back, before):
    """Each point is tried at wild voltages first, and some steps are taken back after they were tried further on."""
    rng = np.random.default_rng(7)
    volts = ramps(np.where(np.arange(26) % 2, rng.uniform(0.4, 1.6, 26), -rng.uniform(0.5, 1.4, 26)))
    python, cell = event_cell(5, 30, before)
    simulator = Simulator(cell, takes_back)
    simulator.accept(0.0, 0.0)
    found = []
    for k, u in enumerate(volts, start=1):
        if rng.random() < 0.3:
            for wild in rng.uniform(-2.0, 2.0, 3):
                simulator.evaluate(k + 0.9, wild)  # a step that is too long
        for wild in rng.uniform(-2.0, 2.0, 4):
            simulator.evaluate(float(k), wild)
        found.append((simulator.accept(float(k), u), cell.variables["mode"]))
    current, mode = np.array(found).T
    points = np.array([(python.sweep([u])[0], python.mode) for u in volts], float)
    expected, expected_mode = points.T
    sets = (expected_mode == sg.Mode.LRS) & (mode != sg.Mode.LRS)  # SET comes one point later
    assert sets.sum() == np.sum(np.diff(np.r_[0.0, expected_mode == sg.Mode.LRS]) == 1) - (before == (-2.0,)) > 5
    assert not np.any(sets[1:] & sets[:-1])
    assert np.abs(current - expected)[~sets].max() < 1e-11
    assert np.array_equal(mode[~sets], expected_mode[~sets])
    assert python.cycle > 5


def test_the_end_of_a_tape_is_told():
    """After a RESET that the cell has no features for, and not before."""
    _, cell = event_cell(7, 2)
    simulator = Simulator(cell, takes_back=True)
    ends = []
    for k, u in enumerate([0.0, *ramps([-1.5, 1.5, -1.5, 1.5, -1.5, 0.2, 1.5])]):
        simulator.accept(float(k), u)
        ends.append((k, cell.variables["tape_end"], cell.variables["mode"]))
    first = next(k for k, end, _ in ends if end)
    assert 6 * 28 < first < 7 * 28
    assert ends[-1] == (7 * 28, 1.0, sg.Mode.LRS)
    assert cell.variables["cycles_done"] == 2


@pytest.mark.parametrize("takes_back", [True, False])
@pytest.mark.parametrize("ohms", [300.0, 3000.0, 30000.0])
def test_a_set_behind_a_resistor_has_a_solution(takes_back, ohms):
    """Were SET decided by the voltage of its own point, none would be found there: neither HRS nor LRS would do."""
    source = ramps([-2.5], 100)
    python, cell = event_cell(11, 2)
    simulator = Simulator(cell, takes_back)
    simulator.accept(0.0, 0.0)
    found = []
    for k, volts in enumerate(source, start=1):

        def missing(u, time=float(k), volts=volts):
            return u + ohms * simulator.evaluate(time, u) - volts

        u = brentq(missing, min(volts, 0.0), 0.0, xtol=1e-15) if volts else 0.0
        assert abs(missing(u)) < 1e-9
        found.append(simulator.accept(float(k), u))
    expected = sweep_behind_resistor(python, source, ohms)
    wrong = np.flatnonzero(np.abs(np.array(found) - expected.current) > 1e-9)
    assert list(wrong) == [int(np.argmax(expected.mode == sg.Mode.LRS))]  # the one point by which SET is late


@pytest.mark.parametrize("ohms", [300.0, 3000.0, 10000.0])
def test_newton_follows_set_and_reset_behind_a_resistor(ohms):
    """Snap-back of SET, and RESETs that run away to their next point of rest; few iterations, even there."""
    source = ramps([-4.0, 5.0, -4.0, 1.6, -4.0, 5.0], 60)
    python, cell = event_cell(11, 4)
    simulator = Simulator(cell, takes_back=True)
    simulator.accept(0.0, 0.0)
    u, found, counts = 0.0, [], []
    for k, volts in enumerate(source, start=1):
        u, count = simulator.newton(float(k), volts, ohms, u)
        simulator.accept(float(k), u)
        found.append(u)
        counts.append(count)
    expected = sweep_behind_resistor(python, source, ohms)
    wrong = np.abs(np.array(found) - expected.u) > 1e-4
    sets = (expected.mode == sg.Mode.LRS) & (np.r_[sg.Mode.HRS, expected.mode[:-1]] != sg.Mode.LRS)
    assert np.array_equal(wrong, sets)
    assert sets.sum() >= 2
    assert cell.variables["cycles_done"] == expected.cycle[-1] >= 2
    assert np.mean(counts) < 4
    assert max(counts) < 80
