"""Convert a trained model: replace its layers by layers on virtual cells."""

import fnmatch
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, overload

import numpy as np
from torch import nn

from synaptogen._utils import return_free_memory
from synaptogen.torch.layers import attention, sequence

from .computed_weights import computing, detached_copy, is_computing_hook, own_class, with_plain_weights
from .config import AnalogConfig
from .layers import (
    GRU,
    LSTM,
    RNN,
    AnalogCells,
    AnalogLayer,
    Conv1d,
    Conv2d,
    Conv3d,
    GRUCell,
    Linear,
    LSTMCell,
    MultiheadAttention,
    RNNCell,
)
from .overview import table
from .patched_forward import calls_only_forward, rebound
from .unread_cells import warn_of_unread

Converter: TypeAlias = Callable[..., nn.Module]
"""Called as ``converter(layer, config, seed)``, or as ``converter(layer)``.

It returns a layer on cells, or a digital layer of a class that `convert` knows, which is then converted.
"""

# the first argument is of the class that is the key, which a type cannot express
CONVERTERS: dict[type[nn.Module], Callable[[Any, AnalogConfig, int], nn.Module]] = {
    nn.Linear: Linear.from_digital,
    nn.Conv1d: Conv1d.from_digital,
    nn.Conv2d: Conv2d.from_digital,
    nn.Conv3d: Conv3d.from_digital,
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


def _linear_of_conv1d(layer: Any) -> nn.Linear:
    """Return the linear layer that computes what a ``Conv1D`` of the library transformers does."""
    inputs, outputs = layer.weight.shape
    made = nn.Linear(inputs, outputs, device="meta")
    made.weight, made.bias = nn.Parameter(layer.weight.detach().t().contiguous()), layer.bias
    return made.train(layer.training)


FOREIGN: dict[str, Converter] = {
    "transformers.pytorch_utils.Conv1D": _linear_of_conv1d,
    "timm.layers.linear.Linear": Linear.from_digital,  # a Linear that casts under TorchScript
}
"""Converters of classes of other libraries, by their full names."""

# what a subclass must inherit unchanged to compute what its base does
_COMPUTING = ("__call__", "forward", "_conv_forward", "forward_impl")


class Decision(NamedTuple):
    """Decision of a conversion about a layer that has parameters.

    Attributes
    ----------
    name : str
        Name in ``model.named_modules()``.
    kind : str
        Name of its class.
    convert : bool
        Whether it is converted.
    cells : int
        Number of cells that it needs.
    reason : str
        Reason why it is not converted; of a converted layer, a note or nothing.
    weights : int
        Number of its weights: of a converted layer those that cells will hold, of another one all its parameters.
    """

    name: str
    kind: str
    convert: bool
    cells: int
    reason: str
    weights: int = 0


class Plan(list[Decision]):
    """Decisions of a conversion, one for each layer that has parameters.

    It prints as a line that says how many of the weights go to cells, and a table.

    Attributes
    ----------
    weights : int
        Number of all parameters of the model.
    on_cells : int
        Number of those that cells will hold.
    """

    weights: int = 0
    on_cells: int = 0

    def __str__(self) -> str:
        digital = [d.name or "(model)" for d in self if not d.convert]
        named = ", ".join(digital[:3]) + (" ..." if len(digital) > 3 else "")
        head = _share_on_cells(self.on_cells, self.weights)
        if digital:
            head += (
                f" ({len(digital)} module{'s' * (len(digital) > 1)} stay{'s' * (len(digital) == 1)} digital: {named})"
            )
        return f"{head}\n{self.as_table()}"

    def as_table(self) -> str:
        """Return the decisions as a table."""
        rows: list[tuple[str, ...]] = [("layer", "kind", "cells", "")]
        rows += [(d.name or "(model)", d.kind, f"{d.cells:,}" if d.convert else "-", d.reason) for d in self]
        return table(rows)


def _share_on_cells(on_cells: int, weights: int) -> str:
    """Return a text such as "97.5 % of 25.6 M weights on cells"."""
    scale, unit = next(((n, u) for n, u in ((1e9, " G"), (1e6, " M"), (1e3, " k")) if weights >= n), (1, ""))
    share = 100 * on_cells / weights if weights else 0.0
    return f"{share:.1f} % of {weights / scale:.3g}{unit} weights on cells"


if TYPE_CHECKING:  # what is returned depends on dry_run

    @overload
    def convert(
        model: nn.Module,
        config: AnalogConfig | None = None,
        *,
        exclude: Iterable[str] = (),
        per_layer: Mapping[str, AnalogConfig] | None = None,
        converters: Mapping[type[nn.Module], Converter] | None = None,
        dry_run: Literal[False] = False,
    ) -> nn.Module: ...

    @overload
    def convert(
        model: nn.Module,
        config: AnalogConfig | None = None,
        *,
        exclude: Iterable[str] = (),
        per_layer: Mapping[str, AnalogConfig] | None = None,
        converters: Mapping[type[nn.Module], Converter] | None = None,
        dry_run: Literal[True],
    ) -> Plan: ...


def convert(
    model: nn.Module,
    config: AnalogConfig | None = None,
    *,
    exclude: Iterable[str] = (),
    per_layer: Mapping[str, AnalogConfig] | None = None,
    converters: Mapping[type[nn.Module], Converter] | None = None,
    dry_run: bool = False,
) -> nn.Module | Plan:
    """Return a copy of a model whose products with weights are read from virtual cells.

    Parameters
    ----------
    model : torch.nn.Module
        It does not change.
    config : AnalogConfig, optional
        Configuration of all layers; default: `AnalogConfig()`.
    exclude : iterable of str
        Names of layers that stay digital, as in ``model.named_modules()``, with ``*`` and ``?``.
    per_layer : mapping of str to AnalogConfig, optional
        Other configurations for some layers, by such names; the first name that fits counts.
    converters : mapping of class to callable, optional
        Classes that `convert` does not know, or shall treat otherwise. A converter is called with the layer, its
        configuration and a seed, or with the layer alone. It returns a layer on cells, such as
        ``sg.torch.Linear.from_digital(...)``, or a digital layer that computes the same and is then converted.
    dry_run : bool
        Convert nothing; return the `Plan`, which lists the layers that would be converted, and why others would not.

    Returns
    -------
    torch.nn.Module or Plan
        The converted copy, or with ``dry_run`` the plan.

    Warns
    -----
    UserWarning
        After the first pass of the converted model, if cells of some layers were not read in it: something else uses
        their weights.

    Raises
    ------
    TypeError
        If the model is no module, a configuration no `AnalogConfig`, or a converter does not return a layer.
    ValueError
        If a name fits no layer, no layer can be converted, or a weight is not finite.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    >>> plan = sg.torch.convert(model, exclude=["2"], dry_run=True)
    >>> [(decision.name, decision.convert, decision.cells, decision.reason) for decision in plan]
    [('0', True, 24, ''), ('2', False, 0, 'excluded')]
    >>> print(plan)
    52.2 % of 23 weights on cells (1 module stays digital: 2)
    layer  kind    cells
    0      Linear  24
    2      Linear  -      excluded
    >>> analog = sg.torch.convert(model, sg.torch.AnalogConfig(programming="one-shot", seed=1))
    >>> analog(torch.ones(5, 4)).shape
    torch.Size([5, 2])
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}: give a torch.nn.Module")
    config = AnalogConfig() if config is None else config
    configs = dict(per_layer or {})
    for value in (config, *configs.values()):
        if not isinstance(value, AnalogConfig):
            raise TypeError(f"config is a {type(value).__name__}: give an AnalogConfig")
    exclude = [exclude] if isinstance(exclude, str) else list(exclude)
    others = dict(converters or {})
    for key, converter in others.items():
        if not (isinstance(key, type) and issubclass(key, nn.Module) and callable(converter)):
            raise TypeError(f"converters maps {key!r} to {converter!r}: give classes of modules, and callables")
    plan = _plan(model, exclude, list(configs), others)
    if dry_run:
        return plan
    if not any(decision.convert for decision in plan):
        raise ValueError(f"no layer of the model can be converted:\n{plan}")
    return _converted(model, plan, config, configs, others)


def _plan(
    model: nn.Module, exclude: list[str], configs: list[str], others: Mapping[type[nn.Module], Converter]
) -> Plan:
    names = [name for name, _ in model.named_modules()]
    for pattern in (*exclude, *configs):
        if not fnmatch.filter(names, pattern):
            raise ValueError(f"{pattern!r} fits no layer: the names are {', '.join(name for name in names if name)}")
    plan, taken = Plan(), ""
    held: set[int] = set()
    for name, module in model.named_modules():
        if taken and name.startswith(taken):
            continue
        known = _converter(module, others) is not None or _base(module) is not None
        if next(module.parameters(recurse=False), None) is None and not known and not isinstance(module, AnalogLayer):
            continue
        decision = _decide(name, module, exclude, others)
        plan.append(decision)
        if decision.convert:
            held |= {id(p) for p in _sources(module)}
        # modules inside a layer that is converted, or kept as a whole, are not looked at
        whole = decision.convert or known or isinstance(module, AnalogLayer) or decision.reason == "excluded"
        taken = f"{name}." if name and whole else ""
        if not name and whole:
            break
    every = {id(p): _size(p) for p in model.parameters()}
    plan.weights = sum(every.values())
    plan.on_cells = min(plan.weights, sum(size for key, size in every.items() if key in held))
    return plan


def _size(parameter: nn.Parameter) -> int:
    return 0 if isinstance(parameter, nn.parameter.UninitializedParameter) else parameter.numel()


def _sources(module: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that a layer's cells will hold, or from which the weights that they hold are computed."""
    return [p for p in module.parameters() if p.dim() > 1]


def _base(module: nn.Module) -> type[nn.Module] | None:
    """Return the class of `CONVERTERS` that a module is derived from."""
    return next((base for base in CONVERTERS if isinstance(module, base)), None)


def _converter(module: nn.Module, others: Mapping[type[nn.Module], Converter]) -> Converter | None:
    """Return what makes a layer on cells of a module, or None if nothing here computes what it does."""
    kind = own_class(module)
    if kind in others:
        return others[kind]
    if kind in CONVERTERS:
        return CONVERTERS[kind]
    if f"{kind.__module__}.{kind.__qualname__}" in FOREIGN:
        return FOREIGN[f"{kind.__module__}.{kind.__qualname__}"]
    base = _base(module)
    return CONVERTERS[base] if base is not None and _computes_as(module, kind, base) else None


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


def _decide(name: str, module: nn.Module, exclude: list[str], others: Mapping[type[nn.Module], Converter]) -> Decision:
    kind = own_class(module).__name__

    def no(reason: str) -> Decision:
        digital = module.parameters(recurse=not _is_container(module, others))
        return Decision(name, kind, False, 0, reason, sum(map(_size, digital)))

    if isinstance(module, AnalogLayer):
        return no("holds cells already")
    if any(_within(name, pattern) for pattern in exclude):
        return no("excluded")
    if _converter(module, others) is None:
        return no(_why_not(module))
    if "forward" in vars(module) and not calls_only_forward(module):
        return no("a forward that was set on this object, and may compute something else")
    if isinstance(module, nn.MultiheadAttention) and (reason := attention.why_not(module)):
        return no(reason)
    if isinstance(module, nn.RNNBase) and (reason := sequence.why_not(module)):
        return no(reason)
    weights = [(key, p) for key, p in module.named_parameters() if p.dim() > 1]
    for key, weight in weights:
        if weight.is_meta or isinstance(weight, nn.parameter.UninitializedParameter):
            return no(f"{key} has no values yet")
        if not weight.is_floating_point():
            return no(f"{key} is of type {weight.dtype}, not real")
    computed = computing(module)
    if computed and isinstance(module, nn.RNNBase | nn.MultiheadAttention):
        return no(f"{', '.join(dict.fromkeys(computed))} on a layer with several weights: remove it first")
    if computed:
        count = with_plain_weights(module).get_parameter("weight").numel()
        how = f"{', '.join(dict.fromkeys(computed))}: cells hold the weight now in effect"
        return Decision(name, kind, True, 2 * count, how, count)
    count = sum(weight.numel() for _, weight in weights)
    return Decision(name, kind, True, 2 * count, _how(module), count)


def _is_container(module: nn.Module, others: Mapping[type[nn.Module], Converter]) -> bool:
    """Return whether the modules in a module are decided about by themselves."""
    return any(module.children()) and _converter(module, others) is None and _base(module) is None


def _how(module: nn.Module) -> str:
    """Return a note on what a layer becomes, if that is not one layer of the same name."""
    if isinstance(module, nn.RNNBase):
        count = module.num_layers * (1 + module.bidirectional)
        return f"{count} {type(module).__name__}Cell{'s' * (count > 1)}, stepped over the sequence"
    return "four projections" if isinstance(module, nn.MultiheadAttention) else ""


def _within(name: str, pattern: str) -> bool:
    parts = name.split(".")
    return any(fnmatch.fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1)) or name == pattern


