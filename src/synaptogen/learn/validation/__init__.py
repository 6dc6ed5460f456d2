"""Validation: generated cycles against measured ones that were not learned from."""

from .validation import MARKED, Property, Validation, hold_out, validate

__all__ = [
    "MARKED",
    "Property",
    "Validation",
    "hold_out",
    "validate",
]
