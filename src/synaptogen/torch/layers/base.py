"""Base classes of layers on cells: a digital weight, cells that hold it, and the gradient of their product.

**To add a layer** that torch has as ``nn.X``:

1. Derive a class from `AnalogLayer` and ``nn.X``, in this order. Its constructor then takes the arguments of ``nn.X``
   and ``config``, and makes the cells.
2. Define ``forward`` as that of ``nn.X``, with ``self.analog.read(vectors, self.matrix())`` in place of the product.
   Vectors have their features, (groups * inputs), on the last axis; the result has (groups * outputs) there.
3. Define the classmethod ``from_digital(layer, config, seed)``: make the layer on the device "meta", and return
   ``adopt(made, layer).attach(config, seed)``, so that it shares the parameters of the digital layer.
4. Enter the two classes in ``known_layers.CONVERTERS``, and export the layer at the doors of ``layers`` and
   `synaptogen.torch`.

A layer with a weight of another name overrides `AnalogLayer.matrix`, one of another shape `AnalogLayer.to_matrix` and
`AnalogLayer.from_matrix`; one with several weights overrides
`AnalogLayer.attach` and `AnalogLayer.program`, as `recurrent.Recurrent` does. A layer that steps through a sequence
calls `AnalogCells.for_pass` once and `AnalogCells.read_with` in each step, so that all steps read the same cells.
"""

import warnings
from collections.abc import Callable
from typing import Any, Self, TypeVar, get_args
from weakref import ReferenceType

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, FunctionCtx

from synaptogen._utils import Uninterrupted, seed_of
from synaptogen.torch.aged import KEYS, Aged
from synaptogen.torch.config import AnalogConfig, WeightMapping
from synaptogen.torch.crossbars import (
    AnalogMatrix,
    Geometry,
    can_compile,
    full_scale,
    in_transform,
    is_exporting,
    quantise,
    require_real,
)
from synaptogen.torch.layers.repeated_passes import PassLog
from synaptogen.torch.programming import WriteRecord, aged_errors, error_table, write_matrix
from synaptogen.torch.writing_progress import is_skipped

LayerT = TypeVar("LayerT", bound=nn.Module)


