"""Products with the weight of a layer outside of the layer's own ``forward``, such as ``F.linear(x, self.fc.weight)``.

Within `ReadingElsewhere` such products are read from the layer's cells. A weight is recognised by its memory, so that
transposes and views of it count too.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from .crossbars import in_transform
from .layers import AnalogLayer, Convolution, Linear

_CONVOLUTIONS = functional.conv1d, functional.conv2d, functional.conv3d
_PRODUCTS = torch.matmul, torch.mm, Tensor.matmul, Tensor.mm, Tensor.__matmul__
_SUMS = torch.addmm, Tensor.addmm


class ReadingElsewhere(TorchFunctionMode):
    """Reads products with weights from the cells that hold them, wherever in a module these products are computed.

    Parameters
    ----------
    module : torch.nn.Module
        Its layers on cells count.

    Attributes
    ----------
    read : set of str
        Names of the layers that were read.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.read: set[str] = set()
        self._held: dict[int, tuple[str, Linear | Convolution]] = {}
        for name, layer in module.named_modules():
            if isinstance(layer, Linear | Convolution) and not isinstance(layer.weight, FakeTensor):
                self._held.setdefault(layer.weight.data_ptr(), (name, layer))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        product = self._product(func, args, kwargs or {})
        return func(*args, **(kwargs or {})) if product is None else product()

    def _product(self, func: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Callable[[], Tensor] | None:
        """Return what reads a product from cells, or None for anything else."""
        if func is functional.linear:
            x, weight, bias = _arguments(("input", "weight", "bias"), args, given)
            layer = self._layer(weight, Linear)
            return layer and (lambda: _plus(_times(layer, x), bias))
        if func in _CONVOLUTIONS:
            return self._convolution(args, given)
        if func in _PRODUCTS and len(args) == 2:
            return self._matmul(*args)
        if func in _SUMS and len(args) == 3 and not given:
            product = self._matmul(args[1], args[2])
            return product and (lambda: _plus(product(), args[0]))
        return None

    def _matmul(self, a: Any, b: Any) -> Callable[[], Tensor] | None:
        if isinstance(b, Tensor) and b.dim() == 2 and (layer := self._layer(b.mT, Linear)):
            return lambda: _times(layer, a)
        if isinstance(b, Tensor) and b.dim() > 1 and (layer := self._layer(a, Linear)):
            return lambda: _times(layer, b.mT).mT
        return None

    def _convolution(self, args: tuple[Any, ...], given: dict[str, Any]) -> Callable[[], Tensor] | None:
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
        x, weight, bias, stride, padding, dilation, groups = _arguments(names, args, given)
        layer = self._layer(weight, Convolution)
        if layer is None or (1 if groups is None else groups) != layer.groups or isinstance(padding, str):
            return None
        axes = len(layer.kernel_size)
        steps, pads, spread = (
            tuple(value) if isinstance(value, tuple | list) else (default if value is None else value,) * axes
            for value, default in ((stride, 1), (padding, 0), (dilation, 1))
        )
        made = copy.copy(layer)
        made.__dict__ = {**vars(layer), "_parameters": {**layer._parameters, "bias": bias}}
        made.stride, made.padding, made.dilation, made.padding_mode = steps, pads, spread, "zeros"
        made._reversed_padding_repeated_twice = [pad for pad in reversed(pads) for _ in range(2)]
        return lambda: made.forward(x)

    def _layer(self, weight: Any, kind: Any) -> Any:
        """Return the layer whose weight a tensor is, if it is one of a kind, and note that it is read."""
        if not isinstance(weight, Tensor) or isinstance(weight, FakeTensor) or in_transform():
            return None
        name, layer = self._held.get(weight.data_ptr(), ("", None))
        if (
            not isinstance(layer, kind)
            or weight.shape != layer.weight.shape
            or weight.stride() != layer.weight.stride()
        ):
            return None
        self.read.add(name)
        return layer


def _arguments(names: tuple[str, ...], args: tuple[Any, ...], given: dict[str, Any]) -> list[Any]:
    found = dict(zip(names, args, strict=False)) | given
    return [found.get(name) for name in names]


def _times(layer: AnalogLayer, x: Tensor) -> Tensor:
    return layer.analog.read(x, layer.matrix())


def _plus(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else y + bias.to(y.dtype)


class Elsewhere:
    """Hooks of a module that uses weights of layers outside of their ``forward``: its passes read their cells."""

    def __init__(self) -> None:
        self._active: list[ReadingElsewhere] = []

    def enter(self, module: nn.Module, inputs: Any) -> None:
        """Begin a pass of a module.

        Parameters
        ----------
        module : torch.nn.Module
        inputs : object
            As torch gives them to hooks.

        Raises
        ------
        NotImplementedError
            If the module is compiled or exported.
        """
        if torch.compiler.is_compiling():
            raise NotImplementedError(
                f"{type(module).__name__} uses the weight of a layer outside of the layer's forward: torch.compile and "
                "torch.export would leave its cells out, so compile the parts around it"
            )
        self._active.append(ReadingElsewhere(module))
        self._active[-1].__enter__()

    def leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """End a pass of a module.

        Parameters
        ----------
        module : torch.nn.Module
        inputs, output : object
            As torch gives them to hooks.
        """
        self._active.pop().__exit__(None, None, None)

    def attach(self, module: nn.Module) -> None:
        """Read cells in all later passes of a module."""
        module.register_forward_pre_hook(self.enter)
        module.register_forward_hook(self.leave, always_call=True)

    def __getstate__(self) -> dict[str, Any]:
        return {"_active": []}
