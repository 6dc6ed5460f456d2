"""Training in the cells, with pulses as weight updates."""

from .pulse_sgd import PulseSGD

__all__ = [
    "PulseSGD",
]
