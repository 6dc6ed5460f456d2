"""What a page shows: parameter sets and saved arrays, each with the Python that makes it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from synaptogen._utils import PathLike
from synaptogen.array import CellArray, load
from synaptogen.params import DeviceParams, as_device_params, fluctuation_presets, presets

from .machine import packed

Shown: TypeAlias = DeviceParams | CellArray | PathLike
"""What a page can show: a parameter set, the name of a preset, a parameter file, an array, or a saved array."""

EDGE = 32  # cells of a saved array that go into a page, in each direction
MOST_CYCLES = 2_000_000  # that the page goes through to restore cells: about as many microseconds


@dataclass(frozen=True)
class Source:
    """A parameter set in a page, or the cells of an array.

    Parameters
    ----------
    params : DeviceParams
        The population.
    title : str
        Its name in the page.
    python : str
        Python that gives the parameter set.
    array : dict, optional
        The cells, for JSON.
    note : str
        What people should know of it.
    """

    params: DeviceParams
    title: str
    python: str
    array: dict[str, Any] | None = None
    note: str = ""


def source_of(shown: Shown) -> Source:
    """Return what a page needs of a parameter set or an array.

    Parameters
    ----------
    shown : DeviceParams, CellArray, str or path
        The set or array, the name of a preset, or the path of a parameter file or a saved array.

    Returns
    -------
    Source

    Raises
    ------
    ValueError, OSError
        If there is no such thing, or it is damaged, or it has a part that a page cannot run.
    """
    if isinstance(shown, DeviceParams):
        return Source(shown, _title(shown), _python(shown))
    if isinstance(shown, CellArray):
        return _array_source(shown, "cells", _title(shown.params))
    text = os.fspath(shown)
    if text in presets():
        params = as_device_params(text)
        return Source(params, _title(params), json.dumps(text))
    if Path(text).is_dir():
        return _array_source(load(text), f"sg.load({json.dumps(text)})", Path(text).name)
    if text.endswith(".json") or Path(text).exists():
        params = DeviceParams.from_json(Path(text))
        return Source(params, f"{Path(text).name}: {_title(params)}", _from_json(text))
    raise ValueError(
        f"{text!r} is neither a preset ({', '.join(presets())}) nor the path of a parameter file or a saved array"
    )


def _title(params: DeviceParams) -> str:
    history, k = params.history, params.population.n_components
    moving = "" if params.fluctuation is None else f", fluctuation of {params.fluctuation.name}"
    return f"{params.name}, {history!r}, {k} component{'s' * (k != 1)}{moving}"


def _python(params: DeviceParams) -> str:
    """Return Python that gives a parameter set: a preset, also with the preset of a fluctuation, or a file."""
    if params.name in presets():
        preset, text = as_device_params(params.name), json.dumps(params.name)
        if params == preset:
            return text
        for moving in fluctuation_presets():
            if params == preset.with_fluctuation(moving):
                return f"sg.DeviceParams.preset({text}).with_fluctuation({json.dumps(moving)})"
    # another set may be in no file: then this is the name that one would give to it
    return _from_json(f"{params.name}.json")


def _from_json(path: str) -> str:
    return f"sg.DeviceParams.from_json({json.dumps(path)})"


def _array_source(cells: CellArray, python: str, title: str) -> Source:
    """Return the first cells of an array: a corner of its first matrix, or as many cells of a line."""
    part, expression = cells, python
    while part.ndim > 2:
        part, expression = part[0], f"{expression}[0]"
    if part.ndim == 2:
        part, expression = part[:EDGE, :EDGE], f"{expression}[:{EDGE}, :{EDGE}]"
    elif part.ndim == 1:
        part, expression = part[: EDGE * EDGE], f"{expression}[:{EDGE * EDGE}]"
    sizes = " x ".join(map(str, cells.shape)) or "1"
    note = (
        f"{title}: the first {part.size:,} of {sizes} cells, in the state of the array. Cells of this page go through"
        " their further cycles in double precision."
    )
    array = {**_content(part, title), "python": expression}
    return Source(cells.params, f"{title}: {sizes} cells", f"{python}.params", array, note)


def _content(part: CellArray, title: str) -> dict[str, Any]:
    """Return the state of cells, for JSON."""
    state = part.state
    cycles = int(part.cycle.sum(dtype=np.int64))
    if cycles > MOST_CYCLES:
        raise ValueError(
            f"{title}: its first {part.size:,} cells went through {cycles:,} cycles, and the page would have to repeat"
            f" them; it does {MOST_CYCLES:,} at most. Give fewer cells, such as those of array[:4, :4].save(...)"
        )
    counters = state.counters.copy(state.positions, state.size)
    reads = counters.reads.times if counters.reads.each is None else counters.reads.each[: state.size]
    lo, hi = state.id_words()
    clock = state.clock.copy(state.positions, state.size)
    written = () if clock.memory is None else clock.memory[0, : state.size]
    return {
        "seed": str(part.seed),
        "start": state.engine.start,
        "count": part.size,
        "shape": list(part.shape) if part.ndim == 2 else None,
        "products": counters.products,
        "bandwidth": part.bandwidth,
        "time": {
            "ticks": str(clock.time.ticks),
            "age": str(clock.time.age),
            "instants": [str(instant) for instant in clock.time.instants],
            "written": packed(written),
        },
        "state": {
            "r": packed(state.mixing()),
            "status": packed(state.status()),
            "fields": packed(state.fields().T),
            "reads": packed(np.broadcast_to(reads, state.size)),
            "lo": packed(lo),
            "hi": packed(hi),
        },
    }
