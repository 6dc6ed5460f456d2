"""The kernel that moves packed cells to another instant.

Packed cells do not tell what was written: it is kept from move to move, with what the last move left, in three words of
a cell: the write that the cell has last seen; the code that was written, and above it the one that was left; and the
status that was left.
"""

from typing import Any

from numba import njit

from synaptogen.engines.cpu.kernels import params_from
from synaptogen.engines.cpu.lanes import OPTIONS, W, data, in_cache_key, load, scalar, store, uint32s
from synaptogen.engines.cpu.layout import Arrays, UInt32Array, ids
from synaptogen.engines.cpu.moving import Move, pointers_of, state_of_lanes
from synaptogen.model import where

from .codes import decode, encode
from .layout import load_codes, packed_cells, store_codes

WORDS = 3


def compile_move(revision: str) -> Any:
    """Return the kernel for one state of the sources, as `engines.cpu.kernels.compile_kernels` does.

    Parameters
    ----------
    revision : str
        Digest of the sources, which becomes part of the cache key.

    Returns
    -------
    callable
    """

    @njit(cache=True, **OPTIONS)
    def move_cells(
        first: int,
        last: int,
        state_arrays: Arrays,
        consecutive: bool,
        first_id: int,
        param_arrays: Arrays,
        move: Move,
        memory: UInt32Array,
    ) -> None:
        """Move cells: bring ``memory`` up to date, and write the codes of their mixing states at the instant."""
        in_cache_key(revision)
        cells = packed_cells(state_arrays, consecutive, first_id)
        params, to = params_from(param_arrays), pointers_of(move)
        words, n = data(memory), memory.shape[1]
        for group in range(first, last):
            at = group * W
            code, status, kept = load_codes(cells.r, at), load(cells.status, at), load(words, n + at)
            fresh = (status != load(words, 2 * n + at)) | (code != (kept >> 16))
            here = where(fresh, uint32s(to.present), load(words, at))
            store(words, at, here)
            written = where(fresh, code, kept & 0xFFFF)
            lo, hi = ids(cells, group)
            before = decode(written, cells.scales.r)
            r = state_of_lanes(before, lo, hi, here, scalar(words, at), to, params.k0, params.k1)
            left = encode(r, cells.scales.r)
            store_codes(cells.r, at, left)
            store(words, n + at, written | (left << 16))
            store(words, 2 * n + at, status)

    return move_cells
