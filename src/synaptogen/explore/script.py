"""The script of the page without its user interface: the model, the engine and the parameter sets."""

import importlib.resources
import json
from collections.abc import Sequence

from synaptogen.params import DeviceParams, FluctuationParams, fluctuation_presets

from .machine import common_source, machine_source
from .time import fluctuation_source


def part(name: str) -> str:
    """Return a file of the folder ``page``."""
    return (importlib.resources.files(__package__) / "page" / name).read_text(encoding="utf-8")


def model_script(sets: Sequence[DeviceParams]) -> str:
    """Return JavaScript that defines the class ``Cells``, and ``MACHINES`` to make cells of these parameter sets.

    Parameters
    ----------
    sets : sequence of DeviceParams
        The parameter sets.

    Returns
    -------
    str
        A script that runs in browsers and in Node, and needs nothing else.

    Raises
    ------
    ValueError
        If a set has a part that the page cannot run; the message names it.
    """
    machines = ",\n".join(machine_source(params) for params in sets)
    fluctuations = [FluctuationParams.preset(name) for name in fluctuation_presets()]
    for params in sets:
        if params.fluctuation is not None and params.fluctuation not in fluctuations:
            fluctuations.append(params.fluctuation)
    own = [None if p.fluctuation is None else fluctuations.index(p.fluctuation) for p in sets]
    moving = ",\n".join(map(fluctuation_source, fluctuations))
    parts = [
        common_source(),
        part("clock.js"),
        part("engine.js"),
        f"const PRESET_FLUCTUATIONS = {json.dumps(fluctuation_presets())};",
        f"const FLUCTUATIONS = [\n{moving}\n];",
        f"const OWN_FLUCTUATIONS = {json.dumps(own)}; // of each machine",
        f"const MACHINES = [\n{machines}\n]",
        "  .map((machine, k) => prepared(machine, FLUCTUATIONS[OWN_FLUCTUATIONS[k]] ?? null));\n",
    ]
    return "\n".join(parts)
