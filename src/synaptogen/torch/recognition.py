"""Recognise layers of classes that `convert` does not know by what they compute, tried on random inputs.

A layer without modules inside is run on a copy, with random inputs. It is taken for a product if all that it does is
one product of torch with its inputs, or if its results are those of a product with its weight.
"""

import copy
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from .writing_progress import is_skipped

_CONVOLUTIONS: dict[Any, type[nn.modules.conv._ConvNd]] = {
    functional.conv1d: nn.Conv1d,
    functional.conv2d: nn.Conv2d,
    functional.conv3d: nn.Conv3d,
}
_SCALES = 0.1, 1.0, 30.0  # of inputs: what saturates or rounds shows at one of them
_MORE = 4  # places beside the kernel, in images
_MOST = 1 << 28  # weights of a layer that is tried


class _Call(NamedTuple):
    """A product that a forward has asked of torch."""

    function: Any
    arguments: dict[str, Any]
    result: Any


class _Products(TorchFunctionMode):
    """Records the products that are computed within it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[_Call] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is functional.linear or func in _CONVOLUTIONS:
            names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
            self.calls.append(_Call(func, dict(zip(names, args, strict=False)) | (kwargs or {}), result))
        return result


@torch.no_grad()
def product_of(module: nn.Module) -> nn.Module | None:
    """Return a layer of torch that computes what a module does, with its present weights.

    Parameters
    ----------
    module : torch.nn.Module
        It does not change.

    Returns
    -------
    torch.nn.Linear, Conv1d, Conv2d or Conv3d, or None
        None if the module does something else, or if it cannot be told.
    """
    weights = sorted((p for p in module.parameters(recurse=False) if p.dim() > 1), key=torch.numel)
    if isinstance(module, torch.jit.ScriptModule):
        return None
    if is_skipped() and weights and all(p.is_meta for p in weights) and not any(module.children()):
        return product_of(_with_values(module))  # of a skeleton: its values come from a file
    if any(module.children()) or not weights or not _can_run(module, weights[-1]):
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = [_tried(module, weights[-1], training) for training in (False, True)]
    first, second = found
    if first is None or second is None or not _same(first, second):
        return None
    for name, own in list(first.named_parameters()):  # the layer's own parameters, which others may share
        shared = (p for p in module.parameters(recurse=False) if p.shape == own.shape and torch.equal(p, own))
        first.register_parameter(name, next(shared, own))
    return first.train(module.training)


def _with_values(module: nn.Module) -> nn.Module:
    """Return a copy of a module on the device "meta" with random parameters on the CPU."""
    made = copy.deepcopy(module).to_empty(device="cpu")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for each in (*made.parameters(), *made.buffers()):
            if each.is_floating_point():
                each.normal_()
            else:
                each.zero_()
    return made


def _can_run(module: nn.Module, weight: nn.Parameter) -> bool:
    ready = not (weight.is_meta or isinstance(weight, nn.parameter.UninitializedParameter))
    plain = type(module).forward is not nn.Module.forward and not isinstance(module, nn.Embedding | nn.EmbeddingBag)
    return ready and plain and weight.is_floating_point() and weight.numel() <= _MOST and "forward" not in vars(module)


def _tried(module: nn.Module, weight: nn.Parameter, training: bool) -> nn.Module | None:
    """Return the layer that gives a module's results, for all inputs that were tried."""
    tried = copy.deepcopy(module).train(training)
    for kind in ("_forward_hooks", "_forward_pre_hooks"):
        getattr(tried, kind).clear()
    for shapes in _shapes(tried, weight):
        results = [_layer_for(tried, weight, x) for x in _inputs(shapes, weight)]
        first = results[0]
        if first is not None and all(each is not None and _same(first, each) for each in results):
            return first
    return None


