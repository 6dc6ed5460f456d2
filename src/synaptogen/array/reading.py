"""Reads of an array: currents of cells, and of the lines of a crossbar."""

import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import RealArray, checks
from synaptogen.engines import ReadNumbers
from synaptogen.state import read_bandwidth, ticks_of
from synaptogen.wires import Wires, line_currents

from .in_memory import CellsInMemory


class Reading(CellsInMemory):
    """Methods of `CellArray` that return currents."""

    def read(
        self, u: ArrayLike | None = None, *, bandwidth: float | None = None, duration: float | None = None
    ) -> RealArray:
        """Return currents with the thermal and shot noise of a measurement; reading changes no cell.

        Each read of a cell has its own noise.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`, optional
            Read voltages in V; default: the read voltage of the parameter set.
        bandwidth : float, optional
            Bandwidth in Hz; 0: no noise. Default: half the inverse of ``duration`` if that is given and the array has
            noise, else that of the array.
        duration : float, optional
            How long the read takes in s: afterwards the clock of the whole array moves on. Default: it takes no time.

        Returns
        -------
        array of shape `shape`
            Currents in A.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, the bandwidth is negative, or the duration is not above 0.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> first, second = cells.read(0.2), cells.read(0.2)
        >>> np.array_equal(first, second)
        False
        >>> np.allclose(first, cells.current(0.2), atol=1e-6)
        True
        """
        voltage = self._read_voltage(u)
        return self._read(voltage, read_bandwidth(bandwidth, duration, self.bandwidth), duration)

    def _read(self, voltage: RealArray, bandwidth: float, duration: float | None) -> RealArray:
        if duration is None:
            return self.state.read(voltage[None], bandwidth).reshape(self.shape)
        ticks = ticks_of(checks.positive("duration", duration, "s"))
        with self.state.guard.changing(steps=True):
            out = self.state.read(voltage[None], bandwidth)
            self.state.wait(ticks, None)
        return out.reshape(self.shape)

    def read_in_blocks(self, u: float | None = None, *, block: int = 1 << 22) -> Iterator[RealArray]:
        """Read all cells at one voltage, and return the currents block by block.

        The blocks, laid end to end, are the flat result of one `read`, bit for bit. They are of use where the memory
        left beside an array cannot hold all of its currents.

        Parameters
        ----------
        u : float, optional
            Read voltage in V; default: that of the parameter set.
        block : int
            Number of cells of a block.

        Returns
        -------
        iterator of arrays of shape (block,)
            Currents in A; the last block may be shorter.

        Raises
        ------
        ValueError
            If ``u`` is not one finite voltage, or ``block`` is less than 1.

        Examples
        --------
        >>> import synaptogen as sg
        >>> [len(currents) for currents in sg.CellArray(10, rng=1).read_in_blocks(block=4)]
        [4, 4, 2]
        """
        block, voltage = checks.positive_int("block", block), self._one_voltage(u)
        return self._blocks_read(voltage[None], block, self.bandwidth, self.state.take_read(self.bandwidth))

    def _blocks_read(self, u: RealArray, block: int, bandwidth: float, reads: ReadNumbers) -> Iterator[RealArray]:
        for begin in range(0, self.size, block):
            here = np.arange(begin, min(self.size, begin + block))
            yield self.state.take(here).read_numbered(u, bandwidth, reads)

    def current(self, u: ArrayLike | None = None, *, duration: float | None = None) -> RealArray:
        """Return currents without noise.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`, optional
            Voltages in V; default: the read voltage of the parameter set.
        duration : float, optional
            How long the read takes in s: afterwards the clock of the whole array moves on. Default: it takes no time.

        Returns
        -------
        array of shape `shape`
            Currents in A.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the duration is not above 0.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> (1e6 * cells.current([0.1, 0.2, 0.3])).round(2)  # microamperes, one voltage per column
        array([[2.75, 2.68, 4.41],
               [0.34, 4.9 , 2.74]], dtype=float32)
        """
        voltage = self._read_voltage(u)
        return self._read(voltage, 0.0, duration)

    def product(
        self,
        v: ArrayLike,
        *,
        transpose: bool = False,
        bandwidth: float | None = None,
        wires: Wires | None = None,
        duration: float | None = None,
    ) -> RealArray:
        """Return the currents of all lines of the crossbar, as in a product of matrix and vector.

        ``cells @ v`` is ``cells.product(v)``, and ``v @ cells`` is ``cells.product(v, transpose=True)``.

        Parameters
        ----------
        v : array of shape (columns,) or (columns, batch)
            Voltages in V on the columns; with ``transpose`` on the rows, (rows,) or (batch, rows).
        transpose : bool
            Drive the rows and return the currents of the columns.
        bandwidth : float, optional
            Bandwidth in Hz of the measurement of a line; 0: no noise. Default: as of `read`.
        wires : Wires, optional
            Resistances of the lines, with which the network is solved exactly; default: ideal lines.
        duration : float, optional
            How long the product takes in s, all vectors of a batch together: afterwards the clock of the whole array
            moves on. Default: it takes no time.

        Returns
        -------
        array of shape (rows,) or (rows, batch); with ``transpose`` (columns,) or (batch, columns)
            Currents in A. Each has one Gaussian of noise, with the summed variance of its cells.

        Raises
        ------
        ValueError
            If the array does not have two axes, shapes do not match, a voltage is not finite, or the duration is not
            above 0.
        NotConvergedError
            If the tolerance of ``wires`` cannot be reached.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> cells.apply_voltage(-2.0)
        >>> (1e6 * cells.product([0.2, 0.1, 0.0], bandwidth=0)).round(1)  # microamperes, one per row
        array([66.8, 66.3], dtype=float32)
        >>> (cells @ [0.2, 0.1, 0.0]).shape, ([0.2, 0.1] @ cells).shape
        ((2,), (3,))
        """
        bandwidth = read_bandwidth(bandwidth, duration, self.bandwidth)
        crossbar, transpose = checks.crossbar(self.shape), checks.flag("transpose", transpose)
        if wires is not None and not isinstance(wires, Wires):
            raise TypeError(f"wires is a {type(wires).__name__}: give a synaptogen.crossbar.Wires, or None")
        vectors = checks.vectors(v, self.shape, transpose, self.state.engine.dtype)
        through = None if wires is None else functools.partial(line_currents, self, wires)
        if duration is None:
            currents = self.state.line_currents(crossbar, vectors, transpose, bandwidth, through)
        else:  # no other thread comes between the product and the time that it takes
            ticks = ticks_of(duration)
            with self.state.guard.changing(steps=True):
                currents = self.state.line_currents(crossbar, vectors, transpose, bandwidth, through)
                self.state.wait(ticks, None)
        shaped = currents if transpose else currents.T
        return shaped.reshape(-1) if np.ndim(v) == 1 else np.ascontiguousarray(shaped)
