"""Compact histories: closed forms against the model's own, and how close they come to long memories."""

import numpy as np
import pytest

from synaptogen.learn.statistics.modal_form import ModalForm
from synaptogen.learn.statistics.state_space_fit import (
    divergence_rate,
    fit_compact,
    innovation_form,
    longest_pole,
    rescaled,
    spectrum,
)
from synaptogen.params.device_params import DeviceParams
from synaptogen.params.history import VAR, StateSpace, balanced_truncation, yule_walker

PRESET = DeviceParams.preset("hennen2024")


def long_memory(order=80):
    """Four factors, each white noise and AR(1) processes with time constants from 2 to 200 cycles, mixed, as a VAR."""
    k, taus = np.arange(order + 1), np.geomspace(2, 200, 6)
    mixing = np.eye(4) + 0.25 * np.array([[0, 1, -1, 0], [1, 0, 1, -1], [-1, 1, 0, 1], [0, -1, 1, 0]])
    share = taus**0.6 / np.sum(taus**0.6) * 0.55
    gamma = sum(w * np.exp(-k / tau)[:, None, None] for w, tau in zip(share, taus, strict=True)) * (mixing @ mixing.T)
    gamma[0] += 0.45 * np.eye(4)
    deviation = np.sqrt(np.diagonal(gamma[0]))
    return yule_walker(gamma / np.outer(deviation, deviation), order)


@pytest.fixture(scope="module")
def long():
    return long_memory(order=40)


@pytest.mark.parametrize("q", [3, 8])
def test_modal_form_has_the_moments_of_the_state_space(q):
    history = balanced_truncation(PRESET.history, q)
    modes = ModalForm.from_state_space(history, 0.9999)
    lags, omega = np.array([0, 1, 2, 17, 200]), np.array([0.01, 0.5, 3.0])
    gamma, T = modes.moments(modes.parameters[None], lags, omega)
    np.testing.assert_allclose(gamma[0], history.autocovariance(200)[lags], atol=1e-9)
    np.testing.assert_allclose(T[0] @ T[0].conj().swapaxes(1, 2), spectrum(history, omega), atol=1e-9)
    back = modes.state_space()
    np.testing.assert_allclose(back.autocovariance(50), history.autocovariance(50), atol=1e-9)


def test_poles_beyond_the_cap_start_inside_it():
    history = PRESET.compact(8).history
    capped = ModalForm.from_state_space(history, 0.9).state_space()
    assert capped.spectral_radius < 0.9


def test_the_spectrum_is_the_sum_of_autocovariances():
    history = PRESET.history
    gamma, omega = history.autocovariance(600), np.array([0.0, 0.3, 2.0])
    phase = np.exp(-1j * omega[:, None] * np.arange(1, 601))
    half = np.tensordot(phase, gamma[1:], 1)
    direct = gamma[0] + half + half.conj().swapaxes(1, 2)
    np.testing.assert_allclose(spectrum(history, omega), direct, atol=1e-6)


def test_divergence_of_white_noises_is_the_textbook_one():
    def white(scale):
        return VAR(scale * np.eye(4), np.zeros((1, 4, 4)))

    expected = 0.5 * 4 * (1 / 1.44 - 1 + np.log(1.44))
    assert divergence_rate(white(1.0), white(1.2)) == pytest.approx(expected)
    assert divergence_rate(PRESET.history, PRESET.history) == pytest.approx(0, abs=1e-12)


def test_divergence_is_what_a_lower_order_loses_in_prediction():
    low = PRESET.with_order(2).history
    determinants = [np.linalg.slogdet(h.innovation)[1] for h in (low, PRESET.history)]
    assert divergence_rate(PRESET.history, low) == pytest.approx(determinants[0] - determinants[1], rel=1e-4)


def test_innovation_form_keeps_the_law_and_predicts():
    rng = np.random.default_rng(2)
    F = np.diag([0.95, 0.6, -0.3])
    history = StateSpace(0.5 * np.eye(4), F, rng.standard_normal((3, 4)), rng.standard_normal((4, 3)))
    found = innovation_form(history)
    np.testing.assert_allclose(found.autocovariance(60), history.autocovariance(60), atol=1e-8)
    gain = np.linalg.solve(found.innovation.T, found.G.T).T
    assert np.abs(np.linalg.eigvals(found.F - gain @ found.H)).max() < 1


def test_rescaled_has_variances_one():
    assert np.diagonal(rescaled(PRESET.compact(6).history).autocovariance(0)[0]) == pytest.approx(1)


def test_eight_states_follow_a_long_memory_that_a_var_of_ten_forgets():
    long = long_memory()
    gamma = long.autocovariance(500)
    compact, var = fit_compact(long, gamma, 8), yule_walker(gamma, 10)
    worst = {h: np.abs(h.autocovariance(500) - gamma).max() for h in (compact, var)}
    assert worst[compact] < 0.012
    assert worst[var] > 0.1
    assert divergence_rate(long, compact) < 0.003 < divergence_rate(long, var)


def test_least_squares_improves_on_balanced_truncation(long):
    gamma = long.autocovariance(500)
    start, found = rescaled(balanced_truncation(long, 6)), fit_compact(long, gamma, 6)
    errors = [np.sqrt(np.mean((h.autocovariance(500) - gamma) ** 2)) for h in (start, found)]
    assert errors[1] < errors[0]


def test_the_result_is_ready_to_run(long):
    compact = fit_compact(long, long.autocovariance(200), 5, evaluations=3)
    assert compact.quasi_triangular() is compact
    assert np.diagonal(compact.autocovariance(0)[0]) == pytest.approx(1)
    assert PRESET.replace(history=compact).history.order == 5


def test_poles_stay_below_the_cap(long):
    compact = fit_compact(long, long.autocovariance(150), 8, cap=0.97, evaluations=8)
    assert long.spectral_radius > 0.975
    assert compact.spectral_radius < 0.97 + 1e-9


def test_short_records_cap_poles_more():
    assert longest_pole(300) == pytest.approx(0.99)
    assert longest_pole(100) < longest_pole(300) < longest_pole(6000) < 1


def test_progress_is_reported(long):
    reports = []
    fit_compact(long, long.autocovariance(100), 4, evaluations=4, progress=reports.append)
    assert reports == sorted(reports)
    assert 0 < reports[-1] <= 1


def test_more_states_than_there_are_is_refused():
    with pytest.raises(ValueError, match="q must be between"):
        fit_compact(PRESET.with_order(1).history, PRESET.autocovariance(10), 9)
