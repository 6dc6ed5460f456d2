"""What shapes and memory of a device's own, restless innovations and scales of features cost: time of a cycle.

    python benchmarks/own_laws.py [--cells 2^20] [--repeats 9] [--parts off all "all, after burn-in"]

Each row is one of these parts alone, or all of them, with the parameter set of the tests; "off" is the same set without
them. "Burn-in" is a trend of the first 50 cycles whose factors follow offsets and scales, as fits have it: once while
it lasts, and once in later cycles. All arrays take turns on one thread, in full and in compact storage, and ratios are
those of the least times.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import synaptogen as sg
from _timing import CYCLES, figure, parser, positive, table
from synaptogen.learn.statistics.burn_in import BurnIn

LAWS = Path(__file__).parents[1] / "tests" / "data" / "own_laws.json"


def sets():
    """Parameter sets by what they have."""
    everything = sg.DeviceParams.from_json(LAWS)
    curved = everything.population
    plain = on_plain_scales(everything)
    off = everything.replace(
        own=None, restless=None, scales=sg.DeviceParams.preset("hennen2024").scales, population=short(plain)
    )
    return {
        "off": off,
        "scales": off.replace(scales=everything.scales, population=short(curved)),
        "own": off.replace(own=everything.own, population=plain),
        "restless": off.replace(restless=everything.restless),
        "burn-in": off.replace(trend=lasting(burn_in(off.population))),
        "after burn-in": off.replace(trend=burn_in(off.population)),
        "all": everything,
        "all, burn-in": everything.replace(trend=lasting(burn_in(everything.population))),
        "all, after burn-in": everything.replace(trend=burn_in(everything.population)),
    }


def burn_in(population):
    """Decays over some ten cycles whose amplitudes follow offsets and scales of a device by a little of its spread."""
    curves = BurnIn(np.array([10.0, 3.0, 2.0, 5.0])).curves
    scale = np.sqrt(np.diagonal(population.covariance())[:8])
    centre = np.concatenate(
        [population.mean()[:4], np.exp(population.mean()[4:8])]
    )  # the population is one of ln sigma
    slope = np.outer(0.1 * scale[:4], 0.1 / np.concatenate([scale[:4], centre[4:] * scale[4:]]))
    return sg.Trend(50, curves, 0.1 * scale[:4], np.diag(0.05 * scale[:4]), slope, centre, passes=True)


def lasting(trend):
    """The same computations in each cycle of the benchmark."""
    return replace(trend, cycles=1 << 20)


def short(population):
    """The population of means and spreads alone."""
    return sg.Population(population.weights, population.means[:, :8], population.cholesky[:, :8, :8], "log")


def on_plain_scales(params):
    """The population of a parameter set whose features have about the same law without scales of their own."""
    population = params.population
    means, factors = population.means.copy(), np.ones(20)
    for i, scale in enumerate(params.scales):
        mu, sigma = means[:, i].copy(), np.exp(means[:, 4 + i])
        low, middle, high = (scale.value(mu + k * sigma) for k in (-1, 0, 1))
        if i == 0:
            low, middle, high = np.log10(low), np.log10(middle), np.log10(high)
        means[:, i], means[:, 4 + i] = middle, np.log((high - low) / 2)
        factors[i] = np.mean((high - low) / 2 / sigma)
    reach = 5 * np.sqrt((population.cholesky**2).sum(axis=2)) * factors
    low, high = (means - reach).min(axis=0), (means + reach).max(axis=0)
    low[8:], high[8:] = population.low[8:], population.high[8:]
    cholesky = population.cholesky * factors[:, None]
    return sg.Population(population.weights, means, cholesky, "log", low, high)


def cycles(cells):
    """Processor time in ns of a cycle of a cell."""
    begin = time.thread_time()
    cells.apply_voltages([-2.0, 2.0] * CYCLES)
    return 1e9 * (time.thread_time() - begin) / (CYCLES * cells.size)


def main():
    """Measure and print."""
    options = parser(__doc__, repeats=9)
    options.add_argument("--cells", type=positive, default=1 << 20)
    options.add_argument("--parts", nargs="+", default=list(sets()), help="rows; off is always there")
    options.add_argument("--storages", nargs="+", default=["full", "compact"])
    given = options.parse_args()
    parts = {name: params for name, params in sets().items() if name == "off" or name in given.parts}
    rows = []
    for storage in given.storages:
        arrays = {
            name: sg.CellArray(given.cells, params, rng=1, threads=1, storage=storage) for name, params in parts.items()
        }
        for cells in arrays.values():
            cells.apply_voltages([-2.0, 2.0] * 60)  # until the burn-in is over
        best = dict.fromkeys(arrays, float("inf"))
        for _ in range(given.repeats + 1):
            for name, cells in arrays.items():
                best[name] = min(best[name], cycles(cells))
        for name, cells in arrays.items():
            row = figure(best[name]), figure(best[name] / best["off"]), figure(cells.state.engine.bytes_per_cell)
            rows.append((storage, name, *row))
    print(table(("storage", "parts", "ns a cycle", "to off", "bytes a cell"), rows))


if __name__ == "__main__":
    sys.exit(main())
