# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A billion cells and a cluster
#
# You keep cells in 20 bytes, on disk, and on the workers of a cluster. Sizes here are small; comments say
# what large ones are.

# %%
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

import synaptogen as sg

cells = sg.CellArray((1024, 1024), rng=1, storage="compact")  # (32768, 32768) is a billion cells in 20 GiB
cells.apply_voltages([-3.0, 2.0])
cells

# %% [markdown]
# Currents of all cells come a block at a time, so they need not fit into memory at once:

# %%
total = sum(float(block.sum(dtype=float)) for block in cells.read_in_blocks(0.2))
print(f"mean current: {1e6 * total / cells.size:.3f} uA")

# %% [markdown]
# ## On disk

# %%
from synaptogen.outofcore import DiskArray

path = Path(mkdtemp()) / "cells.zarr"
on_disk = DiskArray((1024, 1024), path=path, rng=1, storage="compact")
on_disk.apply_voltages([-3.0, 2.0])  # one pass over the disk
means = on_disk.map_blocks(lambda block: block.conductance().mean())
print(np.mean(means))

# %% [markdown]
# The cells are the same as those in memory, bit for bit:

# %%
v = np.full(1024, 0.2)
np.array_equal(on_disk @ v, cells @ v)

# %% [markdown]
# ## On a cluster
#
# Two workers on this machine. On SLURM or Kubernetes only the client differs: [how](../scale.md#more-than-one-machine).

# %%
from distributed import Client

client = Client(n_workers=2, threads_per_worker=1, dashboard_address=None)
on_workers = sg.distributed.DistributedArray((1024, 1024), rng=1, storage="compact")
on_workers.apply_voltages([-3.0, 2.0])
print(np.array_equal(on_workers @ v, cells @ v))
client.close()
