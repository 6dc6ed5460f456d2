"""Kernels: one thread a cell, one compiled function for each thing that can happen to an array."""

from typing import Any, NamedTuple

from numba import cuda

from synaptogen.model import any_, bits

from .cell import draw_device, first_cycle, read_current, step
from .compiler import jit
from .layout import TILE, place
from .scalars import load, store, word_of

EXPONENT = 0x7F800000
"""All ones in numbers that are not finite."""


class Selection(NamedTuple):
    """Which cells a kernel visits: thread k < ``count`` visits cell ``cells[k]`` if ``listed``, else ``first`` + k."""

    cells: Any
    listed: Any
    first: Any
    count: Any


class Reads(NamedTuple):
    """How often cells have been read: one number each, by position, or one for all."""

    counts: Any
    counted: Any
    times: Any


@jit
def initialise(c, rules, mixture, log_sigma):  # type: ignore[no-untyped-def]
    """Draw the devices, and begin cycle 0."""
    i = cuda.grid(1)
    if i < c.size:
        draw_device(c, rules, i, mixture, log_sigma)
        first_cycle(c, rules, i)


@jit
def apply(c, rules, selection, pulses, count, each, mask, masked, trace, traced, bandwidth, reads):  # type: ignore[no-untyped-def]
    """Apply voltages one after the other, and record the current at each where ``traced``."""
    k = cuda.grid(1)
    if k < selection.count and (not masked or mask[k] != 0):
        i = selection.cells[k] if selection.listed else selection.first + k
        before = load(c.word, i)
        word = before
        for pulse in range(count):
            u = load(pulses, pulse * selection.count + k if each else pulse)
            word = step(c, rules, i, word, u)
            if traced:
                number = load(reads.counts, i) if reads.counted else word_of(reads.times)
                current = read_current(c, rules, i, u, bandwidth, number + word_of(pulse))
                store(trace, pulse * selection.count + k, current)
        if any_(word != before):
            store(c.word, i, word)


@jit
def read(c, rules, selection, voltages, each, out, bandwidth, reads):  # type: ignore[no-untyped-def]
    """Currents, with noise unless the bandwidth is 0."""
    k = cuda.grid(1)
    if k < selection.count:
        i = selection.cells[k] if selection.listed else selection.first + k
        number = load(reads.counts, i) if reads.counted else word_of(reads.times)
        store(out, k, read_current(c, rules, i, load(voltages, k if each else 0), bandwidth, number))


@jit
def gather(array, groups, selection, out):  # type: ignore[no-untyped-def]
    """out[group, k] = what an array of tiles of ``groups`` holds of cell k."""
    k = cuda.grid(1)
    if k < selection.count:
        i = selection.cells[k] if selection.listed else selection.first + k
        at = place(i, groups)
        for group in range(groups):
            store(out, group * selection.count + k, load(array, at + group * TILE))


@jit
def scatter(array, groups, selection, values):  # type: ignore[no-untyped-def]
    """The inverse of `gather`."""
    k = cuda.grid(1)
    if k < selection.count:
        i = selection.cells[k] if selection.listed else selection.first + k
        at = place(i, groups)
        for group in range(groups):
            store(array, at + group * TILE, load(values, group * selection.count + k))


@jit
def find_not_finite(values, found):  # type: ignore[no-untyped-def]
    """found[0] = 1 if a value is NaN or infinite, by its bits: the compiler takes numbers to be finite."""
    k = cuda.grid(1)
    if k < values.size and any_((bits(load(values, k)) & EXPONENT) == EXPONENT):
        store(found, 0, word_of(1))
