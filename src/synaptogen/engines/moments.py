"""Instants on the grids of slots that `synaptogen.model.fluctuation` computes with.

Times are whole ticks of a nanosecond, as integers of Python: they have no end, and no rounding adds up over waits.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import RealArray
from synaptogen.model import OCTAVES, TRAPS, Constants, FluctuationConstants, fluctuation
from synaptogen.params import FluctuationParams

TICKS = 10**9
"""Ticks of a second."""
_WORD = 1 << 32

IdWords: TypeAlias = tuple[NDArray[np.uint32], NDArray[np.uint32]]
"""Low and high words of the ids of cells."""

# slots of logarithmic time since a write: four in each of four decades, then one in each of ten
_FINE, _FINE_DECADES, _DECADES = 4, 4, 14
WALK_SLOTS = _FINE * _FINE_DECADES + _DECADES - _FINE_DECADES
_COARSE_JUMP = 2.0  # a jump that stands for four

_BASE = 6.0  # ratio of the lengths of the slots of successive octaves
_BURST_SLOTS = (40, 900)  # lengths of the slots of bursts in those of the fastest octave
_EPOCH_SLOTS = 60  # length of an epoch in slots of the second trap
_AT_ONCE = 64  # instants of many cells that are computed together: their numbers stay in cache


class Grids(NamedTuple):
    """Lengths in ticks of the slots of all grids of a parameter set, in the order of `model.fluctuation`."""

    lengths: tuple[int, ...]
    onset: float

    @classmethod
    def of(cls, params: FluctuationParams) -> "Grids":
        """Return the grids of a parameter set."""
        fastest = params.fastest
        ratio = max(params.trap_slowest / fastest, 1.0)
        traps = [fastest * ratio ** ((j + 1) / TRAPS) for j in range(TRAPS)]
        seconds = [
            *(fastest * _BASE**j for j in range(OCTAVES)),
            *(fastest * slots for slots in _BURST_SLOTS),
            *traps,
            traps[1] * _EPOCH_SLOTS,
        ]
        return cls(tuple(max(1, round(s * TICKS)) for s in seconds), params.onset)

    def place(self, ticks: int) -> NDArray[np.uint32]:
        """Return where an instant lies on all grids.

        Parameters
        ----------
        ticks : int
            The instant.

        Returns
        -------
        array of uint32 of shape (2 * GRIDS,)
            Number of the slot modulo 2**32, and how much of it has passed as a fraction of 2**32, for each grid.
        """
        places = [divmod(ticks, length) for length in self.lengths]
        passed = [rest * _WORD // length for (_, rest), length in zip(places, self.lengths, strict=True)]
        words = [(slot % _WORD, part) for (slot, _), part in zip(places, passed, strict=True)]
        return np.array(words, np.uint32).ravel()

    def since(self, now: int, writes: Sequence[int]) -> NDArray[np.uint32]:
        """Return what formulas need of the instants of writes.

        Parameters
        ----------
        now : int
            The present instant.
        writes : sequence of int
            Instants of writes, none after ``now``.

        Returns
        -------
        array of uint32 of shape (4, len(writes))
            Low and high word of the instant; slot of logarithmic time since then, and how much of it has passed.
        """
        rows = np.empty((4, len(writes)), np.uint32)
        for k, ticks in enumerate(writes):
            decades = math.log10(1.0 + (now - ticks) / TICKS / self.onset)
            slot = min(walk_position(decades), WALK_SLOTS - 2.0**-20)
            passed = min(int((slot - int(slot)) * _WORD), _WORD - 1)
            rows[:, k] = ticks % _WORD, (ticks >> 32) % _WORD, int(slot), passed
        return rows


def walk_position(decades: float) -> float:
    """Return where a number of decades of time lies on the slots of the walk, of which it counts the jumps."""
    fine = min(decades, float(_FINE_DECADES))
    return _FINE * fine + (decades - fine)


def walk_widths() -> NDArray[np.float64]:
    """Return the scales of the jumps of all slots of the walk, of shape (WALK_SLOTS,)."""
    fine = np.ones(_FINE * _FINE_DECADES)
    return np.concatenate([fine, np.full(WALK_SLOTS - len(fine), _COARSE_JUMP)])


def instant_word(ticks: int) -> np.uint32:
    """Return the word that stands for an instant where every instant has a number of its own."""
    return np.uint32((ticks ^ (ticks >> 32) * 0x9E3779B1) % _WORD)


class Moment(NamedTuple):
    """An instant to which the cells of an engine are moved, and all that their states there depend on.

    Attributes
    ----------
    constants : FluctuationConstants
        Numbers of the parameter set, plain.
    grid : array of uint32 of shape (2 * GRIDS,)
        From `Grids.place`.
    instant : array of uint32 of shape (1,)
        From `instant_word`.
    writes : array of uint32 of shape (4, k)
        From `Grids.since`, for each instant at which cells were written.
    present : int
        Which of these is the one that the cells are moved from: the last instant before the move.
    """

    constants: FluctuationConstants
    grid: NDArray[np.uint32]
    instant: NDArray[np.uint32]
    writes: NDArray[np.uint32]
    present: int

    @property
    def pairs(self) -> int:
        """Number of pairs of slots of logarithmic time to look at."""
        return _pairs(self.writes[2])


def _pairs(slots: NDArray[np.uint32]) -> int:
    return min(int(slots.max()) // 2 + 1, WALK_SLOTS // 2)


def written_now(r: RealArray, written: RealArray, index: NDArray[np.uint32], present: int) -> NDArray[np.uint32]:
    """Return which write each cell has last seen, once those that have been written at the present instant know it.

    Parameters
    ----------
    r, written : array of shape (m,)
        Mixing states, and those that were written.
    index : array of uint32 of shape (m,)
        Which write each cell had seen when the clock last moved.
    present : int
        The write at the present instant.

    Returns
    -------
    array of uint32 of shape (m,)
    """
    return np.where(fluctuation.as_written(r, written), np.uint32(present), index)


def state_at(
    moment: Moment, written: RealArray, index: NDArray[np.uint32], ids: IdWords, seed: int, p: Constants
) -> RealArray:
    """Return the mixing states of cells at an instant, in double precision: the plain form of what engines compile.

    Parameters
    ----------
    moment : Moment
        The instant.
    written : array of shape (m,)
        Mixing states that were written.
    index : array of uint32 of shape (m,)
        Which of ``moment.writes`` wrote them.
    ids : two arrays of uint32 of shape (m,)
        Low and high words of the ids of the cells.
    seed : int
        The seed.
    p : Constants
        Constants of the device population.

    Returns
    -------
    array of shape (m,)
    """
    r_zero = p.g_llrs * p.per_span
    g = (r_zero - written) / p.per_span
    # arrays of one element: integers of NumPy that are no arrays warn where they wrap around
    place = moment.grid[:, None], moment.instant
    change = _log_change(moment.constants, *place, moment.writes[:, index], moment.pairs, g, ids, seed)
    return np.asarray(fluctuation.moved(written, change, r_zero, p.r_max))


def log_changes(
    params: FluctuationParams, ages: Sequence[int], g: RealArray, ids: IdWords, seed: int
) -> NDArray[np.float64]:
    """Return how ln G of cells has changed at many instants since one write at time 0, without a device population.

    Parameters
    ----------
    params : FluctuationParams
        What the cells do.
    ages : sequence of int
        Instants in ticks, as the cells feel them at the temperature of the parameters.
    g : array of shape (m,)
        Conductances in S that were written.
    ids : two arrays of uint32 of shape (m,)
        Low and high words of the ids of the cells.
    seed : int
        The seed.

    Returns
    -------
    array of shape (m, len(ages))
    """
    constants, grids = params.constants(), Grids.of(params)
    changes = np.empty((len(ages), len(g)))
    for begin in range(0, len(ages), _AT_ONCE):
        part = ages[begin : begin + _AT_ONCE]
        grid = np.stack([grids.place(ticks) for ticks in part], axis=1)[..., None]
        rows = np.stack([grids.since(ticks, (0,)) for ticks in part], axis=1)
        instant = np.array([[instant_word(ticks)] for ticks in part])
        pairs = _pairs(rows[2])
        changes[begin : begin + len(part)] = _log_change(constants, grid, instant, rows, pairs, g, ids, seed)
    return changes.T


def _log_change(
    c: FluctuationConstants,
    grid: NDArray[np.uint32],
    instant: NDArray[np.uint32],
    rows: NDArray[np.uint32],
    pairs: int,
    g: RealArray,
    ids: IdWords,
    seed: int,
) -> RealArray:
    """Return ln G - ln G_w; arrays broadcast, cells along the last axis."""
    widths = walk_widths()
    k0, k1 = (np.array([half], np.uint32) for half in (seed & 0xFFFFFFFF, seed >> 32))
    key = fluctuation.write_key(*ids, rows[0], rows[1], k0, k1)
    made = fluctuation.jumps_made(key, rows[2], rows[3])
    walk = np.zeros(made.shape)
    for pair in range(pairs):
        walk += fluctuation.two_jumps(key, pair, made, widths[2 * pair], widths[2 * pair + 1], c)
    return np.asarray(fluctuation.log_change(walk, key, grid, instant, fluctuation.strength(g, c), c))
