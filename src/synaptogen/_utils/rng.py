"""From whatever a user calls a source of randomness to one 64-bit seed."""

from typing import TypeAlias

import numpy as np

RNG: TypeAlias = int | np.integer | np.random.SeedSequence | np.random.Generator | None


def seed_of(rng: RNG) -> int:
    """The seed that ``rng`` stands for (Scientific Python SPEC 7).

    An int from 0 to 2**64 - 1 is the seed itself, a SeedSequence or a Generator gives one (a Generator moves on), None
    takes fresh entropy from the system.

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
        raise TypeError("rng is a truth value: give an int, a SeedSequence, a Generator or None")
    if isinstance(rng, int | np.integer):
        if not 0 <= rng < 2**64:
            raise ValueError(f"rng={rng} is not a 64-bit seed: give an int from 0 to 2**64 - 1")
        return int(rng)
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0])
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, 2**64, dtype=np.uint64, endpoint=False))
    raise TypeError(f"rng is a {type(rng).__name__}: give an int, a SeedSequence, a Generator or None")
