"""Write weights to cells, pairs or single ones, by `synaptogen.crossbar`, and tabulate the errors of this."""

import functools
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synaptogen._utils import BoolArray, Float32Array, Float64Array, default_threads
from synaptogen.array import CellArray
from synaptogen.crossbar import DifferentialPair, ProgrammingReport, one_shot, write_verify
from synaptogen.engines import CellIds
from synaptogen.model import conductance, mixing_from_conductance
from synaptogen.state import ArraySpec, CellState, ClockTime, ticks_of

from .aged import states_after
from .config import AnalogConfig
from .writing_progress import written

AT_ONCE = 1 << 20  # weights that are written together; each takes some 550 bytes meanwhile
STUCK = 0x57  # keeps the places of stuck cells apart from other numbers of the same seed
LEVELS, SAMPLES = 33, 256  # of the table of errors: weights from -1 to 1, and pairs of cells for each
AGES = 9  # of that table, if training draws them


@dataclass(frozen=True, eq=False)
class WriteRecord:
    """Outcome of a programming run that a layer keeps: 3 bytes per cell, where the whole report takes some 270.

    Attributes
    ----------
    method : str
        Name of the programming method.
    pulses : array of uint16, of shape (cells,)
        Pulses of each cell.
    failed : array of bool, of shape (cells,)
        Cells that did not come within the tolerance.
    tolerance : float
        In S.
    total_energy : float
        Energy of all pulses in J.
    """

    method: str
    pulses: NDArray[np.uint16]
    failed: BoolArray
    tolerance: float
    total_energy: float

    @classmethod
    def of(cls, report: ProgrammingReport) -> "WriteRecord":
        """Return what is to be kept of a report."""
        pulses = np.minimum(report.pulses, np.iinfo(np.uint16).max).astype(np.uint16)
        return cls(report.method, pulses.ravel(), report.failed.ravel(), report.tolerance, report.total_energy)

    @classmethod
    def joined(cls, parts: "list[WriteRecord]") -> "WriteRecord":
        """Return the record of a matrix from those of its parts, at least one."""
        pulses, failed = (np.concatenate([getattr(part, name) for part in parts]) for name in ("pulses", "failed"))
        energy = float(sum(part.total_energy for part in parts))
        return cls(parts[0].method, pulses, failed, parts[0].tolerance, energy)


class Programmed(NamedTuple):
    """Cells that hold a matrix.

    Attributes
    ----------
    states : array of shape (lines, inputs)
        Mixing states; of pairs the positive and the negative line of each output, one after the other.
    cells : CellArray of shape (lines, inputs), or None
        The cells; None for ideal programming, as is the report.
    report : ProgrammingReport or None
        Report of the programming.
    """

    states: Float32Array
    cells: CellArray | None
    report: ProgrammingReport | None

    @property
    def plus(self) -> Float32Array:
        """States of the positive cells of pairs, (outputs, inputs)."""
        return self.states[0::2]

    @property
    def minus(self) -> Float32Array:
        """States of the negative cells of pairs, (outputs, inputs)."""
        return self.states[1::2]


class Written(NamedTuple):
    """What is kept of a matrix that was written.

    Attributes
    ----------
    states : array of shape (lines, inputs)
        Mixing states, as those of `Programmed`.
    record : WriteRecord or None
        Outcome of the programming; None for ideal programming.
    """

    states: Float32Array
    record: WriteRecord | None


