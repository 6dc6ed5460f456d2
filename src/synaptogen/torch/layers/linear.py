"""Linear layers and convolutions on cells: torch's layers with another product."""

from typing import Any, Self

import torch
from torch import Tensor, nn

from synaptogen.torch.config import AnalogConfig
from synaptogen.torch.crossbars import Geometry

from .base import AnalogLayer, adopt


class Linear(AnalogLayer, nn.Linear):
    """`torch.nn.Linear` on cells.

    Parameters
    ----------
    *args, **options
        Arguments of `torch.nn.Linear`.
    config : AnalogConfig, optional
        Default: `AnalogConfig()`.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> _ = torch.manual_seed(1)
    >>> digital = torch.nn.Linear(16, 4)
    >>> layer = sg.torch.Linear.from_digital(digital, sg.torch.AnalogConfig(seed=1))
    >>> x = torch.ones(5, 16)
    >>> layer(x).shape
    torch.Size([5, 4])
    >>> bool((layer(x) - digital(x)).abs().max() < 0.5)
    True
    """

    @classmethod
    def from_digital(cls, layer: nn.Linear, config: AnalogConfig, seed: int | None = None) -> Self:
        """Make a layer that shares the parameters of a digital one.

        Parameters
        ----------
        layer : torch.nn.Linear
            The digital layer.
        config : AnalogConfig
        seed : int, optional
            Of the cells and of their noise; default: that of the configuration, or a new one.

        Returns
        -------
        Linear
        """
        made = cls(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        return adopt(made, layer).attach(config, seed)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply vectors (..., in_features) by the weight in the cells, and add the bias."""
        y = self.analog.read(x, self.matrix())
        return y if self.bias is None else y + self.bias.to(y.dtype)


class Convolution(AnalogLayer, nn.modules.conv._ConvNd):
    """Convolution as a product of the cells with the patch around each place."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x`` of shape (batch, channels, ...) or (channels, ...) with the weight in the cells."""
        axes = len(self.kernel_size)
        batched = x.dim() == axes + 2
        padded = self._padded(x if batched else x.unsqueeze(0))
        y = self.analog.convolve_images(padded, self.matrix(), self._geometry())
        if y is None:
            windows = self._windows(padded)  # (batch, channels, *places, *kernel)
            vectors = windows.movedim(1, 1 + axes).flatten(1 + axes)
            y = self.analog.read(vectors, self.matrix()).movedim(-1, 1)
        if self.bias is not None:
            bias = self.bias.to(y.dtype).view(-1, *[1] * axes)
            y = y + bias if torch.is_grad_enabled() else y.add_(bias)  # new memory takes as long as a convolution
        return y if batched else y.squeeze(0)

    def _geometry(self) -> Geometry:
        return Geometry.of(self.kernel_size, self.stride, self.dilation)

    def _padded(self, x: Tensor) -> Tensor:
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        if any(self._reversed_padding_repeated_twice):
            x = nn.functional.pad(x, self._reversed_padding_repeated_twice, mode)
        return x

    def _windows(self, x: Tensor) -> Tensor:
        for axis, (size, stride, dilation) in enumerate(zip(self.kernel_size, self.stride, self.dilation, strict=True)):
            x = x.unfold(2 + axis, dilation * (size - 1) + 1, stride)[..., ::dilation]
        return x

    @classmethod
    def from_digital(cls, layer: nn.modules.conv._ConvNd, config: AnalogConfig, seed: int | None = None) -> Self:
        """Make a layer that shares the parameters of a digital one.

        Parameters
        ----------
        layer : torch.nn.Conv1d, Conv2d or Conv3d
            The digital layer.
        config : AnalogConfig
        seed : int, optional
            Of the cells and of their noise; default: that of the configuration, or a new one.

        Returns
        -------
        Conv1d, Conv2d or Conv3d
        """
        kind: Any = cls  # subclasses take the arguments of Conv1d to Conv3d, not those of _ConvNd
        made: Self = kind(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups,
            layer.bias is not None,
            layer.padding_mode,
            device="meta",
        )
        return adopt(made, layer).attach(config, seed)


class Conv1d(Convolution, nn.Conv1d):
    """`torch.nn.Conv1d` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch."""


class Conv2d(Convolution, nn.Conv2d):
    """`torch.nn.Conv2d` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> layer = sg.torch.Conv2d(3, 4, kernel_size=3, padding=1, config=sg.torch.AnalogConfig(seed=1))
    >>> layer(torch.ones(2, 3, 8, 8)).shape
    torch.Size([2, 4, 8, 8])
    >>> layer.analog.weights().shape
    torch.Size([1, 4, 27])
    """


class Conv3d(Convolution, nn.Conv3d):
    """`torch.nn.Conv3d` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch."""
