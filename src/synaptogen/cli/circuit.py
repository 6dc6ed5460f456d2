"""``synaptogen circuit``: cells in circuit simulators."""

import typer

from .circuit_crossbar import crossbar

circuit = typer.Typer(name="circuit", no_args_is_help=True, help="The same devices in circuit simulators.")


@circuit.callback()
def _group() -> None:
    """The same devices in circuit simulators."""


circuit.command()(crossbar)
