"""``synaptogen sample-data``: a synthetic measurement, for trying out."""

from pathlib import Path
from typing import Annotated

import typer

from synaptogen.cli.options import Overwrite, params_from, require_free
from synaptogen.cli.output import say, stages


def sample_data(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .npz, .nc, .parquet, .csv or .tsv.")],
    params: Annotated[
        str, typer.Option("--params", metavar="NAME|FILE.json", help="The population that devices are drawn from.")
    ] = "hennen2024",
    devices: Annotated[int, typer.Option("--devices", metavar="N", help="Number of devices.")] = 64,
    cycles: Annotated[int, typer.Option("--cycles", metavar="N", help="Loops of each device.")] = 200,
    points: Annotated[int, typer.Option("--points", metavar="N", help="Points of a loop.")] = 240,
    outliers: Annotated[
        int | None,
        typer.Option("--outliers", metavar="N", help="Number of devices unlike the others; 3, of up to 3 devices 0."),
    ] = None,
    rng: Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of 64 bits.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Write I-V loops as a laboratory measures them: limited current, offset, noise, some odd devices.
    \f

    Parameters
    ----------
    output, overwrite : pathlib.Path, bool
        The file, and whether to replace it.
    params, devices, cycles, points, outliers, rng
        Population and size of the measurement, see `synaptogen.learn.sample_loops`.
    """
    from synaptogen import learn  # heavy, and an extra

    require_free(output, overwrite)
    learn.check_ending(output)
    with stages() as shown:
        data = learn.sample_loops(
            params_from(params),
            devices=devices,
            cycles=cycles,
            points=points,
            outliers=outliers,
            rng=rng,
            progress=lambda done, n: shown("loops", done / n),
        )
        shown(f"writing {output}", 0.0)
        learn.write(data, output)
    planted = data.attrs["planted"] or "none"
    say(f"written: {output}, {devices} devices x {cycles} loops x {points} points; outliers: {planted}")
