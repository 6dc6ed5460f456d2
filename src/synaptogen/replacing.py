"""Write beside, then rename: whatever crashes, a reader finds the old or the new, never half of it."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A name beside ``path`` for a file or folder; what was written there takes the place of ``path`` at the end.

    If the block raises, it is removed, and ``path`` stays as it was.
    """
    target = Path(path).resolve()  # behind a link, the file that it means is replaced
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        yield beside
        _take_place(beside, target)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)


def _take_place(beside: Path, target: Path) -> None:
    if not target.is_dir():
        beside.replace(target)
        return
    # a folder cannot be replaced in one step: between the two a crash leaves the old one under the hidden name
    old = target.with_name(f".{target.name}.old.{secrets.token_hex(4)}")
    target.rename(old)
    try:
        beside.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old)
