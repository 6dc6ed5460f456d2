"""Every operation of the table for lanes, compiled, against NumPy: exactly, as each is one correctly rounded step."""

import operator
from types import FunctionType

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numba import njit
from numba.core import errors

from synaptogen.engines.cpu.lanes import (
    MASK,
    OPTIONS,
    REAL,
    UINT32,
    W,
    data,
    first_where,
    lane_numbers,
    load,
    mask_bits,
    reals,
    scalar,
    store,
    store_where,
    sum_lanes,
    uint32s,
)
from synaptogen.engines.lanes import values
from synaptogen.model import ops, random

ELEMENTARY = {"log", "exp2", "pow_"}  # formulas themselves, see test_elementary


def operations():
    """Return the names in `synaptogen.model.ops`."""
    return {name for name, f in vars(ops).items() if isinstance(f, FunctionType) and f.__module__ == ops.__name__}


def test_every_named_operation_has_a_meaning_on_lanes():
    table = values.operations(REAL, UINT32, MASK)
    named = {row.key.__name__ for row in table if row.key not in vars(operator).values()}
    assert named | ELEMENTARY == operations()


# ---------------------------------------------------------------------------------------- real numbers


@njit(**OPTIONS)
def real_operations(x, y, out):
    """Write one row for each operation of two reals, with truth values as 0 and 1."""
    x_, y_, out_ = data(x), data(y), data(out)
    one, zero = reals(1.0), reals(0.0)
    for at in range(0, x.size, W):
        a, b = load(x_, at), load(y_, at)
        row = at
        for value in (
            a + b,
            a - b,
            a * b,
            a / b,
            -a,
            ops.rounded_mul(a, b) + a,
            a - ops.rounded_mul(b, 0.1),
            ops.maximum(a, b),
            ops.minimum(a, b),
            ops.absolute(a),
            ops.sqrt(ops.absolute(a)),
            ops.floor(a),
            ops.where(a < b, one, zero),
            ops.where(a <= b, one, zero),
            ops.where(a > b, one, zero),
            ops.where(a >= b, one, zero),
            ops.where(a == b, one, zero),
            ops.where(a != b, one, zero),
            ops.where(a < b, a, b),
            ops.where((a < b) & (a > zero), one, zero),
            ops.where((a < b) | (a > zero), one, zero),
            ops.where((a < b) ^ (a > zero), one, zero),
            ops.where(~(a < b), one, zero),
            a + 0.1,
            0.1 + a,
            a - 0.1,
            0.1 - a,
            a * 0.1,
            0.1 * a,
            a / 0.1,
            0.1 / b,
            ops.maximum(a, 0.1),
            ops.minimum(0.1, a),
            ops.where(a < 0.1, a, 0.1),
            ops.where(0.1 < a, 0.1, a),  # noqa: SIM300
        ):
            store(out_, row, value)
            row += x.size


def real_operations_in_numpy(a, b):
    tenth = np.float32(0.1)  # Python's numbers are weak: they take on the precision of the lanes
    return [
        a + b,
        a - b,
        a * b,
        a / b,
        -a,
        a * b + a,
        a - b * tenth,
        np.maximum(a, b),
        np.minimum(a, b),
        np.abs(a),
        np.sqrt(np.abs(a)),
        np.floor(a),
        a < b,
        a <= b,
        a > b,
        a >= b,
        a == b,
        a != b,
        np.where(a < b, a, b),
        (a < b) & (a > 0),
        (a < b) | (a > 0),
        (a < b) ^ (a > 0),
        ~(a < b),
        a + tenth,
        tenth + a,
        a - tenth,
        tenth - a,
        a * tenth,
        tenth * a,
        a / tenth,
        tenth / b,
        np.maximum(a, tenth),
        np.minimum(tenth, a),
        np.where(a < tenth, a, tenth),
        np.where(tenth < a, tenth, a),
    ]


singles = st.floats(width=32, allow_nan=False, allow_infinity=False)
lanes_of_reals = hnp.arrays(np.float32, 2 * W, elements=singles)


@given(lanes_of_reals, lanes_of_reals)
def test_real_operations(a, b):
    with np.errstate(all="ignore"):
        expected = real_operations_in_numpy(a, b)
    out = np.empty((len(expected), a.size), np.float32)
    real_operations(a, b, out)
    for row, exact in enumerate(expected):
        fits = np.isfinite(exact)  # overflow and division by zero are not defined for lanes
        assert np.array_equal(out[row][fits], exact.astype(np.float32)[fits]), f"operation {row}"


# ---------------------------------------------------------------------------------------- 32-bit integers


