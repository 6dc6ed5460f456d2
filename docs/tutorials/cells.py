# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Cells
#
# You make cells, switch them, read them, and look at how they differ. It takes ten minutes.

# %%
# %matplotlib inline
import numpy as np

import synaptogen as sg

cells = sg.CellArray((64, 64), rng=42)
cells

# %% [markdown]
# These are 4096 different devices of the preset population. All are in their high resistance state (HRS). A negative
# voltage sets a cell, a positive one resets it:

# %%
cells.apply_voltage(-2.0)
set_currents = cells.read(0.2)
cells.apply_voltage(1.6)
reset_currents = cells.read(0.2)
print(f"LRS: {1e6 * set_currents.mean():.1f} uA, HRS: {1e6 * reset_currents.mean():.2f} uA")

# %% [markdown]
# Between -0.5 V and -1 V some cells set and others do not. That share is the distribution of `u_set`:

# %%
for u in (-0.5, -0.6, -0.7, -0.8):
    cells.apply_voltage(1.6)
    cells.apply_voltage(u)
    print(f"{u} V sets {100 * np.mean(cells.mode == sg.Mode.LRS):.1f} %")

# %% [markdown]
# ## Loops
#
# `sweep` returns the current at every point of a waveform. Each cycle of each cell is different.

# %%
few = sg.CellArray(16, rng=1)
ramp = np.concatenate([np.linspace(0, -1.5, 100), np.linspace(-1.5, 1.5, 200), np.linspace(1.5, 0, 100)])
loops = few.sweep(np.tile(ramp, 20)).reshape(20, len(ramp), 16)
sg.plot.iv_grid(ramp, loops)

# %% [markdown]
# ## Cycles remember
#
# The features of the next cycles are known before they come: they follow from the seed.

# %%
features = few.upcoming(300)
sg.plot.feature_traces(features)

# %% [markdown]
# Slow changes are the memory of a cell; jumps from panel to panel are differences between devices.
#
# ## Partial RESET
#
# A RESET below full voltage leaves a cell between its two states. That is how weights are written.

# %%
cells.apply_voltage(1.6)
cells.apply_voltage(-2.0)
cells.apply_voltage(np.linspace(0.6, 1.4, 64))  # one amplitude for each column
sg.plot.conductance_map(cells.conductance())

# %% [markdown]
# ## A product, with noise

# %%
v = np.random.default_rng(1).uniform(-0.2, 0.2, 64)
ideal, noisy = cells.product(v, bandwidth=0), cells @ v
print(f"noise: {1e9 * np.std(noisy - ideal):.0f} nA of {1e6 * np.std(ideal):.1f} uA")

# %% [markdown]
# Next: [your own measurement](measurement.py), or [a crossbar written and read](crossbar.py).
