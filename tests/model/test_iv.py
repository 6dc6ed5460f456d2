"""Current, mixing state and RESET transition, against the published polynomials evaluated by NumPy.

See docs/model.md, Current and Switching.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaptogen.model import iv
from synaptogen.params.device_params import DeviceParams

PRESET = DeviceParams.preset("hennen2024")
P = PRESET.constants()
G_LLRS, G_HHRS = 2.6904698440144e-4, -3.32318603e-5  # S at 0.2 V, by hand from the published coefficients

mixing = st.floats(0, PRESET.r_max)


def published_current(r, u):
    """I(r, U) from the current polynomials, without any of the rearrangements of the model's code."""
    return (1 - r) * np.polyval(PRESET.llrs, u) + r * np.polyval(PRESET.hhrs, u)


def test_100_kohm_has_the_published_mixing_state():
    assert iv.mixing_from_conductance(1 / 100e3, P) == pytest.approx(0.857, abs=5e-4)
    by_hand = (G_LLRS - 1e-5) / (G_LLRS - G_HHRS)
    assert by_hand == pytest.approx(0.857, abs=5e-4)
    assert P.g_llrs == pytest.approx(G_LLRS, rel=1e-7)
    assert 1 / P.per_span == pytest.approx(G_LLRS - G_HHRS, rel=1e-7)


@given(st.floats(0, 12))
def test_mixing_state_and_resistance_are_inverse(log_r):
    resistance = 10.0**log_r
    r = iv.mixing_from_conductance(1 / resistance, P)
    # near R = 1e12 a conductance of 1e-12 S is what is left of 2.7e-4 S
    assert iv.resistance_from_mixing(r, P) == pytest.approx(resistance, rel=1e-9 + 1e-18 * resistance)
    assert iv.current(r, 0.2, P) == pytest.approx(0.2 / resistance, rel=1e-9, abs=1e-18)


@given(mixing, st.floats(-PRESET.u_range, PRESET.u_range))
def test_current_mixes_the_published_polynomials(r, u):
    assert iv.current(r, u, P) == pytest.approx(published_current(r, u), rel=1e-12, abs=1e-18)


def test_ends_of_the_mixing_state():
    u = np.linspace(-1.5, 1.5, 31)
    assert np.allclose(iv.current(0.0, u, P), np.polyval(PRESET.llrs, u), rtol=1e-12, atol=0)
    assert np.allclose(iv.current(1.0, u, P), np.polyval(PRESET.hhrs, u), rtol=1e-12, atol=0)


def test_conductance_at_zero_voltage_is_the_slope_of_the_current():
    for r in (0.0, 0.3, 0.857):
        slope = (1 - r) * 0.000265041905 + r * -3.29897627e-05  # published coefficients of U
        assert iv.conductance(r, 0.0, P) == pytest.approx(slope, rel=1e-12)
        assert iv.conductance(r, 0.0, P) == pytest.approx(iv.current(r, 1e-9, P) / 1e-9, rel=1e-6)


@given(st.floats(-20, PRESET.r_max), st.floats(-1e6, 1e6))
def test_current_has_the_sign_of_the_voltage(r, u):
    assert u * iv.current(r, u, P) >= -1e-15 * u * u * P.g_llrs


def test_passivity_holds_on_a_fine_grid_and_no_further():
    u = np.linspace(-3, 3, 60_001)
    assert iv.conductance(P.r_max, u, P).min() > -1e-12 * P.g_llrs
    assert iv.conductance(P.r_max + 1e-3, u, P).min() < -1e-5 * P.g_llrs
    assert iv.passive(1.0, P) == P.r_max
    assert iv.passive(0.5, P) == 0.5


def test_current_is_continuous_where_the_polynomials_end():
    for side in (-1, 1):
        for r in (0.0, 0.5, P.r_max):
            end = side * P.u_range
            inside, outside = (iv.current(r, end * (1 + e), P) for e in (-1e-9, 1e-9))
            assert outside == pytest.approx(inside, rel=1e-7, abs=1e-15)
            chord = published_current(r, end) / end  # beyond, the chord conductance stays
            for factor in (1.0, 1.5, 10.0, 1e6):
                assert iv.conductance(r, factor * end, P) == pytest.approx(chord, rel=1e-9, abs=1e-15)


@given(mixing, st.floats(0.01, PRESET.u_max))  # up to u_range they come close, and at it they meet
def test_mixing_state_follows_from_the_current(r, u):
    assert iv.mixing_from_current(iv.current(r, u, P), u, P) == pytest.approx(r, abs=1e-9)


# ---------------------------------------------------------------------------------------- the RESET transition

transitions = st.tuples(st.floats(0, 0.5), st.floats(0.3, 1.45), st.floats(0.6, PRESET.r_max))


