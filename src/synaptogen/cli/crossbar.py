"""``synaptogen crossbar``: what is done with cells as a matrix."""

import typer

from . import crossbar_wires

crossbar = typer.Typer(name="crossbar", no_args_is_help=True, rich_markup_mode="markdown")


@crossbar.callback()
def about() -> None:
    """Crossbars: voltages on wires."""


crossbar.command("solve")(crossbar_wires.solve_lines)
crossbar.command("map")(crossbar_wires.draw_map)
