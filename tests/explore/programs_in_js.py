"""Programs for cells, run in JavaScript by Node and in Python by the reference engine."""

import itertools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.engines import CellIds
from synaptogen.explore import model_script
from synaptogen.state import ArraySpec, CellState

RUN = """
const answers = JSON.parse(require("fs").readFileSync(0, "utf8")).map(({ set, seed, first, start, shape, steps }) => {
  const cells = new Cells(MACHINES[set], seed, shape[0] * shape[1], { first, start });
  const results = steps.map((s) => {
    if (s.do === "apply") { cells.apply(s.u); return []; }
    if (s.do === "wait") { cells.wait(s.seconds, s.temperature); return []; }
    if (s.do === "read") return Array.from(cells.read(s.u, s.bandwidth));
    if (s.do === "sweep") return cells.sweep(s.u, s.bandwidth).flatMap((row) => Array.from(row));
    if (s.do === "cycles") {
      return cells.runCycles(s.count).flat().flatMap((f) => [f.r_hrs, f.u_set, f.r_lrs, f.u_reset]);
    }
    return Array.from(cells.product(shape[0], shape[1], s.u, { transpose: s.transpose, bandwidth: s.bandwidth }));
  });
  return { results, r: Array.from(cells.r), status: Array.from(cells.status, (w) => w >>> 0),
           fields: Array.from(cells.fields), device: Array.from(cells.device) };
});
console.log(JSON.stringify(answers));
"""


def node(script, data):
    """What a script prints for some data on its standard input, as JSON."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed: nothing runs JavaScript here")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.js"  # too long for the command line
        file.write_text(script, encoding="utf-8")
        done = subprocess.run(["node", file], input=json.dumps(data), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def in_javascript(sets, programs):
    """Answers of programs in JavaScript."""
    return node("'use strict';\n" + model_script(sets) + RUN, programs)


def in_python(sets, program):
    """The same answers of the reference engine."""
    spec = ArraySpec(sets[program["set"]], "reference", "full", int(program["seed"]), program["start"], 1e8)
    rows, columns = program["shape"]
    cells = sg.CellArray.from_state(
        CellState.build(spec, CellIds(rows * columns, program["first"]), 1), (rows, columns)
    )
    state = cells.state
    return {
        "results": [np.ravel(answer(cells, step)) for step in program["steps"]],
        "r": state.mixing(),
        "status": state.status(),
        "fields": state.fields().T.ravel(),
        "device": state.device().T.ravel(),
    }


def answer(cells, step):
    """The result of a step of a program."""
    cells.bandwidth = step.get("bandwidth", 0.0)
    u = step.get("u")
    if step["do"] == "wait":
        cells.wait(step["seconds"], step["temperature"])
        return []
    if step["do"] == "apply":
        cells.apply_voltage(u if np.isscalar(u) else np.reshape(u, cells.shape))
        return []
    if step["do"] == "read":
        return cells.read(u if np.isscalar(u) else np.reshape(u, cells.shape))
    if step["do"] == "sweep":
        return cells.sweep(u, noise=step["bandwidth"] > 0)
    if step["do"] == "cycles":
        features = cells.run_cycles(step["count"])
        return np.stack([features.r_hrs, features.u_set, features.r_lrs, features.u_reset], axis=-1)
    return u @ cells if step["transpose"] else cells @ u


def random_program(rng, sets):
    """A random program for a few cells of one of some parameter sets."""
    shape = rng.integers(1, 4, 2).tolist()
    chosen = int(rng.integers(len(sets)))
    return {
        "set": chosen,
        "seed": str(rng.integers(2**64, dtype=np.uint64)),  # numbers of JSON have 53 bits in JavaScript
        "first": int(rng.choice([0, 1000, 2**32 - 2, 2**40])),
        "start": str(rng.choice(["stationary", "pristine"])),
        "shape": shape,
        "steps": [random_step(rng, shape, sets[chosen]) for _ in range(rng.integers(3, 12))],
    }


def random_step(rng, shape, params):
    """A random step: most of them switch cells, completely or partly."""
    n = shape[0] * shape[1]
    bandwidth = float(rng.choice([0.0, 1e8]))
    what = rng.choice(["apply", "apply each", "sweep", "read", "product", "cycles", "wait", "wait"])
    if what == "wait":
        seconds = float(rng.choice([0.0, 1e-9, 0.35, 1.0, 3600.0, 10.0 ** rng.uniform(-3, 9)]))
        return {"do": "wait", "seconds": seconds, "temperature": [None, 300.0, 358.0, 250.0][rng.integers(4)]}
    if what == "apply":
        return {"do": "apply", "u": random_voltage(rng, params)}
    if what == "apply each":
        return {"do": "apply", "u": [random_voltage(rng, params) for _ in range(n)]}
    if what == "sweep":
        ends = np.cumsum([0, *(random_voltage(rng, params) for _ in range(3))])
        u = np.concatenate([np.linspace(a, b, 15) for a, b in itertools.pairwise(ends)])
        return {"do": "sweep", "u": np.clip(u, -3, 3).tolist(), "bandwidth": bandwidth}
    if what == "read":
        return {"do": "read", "u": rng.uniform(-0.3, 0.3, n).tolist(), "bandwidth": bandwidth}
    if what == "cycles":
        return {"do": "cycles", "count": int(rng.integers(1, 30))}
    transpose = bool(rng.integers(2))
    v = rng.uniform(-0.3, 0.3, shape[0] if transpose else shape[1]).tolist()
    return {"do": "product", "u": v, "transpose": transpose, "bandwidth": bandwidth}


def random_voltage(rng, params):
    """A voltage, often one that switches, and sometimes at a limit of the model."""
    kinds = [rng.uniform(-1.5, 0), rng.uniform(0, params.u_max), -2.0, params.u_max, 2.5, 0.0, 1.0, params.u_range]
    return float(rng.choice(kinds))
