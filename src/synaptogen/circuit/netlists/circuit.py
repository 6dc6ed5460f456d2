"""An array of cells as a circuit, independent of any simulator's language."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from synaptogen._utils import Float64Array, checks
from synaptogen.array import CellArray
from synaptogen.circuit.verilog import CellKind, CellModel, cell_model, instance_values

from .elements import CellPlace, Resistor
from .transistor import Transistor


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
            checks.finite_number(f"settings[{name!r}]", value)

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
    part = cells.params.fluctuation
    return circuit_of(
        cells.shape,
        model,
        instance_values(cells, model),
        read_bandwidth=cells.bandwidth if part is not None and cells.bandwidth > 0.5 / part.fastest else None,
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
    read_bandwidth: float | None = None,
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
    read_bandwidth : float, optional
        Bandwidth of reads in Hz, for the noise of cells with a fluctuation; default: that of the model.
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
    if read_bandwidth is not None:
        settings["read_bandwidth"] = read_bandwidth
    if capacitance != 0.0:
        settings["capacitance"] = checks.positive("capacitance", capacitance, "F")
    for name, coefficient in (("tcr_lrs", tcr_lrs), ("tcr_hrs", tcr_hrs)):
        if checks.finite_number(name, coefficient) != 0.0:
            settings[name] = float(coefficient)
    if checks.finite_number("set_hold", set_hold) != 0.0:
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


def _require_names(name: str, given: Collection[str], needed: Collection[str]) -> None:
    if set(given) != set(needed):
        raise ValueError(f"{name} holds {', '.join(given)}: give {', '.join(needed)}, the instance parameters")
