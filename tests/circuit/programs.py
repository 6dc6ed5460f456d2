"""The simulators that tests run, and cells for them."""

import os
import shutil

import numpy as np
import pytest

import synaptogen as sg

HAVE_NGSPICE = shutil.which(os.environ.get("SYNAPTOGEN_NGSPICE") or "ngspice") is not None

PROGRAMS = [
    pytest.param(
        "ngspice",
        marks=pytest.mark.skipif(not HAVE_NGSPICE, reason="needs ngspice 44 on PATH or in SYNAPTOGEN_NGSPICE"),
    ),
    "vacask",
]


def mixed(shape, seed=1, engine="cpu"):
    """Cells in all three modes, in different cycles."""
    rng = np.random.default_rng(seed)
    cells = sg.CellArray(shape, rng=seed, engine=engine)
    for u in (-2.0, 2.0, -2.0, 0.95, -2.0, 1.2):
        cells.apply_voltage(u, where=rng.random(shape) < 0.6)
    return cells
