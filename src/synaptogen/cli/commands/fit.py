"""``synaptogen fit``: a measurement in, a parameter file out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, cast

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from synaptogen.cli.feature_overview import overview_facts, print_overview
from synaptogen.cli.measurement_options import Measurement, measurement_options
from synaptogen.cli.options import JSON, Measured, Overwrite, params_from, require_free
from synaptogen.cli.output import print_json, say, stages, stdout, warn
from synaptogen.params import DeviceParams

if TYPE_CHECKING:
    import xarray as xr

    from synaptogen.learn import FitResult, FluctuationFit


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
    typer.Option("--detrend", metavar="1|2|3", help="Take a polynomial trend of this degree from each device."),
]
TrendOption: TypeAlias = Annotated[
    str,
    typer.Option("--trend", metavar="kept|removed", help="Do simulated cells follow the trend that was taken?"),
]
Reset: TypeAlias = Annotated[
    str,
    typer.Option(
        "--reset", metavar="auto|power|stretched", help="Shape of the RESET transition; auto: the one that fits better."
    ),
]
Reads: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--reads", metavar="FILE", help="Repeated reads after a write, for fluctuation; may be repeated."),
]
Bake: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--bake", metavar="FILE", help="Reads before and after a bake, or retention; may be repeated."),
]
FluctuationOption: TypeAlias = Annotated[
    str,
    typer.Option("--fluctuation", metavar="NAME", help="Preset of what repeated reads do not determine."),
]
Interval: TypeAlias = Annotated[
    float, typer.Option("--interval", metavar="S", help="Time between repeated reads that are only counted.")
]
Age: TypeAlias = Annotated[
    float | None,
    typer.Option("--age", metavar="S", help="Time from the write to time 0; default: 0, and 600 before a bake."),
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
    trend: TrendOption = "kept",
    reset: Reset = "auto",
    reads: Reads = None,
    bake: Bake = None,
    fluctuation: FluctuationOption = "hfox-1t1r",
    interval: Interval = 1.0,
    age: Age = None,
    rng: Seed = 0,
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Learn a device population from a measurement and write it as a parameter file.

    DATA holds loops or features; --reads and --bake add what cells do after a write. DATA may also hold repeated reads
    alone: then the file is the preset with this fluctuation.
    \f

    Parameters
    ----------
    data, output, overwrite : pathlib.Path, pathlib.Path, bool
        Loops, features or repeated reads, the parameter file, and whether to replace it.
    preset, order, history, components, population, laws, detrend, trend, reset, rng
        How to fit, see `synaptogen.learn.fit`.
    reads, bake, fluctuation, interval, age
        Repeated reads, and how to fit these, see `synaptogen.learn.fit_fluctuation`.
    measurement : Measurement
        What the user says of the measurement.
    hold_out : float, optional
        Share of the data that the fit does not use; the parameter file says which.
    as_json : bool
        Print JSON instead of a table.
    """
    from synaptogen import learn  # heavy, and an extra

    require_free(output, overwrite)
    beside = read_beside(measurement, reads, bake)
    measured = measurement.read_loops(data) if beside else measurement.read(data)
    warn(measured.attrs.get("unusual", ""))
    alone = "conductance" in measured
    tables = [measured] * alone + beside
    if not tables and (interval != 1.0 or age is not None):
        raise ValueError("--interval and --age belong to repeated reads: give these by --reads or --bake")
    held_out = None
    if hold_out is not None:
        if not alone:
            measured, kept_out, held_out = learn.hold_out(measured, hold_out)
            _require_enough(kept_out, hold_out)
        cut = [learn.hold_out(table, hold_out) for table in tables]
        tables = [kept for kept, _, _ in cut]
        held_out = "; ".join([*([held_out] if held_out else []), *dict.fromkeys(text for _, _, text in cut)])
    result = told = None
    with stages() as shown:
        if alone:
            base = params_from(preset)
            params = base.replace(name=output.stem, source={**base.source, "preset": base.name})
        else:
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
                trend=cast("Literal['kept', 'removed']", trend),
                reset=cast("Literal['auto', 'power', 'stretched']", reset),
                rng=rng,
                progress=shown,
            )
            params = result.params
        if tables:
            told = learn.fit_fluctuation(
                tables, preset=fluctuation, name=output.stem, interval=interval, age=age, rng=rng, progress=shown
            )
            params = params.with_fluctuation(told.params)
    if held_out is not None:
        params = params.replace(source={**params.source, "held_out": held_out, "hold_out": repr(hold_out)})
    params.to_json(output)
    summary = {**({} if result is None else _summary(result)), **({} if told is None else {"fluctuation": _told(told)})}
    if as_json:
        print_json(summary)
    else:
        if result is not None:
            if result.verdict:
                stdout.print(result.verdict, markup=False)
                print_overview(result.overview)
            _show(summary, result.params)
        if told is not None:
            _show_fluctuation(told, params)
    say(f"written: {output}")


