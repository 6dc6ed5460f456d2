"""Methods of an array for programs on the GPU: they take voltages from there, and leave currents there."""

from typing import NamedTuple, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Shape, checks
from synaptogen.engines.cuda import CUDAEngine, DeviceArray, GPUArray, numbers, on_device, on_gpu_already
from synaptogen.state import CellState


class SupportsCUDAInterface(Protocol):
    """An array with the CUDA array interface: of CuPy, PyTorch, Numba."""

    @property
    def __cuda_array_interface__(self) -> object: ...


class SupportsDLPack(Protocol):
    """An array that gives its memory by DLPack: of JAX and others."""

    def __dlpack__(self) -> object: ...

    def __dlpack_device__(self) -> tuple[int, int]: ...


Values: TypeAlias = ArrayLike | SupportsCUDAInterface | SupportsDLPack
"""Numbers, or arrays in the memory of the machine or of the GPU."""


class _Pulses(NamedTuple):
    """Voltages on the GPU, flat."""

    voltages: DeviceArray
    number: int  # of pulses
    each: bool  # whether each cell has a voltage of its own


class OnGPU:
    """Methods of a `CellArray` that take arrays on the GPU and leave results there; see `CellArray.on_gpu`.

    Arrays on the GPU (anything with the CUDA array interface, or DLPack) are used without a copy: they must be in
    single precision, contiguous, and of exactly the shape described. Numbers and arrays of NumPy may be given too, and
    are copied. Results are `GPUArray`. Work is queued on the default stream. Pulses have the width for which the
    thresholds hold, and take no time: ``width=`` is refused here, and served by the methods of `CellArray`.

    Parameters
    ----------
    state : CellState
        The cells, of the engine "cuda".
    shape : tuple of int
        Shape of the array.
    """

    def __init__(self, state: CellState, shape: Shape) -> None:
        engine = state.engine
        assert isinstance(engine, CUDAEngine)
        self._state, self._shape, self._engine = state, shape, engine

    def apply_voltage(self, u: Values, *, width: None = None) -> None:
        """Apply one voltage to all cells, or an array of voltages; see `CellArray.apply_voltage`.

        Parameters
        ----------
        u : float or array of the shape of the cells
            Voltages in V.
        width : None
            Widths are refused here.

        Raises
        ------
        ValueError
            If a width is given, a voltage is not finite, or the shape does not fit. No cell has changed then.
        """
        _refuse_width(width)
        pulse = self._one_pulse("u", u)
        with self._state.guard.changing():
            self._engine.apply_on_device(*pulse, self._state.selection)

    def apply_voltages(self, pulses: Values, *, width: None = None) -> None:
        """Apply K voltages one after the other; see `CellArray.apply_voltages`.

        Parameters
        ----------
        pulses : array of shape (K,) or (K, *shape)
            Voltages in V.
        width : None
            Widths are refused here.

        Raises
        ------
        ValueError
            If a width is given, a voltage is not finite, or the shape does not fit. No cell has changed then.
        """
        _refuse_width(width)
        voltages = self._pulses("pulses", pulses)
        with self._state.guard.changing():
            self._engine.apply_on_device(*voltages, self._state.selection)

    def sweep(self, waveform: Values, *, noise: bool = False, width: None = None) -> GPUArray:
        """Apply a waveform and record the current at each of its points; see `CellArray.sweep`.

        Parameters
        ----------
        waveform : array of shape (T,) or (T, *shape)
            Voltages in V.
        noise : bool
            Add the noise of a read to each current.
        width : None
            Widths are refused here.

        Returns
        -------
        GPUArray of shape (T, *shape)
            Currents in A.

        Raises
        ------
        ValueError
            If a width is given.
        """
        _refuse_width(width)
        pulses, bandwidth = self._pulses("waveform", waveform), self._state.bandwidth if noise else 0.0
        with self._state.guard.changing():
            trace = self._engine.sweep_on_device(*pulses, self._state.selection, bandwidth, self._state.counters.reads)
            if bandwidth:
                self._state.advance_reads(pulses.number)
        return GPUArray(trace, (pulses.number, *self._shape))

    def read(self, u: Values | None = None, *, bandwidth: float | None = None) -> GPUArray:
        """Return currents with noise; see `CellArray.read`.

        Parameters
        ----------
        u : float or array of the shape of the cells, optional
            Read voltages in V; default: the read voltage of the parameter set.
        bandwidth : float, optional
            Bandwidth in Hz; default: that of the array. 0: no noise.

        Returns
        -------
        GPUArray of the shape of the cells
            Currents in A.
        """
        state = self._state
        pulse = self._one_pulse("u", state.params.u_read if u is None else u)
        bandwidth = state.bandwidth if bandwidth is None else checks.bandwidth(bandwidth)
        with state.guard.lock:
            state.guard.check()
            reads = state.counters.reads
            out = self._engine.read_on_device(pulse.voltages, pulse.each, state.selection, bandwidth, reads)
            if bandwidth:
                state.advance_reads(1)
        return GPUArray(out, self._shape)

    def product(self, v: Values, *, transpose: bool = False, bandwidth: float | None = None) -> GPUArray:
        """Return the currents of all lines of the crossbar; see `CellArray.product`.

        Vectors are rows here, as in the layers of networks.

        Parameters
        ----------
        v : array of shape (inputs,) or (batch, inputs)
            Voltages in V on the columns, or with ``transpose`` on the rows.
        transpose : bool
            Drive the rows and return the currents of the columns.
        bandwidth : float, optional
            Bandwidth in Hz of the measurement of a line; default: that of the array. 0: no noise.

        Returns
        -------
        GPUArray of shape (outputs,) or (batch, outputs)
            Currents in A.
        """
        state, (rows, columns) = self._state, checks.crossbar(self._shape)
        bandwidth = state.bandwidth if bandwidth is None else checks.bandwidth(bandwidth)
        inputs, lines = (rows, columns) if transpose else (columns, rows)
        vectors, shape = self._vectors(v, inputs)
        batch = shape[0] if len(shape) == 2 else 1
        with state.guard.lock:
            state.guard.check()
            currents = self._engine.product_on_device(
                (rows, columns),
                state.selection,
                state.line_starts((rows, columns), transpose),
                vectors,
                batch,
                transpose,
                bandwidth,
                state.counters.products,
            )
            if bandwidth:
                state.counters.products += 1
        return GPUArray(currents, (*shape[:-1], lines))

    @property
    def r(self) -> GPUArray:
        """Mixing states, of the shape of the cells.

        For a whole array they are the memory of the engine, not a copy: they change with the cells, and must not be
        written to. For a view they are a copy.
        """
        if self._state.positions is None:
            return GPUArray(self._engine.state.r, self._shape)
        return GPUArray(self._engine.gather_on_device("r", self._state.selection), self._shape)

    def _one_pulse(self, name: str, u: Values) -> _Pulses:
        array = on_gpu_already(u)
        if array is None:
            voltages = checks.voltages(name, cast("ArrayLike", u), self._shape, np.float32)
            return _Pulses(on_device(voltages), 1, voltages.size > 1)
        if array.size != 1 and tuple(array.shape) != self._shape:
            raise _shape_error(name, array.shape, f"one voltage or {self._shape}")
        return _Pulses(numbers(name, array), 1, array.size > 1)

    def _pulses(self, name: str, pulses: Values) -> _Pulses:
        array, shape = on_gpu_already(pulses), self._shape
        if array is None:
            voltages = checks.pulses(name, cast("ArrayLike", pulses), shape, np.float32)
            return _Pulses(on_device(voltages), len(voltages), voltages.shape[1] > 1)
        if array.ndim == 0 or array.size == 0 or tuple(array.shape)[1:] not in ((), shape):
            raise _shape_error(name, array.shape, f"(K,) or (K, {', '.join(map(str, shape))})")
        return _Pulses(numbers(name, array), array.shape[0], array.size > array.shape[0])

    def _vectors(self, v: Values, inputs: int) -> tuple[DeviceArray, Shape]:
        array = on_gpu_already(v)
        given = checks.finite("v", cast("ArrayLike", v), np.float32) if array is None else array
        shape = tuple(given.shape)
        if len(shape) not in (1, 2) or shape[-1] != inputs or given.size == 0:
            raise _shape_error("v", shape, f"({inputs},) or (batch, {inputs})")
        return (on_device(given) if array is None else numbers("v", array)), shape


def _refuse_width(width: object) -> None:
    if width is not None:
        raise ValueError(
            "width is not served for arrays on the GPU, where pulses take no time: give voltages of NumPy to "
            "the method of that name of the array itself, or leave width out"
        )


def _shape_error(name: str, shape: Shape, expected: str) -> ValueError:
    return ValueError(f"{name} has shape {shape}: on the GPU, these cells take {expected}")
