"""FluctuationParams: how cells of a population fluctuate and relax after a write."""

import importlib.resources
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

import numpy as np

from synaptogen.model import OCTAVES, FluctuationConstants, fluctuation

from .record import Record, named_arguments, number_within, require_printable, source_texts

_LOG2_E = 1.0 / math.log(2.0)
_FOLDER = importlib.resources.files("synaptogen.params") / "fluctuation_presets"
_BASE = 6  # of the slots of successive octaves
_UNIT, _POSITIVE, _ANY = (0.0, 1.0), (1e-12, 1e12), (-10.0, 10.0)

_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "walk": (0.0, 10.0),
        "walk_cells": (0.0, 5.0),
        "walk_skew": (-1.0, 1.0),
        "onset": _POSITIVE,
        "flicker": (0.0, 10.0),
        "flicker_slope": (-5.0, 5.0),
        "flicker_cells": (0.0, 5.0),
        "burst": (0.0, 5.0),
        "fastest": (1e-6, 1e9),
        "trap_share": _UNIT,
        "trap_separation": (0.0, 10.0),
        "trap_separation_cells": (0.0, 5.0),
        "trap_slowest": (1e-6, 1e12),
        "trap_duty_low": _UNIT,
        "trap_duty_high": _UNIT,
        "trap_active": _UNIT,
        "white": (0.0, 10.0),
        "white_cells": (0.0, 5.0),
        "white_floor": _UNIT,
        "common": (-1.0, 1.0),
        "half_conductance": (1e-12, 1e3),
        "exponent": (0.1, 100.0),
        "energy": (0.0, 10.0),
        "temperature": (1.0, 2000.0),
    }
)


