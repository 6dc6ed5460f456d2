"""Helpers without device physics: argument checks, array types, optional libraries, files, threads, memory."""

from . import checks
from .arguments import checked, require_fields
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
from .atomic import replacing, resolved, sync, sync_tree
from .checks import one_of, positive_int
from .distribution import DISTRIBUTION, install_command, require_own_folder
from .figure_style import (
    DARK,
    FAINT,
    MICRO,
    OHM,
    OKABE_ITO,
    STYLE,
    draw_map,
    literal,
    new_figure,
    styled,
    whole_numbers,
)
from .folders import in_unfinished, leftovers, replacing_folder, set_aside, writing
from .interrupts import Uninterrupted, give_back, take_over
from .memory import allocate, available_memory, require_cells, require_memory, return_free_memory
from .messages import notice
from .operands import as_array
from .optional import missing, require
from .rng import RNG, seed_of
from .small_files import load_small, parse_json, parse_object, require_regular
from .text import plain_number, printable
from .threads import SMALLEST, default_threads, pieces_of, pool, share

__all__ = [
    "DARK",
    "DISTRIBUTION",
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
    "Uninterrupted",
    "allocate",
    "as_array",
    "available_memory",
    "checked",
    "checks",
    "default_threads",
    "draw_map",
    "give_back",
    "in_unfinished",
    "install_command",
    "leftovers",
    "literal",
    "load_small",
    "missing",
    "new_figure",
    "notice",
    "one_of",
    "parse_json",
    "parse_object",
    "pieces_of",
    "plain_number",
    "pool",
    "positive_int",
    "printable",
    "replacing",
    "replacing_folder",
    "require",
    "require_cells",
    "require_fields",
    "require_memory",
    "require_own_folder",
    "require_regular",
    "resolved",
    "return_free_memory",
    "seed_of",
    "set_aside",
    "share",
    "styled",
    "sync",
    "sync_tree",
    "take_over",
    "whole_numbers",
    "writeable",
    "writing",
]
