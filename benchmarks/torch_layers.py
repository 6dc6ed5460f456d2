"""A layer of cells against torch's plain product: forward passes, and programming.

    python benchmarks/torch_layers.py --repeats 15

Needs the extra ``torch``. All on one thread unless --threads says otherwise, in float32, without gradients.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch

import synaptogen as sg
from _timing import CYCLES, introduce, mean_seconds, parser, ratios, rounds, seconds, summary, table, write_json

Config = sg.torch.AnalogConfig
DESIGNS = {
    "8-bit converters, noise": Config(seed=1),
    "no converters, noise": Config(seed=1, dac_bits=None, adc_bits=None),
    "8-bit converters, no noise": Config(seed=1, bandwidth=0),
}


def products(size: int, batch: int, repeats: int) -> list[list[Any]]:
    """Forward passes of square matrices as ratios to `torch.matmul`."""
    weight, x = torch.randn(size, size), torch.randn(batch, size)
    count = CYCLES if batch > 1 else 10 * CYCLES
    tasks: dict[str, Callable[[], float]] = {"plain": lambda: mean_seconds(lambda: torch.matmul(x, weight.T), count)}
    for name, config in DESIGNS.items():
        matrix = sg.torch.AnalogMatrix(1, size, size, config, 1)
        matrix.hold(torch.rand(1, size, size) * 0.5, torch.rand(1, size, size) * 0.5, torch.ones(1, size, 1))
        tasks[name] = functools.partial(mean_seconds, functools.partial(matrix, x), count)
    with torch.no_grad():
        taken = rounds(tasks, repeats)
    return [
        [f"{size} x {size}, batch {batch}, {name}", f"{1e3 * summary(taken[name]).median:.3g}",
         str(ratios(taken[name], taken["plain"]))]
        for name in DESIGNS
    ]  # fmt: skip


def programming(size: int, repeats: int) -> list[list[Any]]:
    """Seconds to make a layer from weights: cells made, written and read."""
    weight = torch.randn(1, size, size).clamp(-3, 3)
    rows = []
    for method in "one-shot", "write-verify":
        matrix = sg.torch.Linear(4, 4, config=Config(seed=1, programming=method)).analog
        made = type(matrix)(1, size, size, matrix.config, 1)
        taken = rounds({method: lambda made=made: seconds(lambda: made.program(weight))}, repeats)
        spent = summary(taken[method])
        rows.append(
            [f"{size} x {size}, {method}", f"{1e3 * spent.median:.3g}", f"{2 * size**2 / spent.median / 1e6:.2g}"]
        )
    return rows


def main() -> None:
    """Print the tables."""
    options = parser(__doc__, repeats=11)
    options.add_argument("--threads", type=int, default=1)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    about = introduce("Layers of cells against torch.matmul")
    forward = [row for size, batch in ((1024, 64), (512, 1), (512, 64)) for row in products(size, batch, given.repeats)]
    print(table(["forward", "ms", "times torch.matmul"], forward), flush=True)
    written = programming(512, max(3, given.repeats // 3))
    print(table(["program", "ms", "million cells/s"], written))
    write_json(given.json, about, {"forward": forward, "program": written})


if __name__ == "__main__":
    main()
