"""The built wheel in empty environments, with each extra alone: what works, and what a missing part says.

Usage: python .ci/extras.py [WHEEL] [--extras "" cli plot ...]; it needs uv (`pip install uv`).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = ("", "cli", "plot", "zarr", "learn", "circuit", "distributed")
"""What is installed, one after the other. torch and the extras of a GPU are large, and are left out."""

AREAS = {
    "cli": "from synaptogen.cli import main; sys.argv = ['synaptogen', '--version']; main()",
    "plot": "sg.plot.conductance_map(cells.conductance())",
    "zarr": "cells.save(folder + '/array')",
    "learn": "sg.learn.read(folder + '/features.csv')",
    "circuit": "from synaptogen.circuit import simulators; simulators.simulator('vacask')",
    "distributed": "sg.distributed.DistributedArray",
    "torch": "sg.torch.convert",
    "cuda": "sg.CellArray(4, rng=1, engine='cuda')",
}
"""A program for each part of the package that an extra brings."""

ALSO = {"distributed": {"zarr"}}
"""Parts that an extra brings besides its own."""

NAMED = {"cuda": "cuda12"}
"""The extra that a message names, where it is not called like the part."""

PROBE = """
import json, sys, tempfile
import synaptogen as sg
cells = sg.CellArray((4, 4), rng=1, engine="reference")
cells.read()
folder = tempfile.mkdtemp()
open(folder + "/features.csv", "w").write("device,cycle,r_hrs\\n1,1,1e5\\n1,2,1.1e5\\n")
found = {}
for area, program in json.loads(sys.argv[1]).items():
    try:
        exec(program)
        found[area] = "works"
    except SystemExit as end:
        found[area] = "works" if not end.code else str(end.code)
    except Exception as error:
        found[area] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


def run(*command):
    """Return what a program prints."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def probed(wheel, extra, folder):
    """Return what each part says in an environment with one extra."""
    python = folder / f"env-{extra or 'none'}" / "bin" / "python"
    run("uv", "venv", "-q", "--python", sys.executable, python.parents[1])
    run("uv", "pip", "install", "-q", "--python", python, f"{wheel}{f'[{extra}]' if extra else ''}")
    return json.loads(run(python, "-c", PROBE, json.dumps(AREAS)).splitlines()[-1])


def problems(wheel, extra, found):
    """Return what is wrong with these answers."""
    for area, answer in found.items():
        if area == extra or area in ALSO.get(extra, ()):
            if answer != "works":
                yield f"[{extra}] alone: {area} does not work: {answer}"
        elif answer != "works":  # some parts need nothing but what another extra brings
            command = f"pip install '{wheel}[{NAMED.get(area, area)}]'"
            if command not in answer:
                yield f"[{extra}] alone: {area} does not name {command}: {answer}"


def main():
    """Print a table, and end with an error if a message is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", nargs="?", type=Path, help="default: built from the source")
    parser.add_argument("--extras", nargs="*", default=EXTRAS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.wheel is None:
            run("uv", "build", "-q", "--wheel", "--out-dir", folder, ROOT)
        wheel = (arguments.wheel or next(folder.glob("*.whl"))).resolve()
        print(f"{'extra':12} " + " ".join(f"{area:12}" for area in AREAS))
        wrong = []
        for extra in arguments.extras:
            found = probed(wheel, extra, folder)
            told = ("works" if answer == "works" else "named" for answer in found.values())
            bad = list(problems(wheel, extra, found))
            words = " ".join(f"{word:12}" for word in told)
            print(f"{extra or '(none)':12} {words} {'WRONG' if bad else ''}".rstrip(), flush=True)
            wrong += bad
        sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
