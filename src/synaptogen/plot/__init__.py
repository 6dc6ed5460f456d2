"""Figures of cells and crossbars: I-V loops, switching features, conductance maps, crossbar products.

Each function returns a `matplotlib.figure.Figure` that pyplot does not know of, so that figures can be made on servers
and need not be closed. Needs the extra ``plot``.
"""

from .cells import QUANTITIES, conductance_map, feature_distributions, feature_traces, iv_grid, product_scatter

__all__ = [
    "QUANTITIES",
    "conductance_map",
    "feature_distributions",
    "feature_traces",
    "iv_grid",
    "product_scatter",
]
