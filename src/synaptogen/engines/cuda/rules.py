"""The law that cells live by, as kernels take it: single precision, flat."""

from collections.abc import Callable
from typing import Any

import numpy as np

from synaptogen.engines.law import Law
from synaptogen.engines.protocol import Array

from .layout import Rules

Put = Callable[..., Any]
"""Brings an array of a type to where kernels read it."""


def rules_of(law: Law, start: str, seed: int, put: Put) -> Rules:
    """The law as kernels take it: single precision, its arrays where ``put`` puts them."""

    def single(values: Array) -> Any:
        return put(np.append(values.ravel(), 0.0), np.float32)

    blocks = law.start
    if law.slots:
        blocks = blocks.reshape(law.slots, 4, law.slots, 4).transpose(0, 2, 3, 1)
    return Rules(
        single_bundle(law.constants), single(law.readout), single(law.F), single(law.G), single(blocks), law.slots,
        0 if law.slots else law.memory, start == "stationary", np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32),
    )  # fmt: skip


def single_bundle(bundle: Any) -> Any:
    """A nest of tuples of numbers, in single precision."""
    if not isinstance(bundle, tuple):
        return np.float32(bundle)
    parts = [single_bundle(part) for part in bundle]
    return type(bundle)(*parts) if hasattr(bundle, "_fields") else tuple(parts)


def mixture_of(law: Law, put: Put) -> tuple[Any, Any, Any]:
    """The population as kernels take it."""
    return (
        put(law.component_starts, np.uint32), put(law.means.ravel(), np.float32), put(law.cholesky.ravel(), np.float32)
    )  # fmt: skip
