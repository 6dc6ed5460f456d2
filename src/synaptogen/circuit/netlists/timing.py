"""Times of a transient: in which time cells follow an event, and how long steps may be."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from synaptogen._utils import Float64Array

from .elements import Wave
from .testbench import Testbench

SHARE = 0.01  # of the shortest time at a peak voltage: t_switch
PEAK = 0.999995  # of a peak: what counts as being there, so that on ramps a cell follows its voltage to some 10 uV
RESOLUTION = 1e-13  # of the whole time: the shortest t_switch that simulators resolve
NEAR, MARGIN = 0.99, 0.01  # of the time above NEAR of a peak: the longest t_switch with which a cell follows
PAIRS = 2000  # of waveforms of columns and rows that are looked at one by one
STEPS, FEW = 100, 10  # a transient takes at least; where voltages hardly ever move, so few
MOVING = 0.05  # of the time
SHORT = 0.2  # of t_switch: edges on which no cell is committed to a SET, which takes a quarter


def switches(bench: Testbench) -> bool:
    """Return whether the cells switch."""
    return "t_switch" in dict(bench.array.model.settings)


def model_settings(bench: Testbench) -> dict[str, float]:
    """Return the model parameters of the cells of a netlist; in a transient ``t_switch`` (s) is always among them."""
    array = bench.array
    if bench.stop is None or not switches(bench):
        return dict(array.settings)
    return {**array.settings, "t_switch": t_switch(bench)}


def t_switch(bench: Testbench) -> float:
    """Return the time in s in which cells follow an event: the one given, else one that suits the waveform.

    It is a hundredth of the shortest time for which a cell is at a peak of its voltage.

    Parameters
    ----------
    bench : Testbench
        A transient.

    Returns
    -------
    float
        Time in s.

    Raises
    ------
    ValueError
        If the shortest pulse is so short against the whole time that simulators cannot resolve both.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit, sweep_bench
    >>> from synaptogen.circuit.netlists.timing import t_switch
    >>> bench = sweep_bench(array_circuit(sg.CellArray(1, rng=1)), [0, 1e-8, 1.01e-6, 1.02e-6], [0, 1.0, 1.0, 0])
    >>> f"{t_switch(bench):.3g}"
    '1e-08'
    """
    given = bench.array.settings.get("t_switch")
    if given is not None:
        return given
    assert bench.stop is not None
    peak = shortest_peak(bench, PEAK)
    if not math.isfinite(peak):
        return dict(bench.array.model.settings)["t_switch"]
    resolved = RESOLUTION * bench.stop
    if resolved > MARGIN * shortest_peak(bench, NEAR):
        raise ValueError(
            f"stop={bench.stop!r}: the shortest pulse is at its peak for {peak:.2g} s, and simulators cannot"
            " resolve that beside the whole time: simulate in parts, and bring the"
            " cells to the state of each part with result.update"
        )
    return max(float(f"{SHARE * peak:.3g}"), resolved)


def tolerance(bench: Testbench) -> float:
    """Return the relative tolerance of Newton's iterations in a transient.

    Cells for a pulse are for large arrays, where an iteration is dear. Their SETs would be as exact with 1e-3, but the
    end of a RESET moves in small steps: without a slope, it is as far off as the tolerance lets it be.
    """
    return 1e-4 if bench.array.model.kind == "pulse" else 1e-5


def longest_step(bench: Testbench) -> float:
    """Return the longest time step in s of a transient: the one given, else a hundredth of the time.

    A tenth of it in a transient of pulses, in which voltages stay the same for most of the time.
    """
    assert bench.stop is not None
    if bench.step:
        return bench.step
    times = _corners(bench)
    waves = np.array(_distinct((*bench.rows, *bench.columns, *bench.gates), times))
    moving = np.diff(times)[(np.diff(waves) != 0.0).any(axis=0)].sum()
    return bench.stop / (STEPS if moving > MOVING * bench.stop else FEW)


def rests_follow_edges(bench: Testbench) -> bool:
    """Return whether no time between two corners is longer than ``t_switch`` unless a far shorter one precedes it.

    On such an edge no cell gets far. So one step is enough for it, and steps that begin with its length, and at most
    double, resolve what cells do afterwards.

    Parameters
    ----------
    bench : Testbench
        A transient of cells that switch.

    Returns
    -------
    bool
        True for a write pulse with the edges that `write_bench` gives it.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit, write_bench
    >>> from synaptogen.circuit.netlists.timing import rests_follow_edges
    >>> array = array_circuit(sg.CellArray((1, 2), rng=1), "pulse")
    >>> rests_follow_edges(write_bench(array, 0, 1, -1.5))
    True
    >>> rests_follow_edges(write_bench(array, 0, 1, -1.5, edge=1e-6))
    False
    """
    lengths = np.diff(_corners(bench))
    time = t_switch(bench)
    before = np.append(np.inf, lengths[:-1])
    return bool(np.all((lengths <= SHORT * time) | (before <= SHORT * time)))


def first_interval(bench: Testbench) -> float:
    """Return the time in s from the start of a transient to the first corner of its waveforms."""
    return float(_corners(bench)[1])


def shortest_interval(bench: Testbench) -> float:
    """Return the shortest time in s between two corners of the waveforms of a transient."""
    return float(np.diff(_corners(bench)).min())


def shortest_peak(bench: Testbench, level: float) -> float:
    """Return the shortest time in s for which a cell, or a gate, is above a share of a peak of its voltage.

    Parameters
    ----------
    bench : Testbench
        A transient.
    level : float
        The share, below 1.

    Returns
    -------
    float
        Time in s; infinite where all voltages are 0.
    """
    times = _corners(bench)
    columns, rows = (_distinct(waves, times) for waves in (bench.columns, bench.rows))
    if len(columns) * len(rows) > PAIRS:
        return float(np.diff(times).min())
    found = [math.inf]
    for column in columns:
        for row in rows:
            found += _peaks(times, column - row, level)
    for gate in _distinct(bench.gates, times):
        found += _peaks(times, gate, level)
    return min(found)


def _corners(bench: Testbench) -> Float64Array:
    """Return the times of all corners up to the end, in s."""
    corners = {t for wave in (*bench.rows, *bench.columns, *bench.gates) if wave is not None for t in wave.times}
    assert bench.stop is not None
    return np.array(sorted({0.0, bench.stop, *(t for t in corners if t < bench.stop)}))


def _distinct(waves: Iterable[Wave | None], times: Float64Array) -> list[Float64Array]:
    """Return the voltages of waveforms that differ, at all corners; a line that floats counts as one at 0 V."""
    return [np.interp(times, *(wave or ((0.0,), (0.0,)))) for wave in dict.fromkeys(waves)]


def _peaks(times: Float64Array, volts: Float64Array, level: float) -> Iterator[float]:
    """Yield the times in s for which a voltage is above a share of each of its peaks, of either sign."""
    for u in (volts, -volts):
        rising = np.append(True, u[1:] > u[:-1])
        k = 0
        while k < len(u):
            if u[k] > 0.0 and rising[k]:
                first = last = k
                while last + 1 < len(u) and u[last + 1] == u[k]:
                    last += 1
                if last + 1 == len(u) or u[last + 1] < u[k]:
                    yield _leaves(times, u, last, 1, level) - _leaves(times, u, first, -1, level)
                k = last
            k += 1


def _leaves(times: Float64Array, u: Float64Array, k: int, way: int, share: float) -> float:
    """Return the time in s at which a voltage falls below a share of the peak at ``k``, going that way."""
    level = share * u[k]
    while 0 <= k + way < len(u):
        if u[k + way] < level:
            return float(times[k] + (times[k + way] - times[k]) * (u[k] - level) / (u[k] - u[k + way]))
        k += way
    return float(times[k])
