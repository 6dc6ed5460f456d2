"""The engines by name. Those that load a compiler are imported when an array first needs them."""

from typing import Literal, TypeAlias

from synaptogen._utils import checks

from .protocol import AnyEngine
from .reference import ReferenceEngine

EngineName: TypeAlias = Literal["cpu", "cuda", "reference"]
Storage: TypeAlias = Literal["full", "compact"]
Start: TypeAlias = Literal["stationary", "pristine"]

ENGINES: tuple[EngineName, ...] = ("cpu", "cuda", "reference")
STORAGES: tuple[Storage, ...] = ("full", "compact")
STARTS: tuple[Start, ...] = ("stationary", "pristine")


def engine_class(engine: str, storage: str) -> type[AnyEngine]:
    """Return the class of an engine. Its instances are made as `Engine` describes.

    Parameters
    ----------
    engine : {"cpu", "cuda", "reference"}
        Name of the engine; checked, so that any string may be given.
    storage : {"full", "compact"}
        How it stores cells; ``"compact"`` takes 16-bit numbers and needs the CPU engine.

    Returns
    -------
    type of Engine

    Raises
    ------
    ValueError
        If there is no such engine or storage, or the engine does not have this storage.
    ModuleNotFoundError, RuntimeError
        If the engine needs an extra, or a GPU, that is missing.
    """
    checks.one_of("engine", engine, ENGINES)
    checks.one_of("storage", storage, STORAGES)
    if storage == "compact" and engine != "cpu":
        raise ValueError(f"storage={storage!r} needs engine='cpu', not {engine!r}")
    if engine == "reference":
        return ReferenceEngine
    if engine == "cuda":
        return _cuda_engine()
    from .cpu import CPUEngine, PackedEngine  # loads Numba, which takes longer than all else

    return CPUEngine if storage == "full" else PackedEngine


def _cuda_engine() -> type[AnyEngine]:
    from . import cuda  # its compiler is an extra

    cuda.require_gpu()
    return cuda.CUDAEngine
