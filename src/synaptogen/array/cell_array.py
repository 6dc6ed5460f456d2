"""CellArray: an array of virtual devices, the class that users work with.

Its methods are in the modules beside this one, by what they do: `views` (indices), `programming` (pulses, sweeps,
cycles, time), `reading` (currents and products), `inspection` (hidden state), `copying` (copies and files), `on_gpu`.
What arrays on disk and on clusters share with it is in `common`.
"""

import math
from typing import TYPE_CHECKING

from synaptogen._utils import RNG, PathLike, checked, checks, default_threads
from synaptogen.engines import CellIds, EngineName, Start, Storage
from synaptogen.io import load_state
from synaptogen.params import DeviceParams
from synaptogen.state import BANDWIDTH, ArraySpec, CellState, HistoryKind

from .programming import Programming
from .reading import Reading

if TYPE_CHECKING:
    from .on_gpu import OnGPU


class CellArray(Programming, Reading):
    """An array of virtual resistive memory cells.

    Every cell is one device drawn from a learned population. Its behaviour depends on the seed, on its position in the
    array and on the voltages applied to it, and never on how the computation is divided or parallelised. Cells start
    in the HRS of their cycle 0.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the array. Two axes make it a crossbar, `cells @ v`.
    params : str or DeviceParams
        The device population: the name of a preset (`synaptogen.presets`) or a parameter set.
    rng : int, SeedSequence, Generator or None
        Source of the seed; an int from 0 to 2**64 - 1 is the seed itself, None takes a fresh one.
    engine : {"cpu", "cuda", "reference"}
        Compiled code in single precision on the processor, or on an NVIDIA GPU (with the extra ``cuda12``
        or ``cuda13``), or plain NumPy in double precision.
    history : {"var", "compact"}, optional
        How a cell remembers earlier cycles: by a vector autoregression, or by a state space of a few numbers per cell,
        which is faster and smaller. Default: the kind that the parameter set holds. The other kind is made by
        `DeviceParams.compact` (8 states) or `DeviceParams.with_order` (order 10).
    storage : {"full", "compact"}
        How cells are stored: in single precision, or packed into 16-bit numbers, which takes 20 bytes per cell with a
        history of 4 states (made if none is given; `DeviceParams.compact` makes others) and allows a billion cells on
        one machine. Compact cells behave like full ones within rounding, and take longer where a cycle begins. CPU
        engine only.
    start : {"stationary", "pristine"}
        Whether cells have been cycled many times before, or have no past.
    threads : int, optional
        Threads of the CPU engine; default: the number of cores.
    bandwidth : float
        Bandwidth of reads in Hz, which sets their noise; 0 turns noise off.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described, or no preset, engine or history has that name.
    ModuleNotFoundError, RuntimeError
        If the engine needs an extra, or a GPU, that is missing.
    MemoryError
        If the array would not fit into memory.

    Attributes
    ----------
    shape : tuple of int
        Shape of the array.
    state : CellState
        The cells behind the array, for other parts of the package.

    Examples
    --------
    >>> import synaptogen as sg
    >>> cells = sg.CellArray((2, 3), rng=7)
    >>> (1e6 * cells.conductance()).round(1)  # HRS, microsiemens
    array([[27.9, 13.4, 14.2],
           [ 3.6, 24.5,  8.6]], dtype=float32)
    >>> cells.apply_voltage(-2.0)
    >>> (1e6 * cells.conductance()).round(0)  # LRS
    array([[213., 243., 215.],
           [222., 221., 222.]], dtype=float32)
    """

    def __init__(
        self,
        shape: int | tuple[int, ...],
        params: str | DeviceParams = "hennen2024",
        *,
        rng: RNG = None,
        engine: EngineName = "cpu",
        history: HistoryKind | None = None,
        storage: Storage = "full",
        start: Start = "stationary",
        threads: int | None = None,
        bandwidth: float = BANDWIDTH,
    ) -> None:
        shape = checks.shape(shape)
        workers = default_threads() if threads is None else checks.positive_int("threads", threads)
        size = math.prod(shape)
        spec = ArraySpec.from_arguments(
            params,
            rng=rng,
            engine=engine,
            history=history,
            storage=storage,
            start=start,
            bandwidth=bandwidth,
            resident=size,
        )
        self.state, self.shape = CellState.build(spec, CellIds(size), workers), shape

    @property
    def on_gpu(self) -> "OnGPU":
        """Methods of the array that take arrays of CuPy, PyTorch and others on the GPU, and leave results there.

        Raises
        ------
        ValueError
            If the cells are not on a GPU.
        """
        if self.engine != "cuda":
            raise ValueError(f"these cells are of engine={self.engine!r}: make them with engine='cuda'")
        from .on_gpu import OnGPU  # loads the GPU compiler, an extra

        return OnGPU(self.state, self.shape)


@checked
def load(path: PathLike, *, threads: int | None = None) -> CellArray:
    """Read an array that `CellArray.save` has written, in exactly the state in which it was saved.

    Parameters
    ----------
    path : path
        The zarr directory.
    threads : int, optional
        Threads of the CPU engine; default: the number of cores.

    Returns
    -------
    CellArray

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is something else, of another version, or incomplete.
    MemoryError
        If the array would not fit into memory.

    Examples
    --------
    >>> import tempfile
    >>> import synaptogen as sg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sg.CellArray((2, 3), rng=7).save(f"{folder}/cells.zarr")
    ...     cells = sg.load(f"{folder}/cells.zarr")
    >>> cells.shape, cells.seed
    ((2, 3), 7)
    """
    workers = default_threads() if threads is None else checks.positive_int("threads", threads)
    return CellArray.from_state(*load_state(path, workers))
