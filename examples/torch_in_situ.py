"""Learning in the cells: networks for handwritten digits, trained by pulses alone.

    python examples/torch_in_situ.py --seeds 5 --figure docs/images/torch_in_situ.png

Trains a network 64-64-10, whose first weights are programming errors, by each rule of `synaptogen.torch.PulseSGD`.
Needs the extras ``torch`` and ``plot``, and scikit-learn.
"""

import argparse
from typing import Any

import numpy as np
import torch
from _digits import Digits, HeldOut, table
from torch_digits import network

import synaptogen as sg

RULES: dict[str, dict[str, Any]] = {
    "threshold": {"rule": "threshold"},
    "tiki-taka": {"rule": "tiki-taka"},
    "stochastic": {"rule": "stochastic"},
    "sign": {"rule": "sign"},
}
COUNTS = {" pulses a weight": "pulses", " renewals a weight": "renewals"}


def in_situ(digits: Digits, seed: int, epochs: int, options: dict[str, Any]) -> tuple[float, dict[str, float]]:
    """Train a network by pulses; return its accuracy, and mean numbers of events for each weight."""
    torch.manual_seed(seed)
    model = sg.torch.convert(network(), sg.torch.AnalogConfig(programming="one-shot", seed=seed))
    optimiser = sg.torch.PulseSGD(model, lr=0.2, seed=seed, **options)
    digits.train(model, optimiser, epochs, batch=32)
    weights = sum(p.numel() for p in model.parameters() if p.dim() > 1)
    return digits.accuracy(model), {name: getattr(optimiser, count) / weights for name, count in COUNTS.items()}


def draw(found: list[dict[str, float]], path: str) -> None:
    """Draw means and standard deviations over seeds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 2.6), layout="constrained", dpi=150)
    axes = figure.subplots()
    values = np.array([[each[name] for name in RULES] for each in found])
    axes.plot(values.T, range(len(RULES)), ".", color="0.7", ms=4)
    axes.errorbar(values.mean(0), range(len(RULES)), xerr=values.std(0, ddof=1), fmt="o", color="#0072B2", capsize=3)
    axes.set_yticks(range(len(RULES)), list(RULES))
    axes.invert_yaxis()
    axes.set_xlabel("Accuracy on held-out digits (%)")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path)


def main() -> None:
    """Train with all rules and seeds, print accuracies, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--figure", default="torch_in_situ.png")
    given = parser.parse_args()
    if given.seeds < 2:
        parser.error("--seeds: give at least 2, for a deviation")
    torch.set_num_threads(1)
    digits, found, counted = HeldOut(), [], []
    for seed in range(given.seeds):
        measured = {name: in_situ(digits, seed, given.epochs, options) for name, options in RULES.items()}
        found.append({name: accuracy for name, (accuracy, _) in measured.items()})
        counted.append({name + key: n for name, (_, counts) in measured.items() for key, n in counts.items()})
        print(f"seed {seed}: {found[-1]}", flush=True)
    table(found)
    for key in counted[0]:
        print(f"{key:44s} {np.mean([each[key] for each in counted]):.3g}")
    draw(found, given.figure)


if __name__ == "__main__":
    main()
