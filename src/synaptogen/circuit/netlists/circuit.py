"""An array of cells as a circuit, and the voltages on its lines, independent of any simulator's language."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checks
from synaptogen.array import CellArray
from synaptogen.circuit.verilog import CellKind, CellModel, cell_model, instance_values

from .transistor import Transistor


class Wave(NamedTuple):
    """A voltage that goes in straight lines from point to point; with one point it is constant.

    Attributes
    ----------
    times : tuple of float
        Times in s, rising from 0.
    volts : tuple of float
        Voltages there in V.
    """

    times: tuple[float, ...]
    volts: tuple[float, ...]

    @property
    def constant(self) -> bool:
        """Whether it never changes."""
        return len(self.times) == 1


def constant(volts: float) -> Wave:
    """Return a voltage that never changes.

    Parameters
    ----------
    volts : float
        The voltage in V.

    Returns
    -------
    Wave
        With one point.

    Raises
    ------
    ValueError
        If it is not finite.

    Examples
    --------
    >>> from synaptogen.circuit.netlists import constant
    >>> constant(0.2)
    Wave(times=(0.0,), volts=(0.2,))
    """
    return Wave((0.0,), (_finite("volts", volts),))


def wave(times: ArrayLike, volts: ArrayLike) -> Wave:
    """Return a voltage that goes in straight lines from point to point.

    Parameters
    ----------
    times : array of shape (T,)
        Times in s, rising, the first 0.
    volts : array of shape (T,)
        Voltages at these times in V.

    Returns
    -------
    Wave
        The points as Python floats.

    Raises
    ------
    ValueError
        If times do not rise from 0, lengths differ, or a number is not finite.

    Examples
    --------
    >>> from synaptogen.circuit.netlists import wave
    >>> wave([0.0, 1e-6, 2e-6], [0.0, -1.5, 0.0])
    Wave(times=(0.0, 1e-06, 2e-06), volts=(0.0, -1.5, 0.0))
    """
    t, u = np.asarray(times, float), np.asarray(volts, float)
    if t.ndim != 1 or t.shape != u.shape or len(t) == 0:
        raise ValueError(f"times has shape {t.shape} and volts {u.shape}: give one row of as many numbers for both")
    if not (np.isfinite(t).all() and np.isfinite(u).all()):
        raise ValueError("times and volts hold values that are not finite (NaN or infinite)")
    if t[0] != 0.0 or np.any(np.diff(t) <= 0.0):
        raise ValueError("times must begin with 0 and rise")
    return Wave(tuple(t.tolist()), tuple(u.tolist()))


class CellPlace(NamedTuple):
    """The place of a cell in an array.

    Attributes
    ----------
    name : str
        Name of the instance.
    p, n : str
        Nodes of its pins.
    row, column : int
        Its lines.
    """

    name: str
    p: str
    n: str
    row: int
    column: int


class CellInstance(NamedTuple):
    """A cell as a statement of a netlist.

    Attributes
    ----------
    name : str
        Name of the instance; it begins with n.
    p, n : str
        Nodes of its pins.
    values : str
        Instance parameters as assignments, ``mode_start=2.0 r_start=0.4``.
    """

    name: str
    p: str
    n: str
    values: str


class Resistor(NamedTuple):
    """A wire segment, or the resistance of a driver.

    Attributes
    ----------
    name : str
        Name of the instance; it begins with r.
    a, b : str
        Its nodes.
    ohms : float
        Resistance in ohm, above 0.
    """

    name: str
    a: str
    b: str
    ohms: float


class TransistorInstance(NamedTuple):
    """An access transistor as a statement of a netlist.

    Attributes
    ----------
    name : str
        Name of the instance; it begins with `Transistor.element`.
    nodes : tuple of str
        Drain, gate, source, bulk.
    model : str
        Name of the model in the user's card.
    values : str
        Instance parameters as assignments.
    """

    name: str
    nodes: tuple[str, str, str, str]
    model: str
    values: str


class VoltageSource(NamedTuple):
    """A voltage source from a node to ground.

    Attributes
    ----------
    name : str
        Name of the instance; it begins with v.
    node : str
        The driven node.
    wave : Wave
        Its voltage.
    """

    name: str
    node: str
    wave: Wave


@dataclass(frozen=True, kw_only=True)
class ArrayCircuit:
    """Cells between lines. Each cell has pin p on its column line and pin n on its row line.

    So V(column) - V(row) is the voltage of a cell, as `CellArray.apply_voltage` means it. Lines are fed at their first
    cell; with ``wire_resistance`` there is one segment before each cell of a row, and of a column.

    Parameters
    ----------
    shape : (rows, columns)
        Size of the array.
    model : CellModel
        The Verilog-A cell.
    values : mapping of str to array of shape (rows * columns,)
        Instance parameters of the cells in C order, see `instance_values`.
    settings : mapping of str to float
        Model parameters of all cells, such as ``t_switch`` (s).
    wire_resistance : float
        Resistance of one segment in ohm; 0: ideal wires.
    column_resistance : float, optional
        Resistance of one segment of a column in ohm, where that differs from one of a row.
    transistor : Transistor, optional
        The access transistor of each cell (1T1R).

    Raises
    ------
    ValueError, TypeError
        If values or settings do not fit the model, or a number is negative or not finite.
    """

    shape: tuple[int, int]
    model: CellModel
    values: Mapping[str, Float64Array]
    settings: Mapping[str, float] = field(default_factory=dict)
    wire_resistance: float = 0.0
    column_resistance: float | None = None
    transistor: Transistor | None = None

    def __post_init__(self) -> None:
        checks.resistance("wire_resistance", self.wire_resistance)
        if self.column_resistance is not None:
            checks.resistance("column_resistance", self.column_resistance)
        _require_names("values", self.values, self.model.instance)
        for name in self.model.instance:
            given = checks.finite(f"values[{name!r}]", self.values[name], np.float64)
            if given.shape != (math.prod(self.shape),):
                raise ValueError(f"values[{name!r}] has shape {given.shape}: give one value for each of the cells")
        known = [name for name, _ in self.model.settings]
        for name, value in self.settings.items():
            checks.one_of("settings", name, known)
            _finite(f"settings[{name!r}]", value)

    @property
    def column_ohms(self) -> float:
        """Resistance of one segment of a column in ohm."""
        return self.wire_resistance if self.column_resistance is None else self.column_resistance

    def terminals(self) -> tuple[str, ...]:
        """Return the names of the outer nodes: rows ``r0 ...``, columns ``c0 ...``, then gates ``g0 ...``."""
        rows, columns = self.shape
        gates = range(rows) if self.transistor else ()
        return (*(f"r{i}" for i in range(rows)), *(f"c{j}" for j in range(columns)), *(f"g{i}" for i in gates))

    def cells(self) -> Iterator[CellPlace]:
        """Yield the places of the cells in C order; n is the drain of the transistor where there is one."""
        for i in range(self.shape[0]):
            for j in range(self.shape[1]):
                n = f"m{i}_{j}" if self.transistor else self.row_node(i, j)
                yield CellPlace(f"n{i}_{j}", self.column_node(i, j), n, i, j)

    def cell_names(self) -> list[str]:
        """Return the names of the cells in C order."""
        return [place.name for place in self.cells()]

    def row_node(self, i: int, j: int) -> str:
        """Return the node of a row line at one of its cells.

        Parameters
        ----------
        i, j : int
            Row and column of the cell.

        Returns
        -------
        str
            Name of the node; with ideal wires that of the line.
        """
        return f"r{i}_{j}" if self.wire_resistance else f"r{i}"

    def column_node(self, i: int, j: int) -> str:
        """Return the node of a column line at one of its cells.

        Parameters
        ----------
        i, j : int
            Row and column of the cell.

        Returns
        -------
        str
            Name of the node; with ideal wires that of the line.
        """
        return f"c{i}_{j}" if self.column_ohms else f"c{j}"

    def segments(self) -> Iterator[Resistor]:
        """Yield the wire segments; none for ideal wires."""
        rows, columns = self.shape
        for i in range(rows):
            for j in range(columns):
                if self.wire_resistance:
                    before = f"r{i}_{j - 1}" if j else f"r{i}"
                    yield Resistor(f"rr{i}_{j}", before, f"r{i}_{j}", self.wire_resistance)
                if self.column_ohms:
                    before = f"c{i - 1}_{j}" if i else f"c{j}"
                    yield Resistor(f"rc{i}_{j}", before, f"c{i}_{j}", self.column_ohms)


def array_circuit(
    cells: CellArray,
    kind: CellKind = "tape",
    *,
    cycles: int = 8,
    t_switch: float | None = None,
    wire_resistance: float = 0.0,
    column_resistance: float | None = None,
    capacitance: float = 0.0,
    tcr_lrs: float = 0.0,
    tcr_hrs: float = 0.0,
    set_hold: float = 0.0,
    transistor: Transistor | None = None,
) -> ArrayCircuit:
    """Return the circuit of an array, each cell with its own device: its state and the features of its coming cycles.

    Parameters
    ----------
    cells : CellArray
        Two axes make a crossbar; a single cell or one axis make one row, with a column for each cell.
    kind : {"tape", "read", "pulse", "event", "autonomous"}
        Kind of the cells, see `cell_model`.
    cycles : int
        Cycles that a cell of kind tape or event can begin after the running one.
    t_switch : float, optional
        Time in s in which a cell follows an event; default: that of the model.
    wire_resistance : float
        Resistance of one segment between neighbouring cells, in ohm; 0: ideal wires.
    column_resistance : float, optional
        Resistance of one segment of a column, in ohm; default: that of a row.
    capacitance : float
        Capacitance of each cell, between its pins, in F; 0: none.
    tcr_lrs, tcr_hrs : float
        Temperature coefficients of resistance in 1/K of the average LRS and HRS of the population, by which currents
        follow the temperature of the circuit: R = R(300 K) exp(tcr (T - 300 K)). Cells between them, and beyond, see
        `synaptogen.model.temperature`.
    set_hold : float
        Share of U_SET, above 0 and below 1, at which a SET stops for want of voltage, because what is in series with
        the cell limits the current: R_LRS = set_hold |U_SET| / I where that is above the cell's own R_LRS. Cells of
        kind tape, autonomous and pulse have it. 0: each SET goes on to the cell's own R_LRS.
    transistor : Transistor, optional
        Puts an access transistor at each cell (1T1R).

    Returns
    -------
    ArrayCircuit
        The cells and wires, without drivers; `read_bench`, `write_bench` and `sweep_bench` add them.

    Raises
    ------
    ValueError, TypeError
        If the array has more than two axes, a number is out of range or not of its kind, there is no such kind, or
        the kind is autonomous and a cell has been used already.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit
    >>> circuit = array_circuit(sg.CellArray((2, 3), rng=1), "read", wire_resistance=1.0)
    >>> circuit.shape, circuit.terminals()
    ((2, 3), ('r0', 'r1', 'c0', 'c1', 'c2'))
    >>> [(place.name, place.p, place.n) for place in circuit.cells()][:2]
    [('n0_0', 'c0_0', 'r0_0'), ('n0_1', 'c0_1', 'r0_1')]
    """
    model = cell_model(
        cells.params,
        kind,
        cycles=cycles,
        capacitor=capacitance != 0.0,
        temperature=tcr_lrs != 0.0 or tcr_hrs != 0.0,
        hold=set_hold != 0.0,
    )
    return circuit_of(
        cells.shape,
        model,
        instance_values(cells, model),
        t_switch=t_switch,
        capacitance=capacitance,
        tcr_lrs=tcr_lrs,
        tcr_hrs=tcr_hrs,
        set_hold=set_hold,
        wire_resistance=wire_resistance,
        column_resistance=column_resistance,
        transistor=transistor,
    )


def circuit_of(
    shape: tuple[int, ...],
    model: CellModel,
    values: Mapping[str, Float64Array],
    *,
    t_switch: float | None = None,
    capacitance: float = 0.0,
    tcr_lrs: float = 0.0,
    tcr_hrs: float = 0.0,
    set_hold: float = 0.0,
    wire_resistance: float = 0.0,
    column_resistance: float | None = None,
    transistor: Transistor | None = None,
) -> ArrayCircuit:
    """Return the circuit of cells of any shape of at most two axes.

    Parameters
    ----------
    shape : tuple of int
        Shape of the cells; one axis, or none, makes one row.
    model, values : CellModel, mapping of str to array
        The Verilog-A cell and the instance parameters of all cells in C order.
    t_switch, capacitance, tcr_lrs, tcr_hrs, set_hold, wire_resistance, column_resistance, transistor
        See `array_circuit`; of a model that has the option, where they are not 0.

    Returns
    -------
    ArrayCircuit
        The cells and wires.

    Raises
    ------
    ValueError, TypeError
        If there are more than two axes, or a number is out of range.
    """
    if len(shape) > 2:
        raise ValueError(f"cells have shape {shape}: a circuit takes at most two axes, rows and columns")
    settings = {} if t_switch is None else {"t_switch": checks.positive("t_switch", t_switch, "s")}
    if capacitance != 0.0:
        settings["capacitance"] = checks.positive("capacitance", capacitance, "F")
    for name, coefficient in (("tcr_lrs", tcr_lrs), ("tcr_hrs", tcr_hrs)):
        if _finite(name, coefficient) != 0.0:
            settings[name] = float(coefficient)
    if _finite("set_hold", set_hold) != 0.0:
        if not 0.0 < set_hold < 1.0:
            raise ValueError(f"set_hold={set_hold!r}: give a share of U_SET above 0 and below 1, or 0 for none")
        settings["set_hold"] = float(set_hold)
    ohms = checks.resistance("wire_resistance", wire_resistance)
    return ArrayCircuit(
        shape=(shape[0], shape[1]) if len(shape) == 2 else (1, math.prod(shape)),
        model=model,
        values=values,
        settings=settings,
        wire_resistance=ohms,
        column_resistance=column_resistance,
        transistor=transistor,
    )


@dataclass(frozen=True, kw_only=True)
class Testbench:
    """An array with a voltage source at each line, and the analysis to run.

    Parameters
    ----------
    array : ArrayCircuit
        Cells and wires.
    rows, columns : sequence of Wave or None
        Voltage of each line; a line that is driven by None floats.
    gates : sequence of Wave
        Voltage of the gate line of each row of a 1T1R array, else empty.
    stop : float, optional
        End of the transient in s; None: an operating point.
    step : float, optional
        Largest time step in s; None: left to the simulator.
    source_resistance : float
        Resistance of each driver in series, in ohm.
    temperature : float, optional
        Temperature of the circuit in K; default: that of the simulator, 300.15 K. The noise of cells follows it, and
        currents where cells have coefficients for that.
    trace : bool
        Save the states of all cells at all points of a transient, not the final ones alone. A large array then takes
        gigabytes in VACASK, and a time that grows as its size squared in ngspice.
    title : str
        First line of the netlist.

    Raises
    ------
    ValueError, TypeError
        If the number of voltages is not that of the lines, or a number is out of range.
    """

    __test__ = False  # not one of pytest's classes

    array: ArrayCircuit
    rows: Sequence[Wave | None]
    columns: Sequence[Wave | None]
    gates: Sequence[Wave] = ()
    stop: float | None = None
    step: float | None = None
    source_resistance: float = 0.0
    temperature: float | None = None
    trace: bool = False
    title: str = "Synaptogen array"

    def __post_init__(self) -> None:
        needed = {"rows": self.array.shape[0], "columns": self.array.shape[1]}
        needed["gates"] = self.array.shape[0] if self.array.transistor else 0
        for name, count in needed.items():
            given = len(getattr(self, name))
            if given != count:
                raise ValueError(f"{name} holds {given} voltages for {count} lines: give one a line")
            for k, volts in enumerate(getattr(self, name)):
                if volts is not None:
                    _require_wave(f"{name}[{k}]", volts)
        checks.resistance("source_resistance", self.source_resistance)
        checks.flag("trace", self.trace)
        for name, what in (("stop", "time in s"), ("step", "time in s"), ("temperature", "temperature in K")):
            value = getattr(self, name)
            if value is not None:
                if not _finite(name, value) > 0.0:
                    raise ValueError(f"{name}={value!r}: give a {what} above 0")
                object.__setattr__(self, name, float(value))  # a NumPy scalar has another text

    @property
    def celsius(self) -> float | None:
        """Temperature of the circuit in degrees Celsius, as simulators take it."""
        return None if self.temperature is None else round(self.temperature - 273.15, 9)

    def sources(self) -> Iterator[VoltageSource]:
        """Yield the voltage sources: rows, columns, gates; none for lines that float."""
        for letter, waves in (("r", self.rows), ("c", self.columns), ("g", self.gates)):
            for k, volts in enumerate(waves):
                if volts is not None:
                    yield VoltageSource(f"v{letter}{k}", f"{letter}{k}", volts)


def _require_wave(name: str, volts: Wave) -> None:
    try:
        wave(*volts)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _require_names(name: str, given: Collection[str], needed: Collection[str]) -> None:
    if set(given) != set(needed):
        raise ValueError(f"{name} holds {', '.join(given)}: give {', '.join(needed)}, the instance parameters")


def _finite(name: str, value: float) -> float:
    number = checks._number(name, value)
    if not math.isfinite(number):
        raise ValueError(f"{name}={value!r} is not finite")
    return number
