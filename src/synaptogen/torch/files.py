"""Save converted models, and build them again without writing cells."""

import dataclasses
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from synaptogen._utils import install_command
from synaptogen.crossbar import Wires
from synaptogen.params import DeviceParams

from .analog_parts import analog_parts
from .config import AnalogConfig
from .conversion import skeleton
from .known_layers import Converter

KEY = "synaptogen"  # of the description in the file
VERSION = 1


def save(model: nn.Module, path: str | Path) -> None:
    """Save a converted model: cells, weights, seeds, calibration and configurations.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model.
    path : path
        A file with the ending ``.safetensors`` (this needs the library safetensors), or ``.pt``.

    Raises
    ------
    ValueError
        If the model holds no cells, or the file has another ending.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import torch
    >>> import synaptogen as sg
    >>> analog = sg.torch.convert(torch.nn.Sequential(torch.nn.Linear(4, 2)), sg.torch.AnalogConfig(seed=1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sg.torch.save(analog, pathlib.Path(folder) / "chip.pt")
    ...     again = sg.torch.load(pathlib.Path(folder) / "chip.pt", torch.nn.Sequential(torch.nn.Linear(4, 2)))
    >>> x = torch.ones(3, 4)
    >>> bool((again(x) == analog(x)).all())
    True
    """
    path, parts = _checked(path), analog_parts(model)
    if not parts:
        raise ValueError("model holds no cells: convert it first")
    configs = list(dict.fromkeys(part.config for part in parts.values()))
    state, aliases = _without_aliases(model.state_dict())
    description = {
        "version": VERSION,
        "configs": [_as_dict(config) for config in configs],
        "parts": {name: configs.index(part.config) for name, part in parts.items()},
        "aliases": aliases,
    }
    if path.suffix == ".pt":
        torch.save({KEY: json.dumps(description), "state": state}, path)
    else:
        contiguous = {name: value.contiguous() for name, value in state.items()}
        _safetensors("safetensors.torch").save_file(contiguous, path, {KEY: json.dumps(description)})


def load(
    path: str | Path, model: nn.Module, *, converters: Mapping[type[nn.Module], Converter] | None = None
) -> nn.Module:
    """Build a model that `save` has saved, without writing any cell.

    Parameters
    ----------
    path : path
        The file.
    model : torch.nn.Module
        The digital model; its weights do not matter. It may be on the device "meta", where it takes no memory, if
        it has no classes that `convert` recognises by trying them out.
    converters : mapping of class to callable, optional
        Those with which the model was converted.

    Returns
    -------
    torch.nn.Module
        The model on cells; it goes on bit for bit.

    Raises
    ------
    ValueError
        If the file holds no converted model, or not this one.

    Notes
    -----
    What a pass in between has found out about weights that are used outside of their layers is found out again in the
    first pass. Records of pulses are not saved.
    """
    path = _checked(path)
    description, state = _read(path)
    configs = [_from_dict(config) for config in description["configs"]]
    made = skeleton(model, {name: configs[at] for name, at in description["parts"].items()}, dict(converters or {}))
    aliases: dict[str, str] = description["aliases"]
    state |= {name: state[first] for name, first in aliases.items()}
    on_meta = any(p.is_meta for p in made.parameters())
    try:
        made.load_state_dict(state, assign=on_meta)
    except RuntimeError as error:
        raise ValueError(f"{path} holds another model: {error}") from error
    if on_meta:
        _share(made, aliases)
    return made


def _checked(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix not in (".safetensors", ".pt"):
        raise ValueError(f"path={str(path)!r}: give a name that ends with .safetensors or .pt")
    return path


def _safetensors(module: str) -> Any:
    """Import a module of the library safetensors, which comes with the extra."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"files .safetensors need the library safetensors: {install_command('torch')}, or give a name with .pt"
        ) from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the description of a file, and its tensors."""
    if path.suffix == ".pt":
        content = torch.load(path, weights_only=True)
        text, state = (content.get(KEY), content.get("state")) if isinstance(content, dict) else (None, None)
    else:
        with _safetensors("safetensors").safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(KEY)
            state = {name: file.get_tensor(name) for name in file.keys()} if text else {}  # noqa: SIM118  # no mapping
    if not text or state is None:
        raise ValueError(f"{path} holds no model that sg.torch.save has saved")
    description = json.loads(text)
    if description["version"] != VERSION:
        raise ValueError(f"{path} has version {description['version']}, this is {VERSION}: use a newer release")
    return description, state


def _without_aliases(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors without those that share the memory of others, and the names of these."""
    kept: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    first: dict[Any, str] = {}
    for name, value in state.items():
        key = (value.data_ptr(), value.shape, value.stride(), value.dtype)
        if value.numel() and key in first:
            aliases[name] = first[key]
        else:
            first[key] = name
            kept[name] = value
    return kept, aliases


def _share(model: nn.Module, aliases: Mapping[str, str]) -> None:
    """Make parameters one again that were one when the model was saved."""
    for name, first in aliases.items():
        owner, _, own = name.rpartition(".")
        module = model.get_submodule(owner)
        if own in module._parameters:
            module._parameters[own] = model.get_parameter(first)


def _as_dict(config: AnalogConfig) -> dict[str, Any]:
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    if isinstance(config.params, DeviceParams):
        values["params"] = json.loads(config.params.to_json())
    if config.wires is not None:
        wires = {field.name: getattr(config.wires, field.name) for field in dataclasses.fields(config.wires)}
        values["wires"] = {key: np.asarray(value).tolist() for key, value in wires.items()}
    return values


def _from_dict(values: Mapping[str, Any]) -> AnalogConfig:
    given = dict(values)
    if not isinstance(given["params"], str):
        given["params"] = DeviceParams.from_json(given["params"])
    if given["wires"] is not None:
        given["wires"] = Wires(**given["wires"])
    return AnalogConfig(**given | {"tile": tuple(given["tile"])})
