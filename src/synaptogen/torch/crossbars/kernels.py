"""Compiled loops of a read, for single precision on the CPU: what stands around the two products.

They do what the tensor operations in `reading` and `matrix` do, each number by the same steps, in one pass over
memory. Symbols: n vectors, g groups, t tiles, c inputs of a tile, o outputs of a group, p places of a convolution.
A kernel handles items first ... last - 1.
"""

# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls
# (Numba infers the types of kernels from their arguments, and its decorators carry none)

import numpy as np
from numba import njit

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": False}
# added and taken away, it rounds a number below 2**22 to the nearest whole one, and to the even one of two
ROUNDING = np.float32(1.5 * 2**23)


@njit(inline="always")
def _code(v, scale, low, high):
    """Return the number of a level of the DAC, from 0; that of an input that is no number is the level of 0 V."""
    w = v * scale
    w = w if w == w else np.float32(0.0)
    w = low if w < low else w
    w = high if w > high else w
    return np.uint32(np.int32((w + ROUNDING) - ROUNDING) - np.int32(low))


@njit(**OPTIONS)
def drive_vectors(first, last, x, input_range, half, levels, signal, noise, common, factor, beyond):
    """Turn vectors x (n, g * inputs) into drives (g, t, n, c), and sums of their common variances (g, t, n).

    ``factor`` (n,) is the input of full voltage, or no number where an input is none; ``beyond`` (n,) counts inputs
    that are larger.

    Parameters
    ----------
    first, last : int
        Items, as said above.
    half : int
        Half the number of levels of the converter.
    x, input_range, levels, signal, noise, common, factor, beyond : arrays or numbers
        See above and the head of this file.
    """
    low, high, one = np.float32(-half), np.float32(half - 1), np.float32(1.0)
    groups, tiles, _, columns = signal.shape
    inputs = x.shape[1] // groups
    codes, has_noise = np.empty(columns, np.uint32), noise.size > 0
    signals, noises, commons = levels[0], levels[1], levels[2]
    for i in range(first, last):
        peak, strange = np.float32(0.0), 0
        for j in range(x.shape[1]):
            a = abs(x[i, j])
            peak = a if a > peak else peak
            strange |= a != a
        top = input_range if input_range > 0 else (peak if peak > 0 and not strange else one)
        scale, above = high / top, np.int32(0)
        factor[i] = top + np.float32(0.0) * (np.float32(np.nan) if strange else peak)
        for g in range(groups):
            for t in range(tiles):
                begin = g * inputs + t * columns
                count = min(columns, inputs - t * columns)
                row, s = x[i, begin : begin + count], signal[g, t, i]
                for j in range(count):
                    codes[j] = _code(row[j], scale, low, high)
                    above += np.int32(abs(row[j]) > top)
                if has_noise:
                    m, a, b = noise[g, t, i], 0.0, 0.0
                    for j in range(count):
                        s[j] = signals[codes[j]]
                    for j in range(count):
                        m[j] = noises[codes[j]]
                    for j in range(0, count - 1, 2):
                        a += commons[codes[j]]
                        b += commons[codes[j + 1]]
                    if count % 2:
                        a += commons[codes[count - 1]]
                    common[g, t, i] = np.float32(a + b)
                    m[count:] = 0.0
                else:
                    for j in range(count):
                        s[j] = signals[codes[j]]
                s[count:] = 0.0
        beyond[i] = above


@njit(inline="always")
def _encode(x, at, step, top, finer, low, high, codes):
    """Fill codes with those of places from ``at`` on; return how many inputs are beyond the range."""
    above, wide = np.int32(0), len(top)
    if step == 1:  # a step that is known makes instructions on vectors
        line = x[at : at + wide]
        for p in range(wide):
            codes[p] = _code(line[p], finer[p], low, high)
            above += np.int32(abs(line[p]) > top[p])
    else:
        for p in range(wide):
            v = x[at + p * step]
            codes[p] = _code(v, finer[p], low, high)
            above += np.int32(abs(v) > top[p])
    return above


