"""Folders that are replaced in one step by one writer at a time.

A new folder is written inside a folder beside its place, which also holds a marker: so what a killed process has left
is known by what it is. A lock says who may write and clear up. The system drops it when its holder dies. Readers take
no lock and change nothing.
"""

import ctypes
import glob
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .atomic import resolved, sync, sync_tree
from .interrupts import Uninterrupted
from .optional import require

MARKER, MARKED = "synaptogen-unfinished.json", "synaptogen/unfinished"
_NEW, _OLD, _GIVEN_UP = "new", "old", "given-up"
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


@contextmanager
def replacing_folder(
    path: str | os.PathLike[str],
    check: Callable[[], object] = lambda: None,
    done: Callable[[], object] = lambda: None,
) -> Iterator[Path]:
    """Give a name for a new folder, which takes the place of ``path`` at the end of the block.

    Everything is on the disk before it takes the place. If the block raises, the new folder is removed, and ``path``
    stays as it was. What killed processes have left beside ``path`` is removed first. Ctrl-C comes before the new
    folder takes its place, or after all is done.

    Parameters
    ----------
    path : path
        Folder to make or replace. Behind a link, its target is replaced.
    check : callable
        Called once no other process can replace ``path`` any more, and again before it is replaced; raises if it must
        not be replaced.
    done : callable
        Called when the folder has taken its place, also if the block is left by an interrupt.

    Returns
    -------
    context manager of Path
        The name to write to.

    Raises
    ------
    BlockingIOError
        If another process or object is writing there.
    """
    target = resolved(path)
    with writing(target):
        check()
        clear_up(target)
        around = target.with_name(f"{_prefix(target)}{secrets.token_hex(4)}")
        try:
            around.mkdir()
            (around / MARKER).write_bytes(_marker(target.name))
            yield around / _NEW
            sync_tree(around / _NEW)
            with Uninterrupted():
                check()  # a user may have put something there meanwhile
                _take_place(around, target)
                done()
                sync(target.parent)
        finally:
            with Uninterrupted():
                _remove(around)


@contextmanager
def in_unfinished(folder: Path) -> Iterator[None]:
    """Write into a new folder that another process has begun, and may give up or finish at any moment.

    A client that is killed or interrupted does not stop its workers. What they write after the folder has been removed
    would make it anew, without the marker by which the next writer knows what it may remove.

    Parameters
    ----------
    folder : Path
        The name that `replacing_folder` has given.

    Returns
    -------
    context manager

    Raises
    ------
    FileNotFoundError
        If the folder has been given up. Nothing is left of it then.
    """
    _require_wanted(folder.parent)
    try:
        yield
    finally:
        try:
            _require_wanted(folder.parent)
        except FileNotFoundError:
            _remove(folder.parent)
            raise


def _require_wanted(around: Path) -> None:
    if not (around / MARKER).exists() or (around / _GIVEN_UP).exists():
        raise FileNotFoundError(f"{around} has been given up by the process that began it")


@contextmanager
def writing(path: str | os.PathLike[str], patience: float = 0.0) -> Iterator[None]:
    """Hold the lock of the writer of a folder.

    Parameters
    ----------
    path : path
        The folder; it need not exist.
    patience : float
        Seconds to wait for another writer.

    Returns
    -------
    context manager

    Raises
    ------
    BlockingIOError
        If another process or object is writing there.
    """
    filelock = require("filelock", "zarr")
    target = resolved(path)
    name = target.with_name(f".{target.name}.synaptogen-lock")
    while True:
        name.touch()
        before = _identity(name)
        lock = filelock.FileLock(name, timeout=patience, thread_local=False)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise BlockingIOError(
                f"{target} is being written by another process, or another object of this one: wait until it is done, "
                "or give another path"
            ) from None
        if before == _identity(name) is not None:
            break
        lock.release()  # of a file that its last holder has removed meanwhile
    try:
        yield
    finally:
        with suppress(OSError):  # some systems remove no file that is open
            name.unlink()
        lock.release()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def leftovers(path: str | os.PathLike[str]) -> list[Path]:
    """Return the folders that writers of ``path`` have left, or are using: those with a marker, or nothing, inside."""
    target = resolved(path)
    found = target.parent.glob(f"{glob.escape(_prefix(target))}*")
    return [folder for folder in found if folder.is_dir() and _is_marked(folder, target.name)]


def set_aside(path: str | os.PathLike[str]) -> Path | None:
    """Return where the old folder is, if a writer was stopped while nothing was at ``path``."""
    target = resolved(path)
    return next((old for folder in leftovers(target) if (old := folder / _OLD).is_dir()), None)


def clear_up(target: Path) -> None:
    """Remove what killed processes have left beside a folder, and put back what they set aside; needs the lock.

    Parameters
    ----------
    target : Path
        The folder, resolved.
    """
    old = set_aside(target)
    if old is not None and not target.exists():
        old.rename(target)
    for around in leftovers(target):
        _remove(around)


def _prefix(target: Path) -> str:
    return f".{target.name}.synaptogen-new-"


def _marker(name: str) -> bytes:
    return json.dumps({"format": MARKED, "target": name}).encode()


def _is_marked(folder: Path, name: str) -> bool:
    try:
        inside = {entry.name for entry in folder.iterdir()}
        found = (folder / MARKER).read_bytes() if MARKER in inside else b""
    except OSError:
        return False
    # a writer that was killed at once has left nothing, or the beginning of a marker
    return found == _marker(name) or (inside <= {MARKER} and _marker(name).startswith(found))


def _remove(around: Path) -> None:
    """Remove a folder, its marker last, so that it is known as long as there is anything of it."""
    with suppress(OSError):
        (around / _GIVEN_UP).touch()  # for workers that still write there: they remove what they have written
    for inside in (_NEW, _OLD):
        shutil.rmtree(around / inside, ignore_errors=True)
    with suppress(OSError):  # what cannot be removed now is left to them, or to the next writer
        if {entry.name for entry in around.iterdir()} <= {MARKER, _GIVEN_UP}:
            (around / _GIVEN_UP).unlink(missing_ok=True)
            (around / MARKER).unlink(missing_ok=True)
            around.rmdir()


def _take_place(around: Path, target: Path) -> None:
    if not os.path.lexists(target):
        (around / _NEW).rename(target)
    elif not _exchange(around / _NEW, target):
        _step_aside(around, target)


def _exchange(beside: Path, target: Path) -> bool:
    """Swap two folders in one step, which Linux can on most file systems; False where it cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # another system, or an old C library
        return False
    return bool(rename(_HERE, os.fsencode(beside), _HERE, os.fsencode(target), _EXCHANGE) == 0)


def _step_aside(around: Path, target: Path) -> None:
    # in two steps: a crash between them leaves the old folder to the next writer, which puts it back
    target.rename(around / _OLD)
    try:
        (around / _NEW).rename(target)
    except BaseException:
        (around / _OLD).rename(target)
        raise
