"""A testbench: an array with the voltages on its lines, and the analysis to run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synaptogen._utils import checks

from .circuit import ArrayCircuit
from .elements import VoltageSource, Wave, wave


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
                if not checks.finite_number(name, value) > 0.0:
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
