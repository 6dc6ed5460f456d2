"""Saved arrays: zarr directories, from which an array resumes in exactly the state in which it was saved."""

from .saved_arrays import check_writable, load_state, save_state
from .zarr_format import (
    CHUNK,
    DAMAGE,
    Reader,
    Saved,
    Writer,
    damage_error,
    describe,
    open_saved,
    state_layout,
    update_counts,
)

__all__ = [
    "CHUNK",
    "DAMAGE",
    "Reader",
    "Saved",
    "Writer",
    "check_writable",
    "damage_error",
    "describe",
    "load_state",
    "open_saved",
    "save_state",
    "state_layout",
    "update_counts",
]
