"""Pairs of cells that are moved by pulses, and what their controller keeps.

RESET is gradual: a pulse a little higher than the last one lowers a cell's conductance a little, never raises it (a
ratchet). SET is abrupt. So each weight, a pair of cells, moves up by a RESET pulse on its negative cell and down by
one on its positive cell, and a pair of which a cell has come to the end of its range is renewed: both are SET, and
RESET to the weight that was read, open-loop, which costs an error of the device's cycle-to-cycle spread. (The scheme of
phase-change memory with its roles exchanged; Burr et al., IEEE Trans. Electron Devices 62:3498, 2015.)
"""

from typing import Any

import numpy as np
import torch

from synaptogen._utils import AnyArray
from synaptogen.array import CellArray
from synaptogen.crossbar import population_statistics
from synaptogen.engines import ReadNumbers
from synaptogen.torch.config import AnalogConfig

COUNTS = ("pulses", "renewals")
ARRAYS = ("waiting", "amplitude")


class PulsedPairs:
    """Pairs of cells (outputs, inputs), the last amplitude of each, and updates that are not made yet.

    Weights are over full scale. At first both cells of each pair are in the middle of the window, so that weights are
    the devices' own spread.
    """

    def __init__(self, shape: tuple[int, int], config: AnalogConfig, step: float, seed: np.random.SeedSequence) -> None:
        self.shape, self.voltage_step = shape, step
        self.params = config.device
        self.low, self.high = config.window
        self.typical = population_statistics(self.params)
        self.random = np.random.default_rng(seed)
        self.cells = CellArray((2, *shape), self.params, rng=seed, bandwidth=config.bandwidth)
        span = self.typical.amplitudes[self.typical.conductances > self.low]
        self.top = float(span[-1])  # V; beyond it the median cell is below the window
        begin = self._amplitudes(np.array(self.high))
        self.quantum = step / (self.top - float(begin))  # what a pulse is expected to do
        self.waiting = np.zeros(shape)
        self.amplitude = np.zeros((2, *shape))
        self.pulses = self.renewals = 0
        self._write(np.zeros(shape), np.ones(shape, bool), middle=True)

    def signs(self, wanted: AnyArray, rule: str, dead: float, where: Any = ...) -> AnyArray:
        """Pulses -1, 0 or 1 for changes that are wanted of all weights, or of those at a place."""
        if rule == "sign":
            return np.asarray(np.sign(wanted) * (np.abs(wanted) > dead * self.quantum))
        if rule == "stochastic":
            return np.asarray(np.sign(wanted) * (self.random.random(wanted.shape) < np.abs(wanted) / self.quantum))
        self.waiting[where] += wanted
        pulses = np.sign(self.waiting) * (np.abs(self.waiting) >= self.quantum)
        self.waiting -= pulses * self.quantum
        return np.asarray(pulses)

    def pulse(self, up: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Give pulses, after renewing pairs that cannot take theirs.

        Returns which pairs were renewed, and by how much reads of these have changed.
        """
        index = np.stack([up < 0, up > 0])  # which cell of the pair is RESET a little
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

    def read(self) -> AnyArray:
        """Weights over full scale, as a noisy read gives them."""
        g = self.cells.read().astype(float) / self.params.u_read
        return np.asarray((g[0] - g[1]) / (self.high - self.low))

    def _write(self, weights: AnyArray, where: Any, middle: bool) -> None:
        """SET and RESET pairs, open-loop: as high in the window as the weight allows, or around its middle."""
        half = np.clip(weights, -1.0, 1.0) / 2
        centre = 0.5 if middle else 0.95 - np.abs(half)
        share = np.clip(np.stack([centre + half, centre - half]), 0.0, 1.0)
        amplitudes = self._amplitudes(self.low + share * (self.high - self.low))
        both = np.broadcast_to(where, (2, *self.shape))
        # a full RESET first: only a cell in its HRS begins a new cycle
        for u in (self.params.u_max, self.typical.u_set, amplitudes):
            self.cells.apply_voltage(u, where=both)
        self.amplitude[both] = amplitudes[both]

    def _amplitudes(self, g: AnyArray) -> AnyArray:
        return np.interp(-g, -self.typical.conductances, self.typical.amplitudes)

    # ---- checkpoints

    def state(self) -> dict[str, Any]:
        """All of it, as tensors and whole numbers."""
        reads = self.cells.state.counters.reads
        return {
            "shape": list(self.shape),
            "seed": self.cells.seed,
            "cells": {name: _tensor(each) for name, each in self.cells.state.engine.dump(0, self.cells.size).items()},
            "reads": [reads.times, None if reads.each is None else _tensor(reads.each)],
            "random": self.random.bit_generator.state,
            **{name: _tensor(getattr(self, name)) for name in ARRAYS},
            **{name: getattr(self, name) for name in COUNTS},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        cells = CellArray((2, *self.shape), self.params, rng=state["seed"], bandwidth=self.cells.bandwidth)
        cells.state.engine.restore(0, {name: each.cpu().numpy() for name, each in state["cells"].items()})
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
