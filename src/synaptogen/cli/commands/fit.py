"""``synaptogen fit``: a measurement in, a parameter file out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, cast

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from synaptogen.cli.feature_overview import overview_facts, print_overview
from synaptogen.cli.measurement_options import Measurement, measurement_options
from synaptogen.cli.options import JSON, Measured, Overwrite, params_from, require_free
from synaptogen.cli.output import print_json, say, stages, stdout
from synaptogen.params import DeviceParams

if TYPE_CHECKING:
    from synaptogen.learn import FitResult


Output: TypeAlias = Annotated[Path, typer.Option("--out", "-o", metavar="FILE.json", help="Parameter file to write.")]
Preset: TypeAlias = Annotated[
    str, typer.Option("--preset", metavar="NAME|FILE.json", help="Source of what the data do not determine.")
]
Order: TypeAlias = Annotated[str, typer.Option("--order", metavar="N|bic|aic|held_out", help="Order of the VAR.")]
History: TypeAlias = Annotated[
    str | None,
    typer.Option("--history", metavar="KIND", help="var or compact; default: as long as the record supports."),
]
Components: TypeAlias = Annotated[
    int | None, typer.Option("--components", metavar="K", help="Components of the population.")
]
PopulationOption: TypeAlias = Annotated[
    str,
    typer.Option("--population", metavar="measured|preset|twins", help="Which devices the file simulates."),
]
LawsOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--laws",
        metavar="auto|shared|plain",
        help="What to look for beside means and spreads; auto: all.",
    ),
]
HoldOut: TypeAlias = Annotated[
    float | None,
    typer.Option("--hold-out", metavar="SHARE", help="Keep this share of devices or cycles for validation."),
]
Detrend: TypeAlias = Annotated[
    int | None,
    typer.Option("--detrend", metavar="1|2|3", help="Subtract a polynomial trend of this degree from each device."),
]
Reset: TypeAlias = Annotated[
    str,
    typer.Option(
        "--reset", metavar="auto|power|stretched", help="Shape of the RESET transition; auto: the one that fits better."
    ),
]
Seed: TypeAlias = Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of simulations in the fit.")]


@measurement_options
def fit(
    data: Measured,
    output: Output,
    measurement: Measurement,
    preset: Preset = "hennen2024",
    order: Order = "bic",
    history: History = None,
    components: Components = None,
    population: PopulationOption = "measured",
    laws: LawsOption = "auto",
    hold_out: HoldOut = None,
    detrend: Detrend = None,
    reset: Reset = "auto",
    rng: Seed = 0,
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Learn a device population from a measurement and write it as a parameter file.
    \f

    Parameters
    ----------
    data, output, overwrite : pathlib.Path, pathlib.Path, bool
        Loops or features, the parameter file, and whether to replace it.
    preset, order, history, components, population, laws, detrend, reset, rng
        How to fit, see `synaptogen.learn.fit`.
    measurement : Measurement
        What the user says of the measurement.
    hold_out : float, optional
        Share of the data that the fit does not use; the parameter file says which.
    as_json : bool
        Print JSON instead of a table.
    """
    from synaptogen import learn  # heavy, and an extra

    require_free(output, overwrite)
    measured = measurement.read(data)
    held_out = None
    if hold_out is not None:
        measured, _, held_out = learn.hold_out(measured, hold_out)
    with stages() as shown:
        result = learn.fit(
            measured,
            preset=params_from(preset),
            name=output.stem,
            order=int(order) if order.isdigit() else cast("Literal['bic', 'aic', 'held_out']", order),
            history=cast("Literal['var', 'compact'] | None", history),
            components=components,
            population=cast("Literal['measured', 'preset', 'twins']", population),
            laws=cast("Literal['auto', 'shared', 'plain']", laws),
            detrend=detrend,
            reset=cast("Literal['auto', 'power', 'stretched']", reset),
            rng=rng,
            progress=shown,
        )
    params = result.params
    if held_out is not None:
        params = params.replace(source={**params.source, "held_out": held_out, "hold_out": repr(hold_out)})
    params.to_json(output)
    if as_json:
        print_json(_summary(result))
    else:
        if result.verdict:
            stdout.print(result.verdict, markup=False)
            print_overview(result.overview)
        _show(_summary(result), result.params)
    say(f"written: {output}")


def _summary(result: "FitResult") -> dict[str, Any]:
    """Return the results of a fit for JSON."""
    facts: dict[str, Any] = {
        "verdict": result.verdict,
        "features": overview_facts(result.overview),
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
        transition = result.envelopes.reset
        facts["reset"] = {
            "law": "power" if transition.stretch is None else "stretched",
            "u_max": transition.u_max,
            "eta": transition.eta,
            "eta_error": transition.eta_error,
            "stretch": None if transition.stretch is None else transition.stretch.tolist(),
            "rms_power": transition.rms_power,
            "rms_stretched": transition.rms_stretched,
        }
    return facts


UNITS = {"u_max": " V", "rms_power": " A", "rms_stretched": " A"}
"""Units of numbers in the table; the others are ratios and counts."""


def _show(facts: dict[str, Any], params: DeviceParams) -> None:
    table = Table(box=SIMPLE_HEAD, title=repr(params), title_justify="left")
    table.add_column("part", no_wrap=True)
    table.add_column("value")
    for part in ("reliability", "cycles", "residuals", "reset", "provenance"):
        for name, value in facts.get(part, {}).items():
            if value is None or (part == "cycles" and value == 0):
                continue
            text = f"{value:.3g}{UNITS.get(name, '')}" if isinstance(value, float) else str(value)
            table.add_row(f"{part}: {name}", text)
    stdout.print(table)
    for note in facts["notes"]:
        stdout.print(f"- {note}", markup=False)
