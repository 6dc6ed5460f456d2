"""Claim: a file that was fitted to few devices simulates these, for 1 to 50 devices of laws far from any preset.

Prints a table of the medians, in standard errors of the measured ones, and of the widths from 10 to 90 %; draws the
features of one law, measured and simulated, side by side.

    python benchmarks/few_devices.py --figure few_devices.png
"""

import argparse

import numpy as np

import synaptogen as sg
from synaptogen import learn

DEVICES = (1, 2, 5, 15, 16, 50)
CYCLES, MEMORY = 100, 0.7
FEATURES = {"r_hrs": "R_HRS (ohm)", "u_set": "|U_SET| (V)", "r_lrs": "R_LRS (ohm)", "u_reset": "U_RESET (V)"}
LAWS = {  # medians of a device
    "megaohm": (1e7, -2.2, 3e5, 1.9),
    "ten ohm": (400.0, -0.5, 14.0, 0.45),
    "hardly a window": (12_400.0, -0.9, 8_700.0, 1.1),
    "six decades": (1e9, -3.5, 2e4, 2.8),
}


def measured(law, devices, seed):
    """Return a table of features: log-normal resistances, normal thresholds, an autoregression of the first order."""
    rng = np.random.default_rng(seed)
    own = np.exp(0.1 * rng.standard_normal((devices, 1, 4)))
    x, state = np.empty((devices, CYCLES, 4)), rng.standard_normal((devices, 4))
    for t in range(CYCLES):
        state = MEMORY * state + np.sqrt(1 - MEMORY**2) * rng.standard_normal((devices, 4))
        x[:, t] = state
    spread = np.exp(np.array([0.4, 0.0, 0.06, 0.0]) * x) + np.array([0.0, 0.08, 0.0, 0.06]) * x
    return learn.features(*np.moveaxis(np.array(law) * own * spread, -1, 0))


def compared(law, devices, seed):
    """Return differences of medians in standard errors, ratios of widths, and the logarithms behind them."""
    data = measured(law, devices, seed)
    params = learn.fit(data, history="var", order=2, rng=1).params
    cycles = sg.CellArray(4000, params, rng=0, engine="reference").run_cycles(10)
    off, width, values = [], [], []
    for name in FEATURES:
        a, b = np.log(np.abs(data[name].to_numpy())), np.log(np.abs(getattr(cycles, name)))
        within = np.std(a - a.mean(1, keepdims=True))
        effective = CYCLES * devices * (1 - MEMORY) / (1 + MEMORY)
        between = np.std(a.mean(1), ddof=1) / np.sqrt(devices) if devices > 1 else 0.0
        error = 1.25 * np.hypot(within / np.sqrt(effective), between)
        off.append((np.median(b) - np.median(a)) / error)
        width.append(np.ptp(np.quantile(b, [0.1, 0.9])) / np.ptp(np.quantile(a, [0.1, 0.9])))
        values.append((np.exp(a).ravel(), np.exp(b).ravel()))
    return off, width, values


def draw(path, results):
    """Draw measured and simulated features of one law for each number of devices."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
    for f, (ax, label) in enumerate(zip(axes, FEATURES.values(), strict=True)):
        for k, devices in enumerate(DEVICES):
            for shift, color, values in zip((-0.18, 0.18), ("0.45", "C0"), results[devices][2][f], strict=True):
                low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
                ax.plot([k + shift] * 2, [low, high], color=color, lw=3, solid_capstyle="butt")
                ax.plot(k + shift, middle, "o", color=color, ms=4)
        ax.set(xticks=range(len(DEVICES)), xticklabels=DEVICES, xlabel="devices", title=label)
    axes[0].plot([], [], color="0.45", lw=3, label="measured")
    axes[0].plot([], [], color="C0", lw=3, label="simulated")
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print the table, and draw the figure if a path is given."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--figure", help="file for a figure of the first law")
    chosen = options.parse_args()
    results = {}
    print("| devices | largest difference of medians, standard errors | width 10 to 90 %, simulated over measured |")
    for devices in DEVICES:
        found = {name: compared(law, devices, seed) for seed, (name, law) in enumerate(LAWS.items())}
        off, width = (np.concatenate([one[k] for one in found.values()]) for k in (0, 1))
        print(
            f"| {devices} | {np.abs(off).max():.1f} (rms {np.sqrt(np.mean(off**2)):.1f}) |"
            f" {width.min():.2f}-{width.max():.2f} |",
            flush=True,
        )
        results[devices] = found["megaohm"]
    if chosen.figure:
        draw(chosen.figure, results)


if __name__ == "__main__":
    main()