@njit(**OPTIONS)
def drive_images(first, last, x, top, half, levels, weights, signal, noise, common, beyond):
    """Turn images x (n * g, channels, pixels) into drives of that shape, and sums of common variances (n * g, pixels).

    ``top`` is the input of full voltage. ``beyond`` (n * g,) counts larger inputs, each as often as places see the
    pixel: ``weights`` (pixels,).

    Parameters
    ----------
    first, last : int
        Items, as said above.
    half : int
        Half the number of levels of the converter.
    x, top, levels, weights, signal, noise, common, beyond : arrays or numbers
        See above and the head of this file.
    """
    _, channels, pixels = x.shape
    codes, has_noise = np.empty(pixels, np.uint32), noise.size > 0
    low, high = np.float32(-half), np.float32(half - 1)
    fine, signals, noises, commons = high / top, levels[0], levels[1], levels[2]
    for item in range(first, last):
        above = 0
        if has_noise:
            common[item, :] = 0.0
        for channel in range(channels):
            line, into = x[item, channel], signal[item, channel]
            for p in range(pixels):
                codes[p] = _code(line[p], fine, low, high)
            for p in range(pixels):
                above += weights[p] * (abs(line[p]) > top)
            for p in range(pixels):
                into[p] = signals[codes[p]]
            if has_noise:
                spread, sums = noise[item, channel], common[item]
                for p in range(pixels):
                    spread[p] = noises[codes[p]]
                for p in range(pixels):
                    sums[p] += commons[codes[p]]
        beyond[item] = above


