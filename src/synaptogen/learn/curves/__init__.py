"""The curves that bound all I-V loops, and the RESET transition between them."""

from .envelopes import Envelopes, fit_envelopes
from .reset_transition import LAWS, ResetLaw

__all__ = [
    "LAWS",
    "Envelopes",
    "ResetLaw",
    "fit_envelopes",
]
