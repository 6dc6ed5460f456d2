"""From an array of cells to the instance parameters of their circuit models."""

import numpy as np
from numpy.typing import NDArray

from synaptogen.array import CellArray
from synaptogen.engines import FIELDS
from synaptogen.state import Mode

from .autonomous import IDENTITY
from .cell import CellModel
from .module_frame import STATE

Values = dict[str, NDArray[np.float64]]


def instance_values(cells: CellArray, model: CellModel) -> Values:
    """Instance parameters of all cells, each of shape (cells.size,), in the order of ``model.instance``.

    The dictionary's keys are ``model.instance``. Cells are in C order, ``cells.r.ravel()``. No cell changes.

    - read: ``r``.
    - tape: ``mode_start``, ``r_start``, ``u_ratchet_start``, then ``r_hrs0, u_set0, r_lrs0, u_reset0`` of the
      running cycle and ``r_hrs1 ... u_resetK`` of the following, in ohm and V.
    - autonomous: ``cell_id``, ``seed``, ``seed_high``, ``pristine``; all cells must be at the beginning of their life.
    - pulse: ``mode_start``, ``r_start``, ``u_ratchet_start``, ``r_hrs0, u_set0, r_lrs0, u_reset0, r_hrs1``.

    Raises
    ------
    ValueError
        If the model was made from another parameter set than the cells, or an autonomous cell is to begin elsewhere
        than at the beginning of its life.
    """
    if cells.params != model.params:
        raise ValueError(
            f"model was made from {model.params!r}, the cells from {cells.params!r}: make both from one parameter set"
        )
    if model.kind == "read":
        return {"r": _flat(cells.r)}
    if model.kind == "autonomous":
        return _identity(cells)
    values = {**_state(cells), **_tape(cells, model.cycles)}
    return {name: values[name] for name in model.instance}


def _flat(values: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.asarray(values, np.float64).reshape(-1)


def _identity(cells: CellArray) -> Values:
    lived = np.count_nonzero((cells.cycle != 0) | (cells.mode != Mode.HRS))
    if lived:
        raise ValueError(
            f"{lived} cells have lived already, and autonomous cells begin in the HRS of cycle 0: take the kind tape"
        )
    low, high = cells.state.id_words()
    return identity(high.astype(np.float64) * 2.0**32 + low, cells.seed, cells.state.engine.start)


def identity(ids: NDArray[np.float64], seed: int, start: str) -> Values:
    """Instance parameters of autonomous cells from their numbers (n,), their seed, and how their lives start."""
    shared = (float(seed % 2**32), float(seed // 2**32), float(start == "pristine"))
    return dict(zip(IDENTITY, (ids, *(np.full(len(ids), value) for value in shared)), strict=True))


def _state(cells: CellArray) -> Values:
    mode = _flat(cells.mode)
    ratchet = np.where(mode == Mode.IRS, _ratchet(cells), 0.0)
    return dict(zip(STATE, (mode, _flat(cells.r), ratchet), strict=True))


def _ratchet(cells: CellArray) -> NDArray[np.float64]:
    return _flat(cells.state.fields()[FIELDS.index("u_ratchet")])


def _tape(cells: CellArray, cycles: int) -> Values:
    running, following = cells.features, cells.upcoming(cycles)
    values: Values = {}
    for k in range(cycles + 1):
        for name, now, later in zip(running._fields, running, following, strict=True):
            values[f"{name}{k}"] = _flat(now if k == 0 else later[k - 1])
    return values
