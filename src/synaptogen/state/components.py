"""The component of the population that each cell was drawn from."""

import numpy as np
from numpy.typing import NDArray

from synaptogen.engines import AnyEngine, Positions
from synaptogen.model import population, random

_PART = 1 << 16  # cells at a time, so that their random words stay in the cache


def components_of(engine: AnyEngine, positions: Positions) -> NDArray[np.uint8]:
    """Return the numbers of the mixture components of cells, drawn again from the seed.

    Parameters
    ----------
    engine : Engine
        The engine that holds the cells.
    positions : array of int of shape (m,)
        Positions of the cells in the engine.

    Returns
    -------
    array of uint8 of shape (m,)
    """
    parts = range(0, len(positions), _PART)
    return np.concatenate([_components(engine, positions[begin : begin + _PART]) for begin in parts])


def _components(engine: AnyEngine, positions: Positions) -> NDArray[np.uint8]:
    lo, hi = engine.cells.id_words(positions)
    zero = np.zeros_like(lo)
    key = (np.array([half], np.uint32) for half in (engine.seed & 0xFFFFFFFF, engine.seed >> 32))
    choice = random.random_words(lo, hi, random.DEVICE, zero, zero, *key)[0]
    found = np.zeros(len(positions), np.uint8)
    for component, start in enumerate(engine.compiled_params.component_starts):
        found[population.chosen(choice, start)] = component
    return found
