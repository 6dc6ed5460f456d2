"""How long-running steps of learning report their progress."""

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["StageProgress", "silent"]

StageProgress: TypeAlias = Callable[[str, float], None]
"""Called as ``progress(stage, share)`` with the name of a stage and the share of it, or of the whole, that is done."""


def silent(stage: str, share: float) -> None:
    """Report nothing: the progress of callers who gave none."""
