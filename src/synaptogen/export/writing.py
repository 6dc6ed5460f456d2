"""Files of Python that other simulators import: the tables of a population, and a class that draws from them."""

import importlib.resources
from pathlib import Path
from string import Template
from typing import Any, get_args

import numpy as np

import synaptogen
from synaptogen._utils import PathLike, checked, checks, replacing

from .tables import ErrorTables, Peer

DIGITS = 5
_LINE = 110


@checked
def write_noise_model(path: PathLike, peer: Peer, tables: ErrorTables) -> Path:
    """Write a population as a noise model of another simulator: one file, which needs that simulator and NumPy alone.

    Parameters
    ----------
    path : str or path
        Of the file; it takes its place as a whole, or not at all.
    peer : {"aihwkit", "crosssim"}
        "aihwkit": a noise model for inference, with programming errors, read noise and drift. "crosssim": a device
        with the same three (CrossSim 3).
    tables : ErrorTables
        Of the population, see `error_tables`.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ValueError, TypeError, OSError
        If an argument is not of the kind described, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import synaptogen as sg
    >>> tables = sg.export.error_tables("hennen2024", programming="one-shot", cells=200)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = sg.export.write_noise_model(Path(folder) / "cells.py", "aihwkit", tables)
    ...     "class SynaptogenNoiseModel" in file.read_text()
    True
    """
    text = noise_model(tables, peer)
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")
    return Path(path)


@checked
def noise_model(tables: ErrorTables, peer: Peer) -> str:
    """Return the text of such a file.

    Parameters
    ----------
    tables : ErrorTables
        Of the population.
    peer : {"aihwkit", "crosssim"}
        The simulator.

    Returns
    -------
    str
        Python.

    Raises
    ------
    ValueError
        If the simulator is none of those.
    """
    checks.one_of("peer", peer, get_args(Peer))
    sampling = _source("sampling.py").partition("import ArrayLike, NDArray\n")[2].strip()
    return Template(_source(f"peers/{peer}.txt")).substitute(
        name=ascii(tables.name)[1:-1],
        version=synaptogen.__version__,
        how=tables.programming,
        seed=tables.seed,
        low=f"{1e6 * tables.targets[0]:.{DIGITS}g}",
        high=f"{1e6 * tables.targets[-1]:.{DIGITS}g}",
        time=(f"up to {tables.times[-1]:g} s" if tables.times else "the cells stand still: this population has none"),
        targets=_numbers(tables.targets),
        errors=_numbers(tables.errors),
        variance=repr(tables.read_variance),
        times=_numbers(np.array(tables.times)),
        changes=_numbers(tables.changes),
        sampling=sampling,
    )


def _source(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text(encoding="utf-8")


def _numbers(values: Any) -> str:
    """Return an array as nested lists, in lines that are not too long."""
    if np.ndim(values) > 1:
        return "[\n" + ",\n".join(map(_numbers, values)) + ",\n]" if len(values) else "[]"
    lines, line = [], ""
    for value in values:
        text = f"{value:.{DIGITS}g}, "
        if len(line) + len(text) > _LINE:
            lines.append(line.rstrip())
            line = ""
        line += text
    return "\n".join(["[", *lines, line.rstrip(), "]"]) if line else "[]"
