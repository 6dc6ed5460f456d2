"""The script of the page without its user interface: the model, the engine and the parameter sets."""

import importlib.resources
from collections.abc import Sequence

from synaptogen.params import DeviceParams

from .machine import common_source, machine_source


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
    return f"{common_source()}\n{part('engine.js')}\nconst MACHINES = [\n{machines}\n].map(prepared);\n"
