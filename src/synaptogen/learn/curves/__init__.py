"""The curves that bound all I-V loops, and the RESET transition between them."""

from .envelopes import Envelopes, fit_envelopes
from .reset_transition import TRANSITIONS, ResetTransition, Transition
from .scaled_currents import scaled_currents

__all__ = [
    "TRANSITIONS",
    "Envelopes",
    "ResetTransition",
    "Transition",
    "fit_envelopes",
    "scaled_currents",
]
