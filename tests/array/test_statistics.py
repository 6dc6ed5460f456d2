"""Millions of cycles against the distributions they should follow: closed forms, computed here and not by the package.

65,536 cells live through 220 cycles each. Their latent x is recovered from features of a population that was made for
it: identity quantile polynomials, and all cells alike, so that features are affine in x. z-scores use exact standard
errors of the estimates (moments of Gaussian processes by Isserlis' theorem, of mixtures by their components). Each is
bounded at 6 standard deviations (see `unlikely`), each p-value at 1e-6: with the some 12,000 scores and 36 p-values of
this file, a correct package would fail for less than one in 10,000 choices of its fixed seeds.
"""

import json
from importlib import resources

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

import synaptogen as sg
from synaptogen.params.device_params import DeviceParams, Population

PRESET = DeviceParams.preset("hennen2024")
PUBLISHED = json.loads((resources.files("synaptogen.params") / "presets" / "hennen2024.json").read_text())
LAGS, CYCLES, CELLS = 20, 220, 1 << 16
OFFSET, SCALE = np.array([4.9, -1.0, 5000.0, 0.7]), np.array([0.1, 0.1, 300.0, 0.06])


def affine(params):
    """The same history, in cells of which each feature is OFFSET + SCALE * x."""
    mean = np.concatenate([OFFSET, SCALE])[None]
    alike = Population([1.0], mean, 1e-30 * np.eye(8)[None])
    quantile = np.zeros((4, 5))
    quantile[:, -2] = 1.0
    return params.replace(population=alike, quantile=quantile)


def latent(features):
    """x of cells with affine features, shape (4, cells)."""
    y = np.stack([np.log10(features.r_hrs.astype(float)), *features[1:]]).reshape(4, -1)
    return ((y - OFFSET[:, None]) / SCALE[:, None]).astype(np.float32)


def lives(cells, cycles):
    """x of the running cycle and of those that follow, shape (cycles, 4, cells)."""
    x = np.empty((cycles, 4, cells.size), np.float32)
    for n in range(cycles):
        x[n] = latent(cells.features)
        cells.apply_voltages([-3.0, 3.0])
    return x


# ---------------------------------------------------------------------------------------- closed forms


def state_space(history):
    """F, G, H, B of any history: x_n = H s_n + B e_n, s_n+1 = F s_n + G e_n."""
    B = history.innovation
    if history.kind == "compact":
        return history.F, history.G, history.H, B
    p = len(history.lags)
    H = np.hstack(list(history.lags))
    F = np.zeros((4 * p, 4 * p))
    F[:4] = H
    F[4:, :-4] = np.eye(4 * p - 4)
    return F, np.vstack([B, np.zeros((4 * p - 4, 4))]), H, B


def stationary_law(history, lags):
    """E[x_n x_n-k^T] for k = 0 ... lags."""
    F, G, H, B = state_space(history)
    P = scipy.linalg.solve_discrete_lyapunov(F, G @ G.T)
    cross, covariances = F @ P @ H.T + G @ B.T, [H @ P @ H.T + B @ B.T]
    for _ in range(lags):
        covariances.append(H @ cross)
        cross = F @ cross
    return np.array(covariances)


def law_from_zeros(history, cycles):
    """E[x_n x_m^T] of a device whose history before cycle 0 is zero, shape (cycles, cycles, 4, 4), for n >= m."""
    F, G, H, B = state_space(history)
    # x_n = sum over k of impulse[n - k] e_k
    impulse = [B]
    power = G
    for _ in range(cycles - 1):
        impulse.append(H @ power)
        power = F @ power
    covariances = np.zeros((cycles, cycles, 4, 4))
    for n in range(cycles):
        for m in range(n + 1):
            covariances[n, m] = sum(impulse[n - k] @ impulse[m - k].T for k in range(m + 1))
    return covariances


