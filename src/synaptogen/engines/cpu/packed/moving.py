"""The kernel that moves packed cells to another instant.

Packed cells do not tell what was written: it is kept from move to move, with what the last move left, in three words of
a cell: the write that the cell has last seen; the code that was written, and above it the one that was left; and the
status that was left.
"""

from typing import Any

from numba import njit

from synaptogen.engines.cpu.kernels import params_from
from synaptogen.engines.cpu.lanes import INLINE, OPTIONS, Pointer, W, data, in_cache_key, load, scalar, store, uint32s
from synaptogen.engines.cpu.layout import Arrays, UInt32Array
from synaptogen.engines.cpu.moving import Move, pointers_of, states_at
from synaptogen.model import Real, UInt32, where

from .codes import decode, encode
from .layout import Packed, load_codes, packed_cells, store_codes

WORDS = 3


@njit(**INLINE)
def _last_write(cells: Packed, words: Pointer, n: int, group: int, present: int) -> tuple[UInt32, UInt32]:
    """Return which write the cells of a group have last seen, and the codes that it wrote."""
    at = group * W
    code, kept = load_codes(cells.r, at), load(words, n + at)
    fresh = (load(cells.status, at) != load(words, 2 * n + at)) | (code != (kept >> 16))
    return where(fresh, uint32s(present), load(words, at)), where(fresh, code, kept & 0xFFFF)


@njit(**INLINE)
def _leave(cells: Packed, words: Pointer, n: int, group: int, written: UInt32, r: Real) -> None:
    """Store the mixing states of a group, and what the next move has to know of this one."""
    at = group * W
    left = encode(r, cells.scales.r)
    store_codes(cells.r, at, left)
    store(words, n + at, written | (left << 16))
    store(words, 2 * n + at, load(cells.status, at))


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
        for group in range(first, last, 2):
            other = min(group + 1, last - 1)  # the last group may be alone
            here_a, a = _last_write(cells, words, n, group, to.present)
            here_b, b = _last_write(cells, words, n, other, to.present)
            store(words, group * W, here_a)
            store(words, other * W, here_b)
            written = decode(a, cells.scales.r), decode(b, cells.scales.r)
            first_write = scalar(words, group * W)
            r = states_at((group, other), written, (here_a, here_b), first_write, to, params, cells)
            _leave(cells, words, n, group, a, r[0])
            _leave(cells, words, n, other, b, r[1])

    return move_cells
