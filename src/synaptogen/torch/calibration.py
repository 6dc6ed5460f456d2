"""Set the ranges of converters from data."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils._pytree import tree_leaves

from .analog_parts import AnalogPart, analog_parts
from .crossbars import largest

Batch: TypeAlias = Any
"""A tensor, a tuple or list whose first entry is the input, a mapping of keyword arguments, or what ``call`` takes."""


@torch.no_grad()
def calibrate(
    model: nn.Module,
    loader: Iterable[Batch],
    *,
    quantile: float = 0.999,
    call: Callable[[nn.Module, Any], Any] | None = None,
) -> nn.Module:
    """Set the ranges of converters from data.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model; it is evaluated on the data and its ranges change in place.
    loader : iterable
        Batches: tensors; tuples or lists whose first entry is the input of the model; or mappings with its keyword
        arguments.
    quantile : float
        Share of inputs, and of the currents of the worst line of a tile, that a range covers.
    call : callable, optional
        Called as ``call(model, batch)`` to evaluate the model on a batch of another form.

    Returns
    -------
    torch.nn.Module
        The model itself.

    Raises
    ------
    ValueError
        If the model holds no cells, the data no batch, or an input is not finite.
    TypeError
        If a batch is of another form, and ``call`` is not given.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> model = torch.nn.Sequential(sg.torch.Linear(4, 2, config=sg.torch.AnalogConfig(seed=1)))
    >>> model[0].analog.calibrated
    False
    >>> sg.torch.calibrate(model, [torch.randn(64, 4, generator=torch.manual_seed(1))])[0].analog.calibrated
    True
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
            _observe(model, parts, loader, setting, quantile, call or evaluate)
    finally:
        for module, training in was_training.items():
            module.training = training
    return model


class _Observer:
    """Records the converter ranges that a module with cells needs for each batch of its inputs."""

    def __init__(self, part: AnalogPart, quantile: float) -> None:
        self.part, self.quantile = part, quantile
        self.inputs: list[Tensor] = []
        self.currents: list[Tensor] = []

    def __call__(self, vectors: Tensor, currents: Tensor) -> None:
        if vectors.numel():
            self.inputs.append(largest(vectors.flatten(), self.quantile))
            self.currents.append(self.part.needed_range(currents, self.quantile))


def _observe(
    model: nn.Module,
    parts: dict[str, AnalogPart],
    loader: Iterable[Batch],
    setting: Callable[[_Observer], None],
    quantile: float,
    call: Callable[[nn.Module, Any], Any],
) -> None:
    """Evaluate the model on all batches, then call ``setting`` for each module with cells that had an input."""
    observers = [_Observer(part, quantile) for part in parts.values()]
    try:
        for observer in observers:
            observer.part.observe = observer
        batches = 0
        for batch in loader:
            inputs = [x for x in tree_leaves(_inputs(batch)) if isinstance(x, Tensor)]
            if not all(bool(torch.isfinite(x).all()) for x in inputs):
                raise ValueError(f"batch {batches} of loader holds values that are not finite")
            call(model, batch)
            batches += not inputs or any(x.numel() > 0 for x in inputs)
        if not batches:
            raise ValueError("loader gives no input: the ranges stay as they are")
    finally:
        for part in parts.values():
            part.observe = None
    for observer in observers:
        if observer.inputs:
            setting(observer)


def _inputs(batch: Batch) -> Any:
    """Return the part of a batch that goes into the model, as far as its form tells."""
    if isinstance(batch, Mapping):
        return dict(batch)
    return batch[0] if isinstance(batch, tuple | list) and batch else batch


def evaluate(model: nn.Module, batch: Batch) -> None:
    """Evaluate a model on a batch, as `calibrate` does.

    Parameters
    ----------
    model : torch.nn.Module
    batch : tensor, tuple, list or mapping
        A tensor; a tuple or list whose first entry is the input; or keyword arguments.

    Raises
    ------
    TypeError
        If the batch is of another form.
    """
    inputs = _inputs(batch)
    if isinstance(inputs, dict):
        model(**inputs)
    elif isinstance(inputs, Mapping):
        model(**dict(inputs))
    elif isinstance(inputs, Tensor | PackedSequence):
        model(inputs)
    else:
        raise TypeError(
            f"a batch of loader is a {type(batch).__name__}: give tensors, tuples, mappings of keyword arguments, or "
            "call=lambda model, batch: ..."
        )


def _set_input_range(observer: _Observer) -> None:
    part = observer.part
    if part.config.input_ranges == "data" or not float(part.input_range.detach()) > 0.0:  # a learned range stays
        part.input_range.copy_(torch.stack(observer.inputs).amax(0))


def _set_adc_ranges(observer: _Observer) -> None:
    observer.part.adc_range.copy_(torch.stack(observer.currents).amax(0))
    observer.part.calibrated = True
    observer.part.converted.zero_()
