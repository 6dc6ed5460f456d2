"""Printing: results to standard output; progress, messages and errors to standard error."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from synaptogen._utils import printable


class _PlainConsole(Console):
    """A console that prints texts as they are: no markup, and nothing that the terminal obeys or cannot write."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a text ready to print, as `rich.console.Console.render_str` does."""
        shown = printable(text, keep="\n\t").encode(self.encoding, "backslashreplace").decode(self.encoding)
        return super().render_str(shown, **options)


stdout = _PlainConsole(highlight=False, markup=False)
stderr = _PlainConsole(stderr=True, highlight=False, markup=False)

Advance: TypeAlias = Callable[[], None]
"""Called after each part of a step."""


def say(message: str) -> None:
    """Print a line to standard error, without markup and without breaking it."""
    stderr.print(message, markup=False, soft_wrap=True)


def complain(error: Exception) -> None:
    """Print an error as one red line on standard error."""
    stderr.print(f"error: {_one_line(error)}", style="red", markup=False, soft_wrap=True)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        # Python would write the number of the error, too
        named = f": {error.filename}" if error.filename is not None else ""
        return f"{error.strerror}{named}"
    return " ".join(str(error).split()) or type(error).__name__


def warn(remarks: str) -> None:
    """Print remarks on a measurement, one a line, to standard error."""
    for line in remarks.splitlines():
        stderr.print(f"warning: {line}", style="yellow", markup=False, soft_wrap=True)


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object to standard output."""
    typer.echo(json.dumps(content, indent=2))


class _MessageHandler(logging.Handler):
    """Prints messages of a logger as plain lines, above the bars if there are any."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


@contextmanager
def show_messages(logger: logging.Logger) -> Iterator[None]:
    """Print messages of a logger, of level INFO and above, to standard error.

    Parameters
    ----------
    logger : logging.Logger
        The logger; its handlers and level are restored at the end of the block.
    """
    handler, level = _MessageHandler(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class Steps:
    """Progress in steps of known size: bars on a terminal, plain lines elsewhere.

    Parameters
    ----------
    bars : rich.progress.Progress
        The bars; disabled where there is no terminal.
    """

    def __init__(self, bars: Progress) -> None:
        self._bars = bars

    def begin(self, title: str, total: int) -> Advance:
        """Announce a step.

        Parameters
        ----------
        title : str
            Its description.
        total : int
            Number of its parts.

        Returns
        -------
        callable
            To be called after each part.
        """
        if self._bars.disable:
            say(f"{title} ...")
        task = self._bars.add_task(title, total=total)
        self._bars.refresh()

        def advance() -> None:
            self._bars.advance(task)
            self._bars.refresh()

        return advance


class Stages:
    """Progress of stages that report the share that is done: bars on a terminal, a line for each elsewhere.

    Parameters
    ----------
    bars : rich.progress.Progress
        The bars; disabled where there is no terminal.
    """

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._last: tuple[str, TaskID] | None = None

    def __call__(self, stage: str, share: float) -> None:
        """Take the next report: the name of the stage, and its share from 0 to 1."""
        if self._last is None or self._last[0] != stage:
            if self._bars.disable:
                say(f"{stage} ...")
            elif self._last is not None:
                self._bars.update(self._last[1], completed=1.0)
            self._last = stage, self._bars.add_task(stage, total=1.0)
        self._bars.update(self._last[1], completed=share)
        self._bars.refresh()


@contextmanager
def stages() -> Iterator[Stages]:
    """Show the progress of the stages inside the block on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=stderr, auto_refresh=False, redirect_stdout=False, disable=not stderr.is_terminal
    ) as bars:
        yield Stages(bars)


@contextmanager
def steps(*, transient: bool = False) -> Iterator[Steps]:
    """Show the progress of the steps inside the block on standard error; ``transient`` bars vanish at its end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # drawn only between parts: a thread that draws would disturb what is timed
    bars = Progress(
        *columns,
        console=stderr,
        transient=transient,
        auto_refresh=False,
        redirect_stdout=False,  # results go where they were sent
        disable=not stderr.is_terminal,
    )
    with bars:
        yield Steps(bars)
