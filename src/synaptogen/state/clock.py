"""The clock of an array: what time it is for its cells, and when each of them was written."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray
from synaptogen.engines import TICKS, AnyEngine, Grids, Moment, Positions, instant_word
from synaptogen.params import FluctuationParams

K_EV = 8.617333262e-5  # eV/K
_FINE = 1 << 32  # parts of a tick in which time is counted that a temperature stretches
WRITTEN = "written"
"""Name of the array with the instants of writes in saved arrays."""
_KEPT = 1024  # instants of writes that are kept before those are dropped that no cell remembers


def ticks_of(seconds: float) -> int:
    """Return a time in s as a whole number of ticks, the nearest one."""
    whole = math.floor(seconds)  # so that long times keep their last digits
    return whole * TICKS + round((seconds - whole) * TICKS)


class ClockTime(NamedTuple):
    """What time it is for cells, however they are cut into blocks."""

    ticks: int = 0
    """Ticks since the array was made."""
    age: int = 0
    """The same as the cells feel it, at the temperature of their parameters: in parts of a tick."""
    instants: tuple[int, ...] = ()
    """Ages in ticks at which the clock stood still before it moved on, ascending; none if no cell has moved yet.

    A cell was last written at one of them, or since the last move.
    """

    @property
    def seconds(self) -> float:
        """Time in s since the array was made."""
        return self.ticks / TICKS

    @property
    def felt(self) -> int:
        """Ticks since the array was made, as the cells feel them at the temperature of their parameters."""
        return self.age // _FINE

    def after(self, params: FluctuationParams | None, ticks: int, temperature: float | None) -> "ClockTime":
        """Return the time after a wait.

        Parameters
        ----------
        params : FluctuationParams, optional
            What the cells do meanwhile; None: they stand still.
        ticks : int
            How long.
        temperature : float, optional
            In K; default: that of the parameters.

        Returns
        -------
        ClockTime
        """
        if params is None or ticks == 0:
            return self._replace(ticks=self.ticks + ticks)
        present = self.felt
        instants = self.instants if self.instants[-1:] == (present,) else (*self.instants, present)
        return ClockTime(self.ticks + ticks, self.age + ticks * acceleration(params, temperature), instants)

    def moment(self, params: FluctuationParams) -> Moment:
        """Return what engines need of the time, to move cells to it from the last of the instants."""
        grids, now = Grids.of(params), self.felt
        return Moment(
            constants=params.constants(),
            grid=grids.place(now),
            instant=np.array([instant_word(now)]),
            writes=grids.since(now, self.instants),
            present=len(self.instants) - 1,
        )


TIME_ZERO = ClockTime()


class Clock:
    """The time of the cells of one engine, and when each was written; all views of an array share it.

    Parameters
    ----------
    size : int
        Number of cells of the engine.
    words : int
        Words of a cell that its engine keeps from move to move, see `Engine.move`.
    time : ClockTime
        What time it is.
    in_block : bool
        Whether the cells are a part of a larger array, all parts of which count the same instants.

    Attributes
    ----------
    memory : array of uint32 of shape (words, n), optional
        What `Engine.move` keeps, with n padded to a multiple of 64; the first word says which of ``time.instants`` each
        cell was written at. None before the first move.
    """

    def __init__(self, size: int, words: int, time: ClockTime = TIME_ZERO, *, in_block: bool = False) -> None:
        self.size, self.words, self.time, self._in_block = size, words, time, in_block
        self.memory: NDArray[np.uint32] | None = self._new_memory() if time.instants else None

    def _new_memory(self) -> NDArray[np.uint32]:
        return np.zeros((self.words, -(-self.size // 64) * 64), np.uint32)

    @property
    def bytes_per_cell(self) -> float:
        """Memory in bytes that the time of the last write takes, of each cell."""
        return 0.0 if self.memory is None else 4.0 * self.words

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
        self._forget()
        self.time = self.time.after(params, ticks, temperature)
        if params is not None and ticks:
            if self.memory is None:
                self.memory = self._new_memory()
            engine.move(self.time.moment(params), self.memory)

    def _forget(self) -> None:
        """Drop instants at which no cell was written last."""
        instants = self.time.instants
        if self.memory is None or self._in_block or len(instants) < _KEPT:
            return
        used, place = np.unique(self.memory[0, : self.size], return_inverse=True)
        if 2 * len(used) < len(instants):
            self.memory[0, : self.size] = place
            self.time = self.time._replace(instants=tuple(instants[k] for k in used))

    # ---- copies and saved arrays

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
        other = Clock(size, self.words, self.time)
        if self.memory is not None and other.memory is not None:
            other.memory[:, :size] = self.memory[:, : self.size] if positions is None else self.memory[:, positions]
        return other

    def dump(self, begin: int, end: int) -> dict[str, AnyArray]:
        """Return what is kept of some cells, by the name that it has in saved arrays.

        Parameters
        ----------
        begin, end : int
            Positions of the first cell, and of the one after the last.

        Returns
        -------
        dict of array of shape (words, end - begin)
            Empty before the first move.
        """
        return {} if self.memory is None else {WRITTEN: self.memory[:, begin:end].copy()}

    def restore(self, begin: int, memory: AnyArray) -> None:
        """Take over what was kept of some cells.

        Parameters
        ----------
        begin : int
            Position of the first cell.
        memory : array of uint32 of shape (words, m)
            As `dump` returns it.

        Raises
        ------
        ValueError
            If it names an instant that is not known.
        """
        if self.memory is None or int(memory[0].max()) >= len(self.time.instants):
            raise ValueError(f"{WRITTEN} names instants that are none of the {len(self.time.instants)} known ones")
        self.memory[:, begin : begin + memory.shape[1]] = memory


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
