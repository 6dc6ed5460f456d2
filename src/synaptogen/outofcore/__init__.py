"""Arrays larger than memory: cells on disk, brought into memory a block at a time."""

from .disk_array import DiskArray

__all__ = [
    "DiskArray",
]
