"""Convert a trained model: replace its layers by layers on virtual cells."""

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
from torch import nn

from synaptogen._utils import return_free_memory

from .computed_weights import detached_copy, is_computing_hook, with_plain_weights
from .config import AnalogConfig
from .first_pass import watch_first_pass
from .known_layers import CONVERTERS, Converter, converter_of
from .layers import AnalogCells
from .patched_forward import rebound
from .plan import Decision, Plan, plan_of, within
from .writing_progress import Progress, without_writing, writing

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
        progress: Progress | None = None,
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
        progress: Progress | None = None,
    ) -> Plan: ...


def convert(
    model: nn.Module,
    config: AnalogConfig | None = None,
    *,
    exclude: Iterable[str] = (),
    per_layer: Mapping[str, AnalogConfig] | None = None,
    converters: Mapping[type[nn.Module], Converter] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
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
    progress : callable, optional
        Called as ``progress(written, total)`` with numbers of weights while cells are written. The log "synaptogen"
        says the same with an estimate of the time left, at level INFO.

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
    plan = plan_of(model, exclude, list(configs), others)
    plan[:] = [d._replace(cells=_cells(d, _chosen(d.name, config, configs))) for d in plan]
    if dry_run:
        return plan
    if not any(decision.convert for decision in plan):
        raise ValueError(f"no layer of the model can be converted:\n{plan}")
    with writing(sum(decision.weights for decision in plan if decision.convert), progress):
        return _converted(model, plan, config, configs, others)


def _chosen(name: str, config: AnalogConfig, configs: Mapping[str, AnalogConfig]) -> AnalogConfig:
    """Return the configuration of a layer."""
    return next((c for pattern, c in configs.items() if within(name, pattern)), config)


def _cells(decision: Decision, config: AnalogConfig) -> int:
    """Return the number of cells of a layer, without reference lines: its tiles are not known yet."""
    return decision.cells // 2 * config.cells_of_weight * config.weight_slices


def skeleton(
    model: nn.Module, configs: Mapping[str, AnalogConfig], others: Mapping[type[nn.Module], Converter]
) -> nn.Module:
    """Return a copy of a model with cells that are not written, for states that are loaded.

    Parameters
    ----------
    model : torch.nn.Module
        The digital model; its weights do not matter.
    configs : mapping of str to AnalogConfig
        Configurations by the names of modules with cells, as `analog_parts` has them.
    others : mapping of class to callable
        Converters that the user gives.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError
        If the model has not the layers that these cells belong to.
    """
    with without_writing():
        plan, chosen, found = plan_of(model, [], [], others), {}, set()
        for at, decision in enumerate(plan):
            inside = [name for name in configs if _lies_in(name, decision.name)]
            if decision.convert and inside:
                chosen[decision.name] = configs[inside[0]]
                found |= set(inside)
            else:
                plan[at] = decision._replace(convert=False)
        if missing := [name for name in configs if name not in found]:
            raise ValueError(f"the model has no layers for the cells of {', '.join(missing[:5])}: give the same model")
        first = next(iter(configs.values()))
        return _converted(model, plan, first, chosen, others)


def _lies_in(name: str, layer: str) -> bool:
    return not layer or name == layer or name.startswith(f"{layer}.")


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
        chosen = _chosen(decision.name, config, configs)
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
    watch_first_pass(converted)
    return_free_memory()  # the arrays that were programmed are a multiple of what is kept of them
    return converted


def _on_cells(
    layer: nn.Module, config: AnalogConfig, seed: int, others: Mapping[type[nn.Module], Converter]
) -> nn.Module:
    """Return the layer on cells that computes what a digital one does."""
    converter = converter_of(layer, others)
    if converter is None:
        raise TypeError(f"{type(layer).__name__} is no layer that convert knows")
    new = converter(layer, config, seed) if _takes_three(converter) else converter(layer)
    if not isinstance(new, nn.Module):
        raise TypeError(f"the converter of {type(layer).__name__} returned a {type(new).__name__}: return a layer")
    if any(isinstance(part, AnalogCells) for part in new.modules()):
        return new
    parts = {id(part): part for part in new.modules() if type(part) in CONVERTERS}
    if not parts:
        raise TypeError(
            f"the converter of {type(layer).__name__} returned a {type(new).__name__} without cells: return a layer on "
            f"cells, or one of {', '.join(each.__name__ for each in CONVERTERS)}"
        )
    if type(new) in CONVERTERS:
        return CONVERTERS[type(new)](new, config, seed)
    seeds = np.random.SeedSequence(seed).generate_state(len(parts), np.uint64)
    return _replace(
        new,
        {
            key: CONVERTERS[type(part)](part, config, int(own))
            for (key, part), own in zip(parts.items(), seeds, strict=True)
        },
    )


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
