"""The constants of one device population, as the formulas want them."""

from typing import Any, NamedTuple


class Constants(NamedTuple):
    """What the formulas of this package take as ``p``: plain numbers and nested tuples of numbers.

    `synaptogen.params.DeviceParams.constants` makes it from a parameter set. Envelopes are held as chord conductances
    I(U)/U, one power lower than the current, so that nothing divides by a voltage and U = 0 needs no special case.
    """

    u_max: Any  # V; full RESET at and above it
    eta: Any  # exponent of the RESET transition
    knee: Any  # of a straight line that the transition follows where its power law is above it ...
    gradual: Any  # ... and the slope of that line, 1/V
    rest: Any  # what the transition leaves for the full RESET
    u_range: Any  # V; beyond +-u_range the envelopes continue with constant chord conductance
    g_llrs: Any  # S; chord conductance of the lowest LRS at the read voltage
    per_span: Any  # 1 / (g_llrs - g_hhrs), in ohm: a formula does not divide by a constant
    r_max: Any  # largest mixing state whose current has the sign of the voltage everywhere
    llrs: Any  # chord conductance polynomial of the lowest LRS, highest power first
    hhrs: Any  # the same of the highest HRS
    quantile: Any  # four quantile polynomials, highest power first
    x_min: Any  # four lower ends of the range on which they increase
    x_max: Any  # four upper ends
    innovation: Any  # B, four rows of four, lower triangular
