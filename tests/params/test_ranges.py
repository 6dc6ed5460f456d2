"""Ranges of polynomials from their roots, against a fine grid."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synaptogen.params.ranges import X_LIMIT, conducting_range, increasing_range, passive_limit

coefficients = st.floats(-1, 1).map(lambda c: round(c, 3))
polynomials = hnp.arrays(np.float64, st.integers(1, 6), elements=coefficients)


@settings(deadline=None, max_examples=200)
@given(polynomials, polynomials, st.floats(0.5, 4))
def test_ranges_of_envelopes_agree_with_a_grid(llrs, hhrs, limit):
    llrs[-1] = 1.0 + abs(llrs[-1])
    assume(hhrs[-1] < 0.9)
    u_range = conducting_range(llrs, hhrs, limit)
    assert 0 < u_range <= limit
    u = np.linspace(-1, 1, 2001) * u_range * (1 - 1e-9)
    low, high = np.polyval(llrs, u), np.polyval(hhrs, u)
    assert np.all(low > 0)
    assert np.all(low > high)
    if u_range < limit:  # then one of the conditions ends there, on one side at least
        ends = np.array([-u_range, u_range])
        margin = np.minimum(np.polyval(llrs, ends), np.polyval(np.polysub(llrs, hhrs), ends))
        assert abs(margin.min()) < 1e-4
    r_max = passive_limit(llrs, hhrs, u_range)
    assert np.all((1 - r_max) * low + r_max * high > -1e-6 * max(1, r_max))
    assert r_max == pytest.approx(np.min(low / (low - high)), rel=1e-2, abs=1e-3)


@settings(deadline=None, max_examples=200)
@given(polynomials)
def test_increasing_range_agrees_with_a_grid(polynomial):
    polynomial = np.append(polynomial, [0.5, 0.0])
    low, high = increasing_range(polynomial)
    assert -X_LIMIT <= low < 0 < high <= X_LIMIT
    slope = np.polyder(polynomial)
    scale = np.polyval(np.abs(slope), X_LIMIT)
    assert np.all(np.polyval(slope, np.linspace(low, high, 1001)) > -1e-9 * scale)
    for end in (low, high):
        assert abs(end) == X_LIMIT or abs(np.polyval(slope, end)) < 1e-9 * scale


def test_polynomials_without_roots():
    flat, steep = np.array([1.0]), np.array([0.0, 0.0, 2.0])
    assert conducting_range(steep, flat, 3.0) == 3.0
    assert passive_limit(steep, flat, 3.0) == 2.0
    assert increasing_range(np.array([1.0, 5.0])) == (-X_LIMIT, X_LIMIT)


def test_leading_rounding_error_is_no_root():
    assert increasing_range(np.array([1e-40, 1.0, 0.0])) == (-X_LIMIT, X_LIMIT)
    assert increasing_range(np.array([-1e-90, 0.5, 1.0, 0.0])) == (-1.0, X_LIMIT)


def test_envelopes_that_touch_without_crossing():
    llrs = np.polymul([1.0, -1.0], [1.0, -1.0])  # (U - 1)^2: not conducting at 1 V
    assert conducting_range(llrs, np.array([-1.0]), 3.0) == pytest.approx(1.0, abs=1e-5)


def test_ends_of_the_range_limit_r():
    llrs, hhrs = np.array([1.0, 2.0]), np.array([1.0, 0.0])  # G = 2 + U and U: the ratio is 1 + U/2, least at -u_range
    assert passive_limit(llrs, hhrs, 1.5) == pytest.approx(0.25)
