"""The device code of the CUDA engine, compiled for the processor: the CPU engine to the last bit.

Run by `test_cuda` with SYNAPTOGEN_LANES=1 in a process of its own, since it teaches Numba's CPU target the device code.
Needs no numba-cuda.
"""

from pathlib import Path

import numpy as np
import pytest
from numba import njit

import synaptogen as sg
from synaptogen.engines.compiled_params import compile_params
from synaptogen.engines.cpu import CPUEngine, lanes
from synaptogen.engines.cuda import cell, history, layout, moving
from synaptogen.engines.cuda.cell import draw_device, first_cycle, read_current, step
from synaptogen.engines.cuda.kernel_params import kernel_params_of, mixture_of
from synaptogen.engines.cuda.moving import kernel_moment_of, move_cell
from synaptogen.engines.cuda.scalars import load, store, teach_memory, uint32_of
from synaptogen.engines.lanes import Lanes, adopt
from synaptogen.engines.protocol import CellIds, ReadNumbers
from synaptogen.model.switching import CYCLE
from synaptogen.state import ClockTime

assert lanes.W == 1, "run with SYNAPTOGEN_LANES=1"
teach_memory(lanes.CPU, Lanes(lanes.REAL, lanes.UINT32, lanes.MASK))
for module in (layout, history, cell, moving):
    adopt(lanes.CPU, module, **{**lanes.FORMULA, "forceinline": False})

SIZE, FIRST = 333, 2**32 - 100
FAR = 1e6


@njit(**lanes.OPTIONS)
def initialise(state, params, mixture, log_sigma):
    for i in range(state.size):
        draw_device(state, params, i, mixture, log_sigma)
        first_cycle(state, params, i)


