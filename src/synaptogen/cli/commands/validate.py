"""``synaptogen validate``: generated cycles compared with measured ones."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from synaptogen.cli.commands.fit import Age, Bake, Reads, read_beside
from synaptogen.cli.feature_overview import overview_facts, print_overview
from synaptogen.cli.measurement_options import Measurement, measurement_options
from synaptogen.cli.options import JSON, Measured, Overwrite, params_from, require_free
from synaptogen.cli.output import print_json, say, stages, stdout, warn

if TYPE_CHECKING:
    from synaptogen.learn import Validation

STYLES = {"good": "green", "fair": "yellow", "poor": "red", "unknown": "dim"}


@measurement_options
def validate(
    params: Annotated[str, typer.Argument(metavar="NAME|FILE.json", help="Parameters: a preset or a fitted file.")],
    data: Measured,
    measurement: Measurement,
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE.npz", help="Write the result, for synaptogen report."),
    ] = None,
    hold_out: Annotated[
        float | None,
        typer.Option(
            "--hold-out",
            metavar="SHARE",
            help="Compare with this share of devices or cycles; default: the share that the fit kept. 0: all data.",
        ),
    ] = None,
    reads: Reads = None,
    bake: Bake = None,
    interval: Annotated[
        float | None,
        typer.Option("--interval", metavar="S", help="Time between repeated reads that are only counted."),
    ] = None,
    age: Age = None,
    rng: Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of virtual devices and splits.")] = 0,
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Compare virtual devices with measured ones, property by property.

    DATA holds loops or features, or repeated reads alone; --reads and --bake add such reads.
    \f

    Parameters
    ----------
    params, data : str, pathlib.Path
        The parameter set, and loops, features or repeated reads.
    output, overwrite : pathlib.Path, bool
        A file for the result, and whether to replace it.
    measurement : Measurement
        What the user says of the measurement.
    hold_out : float, optional
        Share of the data to use; default: the share that the fit has kept, 0: all data.
    reads, bake, interval, age
        Repeated reads, and how they were made, see `synaptogen.learn.validate`.
    rng : int
        Seed of virtual devices and splits.
    as_json : bool
        Print JSON instead of a table.
    """
    from synaptogen import learn  # heavy, and an extra

    if output is not None:
        require_free(output, overwrite)
    chosen = params_from(params)
    beside = read_beside(measurement, reads, bake)
    measured = measurement.read_loops(data) if beside else measurement.read(data)
    warn(measured.attrs.get("unusual", ""))
    share = float(chosen.source.get("hold_out", 0)) if hold_out is None else hold_out
    held_out = None
    if share:
        _, measured, held_out = learn.hold_out(measured, share)
        if hold_out is None and "the last ones" in str(chosen.source.get("held_out", "")):
            raise ValueError(
                f"the fit has kept the last cycles, and today blocks of cycles are kept ({held_out}): fit again, or"
                " give the last cycles alone and --hold-out 0"
            )
        beside = [learn.hold_out(table, share)[1] for table in beside]
    with stages() as shown:
        result = learn.validate(
            chosen,
            measured,
            rng=rng,
            held_out=held_out,
            reads=beside or None,
            interval=interval,
            age=age,
            progress=shown,
        )
    if output is not None:
        result.save(output)
    if as_json:
        lines = [asdict(p) for p in result.properties]
        clean = [{k: None if v != v else v for k, v in line.items()} for line in lines]  # NaN is no JSON
        first = {"verdict": result.verdict, "features": overview_facts(result.overview)}
        print_json(
            {**first, "properties": clean, "one_law": result.one_law, "facts": result.facts, "notes": [*result.notes]}
        )
    else:
        _show(result)
    if output is not None:
        say(f"written: {output}")


def _show(result: "Validation") -> None:
    if result.verdict:
        stdout.print(result.verdict, markup=False)
        if result.overview:
            print_overview(result.overview)
    table = Table(box=SIMPLE_HEAD, title=repr(result.params), title_justify="left")
    table.add_column("property")
    for heading in ("gen.", "floor", "limit", "indep.", "ord. 1", "verdict"):
        table.add_column(heading, justify="right", no_wrap=True)
    for p in result.properties:
        figures = (p.generated, p.floor, p.limit, p.independent, p.order_1)
        cells = ["" if value != value else f"{value:.2g}" for value in figures]
        table.add_row(p.name, *cells, p.grade, style=STYLES[p.grade])
    stdout.print(table)
    for p in result.properties:
        _, _, both = p.unit.partition("; measured ")  # of repeated reads, by level or by number of reads
        if both:
            stdout.print(f"{p.name}: measured {both}", markup=False)
    for p in result.properties:
        if p.grade in ("poor", "unknown"):
            stdout.print(f"{p.name}: {p.verdict}", markup=False)
    for name, value in result.facts.items():
        stdout.print(f"{name}: {value}", markup=False)
    for note in result.notes:
        stdout.print(f"- {note}", markup=False)
