"""A layer of cells against torch's plain product: forward passes and programming.

    python benchmarks/torch_layers.py --repeats 15 [--peer-python /path/to/venv/bin/python]

Needs the extra ``torch``. All on one thread unless --threads says otherwise, in float32, without gradients. With the
interpreter of an environment that holds aihwkit 1.1.0, its layers take turns with ours.

A round takes the fastest of some calls, each timed alone: on a shared machine, a mean over milliseconds depends on the
scheduler.
"""

import copy
import functools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

import synaptogen as sg
from _timing import CYCLES, introduce, parser, ratios, rounds, seconds, summary, table, write_json

Config = sg.torch.AnalogConfig
WORKER = Path(__file__).with_name("_aihwkit_worker.py")
Ask = Callable[[int, int, int], float]
DESIGNS = {
    "8-bit converters, noise": Config(seed=1),
    "no converters, noise": Config(seed=1, dac_bits=None, adc_bits=None),
    "8-bit converters, no noise": Config(seed=1, bandwidth=0),
}


@contextmanager
def peer(interpreter: str | None, threads: int) -> Iterator[Ask | None]:
    """Yield a function that asks aihwkit for the mean seconds of forward passes of a size and batch."""
    if interpreter is None:
        yield None
        return
    command, limits = [interpreter, str(WORKER), str(threads)], {"OMP_NUM_THREADS": str(threads)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | limits
    ) as process:
        stdin: Any = process.stdin
        stdout: Any = process.stdout

        def ask(size: int, batch: int, count: int) -> float:
            stdin.write(json.dumps({"size": size, "batch": batch, "count": count}) + "\n")
            stdin.flush()
            line = stdout.readline()
            if not line:
                raise SystemExit("the environment of --peer-python gave no answer: see its message above")
            return float(line)

        try:
            yield ask
        finally:
            process.kill()


def fastest(work: Callable[[], Any], count: int) -> float:
    """Return the seconds of the fastest of several calls."""
    return min(seconds(work) for _ in range(count))


def products(size: int, batch: int, repeats: int, ask: Ask | None) -> list[list[Any]]:
    """Return rows of a table: forward passes of square matrices as ratios to `torch.matmul`."""
    weight, x = torch.randn(size, size), torch.randn(batch, size)
    count = CYCLES if batch > 1 else 5 * CYCLES
    tasks: dict[str, Callable[[], float]] = {"plain": lambda: fastest(lambda: torch.matmul(x, weight.T), count)}
    for name, config in DESIGNS.items():
        matrix = sg.torch.AnalogMatrix(1, size, size, config, 1)
        matrix.hold(torch.rand(1, size, size) * 0.5, torch.rand(1, size, size) * 0.5, torch.ones(1, size, 1))
        tasks[name] = functools.partial(fastest, functools.partial(matrix, x), count)
    if ask is not None:
        tasks["aihwkit 1.1.0"] = functools.partial(ask, size, batch, count)
    with torch.no_grad():
        taken = rounds(tasks, repeats)
    return [
        [
            f"{size} x {size}, batch {batch}, {name}",
            f"{1e3 * summary(taken[name]).low:.3g}",
            str(ratios(taken[name], taken["plain"])),
        ]
        for name in tasks
        if name != "plain"
    ]


LAYERS: dict[str, tuple[Callable[[], torch.nn.Module], tuple[int, ...]]] = {
    "3 x 3 convolution, 64 to 64 channels, 56 x 56": (lambda: torch.nn.Conv2d(64, 64, 3, padding=1), (1, 64, 56, 56)),
    "depthwise 3 x 3, 96 channels, 56 x 56": (
        lambda: torch.nn.Conv2d(96, 96, 3, padding=1, groups=96),
        (1, 96, 56, 56),
    ),
    "3 x 3 convolution, 3 to 32 channels, 224 x 224": (lambda: torch.nn.Conv2d(3, 32, 3, padding=1), (1, 3, 224, 224)),
    "LSTM, 128 to 128, batch 64, 32 steps": (lambda: torch.nn.LSTM(128, 128, batch_first=True), (64, 32, 128)),
    "GRU, 128 to 128, batch 64, 32 steps": (lambda: torch.nn.GRU(128, 128, batch_first=True), (64, 32, 128)),
}


def processor_time(work: Callable[[], Any]) -> float:
    """Return the processor's seconds of one call: others on the machine lengthen it less."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def against_float(name: str, repeats: int) -> list[Any]:
    """Return a row of a table: the default configuration over torch's layer, before and after `calibrate`."""
    make, shape = LAYERS[name]
    digital, x = make().eval(), torch.randn(shape)
    fresh = sg.torch.convert(digital, Config(seed=1, programming="ideal")).eval()
    calibrated = sg.torch.calibrate(copy.deepcopy(fresh), [x])
    models = {"float": digital, "fresh": fresh, "calibrated": calibrated}
    tasks = {
        each: functools.partial(lambda model: min(processor_time(lambda: model(x)) for _ in range(CYCLES)), model)
        for each, model in models.items()
    }
    with torch.no_grad():
        taken = rounds(tasks, repeats)
    over = [str(ratios(taken[each], taken["float"])) for each in ("calibrated", "fresh")]
    return [name, f"{1e3 * summary(taken['float']).low:.3g}", *over]


def programming(size: int, repeats: int) -> list[list[Any]]:
    """Return rows of a table: seconds to make, write and read the cells of a layer."""
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
    options.add_argument("--peer-python", metavar="PYTHON", help="interpreter of an environment with aihwkit")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    about = introduce("Layers of cells against torch.matmul")
    with peer(given.peer_python, given.threads) as ask:
        sizes = (1024, 64), (512, 1), (512, 64)
        forward = [row for size, batch in sizes for row in products(size, batch, given.repeats, ask)]
    print(table(["forward", "ms, fastest", "times torch.matmul"], forward), flush=True)
    other = [against_float(name, given.repeats) for name in LAYERS]
    print(table(["layer", "ms of torch's", "times, calibrated", "each vector its range"], other), flush=True)
    written = programming(512, max(3, given.repeats // 3))
    print(table(["program", "ms", "million cells/s"], written))
    write_json(given.json, about, {"forward": forward, "layers": other, "program": written})


if __name__ == "__main__":
    main()
