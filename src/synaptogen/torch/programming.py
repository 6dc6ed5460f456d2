"""Write weights to pairs of cells with the programming of `synaptogen.crossbar`, and tabulate its errors."""

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
from synaptogen.model import mixing_from_conductance
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
    """Pairs of cells that hold a matrix.

    Attributes
    ----------
    plus, minus : arrays of shape (outputs, inputs)
        Mixing states.
    cells : CellArray of shape (2 * outputs, inputs), or None
        The cells; None for ideal programming, as is the report.
    report : ProgrammingReport or None
        Report of the programming.
    """

    plus: Float32Array
    minus: Float32Array
    cells: CellArray | None
    report: ProgrammingReport | None


class Written(NamedTuple):
    """What is kept of a matrix that was written.

    Attributes
    ----------
    plus, minus : arrays of shape (outputs, inputs)
        Mixing states.
    record : WriteRecord or None
        Outcome of the programming; None for ideal programming.
    """

    plus: Float32Array
    minus: Float32Array
    record: WriteRecord | None


def write_matrix(matrix: Float64Array, config: AnalogConfig, seed: int) -> Written:
    """Write a matrix to pairs of new cells, some outputs at a time, so that memory stays small.

    The cells are those of `program_pairs`, to the last bit.

    Parameters
    ----------
    matrix : array of shape (outputs, inputs)
        Weights over full scale, -1 to 1.
    config : AnalogConfig
        Devices and programming.
    seed : int
        Of the cells.

    Returns
    -------
    Written
    """
    outputs, inputs = matrix.shape
    plus, minus = np.empty((2, outputs, inputs), np.float32)
    slices = config.weight_slices  # which stay together, so that whole weights are counted
    rows, records = slices * max(1, AT_ONCE // max(1, inputs * slices)), []
    for begin in range(0, outputs, rows):
        some = slice(begin, begin + rows)
        programmed = program_pairs(matrix[some], config, seed, first=2 * begin * inputs)
        plus[some], minus[some] = programmed.plus, programmed.minus
        if programmed.report is not None:
            record = WriteRecord.of(programmed.report)
            stuck = stuck_cells(programmed.plus.shape, config, seed, begin) >= 0
            records.append(replace(record, failed=record.failed | stuck.ravel()))
        written(programmed.plus.size // slices)
    return Written(plus, minus, WriteRecord.joined(records) if records else None)


def program_pairs(matrix: Float64Array, config: AnalogConfig, seed: int, first: int = 0) -> Programmed:
    """Write a matrix to pairs of new cells.

    Parameters
    ----------
    matrix : array of shape (outputs, inputs)
        Weights over full scale, -1 to 1.
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
    mapping = DifferentialPair(*config.window)
    targets = mapping.targets(np.clip(matrix, -1.0, 1.0))
    if config.programming == "ideal":
        r = mixing_from_conductance(targets, config.device.constants()).astype(np.float32)
        return Programmed(*_pairs(r, config, seed, first), None, None)
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
    return Programmed(*_pairs(np.array(cells.r, np.float32), config, seed, first), cells, report)


def _pairs(r: Float32Array, config: AnalogConfig, seed: int, first: int) -> tuple[Float32Array, Float32Array]:
    """Return the states of the positive and the negative cells, of which some are stuck."""
    if config.stuck_set or config.stuck_reset:
        inputs = max(1, r.shape[1])
        stuck = stuck_cells((len(r) // 2, r.shape[1]), config, seed, first // (2 * inputs))
        r = np.where(stuck >= 0, stuck, r).astype(np.float32)
    return r[0::2], r[1::2]


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
    array of int8 of shape (2 * outputs, inputs)
    """
    outputs, inputs = shape
    stuck = np.full((2 * outputs, inputs), -1, np.int8)
    if config.stuck_set or config.stuck_reset:
        for k in range(outputs):
            chance = np.random.default_rng([seed, begin + k, STUCK]).random((2, inputs))
            stuck[2 * k : 2 * k + 2][chance < config.stuck_set] = 0
            stuck[2 * k : 2 * k + 2][chance >= 1.0 - config.stuck_reset] = 1
    return stuck


class ErrorTable(NamedTuple):
    """Errors of programming for weights from -1 to 1, one row for each weight.

    Attributes
    ----------
    error : tensor of shape (LEVELS, SAMPLES)
        Errors of weights over full scale.
    total : tensor of shape (LEVELS, SAMPLES)
        r+ + r- of the pairs.
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
    """Measure the errors of pairs of a population under its programming; copy the tensors before changing them."""
    levels = np.linspace(-1.0, 1.0, LEVELS)
    wanted = np.repeat(levels[:, None], SAMPLES, axis=1)
    written = program_pairs(wanted, config, seed=0)
    plus, minus = written.plus.astype(float), written.minus.astype(float)
    report = written.report
    return ErrorTable(
        torch.from_numpy(np.asarray(_weights(plus, minus, config) - wanted, np.float32)),
        torch.from_numpy(np.asarray(plus + minus, np.float32)),
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
    wanted = np.repeat(np.linspace(-1.0, 1.0, LEVELS)[:, None], SAMPLES, axis=1)
    programmed = program_pairs(wanted, config, seed=0)
    written = np.stack([programmed.plus, programmed.minus], 1).astype(float)
    errors = np.empty((AGES, *wanted.shape), np.float32)
    for k, seconds in enumerate(np.geomspace(*config.training_age, AGES)):
        time = ClockTime().after(config.device.fluctuation, ticks_of(seconds), None)
        states = states_after(written, 0, config.device, time)
        errors[k] = _weights(states[:, 0], states[:, 1], config) - wanted
    return torch.from_numpy(errors)


def _weights(plus: Float64Array, minus: Float64Array, config: AnalogConfig) -> Float64Array:
    """Return the weights over full scale that pairs of cells hold."""
    per_pair = (config.window[0] - config.window[1]) * config.device.constants().per_span
    return np.asarray((plus - minus) / per_pair)
