"""The full cell: features of its cycles are instance parameters, a tape."""

from synaptogen.params import DeviceParams

from .formulas import switching
from .parts import (
    STATE,
    SWITCHING_OUTPUTS,
    Draft,
    feature_names,
    feature_parameters,
    file,
    state_parameters,
    state_values,
)
from .templates import TAPE

SETTINGS = (("t_switch", 1e-9),)
OUTPUTS = (*SWITCHING_OUTPUTS, "tape_end")


def write_tape(params: DeviceParams, cycles: int) -> Draft:
    """The cell whose features are instance parameters."""
    source = tape_module(
        f"ReRAM cell: state, running cycle and {cycles} further cycles are instance parameters",
        params, cycles,
        instance=[*state_parameters(params), *feature_parameters(params, cycles)],
    )  # fmt: skip
    return Draft(source, ("p", "n"), (*STATE, *feature_names(cycles)), SETTINGS, OUTPUTS)


def tape_module(
    title: str, params: DeviceParams, cycles: int, instance: list[str], variables: str = "", tape: str = "",
    functions: str = "",
) -> str:  # fmt: skip
    """The file of a cell that takes its features from parameters or from variables of the same names."""
    functions = "\n\n".join(part for part in (switching(params), functions) if part)
    source = file(
        title, TAPE, params, functions, instance="\n".join(instance), variables=variables, tape=tape,
        select="\n".join(state_values("count", cycles)),
    )  # fmt: skip
    return source.replace("@last", str(cycles))
