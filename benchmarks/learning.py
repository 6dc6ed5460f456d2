"""Claim: a fit recovers a population from features of devices, and eight states follow hundreds of cycles of memory.

Each figure is printed with its bound; the truth is known in closed form, and devices are simulated with
`CellArray.run_cycles`.

- features: 512 devices x 6,000 cycles of hennen2024: time, memory, VAR, order, autocorrelations to lag 200, quantile
  polynomials, mixture. Divergences of mixtures are in nats per device, over several seeds.
- few devices: 64, against one Gaussian.
- short records: 300 cycles; errors of the autocorrelation (VAR, to lag 200) as found, corrected, and of a fit with
  the true means and deviations of the devices, which is chance alone.
- long memory: a VAR(200) made for the purpose. Each of four factors is white noise and six AR(1) processes with time
  constants from 2 to 200 cycles, of variances that grow as their 0.6th power; a loading matrix mixes them, and the
  Yule-Walker equations of order 200 make the process. "Hard" is a second one, of ten time constants from 1.5 to 300
  cycles, each mixed in directions of its own: forty states, of which eight must do.
"""

import resource
import sys
import time
from typing import Any

import numpy as np
import xarray as xr

import synaptogen as sg
from _timing import introduce, parser, table, write_json
from synaptogen._utils import Float64Array
from synaptogen.learn import FeatureFit, fit_features
from synaptogen.learn.statistics import feature_table, lag_sums
from synaptogen.learn.statistics.bias_correction import BiasCorrectedFit
from synaptogen.learn.statistics.latent_simulation import latent_records
from synaptogen.learn.statistics.population_fit import fit_population
from synaptogen.learn.statistics.preset_completion import standard_form
from synaptogen.learn.statistics.quantile_transform import rms_difference
from synaptogen.learn.statistics.state_space_fit import divergence_rate, fit_compact
from synaptogen.params import FEATURE_NAMES, VAR, DeviceParams, History, Population, yule_walker

Row = tuple[str, float | str, str]

PRESET = DeviceParams.preset("hennen2024")
TRUTH = standard_form(PRESET)
CHUNK = 500  # cycles
MIXING = np.array([[1, 0.25, -0.15, 0.1], [0.2, 1, 0.2, -0.3], [-0.15, 0.2, 1, 0.3], [0.1, -0.25, 0.3, 1]])
NOISE = np.array([[1, 0.1, -0.2, 0.1], [0.1, 1, 0.15, -0.3], [-0.2, 0.15, 1, 0.2], [0.1, -0.3, 0.2, 1]])


def measure(devices: int, cycles: int, seed: int, params: DeviceParams = PRESET) -> xr.Dataset:
    """Simulate features (device, cycle) of virtual devices, a few cycles at a time."""
    cells = sg.CellArray(devices, params, rng=seed)
    out = np.empty((len(FEATURE_NAMES), devices, cycles))
    for begin in range(0, cycles, CHUNK):
        features = cells.run_cycles(min(CHUNK, cycles - begin))
        out[:, :, begin : begin + CHUNK] = np.swapaxes(np.array(features), 1, 2)
    return xr.Dataset({name: (("device", "cycle"), values) for name, values in zip(FEATURE_NAMES, out, strict=True)})


def divergence(fit: Population, devices: int = 100_000) -> float:
    """Return nats per device by which a mixture falls behind the true one."""
    rng, truth = np.random.default_rng(99), TRUTH.population
    k = rng.choice(truth.n_components, devices, p=truth.weights / truth.weights.sum())
    v = truth.means[k] + np.einsum("nij,nj->ni", truth.cholesky[k], rng.standard_normal((devices, 8)))
    v = v[(v[:, 4:] > 0).all(1)]
    if fit.sigma_scale == "linear":
        return float(np.mean(truth.log_density(v) - fit.log_density(v)))
    logs = np.concatenate([v[:, :4], np.log(v[:, 4:])], axis=1)
    return float(np.mean(truth.log_density(v) - fit.log_density(logs) + logs[:, 4:].sum(1)))


def acf_error(history: History | Float64Array, truth: Float64Array) -> float:
    """Return the worst difference of autocorrelation over all pairs of features and lags."""
    found = history if isinstance(history, np.ndarray) else history.autocovariance(len(truth) - 1)
    return float(np.abs(found - truth).max())


