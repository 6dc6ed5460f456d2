"""An array of cells as a circuit, and what drives it, in no simulator's language."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import checks
from synaptogen.array import CellArray
from synaptogen.circuit.verilog import CellModel, cell_model, instance_values


class Wave(NamedTuple):
    """A voltage that goes in straight lines from point to point; with one point it is constant."""

    times: tuple[float, ...]
    volts: tuple[float, ...]

    @property
    def constant(self) -> bool:
        """Does it never change?"""
        return len(self.times) == 1


def constant(volts: float) -> Wave:
    """A voltage that never changes."""
    return Wave((0.0,), (_finite("volts", volts),))


def wave(times: ArrayLike, volts: ArrayLike) -> Wave:
    """A voltage from points at rising ``times`` in s, the first at 0.

    Raises
    ------
    ValueError
        If times do not rise from 0, lengths differ, or a number is not finite.
    """
    t, u = np.asarray(times, float), np.asarray(volts, float)
    if t.ndim != 1 or t.shape != u.shape or len(t) == 0:
        raise ValueError(f"times has shape {t.shape} and volts {u.shape}: give one row of as many numbers for both")
    if not (np.isfinite(t).all() and np.isfinite(u).all()):
        raise ValueError("times and volts hold values that are not finite (NaN or infinite)")
    if t[0] != 0.0 or np.any(np.diff(t) <= 0.0):
        raise ValueError("times must begin with 0 and rise")
    return Wave(tuple(t.tolist()), tuple(u.tolist()))


@dataclass(frozen=True)
class Transistor:
    """The access transistor of each cell (1T1R): an n-channel MOSFET of a model card that the user brings.

    Its drain is at the cell, its source at the row line, its gate at the gate line of the row, its bulk at ground.
    """

    model: str
    """Name of the model in the card."""
    card: str
    """The model card, in the language of the simulator: text that goes into the netlist as it is."""
    parameters: Mapping[str, float] = field(default_factory=dict)
    """Instance parameters, such as ``{"w": 1e-6, "l": 1e-7}``."""

    def __post_init__(self) -> None:
        for name, value in self.parameters.items():
            _finite(f"parameters[{name!r}]", value)


class Placed(NamedTuple):
    """A cell in its place."""

    name: str
    p: str
    n: str
    row: int
    column: int


@dataclass(frozen=True, kw_only=True)
class ArrayCircuit:
    """Cells between lines. Each cell has pin p on its column line and pin n on its row line.

    So V(column) - V(row) is the voltage of a cell, as `CellArray.apply_voltage` means it. Lines are fed at their first
    cell; with ``wire_resistance`` there is one segment before each cell of a row, and of a column.
    """

    shape: tuple[int, int]
    model: CellModel
    values: Mapping[str, NDArray[np.float64]]
    """Instance parameters of the cells, see `instance_values`."""
    settings: Mapping[str, float] = field(default_factory=dict)
    """Model parameters of all cells, such as ``t_switch``."""
    wire_resistance: float = 0.0
    """Of one segment, in ohm; 0: ideal wires."""
    column_resistance: float | None = None
    """Of one segment of a column, where that differs from one of a row."""
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
        """Resistance of one segment of a column."""
        return self.wire_resistance if self.column_resistance is None else self.column_resistance

    def terminals(self) -> tuple[str, ...]:
        """Names of the outer nodes: rows, columns, then gates."""
        rows, columns = self.shape
        gates = range(rows) if self.transistor else ()
        return (*(f"r{i}" for i in range(rows)), *(f"c{j}" for j in range(columns)), *(f"g{i}" for i in gates))

    def cells(self) -> Iterator[Placed]:
        """Cells in C order; n is the drain of the transistor where there is one."""
        for i in range(self.shape[0]):
            for j in range(self.shape[1]):
                n = f"m{i}_{j}" if self.transistor else self.row_node(i, j)
                yield Placed(f"n{i}_{j}", self.column_node(i, j), n, i, j)

    def row_node(self, i: int, j: int) -> str:
        """Node of row line i at column j."""
        return f"r{i}_{j}" if self.wire_resistance else f"r{i}"

    def column_node(self, i: int, j: int) -> str:
        """Node of column line j at row i."""
        return f"c{i}_{j}" if self.column_ohms else f"c{j}"

    def segments(self) -> Iterator[tuple[str, str, str, float]]:
        """Name, nodes and resistance of the wire segments; none of ideal wires."""
        rows, columns = self.shape
        for i in range(rows):
            for j in range(columns):
                if self.wire_resistance:
                    yield f"rr{i}_{j}", f"r{i}_{j - 1}" if j else f"r{i}", f"r{i}_{j}", self.wire_resistance
                if self.column_ohms:
                    yield f"rc{i}_{j}", f"c{i - 1}_{j}" if i else f"c{j}", f"c{i}_{j}", self.column_ohms


def array_circuit(
    cells: CellArray,
    kind: str = "tape",
    *,
    cycles: int = 8,
    t_switch: float | None = None,
    wire_resistance: float = 0.0,
    column_resistance: float | None = None,
    transistor: Transistor | None = None,
) -> ArrayCircuit:
    """The circuit of an array, each cell with its own device: its state and the features of its coming cycles.

    Parameters
    ----------
    cells : CellArray
        Two axes make a crossbar; a single cell or one axis make one row, with a column for each cell.
    kind : str
        Of the cells, see `cell_model`.
    cycles : int
        Cycles that a cell of kind tape or event can begin after the running one.
    t_switch : float, optional
        Time in s in which a cell follows an event; default: that of the model.
    wire_resistance : float
        Of one segment between neighbouring cells, in ohm; 0: ideal wires.
    column_resistance : float, optional
        Of one segment of a column; default: as of a row.
    transistor : Transistor, optional
        Puts an access transistor at each cell (1T1R).

    Raises
    ------
    ValueError
        If the array has more than two axes, or a number is negative or not finite.
    """
    model = cell_model(cells.params, kind, cycles=cycles)
    return circuit_of(
        cells.shape,
        model,
        instance_values(cells, model),
        t_switch=t_switch,
        wire_resistance=wire_resistance,
        column_resistance=column_resistance,
        transistor=transistor,
    )


def circuit_of(
    shape: tuple[int, ...],
    model: CellModel,
    values: Mapping[str, NDArray[np.float64]],
    *,
    t_switch: float | None,
    wire_resistance: float,
    column_resistance: float | None,
    transistor: Transistor | None,
) -> ArrayCircuit:
    """The circuit of cells of any shape of at most two axes, see `array_circuit`."""
    if len(shape) > 2:
        raise ValueError(f"cells have shape {shape}: a circuit takes at most two axes, rows and columns")
    settings = {} if t_switch is None else {"t_switch": checks.positive("t_switch", t_switch, "s")}
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
    """An array with a voltage source at each line, and what is to be simulated.

    A line that is driven by None floats.
    """

    __test__ = False  # not one of pytest's classes

    array: ArrayCircuit
    rows: Sequence[Wave | None]
    columns: Sequence[Wave | None]
    gates: Sequence[Wave] = ()
    stop: float | None = None
    """End of the transient in s; None: an operating point."""
    step: float | None = None
    """Largest time step in s; None: left to the simulator."""
    source_resistance: float = 0.0
    """Of each driver, in series, in ohm."""
    title: str = "Synaptogen array"

    def __post_init__(self) -> None:
        wanted = {"rows": self.array.shape[0], "columns": self.array.shape[1]}
        wanted["gates"] = self.array.shape[0] if self.array.transistor else 0
        for name, count in wanted.items():
            given = len(getattr(self, name))
            if given != count:
                raise ValueError(f"{name} holds {given} voltages for {count} lines: give one a line")
            for k, volts in enumerate(getattr(self, name)):
                if volts is not None:
                    _require_wave(f"{name}[{k}]", volts)
        checks.resistance("source_resistance", self.source_resistance)
        for name in ("stop", "step"):
            value = getattr(self, name)
            if value is not None and not _finite(name, value) > 0.0:
                raise ValueError(f"{name}={value!r}: give a time in s above 0")

    def sources(self) -> Iterator[tuple[str, str, Wave]]:
        """Name, node of the line, and voltage of each source."""
        for letter, waves in (("r", self.rows), ("c", self.columns), ("g", self.gates)):
            for k, volts in enumerate(waves):
                if volts is not None:
                    yield f"v{letter}{k}", f"{letter}{k}", volts


def _require_wave(name: str, volts: Wave) -> None:
    try:
        wave(*volts)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _require_names(name: str, given: Mapping[str, Any], wanted: Collection[str]) -> None:
    if set(given) != set(wanted):
        raise ValueError(f"{name} holds {', '.join(given)}: give {', '.join(wanted)}, the instance parameters")


def _finite(name: str, value: float) -> float:
    number = checks._number(name, value)
    if not math.isfinite(number):
        raise ValueError(f"{name}={value!r} is not finite")
    return number
