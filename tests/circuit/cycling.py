"""Cells cycled in a circuit, and their features taken from the currents, as from a measurement."""

from typing import NamedTuple

import numpy as np

from synaptogen.model import iv

RAMP, READ, U_READ = 1e-2, 1e-3, 0.2  # s, s, V


class Cycling(NamedTuple):
    """A waveform: a read, then SET, a read, RESET and a read in each cycle."""

    times: np.ndarray
    volts: np.ndarray
    reads: np.ndarray  # middle of each read, (2 * cycles + 1,)
    ramps: np.ndarray  # begin and top of each ramp, (2 * cycles, 2)


def cycling_wave(cycles, peak=1.5):
    times, volts, reads, ramps = [0.0], [0.0], [], []

    def go(duration, u):
        times.append(times[-1] + duration)
        volts.append(u)

    def read():
        for u in (U_READ, U_READ, 0.0):
            go(READ, u)
        reads.append(times[-1] - 1.5 * READ)

    read()
    for _ in range(cycles):
        for top in (-peak, peak):
            ramps.append((times[-1], times[-1] + RAMP))
            go(RAMP, top)
            go(RAMP, 0.0)
            read()
    return Cycling(*map(np.array, (times, volts, reads, ramps)))


class Measured(NamedTuple):
    """Features of each cycle, (cycles, cells); ``r_hrs`` has one more, the state after the last cycle."""

    r_hrs: np.ndarray
    u_set: np.ndarray
    r_lrs: np.ndarray
    u_reset: np.ndarray


def measured(cycling, time, currents, p):
    """Features from currents of shape (T, cells); nothing is known but the envelopes and the transition of RESET."""
    u = np.interp(time, cycling.times, cycling.volts)
    resistance = U_READ / np.stack([np.interp(cycling.reads, time, i) for i in currents.T], axis=1)
    r_hrs, r_lrs = resistance[::2], resistance[1::2]
    u_set, u_reset = [], []
    for k, (begin, top) in enumerate(cycling.ramps):
        ramp = (time > begin) & (time < top)
        before = iv.mixing_from_conductance(1.0 / (r_lrs if k % 2 else r_hrs)[k // 2], p)
        find = _u_reset if k % 2 else _u_set
        after = iv.mixing_from_conductance(1.0 / r_hrs[k // 2 + 1], p)
        (u_reset if k % 2 else u_set).append(find(u[ramp], currents[ramp], before, after, p))
    return Measured(r_hrs, np.array(u_set), r_lrs, np.array(u_reset))


def _u_set(u, currents, before, after, p):
    """Between the last point on the curve of the HRS and the first one off it."""
    jumped = np.abs(currents - iv.current(before, u[:, None], p)) > 2e-6
    first = np.argmax(jumped, axis=0)
    return 0.5 * (u[first] + u[first - 1])


def _u_reset(u, currents, before, after, p):
    """From the first point well on the RESET curve: where the curve must have begun to come through there."""
    ahead = iv.current(before, u[:, None], p)
    first = np.argmax(ahead - currents > 0.25 * ahead + 2e-6, axis=0)
    at, i = u[first], currents[first, np.arange(currents.shape[1])]
    low, high = np.zeros_like(at), np.minimum(at, p.u_max - 1e-6)
    for _ in range(50):  # the later it began, the larger the current
        middle = 0.5 * (low + high)
        t = iv.transition(before, middle, after, p)
        over = t.end + t.scale * (p.u_max - np.minimum(at, p.u_max)) ** p.eta > i
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return 0.5 * (low + high)
