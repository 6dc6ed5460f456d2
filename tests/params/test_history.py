"""Stationary law, lower orders and compact forms of a history, against published figures and against definitions."""

import copy
import pickle

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synaptogen.params.device_params import DeviceParams
from synaptogen.params.history import VAR, StateSpace, autocorrelation_error, balanced_truncation, yule_walker

FULL = DeviceParams.preset("hennen2024").history

# Figures of the published parameter file: its own fits of lower order (entries of B, and of the most recent lag)
PUBLISHED_ORDER_1 = {
    "innovation": {(0, 0): 0.988827, (1, 0): -0.2223921, (2, 2): 0.8562678, (3, 3): 0.9328311},
    "lag": {(0, 0): 0.1278726, (1, 1): 0.1697818, (2, 2): 0.4965259, (3, 3): 0.3067851, (2, 3): 0.04937834},
}


@st.composite
def vars_(draw, most=5):
    """Any VAR, its lags scaled so that the companion matrix has a chosen spectral radius."""
    p = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lags = rng.normal(size=(p, 4, 4))
    F = np.vstack([np.concatenate(list(lags), axis=1), np.eye(4 * p - 4, 4 * p)])
    shrink = draw(st.floats(0.05, 0.97)) / np.abs(np.linalg.eigvals(F)).max()
    lags *= shrink ** np.arange(1, p + 1)[:, None, None]
    return VAR(np.tril(rng.normal(size=(4, 4)), -1) + np.diag(rng.uniform(0.1, 2, 4)), lags)


def as_state_space(history):
    F, G, H = history.realisation()
    return StateSpace(history.innovation, F, G, H)


def made(innovation, lags):
    """The VAR, or why there is none."""
    try:
        return VAR(innovation, lags), ""
    except ValueError as error:
        return None, str(error)


def oscillator():
    """Two damped oscillations and one real mode, in a basis that hides them."""
    rng = np.random.default_rng(7)
    blocks = scipy.linalg.block_diag([[0.5, 0.6], [-0.6, 0.5]], [[0.1, 0.8], [-0.8, 0.1]], [[0.9]])
    T = rng.normal(size=(5, 5)) + 3 * np.eye(5)
    return StateSpace(np.eye(4), T @ blocks @ np.linalg.inv(T), rng.normal(size=(5, 4)), rng.normal(size=(4, 5)))


# ---------------------------------------------------------------------------------------- published figures


def test_stationary_law_of_the_published_parameters():
    gamma = FULL.autocovariance(1)
    np.testing.assert_allclose(np.diag(gamma[0]), [0.9987, 1.0003, 0.9942, 0.9973], atol=5e-5)
    np.testing.assert_allclose(np.diag(gamma[1]), [0.135, 0.176, 0.505, 0.323], atol=5e-4)
    assert FULL.spectral_radius == pytest.approx(0.968, abs=5e-4)


def test_reversed_lags_give_another_law():
    reversed_ = VAR(FULL.innovation, FULL.lags[::-1])
    np.testing.assert_allclose(np.diag(reversed_.autocovariance(0)[0]), [0.991, 0.988, 0.854, 0.958], atol=5e-4)


@pytest.mark.parametrize(("q", "error"), [(4, 0.041), (8, 0.023), (12, 0.020)])
def test_error_of_compact_forms(q, error):
    assert autocorrelation_error(FULL, balanced_truncation(FULL, q)) == pytest.approx(error, abs=5e-4)


@pytest.mark.parametrize(("q", "error"), [(1, 0.40), (2, 0.34), (5, 0.14)])
def test_error_of_lower_orders(q, error):
    assert autocorrelation_error(FULL, yule_walker(FULL.autocovariance(q), q)) == pytest.approx(error, abs=5e-3)


def test_published_lower_order_is_the_yule_walker_solution():
    lower = yule_walker(FULL.autocovariance(1), 1)
    for index, value in PUBLISHED_ORDER_1["innovation"].items():
        assert lower.innovation[index] == pytest.approx(value, abs=7e-6)
    for index, value in PUBLISHED_ORDER_1["lag"].items():
        assert lower.lags[0][index] == pytest.approx(value, abs=7e-6)


# ---------------------------------------------------------------------------------------- stationary law


@settings(deadline=None, max_examples=50)
@given(vars_())
def test_memory_keeps_its_covariance_over_a_cycle(history):
    F, G, _ = history.realisation()
    P = history.stationary_covariance()
    np.testing.assert_allclose(F @ P @ F.T + G @ G.T, P, rtol=1e-9, atol=1e-11 * np.abs(P).max())
    np.testing.assert_allclose(P, scipy.linalg.solve_discrete_lyapunov(F, G @ G.T), atol=1e-7 * np.abs(P).max())


