"""The parameters that a fit of the fluctuation moves: their scales, and how well they are known without data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FluctuationParams

Scale: TypeAlias = Literal["log", "logit", "plain"]


class Parameter(NamedTuple):
    """One number of `FluctuationParams`.

    Attributes
    ----------
    scale : {"log", "logit", "plain"}
        On which it moves.
    spread : float
        How far, on that scale, other cells are expected from those of the preset.
    least, most : float
        Limits within which simulations make sense.
    """

    scale: Scale
    spread: float
    least: float
    most: float

    def to_scale(self, value: float) -> float:
        """Return a value on its scale."""
        value = min(max(value, self.least), self.most)
        if self.scale == "log":
            return math.log(value)
        return math.log(value / (1 - value)) if self.scale == "logit" else value

    def from_scale(self, x: float) -> float:
        """Return the value, within its limits."""
        if self.scale == "log":
            value = math.exp(min(max(x, -100.0), 100.0))
        else:
            value = 1 / (1 + math.exp(-min(max(x, -100.0), 100.0))) if self.scale == "logit" else x
        return min(max(value, self.least), self.most)


PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "white": Parameter("log", 2.0, 1e-6, 2.0),
        "walk": Parameter("log", 2.0, 1e-5, 2.0),
        "flicker": Parameter("log", 2.0, 1e-6, 2.0),
        "trap_separation": Parameter("log", 1.0, 1e-4, 3.0),
        "trap_share": Parameter("logit", 1.5, 1e-3, 0.98),
        "onset": Parameter("log", 1.0, 1e-9, 1e9),
        "walk_skew": Parameter("plain", 0.5, -0.9, 0.9),
        "walk_cells": Parameter("log", 0.4, 0.02, 2.0),
        "flicker_slope": Parameter("plain", 0.4, -2.0, 1.5),
        "flicker_cells": Parameter("log", 0.4, 0.02, 2.0),
        "burst": Parameter("log", 0.5, 0.01, 1.5),
        "trap_separation_cells": Parameter("log", 0.4, 0.02, 2.0),
        "trap_slowest": Parameter("log", 1.0, 1e-6, 1e9),
        "trap_active": Parameter("logit", 1.0, 0.01, 0.99),
        "white_cells": Parameter("log", 0.5, 0.02, 2.0),
        "common": Parameter("plain", 0.3, -0.9, 0.9),
        "white_floor": Parameter("logit", 1.5, 1e-3, 0.999),
        "half_conductance": Parameter("log", 1.0, 1e-9, 1.0),
        "exponent": Parameter("log", 0.5, 0.3, 20.0),
        "energy": Parameter("plain", 0.4, 0.0, 3.0),
    }
)
"""In the order in which they are learned: those of few data first."""

DRIFT = ("walk", "walk_skew")
"""How far cells move, and whether up or down, which few reads of few cells tell."""
SCALES = ("white", "walk", "flicker", "trap_separation")
"""Amplitudes, which few data determine."""
SHAPES = (
    *("trap_share", "onset", "walk_cells", "flicker_slope", "flicker_cells", "burst"),
    *("trap_separation_cells", "trap_slowest", "trap_active", "white_cells", "common"),
)
"""What needs some 40 cells x 400 reads."""
FALL = ("half_conductance", "exponent")
"""How fluctuation falls with conductance, which needs cells of several levels."""


def vector_of(params: FluctuationParams, names: Sequence[str]) -> Float64Array:
    """Return numbers of a parameter set on the scales on which they move.

    Parameters
    ----------
    params : FluctuationParams
    names : sequence of str
        Of `PARAMETERS`.

    Returns
    -------
    array of shape (len(names),)
    """
    return np.array([PARAMETERS[name].to_scale(getattr(params, name)) for name in names])


def with_vector(params: FluctuationParams, names: Sequence[str], theta: Float64Array) -> FluctuationParams:
    """Return a parameter set with other numbers.

    Parameters
    ----------
    params : FluctuationParams
    names : sequence of str
        Of `PARAMETERS`.
    theta : array of shape (len(names),)
        From `vector_of`.

    Returns
    -------
    FluctuationParams
    """
    values: dict[str, Any] = {name: PARAMETERS[name].from_scale(float(x)) for name, x in zip(names, theta, strict=True)}
    return replace(params, **values)
