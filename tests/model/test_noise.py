"""Read noise: thermal plus shot, in numbers worked out by hand (docs/model.md, Reading)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaptogen.model import iv
from synaptogen.model.noise import noise_density, noise_density_at, noise_variance, noisy_current
from synaptogen.params.device_params import DeviceParams

P = DeviceParams.preset("hennen2024").constants()
KT = 4.141947e-21  # J: 1.380649e-23 J/K times 300 K
Q = 1.602176634e-19  # C


@given(st.floats(1e-9, 1e-2), st.floats(-3, 3).filter(lambda u: abs(u) > 1e-6), st.floats(0, 1e10))
def test_variance_is_thermal_plus_shot(g, u, bandwidth):
    i = g * u
    expected = 4 * KT * bandwidth * abs(i / u) + 2 * Q * bandwidth * abs(i)
    assert noise_variance(g, u, bandwidth) == pytest.approx(expected, rel=1e-12)


def test_golden_value():
    # 100 kohm at 0.2 V and 100 MHz: thermal 1.6567788e-17 A^2, shot 6.408706536e-17 A^2; 8.98 nA together
    assert noise_variance(1e-5, 0.2, 1e8) == pytest.approx(1.6567788e-17 + 6.408706536e-17, rel=1e-9)
    assert np.sqrt(noise_variance(1e-5, 0.2, 1e8)) == pytest.approx(8.981e-9, rel=1e-3)


def test_at_zero_voltage_the_small_signal_conductance_makes_thermal_noise():
    for r in (0.0, 0.857):
        slope = (1 - r) * 0.000265041905 + r * -3.29897627e-05  # dI/dU at U = 0, published coefficients
        variance = noise_variance(iv.conductance(r, 0.0, P), 0.0, 1e8)
        assert variance == pytest.approx(4 * KT * 1e8 * slope, rel=1e-12)
        assert noise_variance(iv.conductance(r, 1e-9, P), 1e-9, 1e8) == pytest.approx(variance, rel=1e-6)


@given(st.floats(1e-9, 1e-2), st.floats(-3, 3), st.floats(0, 1e10), st.floats(-6, 6))
def test_noisy_current_is_so_many_deviations_off(g, u, bandwidth, z):
    expected = g * u + z * np.sqrt((4 * KT + 2 * Q * abs(u)) * bandwidth * g)
    assert noisy_current(g, u, noise_density(u) * bandwidth, z) == pytest.approx(expected, rel=1e-9, abs=1e-18)


def test_thermal_noise_follows_the_temperature():
    u = np.linspace(-2, 2, 9)
    assert np.array_equal(noise_density_at(u, 300.0), noise_density(u))
    # 4 k 100 K = 5.522596e-21 A^2/(Hz S), at any voltage: shot noise does not depend on the temperature
    np.testing.assert_allclose(noise_density_at(u, 400.0) - noise_density(u), 5.522596e-21, rtol=1e-9)


def test_density_is_even_in_the_voltage_and_variance_never_negative():
    u = np.linspace(-2, 2, 101)
    assert np.array_equal(noise_density(u), noise_density(-u))
    assert noise_variance(np.array([-1e-6, 0.0, 1e-6]), 0.2, 1e8).min() == 0
    assert noise_variance(-1e-6, 0.2, 1e8) == noise_variance(1e-6, 0.2, 1e8)
    assert noise_variance(1e-5, 0.2, 0.0) == 0
