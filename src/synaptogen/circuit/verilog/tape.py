"""The full cell: the features of its cycles are instance parameters, a tape."""

from synaptogen.params import DeviceParams

from .formulas import switching
from .module_frame import (
    STATE,
    SWITCHING_OUTPUTS,
    TAPE_STATIC,
    Draft,
    Options,
    curve_cases,
    feature_names,
    feature_parameters,
    file,
    state_parameters,
    tape_set,
)
from .templates import TAPE


def write_tape(params: DeviceParams, cycles: int, options: Options) -> Draft:
    """Write the cell of kind tape.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    cycles : int
        Number of cycles after the running one.
    options : Options
        What the cell has beside its model.

    Returns
    -------
    Draft
        The cell.
    """
    source = file(
        f"ReRAM cell: its state, running cycle and {cycles} further cycles are instance parameters",
        TAPE,
        params,
        options,
        switching(params),
        instance="\n".join([*state_parameters(params), *feature_parameters(params, cycles)]),
        select=curve_cases(cycles),
        static=TAPE_STATIC,
        **tape_set(cycles, options),
    ).replace("@last", str(cycles))
    outputs = (*SWITCHING_OUTPUTS, "tape_end", *options.outputs())
    settings = (("t_switch", 1e-9), *options.settings())
    return Draft(source, ("p", "n"), (*STATE, *feature_names(cycles)), settings, outputs)
