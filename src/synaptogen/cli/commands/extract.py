"""``synaptogen extract``: the four features of each cycle from measured loops."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from synaptogen._utils import require
from synaptogen.cli.measurement_options import Measurement, measurement_options
from synaptogen.cli.options import JSON, Measured, Overwrite, require_free
from synaptogen.cli.output import print_json, say, stages, stdout, warn
from synaptogen.params import FEATURE_NAMES

if TYPE_CHECKING:
    from synaptogen.learn import Extraction

MOST_LINES = 64  # devices that are printed
MEANING = {
    "polarity": "1: SET at negative voltages, -1: at positive ones",
    "reliability": "share of the variance of a feature that is no error of measurement; null: unknown",
    "cycles": "all, good, and those with each flag; a cycle may have several",
    "devices": "of each device: features in ohm and V in the sign of the measurement: median, 10 and 90 % quantile,"
    " and drift, the change of the median from the first to the last third of the cycles (relative for resistances)",
    "current_limit_A": "median over devices; null: none was found",
    "definitions": "how each feature is measured",
    "warnings": "numbers that are unusual in the units in which they were read, and the option that changes these",
}

Output: TypeAlias = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="Ends in .csv, .tsv, .xlsx, .parquet, .npz or .nc.")
]
ReadVoltage: TypeAlias = Annotated[
    float, typer.Option("--u-read", metavar="V", help="Voltage at which resistances are taken.")
]
FigureFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--figure", metavar="FILE", help="Draw loops with their features; ends in .png, .pdf, .svg."),
]
Device: TypeAlias = Annotated[
    int, typer.Option("--device", metavar="N", help="Device whose loops are drawn; 0 is the first.")
]


@measurement_options
def extract(
    data: Measured,
    output: Output,
    measurement: Measurement,
    u_read: ReadVoltage = 0.2,
    figure: FigureFile = None,
    device: Device = 0,
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Extract R_HRS, U_SET, R_LRS, U_RESET of each cycle, with flags of what failed.
    \f

    Parameters
    ----------
    data, output, overwrite : pathlib.Path, pathlib.Path, bool
        Measured loops, the file for the features, and whether to replace it.
    measurement : Measurement
        What the user says of the measurement.
    u_read : float
        Voltage in V at which resistances are taken.
    figure, device : pathlib.Path, int
        A figure of the loops of one device.
    as_json : bool
        Print JSON instead of tables.

    Raises
    ------
    ValueError, OSError
        If the measurement holds no loops, or a file cannot be read or written.
    """
    from synaptogen import learn  # heavy, and an extra

    _require_free_files(output, figure, overwrite)
    learn.check_ending(output)
    measured = measurement.read(data)
    if "current" not in measured:
        what = (
            "repeated reads, which synaptogen fit learns fluctuation from,"
            if "conductance" in measured
            else "features,"
        )
        behind = "" if "conductance" in measured else "; synaptogen fit takes features as they are"
        raise ValueError(f"{data} holds {what} not loops: there is nothing to extract{behind}")
    warn(measured.attrs.get("unusual", ""))
    with stages() as shown:
        found = learn.extract(measured, u_read=u_read, progress=lambda done, n: shown("extracting", done / n))
    if figure is not None:
        learn.markers(measured, found, device=device).savefig(figure)
    learn.write(found.features, output)
    facts = {**_facts(found), "warnings": measured.attrs.get("unusual", "").splitlines()}
    if as_json:
        print_json(facts)
    else:
        _show(facts)
    say(f"written: {output}")
    if figure is not None:
        say(f"written: {figure}")


def _require_free_files(output: Path, figure: Path | None, overwrite: bool) -> None:
    require_free(output, overwrite)
    if figure is not None:
        require_free(figure, overwrite)
        require("matplotlib", "plot")


def _facts(found: "Extraction") -> dict[str, Any]:
    """Return polarity, kinds, reliabilities, counts of cycles, offset, noise and limit in A, and a line per device."""
    return {
        "polarity": int(found.features.attrs["polarity"]),
        "kinds": {kind: found.kinds.count(kind) for kind in sorted(set(found.kinds))},
        "reliability": {name: _finite(value) for name, value in found.reliability.items()},
        "cycles": dict(found.counts),
        "offset_A": float(np.median(found.offset)),
        "noise_A": float(np.median(found.noise)),
        "current_limit_A": _finite(float(np.median(found.current_limit))),
        "devices": [_device_facts(found, d) for d in range(len(found.kinds))],
        "definitions": dict(found.definitions),
        "meaning": MEANING,
    }


