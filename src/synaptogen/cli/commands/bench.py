"""``synaptogen bench``: the rates of this machine."""

import math
from typing import Annotated

import typer

from synaptogen.array import CellArray
from synaptogen.cli.options import JSON, Threads, shape_of, shape_text
from synaptogen.cli.output import print_json, stdout, steps
from synaptogen.cli.rates import Task, array_tasks, measure, rate_table


def bench(
    cells: Annotated[str, typer.Option("--cells", metavar="SHAPE", help="Shape of the array.")] = "1024x1024",
    threads: Threads = None,
    as_json: JSON = False,
) -> None:
    """Measure the rates of this machine: a table of what takes how long a cell.
    \f

    Parameters
    ----------
    cells : str
        Shape of the array; products are measured with two axes.
    threads : int, optional
        Threads of the CPU engine.
    as_json : bool
        Print JSON instead of a table.
    """
    shape = shape_of(cells)
    arrays: list[CellArray] = []

    def make() -> None:
        arrays.append(CellArray(shape, rng=1, threads=threads))

    with steps(transient=True) as shown:
        # one array at a time, whatever its size
        init = Task("init", "make the cells", "cells", math.prod(shape), make, arrays.clear)
        rates = [measure(init, shown)]
        rates += [measure(task, shown) for task in array_tasks(arrays[-1], rng=1)]
    array = arrays[-1]
    if as_json:
        print_json({"cells": list(shape), "array": repr(array), "rates": {r.key: r.as_json() for r in rates}})
    else:
        stdout.print(rate_table(f"{shape_text(shape)} cells", rates))
        stdout.print(repr(array), markup=False)
