# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A crossbar, written and read
#
# You write a matrix of weights into a 64 x 64 array, and read products with wires and converters.

# %%
# %matplotlib inline
import numpy as np

import synaptogen as sg
from synaptogen.crossbar import DifferentialPair, Tiles, Wires, figures, reachable_window, solve, write_verify

random = np.random.default_rng(1)
weights = random.normal(0, 0.3, (32, 64)).clip(-1, 1)
v = random.uniform(-0.2, 0.2, 64)

# %% [markdown]
# ## From weights to conductances
#
# A weight becomes the difference of two cells. The window of conductances is the one that 95 % of the cycles reach.

# %%
window = reachable_window("hennen2024", coverage=0.95)
mapping = DifferentialPair(*window, w_max=1.0)
targets = mapping.targets(weights)
print(f"{1e6 * window[0]:.0f} to {1e6 * window[1]:.0f} uS, {targets.shape} cells")

# %% [markdown]
# ## Write

# %%
cells = sg.CellArray(targets.shape, rng=42)
report = write_verify(cells, targets, tolerance=2e-6)
print(report)

# %%
figures.programming_report(report)

# %% [markdown]
# ## Read

# %%
expected = weights @ v
found = mapping.combine(cells @ v)
print(f"error of a product: {100 * np.std(found - expected) / np.std(expected):.1f} %")

# %% [markdown]
# ## With wires
#
# 1 ohm per segment does not sound like much. Here is what it costs, and how much voltage the worst cell gets:

# %%
wires = Wires(word=1.0, bit=1.0)
found = mapping.combine(cells.product(v, wires=wires))
print(f"error of a product: {100 * np.std(found - expected) / np.std(expected):.1f} %")
solution = solve(cells, wires, columns=np.full(64, 0.2))
print(f"the worst cell sees {1e3 * solution.cells.min():.0f} mV of 200 mV")

# %% [markdown]
# Smaller tiles have shorter lines. They need converters, which have ranges:

# %%
tiles = Tiles(cells, (16, 16), dac=sg.DAC(8, -0.2, 0.2))
tiles.calibrate(random.uniform(-0.2, 0.2, (64, 100)), bits=8)
found = mapping.combine(tiles @ v)
print(f"error of a product: {100 * np.std(found - expected) / np.std(expected):.1f} %")
print(f"{tiles.saturated().sum()} of {tiles.converted()} conversions beyond the range of their ADC")

# %% [markdown]
# More: [crossbars](../crossbar.md), [wires](../wires.md). Next: [a network on cells](network.py).
