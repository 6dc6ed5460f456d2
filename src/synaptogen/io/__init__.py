"""Saved arrays: zarr directories, from which an array resumes in exactly the state in which it was saved."""

from .description import (
    DAMAGE,
    Description,
    ReplacedError,
    Saved,
    damage_error,
    require_nothing_else,
    require_same,
    update_counts,
)
from .saved_arrays import check_writable, load_state, read_consistently, save_state
from .values import require_mixing, require_possible_cells
from .zarr_format import CHUNK, SPECIAL, Reader, Writer, state_layout

__all__ = [
    "CHUNK",
    "DAMAGE",
    "SPECIAL",
    "Description",
    "Reader",
    "ReplacedError",
    "Saved",
    "Writer",
    "check_writable",
    "damage_error",
    "load_state",
    "read_consistently",
    "require_mixing",
    "require_nothing_else",
    "require_possible_cells",
    "require_same",
    "save_state",
    "state_layout",
    "update_counts",
]
