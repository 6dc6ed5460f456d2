"""Forward passes of aihwkit, timed on request: a line of JSON in, a line out. Runs in an environment of its own.

Uses its inference tile in PyTorch with the default configuration (7-bit inputs, 9-bit outputs, noise at the output);
its compiled tile raises at the first pass with torch releases other than the one it was built for.
"""

import json
import sys
import time
import warnings

import torch

warnings.filterwarnings("ignore")

from aihwkit.nn import AnalogLinear  # noqa: E402
from aihwkit.simulator.configs import TorchInferenceRPUConfig  # noqa: E402

LAYERS = {}


def layer(size):
    """A square layer in evaluation."""
    if size not in LAYERS:
        LAYERS[size] = AnalogLinear(size, size, bias=False, rpu_config=TorchInferenceRPUConfig()).eval()
    return LAYERS[size]


def fastest(work, count):
    """Seconds of the fastest of several calls."""
    return min(timed(work) for _ in range(count))


def timed(work):
    """Seconds of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main():
    """Answer until the input ends."""
    torch.set_num_threads(int(sys.argv[1]))
    with torch.no_grad():
        for line in sys.stdin:
            asked = json.loads(line)
            made, x = layer(asked["size"]), torch.randn(asked["batch"], asked["size"])
            print(json.dumps(fastest(lambda made=made, x=x: made(x), asked["count"])), flush=True)


if __name__ == "__main__":
    main()
