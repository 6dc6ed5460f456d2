"""From measurements to device populations: loops or features in, `DeviceParams` out.

Needs the extra ``synaptogen[learn]``.
"""

from synaptogen.extras import require

for _library in ("xarray", "pandas", "sklearn"):
    require(_library, "learn")

from .extraction import Extraction, Flag, extract  # noqa: E402 - after the check that names what is missing
from .feature_fit import FeatureFit, fit_features  # noqa: E402
from .fitting import FitResult, fit  # noqa: E402
from .measurement import features, loops, read  # noqa: E402

__all__ = [
    "Extraction",
    "FeatureFit",
    "FitResult",
    "Flag",
    "extract",
    "features",
    "fit",
    "fit_features",
    "loops",
    "read",
]
