# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Into a circuit simulator
#
# You sweep a cell in a simulator, read and write an array there, and take a netlist home. This needs the extra
# `circuit`, which brings the simulator VACASK for x86-64 Linux; ngspice 44 or later works the same.

# %%
# %matplotlib inline
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

import synaptogen as sg
from synaptogen.circuit import compare_iv, iv_comparison
from synaptogen.circuit.netlists import array_circuit, export, read_bench, simulate, write_bench

# %% [markdown]
# ## One cell beside Python

# %%
comparison = compare_iv(sg.CellArray(1, rng=1), "vacask")
iv_comparison(comparison)

# %% [markdown]
# ## Read an array

# %%
cells = sg.CellArray((32, 32), rng=42)
cells.apply_voltages([-2.0, 2.0])
circuit = array_circuit(cells, "read", wire_resistance=1.0)
currents = simulate(read_bench(circuit, np.full(32, 0.2)), "vacask").rows[0]
python = cells.product(np.full(32, 0.2), bandwidth=0, wires=sg.crossbar.Wires(1.0, 1.0, bit_ends="top"))
print(f"largest difference: {np.abs(currents - python).max() / np.abs(python).max():.1e} of the largest current")

# %% [markdown]
# ## Write a row
#
# Afterwards the cells in Python take the states of the cells in the circuit.

# %%
circuit = array_circuit(cells, "pulse", wire_resistance=1.0)
result = simulate(write_bench(circuit, 3, np.arange(32), -1.5), "vacask")
result.update(cells)
print(f"{np.sum(cells[3].mode == sg.Mode.LRS)} of 32 cells of row 3 are set")

# %% [markdown]
# ## A netlist to take along

# %%
folder = Path(mkdtemp())  # a folder of yours
export(read_bench(array_circuit(cells, "read"), np.full(32, 0.2)), folder, "ngspice")
print(*sorted(path.name for path in folder.iterdir()), sep="\n")

# %% [markdown]
# `ngspice -b array.cir` runs it in its folder. [Circuits](../circuit.md) has transistors, other waveforms, Spectre, and
# cells that draw their own devices in the simulator.
