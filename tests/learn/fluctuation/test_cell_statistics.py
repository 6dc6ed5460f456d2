"""Statistics of reads against closed forms."""

import numpy as np
import pytest

pytest.importorskip("synaptogen.learn")

from synaptogen.learn.fluctuation import figures_of, robust_sd, rows_of, spectrum
from synaptogen.learn.fluctuation.cell_statistics import two_levels

RNG = np.random.default_rng(1)
N, T = 200, 1024


def test_white_noise_has_no_memory_no_levels_and_a_flat_spectrum():
    x = np.concatenate([np.zeros((N, 1)), 0.01 * RNG.standard_normal((N, T))], axis=1)
    f = figures_of(rows_of(x, T + 1))
    # medians over 200 cells of 1024 reads: errors below 1 % of each
    assert np.exp(f["sd"]) == pytest.approx(0.01, rel=0.02)
    assert np.exp(f["white"]) == pytest.approx(0.01, rel=0.03)
    assert np.exp(f["lag 100"]) == pytest.approx(0.01 * np.sqrt(2), rel=0.03)
    assert np.exp(f["kurtosis"]) == pytest.approx(3.0, rel=0.05)
    assert abs(f["exponent"]) < 0.1
    assert f["two levels"] == 0
    assert np.exp(f["moved 100, ln rsd"]) == pytest.approx(0.01, rel=0.25)  # 4 errors of 200 cells


def test_a_random_walk_has_a_spectrum_of_two():
    x = np.cumsum(0.01 * RNG.standard_normal((N, T + 1)), axis=1)
    f = figures_of(rows_of(x - x[:, :1], T + 1))
    assert f["exponent"] == pytest.approx(2.0, abs=0.15)
    assert np.exp(f["moved 100, ln rsd"]) == pytest.approx(0.1, rel=0.25)


def test_one_over_f_noise_has_a_spectrum_of_one():
    f = np.fft.rfftfreq(T)
    f[0] = np.inf
    phases = np.exp(2j * np.pi * RNG.random((N, len(f))))
    x = np.fft.irfft(phases / np.sqrt(f), axis=1)
    frequency, power = spectrum(x)
    slope = np.polyfit(np.log(frequency), np.log(np.median(power, axis=0)), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.1)


def test_telegraph_noise_has_two_levels_of_its_separation():
    up = np.cumsum(RNG.random((N, T)) < 0.02, axis=1) % 2  # a switch in 50 reads
    x = 0.1 * up + 0.005 * RNG.standard_normal((N, T))
    found = two_levels(x)
    assert found.clear.mean() > 0.97
    assert np.median(found.separation) == pytest.approx(0.1, rel=0.02)
    assert np.median(found.switches) == pytest.approx(0.02, rel=0.1)


def test_a_robust_sd_is_that_of_a_normal_sample():
    assert robust_sd(3.0 * RNG.standard_normal(200_000)) == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize(
    ("sd", "expected"),
    [([-7, -6, -5, -3], 1.0), ([7, 5, 3, -1], -1.0), ([2, 2, 2, 2], 0.0), ([9, 1, 9, 7], 1.5 / np.sqrt(8.75 * 43))],
)
def test_white_noise_and_spread_are_correlated_as_pearson_says(sd, expected):
    """Wherever the numbers lie, which are logarithms of small ones."""
    rows = {"white": np.array([-8.0, -7.0, -6.0, -4.0]), "sd": np.array(sd, float)}
    assert figures_of(rows)["white with sd"] == pytest.approx(expected)


def test_figures_of_few_cells():
    """Levels are described where five cells have two; spreads are standard deviations, others medians or means."""
    nan, clear = np.nan, np.array([1.0, 1, 1, 1, 0, 0])
    rows = {"white": np.array([1.0, 2, 3]), "two levels": clear, "separation": np.array([-1.0, -2, -3, -5, nan, nan])}
    few = figures_of(rows | {"switches": rows["separation"]})
    assert few["two levels"] == pytest.approx(4 / 6)
    assert few["white, spread"] == pytest.approx(np.sqrt(2 / 3))
    assert np.isnan([few["separation"], few["separation, spread"], few["switches"]]).all()
    rows["separation"][4] = -4.0
    enough = figures_of({name: rows[name] for name in ("two levels", "separation")})
    assert enough["separation"] == -3.0
    assert enough["separation, spread"] == pytest.approx(np.sqrt(2.0))
