"""Random numbers: Philox against its published vectors, normals against their law.

False alarms: every statistical test bounds its z-scores at 6 (2e-9 each, see `unlikely`) or its p-values at 1e-6, so
the file as a whole would fail by chance less than once in 10,000 choices of its fixed seeds.
"""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from synaptogen.model import ops, random

CELLS = 1 << 18
words32 = st.integers(0, 2**32 - 1)


def word(value):
    return np.array(value, np.uint32).reshape(-1)


def drawn(draw, number=0, block=0, stream=random.CYCLES, seed=1, first=0, count=CELLS):
    """``draw``, one of words or normals, for consecutive cells."""
    lo = np.arange(first, first + count, dtype=np.uint32)
    key = word(seed & 0xFFFFFFFF), word(seed >> 32)
    return np.stack(draw(lo, np.zeros_like(lo), stream, np.full_like(lo, number), np.full_like(lo, block), *key))


# Random123, file kat_vectors, "philox4x32 10": counter, key, output
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_philox_known_answers(counter, key, output):
    arguments = [word(int(part, 16)) for part in f"{counter} {key}".split()]
    assert " ".join(f"{int(out[0]):08x}" for out in random.philox(*arguments)) == output


def plain_philox(counter, key):
    """Philox4x32-10 in unbounded integers, as its authors define it."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b % 2**32, (a >> 32) ^ c[3] ^ k[1], a % 2**32]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


@given(st.tuples(words32, words32, words32, words32), st.tuples(words32, words32))
def test_philox_of_any_counter(counter, key):
    assert [int(out[0]) for out in random.philox(*map(word, counter), *map(word, key))] == plain_philox(counter, key)


@given(words32, st.integers(0, 2**24 - 1), st.integers(0, 4), words32, words32, words32, words32)
def test_words_are_addressed_by_cell_stream_number_and_block(lo, hi, stream, number, block, k0, k1):
    found = random.random_words(word(lo), word(hi), stream, word(number), word(block), word(k0), word(k1))
    assert [int(w[0]) for w in found] == plain_philox((lo, hi + stream * 2**24, number, block), (k0, k1))


def test_streams_have_their_own_numbers():
    streams = random.DEVICE, random.CYCLES, random.HISTORY, random.READ, random.PRODUCT
    assert len(set(streams)) == 5
    assert max(streams) < 2**8  # they sit above the 56 bits of a cell's id
    assert random.STREAM_SHIFT == 56 - 32


def test_bits_of_words_are_fair(unlikely):
    out = drawn(random.random_words)
    ones = np.array([[np.count_nonzero(w >> np.uint32(bit) & np.uint32(1)) for bit in range(32)] for w in out])
    unlikely((ones - CELLS / 2) / np.sqrt(CELLS / 4))


# ---------------------------------------------------------------------------------------- Box-Muller


def test_radius_is_that_of_an_exact_box_muller():
    exponents = np.arange(32)
    w0 = np.concatenate([2**exponents, 2**exponents - 1, 2**32 - 2**exponents, np.arange(0, 2**32, 999_983)])
    w0 = np.append(w0, 2**32 - 1).astype(np.uint32)
    a, b = random.box_muller(w0, np.full_like(w0, 12345))
    exact = np.sqrt(-2 * np.log((w0 + 0.5) / 2.0**32))  # 32 bits of radius
    assert np.allclose(np.hypot(a, b), exact, rtol=3e-7, atol=0)
    assert exact.max() < 6.8  # no normal is larger: log 2**33 has its limit here


def test_angles_are_evenly_spaced_around_the_circle():
    # whatever bits choose the quadrant: the sorted angles of 2**16 even steps of the word are an even grid
    steps = 1 << 16
    w1 = ((np.arange(steps) << 16) + (1 << 15)).astype(np.uint32)
    a, b = random.box_muller(np.full_like(w1, 1 << 31), w1)
    angle = np.sort(np.arctan2(b, a))
    grid = (np.arange(steps) - steps // 2) * (2 * np.pi / steps)
    off = angle - grid
    off -= np.median(off)
    assert np.abs(off).max() < 1e-8  # sine and cosine by polynomials, better than single precision
    assert np.abs(np.hypot(a, b) / np.sqrt(-2 * np.log(0.5)) - 1).max() < 1e-8


def test_the_finest_steps_of_the_angle_differ():
    w1 = np.arange(1 << 16, dtype=np.uint32)
    pairs = np.stack(random.box_muller(np.full_like(w1, 1 << 31), w1))
    assert len(np.unique(pairs, axis=1).T) == len(w1)


# ---------------------------------------------------------------------------------------- normals


def test_moments_of_normals(unlikely):
    z = drawn(random.normals)
    # standard errors of the sample moments of N independent standard normals
    for power, mean, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10395 - 225)]:
        unlikely(((z**power).mean(1) - mean) / np.sqrt(variance / CELLS))


def test_law_of_normals():
    for z in drawn(random.normals, seed=2):
        assert scipy.stats.kstest(z, "norm").pvalue > 1e-6


def test_tails_of_normals(unlikely):
    z = np.concatenate([drawn(random.normals, number=n) for n in range(4)], axis=1).ravel()
    for bound in (2, 3, 4):
        expected = len(z) * scipy.stats.norm.sf(bound)
        unlikely([(np.count_nonzero(side * z > bound) - expected) / np.sqrt(expected) for side in (-1, 1)])


def correlations(a, b):
    """z-scores of the correlation of two independent samples of standard normals, and of their squares."""
    n = np.shape(a)[-1]
    return np.array([np.mean(a * b) * np.sqrt(n), np.mean((a**2 - 1) * (b**2 - 1)) * np.sqrt(n) / 2])


def test_the_four_normals_of_a_block_are_independent(unlikely):
    z = drawn(random.normals)
    unlikely([correlations(z[i], z[j]) for i in range(4) for j in range(i)])


OTHERS = {
    "stream": {"stream": random.HISTORY},
    "device": {"stream": random.DEVICE},
    "next cycle": {"number": 1},
    "later cycle": {"number": 1 << 20},
    "block": {"block": 1},
    "next cell": {"first": 1},
    "next tile": {"first": 16},
    "seed": {"seed": 2},
    "high word of the seed": {"seed": 1 + (1 << 32)},
}


@pytest.mark.parametrize("other", OTHERS)
def test_any_other_address_gives_independent_normals(other, unlikely):
    a, b = drawn(random.normals), drawn(random.normals, **OTHERS[other])
    unlikely([correlations(a[i], b[j]) for i in range(4) for j in range(4)])


def test_high_word_of_the_id_is_part_of_the_address():
    lo, one = np.arange(64, dtype=np.uint32), word(1)
    low, high = (random.normals(lo, hi, 1, 0 * lo, 0 * lo, one, one)[0] for hi in (0 * lo, 0 * lo + np.uint32(1)))
    assert not np.any(low == high)


# ---------------------------------------------------------------------------------------- read noise


def read_normals(ids, number=0, seed=7):
    lo = np.asarray(ids, np.uint32)
    return random.read_normal(lo, np.zeros_like(lo), np.full_like(lo, number), word(seed), word(0))


def test_read_normals_take_each_number_of_each_block_once():
    ids = np.arange(1 << 14, dtype=np.uint32)
    z = read_normals(ids, number=5)
    assert len(np.unique(z)) == len(z)
    # 64 cells share 16 blocks: id bits 0-3 and 6-55 address the block, bits 4-5 choose one of its four normals
    address = ids & ~np.uint32(48)
    blocks = np.stack(random.normals(address, 0 * ids, random.READ, 0 * ids + np.uint32(5), 0 * ids, word(7), word(0)))
    assert np.array_equal(z, blocks[(ids >> 4) & 3, np.arange(len(ids))])
    assert len(np.unique(address)) == len(ids) // 4
    assert random.READ_GROUP == 64


def test_read_normals_are_independent_normals(unlikely):
    ids = np.arange(CELLS)
    z = read_normals(ids)
    assert scipy.stats.kstest(z, "norm").pvalue > 1e-6
    others = [read_normals(ids, number=1), read_normals(ids + 1), read_normals(ids + 16), read_normals(ids + 64)]
    others.append(read_normals(ids, seed=8))
    unlikely([correlations(z, other) for other in others])
    cycles = drawn(random.normals, seed=7)
    unlikely([correlations(z, cycles[k]) for k in range(4)])


def test_the_top_bit_of_a_word_flips_signs():
    words = np.array([0, 1, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFF], np.uint32)
    assert ops.flip_sign(2.0, words).tolist() == [2.0, 2.0, 2.0, -2.0, -2.0, -2.0]
