"""The CPU engine with cells packed into 16-bit numbers, for arrays of a billion cells.

`codes` says how a number becomes a 16-bit code, `layout` where codes lie, and `cell_steps` how one lane group is
unpacked, stepped by the code of ordinary cells, and packed again.
"""

from .engine import PackedEngine

__all__ = ["PackedEngine"]