@njit(**OPTIONS)
def drive_places(
    first, last, x, begins, ends, sources, step, lines, group, top, finer, half, levels, signal, noise, common, beyond
):
    """Turn images into drives (g, t * c, p), and sums of common variances (g, t, p).

    Items are stretches of places, from begins to ends. The first place of a stretch sees in line k of group g the
    number ``x[sources + g * group + lines[k]]``, the next one that ``step`` further. ``top`` and ``finer`` (p,) are the
    input of full voltage, and levels per input. ``beyond`` has a count for each stretch.

    Parameters
    ----------
    first, last : int
        Items, as said above.
    half : int
        Half the number of levels of the converter.
    x, begins, ends, sources, step, lines, group, top, finer : arrays or numbers
        See above and the head of this file.
    levels, signal, noise, common, beyond : arrays or numbers
        See above and the head of this file.
    """
    groups, tiles, _ = common.shape
    columns, has_noise = signal.shape[1] // tiles, noise.size > 0
    longest = (ends - begins).max()
    codes, sums = np.empty(longest, np.uint32), np.empty(longest)
    low, high = np.float32(-half), np.float32(half - 1)
    signals, noises, commons = levels[0], levels[1], levels[2]
    for item in range(first, last):
        begin, end, above = begins[item], ends[item], 0
        here, fine, count = top[begin:end], finer[begin:end], end - begin
        for g in range(groups):
            sums[:] = 0.0
            for line in range(len(lines)):
                at = sources[item] + g * group + lines[line]
                above += _encode(x, at, step, here, fine, low, high, codes)
                into = signal[g, line, begin:end]
                if has_noise:
                    spread = noise[g, line, begin:end]
                    # one loop for each table: there are too few registers for three
                    for p in range(count):
                        into[p] = signals[codes[p]]
                    for p in range(count):
                        spread[p] = noises[codes[p]]
                    for p in range(count):
                        sums[p] += commons[codes[p]]
                    if (line + 1) % columns == 0 or line + 1 == len(lines):
                        common[g, line // columns, begin:end] = sums[:count]
                        sums[:] = 0.0
                else:
                    for p in range(count):
                        into[p] = signals[codes[p]]
        beyond[item] = above


@njit(**OPTIONS)
def multiply_places(
    first,
    last,
    x,
    begins,
    ends,
    sources,
    step,
    lines,
    group,
    top,
    finer,
    half,
    levels,
    difference,
    total,
    currents,
    variances,
    beyond,
):
    """Multiply images by small matrices, one for each group: as `drive_places`, and the products (g, o, p) too.

    Differences and totals are (g, inputs, o). Each weight has few products, one for each level, which are looked up.

    Parameters
    ----------
    first, last : int
        Items, as said above.
    half : int
        Half the number of levels of the converter.
    x, begins, ends, sources, step, lines, group, top, finer : arrays or numbers
        See above and the head of this file.
    levels, difference, total, currents, variances, beyond : arrays or numbers
        See above and the head of this file.
    """
    groups, outputs, has_noise = difference.shape[0], difference.shape[2], variances.size > 0
    codes, count = np.empty((ends - begins).max(), np.uint32), levels.shape[1]
    product, spread = np.empty(count, np.float32), np.empty(count, np.float32)
    low, high = np.float32(-half), np.float32(half - 1)
    signals, noises, commons = levels[0], levels[1], levels[2]
    for item in range(first, last):
        begin, end, above = begins[item], ends[item], 0
        here, fine = top[begin:end], finer[begin:end]
        for g in range(groups):
            for line in range(len(lines)):
                at = sources[item] + g * group + lines[line]
                above += _encode(x, at, step, here, fine, low, high, codes)
                for o in range(outputs):
                    weight, other = difference[g, line, o], total[g, line, o]
                    for k in range(count):
                        product[k] = signals[k] * weight
                    _add(currents[g, o, begin:end], product, codes, line == 0)
                    if has_noise:
                        for k in range(count):
                            spread[k] = noises[k] * other + commons[k]
                        _add(variances[g, o, begin:end], spread, codes, line == 0)
        beyond[item] = above


@njit(inline="always")
def _add(into, values, codes, is_first):
    if is_first:
        for p in range(len(into)):
            into[p] = values[codes[p]]
    else:
        for p in range(len(into)):
            into[p] += values[codes[p]]


@njit(inline="always")
def add_noise(current, variance, z):
    """Return a current with noise, from a standard normal.

    Parameters
    ----------
    current, variance, z : float32
        In A, in A^2, and the normal.
    """
    return current + np.sqrt(max(variance, np.float32(0.0))) * z


@njit(inline="always")
def to_digits(w, low, high):
    """Return the level of an ADC that is nearest to a current.

    Parameters
    ----------
    w : float32
        Current in steps of the converter.
    low, high : float32
        Lowest and highest level.
    """
    w = low if w < low else (high if w > high else w)
    return (w + ROUNDING) - ROUNDING


@njit(**OPTIONS)
def convert_vectors(first, last, currents, variances, common, z, ranges, unit, factor, half, out, beyond):
    """Turn currents (g, t, n, o) into outputs (n, g * o): noise, ADC, sum over tiles, scale.

    Without noise ``z`` is empty, without an ADC ``half`` is 0. ``beyond`` (n,) counts currents outside the ranges
    (g, t, o).

    Parameters
    ----------
    first, last : int
        Items, as said above.
    half : int
        Half the number of levels of the converter.
    currents, variances, common, z, ranges, unit, factor, out, beyond : arrays or numbers
        See above and the head of this file.
    """
    groups, tiles, _, outputs = currents.shape
    low, high, has_noise = np.float32(-half), np.float32(half - 1), z.size > 0
    for i in range(first, last):
        above = np.int32(0)
        for g in range(groups):
            into = out[i, g * outputs : (g + 1) * outputs]
            into[:] = 0.0
            for t in range(tiles):
                current, top, scale = currents[g, t, i], ranges[g, t], unit[g]
                if has_noise:
                    variance, draws, more = variances[g, t, i], z[g, t, i], common[g, t, i]
                    for o in range(outputs):
                        current[o] = add_noise(current[o], variance[o] + more, draws[o])
                if half:
                    for o in range(outputs):
                        above += np.int32(abs(current[o]) > top[o])
                        number = to_digits(current[o] * (high / top[o]), low, high)
                        into[o] += number * (top[o] / high * scale[o])
                else:
                    for o in range(outputs):
                        into[o] += current[o] * scale[o]
            for o in range(outputs):
                into[o] *= factor[i]
        beyond[i] = above
