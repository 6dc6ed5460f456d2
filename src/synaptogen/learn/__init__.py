"""From measurements to device populations: loops or features in, `DeviceParams` out.

Needs the extra ``synaptogen[learn]``.
"""

from synaptogen._utils import missing

try:
    from .extraction import (
        Extraction,
        Flag,
        extract,
    )
    from .fitting import FitResult, fit
    from .io import (
        check_ending,
        features,
        loops,
        read,
        sample_loops,
        write,
    )
    from .report import (
        markers,
        report,
    )
    from .statistics import Drift, FeatureFit, fit_features, remove_trend
    from .validation import Property, Validation, hold_out, validate
except ModuleNotFoundError as error:
    raise missing(error, "learn") from error

__all__ = [
    "Drift",
    "Extraction",
    "FeatureFit",
    "FitResult",
    "Flag",
    "Property",
    "Validation",
    "check_ending",
    "extract",
    "features",
    "fit",
    "fit_features",
    "hold_out",
    "loops",
    "markers",
    "read",
    "remove_trend",
    "report",
    "sample_loops",
    "validate",
    "write",
]
