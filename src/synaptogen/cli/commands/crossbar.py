"""``synaptogen crossbar``: cells as a matrix."""

import typer

from . import crossbar_program, crossbar_wires

crossbar = typer.Typer(name="crossbar", no_args_is_help=True, rich_markup_mode="markdown")


@crossbar.callback()
def _group() -> None:
    """Crossbars: write weights with pulses, solve voltages on wires."""


crossbar.command("program")(crossbar_program.program)
crossbar.command("solve")(crossbar_wires.solve_lines)
crossbar.command("map")(crossbar_wires.draw_map)
