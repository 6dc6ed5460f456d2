"""Training in the cells: weight updates are pulses."""

from .pulse_sgd import PulseSGD

__all__ = [
    "PulseSGD",
]
