"""Handwritten digits on virtual cells: from training to analog accuracy.

    python examples/torch_digits.py --seeds 5 --figure docs/images/torch_digits.png

Trains a network 64-64-10 on scikit-learn's 8x8 digits (real scans, no download), and measures its accuracy on held-out
digits as programming, converters and training vary. Needs the extras ``torch`` and ``plot``, and scikit-learn.
"""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import synaptogen as sg

Config = sg.torch.AnalogConfig


class Digits:
    """Digits, divided at random but the same for all seeds."""

    def __init__(self) -> None:
        data = load_digits()
        parts = train_test_split(data.data / 16, data.target, test_size=0.3, random_state=0, stratify=data.target)
        self.x, self.x_test = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
        self.y, self.y_test = (torch.tensor(part) for part in parts[2:])

    def accuracy(self, model: nn.Module) -> float:
        """Percent of the held-out digits."""
        with torch.no_grad():
            return 100 * float((model.eval()(self.x_test).argmax(1) == self.y_test).float().mean())

    def train(self, model: nn.Module, optimiser: Any, epochs: int, batch: int = 64) -> nn.Module:
        """Plain training."""
        model.train()
        for _ in range(epochs):
            for index in torch.randperm(len(self.x)).split(batch):
                optimiser.zero_grad()
                nn.functional.cross_entropy(model(self.x[index]), self.y[index]).backward()
                optimiser.step()
        return model.eval()


def network() -> nn.Module:
    """The network, untrained."""
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def converted(digits: Digits, model: nn.Module, config: Config) -> float:
    """Accuracy on cells, with ranges from the training digits."""
    return digits.accuracy(sg.torch.calibrate(sg.torch.convert(model, config), [digits.x]))


def aware(digits: Digits, model: nn.Module, epochs: int = 60, **options: Any) -> float:
    """Accuracy on cells after training on with drawn errors."""
    analog = sg.torch.convert(model, Config(training="hardware-aware", **options))
    sg.torch.calibrate(analog, [digits.x])
    digits.train(analog, torch.optim.Adam(analog.parameters(), 1e-3), epochs)
    return digits.accuracy(sg.torch.calibrate(sg.torch.program(analog), [digits.x]))


def in_situ(digits: Digits, rule: str, seed: int, epochs: int = 20) -> float:
    """Accuracy of a network that has been trained by pulses alone, from the cells' own spread on."""
    model = sg.torch.convert(network(), Config(programming="one-shot", seed=seed))
    digits.train(model, sg.torch.PulseSGD(model, lr=0.2, rule=rule, seed=seed), epochs, batch=32)
    return digits.accuracy(model)


def methods(digits: Digits, seed: int, model: nn.Module) -> dict[str, float]:
    """The same network by each way to cells; coarse is a cheap design that shows what training recovers."""
    coarse: dict[str, Any] = {"scale": "layer", "dac_bits": 4, "adc_bits": 4, "share": 0.5}
    shot: dict[str, Any] = {"programming": "one-shot", "seed": seed}
    return {
        "float": digits.accuracy(model),
        "write-verified (default)": converted(digits, model, Config(seed=seed)),
        "one-shot": converted(digits, model, Config(**shot)),
        "one-shot, hardware-aware": aware(digits, model, **shot),
        "coarse, write-verified": converted(digits, model, Config(seed=seed, **coarse)),
        "coarse, one-shot": converted(digits, model, Config(**shot, **coarse)),
        "coarse, hardware-aware": aware(digits, model, **shot, **coarse),
        "in situ, threshold": in_situ(digits, "threshold", seed),
        "in situ, stochastic": in_situ(digits, "stochastic", seed),
        "in situ, sign": in_situ(digits, "sign", seed),
    }


def sweeps(digits: Digits, seed: int, model: nn.Module) -> dict[str, dict[float, float]]:
    """Accuracy over one property of the design at a time."""

    def over(values: Iterable[float], config: Callable[[Any], Config]) -> dict[float, float]:
        return {value: converted(digits, model, config(value)) for value in values}

    return {
        "Bits of both converters": over((2, 3, 4, 5, 6, 8), lambda b: Config(seed=seed, dac_bits=b, adc_bits=b)),
        "Write-verify tolerance (\N{MICRO SIGN}S)": over(
            (1, 2, 5, 10, 20, 40, 80), lambda t: Config(seed=seed, tolerance=t * 1e-6)
        ),
    }


def draw(found: list[dict[str, float]], swept: list[dict[str, dict[float, float]]], path: str) -> None:
    """Means and standard deviations over seeds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained", dpi=150)
    bars, *curves = figure.subplots(1, 3, width_ratios=[1.3, 1, 1])
    names = list(found[0])
    values = np.array([[each[name] for name in names] for each in found])
    bars.errorbar(
        values.mean(0), range(len(names)), xerr=values.std(0, ddof=1), fmt="o", color="#0072B2", capsize=3, ms=5
    )
    bars.set_yticks(range(len(names)), names)
    bars.invert_yaxis()
    bars.set_xlabel("Accuracy on held-out digits (%)")
    bars.grid(axis="x", alpha=0.3)
    base = values[:, 0].mean()
    for axes, label in zip(curves, swept[0], strict=True):
        x = list(swept[0][label])
        y = np.array([list(each[label].values()) for each in swept])
        axes.axhline(base, color="0.5", ls="--", lw=1, label="float")
        axes.errorbar(x, y.mean(0), yerr=y.std(0, ddof=1), fmt="o-", color="#D55E00", capsize=3, ms=4, label="on cells")
        axes.set_xlabel(label)
        axes.set_ylabel("Accuracy (%)")
        axes.legend(frameon=False)
    curves[1].set_xscale("log")
    figure.savefig(path)


def main() -> None:
    """Run all, print means and deviations, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--figure", default="torch_digits.png")
    given = parser.parse_args()
    if given.seeds < 2:
        parser.error("--seeds: give at least 2, for a deviation")
    torch.set_num_threads(1)
    digits, found, swept = Digits(), [], []
    for seed in range(given.seeds):
        torch.manual_seed(seed)
        model = network()
        digits.train(model, torch.optim.Adam(model.parameters(), 3e-3), 40)
        found.append(methods(digits, seed, model))
        swept.append(sweeps(digits, seed, model))
        print(f"seed {seed}: " + ", ".join(f"{name} {value:.1f}" for name, value in found[-1].items()), flush=True)
    for name in found[0]:
        values: Any = [each[name] for each in found]
        print(f"{name:28s} {np.mean(values):6.2f} +- {np.std(values, ddof=1):.2f} %")
    for label in swept[0]:
        for x in swept[0][label]:
            values = [each[label][x] for each in swept]
            print(f"{label} {x:g}: {np.mean(values):6.2f} +- {np.std(values, ddof=1):.2f} %")
    draw(found, swept, given.figure)


if __name__ == "__main__":
    main()
