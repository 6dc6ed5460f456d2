import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

import synaptogen as sg
from synaptogen.learn.curves.envelopes import fit_envelopes
from synaptogen.learn.extraction import envelope_fit
from synaptogen.learn.extraction.extraction import extract
from synaptogen.learn.fitting import with_curves
from synaptogen.learn.io.measurement import loops
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
    assert fitted.reset.eta == pytest.approx(PRESET.eta, rel=0.05)
    assert fitted.reset.u_max == pytest.approx(PRESET.u_max, abs=0.02)
    assert 0 < fitted.reset.eta_error < 0.05
    assert fitted.reset.stretch is None
    assert fitted.reset.rms_power < 4e-6


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
    params = with_curves(PRESET, fitted)
    cells = sg.CellArray(8, params, rng=1, engine="reference")
    assert np.isfinite(cells.run_cycles(3).r_lrs).all()
    assert sg.DeviceParams.from_json(params.to_json()) == params


def test_a_real_device(measured_loops):
    extraction = extract(measured_loops)
    found = fit_envelopes(measured_loops, extraction)
    assert found.residuals["lrs_rms"] <= 0.017
    assert found.residuals["hrs"] <= 0.065
    assert found.reset.rms_power <= 45e-6
    assert found.reset.rms_stretched <= 38e-6
    assert found.reset.stretch is not None
    assert fit_envelopes(measured_loops, extraction, reset="power").reset.stretch is None


def test_the_hrs_of_a_real_device_to_the_end_of_the_ramp(measured_loops):
    """Beyond where it is a mixture of two curves, these still describe it on average."""
    found = fit_envelopes(measured_loops, extraction := extract(measured_loops))
    u, i = measured_loops.voltage.values[0], measured_loops.current.values[0] - extraction.offset[0]
    r_hrs = extraction.features.r_hrs.values[0]
    off = []
    for n in range(len(u) - 1):
        top = int(np.nanargmax(u[n]))
        near = top + np.flatnonzero((u[n, top:] > 1.3) & (u[n, top:] < 1.45))
        off += list(i[n, near] - found.current(r_hrs[n + 1], u[n, near]))
    assert abs(np.median(off)) < 8e-6
    assert abs(np.mean(off)) < 12e-6  # of some 120 uA


def test_one_cycle_has_no_held_out(simulate):
    made = simulate(1, 1)
    data = loops(made.voltage, made.current)
    found = fit_envelopes(data, extract(data))
    assert all(np.isnan(value) for value in found.residuals.values())
    assert np.isnan(found.reset.rms_stretched)
    assert found.reset.eta == pytest.approx(PRESET.eta, rel=0.3)


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
    found = envelope_fit._quadratic_program(hessian, gradient, g, h)
    assert np.all(g @ found >= h - 1e-6)

    def cost(x):
        return x @ hessian @ x / 2 - gradient @ x

    constraint = {"type": "ineq", "fun": lambda x: g @ x - h}
    other = minimize(cost, inside, constraints=constraint, method="SLSQP", options={"ftol": 1e-12, "maxiter": 500})
    assert cost(found) <= other.fun + 1e-5 * (1 + abs(other.fun))


STRETCH = 0.4**3 * np.array([1.0, 0.8, 0.5])  # the sudden fall begins about 0.4 V below U_max


def test_a_stretched_transition_is_found(simulate):
    params = PRESET.replace(eta=3.0, stretch=STRETCH)
    made = simulate(16, 40, params=params, limit=np.inf)
    data = loops(made.voltage, made.current)
    fitted = fit_envelopes(data, extract(data))
    found = fitted.reset
    assert found.rms_stretched < 0.9 * found.rms_power
    assert found.u_max == pytest.approx(PRESET.u_max, abs=made.step + 1e-6)  # the ramp does not tell more
    mine = params.replace(u_max=found.u_max, eta=found.eta, stretch=found.stretch).constants()
    u, true = np.linspace(0.75, 1.4, 66), params.constants()
    share, expected = (iv.transition_profile(u, p) / iv.transition_profile(0.75, p) for p in (mine, true))
    assert np.abs(share - expected).max() < 0.02  # near U_max, where little current is left
    learned = with_curves(PRESET, fitted)
    assert np.array_equal(learned.stretch, found.stretch)
    assert sg.DeviceParams.from_json(learned.to_json()) == learned
    for history in (learned, learned.compact(4)):
        assert np.isfinite(sg.CellArray(8, history, rng=1).sweep([-1.5, 0.9, 1.2, 1.5])).all()


