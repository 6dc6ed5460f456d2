"""Virtual devices that a fit or a verdict is compared with."""

from synaptogen.array import CellArray
from synaptogen.params import DeviceParams

_CALL = 1000  # cells that take as long as the reference engine takes for a cycle of any number of cells
_MOST = 2_000_000  # cells times cycles; the reference engine takes some seconds for these


def virtual_devices(params: DeviceParams, devices: int, cycles: int, seed: int) -> CellArray:
    """Return an array whose engine is the quicker one for a number of cycles.

    Compiled kernels belong to the kinds of scales and of curves of a parameter set, and a fit is often the first of its
    kind. Compiling takes ten seconds or more, in which the reference engine runs some million cycles. The engines agree
    to the rounding of single precision. The choice depends on the arguments alone, and so do results.

    Parameters
    ----------
    params : DeviceParams
    devices : int
    cycles : int
        How many will be run.
    seed : int

    Returns
    -------
    CellArray
        Of shape ``(devices,)``.
    """
    few = cycles * (devices + _CALL) <= _MOST
    return CellArray(devices, params, rng=seed, engine="reference" if few else "cpu")
