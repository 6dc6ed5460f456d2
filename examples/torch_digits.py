"""Handwritten digits on virtual cells: from training to analog accuracy.

    python examples/torch_digits.py --seeds 5 --figure docs/images/torch_digits.png

Trains a network 64-64-10 on scikit-learn's 8x8 digits (real scans, no download), and measures its accuracy on cells
for several kinds of programming, converters, wires, populations and training. Each seed divides the digits into five
other folds and trains a network for each, so that all 1,797 digits are held out once. Needs the extras
``torch`` and ``plot``, and scikit-learn.
"""

import argparse
import copy
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from _digits import FOLDS, Digits, table
from torch import nn

import synaptogen as sg

Config = sg.torch.AnalogConfig
CHIPS = 3  # arrays of cells that each network is written to
COARSE: dict[str, Any] = {"scale": "layer", "dac_bits": 4, "adc_bits": 4, "share": 0.5}
TILE = (128, 64)
MICRO = "\N{MICRO SIGN}"


def network() -> nn.Module:
    """Return the untrained network."""
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def methods(digits: Digits, seed: int, model: nn.Module) -> dict[str, float]:
    """Return accuracies for several ways to cells; "coarse" is a cheap design that shows what training recovers."""
    found = {
        "float": digits.accuracy(model),
        "float, trained as long as hardware-aware": digits.accuracy(digits.train_longer(copy.deepcopy(model))),
    }
    for design, options in ("", {}), ("coarse, ", COARSE):
        shot = Config(programming="one-shot", seed=seed, **options)
        found[f"{design}write-verified"] = digits.converted(model, Config(seed=seed, **options), CHIPS)
        found[f"{design}one-shot"] = digits.converted(model, shot, CHIPS)
        found[f"{design}one-shot, hardware-aware"] = digits.on_cells(digits.aware(model, shot), CHIPS)
    return found


def sweeps(digits: Digits, seed: int, model: nn.Module) -> dict[str, dict[float, float]]:
    """Return accuracies over one property of the design at a time."""

    def over(values: Iterable[float], config: Callable[[Any], Config]) -> dict[float, float]:
        return {value: digits.converted(model, config(value)) for value in values}

    return {
        "Bits of both converters": over((2, 3, 4, 5, 6, 8), lambda b: Config(seed=seed, dac_bits=b, adc_bits=b)),
        f"Write-verify tolerance ({MICRO}S)": over(
            (1, 2, 5, 10, 20, 40, 80), lambda t: Config(seed=seed, tolerance=t * 1e-6)
        ),
        "Wire resistance a cell (ohm)": over((0.5, 1, 2, 5, 10, 20), lambda ohm: wired(seed, ohm)),
    }


def wired(seed: int, ohm: float) -> Config:
    """Return a configuration with wires and tiles of 128 lines and 64 inputs."""
    return Config(seed=seed, tile=TILE, wires=sg.crossbar.Wires(ohm, ohm))


def trained_behind_wires(digits: Digits, seed: int, model: nn.Module) -> dict[float, float]:
    """Return accuracies over wire resistance, after training with it."""
    return {ohm: digits.on_cells(digits.aware(model, wired(seed, ohm), 50)) for ohm in (5, 10, 20)}


def populations() -> dict[str, sg.DeviceParams]:
    """Return the preset, and variants of it without some of its spread."""
    preset = sg.DeviceParams.preset("hennen2024")
    all_of = preset.population

    def changed(name: str, **parts: Any) -> sg.DeviceParams:
        return replace(preset, name=name, population=replace(all_of, **parts))

    typical = all_of.weights[:2] / all_of.weights[:2].sum()
    steady = all_of.means * np.repeat([1.0, 0.1], 4)
    return {
        "preset": preset,
        "without its outliers": changed(
            "typical", weights=typical, means=all_of.means[:2], cholesky=all_of.cholesky[:2]
        ),
        "all cells alike": changed(
            "alike", weights=[1.0], means=typical @ all_of.means[:2][None], cholesky=1e-3 * all_of.cholesky[:1]
        ),
        "cycles of a cell nearly alike": changed("steady", means=steady, cholesky=_scaled(all_of.cholesky, 0.1)),
    }


def _scaled(cholesky: Any, factor: float) -> Any:
    """Return the factors of the covariance of (mu, factor * sigma)."""
    return np.repeat([1.0, factor], 4)[:, None] * cholesky


def on_populations(digits: Digits, seed: int, model: nn.Module) -> dict[str, float]:
    """Return accuracies of one-shot programming on each population, in its own window of conductances."""
    return {
        f"one-shot, {name}": digits.converted(model, Config(params, programming="one-shot", seed=seed), CHIPS)
        for name, params in populations().items()
    }