def error_of_autocovariances(covariances, lags, steps):
    """Exact standard errors of sum over t of x_i(t) x_j(t-k) / steps in one stationary Gaussian life.

    The covariance of two such products d cycles apart is g_ii(d) g_jj(d) + g_ij(d+k) g_ji(d-k).
    """

    def g(d):
        return covariances[d] if d >= 0 else covariances[-d].T

    errors = np.zeros((lags + 1, 4, 4))
    for k in range(lags + 1):
        total = np.zeros((4, 4))
        for d in range(1 - steps, steps):
            own = np.outer(np.diagonal(g(d)), np.diagonal(g(d)))
            total += (steps - abs(d)) * (own + g(d + k) * g(d - k).T)
        errors[k] = np.sqrt(total) / steps
    return errors


def autocovariances(x, lags):
    """Mean over cells and cycles of x_i(t) x_j(t-k), all for the same t, and how many t there were."""
    steps, total = len(x) - lags, np.zeros((lags + 1, 4, 4))
    for t in range(lags, len(x)):
        window = x[t - lags : t + 1].reshape(4 * (lags + 1), -1)
        products = (window @ x[t].T).reshape(lags + 1, 4, 4).astype(float)
        total += products.transpose(0, 2, 1)[::-1] / x.shape[2]
    return total / steps, steps


def check_stationary_lives(x, history, unlikely):
    found, steps = autocovariances(x, LAGS)
    expected = stationary_law(history, len(x) + LAGS)
    errors = error_of_autocovariances(expected, LAGS, steps) / np.sqrt(x.shape[2])
    unlikely((found - expected[: LAGS + 1]) / errors)
    sums = expected[0] + sum((1 - k / len(x)) * (expected[k] + expected[k].T) for k in range(1, len(x)))
    error_of_mean = np.sqrt(np.diagonal(sums) / len(x) / x.shape[2])
    unlikely(x.mean(axis=(0, 2), dtype=float) / error_of_mean)


# ---------------------------------------------------------------------------------------- histories

HISTORIES = {"VAR(10)": PRESET, "VAR(2)": PRESET.with_order(2), "compact(8)": PRESET.compact(8)}


@pytest.mark.parametrize("name", HISTORIES)
def test_stationary_lives(name, unlikely):
    cells = sg.CellArray(CELLS, affine(HISTORIES[name]), rng=101)
    x = lives(cells, CYCLES)
    assert cells.cycle.min() == cells.cycle.max() == CYCLES
    assert cells.limited() == 0
    check_stationary_lives(x, HISTORIES[name].history, unlikely)
    # Gaussian at the beginning, while histories are renewed, and at the end
    deviation = np.sqrt(np.diagonal(stationary_law(HISTORIES[name].history, 0)[0]))
    for n in (0, 1, CYCLES - 1):
        for feature in range(4):
            assert scipy.stats.kstest(x[n, feature] / deviation[feature], "norm").pvalue > 1e-6


@pytest.mark.parametrize("name", HISTORIES)
def test_stationary_from_the_very_first_cycle(name, unlikely):
    """The distribution of the first cycles alone, all pairs of them: nothing has to settle."""
    cycles = 13
    x = lives(sg.CellArray(2 * CELLS, affine(HISTORIES[name]), rng=102), cycles)
    covariances = stationary_law(HISTORIES[name].history, cycles)
    check_pairs_of_cycles(x, lambda n, m: covariances[n - m], unlikely)


@pytest.mark.parametrize("name", HISTORIES)
def test_pristine_lives_start_from_zeros(name, unlikely):
    cycles = 13
    x = lives(sg.CellArray(2 * CELLS, affine(HISTORIES[name]), rng=103, start="pristine"), cycles)
    covariances = law_from_zeros(HISTORIES[name].history, cycles)
    check_pairs_of_cycles(x, lambda n, m: covariances[n, m], unlikely)
    # and this is something else than a stationary beginning
    B = HISTORIES[name].history.innovation
    assert np.diagonal(B @ B.T)[2] < 0.7 < np.diagonal(stationary_law(HISTORIES[name].history, 0)[0])[2]


