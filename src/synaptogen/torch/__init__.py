"""PyTorch layers whose weights are virtual cells: conversion, calibration, training. Needs the extra ``torch``."""

from synaptogen._utils import missing

try:
    from .analog_parts import analog_parts, program, reseed
    from .calibration import calibrate
    from .config import AnalogConfig
    from .conversion import Decision, Plan, convert
    from .crossbars import AnalogMatrix
    from .digital import to_digital
    from .layers import (
        GRU,
        LSTM,
        RNN,
        AnalogMatmul,
        Conv1d,
        Conv2d,
        Conv3d,
        GRUCell,
        Linear,
        LSTMCell,
        MultiheadAttention,
        RNNCell,
    )
    from .overview import summary
    from .training import PulseSGD
except ModuleNotFoundError as error:
    raise missing(error, "torch") from error

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
    "to_digital",
]
