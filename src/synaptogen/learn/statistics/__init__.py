"""Statistics of features: distributions, memory of earlier cycles, and how devices differ."""

from .autocovariances import LagSums, lag_sums, unit_variance
from .bias_correction import FEW_CYCLES, Kind
from .drift import Drift, measure_drift, remove_trend
from .feature_fit import FeatureFit, Laws, PopulationSource, fit_features
from .feature_tables import LONG_RECORD, FeatureTable, feature_table
from .few_devices import copies_of_devices
from .gaussian_mixture import Bulk, find_bulk
from .marginals import standardised
from .population_fit import FEWEST, device_vectors
from .quantile_transform import normal_scores
from .scale_choice import on_scales, values_of
from .trend_fit import fit_trend
from .var_fit import Criterion, unmeasured_as_white, whiteness_test
from .wear_fit import WearFit, expected_failures, fit_wear, lives_of

__all__ = [
    "FEWEST",
    "FEW_CYCLES",
    "LONG_RECORD",
    "Bulk",
    "Criterion",
    "Drift",
    "FeatureFit",
    "FeatureTable",
    "Kind",
    "LagSums",
    "Laws",
    "PopulationSource",
    "WearFit",
    "copies_of_devices",
    "device_vectors",
    "expected_failures",
    "feature_table",
    "find_bulk",
    "fit_features",
    "fit_trend",
    "fit_wear",
    "lag_sums",
    "lives_of",
    "measure_drift",
    "normal_scores",
    "on_scales",
    "remove_trend",
    "standardised",
    "unit_variance",
    "unmeasured_as_white",
    "values_of",
    "whiteness_test",
]
