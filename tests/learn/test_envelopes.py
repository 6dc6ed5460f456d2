import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

import synaptogen as sg
from synaptogen.learn import _curves
from synaptogen.learn.envelopes import fit_envelopes
from synaptogen.learn.extraction import extract
from synaptogen.learn.measurement import loops
from synaptogen.model import iv

PRESET = sg.DeviceParams.preset("hennen2024")


@pytest.fixture(scope="module")
def fitted(laboratory):
    return fit_envelopes(laboratory.loops, laboratory.extraction)


def true_current(resistance, u):
    p = PRESET.constants()
    return iv.current(iv.passive(iv.mixing_from_conductance(1 / resistance, p), p), u, p)


@pytest.mark.parametrize(("state", "feature"), [("lrs", "r_lrs"), ("hrs", "r_hrs")])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_currents_within_two_percent(fitted, laboratory, state, feature, share):
    resistance = np.quantile(laboratory.true[feature], share)
    u = np.linspace(*fitted.measured[state], 201)
    true = true_current(resistance, u)
    assert np.abs(fitted.current(resistance, u) - true).max() < 0.02 * np.abs(true).max()


def test_exponent_within_five_percent(fitted):
    assert fitted.eta == pytest.approx(PRESET.eta, rel=0.05)
    assert fitted.u_max == pytest.approx(PRESET.u_max, abs=0.02)
    assert 0 < fitted.eta_error < 0.05


def test_passive_and_increasing(fitted):
    u = np.linspace(-fitted.u_range, fitted.u_range, 2001)
    for envelope in (fitted.llrs, fitted.hhrs):
        assert envelope[-1] == 0
        assert np.all(np.polyval(np.polyder(envelope), u) > 0)
    assert np.all(np.polyval(np.polysub(fitted.llrs, fitted.hhrs)[:-1], u) > 0)


def test_states_within_a_margin(fitted, laboratory):
    g = np.array([np.polyval(p, fitted.u_read) / fitted.u_read for p in (fitted.llrs, fitted.hhrs)])
    r_lrs, r_hrs = ((g[0] - 1 / laboratory.true[k]) / (g[0] - g[1]) for k in ("r_lrs", "r_hrs"))
    assert np.quantile(r_lrs, 0.02) > 0
    assert np.quantile(r_hrs, 0.98) < 1


def test_parameters_accept_them(fitted):
    names = ("llrs", "hhrs", "u_max", "u_range", "u_read", "eta")
    params = PRESET.replace(**{name: getattr(fitted, name) for name in names})
    cells = sg.CellArray(8, params, rng=1)
    assert np.isfinite(cells.run_cycles(3).r_lrs).all()
    assert sg.DeviceParams.from_json(params.to_json()) == params


def test_table_beside_the_law(fitted):
    u, share = fitted.transition
    assert u.tolist() == np.linspace(0, 1, 9).tolist()
    assert np.all(np.diff(share) >= 0)
    assert share[0] >= 0
    assert share[-1] <= 1
    assert fitted.rms_table < 4e-6
    assert fitted.rms_power < 4e-6


def test_a_real_device(measured_loops):
    found = fit_envelopes(measured_loops, extract(measured_loops))
    assert found.residuals["lrs_rms"] <= 0.017
    assert found.residuals["hrs"] <= 0.065
    assert found.rms_power <= 45e-6
    assert found.rms_table <= 38e-6


def test_one_cycle_has_no_held_out(simulate):
    made = simulate(1, 1)
    data = loops(made.voltage, made.current)
    found = fit_envelopes(data, extract(data))
    assert all(np.isnan(value) for value in found.residuals.values())
    assert found.eta == pytest.approx(PRESET.eta, rel=0.3)


def test_bad_input_is_an_error(simulate):
    made = simulate(2, 3)
    data = loops(made.voltage, made.current)
    with pytest.raises(ValueError, match="degrees"):
        fit_envelopes(data, extract(data), degrees=(0, 5))
    made = simulate(1, 1, shape="positive first")
    data = loops(made.voltage, made.current)
    with pytest.raises(ValueError, match="complete cycle"):
        fit_envelopes(data, extract(data))


@given(st.integers(0, 10_000))
def test_quadratic_program_against_a_general_one(seed):
    source = np.random.default_rng(seed)
    rows = source.standard_normal((12, 4))
    hessian, gradient = rows.T @ rows, source.standard_normal(4)
    g, inside = source.standard_normal((6, 4)), source.standard_normal(4)
    h = g @ inside - source.uniform(0, 1, 6)  # feasible
    found = _curves._quadratic_program(hessian, gradient, g, h)
    assert np.all(g @ found >= h - 1e-6)

    def cost(x):
        return x @ hessian @ x / 2 - gradient @ x

    constraint = {"type": "ineq", "fun": lambda x: g @ x - h}
    other = minimize(cost, inside, constraints=constraint, method="SLSQP", options={"ftol": 1e-12, "maxiter": 500})
    assert cost(found) <= other.fun + 1e-5 * (1 + abs(other.fun))
