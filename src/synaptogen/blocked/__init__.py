"""Arrays whose cells do not all fit into the memory of this process: cut into blocks, each an ordinary `CellArray`."""

from . import block_operations
from .blocked_array import Arguments, BlockedArray, no_arguments
from .blocks import Blocks, Pause, Pulses, Step, copied, voltages_of
from .saved_blocks import SavedSource, describe_saved, load_block

__all__ = [
    "Arguments",
    "BlockedArray",
    "Blocks",
    "Pause",
    "Pulses",
    "SavedSource",
    "Step",
    "block_operations",
    "copied",
    "describe_saved",
    "load_block",
    "no_arguments",
    "voltages_of",
]
