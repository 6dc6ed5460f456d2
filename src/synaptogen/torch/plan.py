"""The plan of a conversion: which layers go to cells, and why others do not."""

import fnmatch
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from synaptogen.torch.layers import attention, sequence

from .computed_weights import computing, own_class, with_plain_weights
from .experts import Experts, is_experts
from .known_layers import Converter, as_found, base_of, converter_of
from .layers import AnalogLayer
from .overview import table
from .patched_forward import calls_only_forward
from .writing_progress import is_skipped


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
    in_tables : int
        Number of those in tables that are looked up, and that no layer on cells shares.
    """

    weights: int = 0
    on_cells: int = 0
    in_tables: int = 0

    def __str__(self) -> str:
        digital = [d.name or "(model)" for d in self if not d.convert]
        named = ", ".join(digital[:3]) + (" ..." if len(digital) > 3 else "")
        head = _share_on_cells(self.on_cells, self.weights)
        if self.in_tables:
            head += f", {_percent(self.on_cells, self.weights - self.in_tables)} without tables that are looked up"
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
    return f"{_percent(on_cells, weights)} of {weights / scale:.3g}{unit} weights on cells"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0.0:.1f} %"


def plan_of(
    model: nn.Module, exclude: list[str], configs: list[str], others: Mapping[type[nn.Module], Converter]
) -> Plan:
    """Decide about each layer of a model that has parameters.

    Parameters
    ----------
    model : torch.nn.Module
    exclude, configs : list of str
        Names of layers that stay digital, and of layers with configurations of their own, with ``*`` and ``?``.
    others : mapping of class to callable
        Converters that the user gives.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        If a name fits no layer.
    """
    names = [name for name, _ in model.named_modules()]
    for pattern in (*exclude, *configs):
        if not fnmatch.filter(names, pattern):
            raise ValueError(f"{pattern!r} fits no layer: the names are {', '.join(name for name in names if name)}")
    plan, taken = Plan(), ""
    held: set[int] = set()
    for name, module in model.named_modules():
        if taken and name.startswith(taken):
            continue
        base = base_of(module) is not None
        counts = base or isinstance(module, AnalogLayer | torch.jit.ScriptModule) or own_class(module) in others
        if not (counts or _has_parameters(module) or _has_packed_weights(module)):
            continue
        converter = converter_of(module, others)
        known = converter is not None or base
        decision = _decide(name, module, exclude, converter)
        plan.append(decision)
        if decision.convert:
            held |= {id(p) for p in _sources(module)}
        # modules inside a layer that is converted, or kept as a whole, are not looked at
        kept = isinstance(module, AnalogLayer | torch.jit.ScriptModule) or decision.reason == "excluded"
        whole = decision.convert or known or kept
        taken = f"{name}." if name and whole else ""
        if not name and whole:
            break
    every = {id(p): _size(p) for p in model.parameters()}
    plan.weights = sum(every.values()) + sum(map(_packed_size, model.modules()))
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)}
    plan.in_tables = sum(size for key, size in every.items() if key in tables - held)
    plan.on_cells = min(plan.weights, sum(size for key, size in every.items() if key in held))
    return plan


def _has_parameters(module: nn.Module) -> bool:
    return next(module.parameters(recurse=False), None) is not None


def _has_packed_weights(module: nn.Module) -> bool:
    """Return whether a module holds weights of torch's quantisation, which are no parameters."""
    return isinstance(vars(module).get("_packed_params"), torch.ScriptObject) or any(
        isinstance(tensor, torch.Tensor) and tensor.is_quantized
        for tensor in (*vars(module).values(), *module.buffers(recurse=False))
    )


def _packed_size(module: nn.Module) -> int:
    """Return the number of quantised weights of a module itself."""
    if not _has_packed_weights(module):
        return 0
    leaves = tree_leaves(list(module.state_dict().values()))
    return sum(each.numel() for each in leaves if isinstance(each, torch.Tensor) and each.dim() > 0)


def _size(parameter: nn.Parameter) -> int:
    return 0 if isinstance(parameter, nn.parameter.UninitializedParameter) else parameter.numel()


def _sources(module: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that a layer's cells will hold, or from which the weights that they hold are computed."""
    return [p for _, p in _matrices(module)]


def _matrices(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    axes = 3 if is_experts(module) else 2
    return [(name, p) for name, p in module.named_parameters() if p.dim() >= axes]


def _decide(name: str, module: nn.Module, exclude: list[str], converter: Converter | None) -> Decision:
    kind = own_class(module).__name__

    def no(reason: str) -> Decision:
        digital = module.parameters(recurse=not _is_container(module, converter))
        return Decision(name, kind, False, 0, reason, sum(map(_size, digital)) + _packed_size(module))

    if isinstance(module, AnalogLayer):
        return no("holds cells already")
    if converter is None and isinstance(module, torch.jit.ScriptModule):
        return no("compiled by torch.jit, which no one can look into: convert the model from which it was made")
    if converter is None and _has_packed_weights(module):
        return no("holds quantised weights: convert the float model from which they were made")
    if any(within(name, pattern) for pattern in exclude):
        return no("excluded")
    if converter is None:
        return no(_why_not(module))
    if "forward" in vars(module) and not calls_only_forward(module):
        return no("a forward that was set on this object, and may compute something else")
    if isinstance(module, nn.MultiheadAttention) and (reason := attention.why_not(module)):
        return no(reason)
    if isinstance(module, nn.RNNBase) and (reason := sequence.why_not(module)):
        return no(reason)
    weights = _matrices(module)
    for key, weight in weights:
        if (weight.is_meta and not is_skipped()) or isinstance(weight, nn.parameter.UninitializedParameter):
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
    return Decision(name, kind, True, 2 * count, _how(module, converter), count)


def _is_container(module: nn.Module, converter: Converter | None) -> bool:
    """Return whether the modules in a module are decided about by themselves."""
    return any(module.children()) and converter is None and base_of(module) is None


def _how(module: nn.Module, converter: Converter) -> str:
    """Return a note on what a layer becomes, if that is not one layer of the same name."""
    if converter is Experts:
        return "two linear layers an expert"
    if converter is as_found:
        return "recognised by what it computes"
    if isinstance(module, nn.RNNBase):
        count = module.num_layers * (1 + module.bidirectional)
        return f"{count} {type(module).__name__}Cell{'s' * (count > 1)}, stepped over the sequence"
    return "four projections" if isinstance(module, nn.MultiheadAttention) else ""


def within(name: str, pattern: str) -> bool:
    """Return whether a layer, or a module that it lies in, has a name that fits a pattern.

    Parameters
    ----------
    name : str
        Of the layer.
    pattern : str
        With ``*`` and ``?``.

    Returns
    -------
    bool
    """
    parts = name.split(".")
    return any(fnmatch.fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1)) or name == pattern


def _why_not(module: nn.Module) -> str:
    base = base_of(module)
    if base is not None:
        return f"a subclass of {base.__name__} that computes in its own way: name it in converters="
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        return "a table that is looked up, not a product"
    if isinstance(module, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm):
        return "scales each feature: no matrix"
    if any(next(child.parameters(), None) is not None for child in module.children()):
        return "parameters of its own stay digital; its layers are decided one by one"
    return "no layer here computes this kind: name it in converters="
