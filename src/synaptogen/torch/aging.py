"""Time for the cells of a model: their states relax and fluctuate as those of a `CellArray` do."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from synaptogen._utils import Float64Array, checks
from synaptogen.engines import CellIds, state_at
from synaptogen.state import ClockTime, ticks_of

from .analog_parts import analog_parts
from .layers import AnalogCells

_PART = 1 << 16  # cells at a time


@dataclass(frozen=True, eq=False)
class Aged:
    """What has to be kept of a layer whose cells have been left alone: what was written, and for how long.

    Attributes
    ----------
    written : array of shape (2, groups, outputs, inputs)
        Mixing states of the positive and the negative cells as they were written.
    time : ClockTime
        Time since then.
    difference, unit : tensors
        The buffers that were made from these states, by which it is seen that the cells were not written since.
    first_unit : tensor
        The buffer ``unit`` as it was written.
    """

    written: Float64Array
    time: ClockTime
    difference: Tensor
    unit: Tensor
    first_unit: Tensor


def wait(model: nn.Module, seconds: float, temperature: float | None = None, *, compensate: bool = False) -> nn.Module:
    """Let time pass for the cells of a model: later passes read their states at that time.

    The state does not depend on how a wait is divided. Cells that are written again begin anew.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model whose device has a fluctuation (`DeviceParams.with_fluctuation`); it changes in place.
    seconds : float
        How long.
    temperature : float, optional
        In K meanwhile; default: that for which the parameters hold.
    compensate : bool
        Scale the outputs of each layer by one factor, so that the mean magnitude of its weights is again the one that
        was written: what a chip can do that measures the response of its columns to known inputs.

    Returns
    -------
    torch.nn.Module
        The model itself.

    Raises
    ------
    ValueError
        If the model holds no cells, their device has no fluctuation, or an argument is not of the kind described.

    Examples
    --------
    >>> import synaptogen as sg
    >>> device = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
    >>> layer = sg.torch.Linear(4, 2, config=sg.torch.AnalogConfig(params=device, programming="ideal", seed=1))
    >>> before = layer.analog.weights().clone()
    >>> change = (sg.torch.wait(layer, 3600).analog.weights() - before).abs()
    >>> bool(change.max() > 0)
    True
    """
    seconds = checks.not_negative("seconds", seconds, "s")
    kelvin = None if temperature is None else checks.positive("temperature", temperature, "K")
    parts = {name: part for name, part in analog_parts(model).items() if isinstance(part, AnalogCells)}
    if not parts:
        raise ValueError("model holds no cells with weights: convert it first")
    for name, part in parts.items():
        if part.config.device.fluctuation is None:
            raise ValueError(
                f"the cells of {name or 'the model'} stand still: give AnalogConfig(params=device) with "
                "device = params.with_fluctuation(...), and convert again"
            )
    for part in parts.values():
        _move(part, ticks_of(seconds), kelvin, checks.flag("compensate", compensate))
    return model


@torch.no_grad()
def _move(part: AnalogCells, ticks: int, temperature: float | None, compensate: bool) -> None:
    aged = part.aged
    if aged is None or not (torch.equal(aged.difference, part.difference) and torch.equal(aged.unit, part.unit)):
        both = (part.total + part.difference) / 2, (part.total - part.difference) / 2
        written = np.stack([part.matrices(r).double().cpu().numpy() for r in both])
        aged = Aged(written, ClockTime(), part.difference, part.unit, part.unit.clone())
    device = part.config.device
    assert device.fluctuation is not None
    time = aged.time.after(device.fluctuation, ticks, temperature)
    plus, minus = aged.written if not time.instants else _states(part, aged.written, time)
    before = np.abs(aged.written[0] - aged.written[1]).mean()
    factor = before / max(np.abs(plus - minus).mean(), 1e-12) if compensate else 1.0
    part.difference.copy_(part.laid_out(torch.from_numpy(plus - minus).to(part.difference)))
    part.total.copy_(part.laid_out(torch.from_numpy(plus + minus).to(part.total)))
    part.unit.copy_(aged.first_unit * factor)
    part.rewire()
    part.aged = Aged(aged.written, time, part.difference.clone(), part.unit.clone(), aged.first_unit)


def _states(part: AnalogCells, written: Float64Array, time: ClockTime) -> Float64Array:
    device = part.config.device
    assert device.fluctuation is not None
    moment, constants = time.moment(device.fluctuation), device.constants()
    flat, ids = written.ravel(), CellIds(written.size)
    states = np.empty(flat.shape)
    for begin in range(0, flat.size, _PART):
        here = np.arange(begin, min(flat.size, begin + _PART))
        first = np.zeros(len(here), np.uint32)
        states[here] = state_at(moment, flat[here], first, ids.id_words(here), part.seed, constants)
    return states.reshape(written.shape)
