"""An index of drift with its limit under the learned model, and the removal of a trend that the user declares.

Long memory looks like drift in short records, and drift like long memory: the index is the share of the variance of a
device's scores that a parabola in the cycle number explains, averaged over devices; the limit is the value that 95 % of
as many devices of the learned, stationary model stay below. A trend is removed only on request, and returned.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from synaptogen._utils import Float64Array, IntArray, checked
from synaptogen.params import FEATURE_NAMES, History

from .feature_tables import without_failed
from .latent_simulation import latent_records

__all__ = ["Drift", "cycle_numbers", "cycle_places", "measure_drift", "remove_trend"]


DEGREE = 2
HIGHEST = 3
_SIMULATED, _MOST_CYCLES, _RESAMPLES = 400, 2000, 2000
_LEVEL = 0.05


@dataclass(frozen=True)
class Drift:
    """Share of the variance within devices that follows a smooth trend.

    Attributes
    ----------
    index, limit : dict of str to float
        By feature: share of the variance, averaged over devices, and the value that 95 % of as many stationary devices
        stay below, all features together.
    removed : xarray.Dataset or None
        Coefficients (device, power) of the trends that were removed before, by feature; in log10 of ohm for r_hrs, per
        power of the cycle number scaled to -1 ... 1.
    """

    index: dict[str, float]
    limit: dict[str, float]
    removed: xr.Dataset | None = None

    @property
    def drifting(self) -> tuple[str, ...]:
        """Features whose index lies above its limit."""
        return tuple(name for name, value in self.index.items() if value > self.limit[name])


def measure_drift(x: Float64Array, history: History, measured: tuple[int, ...], seed: int) -> Drift:
    """Return the index of drift of scores, and its limit under a history.

    The limit is for all measured features at once (Bonferroni): one in twenty stationary populations exceeds it.

    Parameters
    ----------
    x : array of shape (n_devices, n_cycles, 4)
        Normal scores, NaN where not measured.
    history : VAR or StateSpace
        The learned, stationary model.
    measured : tuple of int
        Features that were measured.
    seed : int
        Seed of the simulated records.

    Returns
    -------
    Drift
    """
    step = max(1, x.shape[1] // _MOST_CYCLES)
    part = np.asarray(x, dtype=np.float64)[:, ::step]
    simulated = latent_records(history, _SIMULATED, x.shape[1], np.random.default_rng(seed))[:, ::step]
    rng = np.random.default_rng(seed)
    index, limit = {}, {}
    for f in measured:
        shares = explained_share(part[..., f])
        shares = shares[np.isfinite(shares)]
        if not len(shares):
            continue
        drawn = rng.choice(explained_share(simulated[..., f]), (_RESAMPLES, len(shares))).mean(1)
        index[FEATURE_NAMES[f]] = float(shares.mean())
        limit[FEATURE_NAMES[f]] = float(np.quantile(drawn, 1 - _LEVEL / len(measured)))
    return Drift(index, limit)


def explained_share(records: Float64Array, degree: int = DEGREE) -> Float64Array:
    """Return the share of the variance of each record that a polynomial in the cycle number explains.

    Parameters
    ----------
    records : array of shape (n, T)
        NaN where not measured.
    degree : int
        Degree of the polynomial.

    Returns
    -------
    array of shape (n,)
        NaN for records with too few values.
    """
    basis = _basis(records.shape[1], degree)
    shares = np.full(len(records), np.nan)
    for n, row in enumerate(records):
        there = np.isfinite(row)
        if there.sum() > 5 * (degree + 1):
            rest = row[there] - basis[there] @ np.linalg.lstsq(basis[there], row[there], rcond=None)[0]
            shares[n] = 1 - np.var(rest) / max(float(np.var(row[there])), 1e-300)
    return shares


@checked
def remove_trend(features: xr.Dataset, degree: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Take a polynomial in the cycle number from each feature of each device, whose mean stays.

    Parameters
    ----------
    features : xarray.Dataset
        Variables (device, cycle); r_hrs is treated on its logarithm.
    degree : {1, 2, 3}
        Degree of the polynomial.

    Returns
    -------
    features : xarray.Dataset
        The features without the trend.
    coefficients : xarray.Dataset
        Coefficients (device, power) with powers 1 ... degree, see `Drift`.

    Raises
    ------
    ValueError
        If the degree is another, or flags are not sound.

    Examples
    --------
    >>> import numpy as np
    >>> from synaptogen import learn
    >>> data = learn.features(u_set=-1 + 0.1 * np.linspace(-1, 1, 50))
    >>> left, coefficients = learn.remove_trend(data, 1)
    >>> coefficients.u_set.values.round(3).tolist()
    [[0.1]]
    >>> bool(np.allclose(left.u_set, -1))
    True
    """
    if degree not in range(1, HIGHEST + 1):
        raise ValueError(f"detrend must be 1 (straight line) to {HIGHEST}, the degree of the trend, not {degree!r}")
    cleaned, _ = without_failed(features)
    left, coefficients = features.copy(), {}
    basis = np.vander(cycle_places(features), degree + 1, increasing=True)
    for name in FEATURE_NAMES:
        if name not in features:
            continue
        y = cleaned[name].transpose("device", "cycle").to_numpy().astype(np.float64)
        y = np.log10(y) if name == "r_hrs" else y.copy()
        found = np.array([_detrended(row, basis) for row in y])
        left[name] = (("device", "cycle"), 10**y if name == "r_hrs" else y, features[name].attrs)
        coefficients[name] = (("device", "power"), found)
    return left, xr.Dataset(coefficients, {"power": np.arange(1, degree + 1)})


def cycle_places(features: xr.Dataset) -> Float64Array:
    """Return the numbers of the cycles of a table, brought to the range from -1 to 1.

    Parameters
    ----------
    features : xarray.Dataset
        With a dimension ``cycle``, whose labels are its numbers if they are whole; rows may be missing.

    Returns
    -------
    array of shape (n_cycles,)
    """
    numbers = cycle_numbers(features)
    last = max(int(numbers.max(initial=0)), 1)
    return np.where(numbers == last, 1.0, numbers * (2.0 / last) - 1.0)


def cycle_numbers(features: xr.Dataset) -> IntArray:
    """Return the numbers of the cycles of a table, counted from its first one.

    Parameters
    ----------
    features : xarray.Dataset

    Returns
    -------
    array of int of shape (n_cycles,)
    """
    if "cycle" not in features.coords or features["cycle"].dtype.kind not in "iu":
        return np.arange(features.sizes["cycle"])
    labels = features["cycle"].to_numpy().astype(np.int64)
    return np.asarray(labels - labels.min(initial=labels[0] if len(labels) else 0))


def _detrended(row: Float64Array, basis: Float64Array) -> Float64Array:
    """Take the trend from a record in place, and return its coefficients without the constant."""
    there = np.isfinite(row)
    if there.sum() <= 5 * basis.shape[1]:
        return np.full(basis.shape[1] - 1, np.nan)
    basis = basis[there]
    found = np.linalg.lstsq(basis, row[there], rcond=None)[0]
    trend = basis @ found
    row[there] -= trend - trend.mean()
    return np.asarray(found[1:])


def _basis(cycles: int, degree: int) -> Float64Array:
    return np.vander(np.linspace(-1, 1, cycles), degree + 1, increasing=True)
