"""From measurements to device populations: loops or features in, `DeviceParams` out.

Needs the extra ``synaptogen[learn]``.
"""

from synaptogen.extras import require

for _library in ("xarray", "pandas", "sklearn"):
    require(_library, "learn")

from .drift import Drift, remove_trend  # noqa: E402
from .extraction import Extraction, extract  # noqa: E402 - after the check that names what is missing
from .feature_fit import FeatureFit, fit_features  # noqa: E402
from .fitting import FitResult, fit  # noqa: E402
from .flags import Flag  # noqa: E402
from .markers import markers  # noqa: E402
from .measurement import features, loops, read  # noqa: E402
from .page.html import report  # noqa: E402
from .sample_data import sample_loops  # noqa: E402
from .validation import Property, Validation, hold_out, validate  # noqa: E402
from .writing import check_ending, write  # noqa: E402

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
