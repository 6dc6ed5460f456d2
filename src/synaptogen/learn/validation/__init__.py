"""Validation: generated cycles against measured ones that were not learned from."""

from .validation import MARKED, Validation, hold_out, validate
from .verdicts import Property

__all__ = [
    "MARKED",
    "Property",
    "Validation",
    "hold_out",
    "validate",
]
