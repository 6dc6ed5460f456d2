"""One step of the latent process x of a cell, by which its cycles depend on earlier ones.

    x_n = B e_n + (memory of earlier cycles)

The memory is a weighted sum of the last p values of x (VAR, Hennen et al., Front. Neurosci. 16:941753, 2022) or of the
q numbers of a state space. Engines store these numbers, and call `add_scaled` for each of them.
"""

from .ops import Matrix, Real, Reals, rounded_mul


def innovation(e: Reals, b: Matrix) -> tuple[Real, Real, Real, Real]:
    """Return the innovation B e of a cycle.

    Parameters
    ----------
    e : four Real
        Independent standard normals.
    b : four rows of four
        Lower triangular matrix B.

    Returns
    -------
    four Real
    """
    return (
        b[0][0] * e[0],
        rounded_mul(b[1][0], e[0]) + b[1][1] * e[1],
        rounded_mul(b[2][0], e[0]) + b[2][1] * e[1] + b[2][2] * e[2],
        rounded_mul(b[3][0], e[0]) + b[3][1] * e[1] + b[3][2] * e[2] + b[3][3] * e[3],
    )


def add_scaled(x: Reals, column: Reals, m: Real) -> tuple[Real, Real, Real, Real]:
    """Return x + column * m.

    Parameters
    ----------
    x : four Real
        Latent vector so far.
    column : four numbers
        Weights of one number of the memory.
    m : Real
        That number.

    Returns
    -------
    four Real
    """
    return (
        m * column[0] + x[0],
        m * column[1] + x[1],
        m * column[2] + x[2],
        m * column[3] + x[3],
    )


def scaled(column: Reals, m: Real) -> tuple[Real, Real, Real, Real]:
    """Return column * m, each product rounded, so that no engine joins it with what is added to it.

    Parameters
    ----------
    column : four numbers
        Weights of one number of the memory.
    m : Real
        That number.

    Returns
    -------
    four Real
    """
    return (
        rounded_mul(m, column[0]),
        rounded_mul(m, column[1]),
        rounded_mul(m, column[2]),
        rounded_mul(m, column[3]),
    )


def add(x: Reals, y: Reals) -> tuple[Real, Real, Real, Real]:
    """Return x + y.

    Parameters
    ----------
    x, y : four Real
        Latent vectors, or parts of them.

    Returns
    -------
    four Real
    """
    return x[0] + y[0], x[1] + y[1], x[2] + y[2], x[3] + y[3]
