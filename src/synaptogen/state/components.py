"""Which component of its population a cell was drawn from: what tells outliers from the rest."""

import numpy as np
from numpy.typing import NDArray

from synaptogen.engines import AnyEngine, Positions
from synaptogen.model import population, random

_PART = 1 << 16  # cells at a time: random words of that many stay in the cache


def components_of(engine: AnyEngine, positions: Positions) -> NDArray[np.uint8]:
    """Numbers of the mixture components of the cells at some positions, drawn anew from the seed, exactly."""
    parts = range(0, len(positions), _PART)
    return np.concatenate([_components(engine, positions[begin : begin + _PART]) for begin in parts])


def _components(engine: AnyEngine, positions: Positions) -> NDArray[np.uint8]:
    lo, hi = engine.cells.id_words(positions)
    zero = np.zeros_like(lo)
    key = (np.array([word], np.uint32) for word in (engine.seed & 0xFFFFFFFF, engine.seed >> 32))
    choice = random.random_words(lo, hi, random.DEVICE, zero, zero, *key)[0]
    found = np.zeros(len(positions), np.uint8)
    for component, start in enumerate(engine.compiled_params.component_starts):
        found[population.chosen(choice, start)] = component
    return found