def _why_not(module: nn.Module) -> str:
    base = _base(module)
    if base is not None:
        return f"a subclass of {base.__name__} that computes in its own way: name it in converters="
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        return "a table that is looked up, not a product"
    if isinstance(module, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm):
        return "scales each feature: no matrix"
    if isinstance(module, nn.modules.conv._ConvTransposeNd):
        return "a transposed convolution, which no layer here computes"
    if any(module.children()):
        return "parameters of its own stay digital; its layers are decided one by one"
    return "no layer here computes this kind: name it in converters="


def _converted(
    model: nn.Module,
    plan: Plan,
    config: AnalogConfig,
    configs: Mapping[str, AnalogConfig],
    others: Mapping[type[nn.Module], Converter],
) -> nn.Module:
    made = detached_copy(model)
    seeds = np.random.SeedSequence(config.seed)
    replaced: dict[int, nn.Module] = {}
    for decision, seed in zip(plan, seeds.spawn(len(plan)), strict=True):
        if not decision.convert:
            continue
        old, given = made.get_submodule(decision.name), model.get_submodule(decision.name)
        chosen = next((c for pattern, c in configs.items() if _within(decision.name, pattern)), config)
        own = np.random.SeedSequence(chosen.seed, spawn_key=seed.spawn_key) if chosen is not config else seed
        try:
            new = _on_cells(with_plain_weights(old), chosen, int(own.generate_state(1, np.uint64)[0]), others)
        except ValueError as error:
            raise ValueError(f"layer {decision.name or '(model)'!r}: {error}") from error
        _move_hooks(old, new)
        if "forward" in vars(given):
            new.forward = rebound(given, new)
        replaced[id(old)] = new
    converted = _replace(made, replaced)
    warn_of_unread(converted)
    return_free_memory()  # the arrays that were programmed are a multiple of what is kept of them
    return converted


