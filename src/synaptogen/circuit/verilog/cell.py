"""What a circuit needs to know of a cell: its module, its pins, its parameters."""

import hashlib
from dataclasses import dataclass

from synaptogen._utils import checks
from synaptogen.params import DeviceParams

from .autonomous import write_autonomous
from .event import write_event
from .module_frame import Draft
from .read_and_pulse import write_pulse, write_read
from .tape import write_tape

_WRITERS = {
    "tape": write_tape,
    "read": write_read,
    "pulse": write_pulse,
    "event": write_event,
    "autonomous": write_autonomous,
}
KINDS = tuple(_WRITERS)
_CYCLES = {"read": 0, "pulse": 1}


@dataclass(frozen=True)
class CellModel:
    """A cell as a Verilog-A module.

    ``source`` is the whole file. The module's name ends in a digest of all that the file says, so that a netlist can
    only run with the model that it was written for.
    """

    kind: str
    """One of `KINDS`."""
    module: str
    """Name of the module."""
    source: str
    """The Verilog-A text."""
    ports: tuple[str, ...]
    """Pins in order: ``("p", "n")``. V(p, n) < 0 sets, V(p, n) > 0 resets."""
    instance: tuple[str, ...]
    """Instance parameters, one value a cell, in order; `instance_values` gives them for the cells of an array."""
    settings: tuple[tuple[str, float], ...]
    """Model parameters that a netlist may set for all cells, with their defaults: ``t_switch`` (s), the time in which a
    cell follows an event, in the kinds that switch; and ``node_scale`` (pulse), the scale of the internal node's
    equation."""
    outputs: tuple[str, ...]
    """Variables that a simulator can save: ``r_now`` (mixing state), and in the kinds that switch ``mode_now`` (of
    `synaptogen.Mode`), ``cycles_done`` (cycles begun since the start), ``u_ratchet_now`` (V, in the IRS) and, where
    there is a tape, ``tape_end`` (1 after a RESET for which the cell had no further cycle)."""
    cycles: int
    """Cycles that a cell can begin after the running one: K of a tape or an autonomous cell, 1 of a pulse cell, 0 of a
    read cell."""
    params: DeviceParams
    """The device population."""


def cell_model(params: DeviceParams, kind: str, *, cycles: int = 8) -> CellModel:
    """Write a device population as a Verilog-A cell.

    Parameters
    ----------
    params : DeviceParams
    kind : {"tape", "read", "pulse", "event", "autonomous"}
        - tape: the full cell. Features of the running and the next ``cycles`` cycles are instance parameters.
        - read: the mixing state is an instance parameter and stays; no internal nodes.
        - pulse: at most one SET and one RESET of a state handed in; one internal node. For writes of large arrays.
        - event: the full cell for Spectre and its like, whose variables keep their values; parameters as of kind tape.
        - autonomous: the full cell from the beginning of its life. It draws its features itself, from a seed and its
          number: those that a `CellArray` of that seed has at that place, to rounding of double precision.
    cycles : int
        Cycles that a cell of kind tape, event or autonomous can begin after the running one. A cell that has used them
        up stays in its last LRS and says so, ``tape_end``.

    Raises
    ------
    ValueError, TypeError
        If there is no such kind, or ``cycles`` is not an int of at least 1.
    """
    checks.one_of("kind", kind, KINDS)
    count = _CYCLES.get(kind, checks.positive_int("cycles", cycles))
    draft: Draft = _WRITERS[kind](params, count)
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
