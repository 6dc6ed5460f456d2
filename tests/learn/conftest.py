"""Loops as a laboratory would measure them, from cells whose features are known."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import synaptogen as sg

learn = pytest.importorskip("synaptogen.learn")


sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))  # for `definition_figures`


def ramp(shape, points, up=1.5, down=1.5):
    def line(a, b, n):
        return np.linspace(a, b, n, endpoint=False)

    k = points // 4
    return {
        "negative first": np.concatenate([line(0, -down, k), line(-down, up, 2 * k), line(up, 0, k)]),
        "positive first": np.concatenate([line(0, up, k), line(up, -down, 2 * k), line(-down, 0, k)]),
        "from the bottom": np.concatenate([line(-down, up, 2 * k), line(up, -down, 2 * k)]),
        "from the top": np.concatenate([line(up, -down, 2 * k), line(-down, up, 2 * k)]),
        "sine": -up * np.sin(2 * np.pi * np.arange(points) / points),
    }[shape]


def simulate(
    devices=8,
    cycles=30,
    *,
    shape="negative first",
    points=300,
    up=1.5,
    down=1.5,
    limit=150e-6,
    noise=1e-6,
    offset=1e-6,
    seed=1,
    params="hennen2024",
):
    """Voltages and currents (devices, cycles, points), and the true features (devices, cycles) of the same cycles."""
    cells, wave = sg.CellArray(devices, params, rng=seed), ramp(shape, points, up, down)
    first, later = cells.features, cells.upcoming(cycles)
    i = cells.sweep(np.tile(wave, cycles)).reshape(cycles, len(wave), devices).transpose(2, 0, 1).astype(float)
    i = np.maximum(i, -limit) + offset + noise * np.random.default_rng(seed).standard_normal(i.shape)
    true = {
        name: np.concatenate([getattr(first, name)[None], getattr(later, name)])[:cycles].T.astype(float)
        for name in first._fields
    }
    return SimpleNamespace(voltage=np.array(np.broadcast_to(wave, i.shape)), current=i, true=true, step=6 / points)


@pytest.fixture(scope="session", name="simulate")
def simulate_():
    return simulate


@pytest.fixture(scope="session")
def laboratory():
    """64 devices of 200 cycles, with noise, offset and compliance: simulated, extracted."""
    from synaptogen.learn.extraction.extraction import extract

    found = simulate(64, 200)
    found.loops = learn.loops(found.voltage, found.current)
    found.extraction = extract(found.loops)
    return found


@pytest.fixture(scope="session")
def measured_loops():
    """100 loops of one real device."""
    folder = Path(os.environ.get("SYNAPTOGEN_SHARED", Path(__file__).parents[3] / "shared"))
    path = folder / "data" / "ivloops_1device_100cycles.npz"
    if not path.exists():
        pytest.skip(f"needs the measurement {path}: set SYNAPTOGEN_SHARED to the folder above data/")
    return learn.read(path)
