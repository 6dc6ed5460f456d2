"""Parameter sets of learned device populations, with presets and files."""

from .ageing import Trend, Wear
from .designs import Changes
from .device_params import FEATURE_UNITS, DeviceParams, as_device_params, presets
from .feature_scale import PLAIN_SCALES, FeatureScale
from .fluctuation import FluctuationParams, as_fluctuation, fluctuation_presets
from .history import FEATURES, VAR, History, StateSpace, autocorrelation_error, balanced_truncation, yule_walker
from .own_law import OWN_TRAITS, OwnShapes, RestlessInnovation
from .part_checks import FEATURE_NAMES
from .population import Population
from .pulse_width import PulseWidthParams
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
    "PulseWidthParams",
    "RestlessInnovation",
    "StateSpace",
    "Trend",
    "Wear",
    "as_device_params",
    "as_fluctuation",
    "autocorrelation_error",
    "balanced_truncation",
    "conducting_range",
    "fluctuation_presets",
    "increasing_range",
    "passive_limit",
    "presets",
    "yule_walker",
]
