"""Networks whose cells change in time: digits and MNIST-1D a second to ten years after they were written.

    python examples/torch_in_time.py --seeds 3 --chips 3 --figure docs/images/torch_in_time.png

Each network is trained in float, and trained further with drawn errors, with and without those of an age that is drawn
in each pass. It is then written to several chips, whose cells are left alone; accuracies are with and without a
compensation of the drift. Needs the extras ``torch`` and ``plot``, scikit-learn, and for MNIST-1D the package
mnist1d, which computes the data itself.
"""

import argparse
import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from _digits import Digits, HeldOut
from torch import nn
from torch_digits import network

import synaptogen as sg

DEVICE = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
YEAR = 31_557_600.0
TIMES = {"at once": 0.0, "1 s": 1.0, "1 h": 3600.0, "1 month": YEAR / 12, "10 years": 10 * YEAR}
TRAININGS = ("float", "drawn errors", "drawn errors and ages")


class MNIST1D(Digits):
    """The 5,000 signals of 40 points of MNIST-1D (S. Greydanus and D. Kobak, ICML 2024), 1,000 of them held out."""

    def __init__(self) -> None:
        from mnist1d.data import get_dataset_args, make_dataset

        data = make_dataset(get_dataset_args())
        self.x, self.x_test = (torch.tensor(data[key], dtype=torch.float32)[:, None] for key in ("x", "x_test"))
        self.y, self.y_test = (torch.tensor(data[key]) for key in ("y", "y_test"))


def convolutional() -> nn.Module:
    """Return the untrained network for MNIST-1D."""
    return nn.Sequential(
        nn.Conv1d(1, 25, 5, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv1d(25, 25, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv1d(25, 25, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(125, 10),
    )


TASKS: dict[str, tuple[Any, Any, int, int]] = {  # data, network, epochs of training, and of further training
    "digits": (HeldOut, network, 40, 100),
    "MNIST-1D": (MNIST1D, convolutional, 80, 30),
}


def trained(data: Digits, model: nn.Module, way: str, config: sg.torch.AnalogConfig, epochs: int) -> nn.Module:
    """Return a network on cells after one of the `TRAININGS`."""
    if way == "float":
        return sg.torch.convert(model, config)
    ages = (1.0, 10 * YEAR) if way == "drawn errors and ages" else None
    analog = sg.torch.convert(model, replace(config, training="hardware-aware", training_age=ages))
    sg.torch.calibrate(analog, [data.x])
    return data.train_longer(analog, epochs, clip=2.5)


def over_time(data: Digits, analog: nn.Module, chip: int) -> dict[tuple[str, bool], float]:
    """Return the accuracies of one chip at all times, without and with compensation."""
    sg.torch.calibrate(sg.torch.program(analog, seed=chip), [data.x])
    found, passed = {}, 0.0
    for name, seconds in TIMES.items():
        sg.torch.wait(analog, seconds - passed)
        passed = seconds
        found[name, False] = data.accuracy(analog)
        # a copy, so that the network itself goes on without compensation
        found[name, True] = data.accuracy(sg.torch.compensate_drift(copy.deepcopy(analog)))
    return found


def measure(task: str, seeds: range, chips: int) -> dict[tuple[str, str, bool], list[float]]:
    """Return the accuracies of all seeds and chips, by training, time and compensation."""
    kind, make, epochs, further = TASKS[task]
    data = kind()
    found: dict[tuple[str, str, bool], list[float]] = {}
    floats = []
    for seed in seeds:
        torch.manual_seed(seed)
        model = make()
        data.train(model, torch.optim.Adam(model.parameters(), 3e-3), epochs, cycle=True)
        floats.append(data.accuracy(model))
        for way in TRAININGS:
            analog = trained(data, model, way, sg.torch.AnalogConfig(DEVICE, seed=seed), further)
            for chip in range(chips):
                for (name, on), accuracy in over_time(data, analog, 100 * seed + chip).items():
                    found.setdefault((way, name, on), []).append(accuracy)
    print(f"{task}: digital {np.mean(floats):.1f} % {np.round(floats, 1)}", flush=True)
    return found


def show(task: str, found: dict[tuple[str, str, bool], list[float]]) -> None:
    """Print means over seeds and chips, and their standard deviations."""
    for way in TRAININGS:
        for on in (False, True):
            texts = [f"{np.mean(v):5.1f} +- {np.std(v, ddof=1):3.1f}" for v in (found[way, name, on] for name in TIMES)]
            print(f"{task:9s} {way:22s} {'compensated' if on else '':12s} " + "  ".join(texts), flush=True)


def draw(found: dict[str, dict[tuple[str, str, bool], list[float]]], path: str) -> None:
    """Draw accuracies over time, with standard deviations over seeds and chips."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 3.4), layout="constrained", dpi=150)
    for axes, (task, each) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True):
        for k, (way, colour) in enumerate(zip(TRAININGS, ("#D55E00", "#0072B2", "#009E73"), strict=True)):
            for on in (False, True):
                values = np.array([each[way, name, on] for name in TIMES])
                x = np.arange(len(TIMES)) + 0.12 * (k - 1) + 0.05 * on
                label = f"trained: {way}" + (", compensated" if on else "")
                look = {"fmt": "s--" if on else "o-", "color": colour, "alpha": 0.6 if on else 1.0}
                axes.errorbar(x, values.mean(1), values.std(1, ddof=1), ms=3, capsize=2, lw=1, label=label, **look)
        axes.set_xticks(range(len(TIMES)), list(TIMES))
        axes.set_title(task)
        axes.set_xlabel("Time since the cells were written")
        axes.grid(axis="y", alpha=0.3)
    figure.axes[0].set_ylabel("Accuracy on held-out data (%)")
    figure.axes[0].legend(frameon=False, fontsize=7, loc="lower left")
    figure.savefig(path)


def main() -> None:
    """Measure both networks, print accuracies, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--chips", type=int, default=3)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--figure", default="torch_in_time.png")
    given = parser.parse_args()
    if given.seeds < 2:
        parser.error("--seeds: give at least 2, for a deviation")
    torch.set_num_threads(1)
    found = {}
    for task in given.tasks:
        found[task] = measure(task, range(given.seeds), given.chips)
        show(task, found[task])
    draw(found, given.figure)


if __name__ == "__main__":
    main()
