"""How arrays are cut: every cell once, chunks within blocks, and voltages go where NumPy would broadcast them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaptogen._utils import checks
from synaptogen.blocked.blocks import ALIGNED, Blocks, default_block

shapes = st.lists(st.integers(1, 300), min_size=1, max_size=3).map(tuple)


@given(shapes, st.integers(1, 5000))
def test_blocks_hold_every_cell_once(shape, most):
    blocks = Blocks(shape, most)
    flat = np.arange(math.prod(shape)).reshape(shape)
    parts = [blocks.part(k, flat).ravel() for k in range(len(blocks))]
    assert np.array_equal(np.concatenate(parts), flat.ravel())
    for k, part in enumerate(parts):
        assert (blocks.first_cell(k), blocks.size_of(k)) == (part[0], len(part))
        assert math.prod(blocks.shape_of(k)) == len(part)
        assert len(part) <= max(most, math.prod(shape[1:]))
        assert blocks.first_cell(k) % blocks.chunk == 0
    if len(blocks) > 1 and most >= ALIGNED * math.prod(shape[1:]):
        assert blocks.first_cell(1) % ALIGNED == 0


@given(st.integers(2, 10**7), st.integers(1, 10**9))
def test_chunks_divide_blocks(entries, most):
    blocks = Blocks((entries, 3), most)
    assert blocks.size_of(0) % blocks.chunk == 0


@pytest.mark.parametrize("size", [20.0, 60.0, 228.0, 1e3])
def test_blocks_by_default(size):
    assert 2**26 < default_block(size) * size <= 2**27


@given(shapes, st.data())
def test_alignment_is_that_of_numpy(shape, data):
    given = data.draw(st.lists(st.sampled_from([1, *shape, 2]), max_size=len(shape) + 1).map(tuple))
    values = np.arange(math.prod(given)).reshape(given)
    try:
        expected = np.broadcast_to(values, shape)
    except ValueError:
        with pytest.raises(ValueError, match="u has shape"):
            checks.aligned("u", values, shape)
        return
    aligned = checks.aligned("u", values, shape)
    assert aligned.ndim == len(shape)
    assert np.array_equal(np.broadcast_to(aligned, shape), expected)
    behind = checks.aligned("u", np.stack([values, values]), shape, first=True)
    assert behind.shape == (2, *aligned.shape)
