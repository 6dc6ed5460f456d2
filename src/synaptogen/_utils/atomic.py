"""Files and folders that are replaced in one step: after a crash a reader finds the old or the new, never a part."""

import ctypes
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name beside ``path`` for a new file or folder, which takes the place of ``path`` at the end of the block.

    If the block raises, the new file or folder is removed, and ``path`` stays as it was.

    Parameters
    ----------
    path : path
        File or folder to make or replace. Behind a link, its target is replaced.

    Returns
    -------
    context manager of Path
        The name to write to.
    """
    target = Path(path).resolve()
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        yield beside
        _take_place(beside, target)
    finally:
        _remove(beside)


def flush(folder: Path) -> None:
    """Wait until all files of a folder are on the disk, so that they are complete even after a power failure."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove what a process that was killed has left beside ``path``; no other process may be writing there."""
    target = Path(path).resolve()
    for beside in target.parent.glob(f".{glob.escape(target.name)}.????????"):
        _remove(beside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _take_place(beside: Path, target: Path) -> None:
    if not target.is_dir():
        beside.replace(target)
    elif not _exchange(beside, target):
        _step_aside(beside, target)


def _exchange(beside: Path, target: Path) -> bool:
    """Swap two folders in one step, which Linux can on most file systems; False where it cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # another system, or an old C library
        return False
    return bool(rename(_HERE, os.fsencode(beside), _HERE, os.fsencode(target), _EXCHANGE) == 0)


def _step_aside(beside: Path, target: Path) -> None:
    # in two steps: a crash between them leaves the old folder under the hidden name
    old = target.with_name(f".{target.name}.old.{secrets.token_hex(4)}")
    target.rename(old)
    try:
        beside.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old)
