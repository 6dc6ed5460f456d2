"""Arrays larger than memory: cells on disk, brought into memory block by block."""

from .disk_array import DiskArray

__all__ = [
    "DiskArray",
]
