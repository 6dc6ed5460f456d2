"""How the cells of an array are made: all but which of them, and how many."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import checks
from .choices import STARTS, engine_of, params_of, with_history
from .counters import Counters
from .engines.law import Law, law_of
from .engines.protocol import Cells, Engine
from .params import DeviceParams
from .seeds import RNG, seed_of

if TYPE_CHECKING:
    from .array import CellArray

BANDWIDTH = 1e8  # Hz, of a read


@dataclass(frozen=True)
class Recipe:
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
    def law(self) -> Law:
        """The law by which cells live."""
        return law_of(self.params)

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell takes."""
        return float(engine_of(self.engine, self.storage).bytes_for(self.law))

    def populate(self, cells: Cells, threads: int, *, fill: bool = True) -> Engine:
        """An engine with some of the cells; without ``fill`` their state is still to be restored."""
        make: Any = engine_of(self.engine, self.storage)
        engine: Engine = make(self.law, cells, self.seed, self.start, threads, fill=fill)
        return engine

    def make(self, shape: tuple[int, ...], cells: Cells, threads: int, *, fill: bool = True) -> "CellArray":
        """The same as an array. Raises MemoryError if the cells would not fit."""
        from .array import CellArray

        engine_of(self.engine, self.storage).require_room(self.law, cells.size)
        engine = self.populate(cells, threads, fill=fill)
        return CellArray._of(engine, self.params, shape, None, Counters(cells.size), self.bandwidth)


def recipe_of(
    params: str | DeviceParams,
    *,
    rng: RNG,
    engine: str,
    history: str | None,
    storage: str,
    start: str,
    bandwidth: float,
    resident: int,
) -> Recipe:
    """The recipe for arguments as `CellArray` takes them; ``resident`` cells must fit into memory.

    Raises ValueError or TypeError for what is not known, MemoryError if the cells would not fit; ``rng`` has not moved
    on then.
    """
    make = engine_of(engine, storage)
    checks.one_of("start", start, STARTS)
    bandwidth = checks.bandwidth(bandwidth)
    chosen = with_history(params_of(params), history, storage)
    make.require_room(law_of(chosen), resident)
    return Recipe(chosen, engine, storage, seed_of(rng), start, bandwidth)
