"""Measurements of devices of simple laws, with the features that are in them.

Currents: an LRS of ohmic or saturating law, an HRS of ohmic or sinh law, SET abrupt, RESET gradual or abrupt; a current
limit, noise, an offset, steps of a converter; either polarity; loops that begin anywhere on the ramp.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Virtual:
    """A record of one device, and what is true of it: features of each cycle by name, or the kind to be refused."""

    voltage: np.ndarray
    current: np.ndarray
    kind: str
    polarity: int = 1
    step: float = 0.0
    true: dict | None = None
    words: str = ""


def _ramp(corners, step):
    legs = [np.linspace(a, b, max(round(abs(b - a) / step), 1), endpoint=False) for a, b in corners]
    return np.concatenate([*legs, [corners[-1][1]]])


def _f(u, growth):
    return u if growth == 0 else np.sinh(growth * u) / growth


def bipolar(rng):
    """Return a bipolar device of a random law; SET is negative before the polarity is applied."""
    cycles, points = int(rng.integers(2, 9)), int(rng.integers(80, 300))
    scale = 10 ** rng.uniform(-9, -2.3)  # current of the LRS at 1 V
    ratio = 10 ** rng.uniform(np.log10(1.5), 3)
    un, up = rng.uniform(1.0, 3.0, 2)
    step = 2 * (un + up) / points
    growth = rng.choice([0.0, rng.uniform(0.5, 4.0) / un])
    noise = scale * 10 ** rng.uniform(-6, -2.5)
    offset = noise * rng.uniform(-3, 3)
    abrupt, polarity = rng.random() < 0.4, int(rng.choice([-1, 1]))
    limit = scale * un * rng.choice([np.inf, rng.uniform(0.3, 0.8)])
    u_sets, u_resets = -un * rng.uniform(0.45, 0.8, cycles), up * rng.uniform(0.4, 0.7, cycles)
    g_l = scale * np.exp(0.05 * rng.standard_normal(cycles))
    g_h = scale / ratio * np.exp(0.2 * np.clip(np.log(ratio), 0, 1) * rng.uniform(-1, 1, cycles + 1))
    g_h = np.minimum(g_h, 0.75 * scale)
    u, i = [], []
    for c in range(cycles):
        down, rise, fall = (_ramp([pair], step) for pair in ((0, -un), (-un, up), (up, 0)))
        f_end = _f(up, growth)
        hrs, lrs, after = g_h[c] * _f(down, growth), g_l[c] * rise, g_h[c + 1] * _f(fall, growth)
        a = np.where(down > u_sets[c], hrs, g_l[c] * down)
        end, start = g_h[c + 1] * f_end, g_l[c] * u_resets[c]
        if end > 0.8 * start or np.abs(g_h[c] * _f(u_sets[c], growth)) > 0.6 * np.abs(g_l[c] * u_sets[c]):
            return bipolar(rng)  # no window at the thresholds
        if abrupt:
            b = np.where(rise < u_resets[c], lrs, g_h[c + 1] * _f(rise, growth))
        else:
            part = np.clip((rise - u_resets[c]) / (up - u_resets[c]), 0, 1)
            b = np.where(rise < u_resets[c], lrs, end + (start - end) * (1 - part) ** 1.5)
        u.append(np.concatenate([down[:-1], rise[:-1], fall[:-1]]))
        i.append(np.concatenate([a[:-1], b[:-1], after[:-1]]))
    u, i = np.concatenate(u), np.concatenate(i)
    i = np.maximum(i, -limit)
    i = i + offset + noise * rng.standard_normal(len(i))
    if rng.random() < 0.3:
        lsb = noise * rng.uniform(0.5, 3)
        i = np.round(i / lsb) * lsb
    if rng.random() < 0.2:
        u = u + 1e-4 * un * rng.standard_normal(len(u))
    u_read, f_read = 0.2, _f(0.2, growth)
    true = {
        "r_hrs": u_read / (g_h[:cycles] * f_read),
        "u_set": polarity * u_sets,
        "r_lrs": 1 / g_l,
        "u_reset": polarity * u_resets,
    }
    return Virtual(polarity * u, polarity * i, "bipolar", polarity, step, true)


def troubled(rng):
    """Return a device that is hard to measure: few points, small ratios, an erratic RESET, charging, drift.

    RESET is abrupt, gradual, or goes in steps; a capacitance adds a current with the sign of the sweep, and the HRS
    drifts on the way back to zero.
    """
    cycles = int(rng.integers(2, 9))
    points = int(rng.integers(24, 60)) if rng.random() < 0.5 else int(rng.integers(60, 300))
    scale, ratio = 10 ** rng.uniform(-9, -2.3), 10 ** rng.uniform(np.log10(1.2), 2.5)
    un, up = rng.uniform(1, 3, 2)
    step = 2 * (un + up) / points
    growth = rng.choice([0.0, rng.uniform(0.5, 5) / un])
    noise, polarity = scale * 10 ** rng.uniform(-6, -2.3), int(rng.choice([-1, 1]))
    offset, limit = noise * rng.uniform(-5, 5), scale * un * rng.choice([np.inf, rng.uniform(0.3, 0.8)])
    u_sets, u_resets = -un * rng.uniform(0.45, 0.8, cycles), up * rng.uniform(0.4, 0.7, cycles)
    g_l = scale * np.exp(0.05 * rng.standard_normal(cycles))
    g_h = scale / ratio * np.exp(0.2 * np.clip(np.log(ratio), 0, 1) * rng.uniform(-1, 1, cycles + 1))
    g_h = np.minimum(g_h, 0.85 * scale)
    form = rng.choice(["abrupt", "steps", "gradual"])
    charging, drift = noise * rng.choice([0, 0, rng.uniform(0, 5)]), rng.choice([0, 0, rng.uniform(-0.03, 0.03)])
    u, i = [], []
    for c in range(cycles):
        down, rise, fall = (_ramp([pair], step) for pair in ((0, -un), (-un, up), (up, 0)))
        end, start = g_h[c + 1] * _f(up, growth), g_l[c] * u_resets[c]
        if end > 0.85 * start or np.abs(g_h[c] * _f(u_sets[c], growth)) > 0.7 * np.abs(g_l[c] * u_sets[c]):
            return troubled(rng)  # no window at the thresholds
        a = np.where(down > u_sets[c], g_h[c] * _f(down, growth), g_l[c] * down)
        low, lrs = g_h[c + 1] * _f(np.maximum(rise, 0), growth), g_l[c] * rise
        part = np.clip((rise - u_resets[c]) / (up - u_resets[c]), 0, 1)
        power = 1.5 if form == "gradual" else 1
        if form == "steps":
            levels = 0.8 * np.sort(rng.uniform(0, 1, 4))
            part = np.where(part > 0, np.maximum(np.searchsorted(levels, part) / 4, 0.25), 0)
        between = low + (np.minimum(lrs, np.maximum(start, low)) - low) * (1 - part) ** power
        b = np.where(rise < u_resets[c], lrs, low if form == "abrupt" else between)
        after = g_h[c + 1] * _f(fall, growth) * (1 + drift * (1 - fall / up))
        u.append(np.concatenate([down[:-1], rise[:-1], fall[:-1]]))
        i.append(np.concatenate([a[:-1], b[:-1], after[:-1]]))
    u = np.concatenate(u)
    i = np.maximum(np.concatenate(i), -limit) + offset + charging * np.sign(np.gradient(u))
    i = i + noise * rng.standard_normal(len(i))
    true = {
        "r_hrs": 0.2 / (g_h[:cycles] * _f(0.2, growth)),
        "u_set": polarity * u_sets,
        "r_lrs": 1 / g_l,
        "u_reset": polarity * u_resets,
    }
    return Virtual(polarity * u, polarity * i, "bipolar", polarity, step, true)


def refused(rng):
    """Return a device that is not bipolar, and words of its refusal."""
    points, cycles, size = int(rng.integers(60, 200)), int(rng.integers(2, 7)), rng.uniform(0.8, 3)
    scale, sign = 10 ** rng.uniform(-9, -3), int(rng.choice([-1, 1]))
    step, noise = 4 * size / points, scale * 10 ** rng.uniform(-5, -3)
    up, back = _ramp([(0, size)], step), _ramp([(size, 0)], step)
    ratio = 10 ** rng.uniform(0.7, 3)
    kind = rng.choice(["unipolar", "volatile", "complementary", "no memory", "noise"])
    legs = []
    for _ in range(cycles):
        if kind == "unipolar":
            at = size * rng.uniform(0.6, 0.9)
            short, again = up[up < 0.55 * size], back[back < 0.55 * size]
            fall = 0.4 * size
            legs += [
                (up, np.where(up < at, up / ratio, np.minimum(up, 0.35 * size))),
                (back, np.minimum(back, 0.35 * size)),
            ]
            legs += [(short, np.where(short < fall, short, short / ratio)), (again, again / ratio)]
        elif kind == "volatile":
            on, hold = size * rng.uniform(0.6, 0.8), size * rng.uniform(0.42, 0.5)
            for s in (1, -1):
                legs += [
                    (s * up, s * np.where(up < on, up / ratio, up)),
                    (s * back, s * np.where(back > hold, back, back / ratio)),
                ]
        elif kind == "complementary":
            first, last = size * rng.uniform(0.45, 0.5), size * rng.uniform(0.75, 0.85)
            for s in (1, -1):
                window = (up > first) & (up < last)
                legs += [(s * up, s * np.where(window, up, up / ratio)), (s * back, s * back / ratio)]
        elif kind == "no memory":
            growth = rng.uniform(0, 6) / size
            weak = rng.uniform(0.001, 1)
            for s in (1, -1):
                for leg in (up, back):
                    legs.append((s * leg, s * (1 if s > 0 else weak) * _f(leg, growth) / _f(size, growth)))
        else:
            for s in (1, -1):
                legs += [(s * up, 0 * up), (s * back, 0 * back)]
    u, i = (np.concatenate([leg[k] for leg in legs]) for k in (0, 1))
    i = scale * i + noise * rng.standard_normal(len(i))
    words = {"no memory": "hysteresis", "noise": "noise alone"}.get(str(kind), str(kind))
    return Virtual(sign * u, sign * i, str(kind), words=words)


def judge(extract, as_loops, one):
    """Return counts of numbers: right, wrong but flagged, wrong without a flag, missing; of a refusal 1 or 0."""
    from synaptogen.learn import Flag

    try:
        found = extract(as_loops(one.voltage, one.current))
    except ValueError as error:
        name = "refused" if one.kind != "bipolar" and one.words in str(error) else "refused wrongly"
        return {name: 1}
    if one.kind != "bipolar":
        return {"accepted wrongly": 1}
    if found.features.attrs["polarity"] != one.polarity:
        return {"polarity wrong": 1}
    counts = dict.fromkeys(("right", "flagged", "wrong", "missing"), 0)
    doubt = {
        "r_hrs": Flag.UNRESOLVED | Flag.MISFIT,
        "u_set": Flag.MISFIT | Flag.SET_AT_END,
        "r_lrs": Flag.MISFIT,
        "u_reset": Flag.MISFIT | Flag.RESET_AT_END,
    }
    flag = found.features.flag.values[0]
    n = len(one.true["r_hrs"])
    if found.features.sizes["cycle"] != n:
        return {"cycles wrong": 1}
    for name, true in one.true.items():
        value = found.features[name].values[0]
        if name.startswith("r_"):
            good = np.abs(value / true - 1) < 0.05
        else:
            good = np.abs(value - true) < 1.5 * one.step
        bad = flag & (doubt[name] | Flag.INCOMPLETE) != 0
        counts["right"] += int(np.count_nonzero(good & ~bad))
        counts["right " + name] = int(np.count_nonzero(good & ~bad))
        counts["flagged"] += int(np.count_nonzero(bad & np.isfinite(value)))
        counts["missing"] += int(np.count_nonzero(np.isnan(value)))
        wrong = ~good & ~bad & np.isfinite(value)
        counts["wrong"] += int(np.count_nonzero(wrong))
        counts["wrong " + name] = int(np.count_nonzero(wrong))
    return counts
