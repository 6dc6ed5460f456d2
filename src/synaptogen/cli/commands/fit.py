"""``synaptogen fit``: a measurement in, a parameter file out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from synaptogen.cli.measurement_options import Columns, CurrentLimit, Polarity, SeriesResistance, measured_from
from synaptogen.cli.options import JSON, Measured, Overwrite, params_from, require_free
from synaptogen.cli.output import out, print_json, say, stages

if TYPE_CHECKING:
    from synaptogen.learn import FitResult


def fit(
    data: Measured,
    output: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.json", help="Where the parameters go.")],
    preset: Annotated[
        str,
        typer.Option("--preset", metavar="NAME|FILE.json", help="Where the data are silent, these parameters speak."),
    ] = "hennen2024",
    order: Annotated[str, typer.Option("--order", metavar="N|bic|aic|held_out", help="Order of the VAR.")] = "bic",
    history: Annotated[
        str | None, typer.Option("--history", metavar="KIND", help="var or compact; default: what the record supports.")
    ] = None,
    components: Annotated[
        int | None, typer.Option("--components", metavar="K", help="Components of the population.")
    ] = None,
    columns: Columns = None,
    current_limit: CurrentLimit = None,
    series_resistance: SeriesResistance = None,
    polarity: Polarity = None,
    hold_out: Annotated[
        float | None,
        typer.Option("--hold-out", metavar="SHARE", help="Keep this share of devices or cycles for validation."),
    ] = None,
    detrend: Annotated[
        int | None, typer.Option("--detrend", metavar="1|2|3", help="Take a trend of this degree from each device.")
    ] = None,
    reset: Annotated[
        str,
        typer.Option("--reset", metavar="auto|power|stretched", help="Law of the RESET transition; auto: what fits."),
    ] = "auto",
    rng: Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of simulations in the fit.")] = 0,
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Learn a device population from a measurement and write it as a parameter file."""
    from synaptogen import learn  # heavy, and an extra

    require_free(output, overwrite)
    measured = measured_from(data, columns, current_limit, series_resistance, polarity)
    told = None
    if hold_out is not None:
        measured, _, told = learn.hold_out(measured, hold_out)
    with stages() as shown:
        result = learn.fit(
            measured,
            preset=params_from(preset),
            name=output.stem,
            order=int(order) if order.isdigit() else order,
            history=history,
            components=components,
            detrend=detrend,
            reset=reset,
            rng=rng,
            progress=shown,
        )
    params = result.params
    if told is not None:
        params = params.replace(source={**params.source, "held_out": told, "hold_out": repr(hold_out)})
    params.to_json(output)
    if as_json:
        print_json(summary(result))
    else:
        _show(summary(result), result.params)
    say(f"written: {output}")


def summary(result: "FitResult") -> dict[str, Any]:
    """What was learned, in figures and words."""
    facts: dict[str, Any] = {
        "params": repr(result.params),
        "provenance": result.provenance,
        "notes": list(result.notes),
        "drift": {name: {"index": v, "limit": result.drift.limit[name]} for name, v in result.drift.index.items()},
    }
    if result.extraction is not None:
        facts["reliability"] = dict(result.extraction.reliability)
        facts["cycles"] = dict(result.extraction.counts)
    if result.envelopes is not None:
        facts["residuals"] = dict(result.envelopes.residuals)
        law = result.envelopes.reset
        facts["reset"] = {
            "law": "power" if law.stretch is None else "stretched",
            "u_max": law.u_max,
            "eta": law.eta,
            "eta_error": law.eta_error,
            "stretch": None if law.stretch is None else law.stretch.tolist(),
            "rms_power": law.rms_power,
            "rms_stretched": law.rms_stretched,
        }
    return facts


def _show(facts: dict[str, Any], params: Any) -> None:
    table = Table(box=SIMPLE_HEAD, title=repr(params))
    table.add_column("part")
    table.add_column("value")
    for part in ("reliability", "cycles", "residuals", "reset", "provenance"):
        for name, value in facts.get(part, {}).items():
            table.add_row(f"{part}: {name}", f"{value:.4g}" if isinstance(value, float) else str(value))
    out.print(table)
    for note in facts["notes"]:
        out.print(f"- {note}", markup=False)
