"""Cells whose thresholds depend on the width of pulses: the time since when a voltage could switch them counts.

The templates mark where such cells differ: @acts is the voltage as which the present one acts, @age_nodes are further
internal nodes, "@set_least*" and "@reset_least*" factors of thresholds, and @held[...] is a voltage at which cells
switch, as one of those between the pins. Other cells have none of these.
"""

import re

from synaptogen.model import Reals, WidthConstants, decades, threshold_factor
from synaptogen.params import DeviceParams

from .templates import AGE_CONSTANTS

_NODES = ("set_age", "reset_age")


def ageing(params: DeviceParams, variables: str, statements: str, **names: str) -> dict[str, str]:
    """Return the parts of a template that make thresholds depend on the width of pulses.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    variables, statements : str
        Templates of the parts ``age_variables`` and ``age``.
    **names : str
        What @can_set, @u_set, @can_reset and @u_limit stand for in these.

    Returns
    -------
    dict of str
        Parts by name, empty where the population has no law of pulse widths.
    """
    if params.pulse_width is None:
        return {"age_variables": "", "age": ""}
    p = params.pulse_width.constants()
    numbers = {"longest": p.longest, "set_least": _least(p.set, p), "reset_least": _least(p.reset, p)}
    constants = AGE_CONSTANTS
    for number, value in numbers.items():
        constants = constants.replace(f"@{number}", repr(value))
    for key, text in names.items():
        statements = statements.replace(f"@{key}", text)
    return {"age_variables": f"{variables}{constants}".rstrip(), "age": statements.rstrip()}


def acting(params: DeviceParams, source: str) -> str:
    """Return the text of a cell with its marks filled in.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    source : str
        The text.

    Returns
    -------
    str
        Verilog-A.
    """
    wide = params.pulse_width is not None
    for mark, text in (
        ("@acts_before", "u_acts_before" if wide else "u_before"),
        ("@acts", "u_acts" if wide else "u"),
        ("@age_nodes", "".join(f", {node}" for node in _NODES) if wide else ""),
        ("@set_least*", "set_least*" if wide else ""),
        ("@reset_least*", "reset_least*" if wide else ""),
    ):
        source = source.replace(mark, text)
    return re.sub(r"@held\[(.*?)\]", r"u_factor*(\1)" if wide else r"\1", source)


def _least(ranges: Reals, p: WidthConstants) -> float:
    """Return the threshold for the longest pulses, over that for the reference width."""
    return float(threshold_factor(decades(p.longest, p), ranges))
