"""Pairs of cells whose weights change by pulses, and the state of their controller.

RESET is gradual: a pulse a little higher than the last one lowers a cell's conductance a little and never raises it.
SET is abrupt. Each weight is a pair of cells. A RESET pulse on its negative cell raises it, and one on its positive
cell lowers it. When a cell has reached the end of its range, its pair is re-programmed: both cells are SET, and then
RESET to the weight that was read, open-loop, with an error of the device's cycle-to-cycle spread. (This is the scheme
of phase-change memory with SET and RESET exchanged; Burr et al., IEEE Trans. Electron Devices 62:3498, 2015.)
"""

from types import EllipsisType
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from synaptogen._utils import AnyArray, BoolArray, Float64Array
from synaptogen.array import CellArray
from synaptogen.crossbar import population_statistics
from synaptogen.engines import ReadNumbers
from synaptogen.state import Clock, ClockTime
from synaptogen.torch.config import AnalogConfig

Place: TypeAlias = EllipsisType | tuple[slice, int]
"""Where in the matrix of weights: everywhere, or in one column."""
PulseRule: TypeAlias = Literal["threshold", "stochastic", "sign"]

COUNTS = ("pulses", "renewals")  # these attributes, and those below, are keys of saved states
ARRAYS = ("waiting", "amplitude")


