"""Statements that VACASK has in common with Spectre: nodes stand in brackets."""

from collections.abc import Mapping, Sequence

from .dialect import MODEL, assigned
from .elements import CellInstance, TransistorInstance


class SpectreSyntax:
    """The statements of `Dialect` that are the same in languages of Spectre's family."""

    _name: str  # of the subcircuit

    def subcircuit(self, pins: Sequence[str], defaults: Mapping[str, float]) -> tuple[Sequence[str], str]:
        """Return the first lines and the last line of the subcircuit."""
        parameters = [f"parameters {assigned(defaults)}"] if defaults else []
        return [f"subckt {self._name} ({' '.join(pins)})", *parameters], "ends"

    def instance(self, pins: Sequence[str]) -> str:
        """Return an instance of the subcircuit."""
        return f"x{self._name} ({' '.join(pins)}) {self._name}"

    def reference(self, parameter: str) -> str:
        """Return how a statement in a subcircuit refers to one of its parameters."""
        return parameter

    def cell(self, cell: CellInstance) -> str:
        """Return the statement of a cell."""
        return f"{cell.name} ({cell.p} {cell.n}) {MODEL} {cell.values}"

    def transistor(self, transistor: TransistorInstance) -> str:
        """Return the statement of an access transistor."""
        name, nodes, model, values = transistor
        return f"{name} ({' '.join(nodes)}) {model} {values}"
