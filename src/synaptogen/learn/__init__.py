"""Device populations from measurements: I-V loops or features in, `DeviceParams` out.

- `read`, `loops` and `features` make a measurement, an `xarray.Dataset`; `write` saves it; `sample_loops` simulates
  one.
- `extract` finds the four features of each cycle in loops; `markers` draws them.
- `fit` learns a device population from loops or features; `fit_features` does so without currents; `remove_trend` takes
  drift away before.
- `hold_out` keeps a part of the measurement, `validate` compares virtual devices with it, `report` writes the result as
  a page.

Needs the extra ``learn``.
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
    from .overview import QUANTILE_LEVELS, FeatureOverview
    from .report import (
        markers,
        report,
    )
    from .statistics import Drift, FeatureFit, fit_features, remove_trend
    from .validation import Property, Validation, hold_out, validate
except ModuleNotFoundError as error:
    raise missing(error, "learn") from error

__all__ = [
    "QUANTILE_LEVELS",
    "Drift",
    "Extraction",
    "FeatureFit",
    "FeatureOverview",
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
