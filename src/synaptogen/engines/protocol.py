"""The contract between arrays of cells and engines: what every engine must offer.

To add an engine, write a class with the methods of `Engine`, name it in `registry`, and run the tests in
``tests/equivalence`` on it. `lines.EngineDefaults` has the methods that most engines share.
"""

from typing import Any, NamedTuple, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, BoolArray, RealArray

from .compiled_params import CompiledParams
from .moments import Moment

Positions: TypeAlias = NDArray[np.int64]
"""Positions of cells in an engine: whole numbers from 0 to the number of cells - 1, of shape (m,)."""

FIELDS = ("u_set", "r_lrs", "u_reset", "r_hrs", "u_ratchet", "t_scale", "t_end")
"""Names and order of the seven numbers that `Engine.fields` returns for each cell.

``u_set`` and ``u_reset`` are the thresholds of the running cycle in V, ``r_lrs`` and ``r_hrs`` its two resistances as
mixing states. ``u_ratchet`` (V) is the largest voltage applied during a partial RESET; it is only valid in that mode,
like ``t_scale`` and ``t_end`` (A), which are the RESET transition of `synaptogen.model.Transition`. The mixing state r
and the status word are not among them: see `Engine.mixing` and `Engine.status`.
"""

Selection = TypeVar("Selection")
"""Type in which an engine describes some of its cells: an index array, or a list of lane groups."""