def check_pairs_of_cycles(x, covariances, unlikely):
    cells = x.shape[2]
    for n in range(len(x)):
        scores = []
        for m in range(n + 1):
            expected = covariances(n, m)
            variance = np.outer(np.diagonal(covariances(n, n)), np.diagonal(covariances(m, m))) + expected**2
            scores.append(((x[n] @ x[m].T).astype(float) / cells - expected) / np.sqrt(variance / cells))
        unlikely(scores)


@pytest.mark.parametrize("history", ["var", "compact"])
def test_reference_engine_follows_the_same_distribution(history, unlikely):
    params = affine(PRESET if history == "var" else PRESET.compact(8))
    x = lives(sg.CellArray(4096, params, rng=104, engine="reference"), 60)
    check_stationary_lives(x, params.history, unlikely)
    x = lives(sg.CellArray(8192, params, rng=105, engine="reference", start="pristine"), 4)
    check_pairs_of_cycles(x, lambda n, m: law_from_zeros(params.history, 4)[n, m], unlikely)


def test_published_stationary_law():
    """Figures of the published model: the distribution that the tests above compare with is the right one."""
    covariances = stationary_law(PRESET.history, 1)
    assert np.diagonal(covariances[0]) == pytest.approx([0.9987, 1.0003, 0.9942, 0.9973], abs=5e-5)
    assert np.diagonal(covariances[1]) == pytest.approx([0.135, 0.176, 0.505, 0.323], abs=5e-4)
    assert np.array_equal(PRESET.history.lags, PUBLISHED["history"]["lags"])


def test_cells_are_independent_of_their_neighbours(unlikely):
    x = lives(sg.CellArray(CELLS, affine(PRESET), rng=106), 3)[-1]
    deviation = x.std(axis=1, dtype=float)[:, None]
    x = x / deviation
    for distance in (1, 2, 16, 64):
        products = x[:, None, :-distance] * x[None, :, distance:]
        unlikely(products.mean(axis=2) * np.sqrt(CELLS - distance))


def test_lives_of_different_seeds_are_independent(unlikely):
    a, b = (lives(sg.CellArray(CELLS, affine(PRESET), rng=seed), 2)[-1] for seed in (107, 108))
    unlikely((a @ b.T) / np.outer(a.std(1), b.std(1)) / np.sqrt(CELLS))


# ---------------------------------------------------------------------------------------- devices


def mixture_law(population):
    """Mean (8,), covariance (8, 8), and variance of products (a - mean_a)(b - mean_b) (8, 8) of a Gaussian mixture."""
    w = np.array(population.weights) / np.sum(population.weights)
    mean = w @ population.means
    covariance, fourth = np.zeros((8, 8)), np.zeros((8, 8))
    for share, m, L in zip(w, population.means, population.cholesky, strict=True):
        S, d = L @ L.T, m - mean
        covariance += share * (S + np.outer(d, d))
        squares = np.diagonal(S) + d**2
        fourth += share * (np.outer(squares, squares) + 2 * S**2 + 4 * S * np.outer(d, d))
    return mean, covariance, fourth - covariance**2


def check_mixture(vectors, population, unlikely):
    mean, covariance, variance = mixture_law(population)
    n = vectors.shape[1]
    off = vectors - mean[:, None]
    unlikely(off.mean(axis=1) / np.sqrt(np.diagonal(covariance) / n))
    unlikely((off @ off.T / n - covariance) / np.sqrt(variance / n))


@pytest.mark.parametrize(("engine", "count"), [("cpu", 1 << 18), ("reference", 1 << 15)])
def test_device_vectors_of_the_preset(engine, count, unlikely):
    cells = sg.CellArray(count, PRESET.with_order(1), rng=109, engine=engine)
    check_mixture(cells.device.astype(float), PRESET.population, unlikely)


