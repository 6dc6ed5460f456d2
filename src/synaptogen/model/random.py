"""Counter-based random numbers: Philox4x32-10 and Box-Muller.

Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011. A number is a function of seed, cell, stream, cycle
and block, so nothing depends on the order in which cells are visited.
"""

from .ops import Real, UInt32, flip_sign, log, real, signed_real, sqrt, where, wide_product

DEVICE, CYCLES, HISTORY, READ, PRODUCT, FLUCTUATION, AGEING = range(7)
"""Streams: devices, cycle innovations, initial history, read noise, of crossbar products, writes seen later,
trend and wear of devices."""

STREAM_SHIFT = 24  # in the high word of a cell id, which has 56 bits; the number of the stream is above them
READ_GROUP = 64  # cells that share the blocks of their read noise

# sin and cos on +-pi/4 in powers of the square of the angle: minimax polynomials for single precision
SIN = (-0.00019517, 0.00833218, -0.16666655, 1.0)
COS = (2.43904497e-05, -1.38867638e-03, 4.16666233e-02, -4.99999997e-01, 1.0)


def philox_round(
    c0: UInt32, c1: UInt32, c2: UInt32, c3: UInt32, k0: UInt32, k1: UInt32
) -> tuple[UInt32, UInt32, UInt32, UInt32]:
    """Return the counter after one round of Philox4x32.

    Parameters
    ----------
    c0, c1, c2, c3 : UInt32
        Counter.
    k0, k1 : UInt32
        Key of the round.

    Returns
    -------
    four UInt32
    """
    hi_0, lo_0 = wide_product(c0, 0xD2511F53)
    hi_2, lo_2 = wide_product(c2, 0xCD9E8D57)
    return hi_2 ^ c1 ^ k0, lo_2, hi_0 ^ c3 ^ k1, lo_0


def philox(
    c0: UInt32, c1: UInt32, c2: UInt32, c3: UInt32, k0: UInt32, k1: UInt32
) -> tuple[UInt32, UInt32, UInt32, UInt32]:
    """Return four random words: ten rounds of Philox4x32.

    Parameters
    ----------
    c0, c1, c2, c3 : UInt32
        Counter.
    k0, k1 : UInt32
        Key.

    Returns
    -------
    four UInt32
    """
    for _ in range(10):
        c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1)
        k0 = k0 + 0x9E3779B9
        k1 = k1 + 0xBB67AE85
    return c0, c1, c2, c3


def random_words(
    lo: UInt32, hi: UInt32, stream: int, number: UInt32, block: UInt32, k0: UInt32, k1: UInt32
) -> tuple[UInt32, UInt32, UInt32, UInt32]:
    """Return the four random words of an address.

    Parameters
    ----------
    lo, hi : UInt32
        Low and high word of the id of the cell.
    stream : int
        Number of the stream.
    number : UInt32
        Number of the cycle, read or product.
    block : UInt32
        Number of the block of four words.
    k0, k1 : UInt32
        Low and high word of the seed.

    Returns
    -------
    four UInt32
    """
    return philox(lo, hi | (stream << STREAM_SHIFT), number, block, k0, k1)


def box_muller(w0: UInt32, w1: UInt32) -> tuple[Real, Real]:
    """Return two independent standard normals from two random words.

    Parameters
    ----------
    w0 : UInt32
        32 bits for the radius.
    w1 : UInt32
        30 bits for the angle within +-45 degrees of an axis, one bit that chooses the axis, and one for its direction.

    Returns
    -------
    two Real
    """
    radius = sqrt(log(real(w0) * 2.3283064365386963e-10 + 1.1641532182693481e-10) * -2.0)
    f = signed_real(w1 & 0x3FFFFFFF) * 1.4629180792671596e-09 - 0.7853981633974483
    q = f * f
    along = flip_sign((((COS[0] * q + COS[1]) * q + COS[2]) * q + COS[3]) * q + COS[4], w1)
    across = (((SIN[0] * q + SIN[1]) * q + SIN[2]) * q) * f + f
    swap = (w1 & 0x40000000) != 0
    return radius * where(swap, across, along), radius * where(swap, along, across)


def normals(
    lo: UInt32, hi: UInt32, stream: int, number: UInt32, block: UInt32, k0: UInt32, k1: UInt32
) -> tuple[Real, Real, Real, Real]:
    """Return four independent standard normals of an address.

    Parameters
    ----------
    lo, hi : UInt32
        Low and high word of the id of the cell.
    stream : int
        Number of the stream.
    number : UInt32
        Number of the cycle, read or product.
    block : UInt32
        Number of the block of four normals.
    k0, k1 : UInt32
        Low and high word of the seed.

    Returns
    -------
    four Real
    """
    w0, w1, w2, w3 = random_words(lo, hi, stream, number, block, k0, k1)
    a, b = box_muller(w0, w1)
    c, d = box_muller(w2, w3)
    return a, b, c, d


def read_normal(lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32) -> Real:
    """Return the standard normal of a read of a cell.

    Sixty-four cells share sixteen blocks of four normals: bits 0-3 and 6-55 of the cell id address the block, bits 4-5
    choose from it, so that an engine with lanes uses all normals that it draws.

    Parameters
    ----------
    lo, hi : UInt32
        Low and high word of the id of the cell.
    number : UInt32
        Number of the read.
    k0, k1 : UInt32
        Low and high word of the seed.

    Returns
    -------
    Real
    """
    a, b, c, d = normals(read_block(lo), hi, READ, number, number ^ number, k0, k1)
    odd = (lo & 16) != 0
    return where((lo & 32) != 0, where(odd, d, c), where(odd, b, a))


def read_block(lo: UInt32) -> UInt32:
    """Return the low word of the address of the block with the read noise of a cell, from the low word of its id."""
    return lo & 0xFFFFFFCF
