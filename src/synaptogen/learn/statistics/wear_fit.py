"""The hazard of failing for good, from devices that failed and from those that did not.

A device fails in cycle n with the probability S(n - 1) - S(n), and lives to the end of a record of N cycles with
S(N - 1), where S(n) = exp(-(n/scale)**shape): the likelihood of interval-censored and right-censored lives (J. F.
Lawless, Statistical Models and Methods for Lifetime Data, Wiley 2003). Intervals are those of the profile likelihood.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.stats import beta

from synaptogen._utils import BoolArray, Float64Array, IntArray
from synaptogen.learn.extraction import Flag
from synaptogen.params import Wear

from .drift import cycle_numbers

__all__ = ["FEWEST_FAILURES", "Lives", "WearFit", "expected_failures", "fit_wear", "lives_of"]

FEWEST_FAILURES = 5
_LN_SHAPE = (np.log(0.05), np.log(50.0))
_DROP = 1.9207  # of the logarithm of a profile likelihood, at the ends of an interval of 95 %


@dataclass(frozen=True)
class Lives:
    """How long devices lived.

    Attributes
    ----------
    last : array of shape (n_devices,)
        Number of the cycle in which a device failed, counted from 0, or of the last one of its record.
    failed : array of bool of shape (n_devices,)
        Whether it failed.
    lrs, hrs : int
        Number of the failed devices that stayed in the LRS and in the HRS; of some it is not known.
    """

    last: Float64Array
    failed: BoolArray
    lrs: int
    hrs: int


@dataclass(frozen=True)
class WearFit:
    """The wear that was learned, if devices enough have failed.

    Attributes
    ----------
    wear : Wear or None
        None where fewer than five devices have failed.
    scale, shape, lrs : tuple of two float
        Intervals of 95 %; NaN without wear.
    failures, devices : int
        Number of devices that failed for good, and of all that have switched.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> data = learn.features(r_lrs=sg.CellArray(20, rng=1).run_cycles(60).r_lrs.T)
    >>> data["flag"] = data.r_lrs.dims, np.zeros((20, 60), int)
    >>> data.flag[:3, 40:] = learn.Flag.WORN | learn.Flag.NO_SET
    >>> print(learn.fit(data, history="var", order=1, laws="plain").wear)
    3 of 20 devices failed for good: fewer than 5, so the file has no wear
    """

    wear: Wear | None
    scale: tuple[float, float]
    shape: tuple[float, float]
    lrs: tuple[float, float]
    failures: int
    devices: int

    def __str__(self) -> str:
        """Return what was learned as a sentence; empty where no device has failed."""
        if not self.failures:
            return ""
        begin = f"{self.failures} of {self.devices} devices failed for good"
        if self.wear is None:
            return f"{begin}: fewer than {FEWEST_FAILURES}, so the file has no wear"
        w = self.wear
        return (
            f"{begin}: half of the simulated ones in {w.scale * np.log(2) ** (1 / w.shape):.3g} cycles (Weibull, scale"
            f" {w.scale:.3g} [{self.scale[0]:.3g}, {self.scale[1]:.3g}], shape {w.shape:.2g} [{self.shape[0]:.2g},"
            f" {self.shape[1]:.2g}]), {w.lrs:.0%} [{self.lrs[0]:.0%}, {self.lrs[1]:.0%}] of them in the LRS"
        )


def lives_of(features: xr.Dataset) -> Lives | None:
    """Return how long devices lived, from the flags of their cycles.

    A device has failed in the first of the last cycles of its record that are flagged `Flag.WORN`. Devices that never
    switched are left out: they have failed before. Cycles that the numbers of the others leave out have been lived.

    Parameters
    ----------
    features : xarray.Dataset
        With the variable ``flag`` (device, cycle).

    Returns
    -------
    Lives or None
        None without flags.
    """
    if "flag" not in features:
        return None
    given = features["flag"] if "device" in features["flag"].dims else features["flag"].expand_dims("device")
    values = given.transpose("device", "cycle").to_numpy().astype(np.float64)
    flags = np.where(np.isnan(values), float(Flag.MISSING), values).astype(np.int64)
    left_out = _left_out(given)
    last, failed, ends = [], [], []
    for row in flags:
        known = (row & int(Flag.MISSING | Flag.FORMING)) == 0
        there, before = row[known], left_out[known]
        if not len(there) or np.any(there & int(Flag.NEVER)):
            continue
        worn = np.flatnonzero(there & int(Flag.WORN))
        failed.append(bool(len(worn)))
        end = int(worn[0]) if len(worn) else len(there) - 1
        last.append(float(end + before[end]))
        ends += [_end_of(there[worn])] if len(worn) else []
    return Lives(np.array(last), np.array(failed, dtype=bool), ends.count("lrs"), ends.count("hrs"))


def _left_out(flags: xr.DataArray) -> IntArray:
    """Return how many cycles of the life of a device each row of a table has before it that are not in the table."""
    numbers = cycle_numbers(flags.to_dataset(name="flag"))
    ranks = np.argsort(np.argsort(numbers))
    began = 0
    if "cycle" in flags.coords and flags["cycle"].dtype.kind in "iu" and flags.sizes["cycle"]:
        began = int(flags["cycle"].min())
    return np.asarray(numbers - ranks + (began if began > 1 else 0))


def _end_of(flags: IntArray) -> str:
    """Return in which state a device stayed, by what most of its last cycles say."""
    in_lrs = (flags & int(Flag.NO_RESET | Flag.FROM_LRS)) != 0
    low, high = np.count_nonzero(in_lrs), np.count_nonzero(~in_lrs & ((flags & int(Flag.NO_SET)) != 0))
    return "lrs" if low > high else "hrs" if high > low else "unknown"


def fit_wear(lives: Lives) -> WearFit:
    """Learn a Weibull distribution of lives by maximum likelihood.

    Parameters
    ----------
    lives : Lives

    Returns
    -------
    WearFit
    """
    failures, devices = int(lives.failed.sum()), len(lives.failed)
    nothing = (np.nan, np.nan)
    if failures < FEWEST_FAILURES or not np.any(lives.last > 0):
        return WearFit(None, nothing, nothing, nothing, failures, devices)
    middle = np.log(max(float(np.median(lives.last[lives.failed])), 1.0)), 0.0

    def lost(point: Float64Array) -> float:
        return -_log_likelihood(lives, float(point[0]), float(np.clip(point[1], *_LN_SHAPE)))

    starts = [middle, (np.log(max(float(lives.last.max()), 1.0)) + np.log(devices / failures), 0.0)]
    tried = [minimize(lost, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-8}) for start in starts]
    found = min(tried, key=lambda one: float(one.fun))
    ln_scale, ln_shape, best = float(found.x[0]), float(np.clip(found.x[1], *_LN_SHAPE)), -float(found.fun)
    scale = _interval(lambda v: _best_over_shape(lives, v), ln_scale, best, (ln_scale - 15, ln_scale + 15))
    shape = _interval(lambda v: _best_over_scale(lives, v, ln_scale), ln_shape, best, _LN_SHAPE)
    known = lives.lrs + lives.hrs
    lrs = lives.lrs / known if known else 0.5
    wear = Wear(float(np.clip(np.exp(ln_scale), 1e-3, 1e15)), float(np.exp(ln_shape)), lrs)
    return WearFit(wear, scale, shape, _share_interval(lives.lrs, known), failures, devices)


def _log_likelihood(lives: Lives, ln_scale: float, ln_shape: float) -> float:
    shape = np.exp(ln_shape)
    with np.errstate(all="ignore"):
        now = np.exp(np.clip(shape * (np.log(lives.last) - ln_scale), -700, 700))
        before = np.exp(np.clip(shape * (np.log(np.maximum(lives.last - 1, 0)) - ln_scale), -700, 700))
        before[lives.last <= 1] = 0.0
        dies = -before + np.log(np.maximum(-np.expm1(before - now), 1e-300))
    return float(np.sum(np.where(lives.failed, np.where(lives.last > 0, dies, 0.0), -now * (lives.last > 0))))


def _best_over_shape(lives: Lives, ln_scale: float) -> float:
    found = minimize_scalar(lambda s: -_log_likelihood(lives, ln_scale, s), bounds=_LN_SHAPE, method="bounded")
    return -float(found.fun)


def _best_over_scale(lives: Lives, ln_shape: float, around: float) -> float:
    bounds = (around - 15, around + 15)
    found = minimize_scalar(lambda s: -_log_likelihood(lives, s, ln_shape), bounds=bounds, method="bounded")
    return -float(found.fun)


def _interval(
    profile: Callable[[float], float], at: float, best: float, ends: tuple[float, float]
) -> tuple[float, float]:
    """Return the interval on which the logarithm of a profile likelihood is within `_DROP` of the best."""

    def above(v: float) -> float:
        return profile(v) - best + _DROP

    low, high = (end if above(end) >= 0 else float(brentq(above, at, end, xtol=1e-4)) for end in ends)
    return float(np.exp(low)), float(np.exp(high))


def _share_interval(count: int, n: int) -> tuple[float, float]:
    """Return the interval of 95 % of a share (C. J. Clopper and E. S. Pearson, Biometrika 26:404, 1934)."""
    low = float(beta.ppf(0.025, count, n - count + 1)) if count else 0.0
    return low, float(beta.ppf(0.975, count + 1, n - count)) if count < n else 1.0


def expected_failures(wear: Wear, lives: Lives) -> tuple[int, int]:
    """Return between which numbers of failures as many devices of a wear have in 95 % of trials.

    Parameters
    ----------
    wear : Wear
    lives : Lives
        Of measured devices. One that lived is followed to the end of its record, one that failed as far as the longest.

    Returns
    -------
    low, high : int
    """
    followed = np.where(lives.failed, lives.last.max(), lives.last)
    fails = np.random.default_rng(1).uniform(size=(4000, len(followed))) < wear.share_failed(followed)
    low, high = np.quantile(fails.sum(1), [0.025, 0.975], method="nearest")
    return int(low), int(high)
