"""The CPU engine: single-precision cells in SIMD lanes, many threads."""

from .engine import CPUEngine

__all__ = ["CPUEngine"]
