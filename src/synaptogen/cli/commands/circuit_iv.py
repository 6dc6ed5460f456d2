"""``synaptogen circuit iv``: sweeps of one cell in a circuit simulator and in Python."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from synaptogen._utils import require
from synaptogen.array import CellArray
from synaptogen.circuit import IVComparison, compare_iv
from synaptogen.circuit.simulators import SIMULATORS, SimulationError
from synaptogen.cli.options import JSON, Overwrite, Params, Simulator, Timeout, choice, params_from, require_free
from synaptogen.cli.output import print_json, say, stdout, steps

FIGURES = (".png", ".pdf", ".svg")


def iv(
    file: Annotated[
        Path | None, typer.Argument(help="Figure to write: .png, .pdf or .svg; default: no figure.")
    ] = None,
    simulator: Simulator = "vacask",
    sweeps: Annotated[int, typer.Option("--sweeps", metavar="N", help="Number of sweeps.")] = 3,
    u_min: Annotated[float, typer.Option("--u-min", metavar="V", help="Lowest voltage of a sweep.")] = -1.5,
    u_max: Annotated[float, typer.Option("--u-max", metavar="V", help="Highest voltage of a sweep.")] = 1.5,
    resistor: Annotated[
        float, typer.Option("--resistor", metavar="OHM", help="Resistor in series with the cell.")
    ] = 0.0,
    params: Params = "hennen2024",
    rng: Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of the cell.")] = 0,
    timeout: Timeout = 600.0,
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Sweep a cell in a circuit simulator, draw its I-V curve over Python's, and tell the largest difference.

    The two are compared away from SET and RESET, which take the simulator some switching time of its own.
    \f

    Parameters
    ----------
    file, overwrite : pathlib.Path, bool
        The figure, and whether to replace it.
    simulator, timeout : str, float
        The simulator and its time limit in s.
    sweeps, u_min, u_max, resistor : int, float, float, float
        Number of sweeps, their ends in V, resistor in series in ohm; see `compare_iv`.
    params, rng : str, int
        Population and seed of the cell.
    as_json : bool
        Print JSON instead of text.

    Raises
    ------
    ValueError, OSError
        If an option is out of range, or the figure exists.
    typer.Exit
        If the simulation fails; its log is printed.
    """
    name = choice("--simulator", simulator, SIMULATORS)
    if file is not None:
        require("matplotlib", "plot")
        if file.suffix not in FIGURES:
            raise ValueError(f"{file} is no figure: end its name in {', '.join(FIGURES[:-1])} or {FIGURES[-1]}")
        require_free(file, overwrite)
    cell = CellArray((), params_from(params), rng=rng, engine="reference")
    begin = perf_counter()
    try:
        with steps(transient=True) as progress:
            advance = progress.begin(f"{sweeps} sweeps in {name} and in Python", 1)
            found = compare_iv(cell, name, sweeps=sweeps, u_min=u_min, u_max=u_max, ohms=resistor, timeout=timeout)
            advance()
    except SimulationError as error:  # its log has more than one line
        say(str(error))
        raise typer.Exit(1) from error
    if file is not None:
        from synaptogen.circuit import iv_comparison

        iv_comparison(found).savefig(file)
    _show(found, file, perf_counter() - begin, as_json)


def _show(found: IVComparison, file: Path | None, seconds: float, as_json: bool) -> None:
    share, points = found.largest_difference / found.largest_current, len(found.time)
    begun = int(found.python.cycle[-1])
    if as_json:
        print_json(
            {
                "simulator": found.simulator,
                "resistor": found.ohms,
                "points": points,
                "points_compared": int(found.quiet.sum()),
                "largest_difference": found.largest_difference,
                "largest_current": found.largest_current,
                "relative_difference": share,
                "cycles": found.cycles,
                "cycles_python": begun,
                "seconds": round(seconds, 3),
                "figure": None if file is None else str(file),
            }
        )
        return
    stdout.print(f"{found.simulator}: {found.cycles} cycles begun, in Python {begun}")
    stdout.print(
        f"largest difference {found.largest_difference:.3g} A, {100.0 * share:.3g} % of the largest current "
        f"{found.largest_current:.3g} A, at {int(found.quiet.sum())} of {points} points (others are near events)",
        soft_wrap=True,
    )
    if file is not None:
        stdout.print(f"wrote {file}")
