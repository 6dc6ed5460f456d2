"""A device population as a Verilog-A cell: its module, its pins, its parameters."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from synaptogen._utils import checked, checks
from synaptogen.params import DeviceParams

from .autonomous import write_autonomous
from .event import write_event
from .flicker import with_flicker
from .module_frame import Draft, Options
from .read_and_pulse import write_pulse, write_read
from .tape import write_tape

CellKind: TypeAlias = Literal["tape", "read", "pulse", "event", "autonomous"]
"""Kind of a cell, see `cell_model`."""

_WRITERS: dict[CellKind, Callable[[DeviceParams, int, Options], Draft]] = {
    "tape": write_tape,
    "read": write_read,
    "pulse": write_pulse,
    "event": write_event,
    "autonomous": write_autonomous,
}
KINDS: tuple[CellKind, ...] = tuple(_WRITERS)
HOLDING: tuple[CellKind, ...] = ("tape", "autonomous", "pulse")
"""Kinds of cells whose SET can stop where their voltage has fallen."""
_CYCLES: dict[CellKind, int] = {"read": 0, "pulse": 1}


@dataclass(frozen=True)
class CellModel:
    """A cell as a Verilog-A module, as `cell_model` writes it.

    Attributes
    ----------
    kind : {"tape", "read", "pulse", "event", "autonomous"}
        Kind of the cell.
    module : str
        Name of the module. It ends in a digest of the whole file, so that a netlist can only run with the model that it
        was written for.
    source : str
        The Verilog-A text, a whole file.
    ports : tuple of str
        Pins in order: ``("p", "n")``. V(p, n) < 0 sets, V(p, n) > 0 resets.
    instance : tuple of str
        Instance parameters in order; `instance_values` gives them for the cells of an array.
    settings : tuple of (str, float)
        Model parameters that a netlist may set for all cells, with their defaults: ``t_switch`` (s), the time in which
        a cell follows an event, in the kinds that switch; ``capacitance`` (F) of a cell with a capacitor, ``tcr_lrs``
        and ``tcr_hrs`` (1/K) of one with coefficients of temperature, ``set_hold`` of one whose SET can stop,
        ``read_bandwidth`` (Hz) of cells with a fluctuation, of which a noise analysis shows the fast part as 1/f.
    outputs : tuple of str
        Variables that a simulator can save: ``r_now`` (mixing state), and in the kinds that switch ``mode_now`` (of
        `synaptogen.Mode`), ``cycles_done`` (cycles begun since the start), ``u_ratchet_now`` (V, in the IRS) and,
        ``tape_end`` (1 after a RESET for which the cell had no further cycle, or where a cell of kind pulse should have
        set a second time); ``lrs_limited`` (1 where a SET stopped above the LRS of the cycle, and since) of cells with
        ``set_hold``.
    cycles : int
        Cycles that a cell can begin after the running one: as given for kind tape, event and autonomous, 1 for pulse,
        0 for read.
    params : DeviceParams
        The device population.
    """

    kind: CellKind
    module: str
    source: str
    ports: tuple[str, ...]
    instance: tuple[str, ...]
    settings: tuple[tuple[str, float], ...]
    outputs: tuple[str, ...]
    cycles: int
    params: DeviceParams


@checked
def cell_model(
    params: DeviceParams,
    kind: CellKind,
    *,
    cycles: int = 8,
    capacitor: bool = False,
    temperature: bool = False,
    hold: bool = False,
) -> CellModel:
    """Write a device population as a Verilog-A cell.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    kind : {"tape", "read", "pulse", "event", "autonomous"}
        - tape: the full cell. Features of the running and the next ``cycles`` cycles are instance parameters.
        - read: the mixing state is an instance parameter and stays; no internal nodes.
        - pulse: at most one SET and one RESET of a state handed in; a second SET is left out, and ``tape_end`` becomes
          1. For writes of large arrays.
        - event: the full cell for simulators like Spectre, whose variables keep their values; parameters as of kind
          tape.
        - autonomous: the full cell from its first cycle on. It draws its features itself, from a seed and its number:
          those that a `CellArray` of that seed has at that place, to rounding of double precision.
    cycles : int
        Cycles that a cell of kind tape, event or autonomous can begin after the running one. A cell that has used them
        up stays in its last LRS, and its output ``tape_end`` becomes 1.
    capacitor : bool
        Give the cell a model parameter ``capacitance`` in F, of a capacitor between its pins.
    temperature : bool
        Give the cell model parameters ``tcr_lrs`` and ``tcr_hrs`` in 1/K, temperature coefficients of resistance, see
        `array_circuit`.
    hold : bool
        Give a cell of kind tape, autonomous or pulse a model parameter ``set_hold``, the share of U_SET at which a SET
        stops, see `array_circuit`.

    Returns
    -------
    CellModel
        The module with its text, parameters and outputs.

    Raises
    ------
    ValueError, TypeError
        If there is no such kind, ``cycles`` is not an int of at least 1, or an option
        no bool, or if the kind has no ``hold``.

    Examples
    --------
    >>> from synaptogen import DeviceParams
    >>> from synaptogen.circuit import cell_model
    >>> model = cell_model(DeviceParams.preset("hennen2024"), "read")
    >>> model.ports, model.instance, model.outputs
    (('p', 'n'), ('r',), ('r_now',))
    >>> f"module {model.module}(p, n);" in model.source
    True
    """
    checks.one_of("kind", kind, KINDS)
    count = _CYCLES.get(kind, checks.positive_int("cycles", cycles))
    options = Options(
        checks.flag("capacitor", capacitor), checks.flag("temperature", temperature), checks.flag("hold", hold)
    )
    if options.hold and kind not in HOLDING:
        raise ValueError(f"hold: cells of kind {kind} do not have it; take {', '.join(HOLDING)}")
    if options.hold and params.pulse_width is not None:
        raise ValueError(
            f"hold: thresholds of {params.name!r} depend on the width of pulses, and cells whose SET can stop do not "
            "know that: leave hold out, or take params.with_pulse_width(None)"
        )
    draft = _WRITERS[kind](params, count, options)
    if params.fluctuation is not None:
        draft = with_flicker(draft, params, own=kind != "autonomous")
    module = f"reram_{kind}_{hashlib.sha256(draft.source.encode()).hexdigest()[:10]}"
    return CellModel(
        kind,
        module,
        draft.source.replace("@module", module),
        draft.ports,
        draft.instance,
        draft.settings,
        draft.outputs,
        count,
        params,
    )
