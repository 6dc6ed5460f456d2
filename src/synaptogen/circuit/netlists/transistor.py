"""The access transistor of a cell: its model comes from the user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from synaptogen._utils import checks

from .names import identifier, model_card

Element: TypeAlias = Literal["m", "x", "n"]
"""First letter of a transistor's statements in ngspice, see `Transistor`."""


@dataclass(frozen=True)
class Transistor:
    """The access transistor of each cell (1T1R): an n-channel MOSFET with a model card that the user brings.

    Its drain is at the cell, its source at the row line, its gate at the gate line of the row, its bulk at ground.

    Parameters
    ----------
    model : str
        Name of the model in the card.
    card : str
        The model card, in the language of the simulator: text that goes into the netlist as it is. "": the netlist
        that takes in an exported array holds the model.
    parameters : mapping of str to float
        Instance parameters, such as ``{"w": 1e-6, "l": 1e-7}``.
    element : {"m", "x", "n"}
        What the model is in ngspice: m a MOSFET of the simulator, x a subcircuit, as in most design kits, n a compiled
        model (OSDI). Other languages write all three alike.

    Raises
    ------
    ValueError, TypeError
        If a name is none, the card does not hold the model, or a number is not finite.
    """

    model: str
    card: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    element: Element = "m"

    def __post_init__(self) -> None:
        identifier("model", self.model)
        object.__setattr__(self, "card", model_card(self.card, self.model))
        checks.one_of("element", self.element, get_args(Element))
        for name, value in self.parameters.items():
            identifier("parameters", name)
            checks.finite_number(f"parameters[{name!r}]", value)
