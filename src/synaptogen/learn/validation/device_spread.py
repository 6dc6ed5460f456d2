"""Do devices differ in more than mean and standard deviation? Lag-1 correlation and skewness, device by device.

A shared model gives every device the same shape and memory; the rest of the difference between devices is chance, which
virtual devices with the same number of cycles show. Where measured devices spread wider, one shared model is not
enough.
"""

from dataclasses import dataclass

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURE_NAMES

__all__ = ["TraitSpread", "compare_traits"]


FEWEST_DEVICES, FEWEST_CYCLES = 16, 50
RATIO = 1.2  # ratio of widths below which a difference is too small to matter
_LEVEL = 0.005  # significance level of one comparison of eight
_RESAMPLES = 1000


@dataclass(frozen=True)
class TraitSpread:
    """One trait of the devices, measured and generated.

    Parameters
    ----------
    name : str
    measured, generated : array of shape (n,), (m,)
        The trait of each device.
    low, high : float
        Limits of the ratio of the two widths (10 to 90 %), from a bootstrap of devices.
    """

    name: str
    measured: Float64Array
    generated: Float64Array
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """Width of the measured spread over that of the generated one."""
        return quantile_width(self.measured) / max(quantile_width(self.generated), 1e-12)

    @property
    def wider(self) -> bool:
        """Whether measured devices differ by more than chance and a shared model explain."""
        return self.low > 1 and self.ratio > RATIO

    @property
    def beyond(self) -> float:
        """Standard deviation between devices that chance does not explain."""
        return float(np.sqrt(max(float(np.var(self.measured) - np.var(self.generated)), 0.0)))


def quantile_width(values: Float64Array) -> float:
    """Return the distance between the 10 and the 90 % quantile."""
    low, high = np.quantile(values, (0.1, 0.9))
    return float(high - low)


def device_traits(z: Float64Array, x: Float64Array, measured: tuple[int, ...]) -> dict[str, Float64Array]:
    """Return the lag-1 correlation of the scores and the skewness of each device, by name.

    Parameters
    ----------
    z, x : array of shape (devices, cycles, 4)
        Standardised features, and their normal scores; NaN where not measured.
    measured : tuple of int
        Features that were measured.

    Returns
    -------
    dict of str to array of shape (devices,)
        NaN for short records.
    """
    found = {}
    for f in measured:
        v = x[..., f]
        pairs = np.isfinite(v[:, 1:]) & np.isfinite(v[:, :-1])
        filled = np.nan_to_num(v - np.nanmean(v, axis=1, keepdims=True))
        count = pairs.sum(1)
        variance = (filled**2).sum(1) / np.maximum(np.isfinite(v).sum(1), 1)
        enough = count >= FEWEST_CYCLES
        lag = (filled[:, 1:] * filled[:, :-1] * pairs).sum(1) / np.maximum(count, 1) / np.maximum(variance, 1e-12)
        found[f"lag-1 correlation of {FEATURE_NAMES[f]}"] = np.where(enough, lag, np.nan)
        third = np.nanmean(z[..., f] ** 3, axis=1)
        found[f"skewness of {FEATURE_NAMES[f]}"] = np.where(enough, third, np.nan)
    return found


def compare_traits(
    mine: dict[str, Float64Array], its: dict[str, Float64Array], rng: np.random.Generator
) -> list[TraitSpread]:
    """Compare traits of measured and of generated devices.

    Parameters
    ----------
    mine, its : dict of str to array
        Traits of measured and of generated devices, see `device_traits`.
    rng : Generator

    Returns
    -------
    list of TraitSpread
        Without those that too few devices have, or too few cycles determine.
    """
    found = []
    for name, values in mine.items():
        a, b = values[np.isfinite(values)], its[name][np.isfinite(its[name])]
        if min(len(a), len(b)) < FEWEST_DEVICES:
            continue
        ratios = [
            quantile_width(rng.choice(a, len(a))) / max(quantile_width(rng.choice(b, len(b))), 1e-12)
            for _ in range(_RESAMPLES)
        ]
        low, high = np.quantile(ratios, (_LEVEL, 1 - _LEVEL))
        found.append(TraitSpread(name, a, b, float(low), float(high)))
    return found