@njit(**lanes.OPTIONS)
def apply(state, params, pulses, trace, bandwidth, times):
    for i in range(state.size):
        status = load(state.status, i)
        for pulse in range(pulses.size // state.size):
            u = load(pulses, pulse * state.size + i)
            status = step(state, params, i, status, u)
            number = uint32_of(times + pulse)
            store(trace, pulse * state.size + i, read_current(state, params, i, u, bandwidth, number))
        store(state.status, i, status)


@njit(**lanes.OPTIONS)
def move(state, params, moment, index):
    for i in range(state.size):
        move_cell(state, params, moment, index, i)


def transfer(values, dtype):
    return np.ascontiguousarray(values, dtype)


class Native:
    """Cells as the kernels hold them, in arrays of NumPy."""

    def __init__(self, params, seed, start, cells):
        self.compiled_params = params = compile_params(params)
        self.params = kernel_params_of(params, start, seed, transfer)
        padded = -(-SIZE // layout.WARP_TILE) * layout.WARP_TILE
        listed = cells.ids is not None
        ids = np.concatenate(cells.id_words(np.arange(SIZE))) if listed else np.zeros(1, np.uint32)

        def single(groups):
            return np.full(padded * groups, np.nan, np.float32)

        self.state = layout.CellBuffers(
            single(1),
            np.zeros(padded, np.uint32),
            single(layout.FIELD_GROUPS),
            single(layout.DEVICE_GROUPS),
            single(params.memory),
            ids,
            SIZE,
            not listed,
            np.uint32(cells.first & 0xFFFFFFFF),
            np.uint32(cells.first >> 32),
        )
        initialise(self.state, self.params, mixture_of(params, transfer), params.log_sigma)
        self.reads = 0

    def sweep(self, pulses, bandwidth):
        trace = np.empty(pulses.size, np.float32)
        flat = transfer(pulses.ravel(), np.float32)
        apply(self.state, self.params, flat, trace, np.float32(bandwidth), self.reads)
        self.reads += len(pulses) if bandwidth else 0
        return trace.reshape(pulses.shape)

    def grouped(self, array, groups):
        return array.reshape(-1, groups, layout.WARP_TILE).transpose(1, 0, 2).reshape(groups, -1)[:, :SIZE]

    def compare(self, engine):
        everything = engine.selection(None)
        assert np.array_equal(self.state.status[:SIZE], engine.status(everything))
        assert np.array_equal(self.state.r[:SIZE], engine.mixing(everything))
        assert np.array_equal(self.grouped(self.state.fields, 7), engine.fields(everything))
        assert np.array_equal(self.grouped(self.state.device, 8), engine.device(everything))

    def set_cycle(self, number):
        self.state.status[:] = (self.state.status & ~np.uint32(CYCLE)) | np.uint32(number)


PRESET = sg.DeviceParams.preset("hennen2024")
SETS = {"VAR(10)": PRESET, "VAR(1)": PRESET.with_order(1), "compact(5)": PRESET.compact(5)}
SETS["own laws"] = sg.DeviceParams.from_json(Path(__file__).parents[2] / "data" / "own_laws.json")
SLOPE = np.zeros((4, 8))
SLOPE[0, 0], SLOPE[2, 6], SLOPE[3, 5] = -0.7, 1e-3, 0.5
SETS["trend and wear"] = PRESET.compact(3).replace(
    trend=sg.Trend(
        9,
        [[0.1, -0.2], [0.0, -0.05], [90.0, 0.0], [0.0, 0.05]],
        factor=0.3 * np.tril(np.ones((4, 4))),
        slope=SLOPE,
        centre=PRESET.population.mean(),
        passes=True,
    ),
    wear=sg.Wear(30.0, 2.0, 0.4),
)
FULL = np.tile(np.float32([-FAR, FAR])[:, None], SIZE)


def both(name, start, ids):
    """Make the same cells twice. Ids run across 2^32, where the high 32 bits change, or are any."""
    rng = np.random.default_rng(7)
    cells = CellIds(SIZE, FIRST) if ids == "run" else CellIds(SIZE, 0, rng.integers(0, 2**56, SIZE, dtype=np.uint64))
    return CPUEngine(compile_params(SETS[name]), cells, 11, start, 1), Native(SETS[name], 11, start, cells)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("start", "ids"), [("stationary", "run"), ("pristine", "any")])
def test_device_code_is_the_cpu_engine_to_the_last_bit(name, start, ids):
    engine, native = both(name, start, ids)
    native.compare(engine)
    rng = np.random.default_rng(8)
    for k in range(12):
        pulses = np.round(rng.uniform(-1.7, 1.7, (6, SIZE)), 3).astype(np.float32)
        if k % 3 == 2:
            pulses = np.tile(np.float32([-FAR, FAR, -FAR, 1.1, FAR, -1.0])[:, None], SIZE)
            pulses[:, rng.uniform(size=SIZE) < 0.3] = 0.0
        bandwidth = 1e8 if k % 2 else 0.0
        theirs = engine.sweep(pulses, engine.selection(None), bandwidth, ReadNumbers(native.reads))
        assert np.array_equal(native.sweep(pulses, bandwidth), theirs)
        native.compare(engine)
    status = engine.status(engine.selection(None))
    cycles = status & np.uint32(CYCLE)
    assert cycles.max() > max(cycles.min() + 3, 12)  # rings went round, and cells out of step
    assert len(np.unique(status >> 30)) == 3


@pytest.mark.parametrize("name", ["VAR(1)", "compact(5)"])
def test_cycle_numbers_start_again_after_the_last(name):
    engine, native = both(name, "stationary", "run")
    engine.apply(FULL, engine.selection(None))
    native.sweep(FULL, 0.0)
    state = engine.dump(0, SIZE)
    state["hot"][0] = (state["hot"][0] & ~np.uint32(CYCLE)) | np.uint32(CYCLE - 2)
    engine.restore(0, state)
    native.set_cycle(CYCLE - 2)
    for k in range(5):
        engine.apply(FULL, engine.selection(None))
        native.sweep(FULL, 0.0)
        if k >= 2:  # from cycle 0 on: what the CPU engine has drawn ahead was passed over by the new number
            native.compare(engine)
    assert np.all(engine.status(engine.selection(None)) & np.uint32(CYCLE) == 2)


@pytest.mark.parametrize(("name", "ids"), [("VAR(10)", "run"), ("compact(5)", "any")])
def test_device_code_moves_cells_as_the_cpu_engine(name, ids):
    """Waits between voltages of all kinds; some cells were written early, some just now."""
    engine, native = both(name, "stationary", ids)
    part, rng = sg.FluctuationParams.preset("hfox-1t1r"), np.random.default_rng(9)
    time, padded = ClockTime(), -(-SIZE // 64) * 64
    theirs, mine = np.zeros((1, padded), np.uint32), np.zeros(padded, np.uint32)
    for seconds in (1e-6, 3.0, 1e4, 1e9):
        pulses = rng.choice([0.0, 0.0, -FAR, 1.1, 1.3, FAR], (2, SIZE)).astype(np.float32)
        engine.apply(pulses, engine.selection(None))
        native.sweep(pulses, 0.0)
        time = time.after(part, round(seconds * 1e9), 350.0)
        moment = time.moment(part)
        engine.move(moment, theirs)
        move(native.state, native.params, kernel_moment_of(moment, native.compiled_params.constants, transfer), mine)
        native.compare(engine)
        assert np.array_equal(mine[:SIZE], theirs[0, :SIZE])
    assert len(np.unique(mine[:SIZE])) == 4
