"""The device code of the CUDA engine, compiled for the processor: the CPU engine to the last bit.

Run by `test_cuda` with SYNAPTOGEN_LANES=1 in a process of its own, since it teaches Numba's CPU target the device code.
Needs no numba-cuda.
"""

import numpy as np
import pytest
from numba import njit

import synaptogen as sg
from synaptogen.engines.compiled_params import compile_params
from synaptogen.engines.cpu import CPUEngine, lanes
from synaptogen.engines.cuda import cell, layout
from synaptogen.engines.cuda import history as memory
from synaptogen.engines.cuda.cell import draw_device, first_cycle, read_current, step
from synaptogen.engines.cuda.kernel_params import mixture_of, rules_of
from synaptogen.engines.cuda.scalars import load, store, teach_memory, word_of
from synaptogen.engines.lanes.values import Lanes, adopt
from synaptogen.engines.protocol import CellIds, ReadNumbers
from synaptogen.model.switching import CYCLE

assert lanes.W == 1, "run with SYNAPTOGEN_LANES=1"
teach_memory(lanes.CPU, Lanes(lanes.REAL, lanes.UINT32, lanes.MASK))
for part in (layout, memory, cell):
    adopt(lanes.CPU, part, **{**lanes.FORMULA, "forceinline": False})

SIZE, FIRST = 333, 2**32 - 100
FAR = 1e6


@njit(**lanes.OPTIONS)
def initialise(c, rules, mixture, log_sigma):
    for i in range(c.size):
        draw_device(c, rules, i, mixture, log_sigma)
        first_cycle(c, rules, i)


@njit(**lanes.OPTIONS)
def apply(c, rules, pulses, trace, bandwidth, times):
    for i in range(c.size):
        word = load(c.word, i)
        for pulse in range(pulses.size // c.size):
            u = load(pulses, pulse * c.size + i)
            word = step(c, rules, i, word, u)
            number = word_of(times + pulse)
            store(trace, pulse * c.size + i, read_current(c, rules, i, u, bandwidth, number))
        store(c.word, i, word)


def put(values, dtype):
    return np.ascontiguousarray(values, dtype)


class Native:
    """CellIds as the kernels hold them, in arrays of NumPy."""

    def __init__(self, params, seed, start, cells):
        self.compiled_params = params = compile_params(params)
        self.rules = rules_of(params, start, seed, put)
        padded = -(-SIZE // layout.TILE) * layout.TILE
        single = lambda groups: np.full(padded * groups, np.nan, np.float32)  # noqa: E731
        listed = cells.ids is not None
        ids = np.concatenate(cells.id_words(np.arange(SIZE))) if listed else np.zeros(1, np.uint32)
        self.state = layout.State(
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
        initialise(self.state, self.rules, mixture_of(params, put), params.log_sigma)
        self.reads = 0

    def sweep(self, pulses, bandwidth):
        trace = np.empty(pulses.size, np.float32)
        apply(self.state, self.rules, put(pulses.ravel(), np.float32), trace, np.float32(bandwidth), self.reads)
        self.reads += len(pulses) if bandwidth else 0
        return trace.reshape(pulses.shape)

    def grouped(self, array, groups):
        return array.reshape(-1, groups, layout.TILE).transpose(1, 0, 2).reshape(groups, -1)[:, :SIZE]

    def compare(self, engine):
        everything = engine.selection(None)
        assert np.array_equal(self.state.word[:SIZE], engine.status(everything))
        assert np.array_equal(self.state.r[:SIZE], engine.mixing(everything))
        assert np.array_equal(self.grouped(self.state.field, 7), engine.fields(everything))
        assert np.array_equal(self.grouped(self.state.device, 8), engine.device(everything))

    def set_cycle(self, number):
        self.state.word[:] = (self.state.word & ~np.uint32(CYCLE)) | np.uint32(number)


PRESET = sg.DeviceParams.preset("hennen2024")
SETS = {"VAR(10)": PRESET, "VAR(1)": PRESET.with_order(1), "compact(5)": PRESET.compact(5)}
FULL = np.tile(np.float32([-FAR, FAR])[:, None], SIZE)


def both(name, start, ids):
    """The same cells twice: ids run across 2^32, where the high word changes, or are any."""
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
    words = engine.status(engine.selection(None))
    cycles = words & np.uint32(CYCLE)
    assert cycles.max() > max(cycles.min() + 3, 12)  # rings went round, and cells out of step
    assert len(np.unique(words >> 30)) == 3


@pytest.mark.parametrize("name", ["VAR(1)", "compact(5)"])
def test_lives_begin_again_after_the_last_cycle(name):
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
