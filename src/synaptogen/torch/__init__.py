"""PyTorch layers whose weights are virtual cells: conversion, calibration, training. Needs ``synaptogen[torch]``."""

from synaptogen.extras import require

require("torch", "torch")

from .attention import MultiheadAttention  # noqa: E402
from .calibration import calibrate  # noqa: E402
from .config import AnalogConfig  # noqa: E402
from .conversion import Decision, Plan, convert  # noqa: E402
from .insitu import PulseSGD  # noqa: E402
from .linear import Conv1d, Conv2d, Conv3d, Linear  # noqa: E402
from .matmul import AnalogMatmul  # noqa: E402
from .matrix import AnalogMatrix  # noqa: E402
from .overview import summary  # noqa: E402
from .parts import analog_parts, program, reseed  # noqa: E402
from .recurrent import GRUCell, LSTMCell, RNNCell  # noqa: E402
from .sequence import GRU, LSTM, RNN  # noqa: E402

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AnalogConfig",
    "AnalogMatmul",
    "AnalogMatrix",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "Decision",
    "GRUCell",
    "LSTMCell",
    "Linear",
    "MultiheadAttention",
    "Plan",
    "PulseSGD",
    "RNNCell",
    "analog_parts",
    "calibrate",
    "convert",
    "program",
    "reseed",
    "summary",
]
