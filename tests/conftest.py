"""What all tests share: settings of Hypothesis, and how the state of an array is taken and compared."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# compiled kernels are kept out of the source tree; before Numba is imported, and for the processes that tests start
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "numba"))

from synaptogen.engines.cpu import engine

# Compiled kernels make times per example uneven, so no deadline. Examples are the same on every run; to look further:
# pytest --hypothesis-profile=explore
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("fixed")

WARNINGS = os.environ.get("SYNAPTOGEN_TEST_WARNINGS", "error")
"""What becomes of warnings in processes that tests start; old releases of libraries warn of newer ones (.ci/lowest)."""


KNOWN_WARNING = "ignore:The 'generic' unit for NumPy timedelta:DeprecationWarning"
"""What numba-cuda does with NumPy 2.5 when it is imported; pyproject.toml says the same for the tests themselves."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each file to one process: its fixtures are made once, and its kernels compiled once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def small_pieces():
    """Threads share the small arrays of tests too, in pieces that end within whatever kernels do together."""
    patch = pytest.MonkeyPatch()
    share = engine.share
    patch.setattr(engine, "share", lambda *work, smallest: share(*work, min(smallest, 5)))
    yield
    patch.undo()


def _state(cells):
    """All that an array is, by copy: what its engine would write to disk, and how often cells were read."""
    size = cells.state.engine.cells.size
    reads, products = cells.state.counters.reads, cells.state.counters.products
    counts = np.full(size, reads.times) if reads.each is None else np.array(reads.each[:size])
    return {**cells.state.engine.dump(0, size), "reads": counts, "products": np.array(products)}


def _same_state(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].dtype == b[name].dtype, name
        assert np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f"), name


@pytest.fixture(scope="session")
def state():
    """A function that copies the whole state of an array."""
    return _state


@pytest.fixture(scope="session")
def same_state():
    """A function that asserts that two copied states are equal, bit for bit."""
    return _same_state


@pytest.fixture(scope="session")
def same_cells():
    """A function that asserts that two arrays show the same cells, bit for bit, by all that users can see."""

    def compare(a, b):
        assert a.shape == b.shape
        for name in ("r", "mode", "cycle", "device"):
            assert np.array_equal(getattr(a, name), getattr(b, name)), name
        for name in a.features._fields:
            assert np.array_equal(getattr(a.features, name), getattr(b.features, name)), name
        assert a.limited() == b.limited()

    return compare


@pytest.fixture(scope="session")
def run_python(tmp_path_factory):
    """A function that runs a program in a fresh Python, elsewhere, with warnings as errors; returns what it printed."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(program, **environment):
        done = subprocess.run(
            [sys.executable, "-W", WARNINGS, "-W", KNOWN_WARNING, "-c", program],
            cwd=elsewhere,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def unlikely():
    """A function that asserts that none of many z-scores is out of bounds.

    The bound is 6 standard deviations, exceeded by chance 2e-9 times a score: the some 20,000 scores of all tests keep
    the rate of false alarms below 1e-4 (seeds are fixed, so a test that passes keeps passing on the same code).
    """

    def check(scores):
        scores = np.asarray(scores, float)
        assert np.isfinite(scores).all()
        assert np.abs(scores).max() < 6, f"worst z-score {np.abs(scores).max():.1f} of {scores.size}"

    return check
