"""Instance parameters of circuit cells, from an array of cells or from a seed."""

import re
from typing import TypeAlias

import numpy as np

from synaptogen._utils import AnyArray, Float64Array, checked
from synaptogen.array import CellArray
from synaptogen.engines import FIELDS
from synaptogen.model import iv
from synaptogen.state import Mode

from .autonomous import IDENTITY
from .cell import CellModel
from .flicker import NAME, amplitudes
from .module_frame import STATE

InstanceValues: TypeAlias = dict[str, Float64Array]
"""Values of instance parameters by name, each of shape (n_cells,)."""


@checked
def instance_values(cells: CellArray, model: CellModel) -> InstanceValues:
    """Return the instance parameters of all cells. No cell changes.

    - read: ``r``.
    - tape, event: ``mode_start``, ``r_start``, ``u_ratchet_start``, then ``r_hrs0, u_set0, r_lrs0, u_reset0`` of the
      running cycle and ``r_hrs1 ... u_resetK`` of the following, in ohm and V.
    - autonomous: ``cell_id``, ``seed``, ``seed_high``, ``pristine``; all cells must be new, in the HRS of cycle 0.
    - pulse: ``mode_start``, ``r_start``, ``u_ratchet_start``, ``r_hrs0, u_set0, r_lrs0, u_reset0, r_hrs1, u_set1``.
    - all but autonomous, if the parameter set has a fluctuation: ``flicker``, the amplitude of its fast part.

    States are those at the present time of the array (docs/time.md): of a cell in its LRS or HRS, ``r_lrs0`` or
    ``r_hrs0`` is what has become of it.

    Parameters
    ----------
    cells : CellArray
        The cells.
    model : CellModel
        A cell of the same parameter set.

    Returns
    -------
    dict of str to array of shape (cells.size,)
        Values of each parameter in the order of ``model.instance``; cells are in C order, ``cells.r.ravel()``.

    Raises
    ------
    ValueError
        If the model was made from another parameter set than the cells, or the model is autonomous and a cell has been
        used already.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit import cell_model, instance_values
    >>> cells = sg.CellArray((2, 3), rng=1)
    >>> values = instance_values(cells, cell_model(cells.params, "tape", cycles=2))
    >>> list(values)[:5], values["mode_start"].tolist()
    (['mode_start', 'r_start', 'u_ratchet_start', 'r_hrs0', 'u_set0'], [2.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    """
    if cells.params != model.params:
        raise ValueError(
            f"model was made from {model.params!r}, the cells from {cells.params!r}: make both from one parameter set"
        )
    if model.kind == "autonomous":
        return _identity(cells)
    values = {"r": _flat(cells.r)} if model.kind == "read" else {**_state(cells), **_tape(cells, model.cycles)}
    if cells.state.clock.time.instants and model.kind != "read":
        _show_present(values, cells)
    if NAME in model.instance:
        values[NAME] = amplitudes(cells)
    return {name: values[name] for name in model.instance}


def _flat(values: AnyArray) -> Float64Array:
    return np.asarray(values, np.float64).reshape(-1)


def _identity(cells: CellArray) -> InstanceValues:
    used = np.count_nonzero((cells.cycle != 0) | (cells.mode != Mode.HRS))
    if used:
        raise ValueError(
            f"{used} cells have lived already, and autonomous cells begin in the HRS of cycle 0: take the kind tape"
        )
    low, high = cells.state.id_words()
    ids = high.astype(np.float64) * 2.0**32 + low
    return identity_values(ids, cells.seed, pristine=cells.state.engine.start == "pristine")


def identity_values(ids: Float64Array, seed: int, *, pristine: bool) -> InstanceValues:
    """Return the instance parameters of autonomous cells.

    Parameters
    ----------
    ids : array of shape (n_cells,)
        Numbers of the cells, 0 to 2**53.
    seed : int
        Seed of all cells, of 64 bits.
    pristine : bool
        Whether the cells have no past.

    Returns
    -------
    dict of str to array of shape (n_cells,)
        ``cell_id``, ``seed``, ``seed_high``, ``pristine``.
    """
    shared = (float(seed % 2**32), float(seed // 2**32), float(pristine))
    return dict(zip(IDENTITY, (ids, *(np.full(len(ids), value) for value in shared)), strict=True))


def default_values(model: CellModel) -> InstanceValues:
    """Return the instance parameters that the text of a cell gives where a netlist gives none: those of one cell.

    Parameters
    ----------
    model : CellModel
        A cell of any kind.

    Returns
    -------
    dict of str to array of shape (1,)
        Values in the order of ``model.instance``.
    """
    written = dict(re.findall(r"parameter real (\w+) = ([^ ;]+)", model.source))
    return {name: np.array([float(written[name])]) for name in model.instance}


def _state(cells: CellArray) -> InstanceValues:
    mode = _flat(cells.mode)
    ratchet = np.where(mode == Mode.IRS, _ratchet(cells), 0.0)
    return dict(zip(STATE, (mode, _flat(cells.r), ratchet), strict=True))


def _show_present(values: InstanceValues, cells: CellArray) -> None:
    """Replace the resistance that an LRS or an HRS was written with by that at the present time."""
    r, p = values["r_start"], cells.params.constants()
    ohm = 1.0 / iv.conductance(r, cells.params.u_read, p)
    for name, mode in ("r_lrs0", Mode.LRS), ("r_hrs0", Mode.HRS):
        values[name] = np.where(values["mode_start"] == mode, ohm, values[name])


def _ratchet(cells: CellArray) -> Float64Array:
    return _flat(cells.state.fields()[FIELDS.index("u_ratchet")])


def _tape(cells: CellArray, cycles: int) -> InstanceValues:
    running, following = cells.features, cells.upcoming(cycles)
    values: InstanceValues = {}
    for k in range(cycles + 1):
        for name, now, later in zip(running._fields, running, following, strict=True):
            values[f"{name}{k}"] = _flat(now if k == 0 else later[k - 1])
    return values
