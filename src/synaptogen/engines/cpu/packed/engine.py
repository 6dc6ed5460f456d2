"""The packed engine as arrays use it: the CPU engine with other buffers and kernels."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, Float32Array, allocate
from synaptogen.engines.compiled_params import CompiledParams
from synaptogen.engines.cpu.engine import CPUEngine, mixture_arrays
from synaptogen.engines.cpu.engine import kernels as ordinary_kernels
from synaptogen.engines.cpu.kernels import source_digest
from synaptogen.engines.cpu.lanes import W
from synaptogen.engines.cpu.packing import Packing, packing_of, plain
from synaptogen.engines.cpu.transfer import as_records, numbers_of
from synaptogen.engines.protocol import FIELDS, Positions, ReadNumbers

from .codes import LARGEST, Scale
from .kernels import Kernels, MixingCodes, compile_kernels
from .layout import THRESHOLDS, TRAITS, X_ROWS, Scales
from .moving import WORDS, compile_move

BLOCK = 1 << 22  # cells per block where the memory of temporaries grows with their number
STATE_REACH = 7.0  # codes span +- this many standard deviations of a state; no normal of the generator is larger
THRESHOLD_REACH = 5.0  # times u_max; larger thresholds never matter in practice and are counted as limited
_OF_DEVICES = {"initialise", "apply", "fields", "device"}  # kernels that need the devices of cells
R_MIN = -0.5  # half a span of the envelopes more conductive than the lowest LRS


@cache
def kernels() -> Kernels:
    """Return the kernels of this installation."""
    return compile_kernels(source_digest("cpu", "cpu/packed"), ordinary_kernels())


@cache
def move_kernel() -> Any:
    """Return the kernel that moves cells to another instant, which only arrays whose clock moves need."""
    return compile_move(source_digest("cpu", "cpu/packed"))


class PackedEngine(CPUEngine):
    """Cells in 12 bytes and 2 per state; see `engines.protocol.Engine` for what the methods promise.

    Devices are not stored but drawn again when a cycle begins, and features of partly reset cells are computed whenever
    they are needed. All that is stored is rounded to 16 bits after each voltage that changed something. Devices with
    shapes and memory of their own are stored, in 40 bytes more: to draw them takes much longer than a cycle. They
    follow from the seed, so that copies and saved files need not hold them.

    Parameters
    ----------
    params : CompiledParams
        Parameter set of all cells, with a state space as history.
    *arguments, **options
        As of `CPUEngine`.

    Raises
    ------
    ValueError
        If the history of the parameter set is a VAR.
    """

    storage = "compact"
    move_words = WORDS

    def __init__(self, params: CompiledParams, *arguments: Any, **options: Any) -> None:
        if params.slots:
            raise ValueError("the history is a VAR: storage='compact' needs a compact one (params.compact)")
        self._scales, self._state_scales = scales_of(params)
        self._mixture, self._device_scales = mixture_arrays(params), scales_of_traits(params)
        self._drawn = not params.own  # whether all devices are known
        super().__init__(params, *arguments, **options)

    @staticmethod
    def bytes_for(params: CompiledParams) -> float:
        """Return the memory in bytes that one cell of a parameter set takes."""
        return 2.0 * (1 + THRESHOLDS + params.states + (params.traits if params.own else 0)) + 4.0

    def describe(self) -> str:
        """Return a few words about the engine."""
        return super().describe() + ", compact storage"

    @staticmethod
    def _own_from(params: CompiledParams) -> int:
        return X_ROWS  # in scratch memory, behind x

    def _allocate(self) -> None:
        groups = self._groups
        self._r = allocate((groups + 1) * W, np.uint16)  # products read up to W numbers beyond a row
        self._status = allocate(groups * W, np.uint32)
        self._thresholds = allocate(groups * THRESHOLDS * W, np.uint16)
        self._states = allocate(groups * self.compiled_params.states * W, np.uint16)
        self._devices = allocate(groups * TRAITS * W if self.compiled_params.own else 0, np.uint16)

    def _fill(self) -> None:
        self._run("initialise", self._groups)

    # ---- voltages and reads, in blocks where each cell has a voltage or a result of its own

    def in_one_step(self, select: Packing) -> bool:
        """Return whether voltages change these cells in one call of a kernel."""
        return select.size <= BLOCK and super().in_one_step(select)

    def apply(self, u: AnyArray, select: Packing, mask: AnyArray | None = None) -> None:
        """Apply k voltages one after the other."""
        if u.shape[1] == 1 and mask is None:
            super().apply(u, select)
            return
        for part, here in _blocks(select):
            super().apply(_voltages_of(u, here), part, None if mask is None else mask[here])

    def sweep(self, u: AnyArray, select: Packing, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Apply k voltages one after the other, and read the current at each."""
        trace = np.empty((len(u), select.size), np.float32)
        for part, here in _blocks(select):
            trace[:, here] = super().sweep(_voltages_of(u, here), part, bandwidth, reads)
        return trace

    def read(self, u: AnyArray, select: Packing, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Read currents at one voltage per cell, or one for all."""
        first = _first_of_run(select)
        aligned = self.cells.ids is None and self.cells.first % 64 == 0 == first % 64  # 64 cells share noise blocks
        if not aligned or reads.each is not None or bandwidth == 0.0:
            return super().read(u, select, bandwidth, reads)
        # a run of cells is read like an array of its own
        each = u.shape[1] > 1 or select.size == 1
        voltages = select.pack(u)[0] if each else plain(u[0])
        out, groups = np.empty(select.visits() * W, np.float32), select.visits()
        self._run_plain(
            "read_blocks",
            -(-groups * W // 64),
            (self._r[first:], *self._arrays()[1:]),
            True,
            np.uint64(self.cells.first + first),
            self._param_arrays,
            groups,
            voltages,
            each,
            out,
            np.float32(bandwidth),
            np.uint32(reads.times & 0xFFFFFFFF),
        )
        return select.unpack(out)

    # ---- state

    def mixing(self, select: Packing) -> AnyArray:
        """Return the mixing states, an array of shape (m,)."""
        if select.positions is None:
            codes = self._r[: self._groups * W]
        else:
            codes = np.zeros(-(-select.size // W) * W, np.uint16)
            codes[: select.size] = self._r[select.positions]
        out = np.empty(len(codes), np.float32)
        self._run_plain("mixing", len(codes) // W, codes, self._scales.r, out)
        return out[: select.size]

    def status(self, select: Packing) -> NDArray[np.uint32]:
        """Return status integers of shape (m,) that hold mode and cycle number, see `model.switching`."""
        status: NDArray[np.uint32] = numbers_of(as_records(self._status, 1), select)[0]
        return status

    def fields(self, select: Packing) -> AnyArray:
        """Return the state of shape (7, m), in the order of `FIELDS`."""
        return self._computed("fields", len(FIELDS), select)

    def device(self, select: Packing) -> AnyArray:
        """Return the device vectors of shape (8, m)."""
        return self._computed("device", 8, select)

    def _computed(self, kernel: str, numbers: int, select: Packing) -> AnyArray:
        out = np.empty((numbers, select.visits() * W), np.float32)
        self._run(kernel, select.visits(), select.kernel_argument(), out)
        return np.ascontiguousarray(select.unpack(out))

    # ---- products

    def weighted_sums(self, shape: tuple[int, int], select: Packing, weights: AnyArray, transpose: bool) -> AnyArray:
        """Multiply rows of weights with the matrix of mixing states."""
        weights = plain(weights)
        rows, columns = shape
        out = np.zeros((len(weights), columns if transpose else rows), np.float32)
        together = max(1, BLOCK // columns)
        for begin in range(0, rows, together):
            some = slice(begin, min(rows, begin + together))
            matrix = self._matrix(select, some.start * columns, some.stop * columns).reshape(-1, columns)
            if transpose:
                out += weights[:, some] @ matrix
            else:
                out[:, some] = weights @ matrix.T
        return out

    def _matrix(self, select: Packing, begin: int, end: int) -> AnyArray:
        positions = np.arange(begin, end) if select.positions is None else select.positions[begin:end]
        return self.mixing(packing_of(positions))

    def _mixing_states(self) -> Any:
        return MixingCodes(self._r, self._scales.r)

    # ---- what is copied

    def _buffers(self) -> list[AnyArray]:
        return [self._r, self._status, self._thresholds, self._states]

    def _views(self) -> dict[str, AnyArray]:
        return {
            "words": as_records(self._status, 1),
            "thresholds": as_records(self._thresholds, THRESHOLDS),
            "states": as_records(self._states, self.compiled_params.states),
        }

    # ---- kernels

    def _kernels(self) -> Any:
        return kernels()

    def _move_kernel(self) -> Any:
        return move_kernel()

    def _run(self, kernel: str, count: int, *arguments: Any) -> None:
        if not self._drawn and kernel in _OF_DEVICES:
            super()._run("draw_traits", self._groups)
            self._drawn = True
        super()._run(kernel, count, *arguments)

    def _arrays(self) -> tuple[Any, ...]:
        return (
            *self._buffers(),
            self._devices,
            self._scales,
            self._state_scales,
            self._device_scales,
            self._mixture,
            self.compiled_params.log_sigma,
            *self._ids,
        )


def _blocks(select: Packing) -> Iterator[tuple[Packing, slice]]:
    """Yield a selection in parts of at most `BLOCK` cells, each with its place in the selection."""
    if select.size <= BLOCK:
        yield select, slice(select.size)
        return
    for begin in range(0, select.size, BLOCK):
        here = slice(begin, min(select.size, begin + BLOCK))
        yield packing_of(_positions_in(select.positions, here)), here


def _first_of_run(select: Packing) -> int:
    """Return the position of the first of consecutive cells; if they are not consecutive, -1 (no multiple of 64)."""
    if select.positions is None:
        return -1 if select.groups is not None else 0
    return int(select.positions[0]) if isinstance(select.lanes, slice) else -1


def _positions_in(positions: Positions | None, here: slice) -> Positions:
    """Return the positions of a range of selected cells."""
    return np.arange(here.start, here.stop) if positions is None else positions[here]


def _voltages_of(u: AnyArray, here: slice) -> AnyArray:
    """Return the voltages of a range of cells, or the one for all."""
    return u if u.shape[1] == 1 else u[:, here]


def _scale(low: float, high: float) -> Scale:
    """Return the scale of codes from ``low`` to ``high``."""
    step = (high - low) / LARGEST
    return Scale(np.float32(low), np.float32(step), np.float32(1.0 / step))


def scales_of(params: CompiledParams) -> tuple[Scales, Float32Array]:
    """Return the scales of the cells of a parameter set.

    Parameters
    ----------
    params : CompiledParams
        With q states.

    Returns
    -------
    scales : Scales
        Of mixing states and thresholds.
    state_scales : float32 array of shape (q * 4,)
        Of the states: low, step, 1/step, and 0 for each.
    """
    p = params.constants
    highest = min(p.r_max, p.g_llrs * p.per_span)  # passive at all voltages, also at that of reads
    reach = THRESHOLD_REACH * p.u_max
    deviations = np.sqrt((params.start**2).sum(axis=1))
    limits = STATE_REACH * np.maximum(deviations, 1e-30)
    return (
        Scales(_scale(R_MIN, highest), _scale(-reach, 0.0), _scale(0.0, reach), _scale(0.0, p.u_max)),
        _rows_of(-limits, limits),
    )


def scales_of_traits(params: CompiledParams) -> Float32Array:
    """Return the scales of the traits of devices that have shapes and memory of their own.

    Parameters
    ----------
    params : CompiledParams
        With d traits.

    Returns
    -------
    float32 array of shape (d * 4,), or (0,)
        Low, step, 1/step, and 0 for each; empty if devices have nothing of their own.
    """
    if not params.own:
        return np.zeros(0, np.float32)
    reach = STATE_REACH * np.sqrt((params.cholesky**2).sum(axis=2))
    low = np.maximum(params.bounds[0], (params.means - reach).min(axis=0))
    high = np.minimum(params.bounds[1], (params.means + reach).max(axis=0))
    # no code stands for a number beyond the bounds, not even by the rounding of its last digit
    return _rows_of(low, high - 1e-6 * (high - low))


def _rows_of(low: AnyArray, high: AnyArray) -> Float32Array:
    """Return scales as kernels take them where there are several: low, step, 1/step, and 0 for each."""
    return np.array([(*_scale(*ends), 0.0) for ends in zip(low, high, strict=True)], np.float32).ravel()
