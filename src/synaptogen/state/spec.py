"""How the cells of an array are made: all but which of them, and how many."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from synaptogen._utils import RNG, checks, seed_of
from synaptogen.engines import STARTS, AnyEngine, CellIds, CompiledParams, compile_params, engine_class
from synaptogen.params import DeviceParams, as_device_params

HISTORIES = ("var", "compact")
PACKED_STATES = 4  # of a compact history that is made for compact storage
BANDWIDTH = 1e8  # Hz, of a read


@dataclass(frozen=True)
class ArraySpec:
    """What `CellArray` was asked for, checked and made explicit: any part of an array can be made from it.

    Raises ValueError if the engine cannot run the parameter set.
    """

    params: DeviceParams
    engine: str
    storage: str
    seed: int
    start: str
    bandwidth: float
    first: int = 0  # id of the first cell of the whole array

    @cached_property
    def compiled_params(self) -> CompiledParams:
        """The params by which cells live."""
        return compile_params(self.params)

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell takes."""
        return float(engine_class(self.engine, self.storage).bytes_for(self.compiled_params))

    def populate(self, cells: CellIds, threads: int, *, fill: bool = True) -> AnyEngine:
        """An engine with some of the cells; without ``fill`` their state is still to be restored."""
        make: Any = engine_class(self.engine, self.storage)
        engine: AnyEngine = make(self.compiled_params, cells, self.seed, self.start, threads, fill=fill)
        return engine


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


def array_spec(
    params: str | DeviceParams,
    *,
    rng: RNG,
    engine: str,
    history: str | None,
    storage: str,
    start: str,
    bandwidth: float,
    resident: int,
) -> ArraySpec:
    """The spec for arguments as `CellArray` takes them; ``resident`` cells must fit into memory.

    Raises ValueError or TypeError for what is not known, MemoryError if the cells would not fit; ``rng`` has not moved
    on then.
    """
    make = engine_class(engine, storage)
    checks.one_of("start", start, STARTS)
    bandwidth = checks.bandwidth(bandwidth)
    chosen = with_history(as_device_params(params), history, storage)
    make.require_room(compile_params(chosen), resident)
    return ArraySpec(chosen, engine, storage, seed_of(rng), start, bandwidth)
