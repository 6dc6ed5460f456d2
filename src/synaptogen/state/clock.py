"""The clock of an array: what time it is for its cells, and when each of them was written."""

import math

import numpy as np
from numpy.typing import NDArray

from synaptogen.engines import TICKS, AnyEngine, Grids, Moment, Positions, instant_word
from synaptogen.params import FluctuationParams

K_EV = 8.617333262e-5  # eV/K
_FINE = 1 << 32  # parts of a tick in which time is counted that a temperature stretches
_KEPT = 1024  # instants of writes that are kept before those are dropped that no cell remembers


def ticks_of(seconds: float) -> int:
    """Return a time in s as a whole number of ticks, the nearest one."""
    whole = math.floor(seconds)  # so that long times keep their last digits
    return whole * TICKS + round((seconds - whole) * TICKS)


class Clock:
    """The time of the cells of one engine; all views of an array share it.

    Attributes
    ----------
    size : int
        Number of cells of the engine.
    ticks : int
        Ticks since the array was made.
    age : int
        The same as the cells feel it, at the temperature of their parameters: in parts of a tick.
    instants : list of int
        Ages, in ticks, at which cells were written that have not been written since; ascending.
    index : array of uint32, optional
        Which of ``instants`` each cell was written at, padded to a multiple of 64. None before the clock first moves.
    """

    def __init__(self, size: int) -> None:
        self.size, self.ticks, self.age = size, 0, 0
        self.instants = [0]
        self.index: NDArray[np.uint32] | None = None

    @property
    def seconds(self) -> float:
        """Time in s since the array was made."""
        return self.ticks / TICKS

    @property
    def bytes_per_cell(self) -> float:
        """Memory in bytes that the time of the last write takes, of each cell."""
        return 0.0 if self.index is None else 4.0

    def advance(
        self, engine: AnyEngine, params: FluctuationParams | None, ticks: int, temperature: float | None
    ) -> None:
        """Let time pass for all cells of the engine.

        Parameters
        ----------
        engine : Engine
            The engine.
        params : FluctuationParams, optional
            What its cells do meanwhile; None: they stand still.
        ticks : int
            How long.
        temperature : float, optional
            In K; default: that of the parameters.
        """
        if ticks == 0:
            return
        if params is not None:
            self._move(engine, params, self.age + ticks * acceleration(params, temperature))
        self.ticks += ticks

    def _move(self, engine: AnyEngine, params: FluctuationParams, age: int) -> None:
        if self.index is None:
            self.index = np.zeros(-(-self.size // 64) * 64, np.uint32)
        present, now = self.age // _FINE, age // _FINE
        if self.instants[-1] != present:
            self._forget()
            self.instants.append(present)
        grids = Grids.of(params)
        moment = Moment(
            constants=params.constants(),
            grid=grids.place(now),
            instant=np.array([instant_word(now)]),
            writes=grids.since(now, self.instants),
            present=len(self.instants) - 1,
        )
        engine.move(moment, self.index)
        self.age = age

    def _forget(self) -> None:
        """Drop instants at which no cell was written last."""
        if len(self.instants) < _KEPT or self.index is None:
            return
        used, place = np.unique(self.index[: self.size], return_inverse=True)
        if 2 * len(used) < len(self.instants):
            self.instants = [self.instants[k] for k in used]
            self.index[: self.size] = place

    def copy(self, positions: Positions | None, size: int) -> "Clock":
        """Return a clock for copies of cells.

        Parameters
        ----------
        positions : array of int of shape (size,), optional
            Positions in the engine of the cells that are copied; default: all.
        size : int
            Number of the copies.

        Returns
        -------
        Clock
            It tells the same time.
        """
        other = Clock(size)
        other.ticks, other.age, other.instants = self.ticks, self.age, list(self.instants)
        if self.index is not None:
            kept = self.index[: self.size] if positions is None else self.index[positions]
            other.index = np.pad(kept, (0, -size % 64))
        return other


def acceleration(params: FluctuationParams, temperature: float | None) -> int:
    """Return how many parts of a tick a tick at a temperature counts for.

    Parameters
    ----------
    params : FluctuationParams
        What the cells do.
    temperature : float, optional
        In K; default: that of the parameters.

    Returns
    -------
    int
        Whole, so that no rounding adds up over waits.
    """
    if temperature is None or temperature == params.temperature:
        return _FINE
    exponent = params.energy / K_EV * (1.0 / params.temperature - 1.0 / temperature)
    return round(math.exp(min(exponent, 100.0)) * _FINE)
