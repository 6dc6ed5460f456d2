"""Linear layers and convolutions on cells. They are torch's layers in all but the product."""

from typing import Any

from torch import Tensor, nn

from synaptogen.torch.config import AnalogConfig

from .base import AnalogLayer, adopt


class Linear(AnalogLayer, nn.Linear):
    """`torch.nn.Linear` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.Linear.__init__(self, *args, **options)
        if not self.weight.is_meta:
            self.attach(config)

    @classmethod
    def from_digital(cls, layer: nn.Linear, config: AnalogConfig, seed: int | None = None) -> "Linear":
        """A layer that shares the parameters of a digital one."""
        made = cls(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        return adopt(made, layer).attach(config, seed)

    def forward(self, x: Tensor) -> Tensor:
        """As torch's."""
        y = self.analog.read(x, self.matrix())
        return y if self.bias is None else y + self.bias.to(y.dtype)


class _Convolution(AnalogLayer, nn.modules.conv._ConvNd):
    """Convolution as a product of the cells with the patch around each place."""

    def forward(self, x: Tensor) -> Tensor:
        """As torch's."""
        axes = len(self.kernel_size)
        batched = x.dim() == axes + 2
        windows = self._windows(x if batched else x.unsqueeze(0))  # (batch, channels, *places, *kernel)
        places = windows.shape[2 : 2 + axes]
        vectors = windows.movedim(1, 1 + axes).flatten(1 + axes)
        y = self.analog.read(vectors, self.matrix()).movedim(-1, 1)
        if self.bias is not None:
            y = y + self.bias.to(y.dtype).view(-1, *[1] * len(places))
        return y if batched else y.squeeze(0)

    def _windows(self, x: Tensor) -> Tensor:
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        if any(self._reversed_padding_repeated_twice):
            x = nn.functional.pad(x, self._reversed_padding_repeated_twice, mode)
        for axis, (size, stride, dilation) in enumerate(zip(self.kernel_size, self.stride, self.dilation, strict=True)):
            x = x.unfold(2 + axis, dilation * (size - 1) + 1, stride)[..., ::dilation]
        return x

    @classmethod
    def from_digital(cls, layer: Any, config: AnalogConfig, seed: int | None = None) -> Any:
        """A layer that shares the parameters of a digital one."""
        kind: Any = cls
        made = kind(
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


class Conv1d(_Convolution, nn.Conv1d):
    """`torch.nn.Conv1d` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.Conv1d.__init__(self, *args, **options)
        if not self.weight.is_meta:
            self.attach(config)


class Conv2d(_Convolution, nn.Conv2d):
    """`torch.nn.Conv2d` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.Conv2d.__init__(self, *args, **options)
        if not self.weight.is_meta:
            self.attach(config)


class Conv3d(_Convolution, nn.Conv3d):
    """`torch.nn.Conv3d` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.Conv3d.__init__(self, *args, **options)
        if not self.weight.is_meta:
            self.attach(config)
