"""PyTorch layers whose weights are virtual cells: conversion, calibration, training. Needs the extra ``torch``."""

from synaptogen._utils import missing

try:
    from .aging import compensate_drift, wait
    from .analog_parts import analog_parts, clip_weights, program, reseed
    from .calibration import calibrate
    from .config import AnalogConfig
    from .conversion import convert
    from .costs import Cost, Hardware, LayerCost, cost
    from .crossbars import AnalogMatrix
    from .digital import to_digital
    from .files import load, save
    from .layers import (
        GRU,
        LSTM,
        RNN,
        AnalogMatmul,
        Conv1d,
        Conv2d,
        Conv3d,
        ConvTranspose1d,
        ConvTranspose2d,
        ConvTranspose3d,
        GRUCell,
        Linear,
        LSTMCell,
        MultiheadAttention,
        RNNCell,
    )
    from .overview import summary
    from .plan import Decision, Plan
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
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Cost",
    "Decision",
    "GRUCell",
    "Hardware",
    "LSTMCell",
    "LayerCost",
    "Linear",
    "MultiheadAttention",
    "Plan",
    "PulseSGD",
    "RNNCell",
    "analog_parts",
    "calibrate",
    "clip_weights",
    "compensate_drift",
    "convert",
    "cost",
    "load",
    "program",
    "reseed",
    "save",
    "summary",
    "to_digital",
    "wait",
]
