"""Arrays whose cells do not all lie in the memory of this process: in blocks, each an ordinary `CellArray`."""

from . import block_operations
from .blocked_array import Arguments, BlockedArray, no_arguments
from .blocks import Blocks
from .saved_blocks import block_from, saved_at

__all__ = [
    "Arguments",
    "BlockedArray",
    "Blocks",
    "block_from",
    "block_operations",
    "no_arguments",
    "saved_at",
]
