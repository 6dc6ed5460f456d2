"""From measurements to device populations: loops or features in, `DeviceParams` out, with proof."""

from synaptogen.extras import require

for _library in ("xarray", "pandas", "sklearn"):
    require(_library, "learn")
