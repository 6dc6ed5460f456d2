"""What cells do between voltages as JavaScript: the formulas of a fluctuation, and the numbers of its clock."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from synaptogen.engines import TICKS, Grids, walk_widths
from synaptogen.model import fluctuation
from synaptogen.params import FluctuationParams
from synaptogen.state import K_EV

from .javascript import Kind, function

WORDS: dict[str, Kind] = dict.fromkeys(
    ("lo", "hi", "written_lo", "written_hi", "k0", "k1", "slot", "passed", "pair", "made", "instant", "status"),
    "uint32",
)

COMMON: tuple[Callable[..., Any], ...] = (
    fluctuation.write_key,
    fluctuation.jumps_made,
    fluctuation.moved,
    fluctuation.as_written,
    fluctuation.written_state,
)
"""Formulas that are the same for all fluctuations."""

OWN: dict[Callable[..., Any], Mapping[str, Kind]] = {
    fluctuation.two_jumps: WORDS,
    fluctuation.strength: {},
    fluctuation.log_change: {**WORDS, "grid": ("uint32", 2 * fluctuation.GRIDS)},
}
"""Formulas with the constants of a fluctuation."""


def common_formulas() -> str:
    """Return the formulas that all fluctuations share, as methods of JavaScript."""
    return "\n".join(function(formula, WORDS) for formula in COMMON)


def fluctuation_source(params: FluctuationParams) -> str:
    """Return a fluctuation as an expression of JavaScript.

    Parameters
    ----------
    params : FluctuationParams
        What cells do between voltages.

    Returns
    -------
    str
        An object with the formulas, and the numbers that ``page/clock.js`` takes.
    """
    given = {"p": params.constants()}
    formulas = "\n".join(function(formula, kinds, given) for formula, kinds in OWN.items())
    lengths, onset = Grids.of(params)
    numbers = {
        "ticks": TICKS,
        "lengths": [str(length) for length in lengths],  # whole numbers of any size
        "onset": onset,
        "widths": walk_widths().tolist(),
        "kelvins": params.energy / K_EV,
        "temperature": params.temperature,
    }
    return f"{{\n{formulas}\nnumbers: {json.dumps(numbers)},\n}}"
