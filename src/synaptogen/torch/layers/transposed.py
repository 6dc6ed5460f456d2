"""Transposed convolutions on cells: each place drives the cells, and the products overlap in the output."""

import itertools
import math
from typing import Any, Self

import torch
from torch import Tensor, nn

from synaptogen.torch.config import AnalogConfig

from .base import AnalogLayer, adopt


class _TransposedConvolution(AnalogLayer, nn.modules.conv._ConvTransposeNd):
    """Transposed convolution: the cells multiply the channels of each place by the weights of all kernel positions."""

    @property
    def _pads(self) -> tuple[int, ...]:
        assert isinstance(self.padding, tuple)  # for type checkers: torch refuses names of paddings here
        return self.padding

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Convolve with the weight in the cells.

        Parameters
        ----------
        x : tensor of shape (batch, channels, ...) or (channels, ...)
            Inputs.
        output_size : list of int, optional
            Size of the output where several are possible.

        Returns
        -------
        tensor of shape (batch, out_channels, ...) or (out_channels, ...)
        """
        axes = len(self.kernel_size)
        batched = x.dim() == axes + 2
        x = x if batched else x.unsqueeze(0)
        extra = self._output_padding(
            x,
            output_size,
            list(self.stride),
            list(self._pads),
            list(self.kernel_size),
            axes,
            list(self.dilation),
        )
        y = self.analog.read(x.movedim(1, -1), self.matrix())  # (batch, *places, groups * outputs * kernel)
        out = self._overlapped(y.movedim(-1, 1), extra)
        if self.bias is not None:
            out = out + self.bias.to(out.dtype).view(-1, *[1] * axes)
        return out if batched else out.squeeze(0)

    def _overlapped(self, y: Tensor, extra: list[int]) -> Tensor:
        """Add the products (batch, channels * kernel, *places) of all places where they lie in the output."""
        places, sizes = y.shape[2:], self.kernel_size
        y = y.unflatten(1, (self.out_channels, math.prod(sizes)))
        reach = [
            (n - 1) * stride + dilation * (size - 1) + 1
            for n, stride, dilation, size in zip(places, self.stride, self.dilation, sizes, strict=True)
        ]
        # an output padding above the padding reaches beyond what any place adds to
        room = [max(full, full - pad + more) for full, pad, more in zip(reach, self._pads, extra, strict=True)]
        out = y.new_zeros(len(y), self.out_channels, *room)
        for number, position in enumerate(itertools.product(*(range(size) for size in sizes))):
            where: tuple[slice, ...] = tuple(
                slice(at * dilation, at * dilation + (n - 1) * stride + 1, stride)
                for at, dilation, n, stride in zip(position, self.dilation, places, self.stride, strict=True)
            )
            out[(slice(None), slice(None), *where)] += y[:, :, number]
        ends = zip(reach, self._pads, extra, strict=True)
        kept = [slice(pad, full - pad + more) for full, pad, more in ends]
        return out[(slice(None), slice(None), *kept)]

    def to_matrix(self, weight: Tensor) -> Tensor:
        """Return a tensor of the shape of the weight, as (groups, outputs * kernel, inputs)."""
        return weight.reshape(self.groups, weight.shape[0] // self.groups, -1).mT

    def from_matrix(self, matrix: Tensor, shape: torch.Size) -> Tensor:
        """Return a matrix in the shape of the weight.

        Parameters
        ----------
        matrix : tensor of shape (groups, outputs * kernel, inputs)
        shape : torch.Size
            Of the weight.

        Returns
        -------
        tensor
        """
        return matrix.mT.reshape(shape)

    @classmethod
    def from_digital(
        cls, layer: nn.modules.conv._ConvTransposeNd, config: AnalogConfig, seed: int | None = None
    ) -> Self:
        """Make a layer that shares the parameters of a digital one.

        Parameters
        ----------
        layer : torch.nn.ConvTranspose1d, ConvTranspose2d or ConvTranspose3d
            The digital layer.
        config : AnalogConfig
        seed : int, optional
            Of the cells and of their noise; default: that of the configuration, or a new one.

        Returns
        -------
        ConvTranspose1d, ConvTranspose2d or ConvTranspose3d
        """
        kind: Any = cls  # subclasses take the arguments of ConvTranspose1d to 3d, not those of the base class
        made: Self = kind(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.output_padding,
            layer.groups,
            layer.bias is not None,
            layer.dilation,
            layer.padding_mode,
            device="meta",
        )
        return adopt(made, layer).attach(config, seed)


class ConvTranspose1d(_TransposedConvolution, nn.ConvTranspose1d):
    """`torch.nn.ConvTranspose1d` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch."""


class ConvTranspose2d(_TransposedConvolution, nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> config = sg.torch.AnalogConfig(seed=1)
    >>> layer = sg.torch.ConvTranspose2d(3, 4, kernel_size=4, stride=2, padding=1, config=config)
    >>> layer(torch.ones(2, 3, 8, 8)).shape
    torch.Size([2, 4, 16, 16])
    >>> layer.analog.weights().shape
    torch.Size([1, 64, 3])
    """


class ConvTranspose3d(_TransposedConvolution, nn.ConvTranspose3d):
    """`torch.nn.ConvTranspose3d` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch."""