def features(devices: int, cycles: int, seeds: int) -> list[Row]:
    x = np.linspace(-3, 3, 601)
    fits: list[FeatureFit] = []
    seconds = []
    for seed in range(1, seeds + 1):
        data = measure(devices, cycles, seed)
        begin = time.perf_counter()
        fits.append(fit_features(data, preset=PRESET))
        seconds.append(time.perf_counter() - begin)
    first = fits[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    pairs = list(zip(first.quantile, TRUTH.quantile, strict=True))
    nats = [divergence(f.population) for f in fits]
    weights = [float(f.population.weights.min()) for f in fits]
    lags = first.var.lags - TRUTH.history.lags if first.var.order == TRUTH.history.order else np.full(1, np.nan)
    far = max(float(np.abs(np.polyval(a, x) - np.polyval(b, x)).max()) for a, b in pairs)
    return [
        ("time of a fit, s", max(seconds), "<= 60"),
        ("peak memory, GB", peak / 1e9, "<= 8"),
        ("VAR coefficients, rms", float(np.sqrt(np.mean(lags**2))), "<= 0.0007"),
        ("order by BIC", float(first.var.order), "10"),
        (f"autocorrelations to lag 200, {first.history!r}", acf_error(first.history, TRUTH.gamma(200)), "<= 0.01"),
        ("quantile polynomials, rms, worst feature", max(rms_difference(a, b) for a, b in pairs), "<= 0.004"),
        ("quantile polynomials, |x| < 3, worst feature", far, "<= 0.035"),
        ("smallest weight, each seed", " ".join(f"{w:.3f}" for w in weights), "0.03-0.055"),
        ("divergence of the mixture, each seed", " ".join(f"{n:.2f}" for n in nats), ""),
        ("divergence of the mixture, median", float(np.median(nats)), "<= 0.25"),
    ]


def few_devices(cycles: int, seeds: int) -> list[Row]:
    nats, single = [], []
    for seed in range(1, seeds + 1):
        fit = fit_features(measure(64, cycles, seed), preset=PRESET, history="var")
        nats.append(divergence(fit.population))
        one = fit_population(fit.devices.to_numpy(), components=1, rng=np.random.default_rng(0))
        single.append(divergence(one.population))
    return [
        ("divergence, each seed", " ".join(f"{n:.2f}" for n in nats), ""),
        ("divergence, median", float(np.median(nats)), "<= 1.2"),
        ("one Gaussian, median", float(np.median(single)), "more"),
        ("seeds where one Gaussian is better", float(sum(a > b for a, b in zip(nats, single, strict=True))), "0"),
    ]


def short_records(devices: int, cycles: int) -> list[Row]:
    """Return errors as found, corrected, and with the true means, of the same number of cycles."""
    data = measure(devices, cycles, 5)
    fit = fit_features(data, preset=PRESET, history="var", order=10)
    raw = BiasCorrectedFit(feature_table(data), TRUTH, 10, "var", 8, 0, lambda *_: None).uncorrected
    x = latent_records(TRUTH.history, devices, cycles, np.random.default_rng(5))
    truth = TRUTH.gamma(200)
    error = fit.var.autocovariance(200) - truth
    what = f"{devices:,} x {cycles}"
    return [
        (f"{what}, as found", acf_error(yule_walker(raw, 10), truth), ""),
        (f"{what}, corrected", acf_error(fit.var, truth), "<= 0.005" if devices * cycles > 2_000_000 else ""),
        (f"{what}, corrected, rms", float(np.sqrt(np.mean(error**2))), "<= 0.005"),
        (f"{what}, means known: chance", acf_error(yule_walker(lag_sums(x, 10).mean(), 10), truth), ""),
    ]


def long_memory(order: int = 200) -> VAR:
    """Return the process made for the purpose."""
    share = np.array([0.25, 0.55, 0.6, 0.55])
    taus = np.geomspace(2, 200, 6)
    weights = taus**0.6 / np.sum(taus**0.6)
    decay = np.exp(-np.arange(order + 1)[:, None] / taus) @ weights
    gamma = decay[:, None, None] * (MIXING @ np.diag(share) @ MIXING.T)
    return _process(gamma, np.sqrt(1 - share), order)


def hard_memory(order: int = 200) -> VAR:
    """Return a process whose time constants are mixed each in directions of its own."""
    rng, share = np.random.default_rng(7), np.array([0.12, 0.35, 0.33, 0.34])
    gamma = np.zeros((order + 1, 4, 4))
    for tau in np.geomspace(1.5, 300, 10):
        rotated = MIXING @ np.linalg.qr(np.eye(4) + 0.3 * rng.normal(size=(4, 4)))[0]
        part = rotated @ np.diag(share / 10) @ rotated.T
        gamma += np.exp(-np.arange(order + 1) / tau)[:, None, None] * part
    return _process(gamma, np.sqrt([0.6, 0.3, 0.2, 0.25]), order)


def _process(gamma: Float64Array, noise: Float64Array, order: int) -> VAR:
    gamma[0] += noise[:, None] * NOISE * noise
    deviation = np.sqrt(np.diagonal(gamma[0]))
    return yule_walker(gamma / np.outer(deviation, deviation), order)


def memory_rows(name: str, truth: VAR, bound: str, rate: str) -> list[Row]:
    gamma = truth.autocovariance(500)
    rows: list[Row] = [(f"{name}: sum of autocorrelations", _sums(truth), "")]
    compact = fit_compact(truth, gamma, 8)
    for model, most, slow in (
        (compact, bound, rate),
        (yule_walker(gamma, 10), "", ""),
        (yule_walker(gamma, 50), "", ""),
    ):
        error = model.autocovariance(500) - gamma
        rows += [
            (f"{name}: {model!r}, worst error to lag 500", float(np.abs(error).max()), most),
            (f"{name}: {model!r}, rms error", float(np.sqrt(np.mean(error**2))), ""),
            (f"{name}: {model!r}, divergence, nats per cycle", divergence_rate(truth, model), slow),
        ]
    return rows


def learned_memory(devices: int, cycles: int) -> list[Row]:
    truth = long_memory()
    gamma = truth.autocovariance(500)
    fit = fit_features(measure(devices, cycles, 3, PRESET.replace(history=truth)), preset=PRESET)
    assert fit.compact is not None
    return [
        (f"learned from {devices} x {cycles}: default history", repr(fit.history), "compact(8)"),
        ("learned: compact, worst error to lag 500", acf_error(fit.compact, gamma), "<= 0.016"),
        ("learned: compact, divergence, nats per cycle", divergence_rate(truth, fit.compact), ""),
        (f"learned: {fit.var!r}, worst error", acf_error(fit.var, gamma), ""),
        ("learned: sum of autocorrelations", _sums(fit.compact), ""),
    ]


def _sums(history: History) -> str:
    gamma = history.autocovariance(500)
    return " ".join(f"{gamma[1:, f, f].sum():.0f}" for f in range(4))


def main() -> None:
    options = parser(__doc__, 3)
    options.add_argument("--quick", action="store_true", help="fewer devices, cycles and seeds; bounds are for all")
    chosen = options.parse_args()
    about = introduce("learning from features")
    quick, seeds = chosen.quick, 1 if chosen.quick else chosen.repeats
    size = (128, 1500) if quick else (512, 6000)
    measure(4, 2, 0)  # compiles the engine
    tasks: dict[str, Any] = {
        f"features, {size[0]} x {size[1]}": lambda: features(*size, seeds),
        "64 devices": lambda: few_devices(1500 if quick else 6000, 1 if quick else 2 * seeds + 1),
        "short records": lambda: short_records(512, 300) + ([] if quick else short_records(10_240, 300)),
        "long memory": lambda: (
            memory_rows("purpose", long_memory(), "<= 0.012", "<= 0.003")
            + ([] if quick else memory_rows("hard", hard_memory(), "", ""))
            + learned_memory(*size)
        ),
    }
    results = {}
    for title, task in tasks.items():
        results[title] = task()
        rows = [
            (name, value if isinstance(value, str) else f"{value:.3g}", bound) for name, value, bound in results[title]
        ]
        print(f"\n{table((title, 'found', 'bound'), rows)}", flush=True)
    write_json(chosen.json, about, results)


if __name__ == "__main__":
    main()
