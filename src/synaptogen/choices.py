"""What users choose by name: a population, an engine, a storage, a history."""

from typing import Any

from . import checks
from .engines.cpu import CPUEngine
from .engines.packed import PackedEngine
from .engines.reference import ReferenceEngine
from .params import DeviceParams

ENGINES: dict[str, Any] = {"cpu": CPUEngine, "cuda": "cuda", "reference": ReferenceEngine}
"""Engines by name; in place of one that needs an extra, the folder that it is imported from once it is asked for."""
STORAGES = ("full", "compact")
HISTORIES = ("var", "compact")
PACKED_STATES = 4  # of a compact history that is made for compact storage
STARTS = ("stationary", "pristine")


def params_of(params: str | DeviceParams) -> DeviceParams:
    """A parameter set, or the preset of that name."""
    if isinstance(params, DeviceParams):
        return params
    if isinstance(params, str):
        return DeviceParams.preset(params)
    raise TypeError(f"params is a {type(params).__name__}: give the name of a preset or a DeviceParams")


def engine_of(engine: str, storage: str) -> Any:
    """The engine of that name that keeps cells in that way."""
    make = checks.named("engine", engine, ENGINES)
    checks.one_of("storage", storage, STORAGES)
    if storage == "full":
        return make if make != "cuda" else _cuda_engine()
    if make is not CPUEngine:
        raise ValueError(f"storage={storage!r} needs engine='cpu', not {engine!r}")
    return PackedEngine


def with_history(params: DeviceParams, history: str | None, storage: str = "full") -> DeviceParams:
    """The parameter set with the kind of history asked for, or the one that storage needs."""
    if history is not None:
        checks.one_of("history", history, HISTORIES)
    if storage == "compact" and history == "var":
        raise ValueError("history='var' cannot be kept in storage='compact': leave history out, or storage")
    if history is None and storage == "compact" and params.history.kind == "var":
        return params.compact(PACKED_STATES)
    if history is None or history == params.history.kind:
        return params
    return params.compact() if history == "compact" else params.with_order(10)


def _cuda_engine() -> Any:
    from .engines.cuda import machine

    machine.require_gpu()
    from .engines.cuda.engine import CUDAEngine

    return CUDAEngine
