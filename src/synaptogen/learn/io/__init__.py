"""Measurements in and out: files, folders, tables, and a synthetic measurement."""

from .measurement import features, loops
from .reading import read
from .reads import reads
from .retention import read_retention
from .sample_data import sample_loops
from .writers import check_ending, write

__all__ = [
    "check_ending",
    "features",
    "loops",
    "read",
    "read_retention",
    "reads",
    "sample_loops",
    "write",
]
