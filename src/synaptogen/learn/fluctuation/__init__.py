"""How cells fluctuate and relax after a write: statistics of repeated reads, and the parameters that match them."""

from .cell_statistics import DENSE, figures_of, robust_sd, rows_of, spectrum, steps_of
from .comparison import cells_of, simulated_figures
from .fitting import FluctuationFit, fit_fluctuation, tables_of
from .grouping import Groups, groups_of
from .groups import ReadGroup

__all__ = [
    "DENSE",
    "FluctuationFit",
    "Groups",
    "ReadGroup",
    "cells_of",
    "figures_of",
    "fit_fluctuation",
    "groups_of",
    "robust_sd",
    "rows_of",
    "simulated_figures",
    "spectrum",
    "steps_of",
    "tables_of",
]
