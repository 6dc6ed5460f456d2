"""ArraySpec: everything that determines the cells of an array, except which of them and how many."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, TypeAlias, cast

from synaptogen._utils import RNG, checks, seed_of
from synaptogen.engines import (
    STARTS,
    AnyEngine,
    CellIds,
    CompiledParams,
    EngineName,
    Start,
    Storage,
    compile_params,
    engine_class,
)
from synaptogen.params import DeviceParams, as_device_params

HistoryKind: TypeAlias = Literal["var", "compact"]

HISTORIES: tuple[HistoryKind, ...] = ("var", "compact")
PACKED_STATES = 4  # states of a compact history that is made for compact storage
BANDWIDTH = 1e8  # Hz; of reads, unless another is given


class _MakesEngine(Protocol):
    """The constructor that all engines have, which their common protocol leaves out."""

    def __call__(
        self, params: CompiledParams, cells: CellIds, seed: int, start: str, threads: int, /, *, fill: bool
    ) -> AnyEngine: ...


@dataclass(frozen=True)
class ArraySpec:
    """The arguments of `CellArray` after checks, all explicit: any part of an array can be made from them.

    Parameters
    ----------
    params : DeviceParams
        The device population, with the kind of history that the cells have.
    engine : str
        Name of the engine: "cpu", "cuda" or "reference".
    storage : str
        Form in which cells are stored: "full" or "compact".
    seed : int
        The 64-bit seed.
    start : str
        "stationary" for cells with a past, "pristine" for cells without.
    bandwidth : float
        Bandwidth of reads in Hz.
    first : int
        Id of the first cell of the whole array.

    Examples
    --------
    >>> import synaptogen as sg
    >>> spec = sg.CellArray(3, rng=7, storage="compact").state.spec
    >>> spec.engine, spec.storage, spec.seed, spec.params.history, spec.bytes_per_cell
    ('cpu', 'compact', 7, compact(4), 20.0)
    """

    params: DeviceParams
    engine: str
    storage: str
    seed: int
    start: str
    bandwidth: float
    first: int = 0

    @classmethod
    def from_arguments(
        cls,
        params: str | DeviceParams,
        *,
        rng: RNG,
        engine: EngineName,
        history: HistoryKind | None,
        storage: Storage,
        start: Start,
        bandwidth: float,
        resident: int,
    ) -> "ArraySpec":
        """Check arguments as `CellArray` takes them; ``rng`` is used only if all are sound.

        Parameters
        ----------
        params : str or DeviceParams
            Name of a preset, or a parameter set.
        rng : int, SeedSequence, Generator or None
            Source of the seed.
        engine : {"cpu", "cuda", "reference"}
            Name of the engine.
        history : {"var", "compact"}, optional
            Kind of history; default: that of ``params``, or the one that ``storage`` needs.
        storage : {"full", "compact"}
            Form in which cells are stored.
        start : {"stationary", "pristine"}
            Whether cells have a past.
        bandwidth : float
            Bandwidth of reads in Hz.
        resident : int
            Number of cells that must fit into memory.

        Returns
        -------
        ArraySpec

        Raises
        ------
        ValueError, TypeError
            If an argument is not of the kind described.
        MemoryError
            If ``resident`` cells would not fit into memory.
        """
        make = engine_class(engine, storage)
        checks.one_of("start", start, STARTS)
        bandwidth = checks.bandwidth(bandwidth)
        chosen = _with_history(as_device_params(params), history, storage)
        make.require_room(compile_params(chosen), resident)
        return cls(chosen, engine, storage, seed_of(rng), start, bandwidth)

    @cached_property
    def compiled_params(self) -> CompiledParams:
        """The parameter set in the form that engines use."""
        return compile_params(self.params)

    @property
    def bytes_per_cell(self) -> float:
        """Bytes that one cell takes."""
        return float(engine_class(self.engine, self.storage).bytes_for(self.compiled_params))

    def populate(self, cells: CellIds, threads: int, *, fill: bool = True) -> AnyEngine:
        """Return an engine that holds some of the cells.

        Parameters
        ----------
        cells : CellIds
            The cells.
        threads : int
            Threads of the CPU engine.
        fill : bool
            Draw devices and first cycles. Without, the state of all cells is still to be restored.

        Returns
        -------
        Engine

        Raises
        ------
        ValueError
            If the engine cannot run the parameter set.
        """
        make = cast("_MakesEngine", engine_class(self.engine, self.storage))
        return make(self.compiled_params, cells, self.seed, self.start, threads, fill=fill)


def _with_history(params: DeviceParams, history: HistoryKind | None, storage: Storage) -> DeviceParams:
    """Return the parameter set with a kind of history, by default its own or the one that storage needs."""
    if history is not None:
        checks.one_of("history", history, HISTORIES)
    if storage == "compact" and history == "var":
        raise ValueError("history='var' cannot be kept in storage='compact': leave history out, or storage")
    if history is None and storage == "compact" and params.history.kind == "var":
        return params.compact(PACKED_STATES)
    if history is None or history == params.history.kind:
        return params
    return params.compact() if history == "compact" else params.with_order(10)
