"""Claim: whole networks are written to cells and saved in a few GiB, and come back from their file with the same bits.

    python benchmarks/torch_sizes.py [NAME ...]

Models are built from configurations with random weights, without downloads: ResNet-50 of timm, written and verified,
and GPT-2 of transformers with 124 million weights, written one-shot. Each runs in a process of its own: the peak of its
memory, float model included, is its own. Loading builds a skeleton without memory and reads the file into it.
"""

import gc
import importlib
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

import synaptogen as sg
from _timing import introduce, parser, table, write_json

HEADS = ["model", "weights", "written", "s of a CPU", "peak, GiB", "bytes a weight", "s to load", "same bits"]
WRITTEN = {"ResNet-50": "write-verify", "GPT-2": "one-shot"}


def make(name: str) -> nn.Module:
    """Return a new model."""
    if name == "ResNet-50":
        model: nn.Module = importlib.import_module("timm").create_model("resnet50")
    else:
        library = importlib.import_module("transformers")
        model = library.GPT2LMHeadModel(library.GPT2Config())
    return model.eval()


@torch.no_grad()
def outcome(model: nn.Module, name: str) -> Tensor:
    """Return what a model makes of an input that is always the same."""
    torch.manual_seed(1)
    if name == "ResNet-50":
        y = model(torch.randn(1, 3, 224, 224))
    else:
        y = model(input_ids=torch.randint(0, 50_000, (1, 16)), use_cache=False).to_tuple()
    return next(leaf for leaf in tree_leaves(y) if isinstance(leaf, Tensor))


def resident() -> int:
    """Return the memory that this process holds, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def row(name: str) -> list[Any]:
    """Return a row of the table."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    model = make(name)
    weights = sg.torch.convert(model, dry_run=True).on_cells
    before, began = resident(), time.process_time()
    analog = sg.torch.convert(model, sg.torch.AnalogConfig(programming=WRITTEN[name], seed=1))
    spent, held = time.process_time() - began, resident() - before
    del model
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        sg.torch.save(analog, path)
        began = time.process_time()
        with torch.device("meta"):
            skeleton = make(name)
        again = sg.torch.load(path, skeleton).eval()
        loaded = time.process_time() - began
    same = bool(torch.equal(outcome(analog, name), outcome(again, name)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    figures = f"{spent:.0f}", f"{peak:.1f}", f"{held / weights:.0f}", f"{loaded:.0f}", "yes" if same else "NO"
    return [name, f"{weights / 1e6:.1f} M", WRITTEN[name], *figures]


def main() -> None:
    """Print the table."""
    options = parser(__doc__, repeats=1)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"default: all, {', '.join(WRITTEN)}")
    options.add_argument("--row", choices=WRITTEN, help="print the row of one model alone")
    given = options.parse_args()
    if given.row:
        print("\n".join(row(given.row)))
        return
    about = introduce("Whole networks on cells")
    rows = []
    for name in given.names or WRITTEN:
        done = subprocess.run([sys.executable, __file__, "--row", name], stdout=subprocess.PIPE, text=True, check=True)
        rows.append(done.stdout.splitlines())
    print(table(HEADS, rows))
    write_json(given.json, about, [dict(zip(HEADS, each, strict=True)) for each in rows])


if __name__ == "__main__":
    main()