class PulsedPairs:
    """Pairs of cells, the last amplitude of each cell, and updates that wait to be made.

    Weights are over full scale here. At first both cells of each pair are programmed to the middle of the window, so
    that the first weights are the errors of this programming.

    Parameters
    ----------
    shape : (int, int)
        Outputs and inputs.
    config : AnalogConfig
        Device population, window of conductances, read noise.
    step : float
        Increase in V from pulse to pulse.
    seed : numpy.random.SeedSequence
        Of the cells and of stochastic pulses.

    Attributes
    ----------
    cells : CellArray of shape (2, outputs, inputs)
        Positive and negative cells.
    amplitude : array of shape (2, outputs, inputs)
        Last amplitude in V of each cell.
    waiting : array of shape (outputs, inputs)
        Updates that have not been made yet (rule "threshold").
    quantum : float
        Expected change of a weight by one pulse.
    pulses, renewals : int
        Update pulses, and re-programmed pairs, so far.
    """

    def __init__(self, shape: tuple[int, int], config: AnalogConfig, step: float, seed: np.random.SeedSequence) -> None:
        self.shape, self.voltage_step = shape, step
        self.params = config.device
        self.low, self.high = config.window
        self.population = population_statistics(self.params)
        self.random = np.random.default_rng(seed)
        self.cells = CellArray((2, *shape), self.params, rng=seed, bandwidth=config.bandwidth)
        span = self.population.amplitudes[self.population.conductances > self.low]
        self.top = float(span[-1])  # V; with a larger amplitude the median cell is below the window
        first = self._amplitudes(np.array(self.high))
        self.quantum = step / (self.top - float(first))
        self.waiting = np.zeros(shape)
        self.amplitude = np.zeros((2, *shape))
        self.pulses = self.renewals = 0
        self._write(np.zeros(shape), np.ones(shape, bool), middle=True)

    def signs(self, wanted: Float64Array, rule: PulseRule, dead: float, where: Place = ...) -> Float64Array:
        """Decide which pulses make the wanted changes of weights.

        Parameters
        ----------
        wanted : array of shape (outputs, inputs), or (outputs,) with ``where``
            Changes of weights over full scale.
        rule : {"threshold", "stochastic", "sign"}
            See `PulseSGD`.
        dead : float
            Smallest change, in expected changes by one pulse, that gets a pulse by the rule "sign".
        where : ... or (slice, int)
            All weights, or one column, for the rule "threshold".

        Returns
        -------
        array of the shape of ``wanted``; for the rule "threshold" (outputs, inputs)
            -1, 0 or 1: pulse that lowers the weight, none, or one that raises it.
        """
        if rule == "sign":
            return np.asarray(np.sign(wanted) * (np.abs(wanted) > dead * self.quantum))
        if rule == "stochastic":
            return np.asarray(np.sign(wanted) * (self.random.random(wanted.shape) < np.abs(wanted) / self.quantum))
        self.waiting[where] += wanted
        pulses = np.sign(self.waiting) * (np.abs(self.waiting) >= self.quantum)
        self.waiting -= pulses * self.quantum
        return np.asarray(pulses)

    def pulse(self, up: Float64Array) -> tuple[BoolArray, Float64Array]:
        """Apply pulses, after re-programming the pairs that have no range left for theirs.

        Parameters
        ----------
        up : array of shape (outputs, inputs)
            Result of `signs`.

        Returns
        -------
        spent : array of bool, of shape (outputs, inputs)
            Pairs that were re-programmed.
        jump : array of shape (number of these pairs,)
            Changes of their reads over full scale.
        """
        index = np.stack([up < 0, up > 0])  # the cell of the pair that gets a RESET pulse
        spent = np.any(index & (self.amplitude + self.voltage_step > self.top), axis=0)
        jump = np.zeros(int(spent.sum()))
        if spent.any():
            before = self.read()
            self._write(before, spent, middle=False)
            jump = (self.read() - before)[spent]
            self.renewals += len(jump)
        self.amplitude[index] += self.voltage_step
        self.cells.apply_voltage(np.where(index, self.amplitude, 0.0))
        self.pulses += int(index.sum())
        return spent, jump

    def read(self) -> Float64Array:
        """Read the weights over full scale, with noise, (outputs, inputs)."""
        g = self.cells.read().astype(float) / self.params.u_read
        return np.asarray((g[0] - g[1]) / (self.high - self.low))

    def write(self, weights: Float64Array) -> None:
        """Program all pairs open-loop, around the middle of the window.

        Parameters
        ----------
        weights : array of shape (outputs, inputs)
            Weights over full scale.
        """
        self._write(weights, np.ones(self.shape, bool), middle=True)

    def _write(self, weights: Float64Array, where: BoolArray, middle: bool) -> None:
        """Program pairs open-loop: as high in the window as the weight allows, or around its middle."""
        half = np.clip(weights, -1.0, 1.0) / 2
        centre = 0.5 if middle else 0.95 - np.abs(half)
        share = np.clip(np.stack([centre + half, centre - half]), 0.0, 1.0)
        amplitudes = self._amplitudes(self.low + share * (self.high - self.low))
        both = np.broadcast_to(where, (2, *self.shape))
        # a full RESET first, since only a cell in its HRS begins a new cycle
        for u in (self.params.u_max, self.population.u_set, amplitudes):
            self.cells.apply_voltage(u, where=both)
        self.amplitude[both] = amplitudes[both]

    def _amplitudes(self, g: Float64Array) -> Float64Array:
        """Return the amplitudes in V that bring the median cell to conductances in S."""
        return np.interp(-g, -self.population.conductances, self.population.amplitudes)

    # ---- checkpoints

    def state(self) -> dict[str, Any]:
        """Return the whole state as tensors and whole numbers."""
        reads = self.cells.state.counters.reads
        return {
            "shape": list(self.shape),
            "seed": self.cells.seed,
            "cells": {name: _tensor(each) for name, each in self.cells.state.dump(0, self.cells.size).items()},
            "time": list(self.cells.state.clock.time),
            "reads": [reads.times, None if reads.each is None else _tensor(reads.each)],
            "random": self.random.bit_generator.state,
            **{name: _tensor(getattr(self, name)) for name in ARRAYS},
            **{name: getattr(self, name) for name in COUNTS},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` has returned."""
        cells = CellArray((2, *self.shape), self.params, rng=state["seed"], bandwidth=self.cells.bandwidth)
        if "time" in state:  # not in those of earlier versions
            ticks, age, instants = state["time"]
            clock = cells.state.clock
            cells.state.clock = Clock(clock.size, clock.words, ClockTime(ticks, age, tuple(instants)))
        cells.state.restore(0, {name: each.cpu().numpy() for name, each in state["cells"].items()})
        times, each = state["reads"]
        cells.state.counters.reads = ReadNumbers(times, None if each is None else each.cpu().numpy().copy())
        self.cells = cells
        self.random.bit_generator.state = state["random"]
        for name in ARRAYS:
            setattr(self, name, state[name].cpu().numpy().copy())
        for name in COUNTS:
            setattr(self, name, state[name])


def _tensor(array: AnyArray) -> torch.Tensor:
    return torch.from_numpy(np.array(array))
