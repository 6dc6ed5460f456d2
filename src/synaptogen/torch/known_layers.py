"""Classes of layers that can be converted, here and in other libraries, and what makes layers on cells of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from torch import nn

from .computed_weights import own_class
from .config import AnalogConfig
from .experts import Experts, is_experts
from .layers import (
    GRU,
    LSTM,
    RNN,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    GRUCell,
    Linear,
    LSTMCell,
    MultiheadAttention,
    RNNCell,
)
from .recognition import product_of

Converter: TypeAlias = Callable[..., nn.Module]
"""Called as ``converter(layer, config, seed)``, or as ``converter(layer)``.

It returns a layer on cells, or a digital module of layers that `convert` knows, which are then converted.
"""

# the first argument is of the class that is the key, which a type cannot express
CONVERTERS: dict[type[nn.Module], Callable[[Any, AnalogConfig, int], nn.Module]] = {
    nn.Linear: Linear.from_digital,
    nn.Conv1d: Conv1d.from_digital,
    nn.Conv2d: Conv2d.from_digital,
    nn.Conv3d: Conv3d.from_digital,
    nn.ConvTranspose1d: ConvTranspose1d.from_digital,
    nn.ConvTranspose2d: ConvTranspose2d.from_digital,
    nn.ConvTranspose3d: ConvTranspose3d.from_digital,
    nn.RNNCell: RNNCell.from_digital,
    nn.LSTMCell: LSTMCell.from_digital,
    nn.GRUCell: GRUCell.from_digital,
    nn.RNN: RNN.from_digital,
    nn.LSTM: LSTM.from_digital,
    nn.GRU: GRU.from_digital,
    nn.MultiheadAttention: MultiheadAttention.from_digital,
}
"""Classes that can be converted, and their subclasses that inherit what computes.

A value is called as ``from_digital(layer, config, seed)`` and returns the layer on cells.
"""


# what a subclass must inherit unchanged to compute what its base does
_COMPUTING = ("__call__", "forward", "_conv_forward", "forward_impl")


def base_of(module: nn.Module) -> type[nn.Module] | None:
    """Return the class of `CONVERTERS` that a module is derived from."""
    return next((base for base in CONVERTERS if isinstance(module, base)), None)


def converter_of(module: nn.Module, others: Mapping[type[nn.Module], Converter]) -> Converter | None:
    """Return what makes a layer on cells of a module, or None if nothing here computes what it does.

    Parameters
    ----------
    module : torch.nn.Module
    others : mapping of class to callable
        Converters that the user gives.

    Returns
    -------
    callable or None
    """
    kind = own_class(module)
    if kind in others:
        return others[kind]
    if kind in CONVERTERS:
        return CONVERTERS[kind]
    base = base_of(module)
    if base is not None and _computes_as(module, kind, base):
        return CONVERTERS[base]
    if is_experts(module):
        return Experts
    return as_found if product_of(module) is not None else None


def as_found(layer: nn.Module) -> nn.Module:
    """Return the layer of torch that computes what a layer of another class does."""
    found = product_of(layer)
    assert found is not None  # the plan has found it
    return found


def _computes_as(module: nn.Module, kind: type[nn.Module], base: type[nn.Module]) -> bool:
    """Return whether a subclass inherits all that computes, and has no parameters beside those of its base."""
    if any(getattr(kind, name, None) is not getattr(base, name, None) for name in _COMPUTING):
        return False
    if any("weight" in vars(each) for each in kind.__mro__[: kind.__mro__.index(base)]):
        return False
    own = {name for name, _ in _with_plain_names(module)}
    return own <= {"weight", "bias"} or issubclass(base, nn.RNNBase | nn.RNNCellBase | nn.MultiheadAttention)


def _with_plain_names(module: nn.Module) -> Iterable[tuple[str, nn.Parameter]]:
    """Return a module's own parameters, those of parametrizations under the names of what they compute."""
    for name, parameter in module.named_parameters(recurse=False):
        yield name.removesuffix("_orig").removesuffix("_g").removesuffix("_v"), parameter
