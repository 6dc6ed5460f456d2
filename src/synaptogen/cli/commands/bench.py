"""``synaptogen bench``: how fast is this machine?"""

import math
from typing import Annotated

import typer

from synaptogen.array import CellArray
from synaptogen.cli import rates as measure
from synaptogen.cli.options import JSON, Threads, shape_of, shape_text
from synaptogen.cli.output import out, print_json, steps


def bench(
    cells: Annotated[str, typer.Option("--cells", metavar="SHAPE", help="Shape of the array.")] = "1024x1024",
    threads: Threads = None,
    as_json: JSON = False,
) -> None:
    """Measure the rates of this machine: a table of what takes how long a cell."""
    shape = shape_of(cells)
    made: list[CellArray] = []

    def make() -> None:
        made.append(CellArray(shape, rng=1, threads=threads))

    with steps(transient=True) as shown:
        # one array at a time, whatever its size
        init = measure.Task("init", "make the cells", "cells", math.prod(shape), make, made.clear)
        rates = [measure.measure(init, shown)]
        rates += [measure.measure(task, shown) for task in measure.array_tasks(made[-1], rng=1)]
    array = made[-1]
    if as_json:
        print_json({"cells": list(shape), "array": repr(array), "rates": {r.key: r.as_json() for r in rates}})
    else:
        out.print(measure.rate_table(f"{shape_text(shape)} cells", rates))
        out.print(repr(array), markup=False)
