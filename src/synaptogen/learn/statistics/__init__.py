"""Statistics of features: distributions, memory of earlier cycles, and how devices differ."""

from . import var_fit
from .autocovariances import LagSums, lag_sums, unit_variance
from .drift import Drift, drift_of, remove_trend
from .feature_fit import FeatureFit, fit_features
from .feature_tables import FeatureTable, feature_table
from .gaussian_mixture import bulk_of
from .marginals import standardised
from .population_fit import FEWEST, device_vectors
from .quantile_transform import normal_scores

__all__ = [
    "FEWEST",
    "Drift",
    "FeatureFit",
    "FeatureTable",
    "LagSums",
    "bulk_of",
    "device_vectors",
    "drift_of",
    "feature_table",
    "fit_features",
    "lag_sums",
    "normal_scores",
    "remove_trend",
    "standardised",
    "unit_variance",
    "var_fit",
]
