"""Time for the cells of a model: their states relax and fluctuate as those of a `CellArray` do."""

from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import Tensor, nn

from synaptogen._utils import Uninterrupted, checks
from synaptogen.state import ClockTime, ticks_of

from .aged import Aged, states_after
from .analog_parts import analog_parts
from .interrupted import interruption
from .layers import AnalogCells

FactorFor: TypeAlias = Literal["layer", "tile", "output"]
_REMEDY = "Load it from where it was saved, or write it again with sg.torch.program(model)"
_REFERENCE = 0xD41F7  # keeps reference inputs apart from other numbers of the same seed


def wait(model: nn.Module, seconds: float, temperature: float | None = None, *, compensate: bool = False) -> nn.Module:
    """Let time pass for the cells of a model: later passes read their states at that time.

    The states are those of a `CellArray` of the same seed and do not depend on how a wait is divided. Cells that are
    written again begin anew.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model whose device has a fluctuation (`DeviceParams.with_fluctuation`); it changes in place.
    seconds : float
        How long.
    temperature : float, optional
        In K meanwhile; default: that for which the parameters hold.
    compensate : bool
        Call `compensate_drift` afterwards. Factors that an earlier call has set stay otherwise.

    Returns
    -------
    torch.nn.Module
        The model itself.

    Raises
    ------
    ValueError
        If the model holds no cells, their device has no fluctuation, a `PulseSGD` trains them (it has a ``wait`` of
        its own), or an argument is not of the kind described.

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
    checks.flag("compensate", compensate)
    parts = _parts(model)
    with interruption("time has passed for some layers, and not for others", _REMEDY):
        for part in parts.values():
            _move(part, ticks_of(seconds), kelvin)
    return compensate_drift(model) if compensate else model


@torch.no_grad()
def compensate_drift(model: nn.Module, *, per: FactorFor = "tile", vectors: int = 32) -> nn.Module:
    """Scale the outputs of layers so that they respond to reference inputs as they did after writing.

    Known vectors are read, with the converters and the noise of the layer, from the cells as they were written and as
    they are now. With y_0 and y of all outputs that share a factor, this is sum(y_0 y_0) / sum(y_0 y). The global drift
    compensation of phase-change memory (Joshi et al., Nat. Commun. 11:2473, 2020) takes sums of magnitudes, to which
    fluctuations add as if they were signal. A factor corrects what is common to many cells, and nothing of what each
    cell does by itself.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model whose device has a fluctuation; it changes in place.
    per : {"layer", "tile", "output"}
        Outputs that share a factor: all of a layer, those whose lines are in the same tiles, or none.
    vectors : int
        Number of reference vectors, uniform over the range of inputs, the same in each call.

    Returns
    -------
    torch.nn.Module
        The model itself.

    Raises
    ------
    ValueError
        If the model holds no cells, their device has no fluctuation, a `PulseSGD` trains them, or an argument is not of
        the kind described.

    Examples
    --------
    >>> import synaptogen as sg
    >>> device = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
    >>> layer = sg.torch.Linear(64, 8, config=sg.torch.AnalogConfig(params=device, programming="ideal", seed=1))
    >>> written = layer.analog.unit.clone()
    >>> factor = sg.torch.compensate_drift(sg.torch.wait(layer, 3e8), per="layer").analog.unit / written
    >>> bool((factor != 1.0).all() and (factor == factor[..., :1]).all())
    True
    """
    checks.one_of("per", per, get_args(FactorFor))
    checks.positive_int("vectors", vectors)
    parts = _parts(model)
    with interruption("some layers have new factors, and others not", "Call sg.torch.compensate_drift(model) again"):
        for part in parts.values():
            _compensate(part, per, vectors)
    return model


def _compensate(part: AnalogCells, per: FactorFor, vectors: int) -> None:
    aged = _aged(part)
    with Uninterrupted():
        part.unit.copy_(aged.first_unit)
        part.aged = replace(aged, unit=part.unit.clone())
    before = _reference(part, aged.written, vectors)
    now = _reference(part, states_after(aged.written, part.seed, part.config.device, aged.time), vectors)
    power, along = (_shared((before * y).sum(0).unsqueeze(1), part, per) for y in (before, now))
    factors = torch.where((power > 0) & (along > 0), power / along, torch.ones_like(power))
    with Uninterrupted():
        part.unit.mul_(factors)
        part.aged = replace(aged, unit=part.unit.clone())


def _parts(model: nn.Module) -> dict[str, AnalogCells]:
    """Return the layers with cells of a model, all of which change in time."""
    parts = {name: part for name, part in analog_parts(model).items() if isinstance(part, AnalogCells)}
    if not parts:
        raise ValueError("model holds no cells with weights: convert it first")
    for name, part in parts.items():
        if part.config.device.fluctuation is None:
            raise ValueError(
                f"the cells of {name or 'the model'} stand still: give AnalogConfig(params=device) with "
                "device = params.with_fluctuation(...), and convert again"
            )
        if part.trainer is not None and part.trainer() is not None:
            raise ValueError(
                f"the cells of {name or 'the model'} are those of a PulseSGD: call its wait(seconds), delete it, or "
                "write the weights with sg.torch.program(model)"
            )
    return parts


def _aged(part: AnalogCells) -> Aged:
    """Return what is kept of the cells of a layer, anew if they have been written."""
    if part.aged is not None and part.aged.holds(part):
        return part.aged
    return Aged(part.states(), ClockTime(), part.difference.clone(), part.unit.clone(), part.unit.clone())


@torch.no_grad()
def _move(part: AnalogCells, ticks: int, temperature: float | None) -> None:
    aged, device = _aged(part), part.config.device
    time = aged.time.after(device.fluctuation, ticks, temperature)
    time = time._replace(instants=time.instants[:1])  # all cells were written at the first of them
    states = states_after(aged.written, part.seed, device, time)
    with Uninterrupted():
        part.take_states(states)
        part.aged = replace(aged, time=time, difference=part.difference.clone())


def _reference(part: AnalogCells, states: np.ndarray[tuple[int, ...], np.dtype[np.float64]], vectors: int) -> Tensor:
    """Return outputs for reference inputs, (vectors, groups, outputs), of cells in other states."""
    buffers = part.difference, part.total, part.reference, part.wired, part.converted
    kept = [(buffer, buffer.clone()) for buffer in buffers if buffer is not None]
    random = np.random.default_rng([part.seed % 2**64, _REFERENCE])
    x = torch.from_numpy(random.uniform(-1.0, 1.0, (vectors, part.groups * part.inputs))).to(part.difference)
    try:
        part.take_states(states)
        y = part(x * torch.where(part.input_range > 0, part.input_range, torch.ones_like(part.input_range)))
    finally:
        with Uninterrupted():
            for buffer, values in kept:
                buffer.copy_(values)
    slices = part.config.weight_slices  # which share a factor
    return y.reshape(vectors, part.groups, -1).repeat_interleave(slices, -1)


def _shared(sums: Tensor, part: AnalogCells, per: FactorFor) -> Tensor:
    """Add up what shares a factor, (groups, 1, outputs)."""
    if per != "output":
        rows = part.outputs if per == "layer" else part.config.rows_of_tile
        parts = [each.sum(-1, keepdim=True).expand_as(each) for each in sums.split(rows, -1)]
        sums = torch.cat(parts, -1)
        if per == "layer":
            sums = sums.sum(0, keepdim=True).expand_as(sums)
    return sums
