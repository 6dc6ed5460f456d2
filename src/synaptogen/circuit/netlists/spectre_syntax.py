"""Statements that VACASK has in common with Spectre: nodes stand in brackets."""

from .circuit import ArrayCircuit, CellInstance, TransistorInstance
from .dialect import MODEL, SUBCIRCUIT


class SpectreSyntax:
    """The statements of `Dialect` that are the same in languages of Spectre's family."""

    def instance(self, array: ArrayCircuit) -> str:
        """Return an instance of the array's subcircuit."""
        return f"x{SUBCIRCUIT} ({' '.join(array.terminals())}) {SUBCIRCUIT}"

    def cell(self, cell: CellInstance) -> str:
        """Return the statement of a cell."""
        return f"{cell.name} ({cell.p} {cell.n}) {MODEL} {cell.values}"

    def transistor(self, transistor: TransistorInstance) -> str:
        """Return the statement of an access transistor."""
        name, nodes, model, values = transistor
        return f"{name} ({' '.join(nodes)}) {model} {values}"
