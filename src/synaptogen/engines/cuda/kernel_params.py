"""The params that cells live by, as kernels take it: single precision, flat."""

from collections.abc import Callable
from typing import Any

import numpy as np

from synaptogen._utils import AnyArray
from synaptogen.engines.compiled_params import CompiledParams

from .layout import Rules

Put = Callable[..., Any]
"""Brings an array of a type to where kernels read it."""


def rules_of(params: CompiledParams, start: str, seed: int, put: Put) -> Rules:
    """The params as kernels take it: single precision, its arrays where ``put`` puts them."""

    def single(values: AnyArray) -> Any:
        return put(np.append(values.ravel(), 0.0), np.float32)

    blocks = params.start
    if params.slots:
        blocks = blocks.reshape(params.slots, 4, params.slots, 4).transpose(0, 2, 3, 1)
    return Rules(
        single_bundle(params.constants),
        single(params.readout),
        single(params.F),
        single(params.G),
        single(blocks),
        params.slots,
        0 if params.slots else params.memory,
        start == "stationary",
        np.uint32(seed & 0xFFFFFFFF),
        np.uint32(seed >> 32),
    )


def single_bundle(bundle: Any) -> Any:
    """A nest of tuples of numbers, in single precision."""
    if not isinstance(bundle, tuple):
        return np.float32(bundle)
    parts = [single_bundle(part) for part in bundle]
    return type(bundle)(*parts) if hasattr(bundle, "_fields") else tuple(parts)


def mixture_of(params: CompiledParams, put: Put) -> tuple[Any, Any, Any]:
    """The population as kernels take it."""
    return (
        put(params.component_starts, np.uint32),
        put(params.means.ravel(), np.float32),
        put(params.cholesky.ravel(), np.float32),
    )
