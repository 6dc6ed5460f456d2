"""Passes that activation checkpointing repeats, which must draw the noise of the first time again.

`torch.utils.checkpoint` runs a part of the model again during the backward pass. torch restores the state of its own
generators for that, and knows nothing of the counts from which the layers here draw. A pass inside a backward pass is
therefore recognised by its inputs, and draws from the count that the first pass with these inputs began with.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

MOST = 4096  # passes that are remembered
SAMPLES = 32  # entries of the inputs that are compared, beside their sum

_Key: TypeAlias = tuple[object, ...]


class PassLog:
    """Counts of draws with which the passes of one module began, by their inputs."""

    def __init__(self) -> None:
        self._begun: OrderedDict[_Key, list[int]] = OrderedDict()

    def run(self, noise: Tensor, x: Tensor, training: bool, draw: Callable[[], Tensor], kind: str) -> Tensor:
        """Run a pass, with the numbers of the first time if it is a repeated one.

        Parameters
        ----------
        noise : tensor of two int64
            Seed and count of draws of the module; the count is changed in place.
        x : tensor
            Inputs of the pass.
        training : bool
            Whether the module is being trained. Passes without training and without gradients are not remembered.
        draw : callable
            The pass.
        kind : str
            A name, if a module draws for several purposes with the same inputs.

        Returns
        -------
        tensor
            Result of ``draw``.
        """
        transformed = torch._C._functorch.peek_interpreter_stack() is not None
        if torch.compiler.is_compiling() or transformed or not (training or torch.is_grad_enabled()):
            return draw()
        key = (kind, *_fingerprint(x))
        if torch._C._current_graph_task_id() == -1:  # not within a backward pass
            self._begun.setdefault(key, []).append(int(noise[1]))
            if len(self._begun) > MOST:
                self._begun.popitem(last=False)
            return draw()
        begun = self._begun.get(key)
        if not begun:
            return draw()
        # the backward pass goes from the last part to the first
        now, noise[1] = noise[1].clone(), begun.pop() if len(begun) > 1 else begun[0]
        try:
            return draw()
        finally:
            noise[1] = now


def _fingerprint(x: Tensor) -> _Key:
    flat = x.detach().reshape(-1)
    some = flat[:: max(1, flat.numel() // SAMPLES)]
    return tuple(x.shape), float(flat.sum(dtype=torch.float64)), *some.double().tolist()
