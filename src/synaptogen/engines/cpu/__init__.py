"""The CPU engine: single-precision cells in SIMD lanes, many threads."""

from .engine import CPUEngine
from .kernels import source_digest
from .lanes import DOUBLE, INLINE, OPTIONS, PART, W, data, doubles, load, scalar, store
from .packed import PackedEngine

__all__ = [
    "DOUBLE",
    "INLINE",
    "OPTIONS",
    "PART",
    "CPUEngine",
    "PackedEngine",
    "W",
    "data",
    "doubles",
    "load",
    "scalar",
    "source_digest",
    "store",
]
