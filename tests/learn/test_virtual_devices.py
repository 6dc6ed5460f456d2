"""A first fit does not wait for kernels to be compiled, and a long simulation has them."""

import pytest

pytest.importorskip("xarray")
pytest.importorskip("sklearn")

import synaptogen as sg
from synaptogen import learn
from synaptogen.engines.cpu import engine
from synaptogen.learn.virtual_devices import virtual_devices

PRESET = sg.DeviceParams.preset("hennen2024")


@pytest.mark.parametrize(("devices", "cycles"), [(4000, 10), (300, 100), (1, 1000)])
def test_few_cycles_need_no_kernels(devices, cycles):
    assert virtual_devices(PRESET, devices, cycles, 0).engine == "reference"


@pytest.mark.parametrize(("devices", "cycles"), [(1, 2000), (1000, 1001), (20_000, 100)])
def test_many_cycles_are_run_by_kernels(devices, cycles):
    assert virtual_devices(PRESET, devices, cycles, 0).engine == "cpu"


def test_seeds_name_cells():
    a, b, other = (virtual_devices(PRESET, 50, 5, seed).run_cycles(5).r_lrs for seed in (1, 1, 2))
    assert (a == b).all()
    assert (a != other).all()


def test_a_fit_of_a_table_compiles_nothing(monkeypatch):
    cycles = sg.CellArray(30, rng=3, engine="reference").run_cycles(60)
    table = learn.features(**{name: values.T for name, values in cycles._asdict().items()})

    def compiled():
        raise AssertionError("a kernel was asked for")

    monkeypatch.setattr(engine, "kernels", compiled)
    with pytest.raises(AssertionError):  # a fit on the compiled engine would be seen
        sg.CellArray(10, rng=1)
    assert learn.fit(table).overview