@pytest.mark.parametrize("ratio", [1e2, 1e3, 1e4, 1e6])
def test_curves_of_any_ratio_of_the_states(ratio):
    """Both states follow their own laws: the LRS is straight, the HRS bends."""
    rng, x = np.random.default_rng(0), np.linspace(0, 1.5, 50, endpoint=False)
    down, rise, fall = -x, np.concatenate([x - 1.5, x]), 1.5 - x
    u = np.concatenate([down, rise, fall])
    g_lrs, g_hrs = 5e-4 * np.exp(0.1 * rng.standard_normal(31)), 5e-4 / ratio * np.exp(0.2 * rng.standard_normal(32))
    i = []
    for c in range(31):
        u_set, u_reset = -0.9 + 0.1 * rng.random(), 0.7 + 0.1 * rng.random()
        before, after = g_hrs[c] * np.sinh(down), g_hrs[c + 1] * np.sinh(np.concatenate([rise, fall]))
        share = np.clip((1.5 - rise) / (1.5 - u_reset), 0, 1) ** 2
        end = g_hrs[c + 1] * np.sinh(1.5)
        lrs = np.where(rise < u_reset, g_lrs[c] * rise, end + (g_lrs[c] * u_reset - end) * share)
        i.append(np.concatenate([np.where(down > u_set, before, g_lrs[c] * down), lrs, after[100:]]))
    i = np.array(i) * (1 + 1e-4 * rng.standard_normal((31, 200)))
    data = loops(np.broadcast_to(u, i.shape), i)
    found = fit_envelopes(data, extract(data))
    v = np.linspace(-0.7, 0.65, 28)
    np.testing.assert_allclose(found.current(2e3, v), v / 2e3, rtol=0.01, atol=1e-12)
    r_hrs = 0.2 / (5e-4 / ratio * np.sinh(0.2))
    v = np.linspace(-0.7, 1.2, 39)
    np.testing.assert_allclose(found.current(r_hrs, v), 5e-4 / ratio * np.sinh(v), rtol=0.03, atol=1e-6 / ratio)


def test_a_record_may_end_at_the_top_of_the_ramp(simulate):
    """Behind the last RESET no HRS is measured: it takes part in no transition."""
    made = simulate(1, 40, shape="from the top")
    u, i = (x.reshape(1, 1, -1)[..., :-1] for x in (made.voltage, made.current))
    u, i = (np.concatenate([x, x[..., :1] * s], axis=-1) for x, s in ((u, 1.0), (i, 1.0)))
    data = loops(u, i)
    found = extract(data)
    assert np.isfinite(fit_envelopes(data, found).reset.eta)


def steep_loops(growth, ratio, top, cycles=8):
    """Loops of one device, I = G sinh(growth U) in its HRS, and its features of each cycle."""
    rng, step = np.random.default_rng(7), top / 60
    down, rise, fall = np.arange(0, -top, -step), np.arange(-top, top, step), np.arange(top, 0, -step)

    def hrs(u, r):
        return 0.2 * np.sinh(growth * u) / np.sinh(0.2 * growth) / r

    r_hrs = 2e3 * ratio * np.exp(0.15 * rng.standard_normal(cycles + 1))
    r_lrs = 2e3 * np.exp(0.05 * rng.standard_normal(cycles))
    u_set, u_reset = (top * (0.55 + 0.03 * rng.standard_normal(cycles)) for _ in range(2))
    u, i = [], []
    for c in range(cycles):
        share = np.clip((rise - u_reset[c]) / (top - u_reset[c]), 0, 1)
        start, end = u_reset[c] / r_lrs[c], hrs(top, r_hrs[c + 1])
        reset = np.where(rise < u_reset[c], rise / r_lrs[c], end + (start - end) * (1 - share) ** 2)
        u.append(np.concatenate([down, rise, fall]))
        i.append(np.concatenate([np.where(down > -u_set[c], hrs(down, r_hrs[c]), down / r_lrs[c]), reset]))
        i[-1] = np.append(i[-1], hrs(fall, r_hrs[c + 1]))
    i = np.array(i) + 2e-8 / np.sqrt(ratio) * rng.standard_normal(np.shape(i))
    return loops(np.array(u)[None], i[None]), hrs, {"r_hrs": r_hrs[:cycles], "r_lrs": r_lrs}


@pytest.mark.parametrize(("growth", "ratio", "top"), [(3.0, 3000, 3.0), (6.0, 3000, 1.5), (8.0, 10_000, 1.0)])
def test_a_steep_hrs_that_conducts_far_less_than_the_lrs(growth, ratio, top):
    """The current grows ten thousand times from the read voltage to the end of the ramp, and stays passive."""
    data, hrs, true = steep_loops(growth, ratio, top)
    found = fit_envelopes(data, extract(data))
    r_hrs, u = np.median(true["r_hrs"]), np.linspace(0.1, 0.9, 17) * top
    assert np.abs(found.current(r_hrs, u) / hrs(u, r_hrs) - 1).max() < 0.15
    params = with_curves(PRESET, found)
    p = params.constants()
    for r in (np.median(true["r_lrs"]), *true["r_hrs"]):
        state = iv.passive(iv.mixing_from_conductance(1 / r, p), p)
        assert iv.current(state, 0.2, p) == pytest.approx(0.2 / r, rel=0.01)
