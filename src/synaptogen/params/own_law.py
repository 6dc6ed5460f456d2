"""What a device may have of its own beside mean and spread of its features."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.model import OwnLaw, Restless

from .history import FEATURES
from .record import Record, nested, real_array

OWN_TRAITS = 3 * FEATURES
"""Numbers of a device beside (mu, sigma): c1, c2 and the share of memory of each feature."""
_MOST_COEFFICIENTS = 16


@dataclass(frozen=True, eq=False)
class OwnShapes(Record):
    """Shapes by which devices depart from the quantile polynomials that they share.

    The standardised feature of a device is Gamma(x) + c1 phi1(h) + c2 phi2(h), with h = x held at -reach and reach: the
    tails beyond are those that all devices share. The c1, c2 and share of memory of a device are drawn with its mu and
    sigma: a population beside these shapes has 20 numbers for each device in place of 8.

    Parameters
    ----------
    first, second : array of shape (4, n)
        phi1 and phi2 of each feature, highest power first.
    reach : float
        Range of x, on both sides of 0, on which they act.

    Raises
    ------
    ValueError
        If the arrays have the wrong shape or content.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> sg.OwnShapes(np.tile([1.0, 0.0, -1.0], (4, 1)), np.tile([1.0, 0.0, -3.0, 0.0], (4, 1))).second.shape
    (4, 4)
    """

    first: Float64Array
    second: Float64Array
    reach: float = 2.5

    def __post_init__(self) -> None:
        for name in ("first", "second"):
            value = real_array(name, getattr(self, name), (FEATURES, None))
            if value.shape[1] > _MOST_COEFFICIENTS:
                raise ValueError(f"{name} must have at most {_MOST_COEFFICIENTS} coefficients, not {value.shape[1]}")
            self._set(**{name: value})
        reach = float(real_array("reach", self.reach, ()))
        if not 0.5 <= reach <= 8:
            raise ValueError(f"reach must be from 0.5 to 8, not {reach:g}")
        self._set(reach=reach)

    def constants(self, memory_share: Float64Array, dtype: Callable[[float], object] = float) -> OwnLaw:
        """Return the constants that formulas take.

        Parameters
        ----------
        memory_share : array of shape (4,)
            Share of the variance of each feature that is memory in the history that devices share.
        dtype : callable
            Called with each number, for example `numpy.float32`.

        Returns
        -------
        OwnLaw
        """
        per_share = np.where(memory_share > 0, 1 / np.maximum(memory_share, 1e-300), 0.0)
        first, second = nested(self.first.tolist(), dtype), nested(self.second.tolist(), dtype)
        per_rest = nested((1 / (1 - memory_share)).tolist(), dtype)
        return OwnLaw(first, second, nested(per_share.tolist(), dtype), per_rest, dtype(self.reach))


@dataclass(frozen=True, eq=False)
class RestlessInnovation(Record):
    """Innovations of R_LRS whose scale wanders from cycle to cycle, and whose level rises with it.

    An innovation w of unit variance becomes (exp(h u - h^2) (w + kappa v) - mean) / deviation, with u = sqrt(1 - new) v
    + sqrt(new) n. The state v follows v' = fade v + sqrt(1 - fade^2) n', and all n are standard normals.

    Parameters
    ----------
    spread : float
        h, from 0 to 1: standard deviation of the logarithm of the scale.
    rise : float
        kappa, from -1 to 1.
    new : float
        Share of the scale that is new in each cycle, from 0 to 1.
    fade : float
        Correlation of v from cycle to cycle, 0 or more, below 1.

    Raises
    ------
    ValueError
        If a number is outside of its range.

    Examples
    --------
    >>> import synaptogen as sg
    >>> sg.RestlessInnovation(spread=0.4, rise=0.2, new=0.4, fade=0.9).spread
    0.4
    """

    spread: float
    rise: float
    new: float
    fade: float

    def __post_init__(self) -> None:
        for name, low, high in (("spread", 0.0, 1.0), ("rise", -1.0, 1.0), ("new", 0.0, 1.0), ("fade", 0.0, 0.9999)):
            value = float(real_array(name, getattr(self, name), ()))
            if not low <= value <= high:
                raise ValueError(f"{name} must be from {low:g} to {high:g}, not {value:g}")
            self._set(**{name: value})

    def moments(self) -> tuple[float, float]:
        """Return mean and standard deviation that an innovation of unit variance has before they are taken out.

        In closed form, from the moments of normals: with old = 1 - new, the mean is kappa h sqrt(old) exp(-h^2 / 2),
        the mean square 1 + kappa^2 (1 + 4 h^2 old).
        """
        h, kappa, old = self.spread, self.rise, 1.0 - self.new
        mean = kappa * h * np.sqrt(old) * np.exp(-(h**2) / 2)
        return float(mean), float(np.sqrt(1 + kappa**2 * (1 + 4 * h**2 * old) - mean**2))

    def constants(self, unit: float, dtype: Callable[[float], object] = float) -> Restless:
        """Return the constants that formulas take.

        Parameters
        ----------
        unit : float
            Standard deviation of the innovation.
        dtype : callable
            Called with each number, for example `numpy.float32`.

        Returns
        -------
        Restless
        """
        mean, deviation = self.moments()
        numbers = (
            self.spread / np.log(2),
            self.spread**2 / np.log(2),
            self.rise * unit,
            np.sqrt(1 - self.new),
            np.sqrt(self.new),
            mean * unit,
            1 / deviation,
            self.fade,
            np.sqrt(1 - self.fade**2),
        )
        return Restless(*(dtype(float(number)) for number in numbers))
