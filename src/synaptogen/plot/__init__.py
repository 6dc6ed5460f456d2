"""Figures as a laboratory draws them: I-V loops, switching features, conductance maps, crossbar products.

Each function returns a `matplotlib.figure.Figure` that belongs to nobody else: nothing is registered with pyplot, so
that figures can be made on servers and need not be closed. Needs the extra ``synaptogen[plot]``.
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
