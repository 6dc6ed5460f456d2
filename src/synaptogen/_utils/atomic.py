"""Files that are replaced in one step: after a crash a reader finds the old or the new, never a part."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name beside ``path`` for a new file, which takes the place of ``path`` at the end of the block.

    The file is on the disk before it takes the place. If the block raises, the new file is removed, and ``path`` stays
    as it was.

    Parameters
    ----------
    path : path
        File to make or replace. Behind a link, its target is replaced.

    Returns
    -------
    context manager of Path
        The name to write to.
    """
    target = resolved(path)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        yield beside
        sync(beside)
        beside.replace(target)
        sync(target.parent)
    finally:
        beside.unlink(missing_ok=True)


def resolved(path: str | os.PathLike[str]) -> Path:
    """Return a path without links.

    Parameters
    ----------
    path : path
        It need not exist.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        If links lead in a circle.
    """
    try:
        return Path(path).resolve(strict=True)
    except RuntimeError:  # before Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path)) from None
    except OSError as error:
        if error.errno == errno.ELOOP:  # from 3.13 on, where no error comes of it unless all must exist
            raise
    return Path(path).resolve()


def sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    if path.is_dir():
        with suppress(OSError):  # some systems open no folders, and write their names by themselves
            _sync_descriptor(os.open(path, os.O_RDONLY))
    else:
        _sync_descriptor(os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0)))


def sync_tree(folder: Path) -> None:
    """Wait until a folder and everything in it is on the disk, so that it is complete even after a power failure."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def _sync_descriptor(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
