"""From a parameter set to the arguments of kernels: single precision, flat arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np

from synaptogen._utils import AnyArray
from synaptogen.engines.compiled_params import CompiledParams, single_precision

from .layout import KernelParams

Transfer = Callable[..., Any]
"""Called as ``transfer(array, dtype)``; returns a flat array of that type where kernels read it: on the GPU
(`on_device`) or, in tests and predictions, in the memory of the machine."""


def kernel_params_of(params: CompiledParams, start: str, seed: int, transfer: Transfer) -> KernelParams:
    """Return a parameter set as kernels take it.

    Parameters
    ----------
    params : CompiledParams
        The parameter set.
    start : {"stationary", "pristine"}
        History of the cells before cycle 0.
    seed : int
        Seed of all random numbers, from 0 to 2**64 - 1.
    transfer : callable
        Brings an array to where kernels read it.

    Returns
    -------
    KernelParams
    """

    def single(values: AnyArray) -> Any:
        return transfer(np.append(values.ravel(), 0.0), np.float32)

    return KernelParams(
        single_precision(params.constants),
        single(params.readout),
        single(params.F),
        single(params.G),
        single(params.start_blocks),
        params.slots,
        params.states,
        start == "stationary",
        np.uint32(seed & 0xFFFFFFFF),
        np.uint32(seed >> 32),
        params.own,
        params.restless,
    )


def mixture_of(params: CompiledParams, transfer: Transfer) -> tuple[Any, Any, Any, Any]:
    """Return the population of a parameter set as kernels take it.

    Parameters
    ----------
    params : CompiledParams
        The parameter set.
    transfer : callable
        Brings an array to where kernels read it.

    Returns
    -------
    starts : array of uint32 of shape (K,)
        First 32-bit random number that chooses each component.
    means : array of float32 of shape (d K,)
        Mean device vectors.
    cholesky : array of float32 of shape (d^2 K,)
        Cholesky factors, by rows.
    bounds : array of float32 of shape (2 d + 1,) or (1,)
        Lowest device vector, then the highest, and a 0; the 0 alone without bounds.
    """
    return (
        transfer(params.component_starts, np.uint32),
        transfer(params.means.ravel(), np.float32),
        transfer(params.cholesky.ravel(), np.float32),
        transfer(np.append(params.bounds.ravel(), 0.0), np.float32),
    )
