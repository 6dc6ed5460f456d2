"""Parameter sets of learned device populations, with presets and files."""

from .device_params import FEATURE_NAMES, FEATURE_UNITS, Changes, DeviceParams, as_device_params, presets
from .feature_scale import PLAIN_SCALES, FeatureScale
from .fluctuation import FluctuationParams, fluctuation_presets
from .history import FEATURES, VAR, History, StateSpace, autocorrelation_error, balanced_truncation, yule_walker
from .own_law import OWN_TRAITS, OwnShapes, RestlessInnovation
from .population import Population
from .ranges import conducting_range, increasing_range, passive_limit

__all__ = [
    "FEATURES",
    "FEATURE_NAMES",
    "FEATURE_UNITS",
    "OWN_TRAITS",
    "PLAIN_SCALES",
    "VAR",
    "Changes",
    "DeviceParams",
    "FeatureScale",
    "FluctuationParams",
    "History",
    "OwnShapes",
    "Population",
    "RestlessInnovation",
    "StateSpace",
    "as_device_params",
    "autocorrelation_error",
    "balanced_truncation",
    "conducting_range",
    "fluctuation_presets",
    "increasing_range",
    "passive_limit",
    "presets",
    "yule_walker",
]
