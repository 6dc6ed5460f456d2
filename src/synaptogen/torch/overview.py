"""Overview of the layers of a converted model."""

import numpy as np
from torch import nn

from synaptogen.crossbar import Wires

from .analog_parts import AnalogPart, analog_parts
from .crossbars import ConverterCounts
from .layers import AnalogCells, AnalogMatmul


def summary(model: nn.Module) -> str:
    """Summarise the layers of a converted model as a table: cells, programming, errors, reads.

    The error is the root mean square of the errors of weights when the cells were written, in percent of full scale.
    "Saturated" are the shares of all inputs and of all currents that were outside the ranges of converters since these
    were set.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model.

    Returns
    -------
    str
        Table with one row for each module with cells.

    Raises
    ------
    ValueError
        If the model holds no cells.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> config = sg.torch.AnalogConfig(programming="ideal", bandwidth=0.0)
    >>> print(sg.torch.summary(torch.nn.Sequential(sg.torch.Linear(4, 2, config=config))))
    cells of  matrix  cells  tiles  programming  error   saturated     reads
    0         2 x 4   16     1      ideal        0.00 %  DAC -, ADC -  no noise, DAC 8 bit, ADC 8 bit, ranges estimated
    """
    parts = analog_parts(model)
    if not parts:
        raise ValueError("model holds no cells: convert it first")
    rows: list[tuple[str, ...]] = [
        ("cells of", "matrix", "cells", "tiles", "programming", "error", "saturated", "reads")
    ]
    rows += [_row(name, part) for name, part in parts.items()]
    return table(rows)


def _row(name: str, part: AnalogPart) -> tuple[str, ...]:
    described = _matmul_row(part) if isinstance(part, AnalogMatmul) else _matrix_row(part)
    return name.removesuffix("analog").rstrip(".") or "(model)", *described, _saturated(part.counts), _reads(part)


def _matrix_row(part: AnalogCells) -> tuple[str, ...]:
    c, lines = part.config, part.groups * part.outputs
    written: str = c.programming
    if part.report is not None:
        failed = int(np.count_nonzero(part.report.failed))
        written += f", {part.report.pulses.mean():.1f} pulses a cell, {failed} outside {c.tolerance:g} S"
    return (
        f"{part.groups * part.outputs // c.weight_slices} x {part.inputs}",
        f"{part.cells:,}",
        str(-(-lines // c.rows_of_tile) * part.column_tiles),
        written,
        f"{100 * float(part.written_error):.2f} %",
    )


def _matmul_row(part: AnalogMatmul) -> tuple[str, ...]:
    cost = part.cost()
    written = f"{part.config.programming} in each pass, {cost.pulses:.3g} pulses so far"
    return (
        "activations",
        f"{cost.cells:,} written",
        "-",
        written,
        f"{100 * float(part.errors[0].square().mean().sqrt()):.2f} %",
    )


def _reads(part: AnalogPart) -> str:
    c = part.config
    reads = [f"noise of {c.bandwidth:g} Hz" if c.bandwidth else "no noise"]
    reads += [
        f"{kind} {bits} bit" if bits else f"no {kind}" for kind, bits in (("DAC", c.dac_bits), ("ADC", c.adc_bits))
    ]
    if c.weight_mapping != "differential-pair":
        reads += [{"offset-column": "offset columns", "digital-offset": "digital offsets"}[c.weight_mapping]]
    if c.weight_slices > 1:
        reads += [f"weights of {c.weight_bits} bits in {c.weight_slices} slices"]
    if c.input_slices > 1:
        reads += [f"inputs in {c.input_slices} slices"]
    if c.input_coding == "pulse-width":
        reads += ["inputs as pulse widths"]
    if c.wires is not None:
        reads += [f"wires of {_segments(c.wires)} a cell ({c.wire_model})"]
    reads += ["ranges from data" if part.calibrated else "ranges estimated"]
    if c.training == "hardware-aware":
        age = c.training_age
        reads += ["trains with drawn errors" + (f" at ages of {age[0]:g} to {age[1]:g} s" if age else "")]
    if isinstance(part, AnalogCells) and part.aged is not None and part.aged.holds(part):
        reads += [f"{part.aged.time.seconds:g} s after writing"]
    return ", ".join(reads)


def _saturated(counts: ConverterCounts) -> str:
    """Format the shares of inputs and of currents outside the ranges of converters."""

    def share(beyond: int, of: int) -> str:
        return f"{100 * beyond / of:.2g} %" if of else "-"

    return f"DAC {share(counts.inputs_beyond, counts.inputs)}, ADC {share(counts.currents_beyond, counts.currents)}"


def table(rows: list[tuple[str, ...]]) -> str:
    """Format rows of text as a table; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _segments(wires: Wires) -> str:
    """Format the resistances of word and bit lines."""
    if isinstance(wires.word, float) and isinstance(wires.bit, float):
        return f"{wires.word:g} and {wires.bit:g} ohm"
    return f"{wires.describe('word')} (word lines) and {wires.describe('bit')} (bit lines)"