def draw(
    found: list[dict[str, float]],
    swept: list[dict[str, dict[float, float]]],
    trained: list[dict[float, float]],
    path: str,
) -> None:
    """Draw means and standard deviations over seeds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.4), layout="constrained", dpi=150)
    panels = figure.subplots(2, 2)
    bars, *curves = panels.flat
    names = list(found[0])
    values = np.array([[each[name] for name in names] for each in found])
    bars.errorbar(
        values.mean(0), range(len(names)), xerr=values.std(0, ddof=1), fmt="o", color="#0072B2", capsize=3, ms=5
    )
    bars.set_yticks(range(len(names)), [name.replace("trained as long as", "as long as") for name in names], fontsize=8)
    bars.invert_yaxis()
    bars.set_xlabel("Accuracy on held-out digits (%)")
    bars.grid(axis="x", alpha=0.3)
    for axes, label in zip(curves, swept[0], strict=True):
        axes.axhline(values[:, 0].mean(), color="0.5", ls="--", lw=1, label="float")
        _curve(axes, [each[label] for each in swept], color="#D55E00", label="on cells")
        axes.set_xlabel(label)
        axes.set_ylabel("Accuracy (%)")
    _curve(curves[2], trained, color="#0072B2", marker="s", label="trained with wires")
    for axes in curves[1:]:
        axes.set_xscale("log")
    for axes in curves:
        axes.legend(frameon=False)
    figure.savefig(path)


def _curve(axes: Any, found: list[dict[float, float]], marker: str = "o", **look: Any) -> None:
    y = np.array([list(each.values()) for each in found])
    axes.errorbar(list(found[0]), y.mean(0), yerr=y.std(0, ddof=1), fmt=f"{marker}-", capsize=3, ms=4, **look)


def mean_over_folds(each: list[dict[str, float]]) -> dict[str, float]:
    """Return means over folds, entry by entry."""
    return {key: float(np.mean([one[key] for one in each])) for key in each[0]}


def recovered(found: list[dict[str, float]]) -> None:
    """Print the share of the loss by one-shot programming that training recovers, with its standard error."""
    for design in "", "coarse, ":
        drop = np.array([each["float"] - each[f"{design}one-shot"] for each in found])
        gain = np.array([each[f"{design}one-shot, hardware-aware"] - each[f"{design}one-shot"] for each in found])
        error = (gain - gain.mean() / drop.mean() * drop).std(ddof=1) / np.sqrt(len(found)) / drop.mean()
        print(f"{design}one-shot: hardware-aware recovers {100 * gain.mean() / drop.mean():.0f} +- {100 * error:.0f} %")


def measure_seed(seed: int, folds: int) -> tuple[Any, ...]:
    """Return the accuracies of one seed: means over folds of `methods` and populations, and the sweeps of one fold."""
    torch.set_num_threads(1)
    accuracies, populated = [], []
    for fold in range(folds):
        digits = Digits(fold, seed)
        torch.manual_seed(100 * seed + fold)
        model = network()
        digits.train(model, torch.optim.Adam(model.parameters(), 3e-3), 40)
        accuracies.append(methods(digits, seed, model))
        print(f"seed {seed}, fold {fold}: {accuracies[-1]}", flush=True)
        populated.append(on_populations(digits, seed, model))
        if fold == 0:
            swept, trained = sweeps(digits, seed, model), trained_behind_wires(digits, seed, model)
            print(f"seed {seed}: {swept}, trained behind wires: {trained}", flush=True)
    return mean_over_folds(accuracies), swept, mean_over_folds(populated), trained


def main() -> None:
    """Run all, print means and standard deviations, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=FOLDS, help=f"of {FOLDS}; fewer for a quick look")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--figure", default="torch_digits.png")
    given = parser.parse_args()
    if given.seeds < 2:
        parser.error("--seeds: give at least 2, for a deviation")
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        measured = list(pool.map(measure_seed, range(given.seeds), [given.folds] * given.seeds))
    found, swept, populated, trained = (list(each) for each in zip(*measured, strict=True))
    table(found)
    table(populated)
    recovered(found)
    for label in swept[0]:
        table([{f"{label} {x:g}": y for x, y in each[label].items()} for each in swept])
    table([{f"trained with wires of {ohm:g} ohm": y for ohm, y in each.items()} for each in trained])
    draw(found, swept, trained, given.figure)


if __name__ == "__main__":
    main()