class _StraightThrough(torch.autograd.Function):
    """Give a value that was computed elsewhere the gradients of the digital product of vectors and weights.

    ``x`` has the shape (..., groups * inputs), ``weight`` and ``back`` (groups, outputs, inputs), ``value``
    (..., groups * outputs). The gradient of ``x`` is computed with ``back`` as weight.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, value: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(x, back)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: BackwardCFunction, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        x, weight = saved
        groups, outputs, inputs = weight.shape
        g = gradients[0].to(weight.dtype).reshape(-1, groups, outputs)
        vectors = x.to(weight.dtype).reshape(-1, groups, inputs)
        to_x = torch.einsum("ngo,goi->ngi", g, weight).reshape(x.shape).to(x.dtype)
        return to_x, torch.einsum("ngo,ngi->goi", g, vectors), None, None


class AnalogCells(AnalogMatrix):
    """An `AnalogMatrix` that is programmed from a weight, and read with the gradients of that weight.

    Attributes
    ----------
    report : WriteRecord or None
        Pulses, failures and energy of the last programming; None for ideal programming, and after loading.
    seed : int
        Of the cells.
    """

    report: WriteRecord | None = None
    aged: Aged | None = None  # what `synaptogen.torch.wait` keeps
    trainer: "ReferenceType[Any] | None" = None  # who else knows the cells and writes them by pulses
    weight_version: int | None = None  # of the weight when these cells were first read after they had been written

    @classmethod
    def holding(cls, weight: Tensor, config: AnalogConfig, seed: int) -> Self:
        """Make cells that hold a weight, on its device.

        Parameters
        ----------
        weight : tensor of shape (groups, outputs, inputs)
        config : AnalogConfig
        seed : int
            Of the cells and of their noise.

        Returns
        -------
        AnalogCells

        Raises
        ------
        ValueError
            If a weight is not finite.
        """
        groups, outputs, inputs = weight.shape
        made = cls(groups, outputs, inputs, config, seed)
        if config.training == "hardware-aware":
            made.errors = (error_table(config).error if config.training_age is None else aged_errors(config)).clone()
        made.seed, made.passes = seed, PassLog()
        made.to("cpu" if weight.is_meta else weight.device, weight.dtype)
        if not is_skipped():
            made.program(weight)
        return made

    seed: int = 0
    next_seed: int | None = None  # of the cells that are written next, if others than before
    passes: PassLog

    def program(self, weight: Tensor) -> None:
        """Write a weight to new cells of the same seed; converter ranges become estimates again.

        Parameters
        ----------
        weight : tensor of shape (groups, outputs, inputs)

        Raises
        ------
        ValueError
            If a weight is not finite. Nothing has changed then.
        """
        weight = weight.detach()
        if not bool(torch.isfinite(weight).all()):
            raise ValueError("weight holds NaN or infinite values: clean the model before it becomes cells")
        largest = full_scale(weight.to(self.difference.dtype), self.config.scale)
        if self.config.training == "cells":
            # an output without weights is 0, whatever its cells hold; training with drawn cells needs a scale, though
            held = torch.where((weight == 0).all(-1, keepdim=True), torch.zeros_like(largest), largest)
        else:
            held = largest
        contents = self.code.contents((weight.to(largest.dtype) / largest).double())
        seed = self.seed if self.next_seed is None else self.next_seed
        lines = self.code.levels(contents).flatten(0, 1).cpu()
        if self.code.has_cells:
            references = self.code.references_hold(self.outputs).to(lines).repeat(self.groups, self.inputs)
            lines, weights = torch.cat([lines, references]), len(lines)
        else:
            weights = len(lines)
        written = write_matrix(lines.numpy(), self.config, seed, weights)
        with Uninterrupted():
            self.seed, self.next_seed = seed, None
            self.make_adcs(seed)
            self.report, self.trainer = written.record, None
            self.hold(*self.of_lines(torch.from_numpy(written.states).to(largest)), held)
            self.weight_version = None
            self.written_error.copy_(((self.weights() - weight) / largest).square().mean().sqrt())

    def for_pass(self, weight: Tensor, x: Tensor) -> Tensor | None:
        """Return drawn cells for one pass of hardware-aware training, or None to read the cells themselves.

        Parameters
        ----------
        weight : tensor of shape (groups, outputs, inputs)
            The present weight.
        x : tensor
            Inputs of the pass, by which a repeated one is recognised.

        Returns
        -------
        tensor or None
        """
        if not (self.training and self.config.training == "hardware-aware"):
            return None
        with torch.no_grad():
            return self.passes.run(self.noise, x, self.training, lambda: self.drawn(weight), "cells")

    def read(self, x: Tensor, weight: Tensor) -> Tensor:
        """Multiply vectors by the matrices that the cells hold, in a pass of its own.

        Parameters
        ----------
        x : tensor of shape (..., groups * inputs)
            Vectors.
        weight : tensor of shape (groups, outputs, inputs)
            The present weight, for gradients and for drawn cells.

        Returns
        -------
        tensor of shape (..., groups * outputs)
            Of the type of ``x``.
        """
        return self.read_with(x, weight, self.for_pass(weight, x))

    def read_with(self, x: Tensor, weight: Tensor, drawn: Tensor | None) -> Tensor:
        """Multiply vectors as `read` does, with the cells of a pass that has begun.

        Parameters
        ----------
        x : tensor of shape (..., groups * inputs)
            Vectors.
        weight : tensor of shape (groups, outputs, inputs)
            The present weight.
        drawn : tensor or None
            Result of `for_pass`.

        Returns
        -------
        tensor of shape (..., groups * outputs)
            Of the type of ``x``.
        """
        require_real(x)
        if self.config.input_ranges == "learned" and self.training and torch.is_grad_enabled():
            x = self._in_range(x)
        if drawn is None and not torch.compiler.is_compiling():
            self._look_at(weight)
        if self.config.gradient == "exact" or is_exporting():
            return self._pass(x, lambda: self(x, drawn)).to(x.dtype)
        with torch.no_grad():
            value = self._pass(x, lambda: self(x.detach(), drawn)).to(x.dtype)
            # the backward pass uses the same errors as the forward pass (Rasch et al., Nat. Commun. 14:5282, 2023)
            back = weight.detach() if drawn is None else self.weights(drawn).to(weight.dtype)
        if not torch.is_grad_enabled():
            return value
        if in_transform():  # whose gradients know no autograd.Function without more ado
            groups, _, inputs = weight.shape
            ideal = torch.einsum(
                "ngi,goi->ngo", x.to(weight.dtype).reshape(-1, groups, inputs), weight + (back - weight).detach()
            )
            ideal = ideal.reshape(value.shape).to(x.dtype)
            return ideal + (value - ideal).detach()
        return _StraightThrough.apply(x, weight, value, back)

    def convolve_images(self, x: Tensor, weight: Tensor, geometry: Geometry) -> Tensor | None:
        """Multiply the patches of images, where no gradient is wanted and the compiled loops can do it.

        Parameters
        ----------
        x : tensor of shape (images, channels, ...)
            Padded images with one to three axes.
        weight : tensor of shape (groups, outputs, inputs)
            The present weight.
        geometry : Geometry
            Of the patches.

        Returns
        -------
        tensor of shape (images, groups * outputs, ...), or None
            None where `read` has to be called with the patches as vectors.
        """
        if torch.is_grad_enabled() or self.training or not can_compile(self, x):
            return None
        require_real(x)
        self._look_at(weight)
        axes = x.dim() - 2
        images = x.reshape(*x.shape[:2], *[1] * (3 - axes), *x.shape[2:])
        y = self.convolve(images, geometry)
        return y.reshape(*y.shape[:2], *y.shape[5 - axes :]).to(x.dtype)

    def _in_range(self, x: Tensor) -> Tensor:
        """Return inputs as the DAC makes them, with gradients of its range: those of a learned step size."""
        top = self.input_range
        if not torch.compiler.is_compiling() and not float(top.detach()) > 0.0:
            raise ValueError(
                "input_ranges='learned' begins with ranges from data: call sg.torch.calibrate(model, loader) first, "
                "and keep the ranges above 0"
            )
        assert self.config.dac_bits is not None  # for type checkers
        held = (x / top).clamp(-1.0, 1.0)
        rounded = quantise(held.detach(), 1.0, self.config.dac_bits)
        return ((held + (rounded - held).detach()) * top).to(x.dtype)

    def _pass(self, x: Tensor, product: Callable[[], Tensor]) -> Tensor:
        return self.passes.run(self.noise, x, self.training, product, "read") if self.config.bandwidth else product()

    def _look_at(self, weight: Tensor) -> None:
        """Warn if the weight has been changed since the cells were written."""
        if weight.is_inference():
            return
        if self.weight_version is None:
            self.weight_version = weight._version
        elif self.weight_version != weight._version:
            self.weight_version = weight._version
            warnings.warn(
                "the weight of a layer was changed after its cells were written, and its reads do not follow: write "
                'it with sg.torch.program(model), train with AnalogConfig(training="hardware-aware"), or by pulses '
                "with sg.torch.PulseSGD",
                UserWarning,
                stacklevel=4,
            )

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        seed = np.uint64(self.seed & (2**64 - 1)).astype(np.int64)
        destination[f"{prefix}origin"] = torch.tensor([int(seed), int(self.calibrated), *self._mapping()])
        if self.aged is not None and self.aged.holds(self):
            destination.update({f"{prefix}{name}": value for name, value in self.aged.to_tensors().items()})

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        origin = state_dict.pop(f"{prefix}origin", None)  # not in files of earlier versions
        if origin is not None:
            seed, calibrated, *mapping = origin.tolist()
            if mapping != self._mapping():
                raise ValueError(
                    f"the cells of {prefix.rstrip('.') or 'the state_dict'} are of another weight_mapping: give the "
                    "model that of the configuration with which they were written, or write the weights anew"
                )
            self.seed, self.calibrated = seed % 2**64, bool(calibrated)
            self.make_adcs(self.seed)
        if f"{prefix}difference" in state_dict:
            self.weight_version, self.report = None, None
        aged = [state_dict.pop(f"{prefix}{name}", None) for name in KEYS]  # only of cells that were left alone
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if f"{prefix}difference" in state_dict:
            written, time, unit = aged
            given = written is not None and time is not None and unit is not None
            self.aged = Aged.from_tensors(written, time, unit, self) if given else None

    def _mapping(self) -> list[int]:
        """Return what a state_dict has of the mapping of weights: nothing for pairs, as in earlier versions."""
        at = get_args(WeightMapping).index(self.config.weight_mapping)
        return [at] if at else []

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.weight_version = None
        return super()._apply(fn, recurse)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "observe": None, "weight_version": None, "passes": PassLog(), "trainer": None}


class AnalogLayer(nn.Module):
    """Base class of layers on cells, to be combined with a layer of torch; see the head of this file.

    Parameters
    ----------
    *args, **options
        Arguments of torch's layer.
    config : AnalogConfig, optional
        Default: `AnalogConfig()`.

    Attributes
    ----------
    analog : AnalogCells
        Cells that hold the weight.
    """

    analog: AnalogCells
    weight: Tensor

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        if not next(self.parameters()).is_meta:  # `from_digital` attaches cells later
            self.attach(config)

    def matrix(self) -> Tensor:
        """Return the weight as (groups, outputs, inputs)."""
        return self.to_matrix(self.weight)

    def to_matrix(self, weight: Tensor) -> Tensor:
        """Return a tensor of the shape of the weight, as (groups, outputs, inputs)."""
        return weight.reshape(getattr(self, "groups", 1), -1, weight[0].numel())

    def from_matrix(self, matrix: Tensor, shape: torch.Size) -> Tensor:
        """Return a matrix in the shape of the weight: the inverse of `to_matrix`.

        Parameters
        ----------
        matrix : tensor of shape (groups, outputs, inputs)
        shape : torch.Size
            Of the weight.

        Returns
        -------
        tensor
        """
        return matrix.reshape(shape)

    def attach(self, config: AnalogConfig | None = None, seed: int | None = None) -> Self:
        """Make cells for the present weight.

        Parameters
        ----------
        config : AnalogConfig, optional
            Default: `AnalogConfig()`.
        seed : int, optional
            Of the cells; default: that of the configuration, or a new one.

        Returns
        -------
        AnalogLayer
            The layer itself.

        Raises
        ------
        ValueError
            If a weight is not finite.
        """
        config = AnalogConfig() if config is None else config
        self.analog = AnalogCells.holding(self.matrix(), config, seed_of(config.seed if seed is None else seed))
        self.analog.train(self.training)
        return self

    def held_weights(self) -> list[tuple[str, nn.Parameter, AnalogCells]]:
        """Return the weights that cells hold, with their names, and these cells."""
        return [("weight", self.get_parameter("weight"), self.analog)]

    def program(self) -> None:
        """Write the present weight to new cells of the same seed: the same devices, from their first cycle."""
        self.analog.program(self.matrix())


def adopt(made: LayerT, digital: nn.Module) -> LayerT:
    """Give a layer that was made on the meta device the parameters of a digital one, shared and not copied.

    Parameters
    ----------
    made : torch.nn.Module
        Changes in place.
    digital : torch.nn.Module
        Layer with parameters of the same names.

    Returns
    -------
    torch.nn.Module
        ``made``.
    """
    for name, parameter in digital.named_parameters(recurse=False):
        made.register_parameter(name, parameter)
    return made.train(digital.training)
