"""Parameter sets of learned device populations, with presets and files."""

from .device_params import FEATURE_NAMES, FEATURE_UNITS, DeviceParams, as_device_params, presets
from .history import FEATURES, VAR, History, StateSpace, autocorrelation_error, balanced_truncation, yule_walker
from .population import Population
from .ranges import increasing_range

__all__ = [
    "FEATURES",
    "FEATURE_NAMES",
    "FEATURE_UNITS",
    "VAR",
    "DeviceParams",
    "History",
    "Population",
    "StateSpace",
    "as_device_params",
    "autocorrelation_error",
    "balanced_truncation",
    "increasing_range",
    "presets",
    "yule_walker",
]