def read_beside(measurement: Measurement, reads: list[Path] | None, bake: list[Path] | None) -> "list[xr.Dataset]":
    """Return the repeated reads that are given beside other data.

    Parameters
    ----------
    measurement : Measurement
        What the user says of the measurement.
    reads, bake : list of pathlib.Path, optional
        Files; the duration and the temperature that the user gives are those of bakes.

    Returns
    -------
    list of xarray.Dataset
    """
    return [
        *(measurement.read_retention(path, baked=False) for path in reads or []),
        *(measurement.read_retention(path) for path in bake or []),
    ]


def _require_enough(held_out: "xr.Dataset", share: float) -> None:
    """Refuse to hold out so few cycles that they could not be judged later."""
    from synaptogen.learn.statistics import LONG_RECORD

    cycles = held_out.sizes["cycle"]
    if 1 < cycles < LONG_RECORD:
        raise ValueError(
            f"--hold-out {share:g} keeps {cycles} cycles for validation, and {LONG_RECORD} are needed:"
            " give a larger share, or leave it out"
        )


def _told(result: "FluctuationFit") -> dict[str, Any]:
    """Return the results of a fit of repeated reads for JSON."""
    rows = result.figures.to_dict(orient="records")
    return {
        "verdict": result.verdict,
        "params": result.params.to_dict(),
        "origin": result.origin,
        "figures": [{k: None if v != v else v for k, v in row.items()} for row in rows],  # NaN is no JSON
        "notes": list(result.notes),
    }


def _show_fluctuation(result: "FluctuationFit", params: DeviceParams) -> None:
    stdout.print(result.verdict, markup=False)
    table = Table(box=SIMPLE_HEAD, title=repr(params), title_justify="left")
    table.add_column("number", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("origin")
    for name, how in result.origin.items():
        table.add_row(name, f"{getattr(result.params, name):.3g}", how)
    stdout.print(table)
    for note in result.notes:
        stdout.print(f"- {note}", markup=False)


def _summary(result: "FitResult") -> dict[str, Any]:
    """Return the results of a fit for JSON."""
    facts: dict[str, Any] = {
        "verdict": result.verdict,
        "features": overview_facts(result.overview),
        "params": repr(result.params),
        "provenance": result.provenance,
        "notes": list(result.notes),
        "wear": str(result.wear or ""),
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

LABELS = {
    "reliability": "reliability of {}",
    "cycles": "cycles flagged {}",
    "residuals": "curve error, {}",
    "reset": "RESET: {}",
    "provenance": "origin: {}",
}
"""What the table calls the entries of each part; `NAMES` has those that read otherwise."""

NAMES = {
    ("cycles", "all"): "cycles",
    ("cycles", "good"): "good cycles",
    ("residuals", "lrs"): "curve error, LRS",
    ("residuals", "lrs_rms"): "curve error, LRS, rms",
    ("residuals", "hrs"): "curve error, HRS, U > 0",
    ("residuals", "hrs_rms"): "curve error, HRS, U > 0, rms",
    ("residuals", "hrs_negative"): "curve error, HRS, U < 0",
    ("residuals", "hrs_negative_rms"): "curve error, HRS, U < 0, rms",
    ("provenance", "settings_tried"): "settings tried",
    ("reset", "law"): "RESET: transition",
    ("reset", "u_max"): "RESET: U_max",
    ("reset", "eta_error"): "RESET: error of eta",
    ("reset", "rms_power"): "error of the power law",
    ("reset", "rms_stretched"): "error of the stretched law",
}


def _show(facts: dict[str, Any], params: DeviceParams) -> None:
    table = Table(box=SIMPLE_HEAD, title=repr(params), title_justify="left")
    table.add_column("part", no_wrap=True)
    table.add_column("value")
    for part in ("reliability", "cycles", "residuals", "reset", "provenance"):
        for name, value in facts.get(part, {}).items():
            if value is None or (part == "cycles" and value == 0):
                continue
            text = f"{value:.3g}{UNITS.get(name, '')}" if isinstance(value, float) else str(value)
            table.add_row(NAMES.get((part, name), LABELS[part].format(name)), text)
    stdout.print(table)
    for note in facts["notes"]:
        stdout.print(f"- {note}", markup=False)
