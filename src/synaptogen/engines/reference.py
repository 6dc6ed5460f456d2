"""The reference engine: NumPy, double precision, one array a quantity. To be read beside the model; the oracle of all
other engines."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, require_cells
from synaptogen.model import Constants, iv, latent, noise, population, random, rounded_mul, where
from synaptogen.model import features as ft
from synaptogen.model import switching as sw

from .compiled_params import CompiledParams
from .lines import line_currents
from .protocol import CellIds, Positions, ReadNumbers

Select = Any  # an index array, or slice(None)


class ReferenceEngine:
    """CellIds as float64 arrays of shape (n,); see `engines.protocol.Engine` for what the methods promise."""

    name = "reference"
    storage = "full"
    dtype: type[np.floating[Any]] = np.float64

    def __init__(
        self, params: CompiledParams, cells: CellIds, seed: int, start: str, threads: int = 1, *, fill: bool = True
    ) -> None:
        self.compiled_params, self.cells, self.seed, self.start = params, cells, seed, start
        n = cells.size
        self.r = np.zeros(n)
        self.word = np.zeros(n, np.uint32)
        self.field = np.zeros((7, n))  # in the order of protocol.FIELDS
        self.vector = np.zeros((8, n))
        self.memory = np.zeros((params.memory, n))  # VAR: the last p values of x, most recent first; else the states
        if fill:
            self._draw_devices()
            self._first_cycle()

    @staticmethod
    def bytes_for(params: CompiledParams) -> float:
        """Memory that one cell of a params takes."""
        return 8.0 * (1 + 7 + 8 + params.memory) + 4.0

    @classmethod
    def require_room(cls, params: CompiledParams, cells: int) -> None:
        """Raise MemoryError unless so many cells of a params fit into memory."""
        require_cells(cells, cls.bytes_for(params))

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell takes."""
        return self.bytes_for(self.compiled_params)

    @property
    def threads(self) -> int:
        """One: NumPy."""
        return 1

    def describe(self) -> str:
        """The engine in a few words."""
        return "reference, float64"

    def selection(self, positions: Positions | None) -> Select:
        """What the other methods take as ``select``."""
        return slice(None) if positions is None else positions

    # ---- how cells begin

    def _draw_devices(self) -> None:
        params, n = self.compiled_params, self.cells.size
        choice = self._draw(random.random_words, random.DEVICE, 0, 0)[0]
        z = np.stack(
            [*self._draw(random.normals, random.DEVICE, 0, 1), *self._draw(random.normals, random.DEVICE, 0, 2)]
        )
        k = np.zeros(n, int)
        for component, first in enumerate(params.component_starts):
            k[population.chosen(choice, first)] = component
        self.vector = params.means[k].T + np.einsum("nij,jn->in", params.cholesky[k], z)
        if params.log_sigma:
            self.vector[4:] = population.scale(self.vector[4:])

    def _first_memory(self) -> AnyArray:
        """Memory at the beginning of life; for a VAR with x_0 in it, for a state space before cycle 0."""
        params, p = self.compiled_params, self.compiled_params.constants
        stationary = self.start == "stationary"
        if not params.slots:
            blocks = range(-(-params.memory // 4))
            z = np.concatenate([self._draw(random.normals, random.HISTORY, 0, block) for block in blocks])
            return np.asarray((params.start if stationary else np.zeros_like(params.start)) @ z[: params.memory])
        e = np.stack(self._draw(random.normals, random.CYCLES, 0, 0))
        if not stationary:
            return np.concatenate([latent.innovation(e, p.innovation), np.zeros((params.memory - 4, self.cells.size))])
        # x_0 and the history before it at once
        lags = range(1, params.slots)
        past = [self._draw(random.normals, random.HISTORY, 0, lag) for lag in lags]
        return np.asarray(params.start @ np.concatenate([e, *past]))

    def _first_cycle(self) -> None:
        n = self.cells.size
        everywhere, zero = np.ones(n, bool), np.zeros(n, np.uint32)
        x = self._next_latent(slice(None), zero, everywhere)
        f = ft.cycle_features(x, self.vector[:4], self.vector[4:], self.compiled_params.constants)
        self.r = f.r_hrs
        self.field[:4] = f.u_set, f.r_lrs, f.u_reset, f.r_hrs
        self.word = sw.in_next_cycle(np.full(n, sw.HRS | sw.CYCLE, np.uint32), everywhere, f.limited)

    def _draw(self, of: Callable[..., Any], stream: int, number: Any, block: int, select: Select = slice(None)) -> Any:
        lo, hi = self.cells.id_words(np.arange(self.cells.size)[select])
        k0, k1 = (np.array([word], np.uint32) for word in (self.seed & 0xFFFFFFFF, self.seed >> 32))
        number = np.broadcast_to(np.asarray(number & 0xFFFFFFFF, np.uint32), lo.shape)
        return of(lo, hi, stream, number, np.full_like(lo, block), k0, k1)

    def _next_latent(self, select: Select, number: NDArray[np.uint32], begin: AnyArray) -> AnyArray:
        """x of cycle ``number``; the memory of cells that begin it moves on. With cycle 0 a life begins."""
        params, first = self.compiled_params, begin & (number == 0)
        if np.any(first):
            self.memory[:, select] = where(first, self._first_memory()[:, select], self.memory[:, select])
        memory = self.memory[:, select]
        e = np.stack(self._draw(random.normals, random.CYCLES, number, 0, select))
        x = np.stack(latent.innovation(e, params.constants.innovation)) + params.readout.T @ memory
        following = np.concatenate([x, memory[:-4]]) if params.slots else params.F @ memory + params.G @ e
        if params.slots:
            x, following = where(first, memory[:4], x), where(first, memory, following)
        self.memory[:, select] = where(begin, following, memory)
        return x

    # ---- voltages and reads

    def apply(self, u: AnyArray, select: Select, mask: AnyArray | None = None) -> None:
        """Apply k voltages one after the other, only where the mask holds."""
        for voltage in u:
            self._step(np.asarray(voltage, float) if mask is None else where(mask, voltage, 0.0), select)

    def _step(self, u: AnyArray, select: Select) -> None:
        p = self.compiled_params.constants
        r, word = self.r[select], self.word[select]
        u = np.broadcast_to(u, r.shape)
        u_set, r_lrs, u_reset, r_hrs, u_ratchet, *curve = self.field[:, select]

        sets = sw.sets(word, u, u_set)
        r = where(sets, r_lrs, r)
        word = sw.in_mode(word, sets, sw.LRS)

        event = sw.resets(word, u, u_reset, u_ratchet, p)
        # a cell that sets at a negative voltage cannot reset at the same one
        x = self._next_latent(select, (sw.cycle(word) + 1) & sw.CYCLE, event.begin)
        new = ft.cycle_features(x, self.vector[:4, select], self.vector[4:, select], p)
        with np.errstate(all="ignore"):  # cells that do not reset have no transition
            curve = where(event.begin & event.partial, iv.transition(r, u_reset, new.r_hrs, p), curve)
            u_set, r_lrs, u_reset, r_hrs = where(
                event.begin, (new.u_set, new.r_lrs, new.u_reset, new.r_hrs), (u_set, r_lrs, u_reset, r_hrs)
            )
            word = sw.in_next_cycle(word, event.begin, new.limited)
            r = where(event.full, r_hrs, r)
            r = where(event.partial, iv.partial_reset(iv.Transition(*curve), u, p), r)
        u_ratchet = where(event.partial, u, u_ratchet)
        word = sw.in_mode(sw.in_mode(word, event.full, sw.HRS), event.partial, sw.IRS)

        self.r[select], self.word[select] = r, word
        self.field[:, select] = u_set, r_lrs, u_reset, r_hrs, u_ratchet, *curve

    def sweep(self, u: AnyArray, select: Select, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Apply k voltages one after the other; returns the current at each."""
        trace = []
        for k, voltage in enumerate(u):
            self._step(np.asarray(voltage, float), select)
            each = None if reads.each is None else reads.each + np.uint32(k)
            trace.append(self.read(voltage[None], select, bandwidth, ReadNumbers(reads.times + k, each)))
        return np.stack(trace)

    def read(self, u: AnyArray, select: Select, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Currents at one voltage each, or one for all."""
        p: Constants = self.compiled_params.constants
        u = np.asarray(u[0], float)
        g = iv.conductance(self.r[select], u, p)
        if bandwidth == 0.0:
            return np.asarray(rounded_mul(u, g))
        number = reads.times if reads.each is None else reads.each[: self.cells.size][select]
        z = self._draw(
            lambda lo, hi, stream, number, block, k0, k1: random.read_normal(lo, hi, number, k0, k1),
            random.READ,
            number,
            0,
            select,
        )
        return np.asarray(noise.noisy_current(g, u, noise.noise_density(u) * bandwidth, z))

    # ---- state

    def mixing(self, select: Select) -> AnyArray:
        """Mixing states."""
        return np.array(self.r[select])

    def status(self, select: Select) -> NDArray[np.uint32]:
        """Words that hold mode and cycle number."""
        return np.array(self.word[select])

    def fields(self, select: Select) -> AnyArray:
        """State in the order of `protocol.FIELDS`."""
        return np.array(self.field[:, select])

    def device(self, select: Select) -> AnyArray:
        """Device vectors."""
        return np.array(self.vector[:, select])

    # ---- products

    def line_currents(
        self,
        shape: tuple[int, int],
        select: Select,
        line_starts: Positions,
        v: AnyArray,
        transpose: bool,
        bandwidth: float,
        number: int,
    ) -> AnyArray:
        """Currents of lines of a crossbar."""
        return line_currents(self, shape, select, line_starts, v, transpose, bandwidth, number)

    def weighted_sums(self, shape: tuple[int, int], select: Select, weights: AnyArray, transpose: bool) -> AnyArray:
        """Products of the matrix of mixing states with rows of weights."""
        matrix = self.r[select].reshape(shape)
        return np.asarray(weights @ (matrix if transpose else matrix.T))

    def line_normals(self, positions: Positions, number: int, batch: int) -> AnyArray:
        """Normals for the lines of a crossbar product."""
        z = np.empty((-(-batch // 4) * 4, len(positions)))
        for block in range(len(z) // 4):
            z[4 * block : 4 * block + 4] = self._draw(random.normals, random.PRODUCT, number, block, positions)
        return z[:batch]

    # ---- copies

    def copy(self, positions: Positions | None) -> "ReferenceEngine":
        """An engine of its own with copies of some cells, or of all."""
        cells = self.cells if positions is None else self.cells.at(positions)
        other = ReferenceEngine(self.compiled_params, cells, self.seed, self.start, fill=False)
        select = self.selection(positions)
        other.restore(0, {name: array[..., select] for name, array in self._arrays().items()})
        return other

    def dump(self, begin: int, end: int) -> dict[str, AnyArray]:
        """All state of a range of cells."""
        return {name: array[..., begin:end].copy() for name, array in self._arrays().items()}

    def restore(self, begin: int, state: dict[str, AnyArray]) -> None:
        """Take back what `dump` gave."""
        arrays = self._arrays()
        for name, values in state.items():
            arrays[name][..., begin : begin + values.shape[-1]] = values

    def _arrays(self) -> dict[str, AnyArray]:
        return {
            "r": self.r,
            "word": self.word,
            "field": self.field,
            "vector": self.vector,
            "memory": self.memory,
        }
