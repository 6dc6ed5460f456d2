"""``synaptogen circuit``: cells in circuit simulators."""

import typer

from .circuit_crossbar import crossbar
from .circuit_export import export_cells
from .circuit_iv import iv

circuit = typer.Typer(name="circuit", no_args_is_help=True, help="The same devices in circuit simulators.")


@circuit.callback()
def _group() -> None:
    """The same devices in circuit simulators."""


circuit.command()(iv)
circuit.command()(crossbar)
circuit.command("export")(export_cells)
