"""Files of JSON that others may have written: nothing in them is believed before it is checked."""

import json
import stat
from pathlib import Path
from typing import Any


def require_regular(path: Path) -> None:
    """Require that a path is a file on a disk: opening a pipe or a device could wait for ever.

    Parameters
    ----------
    path : Path
        The path.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If it is no such file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path.name} is no file")


def load_small(path: Path, largest: int) -> bytes:
    """Return the content of a file that must be small.

    Parameters
    ----------
    path : Path
        The file.
    largest : int
        Bytes that it may have.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If it is larger, or no file.
    """
    require_regular(path)
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"{path.name} is larger than {largest >> 10} KiB")
    return content


def parse_json(content: bytes | str) -> Any:
    """Return what JSON text holds.

    Parameters
    ----------
    content : bytes or str
        The text.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If it is no JSON, is nested too deeply, or names something twice.
    """
    try:
        return json.loads(content, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_object(content: bytes | str) -> dict[str, Any]:
    """Return the object that JSON text holds.

    Parameters
    ----------
    content : bytes or str
        The text.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If it holds none.
    """
    found = parse_json(content)
    if not isinstance(found, dict):
        raise ValueError(f"the JSON is no object, but a {type(found).__name__}")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"it names {twice[:80]!r} twice")
    return found
