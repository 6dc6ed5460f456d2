"""Standard errors of learned parameters, from the scatter of parts of the data.

- Quantile polynomials: sixteen groups of devices (of cycles, where devices are few), each treated by itself.
- History: the delete-a-group jackknife (J. Shao, D. Tu, The Jackknife and Bootstrap, 1995, chapter 2), with groups of
  devices, or of stretches of the records where devices are few. The states of a compact history can be chosen in many
  ways that mean the same, so that errors are those of its predictions: autocorrelations, their sums, and the
  covariance of the next cycle.

Those of the population are in `gaussian_mixture`. All are errors of sampling; errors that corrections for short records
leave are not in them.
"""

from collections.abc import Callable, Sequence

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, History

from .bias_correction import BiasCorrectedFit, DynamicsFit
from .quantile_transform import fit_quantiles, normalised
from .var_fit import var_errors

__all__ = ["describe_errors", "history_errors", "predictions", "quantile_errors"]


GROUPS = 16
REACH = 200  # longest lag whose autocorrelation gets an error


def quantile_errors(z: Float64Array, measured: Sequence[int]) -> Float64Array | None:
    """Return standard errors of quantile polynomials.

    Parameters
    ----------
    z : array of shape (n_devices, n_cycles, 4)
        Standardised records, NaN where not measured.
    measured : sequence of int
        Features that were measured.

    Returns
    -------
    array of shape (4, 5), or None
        NaN for features that were not measured; None if groups are too small for a polynomial of their own.
    """
    parts = np.array_split(z, GROUPS, axis=0 if len(z) >= GROUPS else 1)
    errors = np.full((FEATURES, 5), np.nan)
    for f in measured:
        try:
            each = [normalised(fit_quantiles(part[..., f]))[0] for part in parts]
        except ValueError:
            return None
        errors[f] = np.std(each, axis=0, ddof=1) / np.sqrt(len(each))
    return errors


def history_errors(
    fitter: BiasCorrectedFit,
    dynamics: DynamicsFit,
    compact: bool,
    progress: Callable[[float], None] = lambda _share: None,
) -> dict[str, Float64Array]:
    """Return standard errors of the predictions of the chosen history.

    Parameters
    ----------
    fitter : BiasCorrectedFit
        Holds the records.
    dynamics : DynamicsFit
        Its result for all of them.
    compact : bool
        Whether the compact history was chosen, or the VAR.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    dict of str to array
        ``autocorrelation`` (lags + 1, 4, 4), to lag 200 at most; ``correlation_sum`` (4,), of each feature's
        autocorrelations over all lags of both signs; ``innovation`` (4, 4), B; and, from theory, ``lags`` (p, 4, 4) of
        the VAR of the measured features.
    """
    errors = {"lags": var_errors(dynamics.own, dynamics.gamma, fitter.total)}
    each = []
    for n, held in enumerate(fitter.without_groups(dynamics, GROUPS, compact)):
        each.append(predictions(held, min(REACH, fitter.lags)))
        progress((n + 1) / GROUPS)
    if len(each) < 2:
        return errors
    for name in each[0]:
        values = np.array([one[name] for one in each])
        errors[name] = np.sqrt((len(each) - 1) * np.mean((values - values.mean(0)) ** 2, axis=0))
    return errors


def describe_errors(errors: dict[str, Float64Array], history: History, weights: Float64Array | None) -> str:
    """Describe the errors in a sentence; empty where there are none.

    Parameters
    ----------
    errors : dict of str to array
        Standard errors by the names of `FeatureFit.standard_errors`.
    history : VAR or StateSpace
    weights : array of shape (K,) or None
        Weights of the components of a population.

    Returns
    -------
    str
    """
    parts = []
    if "autocorrelation" in errors:
        rms = np.sqrt(np.mean(errors["autocorrelation"][1:] ** 2))
        sums = predictions(history, 1)["correlation_sum"]
        each = ", ".join(f"{s:.3g} +- {e:.2g}" for s, e in zip(sums, errors["correlation_sum"], strict=True))
        parts.append(f"autocorrelations +- {rms:.2g} (rms, to lag {len(errors['autocorrelation']) - 1}), sums {each}")
    if weights is not None and "population_weights" in errors:
        each = ", ".join(f"{w:.3g} +- {e:.2g}" for w, e in zip(weights, errors["population_weights"], strict=True))
        parts.append(f"weights of components {each}")
    return "; ".join(parts)


def predictions(history: History, lags: int) -> dict[str, Float64Array]:
    """Return figures of a history that do not depend on the choice of its states.

    Parameters
    ----------
    history : VAR or StateSpace
    lags : int
        Longest lag of the autocorrelations.

    Returns
    -------
    dict of str to array
        ``autocorrelation`` (lags + 1, 4, 4), ``correlation_sum`` (4,) and ``innovation`` (4, 4).
    """
    gamma = history.autocovariance(lags)
    F, G, H = history.realisation()
    P, B = history.stationary_covariance(), history.innovation
    later = H @ np.linalg.solve(np.eye(len(F)) - F, F @ P @ H.T + G @ B.T)  # sum of Gamma[k], k = 1, 2, ...
    variance = np.diagonal(gamma[0])
    return {
        "autocorrelation": gamma / np.sqrt(np.outer(variance, variance)),
        "correlation_sum": 1 + 2 * np.diagonal(later) / variance,
        "innovation": B,
    }
