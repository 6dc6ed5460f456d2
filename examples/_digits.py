"""Handwritten digits, and what the examples of networks on cells do with them."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, train_test_split
from torch import nn

import synaptogen as sg

FOLDS = 5


class Digits:
    """scikit-learn's 8x8 digits (real scans, no download), one of five folds of a shuffle being held out."""

    def __init__(self, fold: int = 0, seed: int = 0) -> None:
        data = load_digits()
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(data.data, data.target)
        x, y = torch.tensor(data.data / 16, dtype=torch.float32), torch.tensor(data.target)
        train, test = list(folds)[fold]
        self.x, self.x_test, self.y, self.y_test = x[train], x[test], y[train], y[test]

    def accuracy(self, model: nn.Module) -> float:
        """Percent of the held-out digits."""
        with torch.no_grad():
            return 100 * float((model.eval()(self.x_test).argmax(1) == self.y_test).float().mean())

    def train(
        self, model: nn.Module, optimiser: Any, epochs: int, *, batch: int = 64, cycle: bool = False, clip: float = 0.0
    ) -> nn.Module:
        """Plain training; with ``cycle`` the rate goes up to that of the optimiser and down to nothing.

        With ``clip`` weights stay within so many standard deviations of their layer, since the largest weight decides
        how large errors of programming are (Joshi et al., Nat. Commun. 11:2473, 2020).
        """
        steps = epochs * -(-len(self.x) // batch)
        rate = optimiser.param_groups[0]["lr"]
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps) if cycle else None
        model.train()
        for _ in range(epochs):
            for index in torch.randperm(len(self.x)).split(batch):
                optimiser.zero_grad()
                nn.functional.cross_entropy(model(self.x[index]), self.y[index]).backward()
                optimiser.step()
                if schedule is not None:
                    schedule.step()
                for weight in (p for p in model.parameters() if clip and p.dim() > 1):
                    bound = clip * float(weight.detach().std())
                    weight.data.clamp_(-bound, bound)
        return model.eval()

    def on_cells(self, analog: nn.Module, chips: int = 1) -> float:
        """Mean accuracy over so many arrays of cells for the present weights, with ranges from the training digits."""
        found = []
        for chip in range(chips):
            sg.torch.calibrate(sg.torch.program(analog, seed=chip), [self.x])
            found.append(self.accuracy(analog))
        return float(np.mean(found))

    def converted(self, model: nn.Module, config: sg.torch.AnalogConfig, chips: int = 1) -> float:
        """`on_cells` of a digital network."""
        return self.on_cells(sg.torch.convert(model, config), chips)

    def aware(self, model: nn.Module, config: sg.torch.AnalogConfig, epochs: int = 100) -> nn.Module:
        """A network on cells, after training on with drawn errors."""
        analog = sg.torch.convert(model, replace(config, training="hardware-aware"))
        sg.torch.calibrate(analog, [self.x])
        return self.longer(analog, epochs, clip=2.5)

    def longer(self, model: nn.Module, epochs: int = 100, clip: float = 0.0) -> nn.Module:
        """The network itself, trained on."""
        return self.train(model, torch.optim.Adam(model.parameters(), 5e-3), epochs, cycle=True, clip=clip)


class Held(Digits):
    """Digits of which 30 % are held out, the same for all seeds."""

    def __init__(self) -> None:
        data = load_digits()
        parts = train_test_split(data.data / 16, data.target, test_size=0.3, random_state=0, stratify=data.target)
        self.x, self.x_test = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
        self.y, self.y_test = (torch.tensor(part) for part in parts[2:])


def table(found: list[dict[str, float]]) -> None:
    """Print means over seeds, and their standard deviations."""
    for name in found[0]:
        values = [each[name] for each in found]
        print(f"{name:44s} {np.mean(values):6.2f} +- {np.std(values, ddof=1):.2f} %", flush=True)
