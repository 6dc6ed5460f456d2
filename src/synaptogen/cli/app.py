"""The commands, and what they have in common: errors without tracebacks, a version."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import synaptogen

from .commands import bench, circuit, crossbar, demo, extract, fit, info, report, sample, simulate, validate
from .output import complain

EXPECTED = (ValueError, TypeError, OSError, MemoryError, ModuleNotFoundError)
"""What the library raises with a message for users."""


class Commands(TyperGroup):
    """Commands whose expected errors become one line on standard error and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader of a pipe has enough: not an error of ours
            raise
        except EXPECTED as error:
            if ctx.params.get("debug"):
                raise
            complain(error)
            raise typer.Exit(1) from error


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"synaptogen {synaptogen.__version__}")
        raise typer.Exit


def start(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Virtual resistive memory (ReRAM) devices by the million."""


app = typer.Typer(
    name="synaptogen",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.callback()(start)
COMMANDS = (
    demo.demo,
    info.info,
    info.presets,
    simulate.simulate,
    sample.sample_data,
    extract.extract,
    fit.fit,
    validate.validate,
    report.report,
    bench.bench,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(crossbar.crossbar)
app.add_typer(circuit.circuit)
