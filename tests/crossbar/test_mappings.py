"""Weights to conductances and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaptogen.crossbar import BitSlicing, DifferentialPair, OffsetColumn

LOW, HIGH = 20e-6, 200e-6
MAPPINGS = [
    DifferentialPair(LOW, HIGH),
    DifferentialPair(0.0, HIGH, w_max=3.0),
    OffsetColumn(LOW, HIGH, w_max=0.5),
    BitSlicing(LOW, HIGH, base=2, levels=16),
    BitSlicing(LOW, HIGH, w_max=2.0, base=10, levels=137),
    BitSlicing(LOW, HIGH, base=5, levels=2),
    BitSlicing(LOW, HIGH, base=2, levels=16, offset=True),
    BitSlicing(0.0, HIGH, w_max=3.0, base=7, levels=100, offset=True),
]
each = pytest.mark.parametrize("mapping", MAPPINGS, ids=repr)


def weights(mapping, shape=(5, 7), seed=0):
    return np.random.default_rng(seed).uniform(-mapping.w_max, mapping.w_max, shape)


def represented(mapping, w):
    return mapping.rounded(w) if isinstance(mapping, BitSlicing) else w


@each
def test_weights_come_back(mapping):
    w = weights(mapping)
    targets = mapping.targets(w)
    assert targets.shape == (mapping.lines(5), 7)
    assert np.all((targets >= mapping.g_min * (1 - 1e-12)) & (targets <= mapping.g_max * (1 + 1e-12)))
    assert np.allclose(mapping.combine(targets), represented(mapping, w), rtol=0, atol=1e-12 * mapping.w_max)


@each
def test_line_currents_combine_to_products(mapping):
    w = weights(mapping)
    v = np.random.default_rng(1).uniform(-0.2, 0.2, (7, 3))
    assert np.allclose(mapping.combine(mapping.targets(w) @ v), represented(mapping, w) @ v, atol=1e-12)


@each
def test_the_ends_of_the_range(mapping):
    w = np.array([[mapping.w_max, -mapping.w_max, 0.0]])
    targets = mapping.targets(w)
    if not isinstance(mapping, BitSlicing) or (mapping.levels == mapping.base**mapping.digits and not mapping.offset):
        assert np.isclose(targets.max(), mapping.g_max, atol=0)
    assert np.allclose(mapping.combine(targets), w, atol=1e-12)


def test_a_pair_by_hand():
    targets = DifferentialPair(20e-6, 120e-6, w_max=2.0).targets([[1.0, -2.0], [0.0, 0.5]])
    assert np.allclose(targets * 1e6, [[70, 20], [20, 120], [20, 45], [20, 20]])


def test_an_offset_by_hand():
    targets = OffsetColumn(20e-6, 120e-6, w_max=2.0).targets([[1.0, -2.0]])
    assert np.allclose(targets * 1e6, [[95, 20], [70, 70]])


def test_slices_by_hand():
    """-11 of 0 ... 26 is -(102 in base 3), the lowest digit first."""
    mapping = BitSlicing(0.0, 2e-6, w_max=26.0, base=3, levels=27)
    targets = mapping.targets([[-11.2, 5.0]])
    assert mapping.digits == 3
    assert np.allclose(targets * 1e6, [[0, 2], [2, 0], [0, 1], [0, 0], [0, 0], [1, 0]])


def test_slices_with_an_offset_by_hand():
    """-11 and 5 of -26 ... 26 are 15 and 31 above -26: 120 and 1011 in base 3, the lowest digit first."""
    mapping = BitSlicing(0.0, 2e-6, w_max=26.0, base=3, levels=27, offset=True)
    targets = mapping.targets([[-11.2, 5.0]])
    assert np.allclose(targets * 1e6, [[0, 1], [2, 1], [1, 0], [0, 1], [1, 1]])


@given(st.integers(2, 12), st.integers(2, 5000), st.booleans())
def test_any_base_and_number_of_levels(base, levels, offset):
    mapping = BitSlicing(LOW, HIGH, base=base, levels=levels, offset=offset)
    numbers = 2 * levels - 1 if offset else levels
    assert base ** (mapping.digits - 1) < numbers <= base**mapping.digits or mapping.digits == 1
    w = np.linspace(-1, 1, 21)[None]
    back = mapping.combine(mapping.targets(w))
    assert np.allclose(back, np.rint(w * (levels - 1)) / (levels - 1), atol=1e-9)


@each
def test_weights_beyond_the_range(mapping):
    w = np.array([[0.0, 1.5 * mapping.w_max, -2 * mapping.w_max]])
    with pytest.raises(ValueError, match=r"2 of 3 weights are beyond w_max.*clip"):
        mapping.targets(w)
    assert mapping.beyond(w) == 2
    clipped = mapping.combine(mapping.targets(w, outside="clip"))
    assert np.allclose(clipped, [[0.0, mapping.w_max, -mapping.w_max]], atol=1e-12)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((0, 3)), [[np.nan, 0.0]], [[np.inf]]])
def test_weights_of_the_wrong_kind(bad):
    with pytest.raises(ValueError, match="weights"):
        MAPPINGS[0].targets(bad)


def test_mappings_of_the_wrong_kind():
    for bad in [(-1e-6, 1e-4), (1e-4, 1e-5), (np.nan, 1e-4), (0.0, np.inf)]:
        with pytest.raises(ValueError, match="g_min"):
            DifferentialPair(*bad)
    with pytest.raises(ValueError, match="w_max"):
        DifferentialPair(LOW, HIGH, w_max=0.0)
    with pytest.raises(ValueError, match="base"):
        BitSlicing(LOW, HIGH, base=1)
    with pytest.raises(TypeError, match="levels"):
        BitSlicing(LOW, HIGH, levels=2.5)
    with pytest.raises(TypeError, match="offset"):
        BitSlicing(LOW, HIGH, offset="no")
    with pytest.raises(ValueError, match="outside"):
        MAPPINGS[0].targets([[0.0]], outside="wrap")


@each
def test_lines_that_no_weights_make(mapping):
    count = len(mapping.coefficients)
    wrong = 0 if mapping.reference is None else 1
    for bad in (np.zeros(()), np.zeros((wrong, 3)), np.zeros((2 * count + wrong + (1 if count > 1 else -wrong), 3))):
        if count == 1 and len(np.atleast_1d(bad)) > 1:
            continue
        with pytest.raises(ValueError, match="lines"):
            mapping.combine(bad)
