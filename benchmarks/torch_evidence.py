"""Accuracy of a convolutional and a recurrent network on cells, over seeds and chips.

    python benchmarks/torch_evidence.py --seeds 5 --chips 3 --json evidence.json

The data are MNIST-1D: 4000 training and 1000 test signals of 40 points (Greydanus and Kobak, ICML 2024; the package
mnist1d makes them, without a download). Each seed makes other data and other first weights. The network is trained in
float, then for the same time again: in float, or with drawn programming errors. Both are written one-shot, the float
one with write-verify too, each to some chips. Needs the extra ``torch`` and the package mnist1d.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import synaptogen as sg
from _timing import introduce, parser, table, write_json

Config = sg.torch.AnalogConfig
Data = dict[str, Tensor]
BATCH = 100
WAYS = ("float", "float, trained on", "write-verified", "one-shot", "one-shot, hardware-aware")


class Convolutional(nn.Sequential):
    """Three convolutions and a linear layer."""

    def __init__(self) -> None:
        convolutions = [
            part
            for inputs in (1, 25, 25)
            for part in (nn.Conv1d(inputs, 25, 5 if inputs == 1 else 3, stride=2, padding=1), nn.ReLU())
        ]
        super().__init__(nn.Unflatten(1, (1, 40)), *convolutions, nn.Flatten(), nn.Linear(125, 10))


class Recurrent(nn.Module):
    """A GRU over ten steps of four points, and a linear layer on its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(4, 48, batch_first=True), nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores of the ten digits (batch, 10) for signals (batch, 40)."""
        return self.head(self.gru(x.unflatten(1, (10, 4)))[0][:, -1])


MODELS: dict[str, Callable[[], nn.Module]] = {"convolutional": Convolutional, "recurrent (GRU)": Recurrent}


def mnist1d(seed: int) -> Data:
    """Return signals and digits for training and for the test."""
    from mnist1d.data import get_dataset_args, make_dataset

    args = get_dataset_args()
    args.seed = seed
    made = make_dataset(args)
    kinds = {"x": torch.float32, "y": torch.int64}
    return {
        name: torch.as_tensor(np.array(made[name]), dtype=kinds[name[0]]) for name in ("x", "y", "x_test", "y_test")
    }


def train(model: nn.Module, data: Data, epochs: int, rate: float) -> nn.Module:
    """Train a model in place with Adam, at a rate that goes up and back to nothing."""
    steps = epochs * (len(data["x"]) // BATCH)
    optimiser = torch.optim.Adam(model.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    model.train()
    for _ in range(epochs):
        for some in torch.randperm(len(data["x"])).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(data["x"][some]), data["y"][some]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, data: Data) -> float:
    """Return the accuracy in percent on the test signals."""
    return 100.0 * float((model(data["x_test"]).argmax(1) == data["y_test"]).double().mean())


def on_chips(model: nn.Module, data: Data, chips: int) -> list[float]:
    """Return the accuracies of a converted model on several chips, with calibrated converters."""
    found = []
    for chip in range(chips):
        sg.torch.program(model, seed=chip)
        sg.torch.calibrate(model, data["x"][:1000].split(BATCH))
        found.append(accuracy(model, data))
    return found


def ways(make: Callable[[], nn.Module], seed: int, epochs: int, chips: int) -> dict[str, list[float]]:
    """Return accuracies in percent by the way to cells."""
    data = mnist1d(seed)
    torch.manual_seed(seed)
    first = train(make(), data, epochs, 1e-2)
    longer = train(copy.deepcopy(first), data, epochs, 3e-3)
    aware = sg.torch.convert(first, Config(programming="one-shot", training="hardware-aware", seed=seed))
    train(aware, data, epochs, 3e-3)
    return {
        "float": [accuracy(first, data)],
        "float, trained on": [accuracy(longer, data)],
        "write-verified": on_chips(sg.torch.convert(longer, Config(seed=seed)), data, chips),
        "one-shot": on_chips(sg.torch.convert(longer, Config(programming="one-shot", seed=seed)), data, chips),
        "one-shot, hardware-aware": on_chips(aware, data, chips),
    }


def spread(values: np.ndarray) -> str:
    """Return the mean of seeds and chips, the deviation over seeds, and that over chips of a seed."""
    means = values.mean(1)
    over_seeds = f"{means.mean():.1f} +- {means.std(ddof=1):.1f}" if len(means) > 1 else f"{means.mean():.1f}"
    return over_seeds if values.shape[1] < 2 else f"{over_seeds} (chips {values.std(1, ddof=1).mean():.1f})"


def gain(one: np.ndarray, other: np.ndarray) -> str:
    """Return the mean difference of two ways over seeds, with its standard error."""
    steps = one.mean(1) - other.mean(1)
    return (
        f"{steps.mean():+.2f} +- {steps.std(ddof=1) / np.sqrt(len(steps)):.2f}"
        if len(steps) > 1
        else f"{steps[0]:+.2f}"
    )


def main() -> None:
    """Print the table."""
    options = parser(__doc__, repeats=1)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--first", type=int, default=0, metavar="SEED", help="of these seeds (default: %(default)s)")
    options.add_argument("--chips", type=int, default=3)
    options.add_argument("--epochs", type=int, default=30)
    options.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    given = options.parse_args()
    torch.set_num_threads(1)
    about = introduce("Networks on cells: accuracy on MNIST-1D in percent")
    results: dict[str, Any] = {}
    for name in given.models:
        make = MODELS[name]
        runs = [ways(make, seed, given.epochs, given.chips) for seed in range(given.first, given.first + given.seeds)]
        by_way = {way: np.array([run[way] for run in runs]) for way in WAYS}
        results[name] = {way: values.tolist() for way, values in by_way.items()}
        print(table([name, "%"], [[way, spread(values)] for way, values in by_way.items()]), flush=True)
        for way in WAYS[2:]:
            print(f"{way} against float, trained on: {gain(by_way[way], by_way[WAYS[1]])}")
        print(f"hardware-aware against one-shot: {gain(by_way[WAYS[4]], by_way[WAYS[3]])}", flush=True)
    write_json(given.json, about, results)


if __name__ == "__main__":
    main()
