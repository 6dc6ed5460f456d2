"""Voltages on the lines of an array: reads, write pulses with their select schemes, waveforms."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checks

from .circuit import ArrayCircuit
from .elements import Wave, constant, wave
from .testbench import Testbench
from .timing import SHARE

Scheme: TypeAlias = Literal["V/2", "V/3"]
SCHEMES: dict[Scheme, tuple[float, float]] = {"V/2": (0.5, 0.5), "V/3": (1.0 / 3.0, 2.0 / 3.0)}
"""For each `Scheme` the voltages of columns and rows that are not selected, as fractions of the write voltage."""


def read_bench(array: ArrayCircuit, v: ArrayLike, *, gate: float | None = None) -> Testbench:
    """Return a testbench that reads: columns at ``v``, rows at 0 V; the row currents are the product `cells @ v`.

    Parameters
    ----------
    array : ArrayCircuit
        The cells, of any kind.
    v : array of shape (columns,)
        Voltages of the columns in V.
    gate : float, optional
        Gate voltage in V of all rows of a 1T1R array.

    Returns
    -------
    Testbench
        An operating point.

    Raises
    ------
    ValueError
        If ``v`` has another shape or holds a number that is not finite, or the gate voltage is missing.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit, read_bench
    >>> bench = read_bench(array_circuit(sg.CellArray((2, 3), rng=1), "read"), [0.2, 0.0, 0.2])
    >>> [(source.name, source.wave.volts) for source in bench.sources()][-3:]
    [('vc0', (0.2,)), ('vc1', (0.0,)), ('vc2', (0.2,))]
    """
    volts = checks.finite("v", v, np.float64)
    if volts.shape != (array.shape[1],):
        raise ValueError(f"v has shape {volts.shape}: give one voltage for each of {array.shape[1]} columns")
    rows = [constant(0.0)] * array.shape[0]
    return Testbench(
        array=array,
        rows=rows,
        columns=[constant(u) for u in volts.tolist()],
        gates=_gates(array, gate),
        title="Read of an array",
    )


def selected(shape: tuple[int, int], rows: ArrayLike, columns: ArrayLike, u: float, scheme: Scheme) -> Float64Array:
    """Return the voltages that cells see in a write with ideal wires.

    Parameters
    ----------
    shape : (rows, columns)
        Shape of the array.
    rows, columns : int, or arrays of int or bool
        Selected lines.
    u : float
        Write voltage in V.
    scheme : {"V/2", "V/3"}
        Select scheme, see `write_bench`.

    Returns
    -------
    array of shape (rows, columns)
        Voltages in V, as `CellArray.apply_voltage` takes them.

    Raises
    ------
    ValueError
        If the scheme is not known.
    IndexError
        If a line is not there.

    Examples
    --------
    >>> from synaptogen.circuit.netlists import selected
    >>> selected((2, 3), 0, 1, 0.9, "V/2")
    array([[0.45, 0.9 , 0.45],
           [0.  , 0.45, 0.  ]])
    """
    row_volts, column_volts = _line_volts(shape, rows, columns, u, scheme)
    return np.asarray(column_volts[None, :] - row_volts[:, None])


def _line_volts(
    shape: tuple[int, int], rows: ArrayLike, columns: ArrayLike, u: float, scheme: Scheme
) -> tuple[Float64Array, Float64Array]:
    """Return the voltages of rows and of columns in V."""
    checks.one_of("scheme", scheme, SCHEMES)
    column_part, row_part = SCHEMES[scheme]
    row_volts, column_volts = np.full(shape[0], u * row_part), np.full(shape[1], u * column_part)
    row_volts[np.asarray(rows)] = 0.0
    column_volts[np.asarray(columns)] = u
    return row_volts, column_volts


def write_bench(
    array: ArrayCircuit,
    rows: ArrayLike,
    columns: ArrayLike,
    u: float,
    *,
    scheme: Scheme = "V/3",
    width: float = 1e-6,
    edge: float | None = None,
    step: float | None = None,
    gate: float | None = None,
) -> Testbench:
    """Return a testbench with one write pulse on the cells where selected rows and columns meet.

    Parameters
    ----------
    array : ArrayCircuit
        The cells, of a kind that switches.
    rows, columns : int, or arrays of int or bool
        Selected lines: selected columns are at ``u``, selected rows at 0 V.
    u : float
        Write voltage in V: negative sets, positive resets.
    scheme : {"V/2", "V/3"}
        Voltages of the other lines. V/2: all are at u/2. V/3: columns are at u/3, rows at 2u/3, so that no cell but
        the selected ones sees more than u/3.
    width : float
        Width of the top of the pulse in s.
    edge : float, optional
        Width of its edges in s. Default: a tenth of the cells' ``t_switch``, so that every cell sees the whole pulse
        before the first one answers, as in ``CellArray.apply_voltage(..., wires=...)``. On longer edges cells that
        wires or transistors couple set one after the other, and an early one can keep others from it.
    step : float, optional
        Largest time step in s; default: left to the simulator, which is too long for such a succession.
    gate : float, optional
        Gate voltage in V of selected rows of a 1T1R array; the gates of other rows are at 0 V. In such an array all
        lines are raised together so that none is below ground.

    Returns
    -------
    Testbench
        A transient that ends with the pulse.

    Raises
    ------
    ValueError
        If the scheme is not known or a number is not finite.
    IndexError
        If a line is not there.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit, write_bench
    >>> bench = write_bench(array_circuit(sg.CellArray((2, 2), rng=1), "pulse"), 0, 1, -1.5, scheme="V/2")
    >>> bench.columns[1].volts, bench.columns[0].volts, bench.rows[0].volts, bench.rows[1].volts
    ((0.0, -1.5, -1.5, 0.0), (0.0, -0.75, -0.75, 0.0), (0.0,), (0.0, -0.75, -0.75, 0.0))
    """
    peak = constant(u).volts[0]
    edge = _fast_edge(array, width) if edge is None else edge
    for name, value in (("width", width), ("edge", edge)):
        if not value > 0.0:
            raise ValueError(f"{name}={value!r}: give a time in s above 0")
    row_volts, column_volts = _line_volts(array.shape, rows, columns, peak, scheme)
    if array.transistor:  # no line below ground, where a gate at 0 V would not close its transistors
        row_volts, column_volts = row_volts - min(peak, 0.0), column_volts - min(peak, 0.0)
    times = [0.0, edge, edge + width, width + 2.0 * edge]

    def pulse(volts: float) -> Wave:
        return wave(times, [0.0, volts, volts, 0.0]) if volts else constant(0.0)

    gates = _gates(array, gate)
    if gates:
        on = np.zeros(array.shape[0], bool)
        on[np.asarray(rows)] = True
        gates = [volts if chosen else constant(0.0) for volts, chosen in zip(gates, on, strict=True)]
    return Testbench(
        array=array,
        rows=[pulse(volts) for volts in row_volts.tolist()],
        columns=[pulse(volts) for volts in column_volts.tolist()],
        gates=gates,
        stop=times[-1],
        step=step,
        title=f"Write of an array, {scheme}",
    )


def _fast_edge(array: ArrayCircuit, width: float) -> float:
    """Return an edge in s within which no cell switches.

    A cell that sets is committed 0.29 t_switch after it began.
    """
    return 0.1 * array.settings.get("t_switch", SHARE * width)


def sweep_bench(array: ArrayCircuit, times: ArrayLike, volts: ArrayLike, *, step: float | None = None) -> Testbench:
    """Return a testbench with one waveform on all columns, rows at 0 V: with ideal wires every cell sees it.

    Parameters
    ----------
    array : ArrayCircuit
        The cells, without transistors.
    times, volts : array of shape (T,)
        Points of the waveform in s and V, see `wave`.
    step : float, optional
        Largest time step in s; default: left to the simulator.

    Returns
    -------
    Testbench
        A transient to the last of ``times``.

    Raises
    ------
    ValueError
        If the points are no waveform, or the cells are 1T1R cells.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit, sweep_bench
    >>> bench = sweep_bench(array_circuit(sg.CellArray(3, rng=1)), [0.0, 1e-5, 2e-5], [0.0, -1.5, 0.0], step=1e-7)
    >>> bench.stop, len(bench.columns), bench.columns[0].volts
    (2e-05, 3, (0.0, -1.5, 0.0))
    """
    drive = wave(times, volts)
    if array.transistor:
        raise ValueError("a waveform on 1T1R cells needs gate voltages: make a Testbench")
    return Testbench(
        array=array,
        rows=[constant(0.0)] * array.shape[0],
        columns=[drive] * array.shape[1],
        stop=drive.times[-1],
        step=step,
        title="Waveform on an array",
    )


def _gates(array: ArrayCircuit, gate: float | None) -> Sequence[Wave]:
    """Return the same voltage for the gate line of each row, none without transistors."""
    if (gate is None) == (array.transistor is not None):
        raise ValueError("gate: give a gate voltage in V with 1T1R cells, and only with those")
    return [] if gate is None else [constant(gate)] * array.shape[0]
