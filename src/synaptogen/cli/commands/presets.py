"""``synaptogen presets``: the parameter sets that come with the package, where they are from and what they hold."""

from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

import synaptogen
from synaptogen.array import CellArray
from synaptogen.cli.options import JSON
from synaptogen.cli.output import print_json, stdout
from synaptogen.params import DeviceParams

CELLS = 20000  # whose first cycles the quantiles are of
QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
UNITS = {"r_hrs": "ohm", "u_set": "V", "r_lrs": "ohm", "u_reset": "V"}
STATED = {
    "technology": "technology",
    "measured": "measured",
    "citation": "source",
    "licence": "licence",
    "note": "note",
}
"""Entries of `DeviceParams.source` that are shown, and their titles."""


def presets(as_json: JSON = False) -> None:
    """List the parameter sets that come with the package: where they are from, and the features of their cells."""
    rows = [describe(DeviceParams.preset(name)) for name in synaptogen.presets()]
    if as_json:
        print_json({"presets": rows})
        return
    for row in rows:
        _show(row)


def describe(params: DeviceParams) -> dict[str, Any]:
    """Return the facts that ``presets`` shows of one parameter set, for JSON.

    Parameters
    ----------
    params : DeviceParams
        The parameter set.

    Returns
    -------
    dict
        Quantiles of features are those of the first cycle of `CELLS` cells, in ohm and V.
    """
    features = CellArray(CELLS, params, rng=0, engine="reference").features
    return {
        "name": params.name,
        "history": {"kind": params.history.kind, "order": params.history.order},
        "components": params.population.n_components,
        "u_max": params.u_max,
        "u_read": params.u_read,
        **{key: params.source.get(key, "not stated") for key in STATED},
        "quantile_levels": list(QUANTILES),
        "features": {name: np.quantile(getattr(features, name), QUANTILES).tolist() for name in UNITS},
    }


def _show(row: dict[str, Any]) -> None:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    kind, order = row["history"]["kind"], row["history"]["order"]
    for title, value in (
        ("preset", row["name"]),
        *((title, row[key]) for key, title in STATED.items()),
        ("history", f"{kind}({order})"),
        ("population", f"{row['components']} components"),
        ("voltages", f"full RESET at {row['u_max']:g} V, resistances at {row['u_read']:g} V"),
    ):
        facts.add_row(Text(title, style="bold"), Text(value))
    stdout.print(facts)
    table = Table("feature", box=SIMPLE_HEAD)
    for level in row["quantile_levels"]:
        table.add_column("median" if level == 0.5 else f"{100 * level:g} %", justify="right", no_wrap=True)
    for name, values in row["features"].items():
        table.add_row(f"{name} ({UNITS[name]})", *(f"{value:.3g}" for value in values))
    stdout.print(table)
