"""Random programs of public calls, some of the many that ``benchmarks/random_programs.py`` runs."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def programs():
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(BENCHMARKS)
    spec = importlib.util.spec_from_file_location("random_programs", BENCHMARKS / "random_programs.py")
    module = importlib.util.module_from_spec(spec)
    patch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    yield module
    patch.undo()


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_the_same_cells_in_every_way(first, programs):
    for seed in range(first, first + 20):
        programs.run(seed)


def test_a_difference_is_told(programs, monkeypatch):
    """Voltages of the twin that are off by a hundredth show in some program."""
    step = programs.World.step
    monkeypatch.setattr(programs.World, "step", lambda world, at, u: step(world, at, 1.01 * u))
    told = 0
    for seed in range(20):
        try:
            programs.run(seed)
        except programs.DifferenceError:
            told += 1
    assert told > 3
