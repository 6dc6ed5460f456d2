"""Arrays of other libraries, as users give them: taken for what they hold, or refused with the remedy."""

import sys
from typing import Any

import numpy as np

from .arrays import AnyArray

_PLAIN = (float, int, np.ndarray, np.float64, np.float32)


def as_array(name: str, value: object, kind: type[float] | type[bool]) -> AnyArray:
    """Return what a user gives as an array of NumPy.

    Labels of pandas and xarray are not looked at: entries count by their place. Dask arrays are computed.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : object
        A number, a nest of lists, or an array of NumPy, pandas, xarray, Dask, PyTorch and others.
    kind : type
        float or bool: what columns of pandas that can have missing entries are read as.

    Returns
    -------
    array
        Of whatever type; what it holds is not checked.

    Raises
    ------
    TypeError
        If it cannot be taken without losing something: gradients, units, entries that are missing.
    ValueError
        If entries of it are masked.
    """
    if type(value) in _PLAIN:
        return np.asarray(value)
    _require_unmasked(name, value)
    if (hasattr(value, "magnitude") and hasattr(value, "units")) or hasattr(value, "to_value"):
        raise TypeError(f"{name} has a unit: give its numbers in V, without it")
    try:
        array = np.asarray(_without_torch(value))
        if array.dtype == np.object_ and hasattr(value, "to_numpy"):
            array = np.asarray(value.to_numpy(dtype=kind))
    except Exception as error:
        raise TypeError(f"{name} of type {type(value).__name__} cannot be taken as an array: {error}") from error
    return array


def _require_unmasked(name: str, value: object) -> None:
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            raise ValueError(
                f"{name} has masked entries: give {name}.filled(0) and, where voltages are applied, "
                f"where=~numpy.ma.getmaskarray({name})"
            )
    elif isinstance(value, list | tuple):
        for part in value:
            if isinstance(part, list | tuple | np.ma.MaskedArray):
                _require_unmasked(name, part)


def _without_torch(value: object) -> object:
    """Return a tensor of PyTorch as an array, and anything else as it is; PyTorch is not imported for that."""
    torch: Any = sys.modules.get("torch")
    tensor: Any = value
    if torch is None or not isinstance(tensor, torch.Tensor):
        return value
    if tensor.requires_grad:
        raise TypeError("it requires gradients, which cells do not have; give tensor.detach(), or use synaptogen.torch")
    if tensor.layout != torch.strided:
        raise TypeError("it is sparse; give tensor.to_dense()")
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    try:
        return tensor.numpy()
    except TypeError:  # bfloat16 and other types that NumPy does not have
        return tensor.to(torch.float32).numpy()
