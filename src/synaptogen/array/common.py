"""What arrays of cells have in common, in the memory of this process, on a disk or on a cluster."""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import RealArray, Shape, checks, require_memory
from synaptogen.params import DeviceParams
from synaptogen.state import ticks_of

from .operators import CellOperators, html_table

FAR = 1e6  # V; a voltage that sets or resets any cell completely


class CommonMethods(CellOperators, ABC):
    """Sizes, descriptions, and the methods that follow from others.

    Attributes
    ----------
    shape : tuple of int
        Shape of the array.
    """

    shape: Shape

    # ---- what the cells are

    @property
    @abstractmethod
    def params(self) -> DeviceParams:
        """The parameter set of the device population."""

    @property
    @abstractmethod
    def bandwidth(self) -> float:
        """Bandwidth of reads in Hz; 0 turns noise off."""

    @property
    @abstractmethod
    def seed(self) -> int:
        """The 64-bit seed: ``CellArray(shape, params, rng=cells.seed)`` makes the same cells again."""

    @property
    @abstractmethod
    def engine(self) -> str:
        """Name of the engine: "cpu", "cuda" or "reference"."""

    @property
    @abstractmethod
    def storage(self) -> str:
        """Form in which cells are stored: "full" or "compact"."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Type of results: single precision of the engines "cpu" and "cuda", double precision of "reference"."""

    @property
    @abstractmethod
    def time(self) -> float:
        """Time in s since the array was made: the sum of all waits, widths of pulses and durations of reads."""

    @property
    @abstractmethod
    def _bytes_per_cell(self) -> float:
        """Memory of a cell."""

    @property
    @abstractmethod
    def _start(self) -> str:
        """Which past the cells had when they were made."""

    @abstractmethod
    def _location(self) -> str:
        """Return where the cells are, in a few words for `repr`; nothing if they are all in the memory."""

    @abstractmethod
    def _machine(self) -> str:
        """Return the engine in a few words for `repr`."""

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Memory in bytes that the cells take."""
        return round(self.size * self._bytes_per_cell)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single cell has no len()")
        return self.shape[0]

    # ---- descriptions

    def __repr__(self) -> str:
        history = self.params.history
        facts = (
            self._shape_in_words(),
            self._location(),
            f"params={self.params.name!r}",
            f"engine={self._machine()}",
            f"history={'VAR' if history.kind == 'var' else 'compact'}({history.order})",
            f"start={self._start}",
            f"seed={self.seed}",
            f"noise of {self.bandwidth:g} Hz at 300 K" if self.bandwidth else "no read noise",
            self._time_in_words(),
            f"{self._bytes_per_cell:.0f} B a cell",
            f"{self.nbytes / 2**20:.1f} MiB",
        )
        return f"{type(self).__name__}({', '.join(filter(None, facts))})"

    def _repr_html_(self) -> str:
        facts = {
            "shape": self._shape_in_words(),
            "place": self._location(),
            "params": self.params.name,
            "engine": self._machine(),
            "history": f"{self.params.history!r}, start {self._start}",
            "seed": str(self.seed),
            "noise": f"{self.bandwidth:g} Hz at 300 K" if self.bandwidth else "none",
            "time": self._time_in_words(),
            "memory": f"{self.nbytes / 2**20:.1f} MiB, {self._bytes_per_cell:.0f} B a cell",
        }
        return html_table(type(self).__name__, {name: text for name, text in facts.items() if text})

    def _shape_in_words(self) -> str:
        return " x ".join(map(str, self.shape)) or "1 cell"

    def _time_in_words(self) -> str:
        law, part = self.params.pulse_width, self.params.fluctuation
        widths = "" if law is None else f"pulse widths of {law.name!r} ({law.reference:g} s)"
        moved = f"time {self.time:g} s (cells stand still)" if self.time else ""
        time = moved if part is None else f"fluctuation of {part.name!r} at {self.time:g} s"
        return ", ".join(filter(None, (widths, time)))

    # ---- methods that follow from others

    @abstractmethod
    def current(self, u: ArrayLike | None = None, *, duration: float | None = None) -> RealArray:
        """Return currents without noise.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`, optional
            Voltages in V; default: the read voltage of the parameter set.
        duration : float, optional
            How long the read takes in s.

        Returns
        -------
        array of shape `shape`
            Currents in A.
        """

    @abstractmethod
    def product(self, v: ArrayLike, *, transpose: bool = False) -> RealArray:
        """Return the currents of all lines of the crossbar.

        Parameters
        ----------
        v : array of shape (columns,) or (columns, batch)
            Voltages in V on the columns; with ``transpose`` on the rows, (rows,) or (batch, rows).
        transpose : bool
            Drive the rows and return the currents of the columns.

        Returns
        -------
        array of shape (rows,) or (rows, batch); with ``transpose`` (columns,) or (batch, columns)
            Currents in A.
        """

    def __matmul__(self, v: ArrayLike) -> RealArray:
        return self.product(v)

    def __rmatmul__(self, v: ArrayLike) -> RealArray:
        return self.product(v, transpose=True)

    def conductance(self, *, duration: float | None = None) -> RealArray:
        """Return conductances I/U at the read voltage of the parameter set, without noise.

        Parameters
        ----------
        duration : float, optional
            How long the read takes in s: afterwards the clock of the whole array moves on. Default: it takes no time.

        Returns
        -------
        array of shape `shape`
            Conductances in S.

        Examples
        --------
        >>> import synaptogen as sg
        >>> (1e6 * sg.CellArray(3, rng=7).conductance()).round(1)  # microsiemens
        array([27.9, 13.4, 14.2], dtype=float32)
        """
        u = self.dtype.type(self.params.u_read)
        return np.asarray(self.current(u, duration=duration) / u)

    # ---- checks of arguments

    @abstractmethod
    def _checked_voltages(self, name: str, value: ArrayLike) -> RealArray:
        """Return voltages for the cells, checked."""

    def _read_voltage(self, u: ArrayLike | None) -> RealArray:
        return self._checked_voltages("u", self.params.u_read if u is None else u)

    def _one_voltage(self, u: float | None) -> RealArray:
        """Return the read voltage of all cells, as an array of one entry."""
        if isinstance(u, bool):
            raise TypeError(f"u={u} is a truth value: give a voltage in V")
        voltage = self._read_voltage(u)
        if voltage.size > 1:
            raise ValueError(f"u holds {voltage.size} voltages: give one for all cells, or use read")
        return voltage

    def _require_results(self, numbers: int, itemsize: int, remedy: str) -> None:
        """Require memory for a result of so many numbers a cell."""
        size = float(numbers) * self.size * itemsize
        require_memory(f"a result of {numbers} numbers for each of {self.size:,} cells", size, remedy)


def checked_wait(seconds: float, temperature: float | None) -> tuple[int, float | None]:
    """Return the arguments of a wait, checked.

    Parameters
    ----------
    seconds : float
        How long.
    temperature : float, optional
        Temperature in K meanwhile.

    Returns
    -------
    ticks : int
        How long, in ticks of the clock.
    temperature : float or None
        K.

    Raises
    ------
    TypeError, ValueError
        If ``seconds`` is negative, or the temperature not above 0.
    """
    ticks = ticks_of(checks.not_negative("seconds", seconds, "s"))
    return ticks, None if temperature is None else checks.positive("temperature", temperature, "K")
