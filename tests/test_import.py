"""`import synaptogen` needs NumPy, SciPy and Numba alone, and works from anywhere."""

import synaptogen
from synaptogen._utils import install_command

OPTIONAL = {
    "matplotlib",
    "zarr",
    "typer",
    "rich",
    "click",
    "torch",
    "pandas",
    "sklearn",
    "jax",
    "h5py",
    "hypothesis",
    "dask",
}


def test_import_brings_no_optional_library(run_python):
    program = f"""
import sys
import synaptogen
print(sorted({{name.split(".")[0] for name in sys.modules}} & {OPTIONAL}))
print(synaptogen.__version__, len(synaptogen.presets()))
"""
    loaded, told = run_python(program).splitlines()
    assert loaded == "[]"
    assert told == f"{synaptogen.__version__} {len(synaptogen.presets())}"


def test_work_without_optional_libraries(run_python):
    """As on a machine where they are not installed: importing one of them is an error here."""
    program = f"""
import sys
for name in {OPTIONAL}:
    sys.modules[name] = None
import synaptogen as sg
cells = sg.CellArray((3, 4), rng=1, engine="reference")
cells.apply_voltages([-2.0, 2.0])
print((cells @ ([0.2] * 4)).shape, cells.read().shape)
try:
    cells.save("nowhere")
except ModuleNotFoundError as error:
    print(error)
"""
    shapes, message = run_python(program).splitlines()
    assert shapes == "(3,) (3, 4)"
    assert message == f"zarr is not installed; it comes with: {install_command('zarr')}"


def test_importing_takes_no_random_numbers_and_prints_nothing(run_python):
    program = """
import numpy as np
np.random.seed(3)
state = np.random.get_state()[1].copy()
import synaptogen
assert (state == np.random.get_state()[1]).all()
"""
    assert run_python(program) == ""


def test_public_names():
    for name in synaptogen.__all__:
        assert getattr(synaptogen, name) is not None
    assert len(synaptogen.__all__) == len(set(synaptogen.__all__))
    assert {"CellArray", "DeviceParams", "load", "presets", "ADC", "DAC"} <= set(synaptogen.__all__)
    assert "hennen2024" in synaptogen.presets()
