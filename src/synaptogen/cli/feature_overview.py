"""Measured and simulated features side by side, as `fit` and `validate` print them first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from synaptogen._utils import plain_number

from .output import stdout

if TYPE_CHECKING:
    from synaptogen.learn import FeatureOverview


def print_overview(features: "Sequence[FeatureOverview]") -> None:
    """Print medians, widths and tails of measured and of simulated cells.

    Parameters
    ----------
    features : sequence of FeatureOverview
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("feature", no_wrap=True)
    table.add_column("", no_wrap=True)
    for heading in ("0.1 %", "10 %", "median", "90 %", "99.9 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for x in features:
        for name, which, q in ((f"{x.name} ({x.unit})", "measured", x.measured), ("", "simulated", x.simulated)):
            table.add_row(name, which, *(plain_number(q[k], 3) for k in (0, 2, 3, 4, 6)))
    stdout.print(table)


def overview_facts(features: "Sequence[FeatureOverview]") -> list[dict[str, Any]]:
    """Return the same for JSON: quantiles in ohm and V, and their levels.

    Parameters
    ----------
    features : sequence of FeatureOverview

    Returns
    -------
    list of dict
    """
    from synaptogen.learn import QUANTILE_LEVELS

    return [
        {
            "feature": x.name,
            "unit": x.unit,
            "quantile_levels": list(QUANTILE_LEVELS),
            "measured": x.measured.tolist(),
            "simulated": x.simulated.tolist(),
        }
        for x in features
    ]