def _shapes(module: Any, weight: Tensor) -> Iterator[list[tuple[int, ...]]]:
    """Generate shapes of inputs that may fit a weight: those of a convolution, of a product, of one transposed."""
    if weight.dim() > 2:
        channels = weight.shape[1] * int(getattr(module, "groups", 1))
        dilation = getattr(module, "dilation", 1)
        steps = dilation if isinstance(dilation, tuple) else (dilation,) * (weight.dim() - 2)
        places = [d * (k - 1) + 1 for d, k in zip(steps, weight.shape[2:], strict=True)]
        yield [(2, channels, *(n + more for n in places)) for more in (_MORE, _MORE + 1)]
        return
    for features in dict.fromkeys((weight.shape[1], weight.shape[0])):
        yield [(4, features), (2, 3, features)]
        yield [(4, features), (3, features)]  # of layers that take no other inputs


def _inputs(shapes: list[tuple[int, ...]], like: Tensor) -> Iterator[Tensor]:
    for shape, scale in itertools.product(shapes, _SCALES):
        yield scale * torch.randn(shape).to(like)


def _layer_for(module: nn.Module, weight: Tensor, x: Tensor) -> nn.Module | None:
    """Return the layer that gives a module's result for one input."""
    given = x.clone()
    try:
        with _Products() as recorder:
            y = module(given)
    except Exception:  # whatever another one's forward does with such inputs: it is not recognised
        return None
    if not isinstance(y, Tensor) or not torch.equal(given, x):
        return None
    calls = recorder.calls
    if len(calls) == 1 and calls[0].arguments["input"] is given and calls[0].result.shape == y.shape:
        return _made(calls[0]) if torch.equal(calls[0].result, y) else None
    return _by_weight(module, weight, x, y) if not calls and weight.dim() == 2 else None


def _made(call: _Call) -> nn.Module | None:
    """Return the layer of a recorded call."""
    weight, bias = call.arguments["weight"], call.arguments.get("bias")
    if call.function is functional.linear:
        return _linear(weight, bias)
    groups = int(call.arguments.get("groups", 1))
    kind: Any = _CONVOLUTIONS[call.function]
    geometry = {key: call.arguments[key] for key in ("stride", "padding", "dilation") if key in call.arguments}
    made: nn.Module = kind(
        weight.shape[1] * groups,
        weight.shape[0],
        tuple(weight.shape[2:]),
        groups=groups,
        bias=bias is not None,
        device="meta",
        **{key: tuple(value) if isinstance(value, list) else value for key, value in geometry.items()},
    )
    return _with_parameters(made, weight, bias)


def _by_weight(module: nn.Module, weight: Tensor, x: Tensor, y: Tensor) -> nn.Module | None:
    """Return the linear layer of a weight, or of its transpose, and of a bias, if it gives the result."""
    others: list[Tensor | None] = [p for p in module.parameters(recurse=False) if p.dim() == 1]
    if len(others) > 1:
        return None
    for matrix, bias in itertools.product((weight, weight.mT), [*others, None]):
        if matrix.shape[1] == x.shape[-1] and y.shape == (*x.shape[:-1], matrix.shape[0]):
            if bias is not None and len(bias) != matrix.shape[0]:
                continue
            want = functional.linear(x, matrix, bias)
            if torch.allclose(want, y, rtol=1e-4, atol=1e-5 * float(want.abs().max())):
                return _linear(matrix, bias)
    return None


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Module:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    return _with_parameters(made, weight, bias)


def _with_parameters(made: nn.Module, weight: Tensor, bias: Tensor | None) -> nn.Module:
    made.register_parameter("weight", nn.Parameter(weight.detach().contiguous()))
    if bias is not None:
        made.register_parameter("bias", nn.Parameter(bias.detach()))
    return made


def _same(one: nn.Module, other: nn.Module) -> bool:
    """Return whether two layers have the same class, geometry and weights."""
    if type(one) is not type(other) or one.extra_repr() != other.extra_repr():
        return False
    theirs = dict(other.named_parameters())
    return all(torch.equal(p, theirs[name]) for name, p in one.named_parameters())
