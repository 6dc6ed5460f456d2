# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A network on cells, and its life
#
# You train a small network on handwritten digits, put it on cells, and see what programming costs. This needs the extra
# `torch`.

# %%
import torch
from sklearn.datasets import load_digits

import synaptogen as sg

torch.manual_seed(1)
digits = load_digits()
order = torch.randperm(len(digits.data))
x = torch.tensor(digits.data / 16, dtype=torch.float32)[order]
y = torch.tensor(digits.target)[order]
train, test = slice(0, 1400), slice(1400, None)


def fit(model, epochs, rate=3e-3):
    """Train a model on the first digits."""
    optimiser = torch.optim.Adam(model.parameters(), rate)
    for _ in range(epochs):
        for rows in torch.randperm(1400).split(100):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x[train][rows]), y[train][rows]).backward()
            optimiser.step()


def accuracy(model):
    """Return the share of the other digits that are recognised, in per cent."""
    model.eval()
    with torch.no_grad():
        return 100 * (model(x[test]).argmax(1) == y[test]).float().mean().item()


model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
fit(model, 20)
print(f"digital: {accuracy(model):.1f} %")

# %% [markdown]
# ## Onto cells
#
# A dry run says what would become cells. `convert` returns a copy whose weights are on cells.

# %%
print(sg.torch.convert(model, dry_run=True))

# %%
analog = sg.torch.convert(model, sg.torch.AnalogConfig(seed=1))
sg.torch.calibrate(analog, [x[train][:200]])
print(f"write-verify: {accuracy(analog):.1f} %")
print(sg.torch.summary(analog))

# %% [markdown]
# ## A cheaper write
#
# One shot is a SET and one partial RESET, without a read. It costs some accuracy, on each chip another share:

# %%
one_shot = sg.torch.AnalogConfig(seed=1, programming="one-shot", training="hardware-aware")
quick = sg.torch.convert(model, one_shot)
for chip in range(3):
    sg.torch.program(quick, seed=chip)
    sg.torch.calibrate(quick, [x[train][:200]])
    print(f"chip {chip}: {accuracy(quick):.1f} %")

# %% [markdown]
# ## Train for it
#
# In training mode each pass draws fresh programming errors, so the network learns to bear them. Then the new weights
# are written to the cells of the same three chips:

# %%
quick.train()
fit(quick, 20, rate=1e-3)
for chip in range(3):
    sg.torch.program(quick, seed=chip)
    sg.torch.calibrate(quick, [x[train][:200]])
    print(f"chip {chip}: {accuracy(quick):.1f} %")

# %% [markdown]
# 397 digits and three chips scatter by about a point, and one network says little about yours:
# [networks on cells](../torch.md) has figures with their scatter over seeds,
# for wires, bits of converters, and training by pulses in the cells.
