"""The cells of an array for programs on the GPU: voltages come from there, and currents stay there."""

from typing import Any, NamedTuple

import numpy as np

from synaptogen._utils import Shape, checks
from synaptogen.engines.cuda import CUDAEngine, DeviceArray, GPUArray, numbers, on_device, on_gpu_already
from synaptogen.state import CellState


class Pulses(NamedTuple):
    """Voltages on the GPU, flat: ``number`` of pulses, with a voltage for ``each`` cell or one for all."""

    voltages: DeviceArray
    number: int
    each: bool


class OnGPU:
    """What `CellArray.on_gpu` gives: methods of the array that take arrays on the GPU, and leave results there.

    Voltages may be numbers and arrays of NumPy, too, which are copied. Arrays on the GPU (anything with the CUDA array
    interface, or DLPack) are used where they lie: in single precision, contiguous, and of exactly the shape that is
    asked for. Results are `GPUArray`. Work is queued on the default stream.
    """

    def __init__(self, state: CellState, shape: Shape) -> None:
        engine = state.engine
        assert isinstance(engine, CUDAEngine)
        self._state, self._shape, self._engine = state, shape, engine

    def apply_voltage(self, u: Any) -> None:
        """Apply one voltage to all cells, or an array of the shape of the cells; see `CellArray.apply_voltage`."""
        self._engine.apply_on_device(*self._one_pulse("u", u), self._state.selection)

    def apply_voltages(self, pulses: Any) -> None:
        """Apply K voltages one after the other, of shape (K,) or (K, *shape); see `CellArray.apply_voltages`."""
        self._engine.apply_on_device(*self._pulses("pulses", pulses), self._state.selection)

    def sweep(self, waveform: Any, *, noise: bool = False) -> GPUArray:
        """Apply voltages of shape (T,) or (T, *shape); returns currents in A, (T, *shape). See `CellArray.sweep`."""
        pulses, bandwidth = self._pulses("waveform", waveform), self._state.bandwidth if noise else 0.0
        trace = self._engine.sweep_on_device(*pulses, self._state.selection, bandwidth, self._state.counters.reads)
        if bandwidth:
            self._state.advance_reads(pulses.number)
        return GPUArray(trace, (pulses.number, *self._shape))

    def read(self, u: Any = None, *, bandwidth: float | None = None) -> GPUArray:
        """Currents in A with noise, at one voltage or an array of them. See `CellArray.read`."""
        state = self._state
        pulse = self._one_pulse("u", state.params.u_read if u is None else u)
        bandwidth = state.bandwidth if bandwidth is None else checks.bandwidth(bandwidth)
        out = self._engine.read_on_device(pulse.voltages, pulse.each, state.selection, bandwidth, state.counters.reads)
        if bandwidth:
            state.advance_reads(1)
        return GPUArray(out, self._shape)

    def product(self, v: Any, *, transpose: bool = False, bandwidth: float | None = None) -> GPUArray:
        """Currents of all lines of the crossbar at once; see `CellArray.product`.

        Vectors are rows here, as in the layers of networks: ``v`` of shape (inputs,) or (batch, inputs) gives currents
        of shape (outputs,) or (batch, outputs). Inputs are the columns, or with ``transpose`` the rows.
        """
        state, (rows, columns) = self._state, checks.crossbar(self._shape)
        bandwidth = state.bandwidth if bandwidth is None else checks.bandwidth(bandwidth)
        inputs, lines = (rows, columns) if transpose else (columns, rows)
        vectors, shape = self._vectors(v, inputs)
        batch = shape[0] if len(shape) == 2 else 1
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
        """Mixing states. Of a whole array they are the states themselves, not a copy: they change with the cells, and
        must not be written to. Of a view they are a copy.
        """
        if self._state.positions is None:
            return GPUArray(self._engine.state.r, self._shape)
        return GPUArray(self._engine.gather_on_device("r", self._state.selection), self._shape)

    def _one_pulse(self, name: str, u: Any) -> Pulses:
        array = on_gpu_already(u)
        if array is None:
            voltages = checks.voltages(name, u, self._shape, np.float32)
            return Pulses(on_device(voltages), 1, voltages.size > 1)
        if array.size != 1 and tuple(array.shape) != self._shape:
            raise _shape_error(name, array.shape, f"one voltage or {self._shape}")
        return Pulses(numbers(name, array), 1, array.size > 1)

    def _pulses(self, name: str, pulses: Any) -> Pulses:
        array, shape = on_gpu_already(pulses), self._shape
        if array is None:
            voltages = checks.pulses(name, pulses, shape, np.float32)
            return Pulses(on_device(voltages), len(voltages), voltages.shape[1] > 1)
        if array.ndim == 0 or array.size == 0 or tuple(array.shape)[1:] not in ((), shape):
            raise _shape_error(name, array.shape, f"(K,) or (K, {', '.join(map(str, shape))})")
        return Pulses(numbers(name, array), array.shape[0], array.size > array.shape[0])

    def _vectors(self, v: Any, inputs: int) -> tuple[DeviceArray, Shape]:
        array = on_gpu_already(v)
        given = checks.finite("v", v, np.float32) if array is None else array
        shape = tuple(given.shape)
        if len(shape) not in (1, 2) or shape[-1] != inputs or given.size == 0:
            raise _shape_error("v", shape, f"({inputs},) or (batch, {inputs})")
        return (on_device(given) if array is None else numbers("v", array)), shape


def _shape_error(name: str, shape: Shape, wanted: str) -> ValueError:
    return ValueError(f"{name} has shape {shape}: on the GPU, these cells take {wanted}")