class CellIds(NamedTuple):
    """The ids of the cells of an engine, by which their random numbers are addressed.

    A cell keeps its id when it is copied, or saved and loaded, and so has the same future in every array. Ids have 56
    bits.

    Attributes
    ----------
    size : int
        Number of cells.
    first : int
        Without ``ids``: the cells have the consecutive ids ``first``, ``first`` + 1 ...
    ids : array of uint64 of shape (size,), optional
        The id of each cell, for cells whose ids are not consecutive.
    """

    size: int
    first: int = 0
    ids: NDArray[np.uint64] | None = None

    def at(self, positions: Positions) -> "CellIds":
        """Return the ids of some of the cells.

        Parameters
        ----------
        positions : array of int of shape (m,)
            Positions of the cells, in any order.

        Returns
        -------
        CellIds
            Ids of m cells, as a run of consecutive ones where they are that.
        """
        if self.ids is not None:
            return CellIds(len(positions), 0, self.ids[positions])
        if len(positions) and np.array_equal(positions, np.arange(positions[0], positions[0] + len(positions))):
            return CellIds(len(positions), self.first + int(positions[0]))
        return CellIds(len(positions), 0, np.uint64(self.first) + positions.astype(np.uint64))

    def id_words(self, positions: Positions) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return the low and the high 32 bits of the ids of some cells.

        Parameters
        ----------
        positions : array of int of shape (m,)
            Positions of the cells.

        Returns
        -------
        low, high : array of uint32 of shape (m,)
            The form in which `synaptogen.model.random` takes ids.
        """
        ids = np.uint64(self.first) + positions.astype(np.uint64) if self.ids is None else self.ids[positions]
        return (ids & np.uint64(0xFFFFFFFF)).astype(np.uint32), (ids >> np.uint64(32)).astype(np.uint32)


class ReadNumbers(NamedTuple):
    """Numbers of the next read of cells: how often they have been read before.

    The noise of a read is a function of the seed, the id of the cell and the number of the read. `synaptogen.state`
    counts reads; engines only look the numbers up.

    Attributes
    ----------
    times : int
        The number for all cells, where they have been read equally often.
    each : array of uint32, optional
        The number for each cell, by its position in the engine; then ``times`` has no meaning. Its length is the number
        of cells, padded to a multiple of 64 so that engines can load whole lanes.
    """

    times: int = 0
    each: NDArray[np.uint32] | None = None


class Engine(Protocol[Selection]):
    """Cells of one parameter set in memory, and everything that can be done to them.

    Engines own memory, masks, branches and threads. The formulas come from `synaptogen.model`; no engine restates one.

    **Shapes.** n is the number of all cells of the engine. Methods with an argument ``select`` act on the m cells that
    it stands for: the value that `selection` returned for their positions, or for None (all cells, m = n). Entry j of
    an array of shape (m,) belongs to the j-th of these positions. Voltages ``u`` are in V and finite, in any real type;
    their shape (k, 1) means k voltages for all of the cells, (k, m) k voltages for each cell.

    **What must be true.** The state of a cell depends on its parameter set, seed, ``start``, id and the voltages
    applied to it, and on nothing else. To the last bit, within one engine:

    - k voltages in one call leave the same state as k calls with one voltage each;
    - cells have the same state however the calls select, order and mask them, and whichever other cells there are;
    - `copy`, and `dump` followed by `restore`, give cells with the same state and the same future;
    - the number of threads changes no bit of the state or of a current; only the sums of `weighted_sums`, which a
      library may form, can differ in their last bits;
    - the noise of a read depends on seed, id and read number alone, that of a line on seed, id, product number and
      place in the batch.

    Between engines, modes and cycle numbers agree, except where a voltage lies within rounding of a threshold; numbers
    agree within the precision of the engine. ``tests/equivalence`` compares every engine with `ReferenceEngine`, whose
    code is the shortest explanation of what each method does.

    Arguments have been checked by the caller, and no method changes its arguments.

    Parameters
    ----------
    params : CompiledParams
        The parameter set.
    cells : CellIds
        How many cells to make, and their ids.
    seed : int
        Seed of all random numbers, from 0 to 2**64 - 1.
    start : {"stationary", "pristine"}
        Draw the history of the cells before cycle 0 from its stationary distribution, or begin without one.
    threads : int
        Number of threads that may share the work; an engine may ignore it.
    fill : bool
        Draw the devices and begin cycle 0. Without, the state is not valid until it has been restored.

    Attributes
    ----------
    name : str
        Name of the engine, as in `CellArray`.
    storage : {"full", "compact"}
        How the engine stores cells.
    compiled_params, cells, seed, start
        As given.
    dtype : type
        Type of the real numbers that methods return: float32 or float64.
    move_words : int
        Number of words of a cell that `move` needs to be kept.
    """

    name: str
    storage: str
    compiled_params: CompiledParams
    cells: CellIds
    seed: int
    start: str
    dtype: type[np.floating[Any]]
    move_words: int

    def __init__(
        self, params: CompiledParams, cells: CellIds, seed: int, start: str, threads: int, *, fill: bool = True
    ) -> None: ...

    @property
    def threads(self) -> int:
        """Number of threads that share the work."""
        ...

    # ---- memory

    @staticmethod
    def bytes_for(params: CompiledParams) -> float:
        """Return the memory that one cell of a parameter set takes, in bytes, without its id."""
        ...

    @classmethod
    def require_room(cls, params: CompiledParams, cells: int) -> None:
        """Check that cells fit where this engine keeps them, before anything is allocated.

        Parameters
        ----------
        params : CompiledParams
            The parameter set.
        cells : int
            Number of cells to be made beside those that exist.

        Raises
        ------
        MemoryError
            If they do not fit; the message names a remedy.
        """
        ...

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell of this engine takes, in bytes."""
        ...

    def describe(self) -> str:
        """Return the name of the engine and how it computes in a few words, for the repr of an array."""
        ...

    # ---- voltages and reads

    def selection(self, positions: Positions | None) -> Selection:
        """Return some cells in the form in which the other methods take them as ``select``.

        It may be costly. Arrays keep the result for as long as they exist.

        Parameters
        ----------
        positions : array of int of shape (m,), optional
            Positions of the cells, m >= 1, each at most once, in any order; None: all cells, in their order.

        Returns
        -------
        Selection
            A value that stays valid for as long as the engine exists.
        """
        ...

    def in_one_step(self, select: Selection) -> bool:
        """Return whether `apply` and `sweep` change these cells in one call of compiled code.

        Such a call cannot be divided by Ctrl-C: Python handles signals between calls.
        """
        ...

    def apply(self, u: RealArray, select: Selection, mask: BoolArray | None = None) -> None:
        """Apply k voltages one after the other.

        Each may SET or RESET a cell and begin its next cycle, see `synaptogen.model.switching`.

        Parameters
        ----------
        u : array of shape (k, 1) or (k, m)
            Voltages in V.
        select : Selection
            The m cells.
        mask : array of bool of shape (m,), optional
            Apply the voltages to the cells where it is true; the others are left as they are. Default: to all of them.
        """
        ...

    def sweep(self, u: RealArray, select: Selection, bandwidth: float, reads: ReadNumbers) -> RealArray:
        """Apply k voltages one after the other, and record the current after each.

        The state afterwards is that of `apply`.

        Parameters
        ----------
        u : array of shape (k, 1) or (k, m)
            Voltages in V.
        select : Selection
            The m cells.
        bandwidth : float
            Bandwidth of the reads in Hz; 0: no noise.
        reads : ReadNumbers
            Numbers of the first read. Read j has the number j more, modulo 2**32.

        Returns
        -------
        array of shape (k, m)
            Current in A of each cell at voltage j, after that voltage has acted: what `read` would return.
        """
        ...

    def read(self, u: RealArray, select: Selection, bandwidth: float, reads: ReadNumbers) -> RealArray:
        """Return currents at small voltages, which change no state.

        Parameters
        ----------
        u : array of shape (1, 1) or (1, m)
            Voltages in V.
        select : Selection
            The m cells.
        bandwidth : float
            Bandwidth of the reads in Hz, which sets the variance of their noise; 0: no noise.
        reads : ReadNumbers
            Number of this read of each cell, modulo 2**32; see `synaptogen.model.read_normal`.

        Returns
        -------
        array of shape (m,)
            Currents in A.
        """
        ...

    # ---- state

    def mixing(self, select: Selection) -> RealArray:
        """Return a copy of the mixing states r, of shape (m,)."""
        ...

    def status(self, select: Selection) -> NDArray[np.uint32]:
        """Return a copy of the status words (mode, limit flag and cycle number), of shape (m,).

        `synaptogen.model.switching` says what their bits mean.
        """
        ...

    def fields(self, select: Selection) -> RealArray:
        """Return a copy of features, ratchet and RESET transition, of shape (7, m), in the order of `FIELDS`."""
        ...

    def device(self, select: Selection) -> RealArray:
        """Return a copy of the device vectors, of shape (8, m).

        They hold the offsets mu of the four features, then their scales sigma, each in the order r_hrs (log10 of ohm),
        u_set (V), r_lrs (ohm), u_reset (V).
        """
        ...

    # ---- time

    def move(self, moment: Moment, memory: NDArray[np.uint32]) -> None:
        """Move all cells to another instant: the mixing state of each becomes the one that it has there.

        A cell that has changed since the last move has been written at the instant ``moment.present``.

        Parameters
        ----------
        moment : Moment
            The instant.
        memory : array of uint32 of shape (move_words, number of cells padded to a multiple of 64)
            Words of each cell that are kept from move to move, and brought up to date; zeros before the first one. The
            first says which of ``moment.writes`` wrote the cell; others are the engine's own.
        """
        ...

    # ---- products

    def line_currents(
        self,
        shape: tuple[int, int],
        select: Selection,
        line_starts: Positions,
        v: RealArray,
        transpose: bool,
        bandwidth: float,
        number: int,
    ) -> RealArray:
        """Return the currents of all lines of a crossbar without line resistance.

        The selected cells fill a matrix row by row. Its outputs, the lines, are the rows and its inputs the columns, or
        the other way round with ``transpose``. The current of a line is the sum over its cells; its noise is one normal
        number with the summed variance of the cells, see `synaptogen.model.lines`.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns of the matrix; their product is m.
        select : Selection
            The m cells.
        line_starts : array of int of shape (lines,)
            Position in the engine of the first cell of each line, whose id addresses the noise of the line.
        v : array of shape (batch, inputs)
            Voltages in V on the inputs.
        transpose : bool
            Drive the rows and return the currents of the columns.
        bandwidth : float
            Bandwidth in Hz; 0: no noise.
        number : int
            Number of the product, modulo 2**32, which addresses the noise; see `line_normals`.

        Returns
        -------
        array of shape (batch, lines)
            Currents in A.
        """
        ...

    def weighted_sums(
        self, shape: tuple[int, int], select: Selection, weights: RealArray, transpose: bool
    ) -> RealArray:
        """Return products of rows of weights with the matrix R of mixing states.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns of R, which the selected cells fill row by row.
        select : Selection
            The m cells.
        weights : array of shape (k, inputs)
            Rows to multiply; inputs are the columns of R, or with ``transpose`` its rows.
        transpose : bool
            Return weights @ R in place of weights @ R.T.

        Returns
        -------
        array of shape (k, outputs)
            Sums over the inputs.
        """
        ...

    def line_normals(self, positions: Positions, number: int, batch: int) -> RealArray:
        """Return the standard normal numbers from which the noise of lines is made.

        Line l of vector b gets number b % 4 of the four of `synaptogen.model.normals` for the id of its first cell, the
        stream PRODUCT, the number of the product and block b // 4.

        Parameters
        ----------
        positions : array of int of shape (lines,)
            Position of the first cell of each line.
        number : int
            Number of the product, modulo 2**32.
        batch : int
            Number of vectors of the product.

        Returns
        -------
        array of shape (batch, lines)
        """
        ...

    # ---- copies

    def copy(self, positions: Positions | None) -> Self:
        """Return a new engine with copies of some cells.

        Parameters
        ----------
        positions : array of int of shape (m,), optional
            Positions of the cells; None: all of them.

        Returns
        -------
        Engine
            It shares no memory with this one. Its cells have the ids of the originals.
        """
        ...

    def dump(self, begin: int, end: int) -> dict[str, AnyArray]:
        """Return copies of the whole state of consecutive cells, for saved files.

        Parameters
        ----------
        begin, end : int
            Positions of the first cell, and of the one after the last; end > begin.

        Returns
        -------
        dict of arrays
            By name, with the cells along the last axis; mixing states are called ``"r"``. Names, other axes and types
            belong to the engine. They are part of the format of saved files, and must not change between versions.
        """
        ...

    def restore(self, begin: int, state: dict[str, AnyArray]) -> None:
        """Overwrite the state of consecutive cells.

        Parameters
        ----------
        begin : int
            Position of the first cell.
        state : dict of arrays
            What `dump` returned, from an engine of the same kind, parameter set and ids; or its ``"r"`` alone, which
            is all that reads and products need.
        """
        ...


AnyEngine: TypeAlias = Engine[Any]
"""An engine of whatever kind. `Any` stands for its type of selections, which only the engine itself looks into."""
