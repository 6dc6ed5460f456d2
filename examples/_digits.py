"""Handwritten digits, with training and evaluation, for the examples of networks on cells."""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, train_test_split
from torch import nn

import synaptogen as sg

FOLDS = 5


class Digits:
    """scikit-learn's 8x8 digits (real scans, no download), with one of five folds of a shuffle held out.

    Parameters
    ----------
    fold : int
        Fold that is held out.
    seed : int
        Of the shuffle.
    """

    def __init__(self, fold: int = 0, seed: int = 0) -> None:
        data = load_digits()
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(data.data, data.target)
        x, y = torch.tensor(data.data / 16, dtype=torch.float32), torch.tensor(data.target)
        train, test = list(folds)[fold]
        self.x, self.x_test, self.y, self.y_test = x[train], x[test], y[train], y[test]

    def accuracy(self, model: nn.Module) -> float:
        """Return the accuracy on the held-out digits in percent."""
        with torch.no_grad():
            return 100 * float((model.eval()(self.x_test).argmax(1) == self.y_test).float().mean())

    def train(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        epochs: int,
        *,
        batch: int = 64,
        cycle: bool = False,
        clip: float = 0.0,
    ) -> nn.Module:
        """Train a model on the training digits.

        Parameters
        ----------
        model : torch.nn.Module
            Changes in place.
        optimiser : torch.optim.Optimizer
            Of the parameters of the model.
        epochs, batch : int
            Passes over the digits, and digits for each update.
        cycle : bool
            Raise the learning rate to that of the optimiser and then lower it to zero.
        clip : float
            If not 0, hold weights within so many standard deviations of their layer, since the largest weight sets the
            size of programming errors (Joshi et al., Nat. Commun. 11:2473, 2020).

        Returns
        -------
        torch.nn.Module
            The model, in evaluation mode.
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
        """Return the mean accuracy over several chips for the present weights, calibrated on the training digits."""
        found = []
        for chip in range(chips):
            sg.torch.calibrate(sg.torch.program(analog, seed=chip), [self.x])
            found.append(self.accuracy(analog))
        return float(np.mean(found))

    def converted(self, model: nn.Module, config: sg.torch.AnalogConfig, chips: int = 1) -> float:
        """Convert a digital network, and return its accuracy as `on_cells` does."""
        return self.on_cells(sg.torch.convert(model, config), chips)

    def aware(self, model: nn.Module, config: sg.torch.AnalogConfig, epochs: int = 100) -> nn.Module:
        """Convert a network, and train it further with drawn errors."""
        analog = sg.torch.convert(model, replace(config, training="hardware-aware"))
        sg.torch.calibrate(analog, [self.x])
        return self.train_longer(analog, epochs, clip=2.5)

    def train_longer(self, model: nn.Module, epochs: int = 100, clip: float = 0.0) -> nn.Module:
        """Train a network further."""
        return self.train(model, torch.optim.Adam(model.parameters(), 5e-3), epochs, cycle=True, clip=clip)


class HeldOut(Digits):
    """Digits of which the same 30 % are held out for all seeds."""

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
