"""Measurements in many files: a folder of devices, or of folders whose files are the cycles of a device."""

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import xarray as xr

from .columns import HALVES
from .layouts import side_of

# endings of files that are no measurements, whatever they hold
_OTHERS = (".md", ".py", ".pdf", ".png", ".jpg", ".jpeg", ".svg", ".tif", ".docx", ".pptx", ".log", ".zip")
_HALF = re.compile(r"(?<![a-z])((?:re)?set|pos(?:itive)?|neg(?:ative)?)(?![a-z])")
_COUNTED = re.compile(
    r"(?:cycle|cyc|sweep|loop|run|iv|repeat|repetition|scan|trial|record|dc)?[\s_\-#.()\[\]]*\d+[\s_\-)\]]*(?:cycle|sweep|loop|run)?"
)

_OF_DEVICE = re.compile(
    r"(?i)(?P<device>.*?\S)[\s_\-.]+(?:c|cyc|cycle|sweep|loop|run|scan|repeat|rep)[\s_\-.#(]*(?P<number>\d+)\)?"
)
_DEVICE_LAST = re.compile(
    r"(?i)(?:cyc|cycle|sweep|loop|run|scan|repeat)[\s_\-.#]*(?P<number>\d+)[\s_\-.]+(?P<device>(?:d|dev|device|cell|die)\w*)"
)
_CROSSPOINT = re.compile(r"(?i)(?P<device>.*?(?:r|row|w|wl|x)\d+[\s_\-]?(?:c|col|b|bl|y)\d+)[\s_\-]+(?P<number>\d+)")
_EXPORTED = re.compile(r".*\[(?P<device>[^\]]*?)\s*\((?P<number>\d+)\)\s*;.*\].*")  # by the program of an analyser
_DATED = re.compile(
    r"(?P<device>\D*?)[\s_\-]*(?:19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d(?:[\sT_\-.]*[0-2]?\d[-_.h]?[0-5]\d(?:[-_.m]?[0-5]\d)?s?)?"
)
_CYCLE_WITHIN = re.compile(
    r"(?i)(?P<device>.*?)(?<![a-z])(?:cycle|cyc|sweep|loop|run|scan|repeat)[\s_\-.#]*(?P<number>\d+)(?P<after>\D.*)"
)
_COPY = re.compile(r"(?P<device>.*\S)\s*(?:\((?P<number>\d+)\)|\[\d+\])")  # of a file, or runs of a test
_COUNTS_DEVICES = re.compile(r"(?i)(?:^|[\s_\-])(?:d|dev|device|cell|die|sample|chip|memristor)[\s_\-.#]*$")
_FORMING = re.compile(r"(?i)(?<![a-z])(?:electro[\s_\-]?)?form(?:ing)?(?![a-z])")  # not of a formed device
_CYCLE_FOLDER = re.compile(r"(?i)(?:cycle|cyc|sweep|loop|run|scan|trial|repeat|repetition)[\s_\-.#]*\d+")
_ROW = re.compile(r"(?i)(?:^|[\s_\-])(?:r|row|w|wl|x)[\s_\-]?\d+$")  # before a number of a column, not of a cycle


MOST_SAID = 5  # remarks on unusual numbers in files
_OTHER = {"set": "reset", "reset": "set", "pos": "neg", "neg": "pos"}
Files: TypeAlias = list[tuple[str, xr.Dataset]]
"""What files hold, by their names."""


def read_folder(folder: str, read_one: Callable[[str], xr.Dataset]) -> xr.Dataset:
    """Read each file of a folder as a device, and each folder below it, at any depth, as a device with files of cycles.

    Devices are labelled by the names of files without endings, or of folders; numbers in names count as numbers. Files
    whose names differ in nothing but "set" and "reset", or "pos" and "neg", are the two halves of cycles. Where the
    names of all files of a folder count cycles, as "sweep 1" and "sweep 2", they are cycles of one device; where they
    say device and cycle, as "D3_c012", of that device. Two folders that differ in such a word hold halves, too, file by
    file.

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
        If there is nothing that could be read, or some files hold loops and others features.
    """
    root = Path(folder)
    below = sorted({path.parent for path in root.rglob("*") if _could_be(path)} - {root}, key=_natural_path)
    reasons: list[str] = []
    read = {one: _read_all(one, read_one, reasons) for one in (root, *below)}
    _leave_out(read, reasons)
    own = _whole_loops(read[root])
    if len(own) > 1 and all(_COUNTED.fullmatch(name.lower()) for name, _ in own):
        joined = _one_after_another([data for _, data in own])
        note = "the names of the files count cycles: they are taken as cycles of one device"
        devices = [(root.name, joined.assign_attrs(read_as=f"{joined.attrs.get('read_as', '')}\n{note}".strip()))]
    else:
        devices = _grouped(own)
    folders = [(one.relative_to(root), _whole_loops(read[one])) for one in below]
    for place, files in _cycles_in_folders(_joined_folders([one for one in folders if one[1]], root.name), root.name):
        devices.append((place, _one_after_another([data for _, data in files])))
    if not devices:
        seen = f": {reasons[0]}" if reasons else ""
        raise ValueError(f"the folder holds no measurement that can be read{seen}")
    found = _side_by_side(devices)
    unusual = [
        f"{name}: {line}"
        for name, data in [*own, *(one for _, files in folders for one in files)]
        for line in str(data.attrs.get("unusual", "")).splitlines()
    ]
    found.attrs.pop("unusual", None)
    if unusual:
        more = [f"and {len(unusual) - MOST_SAID:,} more remarks of this kind"] if len(unusual) > MOST_SAID else []
        found.attrs["unusual"] = "\n".join([*unusual[:MOST_SAID], *more])
    if reasons:
        logging.getLogger("synaptogen").info("left out: %s", "; ".join(reasons))
        found.attrs["left_out"] = "; ".join(reasons)
    return found


