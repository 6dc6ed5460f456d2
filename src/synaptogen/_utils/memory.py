"""Free memory: checked before anything is allocated."""

import ctypes
import mmap
import os
import sys
from contextlib import suppress

import numpy as np
from numpy.typing import DTypeLike

from .arrays import AnyArray


def available_memory() -> int | None:
    """Return the bytes that this machine can still give, or None where it does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def require_memory(what: str, size: float, remedy: str) -> None:
    """Require free memory.

    Parameters
    ----------
    what : str
        What is to be stored, for the message.
    size : float
        Bytes that it takes.
    remedy : str
        What the user can do instead, for the message.

    Raises
    ------
    MemoryError
        If less is free. Where the machine does not say how much is, nothing is raised.
    """
    available = available_memory()
    if available is not None and size > available:
        raise MemoryError(
            f"{what} would take {size / 2**30:.1f} GiB, and {available / 2**30:.1f} GiB are free: {remedy}"
        )


def require_cells(cells: int, bytes_per_cell: float) -> None:
    """Require free memory for cells.

    Parameters
    ----------
    cells : int
        Number of cells.
    bytes_per_cell : float
        Bytes that one takes.

    Raises
    ------
    MemoryError
        If they do not fit.
    """
    require_memory(
        f"{cells:,} cells of {bytes_per_cell:.0f} B",
        cells * bytes_per_cell,
        "make fewer cells, or use storage='compact', history='compact' or a lower order (params.with_order), "
        "which take less of it",
    )


def allocate(count: int, dtype: DTypeLike) -> AnyArray:
    """Return an array of zeros on pages of its own: aligned for vector loads, and on huge pages where there are any.

    Parameters
    ----------
    count : int
        Number of entries.
    dtype : dtype
        Type of the entries.

    Returns
    -------
    array of shape (count,)
    """
    dtype = np.dtype(dtype)
    size = max(count * dtype.itemsize, mmap.PAGESIZE)
    # private, since shared pages are small; not every system names the flags
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    pages = mmap.mmap(-1, size, **private)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without huge pages
            pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, dtype, count)


def return_free_memory() -> None:
    """Give memory that was freed back to the system, where the C library keeps it otherwise (glibc)."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
