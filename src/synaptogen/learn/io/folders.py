"""Measurements in many files: a folder of devices, or of folders whose files are the cycles of a device."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from .readers import ARRAYS, TABLES


def read_folder(folder: str, read_one: Callable[[str], xr.Dataset]) -> xr.Dataset:
    """Read each file of a folder as a device, or each folder in it as a device whose cycles are in several files.

    Devices are labelled by the names of files without endings, or of folders; numbers in names count as numbers.

    Parameters
    ----------
    folder : str
        Path of the folder.
    read_one : callable
        Reads one file, given its path, into a Dataset of loops or of features.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    ValueError
        If there is nothing that could be read, both kinds are there, or some files hold loops and others features.
    """
    files, folders = _measurements(folder), sorted((d for d in Path(folder).iterdir() if d.is_dir()), key=_natural)
    folders = [d for d in folders if _measurements(d)]
    if files and folders:
        raise ValueError("the folder holds both files and folders with files: a device is either one or the other")
    if not files and not folders:
        raise ValueError(f"the folder holds no measurement: none of its files ends in {', '.join(TABLES + ARRAYS)}")
    if files:
        return _side_by_side([(path.stem, read_one(os.fspath(path))) for path in files])
    return _side_by_side(
        [(one.name, _one_after_another([read_one(os.fspath(path)) for path in _measurements(one)])) for one in folders]
    )


def _measurements(folder: str | Path) -> list[Path]:
    return sorted((p for p in Path(folder).iterdir() if p.suffix.lower() in TABLES + ARRAYS), key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path.name)]


def _side_by_side(devices: list[tuple[str, xr.Dataset]]) -> xr.Dataset:
    """Join several devices; a cycle that one of them lacks is missing there."""
    named = []
    for name, data in devices:
        many = data.sizes["device"] > 1
        named.append(data.assign_coords(device=[f"{name}/{d}" if many else name for d in data["device"].values]))
    return xr.concat(_alike(named), "device", join="outer", combine_attrs="override")


def _one_after_another(parts: list[xr.Dataset]) -> xr.Dataset:
    """Join the cycles of one device, which are in several files: they are numbered through."""
    if any(part.sizes["device"] > 1 for part in parts):
        raise ValueError("a file within the folder of a device holds several devices: put such files side by side")
    ends = np.cumsum([part.sizes["cycle"] for part in parts])
    numbered = [
        part.assign_coords(device=[0], cycle=np.arange(end - part.sizes["cycle"], end))
        for part, end in zip(parts, ends, strict=True)
    ]
    return xr.concat(_alike(numbered), "cycle", join="outer", combine_attrs="override")


def _alike(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Return parts with the same variables and numbers of points."""
    if len({"current" in part for part in parts}) > 1:
        raise ValueError("some files hold loops and others features: read them one by one")
    if "current" not in parts[0]:
        return parts
    most = max(part.sizes["point"] for part in parts)
    common = set.intersection(*(set(part.data_vars) for part in parts))
    return [part[sorted(common, key=str)].pad(point=(0, most - part.sizes["point"])) for part in parts]
