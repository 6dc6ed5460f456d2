"""Netlists: arrays of cells as circuits, in the languages of three simulators."""

from .circuit import ArrayCircuit, Testbench, Transistor, Wave, array_circuit, constant, wave
from .drives import SCHEMES, read_bench, selected, sweep_bench, write_bench
from .population import population_circuit
from .simulation import DIALECTS, Result, export, simulate
from .state import follow

__all__ = [
    "DIALECTS",
    "SCHEMES",
    "ArrayCircuit",
    "Result",
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
