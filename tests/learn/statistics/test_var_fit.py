"""Autocovariances, VARs and their tests, against direct sums, closed forms and known laws."""

import numpy as np
import pytest

from synaptogen.learn.statistics.autocovariances import lag_sums, mean_removal_bias, unit_variance
from synaptogen.learn.statistics.latent_simulation import latent_records
from synaptogen.learn.statistics.preset_completion import complete_history, standard_form
from synaptogen.learn.statistics.var_fit import (
    best_order,
    compare_orders,
    fit_var,
    log_likelihood,
    undo_mean_removal,
    unmeasured_as_white,
    var_errors,
    whiteness_test,
)
from synaptogen.params.device_params import DeviceParams
from synaptogen.params.history import VAR, yule_walker

PRESET = DeviceParams.preset("hennen2024")
HISTORY = PRESET.history
ALL = (0, 1, 2, 3)


def records(devices, cycles, history=HISTORY, seed=0):
    return latent_records(history, devices, cycles, np.random.default_rng(seed))


def direct(x, lags):
    """Mean products over pairs that are known, by definition."""
    known, filled = ~np.isnan(x), np.nan_to_num(x)
    T = x.shape[1]
    total = [np.einsum("dta,dtb->ab", filled[:, k:], filled[:, : T - k]) for k in range(lags + 1)]
    count = [np.einsum("dta,dtb->ab", 1.0 * known[:, k:], 1.0 * known[:, : T - k]) for k in range(lags + 1)]
    return np.array(total) / np.array(count)


@pytest.mark.parametrize("history", [HISTORY, PRESET.compact(6).history])
def test_simulated_records_follow_their_model(history, unlikely):
    x = records(20_000, 12, history)
    truth = history.autocovariance(11)
    for k in (0, 1, 11):
        found = np.einsum("da,db->ab", x[:, -1], x[:, 11 - k]) / len(x)
        error = np.sqrt((np.outer(np.diag(truth[0]), np.diag(truth[0])) + truth[k] ** 2) / len(x))
        unlikely((found - truth[k]) / error)


def test_lag_sums_are_direct_sums():
    x = records(5, 60)
    np.testing.assert_allclose(lag_sums(x, 20).mean(), direct(x, 20), atol=1e-12)


def test_pairs_across_gaps_and_devices_do_not_count():
    x = records(6, 80)
    x[0, 20:35] = np.nan
    x[2, 5, 1] = np.nan
    x[3] = np.nan
    np.testing.assert_allclose(lag_sums(x, 30).mean(), direct(x, 30), atol=1e-12)


def test_folds_add_up():
    x = records(9, 50)
    sums = lag_sums(x, 5, np.arange(9) % 3)
    np.testing.assert_allclose(sums.mean(), direct(x, 5), atol=1e-12)
    np.testing.assert_allclose(sums.fold(1), direct(x[1::3], 5), atol=1e-12)
    np.testing.assert_allclose(sums.without(1), direct(x[np.arange(9) % 3 != 1], 5), atol=1e-12)


def test_shapes_of_records_are_checked():
    with pytest.raises(ValueError, match=r"shape \(devices, cycles, 4\)"):
        lag_sums(np.zeros((3, 4)), 1)
    with pytest.raises(ValueError, match="lags must be from 0 to 9"):
        lag_sums(np.zeros((3, 10, 4)), 10)


def test_removing_means_takes_away_what_the_formula_says():
    T, lags = 40, 30
    x = records(60_000, T)
    lost = lag_sums(x, lags).mean() - lag_sums(x - x.mean(1, keepdims=True), lags).mean()
    expected = mean_removal_bias(HISTORY.autocovariance(T), T, lags)
    np.testing.assert_allclose(lost, expected, atol=0.006)
    assert expected[0, 2, 2] > 0.2


def test_for_white_noise_the_bias_is_one_over_the_length():
    bias = mean_removal_bias(np.eye(4)[None], 50, 10)
    np.testing.assert_allclose(bias[0], np.eye(4) / 50, atol=1e-12)
    np.testing.assert_allclose(bias[10], np.eye(4) / 50, atol=1e-12)


def test_undoing_the_removal_of_means_is_exact_for_exact_autocovariances():
    T, lags = 300, 60
    gamma = unit_variance(HISTORY.autocovariance(T))
    seen = gamma[: lags + 1] - mean_removal_bias(gamma, T, lags)
    back = undo_mean_removal(seen, T, lambda g: fit_var(g, 10))
    np.testing.assert_allclose(back, gamma[: lags + 1], atol=2e-4)


def test_coefficients_have_the_standard_errors_that_are_reported(unlikely):
    x = records(300, 1000)
    gamma = lag_sums(x, 20).mean()
    model = fit_var(gamma, 10)
    errors = var_errors(model, gamma, x[..., 0].size)
    scores = (model.lags - HISTORY.lags) / errors
    unlikely(scores)
    assert 0.8 < scores.std() < 1.2


def test_every_criterion_finds_the_order_of_a_var():
    truth = PRESET.with_order(3).history
    x = records(100, 1000, truth)
    sums = lag_sums(x, 8, np.arange(100) % 4)
    table = compare_orders(sums, range(1, 9), x[..., 0].size, ALL, sums.mean())
    assert best_order(table, "bic") == 3
    assert best_order(table, "aic") in (3, 4)
    assert best_order(table, "held_out") in (3, 4)
    assert table["spectral_radius"].max() < 1


