"""Ctrl-C while cells change: the first waits for the end of the call, the second breaks it off and says so."""

import signal
import threading

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.engines.cpu.packed import engine as packed


class Interrupted:
    """An engine's `apply` during which Ctrl-C is pressed a number of times, in a call of several steps."""

    def __init__(self, cells, times):
        self.apply, self.times = cells.state.engine.apply, times

    def __call__(self, *arguments):
        for _ in range(self.times):
            signal.raise_signal(signal.SIGINT)
        self.apply(*arguments)


@pytest.fixture
def interrupted(monkeypatch):
    """A function that presses Ctrl-C a number of times during a voltage, and returns cells and the error."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore Ctrl-C

    def run(times):
        cells = sg.CellArray(5, rng=1, engine="reference")
        monkeypatch.setattr(cells.state.engine, "apply", Interrupted(cells, times))
        handler = signal.getsignal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt) as caught:
            cells.apply_voltage(-2.0)
        assert signal.getsignal(signal.SIGINT) is handler
        return cells, caught.value

    yield run
    signal.signal(signal.SIGINT, before)


def test_the_first_interrupt_finds_cells_as_after_the_call(interrupted):
    cells, _ = interrupted(1)
    assert np.all(cells.mode == sg.Mode.LRS)


def test_the_second_interrupt_says_that_cells_must_not_be_used(interrupted):
    cells, error = interrupted(2)
    assert "must not be used" in error.__notes__[0]
    for use in (cells.read, cells.copy, lambda: cells.apply_voltage(1.0), lambda: cells[1:].r):
        with pytest.raises(RuntimeError, match="Load them from where they were saved"):
            use()


def test_an_interrupt_at_the_very_end_gives_back_lock_and_handler(monkeypatch):
    """The second one comes while the lock is released: the cells are as after the call, and others may use them."""
    cells = sg.CellArray(5, rng=1, engine="reference")
    guard, lock = cells.state.guard, cells.state.guard.lock

    class Interrupting:
        def acquire(self):
            return lock.acquire()

        def release(self):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            lock.release()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore Ctrl-C
    monkeypatch.setattr(guard, "lock", Interrupting())
    try:
        with pytest.raises(KeyboardInterrupt):
            cells.apply_voltage(-2.0)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.undo()
    found = []
    other = threading.Thread(target=lambda: found.append(cells.mode), daemon=True)
    other.start()
    other.join(10.0)
    assert np.all(found[0] == sg.Mode.LRS)


def test_an_interrupted_sweep_with_noise_has_counted_its_reads(monkeypatch):
    """Few cells change in one call of a kernel, after which Ctrl-C comes: before their reads are counted."""
    cells, twin = (sg.CellArray(5, rng=1, threads=1) for _ in range(2))
    twin.sweep([-1.0, -2.0], noise=True)
    sweep = cells.state.engine.sweep

    def interrupted(*arguments):
        trace = sweep(*arguments)
        signal.raise_signal(signal.SIGINT)
        return trace

    monkeypatch.setattr(cells.state.engine, "sweep", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore Ctrl-C
    try:
        with pytest.raises(KeyboardInterrupt):
            cells.sweep([-1.0, -2.0], noise=True)
    finally:
        signal.signal(signal.SIGINT, before)
    np.testing.assert_array_equal(cells.r, twin.r)
    np.testing.assert_array_equal(cells.read(), twin.read())


def test_an_interrupt_between_blocks_does_not_divide_a_voltage(monkeypatch, state, same_state):
    """Compact cells with a voltage each change block by block; here Ctrl-C is pressed after the first of three."""
    blocks, voltages = packed._blocks, np.full(150, -2.0)

    def interrupting(select):
        for number, block in enumerate(blocks(select)):
            if number == 1:
                signal.raise_signal(signal.SIGINT)
            yield block

    monkeypatch.setattr(packed, "BLOCK", 64)
    cells, twin = (sg.CellArray(150, rng=1, storage="compact", threads=1) for _ in range(2))
    twin.apply_voltage(voltages)
    monkeypatch.setattr(packed, "_blocks", interrupting)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore Ctrl-C
    try:
        with pytest.raises(KeyboardInterrupt):
            cells.apply_voltage(voltages)
    finally:
        signal.signal(signal.SIGINT, before)
    same_state(state(cells), state(twin))