def write_matrix(matrix: Float64Array, config: AnalogConfig, seed: int, weights: int | None = None) -> Written:
    """Write a matrix to new cells, some outputs at a time, so that memory stays small.

    The cells are those of `program_cells`, to the last bit.

    Parameters
    ----------
    matrix : array of shape (outputs, inputs)
        What pairs hold, -1 to 1, or single cells, 0 to 1.
    config : AnalogConfig
        Devices and programming.
    seed : int
        Of the cells.
    weights : int, optional
        Outputs that hold weights, and are counted for the progress; others are references. Default: all.

    Returns
    -------
    Written
    """
    outputs, inputs = matrix.shape
    per, slices = config.cells_of_weight, config.weight_slices  # which stay together, so that whole weights are counted
    states = np.empty((per * outputs, inputs), np.float32)
    rows, records = slices * max(1, AT_ONCE // max(1, inputs * slices)), []
    for begin in range(0, outputs, rows):
        some = slice(begin, begin + rows)
        programmed = program_cells(matrix[some], config, seed, first=per * begin * inputs)
        states[per * begin : per * (begin + rows)] = programmed.states
        if programmed.report is not None:
            record = WriteRecord.of(programmed.report)
            stuck = stuck_cells(matrix[some].shape, config, seed, begin) >= 0
            records.append(replace(record, failed=record.failed | stuck.ravel()))
        written(matrix[some][: None if weights is None else max(0, weights - begin)].size // slices)
    return Written(states, WriteRecord.joined(records) if records else None)


def program_cells(matrix: Float64Array, config: AnalogConfig, seed: int, first: int = 0) -> Programmed:
    """Write a matrix to new cells.

    Parameters
    ----------
    matrix : array of shape (outputs, inputs)
        What pairs hold, -1 to 1, or single cells, 0 to 1.
    config : AnalogConfig
        Devices and programming.
    seed : int
        Of the cells.
    first : int
        Id of the first cell.

    Returns
    -------
    Programmed
    """
    low, high = config.window
    if config.cells_of_weight == 2:
        targets = DifferentialPair(low, high).targets(np.clip(matrix, -1.0, 1.0))
    else:
        targets = low + np.clip(matrix, 0.0, 1.0) * (high - low)
    if config.programming == "ideal":
        r = mixing_from_conductance(targets, config.device.constants()).astype(np.float32)
        return Programmed(_with_stuck(r, config, seed, first), None, None)
    spec = ArraySpec.from_arguments(
        config.device,
        rng=seed,
        engine="cpu",
        history=None,
        storage="full",
        start="stationary",
        bandwidth=config.bandwidth,
        resident=targets.size,
    )
    state = CellState.build(spec, CellIds(targets.size, first), default_threads())
    cells = CellArray.from_state(state, targets.shape)
    if config.programming == "one-shot":
        report = one_shot(cells, targets, tolerance=config.tolerance, after=())
    else:
        report = write_verify(cells, targets, tolerance=config.tolerance, budget=config.budget, after=())
    return Programmed(_with_stuck(np.array(cells.r, np.float32), config, seed, first), cells, report)


def _with_stuck(r: Float32Array, config: AnalogConfig, seed: int, first: int) -> Float32Array:
    """Return the states of lines of cells, of which some are stuck."""
    if not (config.stuck_set or config.stuck_reset):
        return r
    per, inputs = config.cells_of_weight, max(1, r.shape[1])
    stuck = stuck_cells((len(r) // per, r.shape[1]), config, seed, first // (per * inputs))
    return np.where(stuck >= 0, stuck, r).astype(np.float32)


def stuck_cells(shape: tuple[int, ...], config: AnalogConfig, seed: int, begin: int) -> NDArray[np.int8]:
    """Return the mixing states of cells that are stuck, 0 in the LRS and 1 in the HRS; -1 for all others.

    Parameters
    ----------
    shape : (int, int)
        Outputs and inputs.
    config : AnalogConfig
        Has the shares.
    seed : int
        Of the cells.
    begin : int
        Number of the first output.

    Returns
    -------
    array of int8 of shape (cells of a weight * outputs, inputs)
    """
    (outputs, inputs), per = shape, config.cells_of_weight
    stuck = np.full((per * outputs, inputs), -1, np.int8)
    if config.stuck_set or config.stuck_reset:
        for k in range(outputs):
            chance, lines = np.random.default_rng([seed, begin + k, STUCK]).random((per, inputs)), slice(per * k, None)
            stuck[lines][:per][chance < config.stuck_set] = 0
            stuck[lines][:per][chance >= 1.0 - config.stuck_reset] = 1
    return stuck


class ErrorTable(NamedTuple):
    """Errors of programming for weights from -1 to 1, one row for each weight; for single cells for 0 to 1.

    Attributes
    ----------
    error : tensor of shape (LEVELS, SAMPLES)
        Errors of weights over full scale; of single cells over the window.
    total : tensor of shape (LEVELS, SAMPLES)
        r+ + r- of the pairs; r of single cells.
    pulses : float
        Mean number of pulses per cell; 0 for ideal programming, as is the energy.
    energy : float
        Mean energy per cell in J.
    """

    error: Tensor
    total: Tensor
    pulses: float
    energy: float


@functools.lru_cache(16)
def error_table(config: AnalogConfig) -> ErrorTable:
    """Measure the errors of cells of a population under its programming; copy the tensors before changing them."""
    wanted = _levels_wanted(config)
    programmed = program_cells(wanted, config, seed=0)
    states, report = _by_weight(programmed.states, config), programmed.report
    return ErrorTable(
        torch.from_numpy(np.asarray(_weights(states, config) - wanted, np.float32)),
        torch.from_numpy(np.asarray(states.sum(1), np.float32)),
        0.0 if report is None else float(report.pulses.mean()),
        0.0 if report is None else report.total_energy / report.pulses.size,
    )


@functools.lru_cache(4)
def aged_errors(config: AnalogConfig) -> Tensor:
    """Measure the errors of pairs of a population at the ages that training draws; copy the tensor before changing it.

    Parameters
    ----------
    config : AnalogConfig
        Has a ``training_age``.

    Returns
    -------
    tensor of shape (AGES, LEVELS, SAMPLES)
        Errors of weights over full scale, at ages of equal ratio.
    """
    assert config.training_age is not None  # for type checkers
    wanted = _levels_wanted(config)
    written = _by_weight(program_cells(wanted, config, seed=0).states, config)
    errors = np.empty((AGES, *wanted.shape), np.float32)
    for k, seconds in enumerate(np.geomspace(*config.training_age, AGES)):
        time = ClockTime().after(config.device.fluctuation, ticks_of(seconds), None)
        errors[k] = _weights(states_after(written, 0, config.device, time), config) - wanted
    return torch.from_numpy(errors)


def _levels_wanted(config: AnalogConfig) -> Float64Array:
    """Return what the cells of a table of errors are to hold, (LEVELS, SAMPLES)."""
    levels = np.linspace(-1.0 if config.cells_of_weight == 2 else 0.0, 1.0, LEVELS)
    return np.repeat(levels[:, None], SAMPLES, axis=1)


def _by_weight(states: Float32Array, config: AnalogConfig) -> Float64Array:
    """Return states of lines as (outputs, cells of a weight, inputs)."""
    return states.astype(float).reshape(-1, config.cells_of_weight, states.shape[1])


def _weights(states: Float64Array, config: AnalogConfig) -> Float64Array:
    """Return what cells (outputs, cells of a weight, inputs) hold, in units of the window."""
    low, high = config.window
    constants = config.device.constants()
    if config.cells_of_weight == 2:
        return np.asarray((states[:, 1] - states[:, 0]) / ((high - low) * constants.per_span))
    return np.asarray((conductance(states[:, 0], config.device.u_read, constants) - low) / (high - low))