@njit(**OPTIONS)
def uint32_operations(v, w, x, out, real_out):
    """Write rows of integers (arithmetic and bits), and rows of reals (conversions); x holds whole numbers."""
    v_, w_, x_, out_, real_ = data(v), data(w), data(x), data(out), data(real_out)
    one, zero = uint32s(1), uint32s(0)
    for at in range(0, v.size, W):
        a, b, c = load(v_, at), load(w_, at), load(x_, at)
        k = b & 31
        row = at
        for value in (
            a + b,
            a - b,
            a * b,
            a & b,
            a | b,
            a ^ b,
            a << k,
            a >> k,
            ops.wide_product(a, b)[0],
            ops.wide_product(a, b)[1],
            ops.shift_right_signed(a, k),
            ops.where(a < b, one, zero),
            ops.where(a <= b, one, zero),
            ops.where(a > b, one, zero),
            ops.where(a >= b, one, zero),
            ops.where(a == b, one, zero),
            ops.where(a != b, one, zero),
            ops.where(a < b, a, b),
            ops.signed_word(c),
            ops.bits(c),
            a + 1,
            a - 1,
            a * 0xCD9E8D57,
            a & 0x40000000,
            a | 0x80000000,
            a ^ 0xFFFFFFFF,
            a << 7,
            a >> 31,
            ops.wide_product(a, 0xD2511F53)[0],
            ops.wide_product(a, 0xD2511F53)[1],
            ops.shift_right_signed(a, 23),
            ops.where(a == 0, a, 3),
            ops.where(a >= 0x80000000, one, zero),
        ):
            store(out_, row, value)
            row += v.size
        row = at
        for real in (
            ops.real(a),
            ops.signed_real(a),
            ops.flip_sign(c, a),
            ops.from_bits(ops.bits(c)),
            ops.from_bits((a & 0x3FFFFFFF) + 0x01000000),
        ):
            store(real_, row, real)
            row += v.size


def uint32_operations_in_numpy(a, b, c):
    k = b & np.uint32(31)
    wide, signed = a.astype(np.uint64), a.view(np.int32)
    numbers = [
        a + b,
        a - b,
        a * b,
        a & b,
        a | b,
        a ^ b,
        a << k,
        a >> k,
        wide * b >> np.uint64(32),
        wide * b,
        signed >> k.view(np.int32),
        a < b,
        a <= b,
        a > b,
        a >= b,
        a == b,
        a != b,
        np.where(a < b, a, b),
        c.astype(np.int32),
        c.view(np.uint32),
        a + np.uint32(1),
        a - np.uint32(1),
        a * np.uint32(0xCD9E8D57),
        a & np.uint32(0x40000000),
        a | np.uint32(0x80000000),
        ~a,
        a << np.uint32(7),
        a >> np.uint32(31),
        wide * np.uint64(0xD2511F53) >> np.uint64(32),
        wide * np.uint64(0xD2511F53),
        signed >> np.int32(23),
        np.where(a == 0, a, 3),
        a >= 0x80000000,
    ]
    reals_ = [
        a.astype(np.float32),
        signed.astype(np.float32),
        np.where(a >= 2**31, -c, c),
        c,
        ((a & np.uint32(0x3FFFFFFF)) + np.uint32(0x01000000)).view(np.float32),
    ]
    return [n.view(np.uint32) if n.dtype == np.int32 else n.astype(np.uint32) for n in numbers], reals_


ONES = np.ones(2 * W, np.uint32), np.ones(2 * W, np.uint32), np.ones(2 * W, np.float32)


@pytest.fixture(scope="module", autouse=True)
def compile_first():
    """Compile first, so that a formula that does not compile is no failing example for Hypothesis to shrink."""
    uint32_operations(*ONES, np.empty((100, 2 * W), np.uint32), np.empty((100, 2 * W), np.float32))
    real_operations(ONES[2], ONES[2], np.empty((100, 2 * W), np.float32))


lanes_of_words = hnp.arrays(np.uint32, 2 * W, elements=st.integers(0, 2**32 - 1))
whole_numbers = hnp.arrays(np.float32, 2 * W, elements=st.integers(-(2**24), 2**24))


@given(lanes_of_words, lanes_of_words, whole_numbers)
def test_uint32_operations(a, b, c):
    numbers, reals_ = uint32_operations_in_numpy(a, b, c)
    out = np.empty((len(numbers), a.size), np.uint32)
    real_out = np.empty((len(reals_), a.size), np.float32)
    uint32_operations(a, b, c, out, real_out)
    for row, expected in enumerate(numbers):
        assert np.array_equal(out[row], expected), f"operation {row}"
    for row, expected in enumerate(reals_):
        assert np.array_equal(real_out[row], expected), f"conversion {row}"
        assert np.array_equal(np.signbit(real_out[row]), np.signbit(expected)), f"sign of conversion {row}"


