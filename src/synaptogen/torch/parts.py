"""The cells of a model: found, written again, given other seeds."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from torch import nn

from .layers import AnalogCells, AnalogLayer, AnalogMatmul

AnalogPart: TypeAlias = AnalogCells | AnalogMatmul


def analog_parts(model: nn.Module) -> dict[str, AnalogPart]:
    """What a model reads of cells, by the name of its module."""
    return {name: module for name, module in model.named_modules() if isinstance(module, AnalogPart)}


def program(model: nn.Module, seed: int | None = None) -> nn.Module:
    """Write the present weights of all layers to their cells, from the cells' beginning; ranges become estimates.

    With a ``seed`` the cells are others: another chip of the same population.
    """
    if seed is not None:
        for part, own in _seeds(model, seed):
            if isinstance(part, AnalogCells):
                part.seed = own
    for module in model.modules():
        if isinstance(module, AnalogLayer):
            module.program()
    return model


def reseed(model: nn.Module, seed: int) -> nn.Module:
    """Give the noise of each layer a new seed: for repeats, or one for each process of a parallel training."""
    for part, own in _seeds(model, seed):
        part.noise[0] = own >> 1
        part.noise[1] = 0
    return model


def _seeds(model: nn.Module, seed: int) -> Iterator[tuple[AnalogPart, int]]:
    """Parts, each with a 64-bit seed of its own."""
    parts = list(analog_parts(model).values())
    for part, own in zip(parts, np.random.SeedSequence(seed).spawn(len(parts)), strict=True):
        yield part, int(own.generate_state(1, np.uint64)[0])