def _finite(value: float) -> float | None:
    """Return a number, or None for JSON, which has no NaN and no infinity."""
    return value if np.isfinite(value) else None


def _device_facts(found: "Extraction", d: int) -> dict[str, Any]:
    """Return medians, quantiles and drift of the features of a device, and how many of its cycles have which flag."""
    from synaptogen.learn.extraction import FAILED, Flag  # heavy, and an extra

    flag = found.features["flag"].to_numpy()[d]
    facts: dict[str, Any] = {
        "device": str(found.features["device"].to_numpy()[d]),
        "kind": found.kinds[d],
        "polarity": int(found.polarity[d]),
        "cycles": int(np.count_nonzero((flag & (Flag.MISSING | Flag.FORMING)) == 0)),
        "good": int(np.count_nonzero((flag & FAILED) == 0)),
        "flags": {str(one.name).lower(): n for one in Flag if (n := int(np.count_nonzero(flag & one)))},
    }
    for name in FEATURE_NAMES:
        values = found.features[name].to_numpy()[d]
        there = values[np.isfinite(values)]
        low, middle, high = np.quantile(there, (0.1, 0.5, 0.9)).tolist() if there.size else [None] * 3
        first, last = (float(np.median(part)) if part.size else np.nan for part in np.array_split(there, 3)[::2])
        change = last / first - 1 if name.startswith("r_") and first else last - first
        facts[name] = {"median": middle, "q10": low, "q90": high, "drift": _finite(float(change))}
    return facts


def _show(facts: dict[str, Any]) -> None:
    table = Table(box=SIMPLE_HEAD, title="Extraction", title_justify="left")
    table.add_column("what")
    table.add_column("value", justify="right")
    sign = "negative" if facts["polarity"] == 1 else "positive"
    table.add_row("polarity", f"SET at {sign} voltages")
    for kind, count in facts["kinds"].items():
        table.add_row(f"devices: {kind}", f"{count:,}")
    for name, value in facts["reliability"].items():
        table.add_row(f"reliability of {name}", "unknown" if value is None else f"{value:.4f}")
    for name in ("offset_A", "noise_A", "current_limit_A"):
        value = facts[name]
        table.add_row(name.replace("_A", " (uA)").replace("_", " "), "none" if value is None else f"{1e6 * value:.4g}")
    for name, count in facts["cycles"].items():
        if count or name in ("all", "good"):
            table.add_row(f"cycles: {name}", f"{count:,}")
    stdout.print(table)
    _show_devices(facts["devices"])


def _show_devices(devices: list[dict[str, Any]]) -> None:
    """Print one line per device: how many cycles, and the median and half the width from 10 to 90 % of each feature."""
    title = "Devices: median, and half the width from 10 to 90 %, of resistances as a factor"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("device")
    for heading in ("good", "R_HRS (ohm)", "U_SET (V)", "R_LRS (ohm)", "U_RESET (V)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in devices[:MOST_LINES]:
        name = one["device"] if one["kind"] == "bipolar" else f"{one['device']}: {one['kind']}"
        features = (_spread(one[f], f.startswith("r_")) for f in FEATURE_NAMES)
        table.add_row(name, f"{one['good']:,}/{one['cycles']:,}", *features)
    stdout.print(table)
    if len(devices) > MOST_LINES:
        stdout.print(f"... and {len(devices) - MOST_LINES:,} devices more: --json lists all")


def _spread(values: dict[str, float | None], resistance: bool) -> str:
    middle, low, high = values["median"], values["q10"], values["q90"]
    if middle is None or low is None or high is None:
        return ""
    if resistance:
        power = min(max(int(np.log10(middle) // 3), 0), 4)
        return f"{middle / 10 ** (3 * power):.3g}{' kMGT'[power].strip()} x{(high / low) ** 0.5:.2f}"
    return f"{middle:.3f} +-{(high - low) / 2:.3f}"
