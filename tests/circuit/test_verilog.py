"""Cells as Verilog-A: what is in a file, and that what is traced is what the model computes."""

import inspect
import re

import numpy as np
import pytest
from analog import run_functions

import synaptogen as sg
from synaptogen.circuit import cell_model, instance_values
from synaptogen.circuit.verilog import KINDS, formulas
from synaptogen.circuit.verilog.symbols import VERILOG, name, statements, symbol, text, traced
from synaptogen.model import iv, noise, ops, random
from synaptogen.tracing import OPERATIONS

OF_BITS = {ops.any_, ops.bits, ops.from_bits, ops.signed_word, ops.shift_right_signed}


@pytest.fixture(scope="module")
def params():
    return sg.DeviceParams.preset("hennen2024")


def test_every_operation_of_formulas_has_a_symbolic_form():
    named = {f for _, f in inspect.getmembers(ops, inspect.isfunction) if f.__module__ == ops.__name__}
    assert named - OF_BITS == set(OPERATIONS)


@pytest.mark.parametrize("stretch", [None, [0.3, 0.05, 0.1]])
def test_functions_of_a_file_compute_what_the_model_does(params, stretch):
    """To rounding: the expressions are the same, term by term."""
    params = params.replace(stretch=stretch)
    f, p = run_functions(cell_model(params, "tape").source), params.constants()
    rng = np.random.default_rng(1)
    for r, u in zip(rng.uniform(0, p.r_max, 50), rng.uniform(-2.5, 2.5, 50), strict=True):
        assert f["conductance"](r, u) == pytest.approx(iv.conductance(r, u, p), rel=1e-13)
        assert f["cell_current"](r, u) == pytest.approx(iv.current(r, u, p), rel=1e-13)
        assert f["noise_density"](u, 300.0) == pytest.approx(noise.noise_density(u), rel=1e-13)
        assert f["noise_density"](u, 350.0) == pytest.approx(noise.noise_density_at(u, 350.0), rel=1e-13)
    for ohm in 10 ** rng.uniform(3, 7, 20):
        assert f["mixing"](ohm) == pytest.approx(iv.passive(iv.mixing_from_conductance(1 / ohm, p), p), rel=1e-13)
    for u_from, share, r_to in rng.uniform((0.4, 0, 0.6), (1.2, 1, 0.85), (50, 3)):
        u = u_from + share * (p.u_max - u_from)
        expected = iv.partial_reset(iv.transition(0.15, u_from, r_to, p), u, p)
        assert f["partial_reset"](0.15, u_from, r_to, u) == pytest.approx(float(expected), rel=1e-11)


def test_brackets_keep_the_meaning():
    a, b, c = map(name, "abc")
    assert text(a - (b - c)) == "a - (b - c)"
    assert text((a - b) - c) == "a - b - c"
    assert text(a / (b * c)) == "a/(b*c)"
    assert text(-(a + b) * c) == "-(a + b)*c"
    assert text(a + symbol(-2.0)) == "a - 2.0"
    assert text(ops_where(a)) == "(a > 0.0 ? a : 0.0)"


def ops_where(a):
    return OPERATIONS[ops.where](a > 0.0, a, 0.0)


def test_what_is_used_twice_is_computed_once():
    a, b = map(name, "ab")
    s = a + b
    lines, kinds = statements({"y": s * s}, names=("sum",))
    assert lines == ["sum = a + b;", "y = sum*sum;"]
    assert kinds == {"sum": "real"}


def test_formulas_cannot_branch_on_symbols():
    with pytest.raises(TypeError, match="where"):
        bool(name("a") > 0.0)


def test_functions_without_a_form_are_named():
    with pytest.raises(TypeError, match="any_"):
        traced_any()


def traced_any():
    from synaptogen.tracing.operations import exchanged

    return exchanged(ops.any_, VERILOG)


def test_random_numbers_trace_as_unsigned_integers():
    """Ten rounds of integer arithmetic; that they compute the same is for simulators to show (test_autonomous)."""
    drawn = traced(random.random_words)(name("lo", "uint32"), name("hi", "uint32"), 1, name("n", "uint32"), 0, 5, 6)
    assert all(w.kind == "uint32" for w in drawn)


