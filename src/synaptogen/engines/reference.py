"""The reference engine: NumPy in double precision, one array for each quantity, written to be read beside the model.

All other engines are tested against it.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, BoolArray, Float64Array, RealArray
from synaptogen.model import (
    OWN_ROWS,
    Constants,
    features,
    iv,
    latent,
    noise,
    optional_parts,
    population,
    random,
    rounded_mul,
    switching,
    where,
)

from .compiled_params import CompiledParams
from .lines import EngineDefaults
from .protocol import FIELDS, CellIds, Positions, ReadNumbers

Select: TypeAlias = NDArray[np.int64] | slice
"""Cells of this engine: an array of positions, or the slice of all."""


class ReferenceEngine(EngineDefaults[Select]):
    """Cells as float64 arrays of shape (n,); `engines.protocol.Engine` says what the arguments and methods mean."""

    name = "reference"
    storage = "full"
    dtype: type[np.floating[Any]] = np.float64

    def __init__(
        self, params: CompiledParams, cells: CellIds, seed: int, start: str, threads: int = 1, *, fill: bool = True
    ) -> None:
        self.compiled_params, self.cells, self.seed, self.start = params, cells, seed, start
        n = cells.size
        self._r = np.zeros(n)
        self._status = np.zeros(n, np.uint32)
        self._fields = np.zeros((len(FIELDS), n))
        self._device = np.zeros((8, n))
        self._memory = np.zeros((len(params.readout), n))  # VAR: the last p of x, most recent first; else the states
        self._own = np.zeros((OWN_ROWS if params.own else 0, n))  # what devices have of their own
        if fill:
            self._draw_devices()
            self._begin_first_cycle()

    @staticmethod
    def bytes_for(params: CompiledParams) -> float:
        """Return the bytes that one cell of a parameter set takes."""
        return 8.0 * (1 + 7 + 8 + params.memory) + 4.0

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell takes, in bytes."""
        return self.bytes_for(self.compiled_params)

    @property
    def threads(self) -> int:
        """Number of threads: one, that of NumPy."""
        return 1

    def describe(self) -> str:
        """Return the name of the engine and its precision."""
        return "reference, float64"

    def selection(self, positions: Positions | None) -> Select:
        """Return what the other methods take as ``select``: the positions themselves, or a slice of all."""
        return slice(None) if positions is None else positions

    # ---- how cells begin

    def _draw_devices(self) -> None:
        params, n = self.compiled_params, self.cells.size
        choice = self._draw(random.random_words, random.DEVICE, 0, 0)[0]
        k = np.zeros(n, int)
        for component, first in enumerate(params.component_starts):
            k[population.chosen(choice, first)] = component
        self._device = self._draw_vectors(k, 0)
        for number in range(1, population.DRAWS if len(params.bounds) else 1):
            low, high = params.bounds[:, :, None]
            outside = np.any((self._device < low) | (self._device > high), axis=0)
            if not outside.any():
                break
            self._device = where(outside, self._draw_vectors(k, number), self._device)
        if len(params.bounds):
            self._device = np.clip(self._device, *params.bounds[:, :, None])
        if params.own:
            self._own = np.stack(optional_parts.device_rows(tuple(self._device[8:]), params.constants.own))
            self._device = self._device[:8]
        if params.log_sigma:
            self._device[4:] = population.scale(self._device[4:])

    def _draw_vectors(self, k: NDArray[np.int64], number: int) -> Float64Array:
        """Return device vectors (d, n) from the components ``k`` of the population: draw ``number`` of each cell."""
        params = self.compiled_params
        blocks = range(1, 1 + params.traits // 4)
        z = np.concatenate([self._draw(random.normals, random.DEVICE, np.uint32(number), block) for block in blocks])
        return np.asarray(params.means[k].T + np.einsum("nij,jn->in", params.cholesky[k], z))

    def _first_memory(self) -> AnyArray:
        """Return the first memory of all cells, (m, n): of a VAR with x_0 in it, of a state space before cycle 0."""
        params, p = self.compiled_params, self.compiled_params.constants
        stationary = self.start == "stationary"
        if not params.slots:
            blocks = range(-(-params.states // 4))
            z = np.concatenate([self._draw(random.normals, random.HISTORY, 0, block) for block in blocks])
            return np.asarray((params.start if stationary else np.zeros_like(params.start)) @ z[: params.states])
        e = np.stack(self._draw(random.normals, random.CYCLES, 0, 0))
        if not stationary:
            return np.concatenate([latent.innovation(e, p.innovation), np.zeros((params.memory - 4, self.cells.size))])
        # x_0 and the history before it at once
        lags = range(1, params.slots)
        past = [self._draw(random.normals, random.HISTORY, 0, lag) for lag in lags]
        return np.asarray(params.start @ np.concatenate([e, *past]))

    def _begin_first_cycle(self) -> None:
        n = self.cells.size
        everywhere, zero = np.ones(n, bool), np.zeros(n, np.uint32)
        x = self._next_latent(slice(None), zero, everywhere)
        new = self._features_of(x, slice(None), zero)
        self._r = new.r_hrs
        self._fields[:4] = new.u_set, new.r_lrs, new.u_reset, new.r_hrs
        before = np.full(n, switching.HRS | switching.CYCLE, np.uint32)
        self._status = switching.in_next_cycle(before, everywhere, new.limited)

    def _draw(
        self, generator: Callable[..., Any], stream: int, number: Any, block: int, select: Select = slice(None)
    ) -> Any:
        """Call a generator of `synaptogen.model.random` for some cells: their ids and the seed complete the address."""
        lo, hi = self.cells.id_words(np.arange(self.cells.size)[select])
        k0, k1 = (np.array([half], np.uint32) for half in (self.seed & 0xFFFFFFFF, self.seed >> 32))
        number = np.broadcast_to(np.asarray(number & 0xFFFFFFFF, np.uint32), lo.shape)
        return generator(lo, hi, stream, number, np.full_like(lo, block), k0, k1)

    def _next_latent(self, select: Select, number: NDArray[np.uint32], begin: BoolArray) -> AnyArray:
        """Return x of cycle ``number`` of each cell, (4, m), and advance the memory of cells that ``begin`` it.

        Before cycle 0 the memory is drawn.
        """
        params, first = self.compiled_params, begin & (number == 0)
        if np.any(first):
            self._memory[:, select] = where(first, self._first_memory()[:, select], self._memory[:, select])
        memory = self._memory[:, select]
        e = np.stack(self._draw(random.normals, random.CYCLES, number, 0, select))
        white = np.stack(latent.innovation(e, params.constants.innovation))
        if params.restless:
            v, n = memory[-1], self._draw(random.normals, random.CYCLES, number, 1, select)
            white[2] = optional_parts.innovation_of_lrs(white[2], v, n[0], params.constants.restless)
        slow = params.readout.T @ memory
        if params.own:
            x = np.stack(optional_parts.blended(slow, white, self._own[:, select], params.constants.own))
        else:
            x = white + slow
        following = np.concatenate([x, memory[:-4]]) if params.slots else params.F @ memory + params.G @ e
        if params.restless:
            following[-1] = optional_parts.next_unrest(v, n[1], params.constants.restless)
        if params.slots:
            x, following = where(first, memory[:4], x), where(first, memory, following)
        self._memory[:, select] = where(begin, following, memory)
        return x

    def _features_of(self, x: AnyArray, select: Select, number: NDArray[np.uint32]) -> features.CycleFeatures:
        """Return the features of cycle ``number`` of each cell, which has the latent vector x."""
        lo, hi = self.cells.id_words(np.arange(self.cells.size)[select])
        device, own, p = self._device[:, select], self._own[:, select], self.compiled_params.constants
        k0, k1 = np.array([self.seed & 0xFFFFFFFF], np.uint32), np.array([self.seed >> 32], np.uint32)
        return features.features_of(x, device[:4], device[4:], p, own, lo, hi, number, k0, k1)

    # ---- voltages and reads

    def apply(self, u: RealArray, select: Select, mask: BoolArray | None = None) -> None:
        """Apply k voltages one after the other."""
        for voltage in u:
            self._step(np.asarray(voltage, float) if mask is None else where(mask, voltage, 0.0), select)

    def _step(self, u: AnyArray, select: Select) -> None:
        """Apply one voltage: `synaptogen.model.switching` in the order in which docs/model.md states it."""
        p = self.compiled_params.constants
        r, status = self._r[select], self._status[select]
        u = np.broadcast_to(u, r.shape)
        u_set, r_lrs, u_reset, r_hrs, u_ratchet, *curve = self._fields[:, select]

        sets = switching.sets(status, u, u_set)
        r = where(sets, r_lrs, r)
        status = switching.in_mode(status, sets, switching.LRS)

        event = switching.resets(status, u, u_reset, u_ratchet, p)
        # a cell that sets at a negative voltage cannot reset at the same one
        number = (switching.cycle(status) + 1) & switching.CYCLE
        new = self._features_of(self._next_latent(select, number, event.begin), select, number)
        with np.errstate(all="ignore"):  # cells that do not reset have no transition
            curve = where(event.begin & event.partial, iv.transition(r, u_reset, new.r_hrs, p), curve)
            u_set, r_lrs, u_reset, r_hrs = where(
                event.begin, (new.u_set, new.r_lrs, new.u_reset, new.r_hrs), (u_set, r_lrs, u_reset, r_hrs)
            )
            status = switching.in_next_cycle(status, event.begin, new.limited)
            r = where(event.full, r_hrs, r)
            r = where(event.partial, iv.partial_reset(iv.Transition(*curve), u, p), r)
        u_ratchet = where(event.partial, u, u_ratchet)
        status = switching.in_mode(switching.in_mode(status, event.full, switching.HRS), event.partial, switching.IRS)

        self._r[select], self._status[select] = r, status
        self._fields[:, select] = u_set, r_lrs, u_reset, r_hrs, u_ratchet, *curve

    def sweep(self, u: RealArray, select: Select, bandwidth: float, reads: ReadNumbers) -> Float64Array:
        """Apply k voltages one after the other, and record the current after each."""
        trace = []
        for k, voltage in enumerate(u):
            self._step(np.asarray(voltage, float), select)
            each = None if reads.each is None else reads.each + np.uint32(k)
            trace.append(self.read(voltage[None], select, bandwidth, ReadNumbers(reads.times + k, each)))
        return np.stack(trace)

    def read(self, u: RealArray, select: Select, bandwidth: float, reads: ReadNumbers) -> Float64Array:
        """Return currents, which changes no state."""
        p: Constants = self.compiled_params.constants
        u = np.asarray(u[0], float)
        g = iv.conductance(self._r[select], u, p)
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

    def mixing(self, select: Select) -> Float64Array:
        """Return the mixing states, of shape (m,)."""
        return np.array(self._r[select])

    def status(self, select: Select) -> NDArray[np.uint32]:
        """Return the status words, of shape (m,)."""
        return np.array(self._status[select])

    def fields(self, select: Select) -> Float64Array:
        """Return the state in the order of `protocol.FIELDS`, of shape (7, m)."""
        return np.array(self._fields[:, select])

    def device(self, select: Select) -> Float64Array:
        """Return the device vectors, of shape (8, m)."""
        return np.array(self._device[:, select])

    # ---- products

    def weighted_sums(
        self, shape: tuple[int, int], select: Select, weights: RealArray, transpose: bool
    ) -> Float64Array:
        """Return products of rows of weights with the matrix of mixing states."""
        matrix = self._r[select].reshape(shape)
        return np.asarray(weights @ (matrix if transpose else matrix.T))

    def line_normals(self, positions: Positions, number: int, batch: int) -> Float64Array:
        """Return the normal numbers of the lines of a product."""
        z = np.empty((-(-batch // 4) * 4, len(positions)))
        for block in range(len(z) // 4):
            z[4 * block : 4 * block + 4] = self._draw(random.normals, random.PRODUCT, number, block, positions)
        return z[:batch]

    # ---- copies

    def copy(self, positions: Positions | None) -> "ReferenceEngine":
        """Return a new engine with copies of the cells at some positions, or of all."""
        cells = self.cells if positions is None else self.cells.at(positions)
        other = ReferenceEngine(self.compiled_params, cells, self.seed, self.start, fill=False)
        select = self.selection(positions)
        other.restore(0, {name: array[..., select] for name, array in self._arrays().items()})
        return other

    def dump(self, begin: int, end: int) -> dict[str, AnyArray]:
        """Return copies of the state of consecutive cells."""
        return {name: array[..., begin:end].copy() for name, array in self._arrays().items()}

    def restore(self, begin: int, state: dict[str, AnyArray]) -> None:
        """Overwrite the state of consecutive cells."""
        arrays = self._arrays()
        for name, values in state.items():
            arrays[name][..., begin : begin + values.shape[-1]] = values

    def _arrays(self) -> dict[str, AnyArray]:
        return {
            "r": self._r,
            "word": self._status,
            "field": self._fields,
            "vector": self._device,
            "memory": self._memory,
            **({"own": self._own} if self.compiled_params.own else {}),
        }