def _leave_out(read: dict[Path, list[tuple[Path, xr.Dataset]]], reasons: list[str]) -> None:
    """Leave out what is no cycle beside loops: summaries of features, and sweeps that form a device."""
    every = [one for files in read.values() for one in files]
    if not any("current" in data for _, data in every):
        return
    loops = sum("current" in data for _, data in every)
    summaries = 2 * loops > len(every)  # else nobody knows which of the two are meant
    cycles = any("current" in data and not _FORMING.search(path.stem) for path, data in every)
    for folder, files in read.items():
        kept = []
        for path, data in files:
            if summaries and "current" not in data:
                reasons.append(f"{path}: features, a summary beside the loops")
            elif cycles and "current" in data and _FORMING.search(path.stem):
                reasons.append(f"{path}: by its name a forming sweep, which is no cycle")
            else:
                kept.append((path, data))
        read[folder] = kept


def _grouped(files: list[tuple[str, xr.Dataset]]) -> list[tuple[str, xr.Dataset]]:
    """Return devices: files whose names say device and cycle, as "D3_c012", are cycles of that device."""
    places = [device_of(name) for name, _ in files]
    places = [
        name if place is None and name in places else place for place, (name, _) in zip(places, files, strict=True)
    ]
    if len(files) < 2 or not all(places):
        return files
    groups: dict[str, list[xr.Dataset]] = {}
    for place, (_, data) in zip(places, files, strict=True):
        groups.setdefault(str(place), []).append(data)
    if any(data.sizes["device"] > 1 for _, data in files) or len(groups) == len(files):
        return files
    joined = [(name, _one_after_another(parts)) for name, parts in groups.items()]
    note = "the names of the files say device and cycle: files of a device are taken as its cycles, in their order"
    name, first = joined[0]
    return [(name, first.assign_attrs(read_as=f"{first.attrs.get('read_as', '')}\n{note}".strip())), *joined[1:]]


def device_of(name: str) -> str | None:
    """Return the part of a name that names the device, if the rest counts cycles or says when.

    Parameters
    ----------
    name : str
        Of a file without ending, or a label, as ``"D3_c012"``.

    Returns
    -------
    str or None
        None if the rest does not.
    """
    for form in (_EXPORTED, _CROSSPOINT, _OF_DEVICE, _DEVICE_LAST, _DATED, _CYCLE_WITHIN, _COPY):
        match = form.fullmatch(name.strip())
        if match is None or (form is _OF_DEVICE and _ROW.search(match["device"])):
            continue
        if form is _COPY and (_ROW.search(match["device"] + "0") or _COUNTS_DEVICES.search(match["device"])):
            continue
        device = match["device"].strip(" _-.") + (match["after"].rstrip(" _-.") if form is _CYCLE_WITHIN else "")
        return device.strip(" _-.") or "device"
    return None


def _could_be(path: Path) -> bool:
    return path.is_file() and not path.name.startswith((".", "~$")) and path.suffix.lower() not in _OTHERS


def _read_all(folder: Path, read_one: Callable[[str], xr.Dataset], reasons: list[str]) -> list[tuple[Path, xr.Dataset]]:
    """Read the files of a folder in order; what cannot be read is named in ``reasons`` if something else can."""
    found = []
    for path in sorted((p for p in folder.iterdir() if _could_be(p)), key=_halves):
        try:
            found.append((path, read_one(os.fspath(path))))
        except ValueError as error:
            reasons.append(str(error))
    return found


def _halves(path: Path) -> tuple[list[tuple[int, str]], int]:
    """Return a key by which the two halves of a cycle follow each other, SET or the positive one first."""
    rest, half = _half_of(path)
    return _natural(path.with_name(rest + path.suffix.lower()) if half else path), half in ("reset", "neg")


