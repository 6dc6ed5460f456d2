"""Sources of randomness as users give them, and the one 64-bit seed that each stands for."""

from typing import TypeAlias

import numpy as np

RNG: TypeAlias = int | np.integer | np.random.SeedSequence | np.random.Generator | None
"""A source of randomness, see `seed_of`."""


def seed_of(rng: RNG, name: str = "rng") -> int:
    """Return the seed that a source of randomness stands for (Scientific Python SPEC 7).

    Parameters
    ----------
    rng : int, SeedSequence, Generator or None
        An int is the seed itself. A SeedSequence or a Generator gives one; a Generator moves on. None takes fresh
        entropy from the system.
    name : str
        Name of the argument, for messages.

    Returns
    -------
    int
        From 0 to 2**64 - 1.

    Raises
    ------
    ValueError
        If an int is out of range.
    TypeError
        If ``rng`` is anything else.
    """
    if rng is None:
        rng = np.random.SeedSequence()
    if isinstance(rng, bool):
        raise TypeError(f"{name} is a truth value: give an int, a SeedSequence, a Generator or None")
    if isinstance(rng, int | np.integer):
        if not 0 <= rng < 2**64:
            raise ValueError(f"{name}={rng} is not a 64-bit seed: give an int from 0 to 2**64 - 1")
        return int(rng)
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0])
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, 2**64, dtype=np.uint64, endpoint=False))
    raise TypeError(f"{name} is a {type(rng).__name__}: give an int, a SeedSequence, a Generator or None")
