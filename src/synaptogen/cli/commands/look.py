"""``synaptogen look``: what is understood of a measurement, before anything is computed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from synaptogen._utils import new_figure, require
from synaptogen.cli.measurement_options import Measurement, measurement_options
from synaptogen.cli.options import JSON, Measured, Overwrite, require_free
from synaptogen.cli.output import print_json, say, stdout

if TYPE_CHECKING:
    import xarray as xr

WIDTH, HEIGHT = 60, 15  # characters of the plot
OPTIONS = (
    ("--column OURS=THEIRS", "another column is the voltage, the current, the time, the device or the cycle"),
    ("--unit OURS=UNIT", "the numbers of a column have this unit"),
    ("--records devices", "several records of one file are devices, not cycles"),
    ("--polarity 1|-1", "SET is at negative (1) or at positive voltages (-1)"),
    ("--magnitude", "currents are magnitudes"),
    ("--shunt OHM", "the current is a voltage over a resistance"),
    ("--current-limit A", "the instrument limited the current of SET"),
)
READ_OPTIONS = (
    ("--column OURS=THEIRS", "another column is the time, the read, the resistance, the device, the level ..."),
    ("--read-voltage V", "the voltage of reads that are currents"),
    ("--seconds S", "the duration of a bake, where reads were not timed"),
    ("--temperature K", "the temperature of a bake or of retention"),
)


@measurement_options
def look(
    data: Measured,
    measurement: Measurement,
    figure: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE", help="Draw the first loops; ends in .png, .pdf, .svg.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Show what is understood of a measurement: columns, units, cycles, devices, and a small plot.
    \f

    Parameters
    ----------
    data : pathlib.Path
        A file or folder.
    measurement : Measurement
        What the user says of the measurement.
    figure, overwrite : pathlib.Path, bool
        A figure, and whether to replace it.
    as_json : bool
        Print JSON instead of text.

    Raises
    ------
    ValueError, OSError
        If the measurement cannot be read.
    """
    if figure is not None:
        require_free(figure, overwrite)
        require("matplotlib", "plot")
    measured = measurement.read(data)
    facts = _facts(measured)
    if as_json:
        print_json(facts)
    else:
        _show(facts, measured)
    if figure is not None:
        _draw(measured, figure)
        say(f"written: {figure}")


def _facts(measured: "xr.Dataset") -> dict[str, Any]:
    """Return what was understood, with quantiles of each variable in SI units."""
    facts: dict[str, Any] = {
        "read_as": str(measured.attrs.get("read_as", "")).splitlines(),
        "holds": "loops" if "current" in measured else "repeated reads" if "conductance" in measured else "features",
        "sizes": {str(name): int(size) for name, size in measured.sizes.items()},
        "devices": [str(label) for label in measured["device"].values[:20]],
        "attributes": {k: v for k, v in measured.attrs.items() if k not in ("read_as", "unusual")},
        "ranges": {},
    }
    for name in measured.data_vars:
        values = measured[name].to_numpy()
        if values.dtype.kind == "f" and np.isfinite(values).any():
            low, middle, high = np.nanquantile(values, (0, 0.5, 1))
            facts["ranges"][str(name)] = {"least": float(low), "median": float(middle), "largest": float(high)}
    return facts