def test_held_out_likelihood_is_that_of_the_predictions():
    truth = PRESET.with_order(2).history
    x = records(50, 400, truth)
    gamma = lag_sums(x, 3).mean()
    e = x[:, 2:] - x[:, 1:-1] @ truth.lags[0].T - x[:, :-2] @ truth.lags[1].T
    S = truth.innovation @ truth.innovation.T
    each = np.einsum("dta,ab,dtb->dt", e, np.linalg.inv(S), e).mean()
    expected = -0.5 * (np.linalg.slogdet(S)[1] + each)
    assert log_likelihood(truth, gamma, ALL) == pytest.approx(expected, abs=0.02)


def test_criteria_are_named():
    with pytest.raises(ValueError, match="bic, aic, held_out"):
        best_order(None, "hq")


def test_one_device_cannot_be_held_out():
    gamma = HISTORY.autocovariance(5)
    table = compare_orders(None, [1, 2], 100, ALL, gamma)
    with pytest.raises(ValueError, match="several devices"):
        best_order(table, "held_out")


def test_residuals_of_the_true_order_are_white_and_of_a_lower_one_are_not():
    x = records(200, 500)
    gamma = lag_sums(x, 60).mean()
    right = whiteness_test(fit_var(gamma, 10), gamma, x[..., 0].size, ALL)
    wrong = whiteness_test(fit_var(gamma, 2), gamma, x[..., 0].size, ALL)
    assert right.white
    assert right.p_value > 1e-3
    assert not wrong.white
    assert wrong.p_value < 1e-6


def test_p_values_of_a_true_model_are_uniform():
    truth = PRESET.with_order(2).history
    p = []
    for seed in range(60):
        x = records(20, 500, truth, seed)
        gamma = lag_sums(x, 30).mean()
        p.append(whiteness_test(fit_var(gamma, 2), gamma, x[..., 0].size, ALL, lags=6).p_value)
    assert 0.25 < np.mean(p) < 0.75
    assert np.mean(np.array(p) < 0.05) < 0.2


def test_the_predictor_of_a_state_space_leaves_white_residuals():
    from synaptogen.learn.statistics.state_space_fit import innovation_form

    history = innovation_form(PRESET.compact(8).history)
    gamma = history.autocovariance(400)
    test = whiteness_test(history, gamma, 1.0, ALL)
    assert test.worst < 1e-3


def test_estimates_that_no_process_has_are_drawn_to_zero():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 40, 4)).cumsum(1)
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    model = fit_var(lag_sums(x, 30).mean(), 8, 40)
    assert model.spectral_radius < 1


def test_drift_is_no_reason_to_fail():
    x = records(10, 300) + np.linspace(-5, 5, 300)[:, None]
    gamma = undo_mean_removal(lag_sums(x, 150).mean(), 300, lambda g: fit_var(g, 10, 300))
    assert fit_var(gamma, 60, 300).spectral_radius < 1


def test_a_feature_twice_is_refused():
    x = records(10, 200)
    x[..., 3] = x[..., 1]
    with pytest.raises(ValueError, match="two features are the same"):
        fit_var(lag_sums(x, 4).mean(), 2)


@pytest.mark.parametrize("measured", [(0,), (0, 2), (1, 3), (0, 1, 2)])
def test_completed_histories_hold_what_was_learned(measured):
    """The model of the measured features is the learned one; the rest comes close to that of the preset."""
    truth = standard_form(PRESET)
    gamma = unmeasured_as_white(truth.gamma(30), measured)
    whole = complete_history(fit_var(gamma, 20), truth.history, measured)
    found, at = whole.autocovariance(20), np.ix_(range(21), measured, measured)
    np.testing.assert_allclose(found[at], gamma[:21][at], atol=1e-8)
    np.testing.assert_allclose(np.diagonal(found[0]), 1, atol=1e-10)
    assert np.abs(found - truth.gamma(20)).max() < 0.12


def test_complete_measurements_need_no_preset():
    own = yule_walker(HISTORY.autocovariance(3), 3)
    assert complete_history(own, HISTORY, ALL) is own


def test_the_standard_form_describes_the_same_devices(unlikely):
    form = standard_form(PRESET)
    np.testing.assert_allclose(np.diagonal(form.gamma(0)[0]), 1, atol=1e-12)
    rng = np.random.default_rng(5)
    x = rng.standard_normal(200_000)
    deviation = np.sqrt(np.diagonal(HISTORY.autocovariance(0)[0]))
    mean = PRESET.population.mean()
    for f in range(4):
        z = mean[4 + f] * np.polyval(PRESET.quantile[f], deviation[f] * x)
        y = form.population.mean()[f] + form.population.mean()[4 + f] * np.polyval(form.quantile[f], x)
        np.testing.assert_allclose(y, mean[f] + z, rtol=1e-9)


def test_a_var_that_forgets_nothing_is_not_learned():
    with pytest.raises(ValueError, match="spectral radius"):
        VAR(np.eye(4), np.eye(4)[None])
