"""What the solvers share: the lines and their sources, what they ask of cells, and how kernels are run."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import Float64Array, notice, share

from .parameters import Chains

Kernel: TypeAlias = Callable[..., None]

SMALLEST = 1 << 14  # cells a thread should have
_READY: set[Kernel] = set()  # kernels that have been compiled in this process


class NotConvergedError(ValueError):
    """The currents are not known to the tolerance that was asked for."""


class Network(NamedTuple):
    """Lines and their sources: ``word`` (sides, rows) and ``bit`` (sides, columns) voltages, 0 where floating.

    A source at the last node that has another voltage than that at the first one is the same with a current beside.
    """

    words: Chains
    bits: Chains
    word: Float64Array
    bit: Float64Array
    word_push: Float64Array
    """Currents into the last nodes of word lines, like ``word``."""
    bit_push: Float64Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """Right sides, rows, columns."""
        return len(self.word), self.word.shape[1], self.bit.shape[1]

    @property
    def largest_drop(self) -> Float64Array:
        """Largest voltage between a word and a bit line of each right side, (sides,)."""
        up, down = (a.max(axis=1) - b.min(axis=1) for a, b in ((self.word, self.bit), (self.bit, self.word)))
        return np.asarray(np.maximum(up, down))

    def part(self, begin: int, end: int) -> "Network":
        """Some of the right sides."""
        return self._replace(
            **{name: getattr(self, name)[begin:end] for name in ("word", "bit", "word_push", "bit_push")}
        )


class State(NamedTuple):
    """Deviations of node voltages from those of the lines' sources, and currents from word into bit lines."""

    w: Float64Array
    b: Float64Array
    currents: Float64Array


class CellCurrents(Protocol):
    """What the solver asks of cells."""

    linear: bool
    """One set of slopes for all right sides and voltages."""
    compiled: tuple[Any, ...]
    """As `sweeps.cell_current` takes them."""

    @property
    def conductances(self) -> Float64Array:
        """In S at small voltages, (rows, columns)."""
        ...

    def slopes(self, shape: tuple[int, int, int]) -> Float64Array:
        """Room for the slopes in S, (sides, rows, columns); of linear cells (1, rows, columns), filled."""
        ...

    def evaluate(self, run: "Run", active: NDArray[np.bool_], network: Network, state: State, g: Float64Array) -> None:
        """Fill in currents and, unless linear, slopes."""
        ...


class Run:
    """Calls kernels, their items shared among threads."""

    def __init__(self, threads: int, cells: int) -> None:
        # a thread is worth its while from some ten thousand cells
        self._threads = threads
        self._cells = cells

    def __call__(self, kernel: Kernel, count: int, *arguments: Any) -> None:
        """All items of a kernel."""
        if kernel not in _READY:
            with notice("synaptogen: compiling the solver for wires, once ..."):
                kernel(0, 0, *arguments)
            _READY.add(kernel)
        work = self._cells / count  # cells an item
        share(kernel, count, self._threads, arguments, smallest=max(1, round(SMALLEST / work)))
