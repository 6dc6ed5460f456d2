"""Features from I-V loops: cycles are cut out of the points, checked and measured."""

from .branch_samples import join_samples, sample_branches
from .cycle_kernels import MODEL_ERROR
from .cycles import (
    DeviceCycles,
    DevicePoints,
    corrected_points,
    evenly_spaced,
)
from .device_kinds import KINDS, kind_of_columns, refuse
from .envelope_fit import BranchSamples, EnvelopeMixture, fit_envelope_mixture, fit_states
from .extraction import Extraction, extract
from .feature_signs import in_model_sign
from .flags import FAILED, MEANINGS, Flag, flags_in_words
from .marked_loops import MarkedLoops, mark_loops

__all__ = [
    "FAILED",
    "KINDS",
    "MEANINGS",
    "MODEL_ERROR",
    "BranchSamples",
    "DeviceCycles",
    "DevicePoints",
    "EnvelopeMixture",
    "Extraction",
    "Flag",
    "MarkedLoops",
    "corrected_points",
    "evenly_spaced",
    "extract",
    "fit_envelope_mixture",
    "fit_states",
    "flags_in_words",
    "in_model_sign",
    "join_samples",
    "kind_of_columns",
    "mark_loops",
    "refuse",
    "sample_branches",
]
