"""What analog layers have in common: a digital weight, cells that hold it, and which gradient goes back."""

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from synaptogen._utils import seed_of
from synaptogen.crossbar import ProgrammingReport
from synaptogen.torch.config import AnalogConfig
from synaptogen.torch.crossbars import AnalogMatrix, full_scale
from synaptogen.torch.programming import error_table, program_pairs


class StraightThrough(torch.autograd.Function):
    """A value computed elsewhere, with the gradients of the digital product of vectors and weights.

    ``x`` of shape (..., groups * inputs), ``weight`` and ``back`` (groups, outputs, inputs), ``value`` (..., groups *
    outputs). What goes back to ``x`` goes through ``back``.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, value: Tensor, back: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(x, back)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:  # noqa: D102
        x, weight = ctx.saved_tensors
        groups, outputs, inputs = weight.shape
        g = gradients[0].to(weight.dtype).reshape(-1, groups, outputs)
        vectors = x.to(weight.dtype).reshape(-1, groups, inputs)
        to_x = torch.einsum("ngo,goi->ngi", g, weight).reshape(x.shape).to(x.dtype)
        return to_x, torch.einsum("ngo,ngi->goi", g, vectors), None, None


class AnalogCells(AnalogMatrix):
    """An `AnalogMatrix` that is programmed from a weight, and reads for it."""

    report: ProgrammingReport | None = None

    @classmethod
    def holding(cls, weight: Tensor, config: AnalogConfig, seed: int) -> Self:
        """Cells for a weight of shape (groups, outputs, inputs), on its device."""
        groups, outputs, inputs = weight.shape
        made = cls(groups, outputs, inputs, config, seed)
        if config.training == "hardware-aware":
            made.errors = error_table(config).error.clone()
        made.seed = seed
        made.to(weight.device, weight.dtype)
        made.program(weight)
        return made

    seed: int = 0

    def program(self, weight: Tensor) -> None:
        """Write a weight to new cells; ADC ranges and the input range are those of new cells, uncalibrated.

        Raises
        ------
        ValueError
            If a weight is not finite. Nothing has changed then.
        """
        weight = weight.detach()
        if not bool(torch.isfinite(weight).all()):
            raise ValueError("weight holds NaN or infinite values: clean the model before it becomes cells")
        largest = full_scale(weight.to(self.difference.dtype), self.config.scale)
        scaled = (weight.to(largest.dtype) / largest).double().cpu().numpy()
        written = program_pairs(scaled.reshape(-1, self.inputs), self.config, self.seed)
        self.report = written.report
        states = (torch.from_numpy(np.ascontiguousarray(r)).to(largest) for r in (written.plus, written.minus))
        plus, minus = (r.reshape(weight.shape) for r in states)
        self.hold(plus, minus, largest)
        self.written_error.copy_(((self.weights() - weight) / largest).square().mean().sqrt())

    def for_pass(self, weight: Tensor) -> Tensor | None:
        """What stands for the cells in one pass of training with drawn errors; None: the cells themselves."""
        if not (self.training and self.config.training == "hardware-aware"):
            return None
        with torch.no_grad():
            return self.drawn(weight)

    def read(self, x: Tensor, weight: Tensor) -> Tensor:
        """The product of vectors (..., groups * inputs) with what the cells hold, of the type of ``x``."""
        return self.read_with(x, weight, self.for_pass(weight))

    def read_with(self, x: Tensor, weight: Tensor, drawn: Tensor | None) -> Tensor:
        """`read`, with what `for_pass` has given: several reads of one pass see the same cells."""
        if self.config.gradient == "exact":
            return self(x, drawn).to(x.dtype)
        with torch.no_grad():
            value = self(x.detach(), drawn).to(x.dtype)
            # errors pass through later layers as they did on the way there (Rasch et al., Nat. Commun. 14:5282, 2023)
            back = weight.detach() if drawn is None else self.weights(drawn).to(weight.dtype)
        if not torch.is_grad_enabled():
            return value
        return StraightThrough.apply(x, weight, value, back)

    def __getstate__(self) -> dict[str, Any]:
        # a report keeps its cells, which are much larger than what is read of them
        return {**self.__dict__, "report": None, "observe": None}


class AnalogLayer(nn.Module):
    """Base of layers with one weight; subclasses are torch's layers and take their arguments."""

    analog: AnalogCells
    weight: Tensor

    def matrix(self) -> Tensor:
        """The weight as (groups, outputs, inputs)."""
        return self.weight.reshape(getattr(self, "groups", 1), -1, self.weight[0].numel())

    def attach(self, config: AnalogConfig | None = None, seed: int | None = None) -> Self:
        """Make cells for the present weight."""
        config = AnalogConfig() if config is None else config
        self.analog = AnalogCells.holding(self.matrix(), config, seed_of(config.seed if seed is None else seed))
        self.analog.train(self.training)
        return self

    def program(self) -> None:
        """Write the present weight to new cells of the same seed: the same devices, from their beginning."""
        self.analog.program(self.matrix())


def adopt(made: Any, digital: nn.Module) -> Any:
    """Give a layer that was made on the meta device the parameters of a digital one: shared, not copied."""
    for name, parameter in digital.named_parameters(recurse=False):
        made.register_parameter(name, parameter)
    return made.train(digital.training)
