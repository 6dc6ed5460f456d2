"""What netlists are made of, independent of any simulator's language: voltages, cells, wires, transistors, sources."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import checks


class Wave(NamedTuple):
    """A voltage that goes in straight lines from point to point; with one point it is constant.

    Attributes
    ----------
    times : tuple of float
        Times in s, rising from 0.
    volts : tuple of float
        Voltages there in V.
    """

    times: tuple[float, ...]
    volts: tuple[float, ...]

    @property
    def constant(self) -> bool:
        """Whether it never changes."""
        return len(self.times) == 1


def constant(volts: float) -> Wave:
    """Return a voltage that never changes.

    Parameters
    ----------
    volts : float
        The voltage in V.

    Returns
    -------
    Wave
        With one point.

    Raises
    ------
    ValueError
        If it is not finite.

    Examples
    --------
    >>> from synaptogen.circuit.netlists import constant
    >>> constant(0.2)
    Wave(times=(0.0,), volts=(0.2,))
    """
    return Wave((0.0,), (checks.finite_number("volts", volts),))


def wave(times: ArrayLike, volts: ArrayLike) -> Wave:
    """Return a voltage that goes in straight lines from point to point.

    Parameters
    ----------
    times : array of shape (T,)
        Times in s, rising, the first 0.
    volts : array of shape (T,)
        Voltages at these times in V.

    Returns
    -------
    Wave
        The points as Python floats.

    Raises
    ------
    ValueError
        If times do not rise from 0, lengths differ, or a number is not finite.

    Examples
    --------
    >>> from synaptogen.circuit.netlists import wave
    >>> wave([0.0, 1e-6, 2e-6], [0.0, -1.5, 0.0])
    Wave(times=(0.0, 1e-06, 2e-06), volts=(0.0, -1.5, 0.0))
    """
    t, u = np.asarray(times, float), np.asarray(volts, float)
    if t.ndim != 1 or t.shape != u.shape or len(t) == 0:
        raise ValueError(f"times has shape {t.shape} and volts {u.shape}: give one row of as many numbers for both")
    if not (np.isfinite(t).all() and np.isfinite(u).all()):
        raise ValueError("times and volts hold values that are not finite (NaN or infinite)")
    if t[0] != 0.0 or np.any(np.diff(t) <= 0.0):
        raise ValueError("times must begin with 0 and rise")
    return Wave(tuple(t.tolist()), tuple(u.tolist()))


class CellPlace(NamedTuple):
    """The place of a cell in an array.

    Attributes
    ----------
    name : str
        Name of the instance.
    p, n : str
        Nodes of its pins.
    row, column : int
        Its lines.
    """

    name: str
    p: str
    n: str
    row: int
    column: int


class CellInstance(NamedTuple):
    """A cell as a statement of a netlist.

    Attributes
    ----------
    name : str
        Name of the instance; it begins with n.
    p, n : str
        Nodes of its pins.
    values : str
        Instance parameters as assignments, ``mode_start=2.0 r_start=0.4``.
    """

    name: str
    p: str
    n: str
    values: str


class Resistor(NamedTuple):
    """A wire segment, or the resistance of a driver.

    Attributes
    ----------
    name : str
        Name of the instance; it begins with r.
    a, b : str
        Its nodes.
    ohms : float
        Resistance in ohm, above 0.
    """

    name: str
    a: str
    b: str
    ohms: float


class TransistorInstance(NamedTuple):
    """An access transistor as a statement of a netlist.

    Attributes
    ----------
    name : str
        Name of the instance; it begins with `Transistor.element`.
    nodes : tuple of str
        Drain, gate, source, bulk.
    model : str
        Name of the model in the user's card.
    values : str
        Instance parameters as assignments.
    """

    name: str
    nodes: tuple[str, str, str, str]
    model: str
    values: str


class VoltageSource(NamedTuple):
    """A voltage source from a node to ground.

    Attributes
    ----------
    name : str
        Name of the instance; it begins with v.
    node : str
        The driven node.
    wave : Wave
        Its voltage.
    """

    name: str
    node: str
    wave: Wave
