"""The CPU engine with cells packed into 16-bit numbers, for arrays of a billion."""

from .engine import PackedEngine

__all__ = ["PackedEngine"]
