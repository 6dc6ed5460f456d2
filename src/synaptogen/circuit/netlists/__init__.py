"""Netlists: arrays of cells as circuits, in the languages of three simulators."""

from .autonomous_circuit import population_circuit
from .circuit import ArrayCircuit, array_circuit
from .dialect import Dialect, DialectName, RunnableDialect
from .drives import SCHEMES, Scheme, read_bench, selected, sweep_bench, write_bench
from .elements import Wave, constant, wave
from .exporting import DIALECTS, TEST, export, export_cell
from .names import identifier
from .schematics import EDITORS, EditorName
from .simulation import Result, simulate
from .state_transfer import follow
from .testbench import Testbench
from .transistor import Transistor

__all__ = [
    "DIALECTS",
    "EDITORS",
    "SCHEMES",
    "TEST",
    "ArrayCircuit",
    "Dialect",
    "DialectName",
    "EditorName",
    "Result",
    "RunnableDialect",
    "Scheme",
    "Testbench",
    "Transistor",
    "Wave",
    "array_circuit",
    "constant",
    "export",
    "export_cell",
    "follow",
    "identifier",
    "population_circuit",
    "read_bench",
    "selected",
    "simulate",
    "sweep_bench",
    "wave",
    "write_bench",
]
