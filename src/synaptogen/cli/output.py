"""What commands print: results to standard output, progress and errors to standard error."""

import json
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

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Advance: TypeAlias = Callable[[], None]


def say(message: str) -> None:
    """Print a line to standard error, whole, whatever it holds."""
    err.print(message, markup=False, soft_wrap=True)


def complain(error: Exception) -> None:
    """Print an error as one red line on standard error."""
    err.print(f"error: {_told(error)}", style="red", markup=False, soft_wrap=True)


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        # as Python writes it, less the number
        named = f": {error.filename}" if error.filename is not None else ""
        return f"{error.strerror}{named}"
    return " ".join(str(error).split()) or type(error).__name__


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object to standard output."""
    typer.echo(json.dumps(content, indent=2))


class Steps:
    """Bars on a terminal, plain lines elsewhere."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars

    def begin(self, what: str, total: int) -> Advance:
        """Announce a step of so many parts; call what is returned after each part."""
        if self._bars.disable:
            say(f"{what} ...")
        task = self._bars.add_task(what, total=total)
        self._bars.refresh()

        def advance() -> None:
            self._bars.advance(task)
            self._bars.refresh()

        return advance


class Stages:
    """Tells stages that say what share of them is done: bars on a terminal, a line for each elsewhere."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._last: tuple[str, TaskID] | None = None

    def __call__(self, stage: str, share: float) -> None:
        """Take the next report."""
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
    """Show the progress of what is done inside, stage by stage, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=err, auto_refresh=False, redirect_stdout=False, disable=not err.is_terminal
    ) as bars:
        yield Stages(bars)


@contextmanager
def steps(*, transient: bool = False) -> Iterator[Steps]:
    """Show the progress of what is done inside, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # drawn only between parts: a thread that draws would disturb what is timed
    bars = Progress(
        *columns,
        console=err,
        transient=transient,
        auto_refresh=False,
        redirect_stdout=False,  # results go where they were sent
        disable=not err.is_terminal,
    )
    with bars:
        yield Steps(bars)
