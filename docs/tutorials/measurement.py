# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Your measurement
#
# You turn measured I-V loops into a parameter file, and find out how good it is. Here a synthetic measurement takes the
# place of yours: 24 devices with 40 loops each.

# %%
# %matplotlib inline
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd

import synaptogen as sg
from synaptogen import learn

measurement = learn.sample_loops(devices=24, cycles=40, rng=1)
print(dict(measurement.sizes))

# %% [markdown]
# Yours is a file: `data = learn.read("loops.csv")`. [Files of instruments](../instruments.md) says what is understood.
# In the terminal, `synaptogen look loops.csv` shows it before anything is computed.
#
# ## Look at what is found in each loop

# %%
found = learn.extract(measurement)
learn.markers(measurement, found)

# %% [markdown]
# Each loop has four features. Cycles in which one of them failed have a flag, and are counted:

# %%
{name: count for name, count in found.counts.items() if count}

# %% [markdown]
# ## Fit

# %%
result = learn.fit(measurement, name="mine")
print(result.verdict)

# %%
pd.DataFrame(
    [(x.name, x.unit, *x.medians) for x in result.overview],
    columns=["feature", "unit", "median, measured", "median, simulated"],
)

# %% [markdown]
# The notes say what the data could not determine. Read them before you use the file:

# %%
print(*result.notes, sep="\n")

# %% [markdown]
# ## Use it
#
# The parameter file runs like any preset.

# %%
folder = Path(mkdtemp())  # a folder of yours
result.params.to_json(folder / "mine.json")
cells = sg.CellArray(1000, sg.DeviceParams.from_json(folder / "mine.json"), rng=1)
cells.apply_voltage(-2.0)
np.quantile(cells.conductance(), [0.01, 0.5, 0.99])

# %% [markdown]
# `learn.validate` compares generated cycles with measured ones that the fit has not seen, property by property:
# [how good is it?](../learning.md#how-good-is-it)
#
# Next: [a crossbar of these cells](crossbar.py).
