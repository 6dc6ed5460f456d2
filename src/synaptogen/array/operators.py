"""Operators that arrays of cells refuse: cells hold no values, they answer to voltages."""

import html
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

REMEDY = "conductance() in S, current(u) in A or r, the mixing states, are arrays"


class CellOperators:
    """What the operators and protocols of NumPy's arrays mean for arrays of cells.

    Two arrays are equal if they are the same object. Where a value for each cell would be needed, an error names the
    methods that return one.
    """

    __array_ufunc__ = None  # so that `array @ cells` calls __rmatmul__, and ufuncs of NumPy refuse cells

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise TypeError(f"cells are not an array of numbers: {REMEDY}")

    def __bool__(self) -> bool:
        raise ValueError(f"cells are neither true nor false: compare with None, or take a value ({REMEDY})")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, CellOperators):
            return NotImplemented
        if isinstance(other, int | float | complex | list | tuple | np.generic) or _is_array(other):
            raise TypeError(f"cells cannot be compared with values: {REMEDY}")
        return NotImplemented

    __hash__ = object.__hash__

    def __contains__(self, value: object) -> bool:
        raise TypeError(f"cells contain no values: {REMEDY}")


def _is_array(value: object) -> bool:
    """Return whether a value is an array of NumPy, PyTorch, pandas, Dask or others."""
    return any(hasattr(type(value), name) for name in ("__array__", "__array_namespace__", "__dlpack__"))


def html_table(kind: str, facts: Mapping[str, str]) -> str:
    """Return facts about an array as a table for notebooks.

    Parameters
    ----------
    kind : str
        Name of the class.
    facts : mapping of str to str
        Texts by their names; special characters in them are escaped.

    Returns
    -------
    str
    """
    left = "style='text-align:left'"
    rows = "".join(
        f"<tr><th {left}>{html.escape(name)}</th><td {left}>{html.escape(text)}</td></tr>"
        for name, text in facts.items()
    )
    return f"<table><caption><b>{html.escape(kind)}</b></caption><tbody>{rows}</tbody></table>"
