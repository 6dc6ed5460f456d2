"""A small convolutional network and a small transformer on virtual cells, on scikit-learn's 8x8 digits.

    python examples/torch_small_models.py --seeds 5 --figure docs/images/torch_small_models.png

The transformer reads a digit as eight rows of eight pixels. Each model is trained in float, then converted: with the
default configuration, with one-shot programming, and with it after training with drawn errors. Needs the extras
``torch`` and ``plot``, and scikit-learn.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from _digits import Digits, HeldOut
from torch import Tensor, nn

import synaptogen as sg

WAYS = ("float", "write-verified\n(default)", "one-shot", "one-shot,\nhardware-aware")


class Convolutional(nn.Sequential):
    """Two convolutions and a linear layer."""

    def __init__(self) -> None:
        super().__init__(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 10),
        )


class Transformer(nn.Module):
    """Two encoder layers over the rows of a digit, and the mean of their outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 32)
        self.place = nn.Parameter(0.1 * torch.randn(8, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores of the ten digits (batch, 10) for pixels (batch, 64)."""
        rows = self.embed(x.unflatten(1, (8, 8))) + self.place
        return self.head(self.encoder(rows).mean(1))


MODELS = {"convolutional": Convolutional, "transformer": Transformer}


def measured(digits: Digits, kind: Callable[[], nn.Module], seed: int) -> list[float]:
    """Train one model, and return its accuracies in the order of `WAYS`."""
    torch.manual_seed(seed)
    model = kind()
    digits.train(model, torch.optim.Adam(model.parameters(), 3e-3), 30)
    configs = sg.torch.AnalogConfig(seed=seed), sg.torch.AnalogConfig(seed=seed, programming="one-shot")
    converted = [digits.accuracy(calibrated(digits, sg.torch.convert(model, config))) for config in configs]
    return [digits.accuracy(model), *converted, aware(digits, model, configs[1])]


def aware(digits: Digits, model: nn.Module, config: sg.torch.AnalogConfig) -> float:
    """Return the accuracy on cells after further training with drawn errors."""
    analog = calibrated(digits, sg.torch.convert(model, replace(config, training="hardware-aware")))
    digits.train(analog, torch.optim.Adam(analog.parameters(), 1e-3), 60)
    return digits.accuracy(calibrated(digits, sg.torch.program(analog)))


def calibrated(digits: Digits, analog: nn.Module) -> nn.Module:
    """Calibrate a model on the training digits."""
    sg.torch.calibrate(analog, [digits.x])
    return analog


def draw(found: dict[str, np.ndarray[Any, Any]], path: str) -> None:
    """Draw means and standard deviations over seeds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.2), layout="constrained", dpi=150)
    axes = figure.subplots()
    looks = (-0.08, "#0072B2", "o"), (0.08, "#D55E00", "s")
    for (shift, colour, marker), (name, values) in zip(looks, found.items(), strict=True):
        axes.errorbar(
            np.arange(len(WAYS)) + shift,
            values.mean(0),
            yerr=values.std(0, ddof=1),
            fmt=marker,
            color=colour,
            capsize=3,
            label=name,
        )
    axes.set_xticks(range(len(WAYS)), WAYS)
    axes.set_ylabel("Accuracy on held-out digits (%)")
    axes.legend(frameon=False)
    figure.savefig(path)


def main() -> None:
    """Train and convert all models, print accuracies, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--figure", default="torch_small_models.png")
    given = parser.parse_args()
    if given.seeds < 2:
        parser.error("--seeds: give at least 2, for a deviation")
    torch.set_num_threads(1)
    digits, found = HeldOut(), {}
    for name, kind in MODELS.items():
        found[name] = np.array([measured(digits, kind, seed) for seed in range(given.seeds)])
        for way, values in zip(WAYS, found[name].T, strict=True):
            label = way.replace("\n", " ")
            print(f"{name:14s} {label:26s} {values.mean():6.2f} +- {values.std(ddof=1):.2f} %", flush=True)
    torch.manual_seed(0)
    print(sg.torch.convert(Transformer(), dry_run=True))
    draw(found, given.figure)


if __name__ == "__main__":
    main()
