"""Number types for compiled engines, and the operations of `synaptogen.model` on them. Importing it loads Numba."""

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
