"""Weights to cells, with the programming of `synaptogen.crossbar`, and what errors it leaves."""

import functools
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synaptogen.array import CellArray
from synaptogen.crossbar import DifferentialPair, ProgrammingReport, one_shot, write_verify
from synaptogen.model import mixing_from_conductance

from .config import AnalogConfig

LEVELS, SAMPLES = 33, 256  # of the table of errors: weights from -1 to 1, pairs of cells each


class Programmed(NamedTuple):
    """Pairs of cells that hold a matrix."""

    plus: NDArray[np.float32]  # mixing states, shape of the matrix
    minus: NDArray[np.float32]
    cells: CellArray | None
    report: ProgrammingReport | None


def program_pairs(matrix: NDArray[np.float64], config: AnalogConfig, seed: int) -> Programmed:
    """Write a matrix (outputs, inputs) with entries in +-1 to pairs of cells of their own."""
    mapping = DifferentialPair(*config.window)
    targets = mapping.targets(np.clip(matrix, -1.0, 1.0))
    if config.programming == "ideal":
        r = mixing_from_conductance(targets, config.device.constants()).astype(np.float32)
        return Programmed(r[0::2], r[1::2], None, None)
    cells = CellArray(targets.shape, config.device, rng=seed, bandwidth=config.bandwidth)
    if config.programming == "one-shot":
        report = one_shot(cells, targets, tolerance=config.tolerance)
    else:
        report = write_verify(cells, targets, tolerance=config.tolerance, budget=config.budget)
    r = np.asarray(cells.r, np.float32)
    return Programmed(r[0::2], r[1::2], cells, report)


class Errors(NamedTuple):
    """What programming makes of weights from -1 to 1, of shape (LEVELS, SAMPLES): one row a weight."""

    error: Tensor
    """Of the weight over full scale."""
    total: Tensor
    """r+ + r- of the pair."""
    pulses: float
    """Pulses a cell; 0 for ideal programming, as is the energy."""
    energy: float
    """J a cell."""


@functools.lru_cache(16)
def error_table(config: AnalogConfig) -> Errors:
    """Errors of pairs of this population under this programming. Do not change them in place: they are kept."""
    levels = np.linspace(-1.0, 1.0, LEVELS)
    wanted = np.repeat(levels[:, None], SAMPLES, axis=1)
    written = program_pairs(wanted, config, seed=0)
    per_pair = (config.window[0] - config.window[1]) * config.device.constants().per_span
    plus, minus = written.plus.astype(float), written.minus.astype(float)
    report = written.report
    return Errors(
        torch.from_numpy(np.asarray((plus - minus) / per_pair - wanted, np.float32)),
        torch.from_numpy(np.asarray(plus + minus, np.float32)),
        0.0 if report is None else float(report.pulses.mean()),
        0.0 if report is None else report.total_energy / report.pulses.size,
    )
