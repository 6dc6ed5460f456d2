"""Predict how fast the kernels run on a GPU that is not there: from bytes moved, instructions, and loads in flight.

A prediction, not a measurement. Bytes are counted by running the device code of one cell in Python and noting which
numbers of its state it touches; registers come from the compiler (`_cuda_offline`); instructions are those of its
output, see `Instructions`. Neither a GPU nor numba-cuda is needed.
"""

from typing import Any, NamedTuple

import numpy as np

from synaptogen.engines.compiled_params import CompiledParams
from synaptogen.engines.cuda.cell import draw_device, first_cycle, step
from synaptogen.engines.cuda.kernel_params import kernel_params_of, mixture_of
from synaptogen.engines.cuda.layout import DEVICE_GROUPS, FIELD_GROUPS, WARP_TILE, CellBuffers, KernelParams
from synaptogen.engines.cuda.scalars import load, real_of, store
from synaptogen.model.ops import any_

FAR = 1e6  # V; enough to SET (negative) or RESET any cell


class GPU(NamedTuple):
    """A GPU as its data sheet describes it: clock in Hz, bandwidth of its memory in bytes/s, its size in bytes."""

    name: str
    capability: tuple[int, int]
    multiprocessors: int
    clock: float
    bandwidth: float
    memory: float


GPUS = {
    "A100": GPU("A100 SXM 80 GB", (8, 0), 108, 1.41e9, 2.039e12, 80e9),
    "H100": GPU("H100 SXM 80 GB", (9, 0), 132, 1.98e9, 3.35e12, 80e9),
}
"""NVIDIA A100 Tensor Core GPU data sheet (2021) and H100 Tensor Core GPU data sheet (2023)."""

REGISTERS, WARPS, ALLOCATED = 65536, 64, 256
"""Registers and warps of a multiprocessor, and registers that a warp gets at a time, for capabilities 8.0 and 9.0."""

# assumptions
BANDWIDTH_SHARE = 0.85  # of the bandwidth of the data sheet, which streams reach
ISSUE_SHARE = 0.5  # of the slots in which the four schedulers of a multiprocessor could issue an instruction
LATENCY = 8e-7  # s from the request of a number in memory to its arrival, under load
LOADS_IN_FLIGHT = 4  # per thread: numbers of a slot of the ring, or fields that a voltage is compared with


class Instructions(NamedTuple):
    """Instructions of a thread, counted in the PTX for 9.0 and rounded up; addresses and loop counters included."""

    set: int = 80
    reset: int = 700  # random numbers, features, and stores
    slot: int = 40  # for each slot of the ring of a VAR, in a RESET
    state: int = 26  # for each state of a state space, in a RESET
    pair: int = 6  # for each pair of states


class Traffic(NamedTuple):
    """Bytes of state that a thread loads and stores in a program of voltages, each number once."""

    loaded: int
    stored: int

    @property
    def total(self) -> int:
        """Bytes that move in either direction."""
        return self.loaded + self.stored


class RecordingArray:
    """An array that records which of its numbers are loaded before they are stored, and which are stored."""

    def __init__(self, size: int, dtype: Any = np.float32) -> None:
        self.values, self.size = np.zeros(size, dtype), size
        self.forget()

    def forget(self) -> None:
        """Clear the record."""
        self.loaded: set[int] = set()
        self.stored: set[int] = set()

    def __getitem__(self, i: int) -> Any:
        if i not in self.stored:
            self.loaded.add(int(i))
        return self.values[i]

    def __setitem__(self, i: int, value: Any) -> None:
        self.stored.add(int(i))
        self.values[i] = value


def traffic(params: CompiledParams, pulses: list[float], before: tuple[float, ...] = ()) -> Traffic:
    """Count what one cell moves in a kernel that applies voltages.

    Parameters
    ----------
    params : CompiledParams
        The parameter set.
    pulses : list of float
        Voltages in V.
    before : tuple of float
        Voltages applied earlier by another kernel.

    Returns
    -------
    Traffic
    """
    groups = 1, 1, FIELD_GROUPS, DEVICE_GROUPS, params.memory
    arrays = [RecordingArray(WARP_TILE * n, np.uint32 if k == 1 else np.float32) for k, n in enumerate(groups)]
    state = CellBuffers(*arrays, np.zeros(1, np.uint32), 1, True, np.uint32(0), np.uint32(0))
    kernel_params = kernel_params_of(params, "stationary", 0, np.asarray)
    draw_device(state, kernel_params, 0, mixture_of(params, np.asarray), params.log_sigma)
    first_cycle(state, kernel_params, 0)
    _apply(state, kernel_params, list(before))
    for array in arrays:
        array.forget()
    _apply(state, kernel_params, pulses)
    return Traffic(4 * sum(len(a.loaded) for a in arrays), 4 * sum(len(a.stored) for a in arrays))


