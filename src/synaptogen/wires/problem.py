"""The problem that the solvers share: lines and their sources, the currents of cells, and how kernels are run."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from synaptogen._utils import BoolArray, Float64Array, notice, share

from .parameters import Chains

Kernel: TypeAlias = Callable[..., None]
"""A compiled loop; its first two arguments are the first item and the end of the items to work on."""

COMPILING = "synaptogen: compiling the solver for wires, once ..."
SMALLEST = 1 << 14  # cells per thread from which a further thread pays
_READY: set[Kernel] = set()  # kernels that have been compiled in this process


class NotConvergedError(ValueError):
    """Raised when the currents cannot be computed to the requested tolerance."""


class Network(NamedTuple):
    """Lines and their sources, for some right sides (sets of source voltages).

    A source at the last node with another voltage than the one at the first node is replaced by one with the same
    voltage and a current into the last node: the "push".

    Attributes
    ----------
    word_lines, bit_lines : Chains
        Resistances of the lines.
    word_voltages, bit_voltages : array of shape (sides, rows), (sides, columns)
        Source voltages in V; 0 for floating lines.
    word_push, bit_push : array of shape (sides, rows), (sides, columns)
        Currents in A into the last nodes.
    """

    word_lines: Chains
    bit_lines: Chains
    word_voltages: Float64Array
    bit_voltages: Float64Array
    word_push: Float64Array
    bit_push: Float64Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of right sides, rows and columns."""
        return len(self.word_voltages), self.word_voltages.shape[1], self.bit_voltages.shape[1]

    @property
    def equal_segments(self) -> bool:
        """Whether all segments of a kind have the same resistance."""
        return isinstance(self.word_lines.segment, float) and isinstance(self.bit_lines.segment, float)

    @property
    def largest_drop(self) -> Float64Array:
        """Largest voltage in V between a word and a bit line of each right side, (sides,)."""
        word_lines, bit_lines = self.word_voltages, self.bit_voltages
        up, down = (a.max(axis=1) - b.min(axis=1) for a, b in ((word_lines, bit_lines), (bit_lines, word_lines)))
        return np.asarray(np.maximum(up, down))

    def part(self, begin: int, end: int) -> "Network":
        """Return the network of the right sides ``begin`` to ``end - 1``.

        Parameters
        ----------
        begin, end : int
            Range of right sides.

        Returns
        -------
        Network
        """
        sides = slice(begin, end)
        return Network(
            self.word_lines,
            self.bit_lines,
            self.word_voltages[sides],
            self.bit_voltages[sides],
            self.word_push[sides],
            self.bit_push[sides],
        )


class NodeState(NamedTuple):
    """Solution of the network equations.

    Attributes
    ----------
    w, b : array of shape (sides, rows, columns)
        Deviations in V of the nodes of word and bit lines from the voltages of their sources.
    currents : array of shape (sides, rows, columns)
        Currents in A from word into bit lines.
    """

    w: Float64Array
    b: Float64Array
    currents: Float64Array


class CellCurrents(Protocol):
    """Cells as the solvers see them: currents and slopes dI/dU as functions of the node voltages.

    `newton.LinearCells` and `newton.ModelCells` implement this protocol. Newton's method calls `evaluate`; the SOR
    sweeps evaluate the currents of ``compiled`` inside their own loops.
    """

    @property
    def linear(self) -> bool:
        """Whether one set of slopes holds for all right sides and voltages."""
        ...

    @property
    def compiled(self) -> tuple[object, ...]:
        """The cells as the kernels of `sor_kernels` take them."""
        ...

    @property
    def conductances(self) -> Float64Array:
        """Conductances in S at small voltages, (rows, columns)."""
        ...

    def slopes(self, shape: tuple[int, int, int]) -> Float64Array:
        """Return an array for slopes in S, (sides, rows, columns); for linear cells filled, (1, rows, columns)."""
        ...

    def evaluate(self, run: "Run", active: BoolArray, network: Network, state: NodeState, g: Float64Array) -> None:
        """Compute currents and, unless the cells are linear, slopes.

        Parameters
        ----------
        run : Run
            Calls the kernel.
        active : array of bool, of shape (sides,)
            Right sides to work on.
        network : Network
            Lines and sources.
        state : NodeState
            ``w`` and ``b`` are read, ``currents`` are set.
        g : array as `slopes` returns
            Slopes in S, set in place.
        """
        ...


class Run:
    """Calls kernels, with their items shared among threads.

    Parameters
    ----------
    threads : int
        Most threads.
    cells : int
        Number of cells times right sides: the work of a call.
    """

    def __init__(self, threads: int, cells: int) -> None:
        self._threads = threads
        self._cells = cells

    def __call__(self, kernel: Kernel, count: int, *arguments: object) -> None:
        """Call a kernel for items 0 to ``count - 1``; ``arguments`` follow the range of items."""
        if kernel not in _READY:
            with notice(COMPILING):
                kernel(0, 0, *arguments)
            _READY.add(kernel)
        work = self._cells / count  # cells of one item
        share(kernel, count, self._threads, arguments, smallest=max(1, round(SMALLEST / work)))
