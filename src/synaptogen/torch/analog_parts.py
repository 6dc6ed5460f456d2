"""The cells of a model: list them, program them again, give them other seeds."""

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import torch
from torch import nn

from synaptogen._utils import checks

from .interrupted import interruption
from .layers import AnalogCells, AnalogLayer, AnalogMatmul
from .writing_progress import Progress, writing

_REMEDY = "Call sg.torch.program again with the same seed, or load the model from where it was saved"

AnalogPart: TypeAlias = AnalogCells | AnalogMatmul


def analog_parts(model: nn.Module) -> dict[str, AnalogPart]:
    """Return the modules of a model that hold cells, by their names in ``model.named_modules()``."""
    return {name: module for name, module in model.named_modules() if isinstance(module, AnalogPart)}


def program(model: nn.Module, seed: int | None = None, *, progress: Progress | None = None) -> nn.Module:
    """Write the present weights of all layers to new cells; converter ranges become estimates again.

    Ctrl-C comes between layers, or before the cells of one are replaced: call this again then.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model; its cells change in place.
    seed : int, optional
        Of the cells: another seed is another chip of the same population. Default: the same devices as before, from
        their first cycle.
    progress : callable, optional
        Called as ``progress(written, total)`` with numbers of weights.

    Returns
    -------
    torch.nn.Module
        The model itself.

    Raises
    ------
    ValueError
        If a weight is not finite.

    Examples
    --------
    >>> import synaptogen as sg
    >>> layer = sg.torch.Linear(4, 2, config=sg.torch.AnalogConfig(programming="one-shot", seed=1))
    >>> first = layer.analog.weights().clone()
    >>> bool((sg.torch.program(layer).analog.weights() == first).all())
    True
    >>> bool((sg.torch.program(layer, seed=2).analog.weights() == first).all())
    False
    """
    parts = analog_parts(model).values()
    cells = [part for part in parts if isinstance(part, AnalogCells)]
    total = sum(part.groups * part.outputs * part.inputs // part.config.weight_slices for part in cells)
    seeds = [] if seed is None else [(p, own) for p, own in _seeds(model, seed) if isinstance(p, AnalogCells)]
    try:
        for part, own in seeds:
            part.next_seed = own
        with writing(total, progress), interruption("some layers have been written, and others not", _REMEDY):
            for module in model.modules():
                if isinstance(module, AnalogLayer):
                    module.program()
    finally:
        for part, _ in seeds:
            part.next_seed = None
    return model


@torch.no_grad()
def clip_weights(model: nn.Module, deviations: float = 2.5) -> nn.Module:
    """Hold the weights of layers on cells within some standard deviations of each layer.

    Errors of programming are shares of the largest weight, so a few large weights cost all others precision. In
    hardware-aware training call this after each step of the optimiser.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model; its weights change in place, and what the cells hold does not.
    deviations : float
        Largest magnitude of a weight, in standard deviations of the weights of its layer.

    Returns
    -------
    torch.nn.Module
        The model itself.

    Raises
    ------
    ValueError
        If ``deviations`` is not above 0.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> layer = sg.torch.Linear(50, 20, config=sg.torch.AnalogConfig(training="hardware-aware", seed=1))
    >>> _ = torch.nn.init.normal_(layer.weight, std=0.1, generator=torch.manual_seed(1))
    >>> bound = 2.5 * float(layer.weight.detach().std())
    >>> float(sg.torch.clip_weights(layer).weight.detach().abs().max()) <= bound
    True
    """
    checks.positive("deviations", deviations, "standard deviations")
    weights = {id(w): w for m in model.modules() if isinstance(m, AnalogLayer) for _, w, _ in m.held_weights()}
    for weight in weights.values():
        bound = deviations * float(weight.std()) if weight.numel() > 1 else math.inf
        weight.clamp_(-bound, bound)
    return model


def reseed(model: nn.Module, seed: int) -> nn.Module:
    """Give the read noise of each layer a new seed, for repeats or for each process of a parallel training.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model; it changes in place.
    seed : int
        Of the noise of all layers; each layer gets its own seed from it.

    Returns
    -------
    torch.nn.Module
        The model itself.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> config = sg.torch.AnalogConfig(adc_bits=None, seed=1)
    >>> layer, x = sg.torch.Linear(4, 2, config=config), torch.ones(4)
    >>> first, second = sg.torch.reseed(layer, 5)(x), sg.torch.reseed(layer, 5)(x)
    >>> bool((first == second).all()), bool((first == layer(x)).all())
    (True, False)
    """
    for part, own in _seeds(model, seed):
        part.noise[0] = own >> 1
        part.noise[1] = 0
    return model


def _seeds(model: nn.Module, seed: int) -> Iterator[tuple[AnalogPart, int]]:
    """Generate the modules with cells, each with its own 64-bit seed."""
    parts = list(analog_parts(model).values())
    for part, own in zip(parts, np.random.SeedSequence(seed).spawn(len(parts)), strict=True):
        yield part, int(own.generate_state(1, np.uint64)[0])
