"""What is kept of layers whose cells have been left alone: the written states, and how long ago that was."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from synaptogen._utils import Float64Array
from synaptogen.engines import CellIds, state_at
from synaptogen.params import DeviceParams
from synaptogen.state import ClockTime

KEYS = ("aged_written", "aged_time", "aged_unit")  # in a state_dict
_PART = 1 << 16  # cells at a time
_DIGIT = 62  # bits of a digit of a time


class _Buffers(Protocol):
    difference: Tensor
    unit: Tensor


@dataclass(frozen=True, eq=False)
class Aged:
    """What is kept of a layer whose cells have been left alone.

    Attributes
    ----------
    written : array
        Mixing states as they were written, in the order of the ids of the cells: `AnalogMatrix.states`.
    time : ClockTime
        Time since then.
    difference, unit : tensors
        The buffers that were made from these, by which it is seen that the cells were not written since.
    first_unit : tensor
        The buffer ``unit`` as it was written, without compensation.
    """

    written: Float64Array
    time: ClockTime
    difference: Tensor
    unit: Tensor
    first_unit: Tensor

    def holds(self, part: _Buffers) -> bool:
        """Return whether a layer still has these cells, on whatever device and in whatever precision."""
        pairs = (self.difference, part.difference), (self.unit, part.unit)
        return all(mine.shape == its.shape and torch.equal(mine.to(its), its) for mine, its in pairs)

    def to_tensors(self) -> dict[str, Tensor]:
        """Return what a state_dict holds of this."""
        values = torch.from_numpy(self.written).to(self.difference), _time_tensor(self.time), self.first_unit
        return dict(zip(KEYS, values, strict=True))

    @classmethod
    def from_tensors(cls, written: Tensor, time: Tensor, first_unit: Tensor, part: _Buffers) -> "Aged":
        """Return what `to_tensors` has written.

        Parameters
        ----------
        written, time, first_unit : tensors
            Those of a state_dict.
        part : AnalogMatrix
            The layer, with the buffers of the same state_dict.

        Returns
        -------
        Aged
        """
        states = written.detach().double().cpu().numpy().copy()
        return cls(states, _time_of(time), part.difference.clone(), part.unit.clone(), first_unit.detach().clone())


def _time_tensor(time: ClockTime) -> Tensor:
    """Return the numbers of a time, which have no largest value, in digits of 62 bits."""
    numbers = time.ticks, time.age, *time.instants
    digits = max(1, -(-max(number.bit_length() for number in numbers) // _DIGIT))
    return torch.tensor([[number >> (_DIGIT * k) & ((1 << _DIGIT) - 1) for k in range(digits)] for number in numbers])


def _time_of(digits: Tensor) -> ClockTime:
    ticks, age, *instants = (sum(digit << (_DIGIT * k) for k, digit in enumerate(row)) for row in digits.tolist())
    return ClockTime(ticks, age, tuple(instants))


def states_after(written: Float64Array, seed: int, device: DeviceParams, time: ClockTime) -> Float64Array:
    """Return the mixing states of cells that have been left alone.

    Parameters
    ----------
    written : array
        Mixing states as they were written at time 0, in the order of the ids of the cells.
    seed : int
        Of the cells.
    device : DeviceParams
        Their population, which has a fluctuation.
    time : ClockTime
        Time since then.

    Returns
    -------
    array of the shape of ``written``
    """
    assert device.fluctuation is not None  # for type checkers
    if not time.instants:
        return written
    moment, constants = time.moment(device.fluctuation), device.constants()
    flat, ids = written.ravel(), CellIds(written.size)
    states = np.empty(flat.shape)
    for begin in range(0, flat.size, _PART):
        here = np.arange(begin, min(flat.size, begin + _PART))
        first = np.zeros(len(here), np.uint32)
        states[here] = state_at(moment, flat[here], first, ids.id_words(here), seed, constants)
    return states.reshape(written.shape)
