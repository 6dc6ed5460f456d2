"""Checks of the arguments of `DeviceParams`, part by part."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array

from .feature_scale import PLAIN_SCALES, FeatureScale
from .history import FEATURES, History
from .own_law import OWN_TRAITS, OwnShapes, RestlessInnovation
from .population import Population
from .record import real_array

FEATURE_NAMES = ("r_hrs", "u_set", "r_lrs", "u_reset")
_MOST_COEFFICIENTS = 16
LARGEST_STRETCH = 1e30  # within single precision


def check_own_law(
    own: OwnShapes | None, restless: RestlessInnovation | None, history: History, population: Population
) -> None:
    """Require that what devices have of their own goes with history and population.

    Parameters
    ----------
    own, restless : OwnShapes, RestlessInnovation or None
    history : VAR or StateSpace
    population : Population

    Raises
    ------
    ValueError
        If the parts contradict each other.
    """
    for what, part in (("own", own), ("restless", restless)):
        if part is not None and history.kind != "compact":
            raise ValueError(f"{what} needs a compact history, not {history!r}: take a StateSpace, or {what}=None")
    traits = population.means.shape[1]
    if (own is not None) != (traits > 2 * FEATURES):
        raise ValueError(
            f"population has {traits} numbers of a device, but own is {'given' if own else 'not given'}: "
            f"shapes of their own go with {2 * FEATURES + OWN_TRAITS} numbers, none with {2 * FEATURES}"
        )
    if own is None:
        return
    low, high = population.low, population.high
    if low is None or high is None:
        raise ValueError("population must have low and high beside own: they bound the shapes of devices")
    if np.any(low[-FEATURES:] < 0) or np.any(high[-FEATURES:] >= 1):
        raise ValueError("population: low and high must bound the shares of memory to at least 0, and below 1")


def four_scales(value: Sequence[FeatureScale]) -> tuple[FeatureScale, ...]:
    """Return the scales of the features, after checks."""
    scales = tuple(value)
    if len(scales) != FEATURES or not all(isinstance(scale, FeatureScale) for scale in scales):
        raise ValueError(f"scales must be four FeatureScale, of {', '.join(FEATURE_NAMES)}, not {value!r}")
    for name, scale, plain in zip(FEATURE_NAMES, scales, PLAIN_SCALES, strict=True):
        if name != "r_lrs" and scale.kind != plain.kind:
            raise ValueError(f'scales: that of {name} must be of kind "{plain.kind}", not "{scale.kind}"')
        if name != "r_lrs" and scale.offset:
            raise ValueError(f"scales: that of {name} must have no offset, which only r_lrs may have")
    return scales


def increasing(name: str, value: ArrayLike) -> Float64Array:
    """Return quantile polynomials after checks.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of shape (4, n)
        Highest power first.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        If one does not increase at 0.
    """
    quantile = real_array(name, value, (FEATURES, None))
    _check_length(name, quantile.shape[1])
    for feature, row in zip(FEATURE_NAMES, quantile, strict=True):
        if row[-2] <= 0:
            raise ValueError(
                f"{name} of {feature} must increase at 0, but has slope {row[-2]:g} there: give the highest power first"
            )
    return quantile


def envelope(name: str, value: ArrayLike) -> Float64Array:
    """Return the current polynomial of an envelope after checks.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of shape (n,)
        Highest power first.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        If its length is out of range, or the last coefficient is not 0.
    """
    found = real_array(name, value, (None,))
    _check_length(name, len(found))
    if found[-1] != 0:
        raise ValueError(
            f"{name} must have 0 as its last coefficient, not {found[-1]:g}: no current flows at 0 V. Subtract the"
            " offset, and give the highest power first"
        )
    return found


def stretch(name: str, value: ArrayLike) -> Float64Array:
    """Return knee, slope and rest of the RESET transition after checks.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of shape (3,)

    Returns
    -------
    array

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    found = real_array(name, value, (3,))
    if not (np.all((found >= 0) & (found <= LARGEST_STRETCH)) and found[:2].any()):
        raise ValueError(
            f"{name} must hold a knee, a slope and a rest from 0 to {LARGEST_STRETCH:g}, not {found.tolist()}, and"
            " one of the first two must be above 0: the RESET transition would not fall"
        )
    return found


def _check_length(name: str, n: int) -> None:
    if not 2 <= n <= _MOST_COEFFICIENTS:
        raise ValueError(f"{name} must have 2 to {_MOST_COEFFICIENTS} coefficients, not {n}: fit another degree")


def positive(name: str, value: ArrayLike, unit: str) -> float:
    """Return a positive number, at most 100, after checks.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : number
    unit : str
        Its unit, for messages.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is out of range.
    """
    number = float(real_array(name, value, ()))
    if not 0 < number <= 100:
        raise ValueError(f"{name} must be positive and at most 100{' ' + unit if unit else ''}, not {number:g}")
    return number
