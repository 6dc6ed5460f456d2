"""Claim: shapes and memory of devices are found where they are, with their true spreads, and nowhere else.

Populations whose law is known are simulated, and learned from a few hundred cycles of each device:

- "one law": devices of the preset with a compact history, which differ in means and spreads alone.
- "shape": skewness and tails of a device are its own.
- "memory": the share of the variance that is memory is its own.
- "shape, memory, unrest": both, and restless innovations of R_LRS.

Choices: the share of populations in which own laws, or restless innovations, are found where there are none, or missed
where there are some. Traits: widths over devices (10 to 90 %) of mean, standard deviation, skewness and lag-1
correlation in long records of devices that were learned, over those of true devices; 1 is right. For comparison the
same with one law for all devices.

    python benchmarks/simulated_truth.py --devices 64 300 1000 --repeats 2
    python benchmarks/simulated_truth.py --devices 64 --repeats 20 --choices      choices alone, in a third of the time
"""

import argparse
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_limits

import synaptogen as sg
from synaptogen import learn
from synaptogen._utils import Float64Array
from synaptogen.learn.statistics import Laws, indirect_inference

CYCLES, LONG, TRUE_DEVICES = 250, 2000, 1000
BASE = sg.DeviceParams.preset("hennen2024").compact(4)
SKEWNESS, TAILS = np.tile([0.0, 1.0, 0.0, -1.0], (4, 1)), np.tile([1.0, 0.0, -3.0, 0.0], (4, 1)) / np.sqrt(6)


def truth(kind: str) -> sg.DeviceParams:
    """Return a population of a kind."""
    if kind == "one law":
        return BASE
    shape, memory = 0.12 * ("shape" in kind), 0.12 * ("memory" in kind)
    mean, factor = np.zeros(20), np.zeros((20, 20))
    k = int(np.argmax(BASE.population.weights))
    mean[:8], factor[:8, :8] = BASE.population.means[k], BASE.population.cholesky[k]
    if BASE.population.sigma_scale != "log":  # the scatter of a logarithm is about the relative one
        mean[4:8] = np.log(np.abs(mean[4:8]))
        factor[4:8] /= np.exp(mean[4:8])[:, None]
    mean[16:] = BASE.memory_share
    factor[range(8, 16), range(8, 16)] = max(shape, 1e-6)
    factor[range(16, 20), range(16, 20)] = max(memory, 1e-6)
    low, high = np.full(20, -1e30), np.full(20, 1e30)
    low[8:16], high[8:16] = -2.5 * shape - 1e-3, 2.5 * shape + 1e-3
    low[16:], high[16:] = (0.03, 0.9) if memory else (mean[16:] - 1e-3, mean[16:] + 1e-3)
    unrest = sg.RestlessInnovation(0.45, 0.3, 0.3, 0.92) if "unrest" in kind else None
    return BASE.replace(
        population=sg.Population(np.ones(1), mean[None], factor[None], "log", low, high),
        own=sg.OwnShapes(SKEWNESS, TAILS),
        restless=unrest,
    )


KINDS = ("one law", "shape", "memory", "shape, memory, unrest")


def records(params: sg.DeviceParams, devices: int, cycles: int, seed: int) -> Float64Array:
    """Return log10 of resistances (devices, cycles, 2)."""
    made = sg.CellArray(devices, params, rng=seed).run_cycles(cycles)
    return np.log10(np.stack([made.r_hrs.T, made.r_lrs.T], -1).astype(np.float64))


def widths(y: Float64Array) -> Float64Array:
    """Return widths over devices (4, 2) of mean, standard deviation, skewness and lag-1 correlation."""
    z = (y - y.mean(axis=1, keepdims=True)) / y.std(axis=1, keepdims=True)
    traits = np.array([y.mean(axis=1), y.std(axis=1), (z**3).mean(axis=1), (z[:, 1:] * z[:, :-1]).mean(axis=1)])
    return np.asarray(np.diff(np.percentile(traits, [10, 90], axis=1), axis=0)[0])


def fitted(y: Float64Array, laws: Laws) -> learn.FitResult:
    """Return what is learned from log10 of resistances."""
    return learn.fit(learn.features(r_hrs=10 ** y[..., 0], r_lrs=10 ** y[..., 1]), laws=laws)


def main() -> None:
    """Print choices and widths of each population."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--devices", nargs="+", type=int, default=[64, 300])
    options.add_argument("--repeats", type=int, default=1)
    options.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options.add_argument("--cycles", type=int, default=CYCLES)
    options.add_argument("--choices", action="store_true", help="choices alone")
    chosen = options.parse_args()
    threadpool_limits(1)
    np.set_printoptions(precision=2, suppress=True, linewidth=160)
    wrong = asked = 0
    for kind in chosen.kinds:
        for devices in chosen.devices:
            for repeat in range(chosen.repeats):
                y = records(truth(kind), devices, chosen.cycles, 100 + repeat)
                if chosen.choices:
                    with mock.patch.object(indirect_inference._Loop, "run", lambda loop, *_: loop.base):
                        text = fitted(y, "auto").features.provenance.get("own laws", "not asked")
                else:
                    result = fitted(y, "auto")
                    text = result.features.provenance.get("own laws", "not asked")
                own, unrest = "of devices" in text, "restless" in text
                right = own == (kind != "one law"), unrest == ("unrest" in kind)
                wrong, asked = wrong + 2 - sum(right), asked + 2
                print(f"{kind}, {devices} devices, {repeat}: {'right' if all(right) else 'WRONG'}: {text}", flush=True)
                if not chosen.choices:
                    true = widths(records(truth(kind), TRUE_DEVICES, LONG, 7))
                    for laws, params in (("auto", result.params), ("shared", fitted(y, "shared").params)):
                        ratio = widths(records(params, TRUE_DEVICES, LONG, 8)) / true
                        print(
                            f"  {laws:7s} mean, sd, skewness, lag 1 of r_hrs {ratio[:, 0]}, of r_lrs {ratio[:, 1]}",
                            flush=True,
                        )
    print(f"choices: {wrong} of {asked} wrong")


if __name__ == "__main__":
    main()
