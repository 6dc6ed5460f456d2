"""Saved arrays: a zarr directory that resumes with the exact state."""

from .saved_arrays import load_state, save_state, writable
from .zarr_format import CHUNK, DAMAGE, Reader, Saved, Writer, damaged, described, layout_of, opened, recount

__all__ = [
    "CHUNK",
    "DAMAGE",
    "Reader",
    "Saved",
    "Writer",
    "damaged",
    "described",
    "layout_of",
    "load_state",
    "opened",
    "recount",
    "save_state",
    "writable",
]