@given(transitions, st.floats(0, 1))
def test_transition_is_the_published_curve(ends, share):
    r_from, u_from, r_to = ends
    u = u_from + share * (P.u_max - u_from)
    y1, y2 = published_current(r_from, u_from), published_current(r_to, 1.46)
    expected = y2 + (y1 - y2) * ((1.46 - u) / (1.46 - u_from)) ** 3.0567
    t = iv.transition(r_from, u_from, r_to, P)
    assert t.end + t.scale * (P.u_max - u) ** P.eta == pytest.approx(expected, rel=1e-9)


@given(transitions)
def test_transition_begins_and_ends_where_it_should(ends):
    r_from, u_from, r_to = ends
    t = iv.transition(r_from, u_from, r_to, P)
    assert iv.partial_reset(t, u_from, P) == pytest.approx(r_from, abs=1e-9)  # continuous at U_RESET
    near = P.u_max - 1e-6 * (P.u_max - u_from)
    assert iv.partial_reset(t, near, P) == pytest.approx(r_to, abs=1e-5)  # and at U_max


@given(transitions)
def test_transition_is_monotone_and_flat_at_its_end(ends):
    r_from, u_from, r_to = ends
    t = iv.transition(r_from, u_from, r_to, P)
    u = np.linspace(u_from, P.u_max, 501)[:-1]
    currents = iv.current(iv.partial_reset(t, u, P), u, P)
    limited = iv.partial_reset(t, u, P) == P.r_max
    steps = np.diff(currents[~limited])
    falls = published_current(r_from, u_from) > published_current(r_to, P.u_max)
    assert np.all(steps <= 1e-18) if falls else np.all(steps >= -1e-18)
    # slope eta (y1 - y2) / (u_max - u_from) at the beginning; at a share s of the way left, s**(eta - 1) times that
    slope = t.scale * ((P.u_max - u_from) * 1e-3) ** P.eta / ((P.u_max - u_from) * 1e-3)
    first = (published_current(r_from, u_from) - published_current(r_to, P.u_max)) / (P.u_max - u_from)
    assert abs(slope) <= 1e-6 * abs(first) + 1e-18


def test_a_power_law_alone_is_computed_as_it_was_published():
    """A knee out of reach, and no rest, change no bit."""
    u = np.linspace(0, P.u_max, 1001)
    assert np.array_equal(iv.transition_profile(u, P), (P.u_max - u) ** P.eta)


STRETCHED = PRESET.replace(eta=2.0, stretch=[0.05, 0.1, 0.02]).constants()


def stretched_share(u, u_from):
    """Share of the way down that is left: v**2 or 0.05 + 0.1 v, and 0.02 that remain for U_max."""
    left = [min((1.46 - x) ** 2, 0.05 + 0.1 * (1.46 - x)) + 0.02 for x in (u, u_from)]
    return left[0] / left[1]


@given(transitions, st.floats(0, 1, exclude_max=True))
def test_a_stretched_transition_is_its_closed_form(ends, share):
    r_from, u_from, r_to = ends
    u = u_from + share * (1.46 - u_from)
    y1, y2 = published_current(r_from, u_from), published_current(r_to, 1.46)
    t = iv.transition(r_from, u_from, r_to, STRETCHED)
    expected = y2 + (y1 - y2) * stretched_share(u, u_from)
    assert t.end + t.scale * iv.transition_profile(u, STRETCHED) == pytest.approx(expected, rel=1e-9)
    assert iv.partial_reset(t, u_from, STRETCHED) == pytest.approx(r_from, abs=1e-9)


def test_steepness_is_the_slope_of_the_fall():
    for p in (P, STRETCHED):
        kink = 1.46 - (0.05 + np.sqrt(0.0525))  # v**2 = 0.05 + 0.1 v
        u, h = np.linspace(0.01, 1.45, 201), 1e-6
        u = u[np.abs(u - kink) > h]
        slope = (iv.transition_profile(u - h, p) - iv.transition_profile(u + h, p)) / (2 * h)
        assert iv.transition_slope(iv.transition_profile(u, p), u, p) == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_partial_reset_never_leaves_the_passive_range():
    # a curve towards a state that is not passive
    t = iv.transition(0.2, 0.7, 1.2, P)
    u = np.linspace(0.7, 1.459, 200)
    assert iv.partial_reset(t, u, P).max() == P.r_max


@given(mixing, st.floats(-3, 3))
def test_differential_conductance_is_the_slope_of_the_current(r, u):
    h = 1e-5
    if abs(abs(u) - P.u_range) > 2 * h:  # where there is a kink
        slope = (iv.current(r, u + h, P) - iv.current(r, u - h, P)) / (2 * h)
        assert iv.differential_conductance(r, u, P) == pytest.approx(slope, rel=1e-6, abs=1e-11)