def _on_cells(
    layer: nn.Module, config: AnalogConfig, seed: int, others: Mapping[type[nn.Module], Converter]
) -> nn.Module:
    """Return the layer on cells that computes what a digital one does."""
    converter = _converter(layer, others)
    if converter is None:
        raise TypeError(f"{type(layer).__name__} is no layer that convert knows")
    new = converter(layer, config, seed) if _takes_three(converter) else converter(layer)
    if not isinstance(new, nn.Module):
        raise TypeError(f"the converter of {type(layer).__name__} returned a {type(new).__name__}: return a layer")
    if any(isinstance(part, AnalogCells) for part in new.modules()):
        return new
    if type(new) not in CONVERTERS:
        raise TypeError(
            f"the converter of {type(layer).__name__} returned a {type(new).__name__} without cells: return a layer on "
            f"cells, or one of {', '.join(each.__name__ for each in CONVERTERS)}"
        )
    return CONVERTERS[type(new)](new, config, seed)


def _takes_three(converter: Converter) -> bool:
    try:
        inspect.signature(converter).bind(None, None, None)
    except TypeError:
        return False
    return True


def _move_hooks(old: nn.Module, new: nn.Module) -> None:
    """Give a layer the hooks of the one that it replaces, except those that only compute a weight."""
    for kind in (
        "_forward_hooks",
        "_forward_hooks_with_kwargs",
        "_forward_hooks_always_called",
        "_forward_pre_hooks",
        "_forward_pre_hooks_with_kwargs",
        "_backward_hooks",
        "_backward_pre_hooks",
    ):
        kept = {key: hook for key, hook in getattr(old, kind).items() if not is_computing_hook(hook)}
        getattr(new, kind).update(kept)
    new._is_full_backward_hook = old._is_full_backward_hook


def _replace(model: nn.Module, replaced: Mapping[int, nn.Module]) -> nn.Module:
    """Replace layers, wherever they occur; ``replaced`` maps the ids of old layers to new ones."""
    if id(model) in replaced:
        return replaced[id(model)]
    for module in list(model.modules()):
        for name, child in list(module._modules.items()):
            if child is not None and id(child) in replaced:
                module._modules[name] = replaced[id(child)]
    _keep_fused_kernels_out(model)
    return model


def _keep_fused_kernels_out(model: nn.Module) -> None:
    """Switch off the fused evaluation kernels of torch's encoders, which would use the weights and not the cells."""
    for module in model.modules():
        if not any(isinstance(part, AnalogCells) for part in module.modules()):
            continue
        if isinstance(module, nn.TransformerEncoderLayer):
            module.activation_relu_or_gelu = 0  # an activation that those kernels do not have
        if isinstance(module, nn.TransformerEncoder):
            module.use_nested_tensor = False
