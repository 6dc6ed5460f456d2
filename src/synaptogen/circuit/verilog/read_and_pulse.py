"""Two small cells for large arrays: one that only conducts, one for a single pulse."""

from synaptogen.params import DeviceParams

from .formulas import switching, widths
from .module_frame import (
    STATE,
    SWITCHING_OUTPUTS,
    Draft,
    Options,
    feature_names,
    feature_parameter,
    file,
    mixing_range,
    parameter,
    state_parameters,
    static_warning,
)
from .pulse_width import ageing
from .templates import AGE, AGE_VARIABLES, PULSE, PULSE_HOLD, PULSE_SET, READ

_PULSE_FEATURES = (*feature_names(0), "r_hrs1", "u_set1")


def write_read(params: DeviceParams, cycles: int, options: Options) -> Draft:
    """Write the cell of kind read, whose state is given and stays.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    cycles : int
        0; the cell begins no cycle.
    options : Options
        What the cell has beside its model.

    Returns
    -------
    Draft
        The cell.
    """
    instance = parameter(
        "r", min(float(params.r_max), 0.85), mixing_range(params), "mixing state: 0 lowest LRS, 1 highest HRS"
    )
    source = file("ReRAM cell for reads: its state is given and stays", READ, params, options, instance=instance)
    return Draft(source, ("p", "n"), ("r",), options.settings(), ("r_now",))


def write_pulse(params: DeviceParams, cycles: int, options: Options) -> Draft:
    """Write the cell of kind pulse, which sets and resets at most once.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    cycles : int
        1; the features of the next cycle that the cell needs are fixed.
    options : Options
        What the cell has beside its model.

    Returns
    -------
    Draft
        The cell.
    """
    instance = [*state_parameters(params), *(feature_parameter(params, name) for name in _PULSE_FEATURES)]
    source = file(
        "ReRAM cell for one pulse: at most one SET and one RESET",
        PULSE,
        params,
        options,
        "\n\n".join(filter(None, (switching(params), widths(params)))),
        instance="\n".join(instance),
        static=static_warning(
            "can_set && u <= @set_least*u_set0", "can_reset && u > @reset_least*(mode_start == 1.0 ? u_reset0 : u_from)"
        ),
        **ageing(
            params,
            AGE_VARIABLES,
            AGE,
            can_set="can_set && way < 0.95",
            u_set="u_set0",
            can_reset="(can_reset || way > 0.95)",
            u_limit="(mode_start == 0.0 && way < 0.95 ? u_from : u_reset0)",
        ),
        **(PULSE_HOLD if options.hold else {"set": PULSE_SET}),
    )
    source = source.replace("@lrs", "r_start + V(level)" if options.hold else "r_set")
    source = source.replace("@from", "(mode_start == 1.0 ? r_lrs : r_start)" if options.hold else "r_start")
    settings = (("t_switch", 1e-8), *options.settings())
    outputs = (*SWITCHING_OUTPUTS, "tape_end", *options.outputs())
    return Draft(source, ("p", "n"), (*STATE, *_PULSE_FEATURES), settings, outputs)
