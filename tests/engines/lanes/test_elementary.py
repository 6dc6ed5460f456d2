"""log, exp2 and pow as compiled for lanes, against float64 NumPy, in units in the last place (ulp)."""

import numpy as np
import pytest
from numba import njit

from synaptogen.engines.cpu.lanes import OPTIONS, W, data, load, store
from synaptogen.engines.lanes import elementary
from synaptogen.model import ops
from synaptogen.params.device_params import DeviceParams

SMALLEST = np.float32(2.0**-126)  # smallest normal number
N = 1 << 18


@njit(**OPTIONS)
def on_lanes(x, y, out):
    """Write rows of log x, 2**y, x**y, and x**eta for a plain number eta."""
    x_, y_, out_ = data(x), data(y), data(out)
    for at in range(0, x.size, W):
        store(out_, at, ops.log(load(x_, at)))
        store(out_, x.size + at, ops.exp2(load(y_, at)))
        store(out_, 2 * x.size + at, ops.pow_(load(x_, at), load(y_, at)))
        store(out_, 3 * x.size + at, ops.pow_(load(x_, at), 3.0567))


def evaluated(x, y=1.0):
    x, y = np.broadcast_arrays(np.asarray(x, np.float32), np.asarray(y, np.float32))
    n, size = x.size, -(-x.size // W) * W
    padded = [np.concatenate([part.ravel(), np.ones(size - n, np.float32)]) for part in (x, y)]
    out = np.empty((4, size), np.float32)
    on_lanes(*padded, out)
    return out[:, :n]


def ulps(found, exact):
    """Return the distance in units of the last place of the exact value."""
    return np.abs(found.astype(np.float64) - exact) / np.spacing(np.abs(exact).astype(np.float32))


@pytest.fixture
def any_normal():
    """Return positive normal numbers of all exponents."""
    patterns = np.random.default_rng(1).integers(0x00800000, 0x7F800000, N, dtype=np.uint32)
    return patterns.view(np.float32)


def test_log(any_normal):
    near_one = np.random.default_rng(2).uniform(0.5, 2.0, N).astype(np.float32)
    for x in (any_normal, near_one):
        x = x[x != 1]
        assert ulps(evaluated(x)[0], np.log(x.astype(np.float64))).max() < 2
    assert evaluated(1.0)[0, 0] == 0.0
    neighbours = np.nextafter(np.float32(1.0), np.array([0, 2], np.float32))
    assert ulps(evaluated(neighbours)[0], np.log(neighbours.astype(np.float64))).max() < 2


def test_log_of_uniform_numbers_is_never_positive():
    # as the normals use it: the square root of -2 log u must exist for the largest u, which rounds to 1
    u = np.concatenate([1 - np.arange(2000) * 2.0**-24, [2.0**-33]])
    assert evaluated(u)[0].max() <= 0.0


def test_exp2():
    y = np.random.default_rng(3).uniform(-126, 127, N).astype(np.float32)
    assert ulps(evaluated(1.0, y)[1], np.exp2(y.astype(np.float64))).max() < 2
    whole = np.arange(-126, 128)
    assert np.array_equal(evaluated(1.0, whole)[1], np.ldexp(np.float32(1.0), whole))


def test_exp2_of_exponents_out_of_range_is_held_to_normal_numbers():
    assert np.all(evaluated(1.0, [-127, -150, -1e4, -1e30])[1] == SMALLEST)
    assert np.all(evaluated(1.0, [127.5, 128, 1e30])[1] == np.float32(2.0**127))


@pytest.mark.parametrize("exponent", [3.0567, 0.5, 1.0, 2.5, 10.0])
def test_pow(exponent):
    x = np.concatenate([np.random.default_rng(4).uniform(0, 2, N), 10 ** np.random.default_rng(5).uniform(-8, 3, N)])
    x = x.astype(np.float32)
    exact = x.astype(np.float64) ** np.float64(np.float32(exponent))
    error = ulps(evaluated(x, exponent)[2], exact)
    # the error of the logarithm, times the exponent, adds to that of 2**y: y log2(x) is rounded to single precision
    size = np.abs(exponent * np.log2(np.maximum(x.astype(np.float64), 1e-30)))
    inside = exact > 2.0**-125
    assert np.all(error[inside] < (2 + 2 * size)[inside])
    assert error[inside & (size < 1)].max() < 3


def test_pow_with_the_exponent_of_the_reset_transition():
    x = np.linspace(1e-3, 1.5, N).astype(np.float32)
    found = evaluated(x)[3].astype(np.float64)
    assert np.abs(found / x.astype(np.float64) ** np.float64(np.float32(3.0567)) - 1).max() < 3e-6


def test_pow_at_zero_and_at_u_max_is_next_to_nothing():
    assert 0 <= evaluated(0.0, 2.5)[2, 0] <= SMALLEST
    assert np.all(evaluated(np.zeros(3), [0.1, 1.0, 30.0])[2] <= np.float32(2.0**-12))
    u_max = np.float32(DeviceParams.preset("hennen2024").u_max)
    assert 0 <= evaluated(u_max - u_max)[3, 0] <= SMALLEST
    assert np.all(evaluated(np.float32([1e-40, 1e-45]), 2.5)[2] <= SMALLEST)  # subnormal numbers


def test_formulas_in_plain_python_agree_with_the_compiled_ones(any_normal):
    x = any_normal[:1000]
    y = np.linspace(-100, 100, 1000, dtype=np.float32)
    found = evaluated(x, y)
    for row, plain in [(0, elementary.log_f32(x)), (1, elementary.exp2_f32(y))]:
        assert np.allclose(found[row], plain, rtol=3e-6, atol=1e-7)
