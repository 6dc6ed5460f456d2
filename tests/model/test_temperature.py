"""Conductance at other temperatures: golden values of the form R exp(a (T - 300 K)), and its limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaptogen.model import iv
from synaptogen.model.temperature import conductance_factor
from synaptogen.params import DeviceParams

P = DeviceParams.preset("hennen2024").constants()
R_LRS, R_HRS = 4e3, 64e3


def factor(ohm, kelvin, tcr_lrs=2e-3, tcr_hrs=-5e-3):
    r = iv.mixing_from_conductance(1.0 / ohm, P)
    return conductance_factor(r, kelvin, tcr_lrs, tcr_hrs, R_LRS, R_HRS, P)


def test_golden_values():
    # 358 K is 58 K more than 300 K: exp(-0.116), exp(0.29); in the middle of log R the mean coefficient, exp(0.087)
    assert factor(4e3, 358.0) == pytest.approx(0.8904752233)
    assert factor(64e3, 358.0) == pytest.approx(1.3364274880)
    assert factor(16e3, 358.0) == pytest.approx(1.0908966774)


@given(st.floats(2.5e3, 1e7), st.floats(200.0, 450.0))
def test_coefficients_end_at_the_two_resistances(ohm, kelvin):
    assert factor(min(ohm, 4e3), kelvin) == pytest.approx(factor(4e3, kelvin))
    assert factor(max(ohm, 64e3), kelvin) == pytest.approx(factor(64e3, kelvin))
    assert factor(ohm, 300.0) == 1.0
    assert factor(ohm, kelvin, 0.0, 0.0) == 1.0


def test_a_cell_without_conductance_at_the_read_voltage_has_the_coefficient_of_an_hrs():
    r = np.array([P.g_llrs * P.per_span, 1.0])
    np.testing.assert_allclose(conductance_factor(r, 358.0, 2e-3, -5e-3, R_LRS, R_HRS, P), 1.3364274880)