def test_components_are_chosen_by_their_weights(unlikely):
    weights = np.array([0.55, 0.003, 0.247, 0.2])
    means = np.tile(PRESET.population.means[0], (4, 1))
    means[:, 0] = [4.2, 4.6, 5.0, 5.4]  # far apart, so that a cell shows its component
    cholesky = np.tile(1e-3 * np.diag(PRESET.population.means[0].clip(1e-2)), (4, 1, 1))
    cholesky[:, 0, 0] = 0.01
    cholesky[:, 4, 0] = 0.02  # lower triangles are used as such
    population = Population(weights, means, cholesky)
    cells = sg.CellArray(1 << 18, PRESET.replace(population=population, history=PRESET.with_order(1).history), rng=110)
    vectors = cells.device.astype(float)
    component = np.rint((vectors[0] - 4.2) / 0.4).astype(int)
    counts = np.bincount(component, minlength=4)
    n = cells.size
    unlikely((counts - n * weights) / np.sqrt(n * weights * (1 - weights)))
    for k in range(4):
        one = Population([1.0], means[k : k + 1], cholesky[k : k + 1])
        check_mixture(vectors[:, component == k], one, unlikely)


def test_log_sigma_population(unlikely):
    means, cholesky = PRESET.population.means.copy(), PRESET.population.cholesky.copy()
    means[:, 4:] = np.log(means[:, 4:])
    cholesky[:, 4:] *= 0.01
    cholesky[:, range(4, 8), range(4, 8)] = 0.3
    population = Population(PRESET.population.weights, means, cholesky, sigma_scale="log")
    cells = sg.CellArray(1 << 17, PRESET.replace(population=population), rng=111)
    vectors = cells.device.astype(float)
    assert vectors[4:].min() > 0
    vectors[4:] = np.log(vectors[4:])
    check_mixture(vectors, population, unlikely)


# ---------------------------------------------------------------------------------------- features


def alike(params):
    """All cells are the mean device."""
    return params.replace(population=Population([1.0], PRESET.population.mean()[None], 1e-30 * np.eye(8)[None]))


@pytest.mark.parametrize("cycles", [0, 25])
def test_quantiles_of_features(cycles, unlikely):
    """A share Phi(q) of the cells has a feature below mu + sigma Gamma(q sd)."""
    cells = sg.CellArray(1 << 17, alike(PRESET), rng=112)
    cells.apply_voltages([-3.0, 3.0] * cycles or [0.0])
    y = np.stack(cells.features).astype(float)
    y[0] = np.log10(y[0])
    mean = PRESET.population.mean()
    deviation = np.sqrt(np.diagonal(stationary_law(PRESET.history, 0)[0]))
    q = np.array([-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0])
    share = scipy.stats.norm.cdf(q)
    for feature in range(4):
        bound = mean[feature] + mean[4 + feature] * np.polyval(PUBLISHED["quantile"][feature], q * deviation[feature])
        found = np.count_nonzero(y[feature][:, None] <= bound, axis=0)
        unlikely((found - cells.size * share) / np.sqrt(cells.size * share * (1 - share)))


def test_features_of_the_preset_are_what_was_measured():
    """Medians over devices and cycles near the published typical values; spreads as broad as published."""
    cells = sg.CellArray(CELLS, rng=113)
    f = cells.features
    assert np.median(f.r_hrs) == pytest.approx(10**4.88, rel=0.05)
    assert np.median(f.u_set) == pytest.approx(-0.67, abs=0.02)
    assert np.median(f.r_lrs) == pytest.approx(4520, rel=0.03)
    assert np.median(f.u_reset) == pytest.approx(0.73, abs=0.02)
    assert 10 < cells.limited() + 10 < 0.02 * cells.size  # rare, and counted
