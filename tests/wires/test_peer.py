"""Linear cells against badcrossbar 1.1.0, where an interpreter that has it is named in ``BADCROSSBAR_PYTHON``."""

import json
import os
import subprocess

import numpy as np
import pytest

from synaptogen.crossbar import Wires, solve

PYTHON = os.environ.get("BADCROSSBAR_PYTHON")
PROGRAM = """
import contextlib, io, json, sys
import numpy as np
import badcrossbar
task = json.load(sys.stdin)
with contextlib.redirect_stdout(io.StringIO()):
    found = badcrossbar.compute(
        np.array(task["v"])[:, None], np.array(task["r"]), r_i_word_line=task["word"], r_i_bit_line=task["bit"]
    )
print(json.dumps({
    "output": np.ravel(found.currents.output).tolist(), "device": found.currents.device.tolist(),
    "word": found.voltages.word_line.tolist(), "bit": found.voltages.bit_line.tolist(),
}))
"""


@pytest.mark.skipif(PYTHON is None, reason="needs badcrossbar: name its interpreter in BADCROSSBAR_PYTHON")
def test_currents_and_voltages_equal_those_of_badcrossbar():
    rng = np.random.default_rng(0)
    resistances, v = rng.uniform(1e3, 1e5, (64, 48)), rng.uniform(-1, 1, 64)
    task = json.dumps({"v": v.tolist(), "r": resistances.tolist(), "word": 3.0, "bit": 0.5})
    output = subprocess.run([PYTHON, "-c", PROGRAM], input=task, capture_output=True, text=True, check=True).stdout
    last = output.splitlines()[-1]  # after its log
    theirs = {name: np.array(values) for name, values in json.loads(last).items()}
    ours = solve(1 / resistances, Wires(3.0, 0.5, tolerance=1e-11), rows=v, transpose=True)
    pairs = {"output": ours.column_currents, "device": ours.currents, "word": ours.rows, "bit": ours.columns}
    for name, found in pairs.items():
        assert np.abs(found - theirs[name]).max() < 1e-9 * np.abs(theirs[name]).max(), name
