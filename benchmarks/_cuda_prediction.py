"""How fast the kernels should be on a GPU that is not here: what moves, what is computed, what is in flight.

A prediction, not a measurement. Bytes are counted by running the device code of one cell in Python and noting which
numbers of its state it touches; registers come from the compiler (`offline`); instructions are those of its output, see
`Instructions`. Neither a GPU nor numba-cuda is needed.
"""

from typing import Any, NamedTuple

import numpy as np

from synaptogen.engines.compiled_params import CompiledParams
from synaptogen.engines.cuda.cell import draw_device, first_cycle, step
from synaptogen.engines.cuda.kernel_params import mixture_of, rules_of
from synaptogen.engines.cuda.layout import DEVICE_GROUPS, FIELD_GROUPS, TILE, State
from synaptogen.engines.cuda.scalars import load, real_of, store
from synaptogen.model.ops import any_

FAR = 1e6  # V; SETs and RESETs any cell


class GPU(NamedTuple):
    """A GPU, by its data sheet."""

    name: str
    capability: tuple[int, int]
    multiprocessors: int
    clock: float
    """Hz."""
    bandwidth: float
    """Of its memory, in bytes/s."""
    memory: float
    """Bytes."""


GPUS = {
    "A100": GPU("A100 SXM 80 GB", (8, 0), 108, 1.41e9, 2.039e12, 80e9),
    "H100": GPU("H100 SXM 80 GB", (9, 0), 132, 1.98e9, 3.35e12, 80e9),
}
"""NVIDIA A100 Tensor Core GPU data sheet (2021) and H100 Tensor Core GPU data sheet (2023)."""

REGISTERS, WARPS, ALLOCATED = 65536, 64, 256
"""Registers and warps of a multiprocessor, and registers that a warp is given at a time, for 8.0 and 9.0."""

# assumptions
OF_BANDWIDTH = 0.85  # of the data sheet's that streams reach
OF_ISSUE = 0.5  # of the slots in which the four schedulers of a multiprocessor could issue an instruction
LATENCY = 8e-7  # s from a load of memory to its number, under load
LOADS_IN_FLIGHT = 4  # of a thread: loads of a slot of the ring, or of the fields that a voltage is compared with


class Instructions(NamedTuple):
    """Instructions of a thread, counted in the PTX for 9.0 and rounded up; addresses and loop counters included."""

    set: int = 80
    reset: int = 700
    """Random numbers, features, and what is stored."""
    slot: int = 40
    """Of the ring, in a RESET."""
    state: int = 26
    """Of a state space, in a RESET."""
    pair: int = 6
    """Of states."""


class Traffic(NamedTuple):
    """Bytes of state that a thread loads and stores in a program of voltages, each number once."""

    loaded: int
    stored: int

    @property
    def total(self) -> int:
        """Bytes that move."""
        return self.loaded + self.stored


class Noted:
    """An array that notes which of its numbers are loaded before they are stored, and which are stored."""

    def __init__(self, size: int, dtype: Any = np.float32) -> None:
        self.values, self.size = np.zeros(size, dtype), size
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
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
    """What one cell moves in a kernel that applies ``pulses``, after it has seen the voltages ``before``."""
    groups = 1, 1, FIELD_GROUPS, DEVICE_GROUPS, params.memory
    arrays = [Noted(TILE * numbers, np.uint32 if k == 1 else np.float32) for k, numbers in enumerate(groups)]
    r, word, field, device, memory = arrays
    c = State(r, word, field, device, memory, np.zeros(1, np.uint32), 1, True, np.uint32(0), np.uint32(0))
    rules = rules_of(params, "stationary", 0, np.asarray)
    draw_device(c, rules, 0, mixture_of(params, np.asarray), params.log_sigma)
    first_cycle(c, rules, 0)
    _live(c, rules, list(before))
    for array in arrays:
        array.forget()
    _live(c, rules, pulses)
    return Traffic(4 * sum(len(a.loaded) for a in arrays), 4 * sum(len(a.stored) for a in arrays))


def _live(c: State, rules: Any, pulses: list[float]) -> None:
    """The kernel `apply`, for cell 0."""
    if not pulses:
        return
    before = word = load(c.word, 0)
    for u in pulses:
        word = step(c, rules, 0, word, real_of(u))
    if any_(word != before):
        store(c.word, 0, word)


def instructions(params: CompiledParams, resets: int, sets: int) -> float:
    """Instructions of a thread in a program with so many full RESETs and SETs."""
    cost = Instructions()
    q = 0 if params.slots else params.memory
    memory = params.slots * cost.slot + q * cost.state + q * (q + 1) / 2 * cost.pair
    return sets * cost.set + resets * (cost.reset + memory)


def warps_at_work(registers: int, threads: int) -> int:
    """Warps that a multiprocessor holds of a kernel with so many registers a thread and threads a block."""
    of_block = threads // 32
    of_warp = -(-registers * 32 // ALLOCATED) * ALLOCATED
    return min(WARPS, REGISTERS // of_warp) // of_block * of_block


class Prediction(NamedTuple):
    """Updates per second by each of three limits; the smallest holds."""

    memory: float
    issue: float
    latency: float

    @property
    def updates(self) -> float:
        """Predicted updates per second."""
        return min(self)

    @property
    def limit(self) -> str:
        """Which limit it is."""
        return self._fields[int(np.argmin(self))]


def predict(gpu: GPU, moved: Traffic, executed: float, updates: int, registers: int, threads: int) -> Prediction:
    """Updates per second of a kernel.

    Parameters
    ----------
    moved : what a thread loads and stores
    executed : instructions of a thread
    updates : voltages that it applies
    registers, threads : of a thread, and of a block
    """
    in_flight = gpu.multiprocessors * warps_at_work(registers, threads) * 32 * 4.0 * LOADS_IN_FLIGHT
    return Prediction(
        updates * OF_BANDWIDTH * gpu.bandwidth / moved.total,
        updates * OF_ISSUE * gpu.multiprocessors * 4 * 32 * gpu.clock / executed,
        updates * in_flight / LATENCY / moved.loaded,
    )


class Program(NamedTuple):
    """Voltages that a kernel applies in one launch, after others."""

    name: str
    pulses: list[float]
    before: tuple[float, ...] = ()


PROGRAMS = (
    Program("SET", [-FAR]),
    Program("RESET", [FAR], (-FAR,)),
    Program("20 voltages fused, 10 cycles", [-FAR, FAR] * 10),
)


def predictions(gpu: GPU, params: CompiledParams, registers: int, threads: int) -> dict[str, Prediction]:
    """Updates per second of the `PROGRAMS`."""
    found = {}
    for name, pulses, before in PROGRAMS:
        sets = sum(u < 0 for u in pulses)
        executed = instructions(params, len(pulses) - sets, sets)
        found[name] = predict(gpu, traffic(params, pulses, before), executed, len(pulses), registers, threads)
    return found


def of_cycles(found: dict[str, Prediction]) -> float:
    """Updates per second where SETs and RESETs of all cells take turns, a launch each."""
    return 2 / (1 / found["SET"].updates + 1 / found["RESET"].updates)