def _show(facts: dict[str, Any], measured: "xr.Dataset") -> None:
    for line in facts["read_as"]:
        stdout.print(line, markup=False)
    sizes = ", ".join(f"{n:,} {name}{'s' * (n != 1)}" for name, n in facts["sizes"].items())
    names = f" ({', '.join(facts['devices'][:5])} ...)" if len(facts["devices"]) > 1 else ""
    stdout.print(f"{facts['holds']}: {sizes}{names}", markup=False)
    if "current" in measured and measured.sizes.get("cycle") == 1:
        stdout.print("one record: extract and fit cut it into cycles, if it holds several", markup=False)
    table = Table(box=SIMPLE_HEAD)
    for heading in ("quantity", "least", "median", "largest"):
        table.add_column(heading, justify="left" if heading == "quantity" else "right")
    units = {"voltage": "V", "current": "A", "time": "s", "r_hrs": "ohm", "r_lrs": "ohm", "u_set": "V", "u_reset": "V"}
    units |= {
        str(name): str(measured[name].attrs["units"]) for name in measured.data_vars if "units" in measured[name].attrs
    }
    for name, values in facts["ranges"].items():
        table.add_row(f"{name} ({units.get(name, '')})", *(f"{v:.4g}" for v in values.values()))
    stdout.print(table)
    if "current" in measured:
        stdout.print("current over voltage, first record:", markup=False)
        stdout.print(plot_of(measured), markup=False, highlight=False)
    if "conductance" in measured:
        stdout.print(_reads_text(measured), markup=False)
    stdout.print("options that would change this:")
    for option, effect in READ_OPTIONS if "conductance" in measured else OPTIONS:
        stdout.print(f"  {option:22} {effect}", markup=False, highlight=False)


def _reads_text(measured: "xr.Dataset") -> str:
    """Say in a sentence what repeated reads show, and what can be done with them."""
    g = measured["conductance"].to_numpy()
    last = np.array([row[np.isfinite(row)][-1] if np.isfinite(row).any() else np.nan for row in g])
    moved = np.log(last / g[:, 0])
    there = moved[np.isfinite(moved)]
    spread = f"{np.diff(np.percentile(there, (15.87, 84.13)))[0] / 2:.2g}" if there.size else "unknown"
    return (
        f"from the first read to the last, ln G has moved by a robust sd of {spread} over cells; synaptogen fit learns"
        " fluctuation from such reads"
    )


def plot_of(measured: "xr.Dataset") -> str:
    """Return a plot of the first record in characters, current over voltage.

    Parameters
    ----------
    measured : xarray.Dataset
        Loops.

    Returns
    -------
    str
    """
    u, i = (measured[name].to_numpy()[0, 0] for name in ("voltage", "current"))
    there = np.isfinite(u) & np.isfinite(i)
    u, i = u[there][:5000], i[there][:5000]
    if not u.size or not np.ptp(u) or not np.ptp(i):
        return "(nothing varies)"
    x = np.round((u - u.min()) / np.ptp(u) * (WIDTH - 1)).astype(int)
    y = np.round((i.max() - i) / np.ptp(i) * (HEIGHT - 1)).astype(int)
    canvas = np.full((HEIGHT, WIDTH), " ")
    canvas[y, x] = "*"
    left = [f"{i.max():9.2g} A ", *[" " * 12] * (HEIGHT - 2), f"{i.min():9.2g} A "]
    lines = [f"{a}|{''.join(row)}" for a, row in zip(left, canvas, strict=True)]
    return "\n".join([*lines, f"{'':12}+{'-' * WIDTH}", f"{'':12} {f'{u.min():.3g} V':<{WIDTH - 8}}{u.max():.3g} V"])


def _draw(measured: "xr.Dataset", path: Path) -> None:
    figure = new_figure(6.0, 4.0)
    axes = figure.subplots()
    if "current" in measured:
        for u, i in zip(measured.voltage.to_numpy()[0][:20], measured.current.to_numpy()[0][:20], strict=True):
            axes.plot(u, 1e6 * i, lw=0.8)
        axes.set_xlabel("Voltage (V)")
        axes.set_ylabel("Current (uA)")
    elif "conductance" in measured:
        t = np.broadcast_to(measured["time"].to_numpy(), measured["conductance"].shape)
        for time, g in zip(t[:20], measured["conductance"].to_numpy()[:20], strict=True):
            axes.plot(time, 1e6 * g, ".-", lw=0.8, markersize=2)
        axes.set_xlabel("Time (s)" if measured.attrs["timed"] else "Read")
        axes.set_ylabel("Conductance (uS)")
    else:
        for name in measured.data_vars:
            axes.plot(measured[name].to_numpy()[0], ".", label=str(name))
        axes.set_yscale("symlog")
        axes.set_xlabel("Cycle")
        axes.legend()
    figure.savefig(path)
