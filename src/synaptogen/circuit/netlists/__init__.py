"""Netlists: arrays of cells as circuits, in the languages of three simulators."""

from .autonomous_circuit import population_circuit
from .circuit import ArrayCircuit, Testbench, Transistor, Wave, array_circuit, constant, wave
from .dialect import Dialect, DialectName, RunnableDialect
from .drives import SCHEMES, Scheme, read_bench, selected, sweep_bench, write_bench
from .simulation import DIALECTS, Result, export, simulate
from .state_transfer import follow

__all__ = [
    "DIALECTS",
    "SCHEMES",
    "ArrayCircuit",
    "Dialect",
    "DialectName",
    "Result",
    "RunnableDialect",
    "Scheme",
    "Testbench",
    "Transistor",
    "Wave",
    "array_circuit",
    "constant",
    "export",
    "follow",
    "population_circuit",
    "read_bench",
    "selected",
    "simulate",
    "sweep_bench",
    "wave",
    "write_bench",
]
