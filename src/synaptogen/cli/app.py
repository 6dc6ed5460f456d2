"""The application: its commands, errors without tracebacks, messages of the library, the version."""

import logging
from typing import Annotated

import typer
from typer.core import TyperGroup

import synaptogen

from .commands import (
    bench,
    circuit,
    crossbar,
    demo,
    doctor,
    explore,
    export,
    extract,
    fit,
    look,
    presets,
    report,
    sample,
    simulate,
    validate,
)
from .output import complain, show_messages

EXPECTED = (ValueError, TypeError, OSError, MemoryError, ModuleNotFoundError)
"""Errors that the library raises with a message for users."""


class Commands(TyperGroup):
    """Commands whose expected errors become one line on standard error and exit code 1."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # typer passes its own class
        """Run the command that the arguments name."""
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
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Virtual resistive memory (ReRAM) devices by the million.
    \f

    Parameters
    ----------
    context : typer.Context
        While it is open, messages of the library's logger go to standard error.
    debug, version : bool
        See the help of the options.
    """
    context.with_resource(show_messages(logging.getLogger(synaptogen.__name__)))


app = typer.Typer(
    name="synaptogen",
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.callback()(start)
COMMANDS = (
    demo.demo,
    doctor.doctor,
    presets.presets,
    simulate.simulate,
    sample.sample_data,
    look.look,
    extract.extract,
    fit.fit,
    validate.validate,
    report.report,
    explore.explore,
    export.export,
    bench.bench,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(crossbar.crossbar)
app.add_typer(circuit.circuit)
