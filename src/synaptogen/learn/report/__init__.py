"""A validation as a page for people: figures, and the HTML around them."""

from .html import report
from .loop_markers import markers

__all__ = [
    "markers",
    "report",
]
