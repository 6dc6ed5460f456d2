"""Progress reports of the steps of learning, which take minutes for large measurements."""

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["StageProgress", "silent"]

StageProgress: TypeAlias = Callable[[str, float], None]
"""Called as ``progress(stage, share)`` with the name of a stage and the share of it, or of the whole, that is done."""


def silent(stage: str, share: float) -> None:
    """Report nothing; stands in for the progress of callers who gave none.

    Parameters
    ----------
    stage : str
    share : float
    """
