"""Number types for compiled engines, and what the operations of the model mean for them."""

from .values import F32, I1, I32, I64, Lanes, Target, Value, adopt, external, lift, teach, teach_doubles

__all__ = [
    "F32",
    "I1",
    "I32",
    "I64",
    "Lanes",
    "Target",
    "Value",
    "adopt",
    "external",
    "lift",
    "teach",
    "teach_doubles",
]
