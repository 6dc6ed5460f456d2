"""Values that no cell can have: refused by name when state comes from a file."""

import numpy as np

from synaptogen._utils import AnyArray, RealArray
from synaptogen.engines import FIELDS, AnyEngine
from synaptogen.model import HRS, LRS

_PART = 1 << 16  # cells at a time, which the caches hold
_MARGIN = 0.01  # of a mixing state, for rounding of whatever storage
_RESISTANCE = 1.0  # ohm, the lowest that a cell can have, see `synaptogen.model.features`


def require_possible_cells(engine: AnyEngine, begin: int, end: int) -> None:
    """Require that cells have values that cells can have.

    Parameters
    ----------
    engine : Engine
        The engine that holds them.
    begin, end : int
        Positions of the first cell, and of the one after the last.

    Raises
    ------
    ValueError
        If one has not; the message names the quantity.
    """
    for first in range(begin, end, _PART):
        positions = np.arange(first, min(end, first + _PART))
        select = engine.selection(positions)
        mode = engine.status(select) >> np.uint32(30)
        _require("mode", mode != (LRS | HRS) >> 30, first)
        fields = dict(zip(FIELDS, engine.fields(select), strict=True))
        for name, values in (("r", engine.mixing(select)), ("r_lrs", fields["r_lrs"]), ("r_hrs", fields["r_hrs"])):
            require_mixing(name, values, engine, first)
        _require("u_set", fields["u_set"] < 0, first)
        _require("u_reset", fields["u_reset"] > 0, first)
        for name in ("u_set", "u_reset"):
            _require(name, np.abs(fields[name]) < np.inf, first)
        partly = mode == 0
        for name in ("u_ratchet", "t_scale", "t_end"):
            _require(name, np.isfinite(fields[name]) | ~partly, first)
        _require("device", np.asarray(np.isfinite(engine.device(select)).all(axis=0)), first)


def require_mixing(name: str, values: RealArray, engine: AnyEngine, first: int) -> None:
    """Require that mixing states are possible.

    Parameters
    ----------
    name : str
        Name of the quantity, for the message.
    values : array of shape (m,)
        Mixing states.
    engine : Engine
        Engine of the cells.
    first : int
        Number of the first of them, for the message.

    Raises
    ------
    ValueError
        If one is not.
    """
    constants = engine.compiled_params.constants
    low = (float(constants.g_llrs) - 1 / _RESISTANCE) * float(constants.per_span)
    high = float(constants.r_max)
    margin = _MARGIN * max(1.0, abs(high))
    _require(name, (values >= low - _MARGIN * abs(low) - margin) & (values <= high + margin), first)


def _require(name: str, possible: AnyArray, first: int) -> None:
    if not possible.all():
        raise ValueError(f"{name} of cell {first + int(np.argmin(possible))} has a value that no cell can have")
