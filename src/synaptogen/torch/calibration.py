"""Ranges of converters from data."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from .crossbars import largest
from .parts import AnalogPart, analog_parts


@torch.no_grad()
def calibrate(model: nn.Module, loader: Iterable[Any], *, quantile: float = 0.999) -> nn.Module:
    """Set the ranges of converters from data.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model; it is evaluated on the data and its ranges change in place.
    loader : iterable
        Batches: tensors, or tuples whose first entry is the input of the model.
    quantile : float
        Share of inputs, and of the currents of the worst line of a tile, that a range covers.

    Returns
    -------
    The model.

    Raises
    ------
    ValueError
        If the model holds no cells, the data no batch, or an input is not finite.
    """
    parts = analog_parts(model)
    if not parts:
        raise ValueError("model holds no cells: convert it first")
    if not 0.0 < quantile <= 1.0:
        raise ValueError(f"quantile={quantile!r}: give a share above 0, at most 1")
    was_training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        # inputs first: the range of inputs decides how large currents are
        for setting in (_set_input_range, _set_adc_ranges):
            _observed(model, parts, loader, setting, quantile)
    finally:
        for module, training in was_training.items():
            module.training = training
    return model


class _Seen:
    """What the cells of a layer need of their converters for the data that they see: the largest over batches."""

    def __init__(self, part: AnalogPart, quantile: float) -> None:
        self.part, self.quantile = part, quantile
        self.inputs: list[Tensor] = []
        self.currents: list[Tensor] = []

    def __call__(self, vectors: Tensor, currents: Tensor) -> None:
        if vectors.numel():
            self.inputs.append(largest(vectors.flatten(), self.quantile))
            self.currents.append(self.part.needed_range(currents, self.quantile))


def _observed(
    model: nn.Module, parts: dict[str, AnalogPart], loader: Iterable[Any], setting: Callable[[_Seen], None], q: float
) -> None:
    seen = [_Seen(part, q) for part in parts.values()]
    try:
        for each in seen:
            each.part.observe = each
        batches = 0
        for batch in loader:
            inputs = batch[0] if isinstance(batch, tuple | list) else batch
            if not bool(torch.isfinite(inputs).all()):
                raise ValueError(f"batch {batches} of loader holds values that are not finite")
            model(inputs)
            batches += inputs.shape[0] > 0
        if not batches:
            raise ValueError("loader gives no input: the ranges stay as they are")
    finally:
        for part in parts.values():
            part.observe = None
    for each in seen:
        if each.inputs:
            setting(each)


def _set_input_range(seen: _Seen) -> None:
    seen.part.input_range.copy_(torch.stack(seen.inputs).amax(0))


def _set_adc_ranges(seen: _Seen) -> None:
    seen.part.adc_range.copy_(torch.stack(seen.currents).amax(0))
    seen.part.calibrated = True
    seen.part.converted.zero_()
