"""PyTorch layers whose products are read from virtual cells.

`AnalogLayer` is the base class on which to build another layer.
"""

from . import attention, sequence
from .attention import MultiheadAttention
from .base import AnalogCells, AnalogLayer
from .linear import Conv1d, Conv2d, Conv3d, Convolution, Linear
from .matmul import AnalogMatmul
from .recurrent import GRUCell, LSTMCell, RNNCell
from .sequence import GRU, LSTM, RNN, Stepped
from .transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AnalogCells",
    "AnalogLayer",
    "AnalogMatmul",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Convolution",
    "GRUCell",
    "LSTMCell",
    "Linear",
    "MultiheadAttention",
    "RNNCell",
    "Stepped",
    "attention",
    "sequence",
]
