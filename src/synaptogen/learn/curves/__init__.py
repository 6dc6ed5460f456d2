"""The curves that bound all I-V loops, and the RESET transition between them."""

from .envelopes import Envelopes, fit_envelopes
from .reset_transition import TRANSITIONS, ResetTransition, Transition

__all__ = [
    "TRANSITIONS",
    "Envelopes",
    "ResetTransition",
    "Transition",
    "fit_envelopes",
]
