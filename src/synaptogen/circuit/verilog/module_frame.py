"""Text that all kinds of cells share: the frame of a module, its parameters, the cases of a tape."""

from typing import NamedTuple

from synaptogen._utils import printable
from synaptogen.params import FEATURE_NAMES, DeviceParams

from .formulas import at_temperature, conduction, declarations, filled, overdrive, resistances
from .pulse_width import acting, ageing
from .templates import (
    AGE,
    AGE_VARIABLES,
    CAPACITANCE,
    CAPACITOR,
    COEFFICIENTS,
    CONDUCTANCE,
    CURRENT,
    FACTOR,
    HEAD,
    HOLD,
    LIMITS,
    PAST_END,
    STATIC,
    TAPE_HOLD,
    TAPE_SET,
)

STATE = ("mode_start", "r_start", "u_ratchet_start")
HOLD_RATE = 10.0  # 1/t_switch, at which r moves in a SET at twice the voltage that holds it
SWITCHING_OUTPUTS = ("r_now", "mode_now", "cycles_done", "u_ratchet_now")


class Options(NamedTuple):
    """What a cell has beside its model; a cell without an option holds no trace of it.

    Attributes
    ----------
    capacitor : bool
        A capacitor between the pins.
    temperature : bool
        Coefficients by which the current follows the temperature of the circuit.
    hold : bool
        A SET that stops where the voltage has fallen, so that the LRS follows the current that was let through.
    """

    capacitor: bool
    temperature: bool
    hold: bool

    def settings(self) -> tuple[tuple[str, float], ...]:
        """Return the model parameters that the options bring, with their defaults."""
        capacitance = [("capacitance", 0.0)] if self.capacitor else []
        coefficients = [("tcr_lrs", 0.0), ("tcr_hrs", 0.0)] if self.temperature else []
        return (*capacitance, *coefficients, *([("set_hold", 0.5)] if self.hold else []))

    def parameters(self, params: DeviceParams) -> list[str]:
        """Return the lines that declare these parameters."""
        r_lrs, r_hrs = resistances(params)
        coefficients = COEFFICIENTS.replace("@r_lrs", f"{r_lrs:.0f}").replace("@r_hrs", f"{r_hrs:.0f}").splitlines()
        return [
            *([CAPACITANCE] if self.capacitor else []),
            *(coefficients if self.temperature else []),
            *([HOLD] if self.hold else []),
        ]

    def outputs(self) -> tuple[str, ...]:
        """Return the variables that the options add to those which a simulator can save."""
        return ("lrs_limited",) if self.hold else ()


class Draft(NamedTuple):
    """A cell whose module has no name yet; `CellModel` has the same fields.

    Attributes
    ----------
    source : str
        The Verilog-A text, with @module in place of the name.
    ports, instance, outputs : tuple of str
        Pins, instance parameters, variables to save.
    settings : tuple of (str, float)
        Model parameters and their defaults.
    """

    source: str
    ports: tuple[str, ...]
    instance: tuple[str, ...]
    settings: tuple[tuple[str, float], ...]
    outputs: tuple[str, ...]


def file(title: str, template: str, params: DeviceParams, options: Options, functions: str = "", **parts: str) -> str:
    """Return the text of a file: a head, and a module made from a template.

    Parameters
    ----------
    title : str
        The first line, a comment.
    template : str
        The module, of `templates`; ``@@constants`` and ``@@functions`` are filled in here.
    params : DeviceParams
        The device population.
    options : Options
        What the cell has beside its model.
    functions : str
        Functions that follow those for conduction.
    **parts : str
        Other parts of the template by name.

    Returns
    -------
    str
        Verilog-A, with @module in place of the module's name.
    """
    head = HEAD.replace("@title", title).replace("@params", printable(params.name))
    u = "u_held" if "u_held" in template else "u"
    warm = at_temperature(params) if options.temperature else ""
    more = [functions, overdrive(HOLD_RATE)] if options.hold else [functions]
    given = {
        "constants": declarations(params),
        "functions": "\n\n".join(part for part in (conduction(params), warm, *more) if part),
        "optional": "\n".join(options.parameters(params)),
        "conductance": CONDUCTANCE.replace("@factor", FACTOR if warm else "").replace("@u", u),
        "limits": LIMITS,
        "past_end": PAST_END,
        "current": CURRENT + (CAPACITOR if options.capacitor else ""),
    }
    return acting(params, head + filled(template, {**given, **dict.fromkeys(TAPE_HOLD, ""), **parts}))


def static_warning(sets: str, resets: str) -> str:
    """Return the statement that warns where a static analysis puts a cell at a voltage that would switch it.

    Parameters
    ----------
    sets, resets : str
        Conditions under which a transient would SET and RESET the cell.

    Returns
    -------
    str
        Verilog-A.
    """
    return STATIC.replace("@sets", sets).replace("@resets", resets).rstrip()


TAPE_STATIC = static_warning(
    "begun && u <= @set_least*u_set",
    "count <= @last && u > @reset_least*u_limit && mode_now != 2.0 && u > @reset_least*u_ratchet_now",
)


