"""What the layers of a converted model are made of."""

import numpy as np
from torch import nn

from .crossbars import Counts
from .layers import AnalogCells, AnalogMatmul
from .parts import AnalogPart, analog_parts


def summary(model: nn.Module) -> str:
    """What the layers of a converted model are made of, as a table: cells, effects, and how well they were written.

    The error is that of the weights which the cells held when they were written: root mean square, in percent of full
    scale. Saturated is what has been beyond the ranges of converters since these were set: shares of all inputs, and of
    all currents.

    Raises
    ------
    ValueError
        If the model holds no cells.
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
    c, lines = part.config, 2 * part.groups * part.outputs
    written = c.programming
    if part.report is not None:
        failed = int(np.count_nonzero(part.report.failed))
        written += f", {part.report.pulses.mean():.1f} pulses a cell, {failed} outside {c.tolerance:g} S"
    return (
        f"{part.groups * part.outputs} x {part.inputs}",
        f"{lines * part.inputs:,}",
        str(-(-lines // c.tile[0]) * part.column_tiles),
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
    if c.wires is not None:
        reads += [f"wires of {c.wires.word:g} and {c.wires.bit:g} ohm a cell ({c.wire_model})"]
    reads += ["ranges from data" if part.calibrated else "ranges estimated"]
    if c.training == "hardware-aware":
        reads += ["trains with drawn errors"]
    return ", ".join(reads)


def _saturated(counts: Counts) -> str:
    """Shares of inputs and of currents that were beyond the ranges of converters."""

    def share(beyond: int, of: int) -> str:
        return f"{100 * beyond / of:.2g} %" if of else "-"

    return f"DAC {share(counts.inputs_beyond, counts.inputs)}, ADC {share(counts.currents_beyond, counts.currents)}"


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows of text in columns; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip() for row in rows)
