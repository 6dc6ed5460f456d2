"""Signs of thresholds in tables of features: the model has U_SET < 0 < U_RESET, a laboratory may have either."""

import numpy as np
import xarray as xr

SIGNS = {"u_set": -1.0, "u_reset": 1.0}


def in_model_sign(features: xr.Dataset) -> xr.Dataset:
    """Return features with U_SET negative and U_RESET positive.

    Each device is turned by the sign of its medians. Where a table gives magnitudes, with both thresholds positive,
    U_SET is made negative.

    Parameters
    ----------
    features : xarray.Dataset
        Variables (device, cycle) in either sign.

    Returns
    -------
    xarray.Dataset
        A copy where signs change; its attribute ``polarity`` is 1 then.
    """
    out = features
    for name, sign in SIGNS.items():
        if name not in features:
            continue
        values = features[name]
        axis = values.dims.index("cycle") if "cycle" in values.dims else None
        count = np.isfinite(values.to_numpy()).sum(axis=axis, keepdims=True)
        filled = np.where(count > 0, values.to_numpy(), sign)
        turn = np.nanmedian(filled, axis=axis, keepdims=True) * sign < 0
        if np.any(turn):
            out = out.assign({name: values.copy(data=np.where(turn, -values.to_numpy(), values.to_numpy()))})
    return out if out is features else out.assign_attrs(polarity=1)