def tape_ageing(params: DeviceParams) -> dict[str, str]:
    """Return the parts of a full cell that make its thresholds depend on the width of pulses."""
    return ageing(
        params,
        AGE_VARIABLES,
        AGE,
        can_set="begun",
        u_set="u_set",
        can_reset="count <= @last + 1",
        u_limit="u_limit",
    )


def feature_names(cycles: int) -> list[str]:
    """Return the names of the features on a tape: r_hrs0 ... u_reset0 of the running cycle, then of further cycles."""
    return [f"{feature}{k}" for k in range(cycles + 1) for feature in FEATURE_NAMES]


def parameter(name: str, value: float, range_: str, meaning: str, units: str = "") -> str:
    """Return the line of an instance parameter.

    Parameters
    ----------
    name, value : str, float
        Its name and default.
    range_ : str
        Range of allowed values in Verilog-A, or "".
    meaning, units : str
        Its description and unit.

    Returns
    -------
    str
        Verilog-A.
    """
    unit = f', units="{units}"' if units else ""
    limits = f" from {range_}" if range_ else ""
    return f'(* type="instance", desc="{meaning}"{unit} *) parameter real {name} = {value!r}{limits};'


def mixing_range(params: DeviceParams) -> str:
    """Return the range of mixing states that a device can have, with room for rounding to single precision."""
    return f"(-inf:{max(1.0, float(params.r_max)) * (1.0 + 1e-6):.9g}]"


def state_parameters(params: DeviceParams) -> list[str]:
    """Return the lines of the parameters that say in which state a cell begins."""
    r_hrs = min(float(params.r_max), 0.85)
    return [
        parameter(
            "mode_start",
            2.0,
            "[0:2] exclude (0:1) exclude (1:2)",
            "mode at the start: 0 partly reset (IRS), 1 LRS, 2 HRS",
        ),
        parameter("r_start", r_hrs, mixing_range(params), "mixing state at the start"),
        parameter("u_ratchet_start", 0.0, "[0:inf)", "IRS: largest RESET voltage that the cell has seen", "V"),
    ]


def feature_parameters(params: DeviceParams, cycles: int) -> list[str]:
    """Return the lines of the parameters of a tape.

    Parameters
    ----------
    params : DeviceParams
        The population; its average device gives the defaults.
    cycles : int
        Number of cycles after the running one.

    Returns
    -------
    list of str
        Verilog-A.
    """
    return [feature_parameter(params, name) for name in feature_names(cycles)]


def feature_parameter(params: DeviceParams, name: str) -> str:
    """Return the line of one feature of one cycle.

    Parameters
    ----------
    params : DeviceParams
        The population; its average device gives the default.
    name : str
        One of `feature_names`.

    Returns
    -------
    str
        Verilog-A.
    """
    feature, cycle = name.rstrip("0123456789"), name.lstrip("_abcdefghijklmnopqrstuvwxyz")
    r_hrs, u_set, r_lrs, u_reset = params.mean_features.tolist()
    value = dict(zip(FEATURE_NAMES, (r_hrs, min(u_set, -0.001), r_lrs, max(u_reset, 0.001)), strict=True))
    descriptions = {
        "r_hrs": ("resistance of the HRS it starts from", "(0:inf)", "ohm"),
        "u_set": ("sets at and below", "(-inf:0)", "V"),
        "r_lrs": ("resistance after SET", "(0:inf)", "ohm"),
        "u_reset": ("RESET begins above", "(0:inf)", "V"),
    }
    meaning, limits, unit = descriptions[feature]
    return parameter(name, float(f"{value[feature]:.6g}"), limits, f"cycle {cycle}: {meaning}", unit)


def tape_set(cycles: int, options: Options) -> dict[str, str]:
    """Return the parts of a full cell that have to do with its LRS.

    Parameters
    ----------
    cycles : int
        Number of cycles after the running one.
    options : Options
        What the cell has beside its model.

    Returns
    -------
    dict of str to str
        Verilog-A by the name of the part.
    """
    if not options.hold:
        return {"set": TAPE_SET}
    lasts = "\n".join(f"{n}: u_set_last = u_set{n - 1};" for n in range(1, cycles + 2))
    return {**TAPE_HOLD, "hold_levels": filled(TAPE_HOLD["hold_levels"], {"lasts": lasts}).rstrip()}


def curve_cases(cycles: int) -> str:
    """Return a case on ``count``, the number of SETs: the RESET curve that the cell is on, and its next SET."""
    lines = ["case (count)"]
    for n in range(cycles + 2):
        todo = []
        if n > 0:
            todo += [f"r_from = mixing(r_lrs{n - 1});", f"u_from = u_reset{n - 1};"]
        if n <= cycles:
            todo += [f"r_to = mixing(r_hrs{n});", f"u_set = u_set{n};", f"r_set = mixing(r_lrs{n});"]
        lines.append(f"  {n}: begin {' '.join(todo)} end")
    return "\n".join([*lines, "  default: begin end", "endcase"])