def test_numbers_of_32_bits_have_no_sign_though_integers_have():
    w, x = name("w", "uint32"), name("x")
    assert text(w >= 0x80000001) == "unsigned_real(w) >= 2147483649.0"
    assert text((w & 0x40000000) != 0) == "(w & 1073741824) != 0"
    assert text(OPERATIONS[ops.real](w) * 0.5) == "unsigned_real(w)*0.5"
    assert text(OPERATIONS[ops.signed_real](w & 3) * 0.5) == "1.0*(w & 3)*0.5"
    assert text(OPERATIONS[ops.flip_sign](x + 1.0, w)) == "(w < 0 ? -(x + 1.0) : x + 1.0)"
    assert text(w | name("stream", "uint32") << 24) == "w | stream << 24"
    assert text(w + 0x9E3779B9) == "w - 1640531527"


# ---- models


@pytest.mark.parametrize("kind", KINDS)
def test_instance_parameters_are_those_of_the_text(params, kind):
    model = cell_model(params, kind, cycles=3)
    found = re.findall(r"(?<!local)\bparameter real (\w+)", model.source)
    assert tuple(found) == (*model.instance, *(name for name, _ in model.settings))
    assert f"module {model.module}({', '.join(model.ports)})" in model.source
    for output in model.outputs:
        assert re.search(rf"^ *(\(\*.*\*\) )?real {output};", model.source, re.MULTILINE)
    for setting, default in model.settings:
        assert float(re.search(rf"parameter real {setting} = (\S+)", model.source)[1]) == default
    assert re.findall(r"@(?!\((?:initial_step|cross)\b)", model.source) == []  # nothing left to fill in


def test_another_population_is_another_module(params):
    """So a netlist cannot run with the model of other parameters, or of other cycles."""
    other = params.replace(eta=3.0)
    names = {cell_model(q, "tape", cycles=k).module for q in (params, other) for k in (4, 8)}
    assert len(names) == 4
    assert cell_model(params, "tape", cycles=4) == cell_model(params, "tape", cycles=4)


def test_values_are_those_of_the_cells(params):
    cells = sg.CellArray((3, 4), params, rng=5)
    cells.apply_voltage(-2.0, where=np.arange(12).reshape(3, 4) % 3 > 0)
    cells.apply_voltage(1.1, where=np.arange(12).reshape(3, 4) % 3 > 1)
    model = cell_model(params, "tape", cycles=3)
    before = cells.r
    values = instance_values(cells, model)
    assert np.array_equal(before, cells.r)
    assert tuple(values) == model.instance
    assert all(v.shape == (12,) and v.dtype == np.float64 and np.isfinite(v).all() for v in values.values())
    assert set(values["mode_start"]) == {0, 1, 2}
    assert np.array_equal(values["mode_start"], cells.mode.ravel())
    assert np.array_equal(values["u_ratchet_start"], np.where(cells.mode.ravel() == sg.Mode.IRS, np.float32(1.1), 0))
    assert np.array_equal(values["u_set0"], cells.features.u_set.ravel())
    assert np.array_equal(values["r_lrs2"], cells.upcoming(3).r_lrs[1].ravel())
    assert instance_values(cells[1:2], model)["r_hrs3"] == pytest.approx(values["r_hrs3"][4:8], rel=0)
    assert np.array_equal(instance_values(cells, cell_model(params, "read"))["r"], cells.r.ravel())
    assert set(instance_values(cells, cell_model(params, "pulse"))) == set(cell_model(params, "pulse").instance)


def test_bad_arguments_are_named(params):
    with pytest.raises(ValueError, match=r"kind='tap' is not known.*did you mean 'tape'"):
        cell_model(params, "tap")
    with pytest.raises(ValueError, match="cycles=0"):
        cell_model(params, "tape", cycles=0)
    with pytest.raises(ValueError, match="one parameter set"):
        instance_values(sg.CellArray(2, params.replace(eta=3.0), rng=1), cell_model(params, "tape"))


def test_constants_keep_their_names(params):
    assert "r_max" in formulas.switching(params)
    assert f"u_max = {params.u_max!r}" in formulas.declarations(params)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_name_cannot_leave_its_comment(params, kind):
    """Whatever a name holds, the file has the lines that it has with a plain name."""
    ends = "".join(map(chr, [*range(32), 0x7F, 0x85, 0x2028, 0x2029, 0x202E]))
    plain = cell_model(params.replace(name="x"), kind).source
    named = cell_model(params.replace(name=f"x{ends}module other(a); endmodule //"), kind).source
    assert len(named.splitlines()) == len(plain.splitlines())
    assert [line.startswith("//") for line in named.splitlines()] == [
        line.startswith("//") for line in plain.splitlines()
    ]