@given(lanes_of_words, lanes_of_words, whole_numbers)
def test_named_operations_in_numpy_mean_the_same(a, b, c):
    """Check the plain Python form of the operations on integers, which formulas use on the reference engine."""
    product = [int(word) * 0xD2511F53 for word in a]
    high, low = ops.wide_product(a, 0xD2511F53)
    assert high.tolist() == [p >> 32 for p in product]
    assert low.tolist() == [p % 2**32 for p in product]
    assert high.dtype == low.dtype == np.uint32
    assert np.array_equal(ops.real(a), a.astype(np.float64))
    assert np.array_equal(ops.signed_real(a), a.view(np.int32).astype(np.float64))
    assert np.array_equal(ops.flip_sign(c, a), np.where(a >= 2**31, -c, c))
    assert np.array_equal(ops.from_bits(ops.bits(c)), c)
    assert np.array_equal(ops.signed_word(c), c.astype(np.int32).view(np.uint32))
    assert np.array_equal(ops.shift_right_signed(a, 5), (a.view(np.int32) >> 5).view(np.uint32))
    assert ops.any_(a > b) == bool((a > b).any())


# ---------------------------------------------------------------------------------------- lanes and memory


@njit(**OPTIONS)
def lane_operations(x, w, out, words_out, facts):
    x_, w_, out_, words_ = data(x), data(w), data(out), data(words_out)
    a, b = load(x_, 0), load(x_, W)
    mask = a < b
    store_where(out_, 0, a, mask)
    store(out_, W, reals(scalar(x_, 3)))
    store(words_, 0, uint32s(scalar(w_, 1)))
    store(words_, W, lane_numbers())
    facts[0] = ops.any_(mask)
    facts[1] = mask_bits(mask)
    facts[2] = first_where(load(w_, 0), mask) if ops.any_(mask) else 0
    return sum_lanes(a)


@given(lanes_of_reals, lanes_of_words)
def test_lanes_and_memory(x, w):
    assume(np.all(np.abs(x) < 1e30))
    x = np.append(x, np.float32([0] * 4))
    w = np.append(w, np.uint32([0] * 4))
    out, words_out, facts = np.full(2 * W, 7, np.float32), np.zeros(2 * W, np.uint32), np.zeros(3, np.uint32)
    found = lane_operations(x, w, out, words_out, facts)
    a, b = x[:W], x[W : 2 * W]
    mask = a < b
    assert np.array_equal(out[:W], np.where(mask, a, np.float32(7)))
    assert np.array_equal(out[W:], np.full(W, x[3]))
    assert np.array_equal(words_out, np.concatenate([np.full(W, w[1]), np.arange(W)]))
    assert facts[0] == mask.any()
    assert facts[1] == sum(1 << lane for lane in np.flatnonzero(mask))
    assert facts[2] == (w[:W][mask][0] if mask.any() else 0)
    scale = np.abs(a).sum(dtype=np.float64)
    assert abs(float(found) - a.sum(dtype=np.float64)) <= 1e-6 * scale + 1e-40


@njit(**OPTIONS)
def philox_on_lanes(counter, key, out):
    counter_, out_ = data(counter), data(out)
    n = counter.shape[1]
    for at in range(0, n, W):
        row = at
        c0, c1, c2, c3 = (
            load(counter_, at),
            load(counter_, n + at),
            load(counter_, 2 * n + at),
            load(counter_, 3 * n + at),
        )
        for word in random.philox(c0, c1, c2, c3, key[0], key[1]):
            store(out_, row, word)
            row += n


@given(hnp.arrays(np.uint32, (4, W), elements=st.integers(0, 2**32 - 1)), st.integers(0, 2**64 - 1))
def test_philox_on_lanes_is_philox(counter, seed):
    key = np.array([seed & 0xFFFFFFFF, seed >> 32], np.uint32)
    out = np.empty_like(counter)
    philox_on_lanes(counter, key, out)
    assert np.array_equal(out, np.stack(random.philox(*counter, key[:1], key[1:])))


def test_philox_on_lanes_gives_the_published_answer():
    out = np.empty((4, W), np.uint32)
    philox_on_lanes(np.zeros((4, W), np.uint32), np.zeros(2, np.uint32), out)
    assert [f"{word:08x}" for word in out[:, -1]] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]


# ---------------------------------------------------------------------------------------- what lanes refuse


@njit(**OPTIONS)
def integer_times_real(x):
    return sum_lanes(load(data(x), 0) * 2)


@njit(**OPTIONS)
def power_operator(x):
    return sum_lanes(load(data(x), 0) ** 2.0)


@njit(**OPTIONS)
def uint32_plus_float(w):
    return mask_bits(load(data(w), 0) + 0.5 > 1.0)


@njit(**OPTIONS)
def branch_on_mask(x):
    if load(data(x), 0) > 0.0:
        return 1
    return 0


@pytest.mark.parametrize(
    ("formula", "dtype"),
    [
        (integer_times_real, np.float32),
        (power_operator, np.float32),
        (uint32_plus_float, np.uint32),
        (branch_on_mask, np.float32),
    ],
)
def test_what_has_no_meaning_on_lanes_is_an_error(formula, dtype):
    with pytest.raises(errors.NumbaError):
        formula(np.ones(W, dtype))
