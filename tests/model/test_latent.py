"""One step of the latent process and the draw of a device, against matrix products."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synaptogen.model import latent, polynomial, population

four = hnp.arrays(np.float64, 4, elements=st.floats(-5, 5))
square = hnp.arrays(np.float64, (4, 4), elements=st.floats(-2, 2))


def close(found, expected):
    return np.allclose(found, expected, rtol=1e-12, atol=1e-12)


@given(four, square)
def test_innovation_is_a_lower_triangular_matrix_times_normals(e, b):
    assert close(latent.innovation(e, b), np.tril(b) @ e)


@given(four, square, four)
def test_columns_add_up_to_a_matrix_product(x, a, m):
    y = x
    for k in range(4):
        y = latent.add_scaled(y, a[:, k], m[k])
    assert close(y, x + a @ m)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=7), st.floats(-2, 2))
def test_polynomials_have_their_highest_power_first(coefficients, x):
    expected = sum(c * x**power for power, c in enumerate(reversed(coefficients)))
    assert polynomial.poly(tuple(coefficients), x) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_components_are_chosen_by_their_shares_of_all_words():
    starts = np.array([0, 2**30, 3 * 2**30], np.uint32)  # shares of 1/4, 1/2, 1/4
    words = np.array([0, 2**30 - 1, 2**30, 3 * 2**30 - 1, 3 * 2**30, 2**32 - 1], np.uint32)
    component = sum(population.chosen(words, start).astype(int) for start in starts) - 1
    assert component.tolist() == [0, 0, 1, 1, 2, 2]


@given(st.floats(-20, 20))
def test_log_sigma_is_a_natural_logarithm(sigma):
    assert population.scale(sigma) == pytest.approx(np.exp(sigma), rel=1e-12)
