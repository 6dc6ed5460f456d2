"""``synaptogen export``: populations as noise models of other simulators of networks."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from synaptogen import export as models
from synaptogen.cli.options import Overwrite, choice, params_from, require_free
from synaptogen.cli.output import say, steps
from synaptogen.state import BANDWIDTH


def export(
    peer: Annotated[str, typer.Argument(metavar="SIMULATOR", help="aihwkit or crosssim.", show_default=False)],
    params: Annotated[
        str, typer.Argument(metavar="[NAME|FILE.json]", help="A preset, or a parameter file.")
    ] = "hennen2024",
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE.py", help="Default: cells_SIMULATOR.py.", show_default=False),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help="How cells are written: write-verify or one-shot.")
    ] = "write-verify",
    tolerance: Annotated[float, typer.Option("--tolerance", metavar="S", help="Of write-verify, in S.")] = 2e-6,
    bandwidth: Annotated[float, typer.Option("--bandwidth", metavar="HZ", help="Of a read, in Hz.")] = BANDWIDTH,
    cells: Annotated[int, typer.Option("--cells", metavar="N", help="Cells for each of 17 conductances.")] = 4096,
    rng: Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of the cells.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Write a population as a noise model of aihwkit or CrossSim: programming errors, read noise, drift.
    \f

    Parameters
    ----------
    peer, params : str
        The simulator, and the population.
    output, overwrite : pathlib.Path, bool
        The file, and whether to replace it.
    method, tolerance, bandwidth, cells, rng
        See `synaptogen.export.error_tables`.
    """
    name = choice("SIMULATOR", peer, get_args(models.Peer))
    programming = choice("--method", method, get_args(models.Programming))
    target = Path(f"cells_{name}.py") if output is None else output
    require_free(target, overwrite)
    population = params_from(params)
    with steps(transient=True) as progress:
        advance = progress.begin(f"cells of {population.name}", 1)
        tables = models.error_tables(
            population, programming=programming, tolerance=tolerance, bandwidth=bandwidth, cells=cells, seed=rng
        )
        advance()
    written = models.write_noise_model(target, name, tables)
    say(f"written: {written} ({written.stat().st_size / 1000:.0f} kB); its first lines say how to use it")