def _apply(state: CellBuffers, params: KernelParams, pulses: list[float]) -> None:
    """Do what the kernel `apply` does, for cell 0."""
    if not pulses:
        return
    before = status = load(state.status, 0)
    for u in pulses:
        status = step(state, params, 0, status, real_of(u))
    if any_(status != before):
        store(state.status, 0, status)


def instructions(params: CompiledParams, resets: int, sets: int) -> float:
    """Return the instructions of a thread in a program with as many full RESETs and SETs."""
    cost = Instructions()
    q = 0 if params.slots else params.memory
    memory = params.slots * cost.slot + q * cost.state + q * (q + 1) / 2 * cost.pair
    return sets * cost.set + resets * (cost.reset + memory)


def resident_warps(registers: int, threads: int) -> int:
    """Return the warps that a multiprocessor holds of a kernel.

    Parameters
    ----------
    registers, threads : int
        Registers of a thread, and threads of a block.

    Returns
    -------
    int
        At most `WARPS`, in whole blocks.
    """
    warps_per_block = threads // 32
    registers_per_warp = -(-registers * 32 // ALLOCATED) * ALLOCATED
    return min(WARPS, REGISTERS // registers_per_warp) // warps_per_block * warps_per_block


class Prediction(NamedTuple):
    """Updates per second that each of three limits allows; the smallest holds."""

    memory: float
    issue: float
    latency: float

    @property
    def updates(self) -> float:
        """Predicted updates per second."""
        return min(self)

    @property
    def limit(self) -> str:
        """Name of the limit that holds."""
        return self._fields[int(np.argmin(self))]


def predict(gpu: GPU, moved: Traffic, executed: float, updates: int, registers: int, threads: int) -> Prediction:
    """Predict the updates per second of a kernel.

    Parameters
    ----------
    gpu : GPU
        Where it runs.
    moved : Traffic
        What a thread loads and stores.
    executed : float
        Instructions of a thread.
    updates : int
        Voltages that a thread applies.
    registers, threads : int
        Registers of a thread, and threads of a block.

    Returns
    -------
    Prediction
    """
    in_flight = gpu.multiprocessors * resident_warps(registers, threads) * 32 * 4.0 * LOADS_IN_FLIGHT
    return Prediction(
        updates * BANDWIDTH_SHARE * gpu.bandwidth / moved.total,
        updates * ISSUE_SHARE * gpu.multiprocessors * 4 * 32 * gpu.clock / executed,
        updates * in_flight / LATENCY / moved.loaded,
    )


class Program(NamedTuple):
    """Voltages in V that a kernel applies in one launch, and those applied before."""

    name: str
    pulses: list[float]
    before: tuple[float, ...] = ()


PROGRAMS = (
    Program("SET", [-FAR]),
    Program("RESET", [FAR], (-FAR,)),
    Program("20 voltages fused, 10 cycles", [-FAR, FAR] * 10),
)


def predictions(gpu: GPU, params: CompiledParams, registers: int, threads: int) -> dict[str, Prediction]:
    """Predict the updates per second of each of the `PROGRAMS`; see `predict` for the arguments."""
    found = {}
    for name, pulses, before in PROGRAMS:
        sets = sum(u < 0 for u in pulses)
        executed = instructions(params, len(pulses) - sets, sets)
        found[name] = predict(gpu, traffic(params, pulses, before), executed, len(pulses), registers, threads)
    return found


def cycling_rate(found: dict[str, Prediction]) -> float:
    """Return the updates per second if all cells SET and RESET in turn, with one launch for each voltage."""
    return 2 / (1 / found["SET"].updates + 1 / found["RESET"].updates)
