"""What a circuit needs to know of a cell: its module, its pins, its parameters."""

from dataclasses import dataclass

from synaptogen.params import DeviceParams

KINDS = ("tape", "read", "pulse", "autonomous", "event")


@dataclass(frozen=True)
class CellModel:
    """A cell as a Verilog-A module.

    ``source`` is the whole file. The module's name ends in a digest of parameter set, kind and number of cycles, so that
    a netlist can only run with the model that it was written for.
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
    """Variables that a simulator can save: ``r_now`` (mixing state), and in the kinds that switch ``mode_now`` (a number
    of `synaptogen.Mode`), ``cycles_done`` (cycles begun since the start) and ``u_ratchet_now`` (V, in the IRS)."""
    cycles: int
    """Cycles that a cell can begin after the running one: K of a tape, 1 of a pulse cell, 0 of a read cell."""


def cell_model(params: DeviceParams, kind: str, *, cycles: int = 8) -> CellModel:
    """Write a device population as a Verilog-A cell.

    Parameters
    ----------
    params : DeviceParams
    kind : {"tape", "read", "pulse", "autonomous", "event"}
        - tape: the full cell. Features of the running and the next ``cycles`` cycles are instance parameters.
        - read: the mixing state is an instance parameter and stays; no internal nodes.
        - pulse: at most one SET and one RESET of a state handed in; one internal node. For writes of large arrays.
        - autonomous: as tape, its features worked out in the model from a seed and the number of the cell.
        - event: as tape, with variables that keep their values, for Spectre and its like; not for openvaf-r.
    cycles : int
        Cycles that a cell of kind tape, autonomous or event can begin after the running one.

    Raises
    ------
    ValueError, TypeError
        If there is no such kind, or ``cycles`` is not an int of at least 1.
    """
    raise NotImplementedError
