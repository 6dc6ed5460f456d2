"""Device populations from measurements: I-V loops or features in, `DeviceParams` out.

- `read`, `loops` and `features` make a measurement, an `xarray.Dataset`; `write` saves it; `sample_loops` simulates
  one.
- `extract` finds the four features of each cycle in loops; `markers` draws them.
- `fit` learns a device population from loops or features; `fit_features` does so without currents; `remove_trend` takes
  drift away before.
- `read_retention` and `reads` make a measurement of repeated reads, retention or bakes; `fit_fluctuation` learns from
  it what cells do after a write.
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
    from .fluctuation import FluctuationFit, fit_fluctuation
    from .io import (
        check_ending,
        features,
        loops,
        read,
        read_retention,
        reads,
        sample_loops,
        write,
    )
    from .overview import QUANTILE_LEVELS, FeatureOverview
    from .report import (
        markers,
        report,
    )
    from .statistics import Drift, FeatureFit, WearFit, fit_features, remove_trend
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
    "FluctuationFit",
    "Property",
    "Validation",
    "WearFit",
    "check_ending",
    "extract",
    "features",
    "fit",
    "fit_features",
    "fit_fluctuation",
    "hold_out",
    "loops",
    "markers",
    "read",
    "read_retention",
    "reads",
    "remove_trend",
    "report",
    "sample_loops",
    "validate",
    "write",
]