@settings(deadline=None, max_examples=50)
@given(vars_())
def test_autocovariance_obeys_the_autoregression(history):
    gamma = history.autocovariance(history.order + 3)
    for k in range(1, len(gamma)):
        past = [gamma[k - j] if k >= j else gamma[j - k].T for j in range(1, history.order + 1)]
        expected = sum(A @ g for A, g in zip(history.lags, past, strict=True))
        np.testing.assert_allclose(gamma[k], expected, atol=1e-9 * np.abs(gamma[0]).max())


@settings(deadline=None, max_examples=30)
@given(vars_(most=3))
def test_autocovariance_is_the_sum_over_past_innovations(history):
    n = 2000
    response = np.zeros((n, 4, 4))  # of x to an innovation k cycles ago
    for k in range(n):
        terms = (A @ response[k - j] for j, A in enumerate(history.lags, 1) if j <= k)
        response[k] = sum(terms, history.innovation if k == 0 else np.zeros((4, 4)))
    gamma = history.autocovariance(2)
    for k in range(3):
        expected = np.einsum("nij,nkj->ik", response[k:], response[: n - k])
        np.testing.assert_allclose(gamma[k], expected, atol=1e-8 * np.abs(gamma[0]).max())


def test_covariance_of_memory_holds_the_autocovariances():
    gamma, P = FULL.autocovariance(9), FULL.stationary_covariance()
    assert P.shape == (40, 40)
    np.testing.assert_allclose(P[:4], np.concatenate(list(gamma), axis=1), atol=1e-12)
    np.testing.assert_allclose(P[12:16, 4:8], gamma[2].T, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(vars_())
def test_cholesky_factor_of_memory(history):
    P, L = history.stationary_covariance(), history.memory_cholesky()
    assert not np.any(np.triu(L, 1))
    np.testing.assert_allclose(L @ L.T, P, atol=1e-11 * np.abs(P).max())


def test_cholesky_factor_of_memory_that_repeats_itself():
    F = np.diag([0.9, 0.9, 0.5])
    G = np.array([[1.0, 0.2, 0, 0], [1.0, 0.2, 0, 0], [0, 0, 0, 0]])  # two states alike, one never reached
    history = StateSpace(np.eye(4), F, G, np.ones((4, 3)))
    L = history.memory_cholesky()
    assert np.all(np.isfinite(L))
    assert not np.any(np.triu(L, 1))
    assert np.all(np.diag(L) >= 0)
    np.testing.assert_allclose(L @ L.T, history.stationary_covariance(), atol=1e-12)


def test_long_memory_near_the_unit_circle():
    slow = StateSpace(np.eye(4), [[1 - 1e-9]], np.ones((1, 4)), np.ones((4, 1)))
    exact = 4 / (1 - (1 - 1e-9) ** 2)
    assert slow.stationary_covariance()[0, 0] == pytest.approx(exact, rel=1e-6)


# ---------------------------------------------------------------------------------------- lower orders


@settings(deadline=None, max_examples=50)
@given(vars_())
def test_yule_walker_recovers_a_var(history):
    again = yule_walker(history.autocovariance(history.order), history.order)
    scale = np.abs(history.lags).max() + 1
    condition = np.linalg.cond(history.stationary_covariance())
    np.testing.assert_allclose(again.lags, history.lags, atol=1e-13 * scale * condition + 1e-12)
    np.testing.assert_allclose(again.innovation, history.innovation, atol=1e-12 * condition + 1e-10)


@pytest.mark.parametrize("q", [1, 2, 3, 5, 9, 10])
@pytest.mark.parametrize("full", [FULL, balanced_truncation(FULL, 8)], ids=["var", "compact"])
def test_lower_order_keeps_the_autocovariances_up_to_itself(full, q):
    lower = yule_walker(full.autocovariance(q), q)
    np.testing.assert_allclose(lower.autocovariance(q), full.autocovariance(q), atol=1e-10)


def test_yule_walker_beyond_the_order_adds_zero_lags():
    longer = yule_walker(FULL.autocovariance(12), 12)
    np.testing.assert_allclose(longer.lags[:10], FULL.lags, atol=1e-12)
    np.testing.assert_allclose(longer.lags[10:], 0, atol=1e-12)


@pytest.mark.parametrize("order", [0, -1, 6])
def test_yule_walker_wants_as_many_lags_as_its_order(order):
    with pytest.raises(ValueError, match="order must be between 1 and 5"):
        yule_walker(FULL.autocovariance(5), order)


def test_yule_walker_refuses_what_no_process_has():
    gamma = np.array(FULL.autocovariance(2))
    gamma[1] *= 3
    with pytest.raises(ValueError, match="not positive definite"):
        yule_walker(gamma, 2)
    gamma[0, 0, 1] += 1
    with pytest.raises(ValueError, match="must be symmetric"):
        yule_walker(gamma, 2)


# ---------------------------------------------------------------------------------------- compact forms


@settings(deadline=None, max_examples=30)
@given(vars_(most=3))
def test_truncation_that_drops_nothing_is_exact(history):
    compact = balanced_truncation(history, 4)
    assert compact.spectral_radius < 1
    np.testing.assert_array_equal(compact.innovation, history.innovation)
    if history.order == 1:
        assert autocorrelation_error(history, compact, 20) < 1e-6


def test_error_falls_with_the_number_of_states():
    errors = [autocorrelation_error(FULL, balanced_truncation(FULL, q)) for q in (4, 8, 12, 20, 30, 40)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-12


def test_truncation_of_a_state_space_is_that_of_the_same_var():
    a, b = balanced_truncation(FULL, 6), balanced_truncation(as_state_space(FULL), 6)
    np.testing.assert_allclose(a.autocovariance(20), b.autocovariance(20), atol=1e-12)
    again = balanced_truncation(a, 6)
    np.testing.assert_allclose(again.autocovariance(20), a.autocovariance(20), atol=1e-10)


def test_truncation_wants_states_that_matter():
    with pytest.raises(ValueError, match="q must be between 1 and 40"):
        balanced_truncation(FULL, 0)
    with pytest.raises(ValueError, match="q must be between 1 and 40"):
        balanced_truncation(FULL, 41)
    one_state = StateSpace(np.eye(4), np.diag([0.5, 0.5]), np.eye(2, 4), [[1, 0]] * 4)  # the second is never seen
    with pytest.raises(ValueError, match="q must be between 1 and 1,"):
        balanced_truncation(one_state, 2)
    with pytest.raises(ValueError, match="no memory"):
        balanced_truncation(VAR(np.eye(4), np.zeros((2, 4, 4))), 1)


@settings(deadline=None, max_examples=50)
@given(vars_(most=4))
def test_quasi_triangular_form_is_the_same_process(history):
    full = as_state_space(history)
    form = full.quasi_triangular()
    assert not np.any(np.tril(form.F, -2))
    below = np.diagonal(form.F, -1) != 0
    assert not np.any(below[1:] & below[:-1])
    scale = np.abs(full.autocovariance(0)).max()
    np.testing.assert_allclose(form.autocovariance(20), full.autocovariance(20), atol=1e-9 * scale)
    assert form.quasi_triangular() is form


def test_quasi_triangular_form_of_oscillations():
    form = oscillator().quasi_triangular()
    assert np.count_nonzero(np.diagonal(form.F, -1)) == 2
    np.testing.assert_allclose(form.autocovariance(30), oscillator().autocovariance(30), rtol=1e-8, atol=1e-8)


def test_two_neighbours_below_the_diagonal_are_not_quasi_triangular():
    F = np.diag([0.5, 0.4, 0.3]) + np.diag([0.1, 0.1], -1)
    history = StateSpace(np.eye(4), F, np.eye(3, 4), np.eye(4, 3))
    assert history.quasi_triangular() is not history


def test_autocorrelation_error_counts_variance():
    louder = VAR(FULL.innovation * 1.1, FULL.lags)
    assert autocorrelation_error(FULL, FULL) == 0
    assert autocorrelation_error(FULL, louder) == pytest.approx(0.21)
    assert autocorrelation_error(FULL, as_state_space(FULL)) < 1e-12


# ---------------------------------------------------------------------------------------- records


@pytest.mark.parametrize(("history", "kind", "order"), [(FULL, "var", 10), (oscillator(), "compact", 5)])
def test_kind_and_order(history, kind, order):
    assert (history.kind, history.order) == (kind, order)
    assert repr(history) == f"{'VAR' if kind == 'var' else kind}({order})"


@pytest.mark.parametrize("history", [FULL, oscillator()])
def test_copies_are_equal_and_cannot_be_written(history):
    for twin in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert twin == history
        assert hash(twin) == hash(history)
        for array in (twin.innovation, twin.realisation()[0], twin.stationary_covariance(), twin.memory_cholesky()):
            assert array.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            twin.innovation[0, 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            twin.memory_cholesky()[0, 0] = 1


def test_equality_is_by_content():
    lags = np.array(FULL.lags)
    same, other = VAR(FULL.innovation, lags), VAR(FULL.innovation, 0.5 * lags)
    lags[:] = 0  # what was given is not what is held
    assert same == FULL
    assert hash(same) == hash(FULL)
    assert other != FULL
    assert as_state_space(FULL) != FULL
    assert FULL != "VAR(10)"
    zero, negative = np.zeros((1, 4, 4)), np.full((1, 4, 4), -0.0)
    assert hash(VAR(np.eye(4), zero)) == hash(VAR(np.eye(4), negative))


BAD_VARS = {
    "innovation must have shape": (np.eye(3), FULL.lags),
    "innovation must be lower triangular": (np.eye(4) + np.eye(4, k=1), FULL.lags),
    "innovation must have a positive diagonal": (np.diag([1, 1, 0, 1]), FULL.lags),
    "innovation must be finite": (np.diag([1, 1, np.nan, 1]), FULL.lags),
    "innovation must hold real numbers": ("B", FULL.lags),
    r"lags must have shape \(n, 4, 4\), not \(4, 4\)": (np.eye(4), np.eye(4)),
    "lags must not be empty": (np.eye(4), np.zeros((0, 4, 4))),
    "lags must be finite": (np.eye(4), np.full((1, 4, 4), np.inf)),
    "lags must be a rectangular array": (np.eye(4), [[1.0], [1.0, 2.0]]),
    "lags must hold real numbers, not complex": (np.eye(4), np.full((1, 4, 4), 0.1j)),
    "lags: the companion matrix has spectral radius 1,": (np.eye(4), np.eye(4)[None]),
    "spectral radius 1.5": (np.eye(4), 1.5 * np.eye(4)[None]),
}


@pytest.mark.parametrize("message", BAD_VARS)
def test_var_refuses(message):
    with pytest.raises(ValueError, match=message):
        VAR(*BAD_VARS[message])


BAD_STATE_SPACES = {
    r"F must have shape \(n, n\), not \(2,\)": (np.zeros(2), np.zeros((2, 4)), np.zeros((4, 2))),
    r"F must have shape \(2, 2\), not \(2, 3\)": (np.zeros((2, 3)), np.zeros((2, 4)), np.zeros((4, 2))),
    "F must not be empty": (np.zeros((0, 0)), np.zeros((0, 4)), np.zeros((4, 0))),
    "F has spectral radius 1,": (np.eye(2), np.zeros((2, 4)), np.zeros((4, 2))),
    r"G must have shape \(2, 4\)": (np.zeros((2, 2)), np.zeros((4, 2)), np.zeros((4, 2))),
    r"H must have shape \(4, 2\)": (np.zeros((2, 2)), np.zeros((2, 4)), np.zeros((2, 4))),
    "H must be finite": (np.zeros((2, 2)), np.zeros((2, 4)), np.full((4, 2), np.nan)),
}


@pytest.mark.parametrize("message", BAD_STATE_SPACES)
def test_state_space_refuses(message):
    with pytest.raises(ValueError, match=message):
        StateSpace(np.eye(4), *BAD_STATE_SPACES[message])


def test_negative_number_of_lags():
    with pytest.raises(ValueError, match="lags must be 0 or more"):
        FULL.autocovariance(-1)


@settings(deadline=None, max_examples=100)
@given(
    hnp.arrays(np.float64, st.sampled_from([(4, 4), (3, 4), (4,)]), elements=st.floats(width=64)),
    hnp.arrays(np.float64, st.sampled_from([(1, 4, 4), (2, 4, 4), (0, 4, 4), (4, 4)]), elements=st.floats(width=64)),
)
def test_any_array_makes_a_stable_history_or_a_clear_error(innovation, lags):
    history, message = made(innovation, lags)
    if history is None:
        assert message.startswith(("innovation", "lags"))
    else:
        assert history.spectral_radius < 1
        assert np.all(np.isfinite(history.autocovariance(3)))


@settings(deadline=None, max_examples=100)
@given(hnp.arrays(np.float64, (2, 4, 4), elements=st.floats(-1e6, 1e6) | st.floats(-1, 1) | st.floats(-1e-300, 1e-300)))
def test_finite_lags_are_stable_or_refused(lags):
    history, message = made(np.eye(4), lags)
    if history is None:
        assert "spectral radius" in message
    else:
        assert np.all(np.isfinite(history.stationary_covariance()))
