"""Features of a cycle from its latent x: scaling, quantile transform, and every limit.

See docs/model.md, From the latent scale to features and From device to device.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaptogen.model import features as ft
from synaptogen.model import iv
from synaptogen.params.device_params import DeviceParams

PRESET = DeviceParams.preset("hennen2024")
P = PRESET.constants()
MU, SIGMA = np.array([4.87, -0.68, 4580.0, 0.73]), np.array([0.19, 0.06, 205.0, 0.036])


def of(x=(0.0, 0.0, 0.0, 0.0), mu=MU, sigma=SIGMA, params=PRESET):
    """Features as resistances and voltages."""
    p = params.constants()
    f = ft.cycle_features(np.array(x, float), mu, sigma, p, ())
    return f._replace(r_hrs=iv.resistance_from_mixing(f.r_hrs, p), r_lrs=iv.resistance_from_mixing(f.r_lrs, p))


def changed(values, feature, value):
    values = np.array(values, float)
    values[feature] = value
    return values


latent = st.tuples(*[st.floats(-4, 4)] * 4)


@given(latent)
def test_features_are_scaled_quantiles(x):
    z = [np.polyval(row, value) for row, value in zip(PRESET.quantile, x, strict=True)]
    y = MU + SIGMA * z
    found = of(x)
    assert found.r_hrs == pytest.approx(10 ** y[0], rel=1e-9)
    assert [found.u_set, found.r_lrs, found.u_reset] == pytest.approx(list(y[1:]), rel=1e-9)
    assert not found.limited


def test_golden_values_at_the_median():
    # x = 0 leaves the last quantile coefficients: 0.0003113562, 0.1154597, -0.07549211, -0.03228282
    found = of()
    assert found.r_hrs == pytest.approx(10 ** (4.87 + 0.19 * 0.0003113562), rel=1e-12)
    assert found.u_set == pytest.approx(-0.68 + 0.06 * 0.1154597, rel=1e-12)
    assert found.r_lrs == pytest.approx(4580 - 205 * 0.07549211, rel=1e-12)
    assert found.u_reset == pytest.approx(0.73 - 0.036 * 0.03228282, rel=1e-12)


@given(latent, st.integers(0, 3))
def test_sign_of_sigma_does_not_matter_but_is_told(x, feature):
    flipped = of(x, sigma=changed(SIGMA, feature, -SIGMA[feature]))
    assert flipped[:4] == of(x)[:4]
    assert flipped.limited


@pytest.mark.parametrize("feature", range(4))
@pytest.mark.parametrize("side", [-1, 1])
def test_x_is_held_to_where_its_quantile_polynomial_increases(feature, side):
    end = PRESET.x_range[feature][(side + 1) // 2]
    x = np.zeros(4)
    narrow = 0.1 * SIGMA  # so that nothing else is limited
    at_end = of(changed(x, feature, end), sigma=narrow)
    beyond = of(changed(x, feature, end + side * 1.0), sigma=narrow)
    assert beyond[:4] == at_end[:4]
    assert beyond.limited
    assert not at_end.limited


LIMITS = {
    # which entry of mu, to what, the feature, and its limit
    "R_HRS below 1 ohm": (0, -3.0, "r_hrs", 1.0),
    "U_SET positive": (1, 0.5, "u_set", -1e-3),
    "U_SET barely negative": (1, -1e-4, "u_set", -1e-3),
    "R_LRS negative": (2, -4e3, "r_lrs", 1.0),
    "U_RESET negative": (3, -0.5, "u_reset", 1e-3),
    "U_RESET barely positive": (3, 1e-4, "u_reset", 1e-3),
}


@pytest.mark.parametrize("case", LIMITS)
def test_limits_of_features(case):
    feature, mu, name, bound = LIMITS[case]
    found = of(mu=changed(MU, feature, mu), sigma=np.full(4, 1e-9))
    assert getattr(found, name) == pytest.approx(bound, rel=1e-6)
    assert found.limited


def test_u_reset_above_u_max_is_no_limit():
    found = of(mu=changed(MU, 3, 5.0))
    assert found.u_reset == pytest.approx(5.0, abs=0.01)
    assert not found.limited


# envelopes that conduct everywhere, so that passivity limits nothing up to 1e12 ohm and beyond
OHMIC = PRESET.replace(llrs=[2e-4, 0.0], hhrs=[1e-6, 0.0])


@pytest.mark.parametrize(("mu", "name", "feature"), [(15.0, "r_hrs", 0), (1e15, "r_lrs", 2)])
def test_resistances_end_at_1e12_ohm(mu, name, feature):
    found = of(mu=changed(MU, feature, mu), params=OHMIC)
    assert getattr(found, name) == pytest.approx(1e12, rel=1e-3)
    assert found.limited


@pytest.mark.parametrize(("mu", "name", "feature"), [(7.5, "r_hrs", 0), (10**7.5, "r_lrs", 2)])
def test_resistances_end_where_the_cell_would_be_active(mu, name, feature):
    # r_max = 0.8892 leaves a conductance at 0.2 V of g_llrs - r_max (g_llrs - g_hhrs)
    highest = 1 / (2.6904698440144e-4 - 0.8892000540 * (2.6904698440144e-4 + 3.32318603e-5))
    found = of(mu=changed(MU, feature, mu))
    assert getattr(found, name) == pytest.approx(highest, rel=1e-4)
    assert found.limited


wild = st.floats(-1e6, 1e6)


@given(st.tuples(*[wild] * 4), st.tuples(*[wild] * 4), st.tuples(*[st.floats(-20, 20)] * 4))
def test_no_draw_gives_an_impossible_device(mu, sigma, x):
    found = of(x, np.array(mu), np.array(sigma))
    for value in found[:4]:
        assert np.isfinite(value)
    assert 0 < found.r_hrs <= 1.01e12
    assert 0 < found.r_lrs <= 1.01e12
    assert found.u_set <= -1e-3
    assert found.u_reset >= 1e-3
