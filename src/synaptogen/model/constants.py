"""The constants of one device population, in the form that formulas take."""

from typing import Any, NamedTuple


class Constants(NamedTuple):
    """The constants that formulas take as ``p``: plain numbers and nested tuples of numbers.

    `synaptogen.params.DeviceParams.constants` makes them from a parameter set. Envelopes are chord conductances I(U)/U,
    one power lower than the current, so that no formula divides by a voltage and U = 0 needs no special case.
    """

    u_max: Any  # V; RESET is complete at and above it
    eta: Any  # exponent of the RESET transition
    knee: Any  # offset of a straight line that the transition follows where its power law is above the line ...
    gradual: Any  # ... and the slope of that line, 1/V
    rest: Any  # height of the step at u_max, which the complete RESET makes
    u_range: Any  # V; beyond +-u_range the envelopes continue with constant chord conductance
    g_llrs: Any  # S; chord conductance of the lowest LRS at the read voltage
    per_span: Any  # 1 / (g_llrs - g_hhrs), in ohm: a formula does not divide by a constant
    r_max: Any  # largest mixing state whose current has the sign of the voltage at all voltages
    llrs: Any  # chord conductance polynomial of the lowest LRS, highest power first
    hhrs: Any  # chord conductance polynomial of the highest HRS, highest power first
    quantile: Any  # four quantile polynomials, highest power first
    x_min: Any  # four lower ends of the ranges on which the quantile polynomials increase
    x_max: Any  # four upper ends of these ranges
    innovation: Any  # B, four rows of four, lower triangular
    scales: Any = ((), (), (), ())  # of each feature its `Curve` or `LogCurve`, () without one
    own: Any = ()  # `OwnLaw` of devices with shapes and memory of their own, () without
    restless: Any = ()  # `Restless` innovation of R_LRS, () without
    trend: Any = ()  # `TrendConstants` of features that follow the cycle number, () without
    wear: Any = ()  # `WearConstants` of devices that fail for good, () without