def _half_of(path: Path) -> tuple[str, str]:
    """Return the name of a file without ending and half, and which half of a loop it says it is, or nothing."""
    name = path.stem.lower()
    found = _HALF.search(name)
    if found is None:
        return path.stem, ""
    behind = re.sub(r"^[\s_\-.]*(?=\d+$)", "_cycle", name[found.end() :])  # a number behind the word counts cycles
    rest = re.sub(r"[\s_\-]{2,}", "_", name[: found.start()] + behind).strip(" _-.")
    return rest or path.parent.name, HALVES[found[0]]


def _whole_loops(files: list[tuple[Path, xr.Dataset]]) -> list[tuple[str, xr.Dataset]]:
    """Return what files hold, by their names, with the two halves of a loop in two successive files joined."""
    found: list[tuple[str, xr.Dataset]] = []
    before = "", ""
    for path, data in files:
        name, half = _half_of(path)
        if half and before[0] == name and before[1] not in ("", half) and _are_halves(found[-1][1], data):
            found[-1] = name, _side(found[-1][1], data)
            before = "", ""
            continue
        found.append((path.stem if not half else name, data))
        before = name, half
    names = [name for name, _ in found]
    if len(set(names)) < len(names):  # halves without another one
        return [(path.stem, data) for path, data in files]
    return found


def _joined_folders(folders: list[tuple[Path, Files]], root: str) -> list[tuple[str, Files]]:
    """Return folders by their paths; two that differ in nothing but "set" and "reset" hold the halves of loops."""
    found: list[tuple[str, Files]] = []
    halves: dict[tuple[str, str], Files] = {}
    for path, files in folders:
        rest, half = _half_of_folder(path)
        if half:
            halves[rest, half] = files
    for path, files in folders:
        rest, half = _half_of_folder(path)
        first, second = (halves.get((rest, name), []) for name in (half, _OTHER.get(half, "")))
        pairs = list(zip(first, second, strict=False))
        if not pairs or len(first) != len(second) or not all(_are_halves(a[1], b[1]) for a, b in pairs):
            found.append((path.as_posix(), files))
        elif half in ("set", "pos"):
            found.append((rest or root, [(name, _side(a, b)) for (name, a), (_, b) in pairs]))
    return found


def _cycles_in_folders(folders: list[tuple[str, Files]], root: str) -> list[tuple[str, Files]]:
    """Return folders by their paths; those of a file each, whose names count cycles, as one with these cycles."""
    found: dict[str, Files] = {}
    for path, files in folders:
        above, _, last = path.rpartition("/")
        counted = _CYCLE_FOLDER.fullmatch(last) and len(files) == 1
        found.setdefault((above or root) if counted else path, []).extend(files)
    return list(found.items())


def _half_of_folder(path: Path) -> tuple[str, str]:
    """Return a path without the word for half of a loop, and this half, or nothing."""
    words = [(k, _HALF.search(part.lower())) for k, part in enumerate(path.parts)]
    place, word = next(((k, word) for k, word in words if word), (0, None))
    if word is None:
        return path.as_posix(), ""
    part = path.parts[place].lower()
    rest = (part[: word.start()] + part[word.end() :]).strip(" _-.")
    return "/".join([*path.parts[:place], *[rest] * bool(rest), *path.parts[place + 1 :]]), HALVES[word[0]]


def _are_halves(a: xr.Dataset, b: xr.Dataset) -> bool:
    if not all("voltage" in data and data.sizes["device"] == 1 for data in (a, b)):
        return False
    sides = [side_of(data["voltage"].to_numpy()) for data in (a, b)]
    return a.sizes["cycle"] == b.sizes["cycle"] and sides[0] * sides[1] == -1


def _side(a: xr.Dataset, b: xr.Dataset) -> xr.Dataset:
    """Return loops whose first half is in one Dataset and the second half in another."""
    common = sorted(set(a.data_vars) & set(b.data_vars), key=str)
    same = b.assign_coords({name: a[name] for name in ("device", "cycle") if name in a.coords})
    return xr.concat([a[common], same[common]], "point", combine_attrs="override")


def _natural_path(path: Path) -> list[list[tuple[int, str]]]:
    return [_natural(Path(part)) for part in path.parts]


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = [*re.split(r"(\d+)", path.stem), path.suffix]  # "IV" before "IV (1)"
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _side_by_side(devices: list[tuple[str, xr.Dataset]]) -> xr.Dataset:
    """Join several devices; a cycle that one of them lacks is missing there."""
    if len({"current" in data for _, data in devices}) > 1:
        raise ValueError("some files hold loops and others features: read them one by one")
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
