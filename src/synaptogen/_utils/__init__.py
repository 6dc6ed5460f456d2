"""Helpers without device physics: argument checks, array types, optional libraries, files, threads, memory."""

from . import checks
from .arrays import (
    AnyArray,
    BoolArray,
    Float32Array,
    Float64Array,
    IntArray,
    PathLike,
    Progress,
    RealArray,
    Shape,
    writeable,
)
from .atomic import flush, remove_leftovers, replacing
from .checks import one_of, positive_int
from .figure_style import DARK, FAINT, MICRO, OHM, OKABE_ITO, STYLE, draw_map, new_figure, styled, whole_numbers
from .memory import allocate, available_memory, require_cells, require_memory
from .messages import notice
from .optional import missing, require
from .rng import RNG, seed_of
from .threads import SMALLEST, default_threads, pieces_of, pool, share

__all__ = [
    "DARK",
    "FAINT",
    "MICRO",
    "OHM",
    "OKABE_ITO",
    "RNG",
    "SMALLEST",
    "STYLE",
    "AnyArray",
    "BoolArray",
    "Float32Array",
    "Float64Array",
    "IntArray",
    "PathLike",
    "Progress",
    "RealArray",
    "Shape",
    "allocate",
    "available_memory",
    "checks",
    "default_threads",
    "draw_map",
    "flush",
    "missing",
    "new_figure",
    "notice",
    "one_of",
    "pieces_of",
    "pool",
    "positive_int",
    "remove_leftovers",
    "replacing",
    "require",
    "require_cells",
    "require_memory",
    "seed_of",
    "share",
    "styled",
    "whole_numbers",
    "writeable",
]