@dataclass(frozen=True, eq=False, repr=False)
class FluctuationParams(Record):
    """How the conductance of cells fluctuates and relaxes between pulses (docs/time.md).

    Scales of ln of a conductance are those of a cell of small conductance; in a cell of conductance G they are smaller,
    by the factor 1 / (1 + (G/half_conductance)**exponent).

    Parameters
    ----------
    name : str
        Name of the set, for example of the cells that it was learned from.
    walk : float
        Scale of the jumps of the relaxation, four in each of the first decades of time.
    walk_cells, flicker_cells, white_cells : float
        Spreads over cells and writes of ln of the amplitudes of relaxation, 1/f fluctuation and white part.
    walk_skew : float
        Asymmetry of the jumps; positive: large ones are more often upwards.
    onset : float
        Time in s from which relaxation is logarithmic.
    flicker : float
        Amplitude of the fastest octave of the 1/f fluctuation.
    flicker_slope : float
        Slope of ln of the amplitude of an octave over ln of its length; 0 gives a spectrum of 1/f.
    burst : float
        Spread in time of ln of the amplitude of the fluctuation.
    fastest : float
        Length in s of the slots of the fastest octave. There are five, each six times as long as the one before.
    trap_share : float
        Share of writes that have a trap (telegraph noise), for each of three traps.
    trap_separation, trap_separation_cells : float
        Median separation of the two levels of a trap, and the spread of its logarithm.
    trap_slowest : float
        Length in s of the slots of the slowest trap; those of the others are spread between it and ``fastest``.
    trap_duty_low, trap_duty_high : float
        Share of time that a trap is in its second level: drawn uniformly between these.
    trap_active : float
        Share of epochs, of 60 slots of the second trap, in which a trap is active.
    white : float
        Median amplitude of the white part, which is another number at every instant.
    white_floor : float
        Share of the white part that is left at large conductances.
    common : float
        Correlation of the logarithms of the amplitudes of relaxation, fluctuation and white part.
    half_conductance : float
        Conductance in S at which all of this is half as strong.
    exponent : float
        How steeply it falls there.
    energy : float
        Activation energy in eV: at another temperature time counts exp(energy/k (1/temperature - 1/T)) fold.
    temperature : float
        Temperature in K for which the numbers hold.
    source : mapping of str to str, optional
        Where the numbers come from.

    Raises
    ------
    ValueError
        If a number is outside of its range. The message names the argument.

    Examples
    --------
    >>> import synaptogen as sg
    >>> sg.FluctuationParams.preset("hfox-1t1r").half_conductance
    8.5e-05
    """

    name: str
    walk: float
    walk_cells: float
    walk_skew: float
    onset: float
    flicker: float
    flicker_slope: float
    flicker_cells: float
    burst: float
    fastest: float
    trap_share: float
    trap_separation: float
    trap_separation_cells: float
    trap_slowest: float
    trap_duty_low: float
    trap_duty_high: float
    trap_active: float
    white: float
    white_cells: float
    white_floor: float
    common: float
    half_conductance: float
    exponent: float
    energy: float
    temperature: float
    source: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_printable("name", self.name)
        for name, (low, high) in _RANGES.items():
            self._set(**{name: number_within(name, getattr(self, name), low, high)})
        if self.trap_duty_high < self.trap_duty_low:
            raise ValueError(
                f"trap_duty_high must not be below trap_duty_low, {self.trap_duty_low:g}, but is "
                f"{self.trap_duty_high:g}: exchange the two"
            )
        self._set(source=source_texts(self.source))

    @classmethod
    def preset(cls, name: str) -> "FluctuationParams":
        """Return parameters that come with the package.

        Parameters
        ----------
        name : {"hfox-1t1r"}
            HfO2 cells with a transistor each, learned from the measurements published with A. Levy et al., IEEE Trans.
            Electron Devices, doi:10.1109/TED.2021.3097975.

        Returns
        -------
        FluctuationParams

        Raises
        ------
        ValueError
            If there is none of that name.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.FluctuationParams.preset("hfox-1t1r")
        FluctuationParams('hfox-1t1r')
        """
        known = fluctuation_presets()
        if name not in known:
            raise ValueError(f"there is no fluctuation {name!r}; there are: {', '.join(known)}")
        return cls.from_dict(json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8")))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "FluctuationParams":
        """Return the parameters that `to_dict` has written.

        Parameters
        ----------
        content : mapping
            All arguments of the constructor by name.

        Returns
        -------
        FluctuationParams

        Raises
        ------
        ValueError
            If one is missing, unknown, or outside of its range.
        """
        return cls(**named_arguments("fluctuation", cls, content))

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as numbers and texts by name, for JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"source": dict(self.source)}

    def constants(self, dtype: Callable[[float], object] = float) -> FluctuationConstants:
        """Return the constants that the formulas of `synaptogen.model.fluctuation` take.

        Parameters
        ----------
        dtype : callable
            Called with each number, for example `numpy.float32`.

        Returns
        -------
        FluctuationConstants
        """
        shared = math.copysign(math.sqrt(abs(self.common)), self.common)
        own = math.sqrt(1.0 - abs(self.common))
        span = self.trap_duty_high - self.trap_duty_low
        values = FluctuationConstants(
            walk=self.walk,
            skew=self.walk_skew,
            walk_shared=self.walk_cells * abs(shared) * _LOG2_E,
            walk_own=self.walk_cells * own * _LOG2_E,
            octaves=tuple(self.flicker * float(_BASE) ** (self.flicker_slope * j) for j in range(OCTAVES)),
            flicker_shared=self.flicker_cells * shared * _LOG2_E,
            flicker_own=self.flicker_cells * own * _LOG2_E,
            burst=self.burst * _LOG2_E,
            trap_share=self.trap_share * 2.0**16,
            separation=self.trap_separation,
            separation_cells=self.trap_separation_cells * _LOG2_E,
            duty_low=self.trap_duty_low * 2.0**32,
            duty_per_chance=span / max(self.trap_share, 1e-6) * 2.0**16,
            active=self.trap_active * 2.0**10,
            white=self.white,
            white_shared=self.white_cells * shared * _LOG2_E,
            white_own=self.white_cells * own * _LOG2_E,
            white_floor=self.white_floor,
            per_half=1.0 / self.half_conductance,
            exponent=self.exponent,
        )
        return FluctuationConstants(*(tuple(map(dtype, v)) if isinstance(v, tuple) else dtype(v) for v in values))

    def mean_square_white(self) -> float:
        """Return the mean square over cells and writes of the amplitude of the white part, for small conductances."""
        p, v = self.constants(), (np.arange(1 << 14) + 0.5) / (1 << 13) - 1.0
        shared, own = (np.mean(4.0 ** (c * fluctuation.bell(v))) for c in (p.white_shared, p.white_own))
        return float(p.white**2 * shared * own)

    def __repr__(self) -> str:
        return f"FluctuationParams({self.name!r})"


def fluctuation_presets() -> list[str]:
    """Return the names of the presets."""
    return sorted(f.name.removesuffix(".json") for f in _FOLDER.iterdir() if f.name.endswith(".json"))


def as_fluctuation(value: str | FluctuationParams) -> FluctuationParams:
    """Return parameters, given as such or by the name of a preset.

    Parameters
    ----------
    value : str or FluctuationParams

    Returns
    -------
    FluctuationParams

    Raises
    ------
    TypeError, ValueError
        If it is neither, or no preset has that name.
    """
    if isinstance(value, FluctuationParams):
        return value
    if isinstance(value, str):
        return FluctuationParams.preset(value)
    raise TypeError(f"fluctuation is a {type(value).__name__}: give the name of a preset or FluctuationParams")
