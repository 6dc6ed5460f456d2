"""Reads on the CPU with compiled loops around the products, in place of many tensor operations.

The steps and their numbers are those of `AnalogMatrix.forward`; tests compare the two.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from synaptogen._utils import share
from synaptogen.torch.config import AnalogConfig

from . import kernels
from .noise import Key, advance, in_transform, key_of, normals
from .noisy_kernels import LINES, noisy_kernels

SMALL, FEW_LEVELS = 2, 256  # outputs of a group, and levels of inputs above 0, for which products are looked up
AT_ONCE = 1 << 19  # entries of lines that are laid out at once for each thread
OUTPUTS_AT_ONCE = 1 << 19  # of a convolution, for each thread
LONG = 1024  # places of a stretch, about
NONE = np.zeros((0, 0, 0, 0), np.float32)
NONE_3 = np.zeros((0, 0, 0), np.float32)
NO_KEY = np.zeros(2, np.uint32)


class Readable(Protocol):
    """What the loops need of an `AnalogMatrix`, which has these attributes."""

    config: AnalogConfig
    groups: int
    outputs: int
    inputs: int
    column_tiles: int
    columns: int
    difference: Tensor
    levels: Tensor
    noise: Tensor
    converted: Tensor
    input_range: Tensor
    adc_range: Tensor
    adc_shift: Tensor
    unit: Tensor
    observe: Callable[[Tensor, Tensor], None] | None

    def full_input(self, largest: Tensor) -> Tensor:
        """Return the inputs that become the full voltage."""


class Geometry(NamedTuple):
    """Where a convolution looks, along three axes; missing ones come first, with a size of 1.

    Attributes
    ----------
    size, stride, dilation : (int, int, int)
        Of its kernel.
    """

    size: tuple[int, int, int]
    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]

    @classmethod
    def of(cls, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> "Geometry":
        """Return that of a convolution along one to three axes.

        Parameters
        ----------
        size, stride, dilation : tuples of one to three int
            Of its kernel.

        Returns
        -------
        Geometry
        """
        filled = ((1,) * (3 - len(part)) + tuple(part) for part in (size, stride, dilation))
        a, b, c = ((part[0], part[1], part[2]) for part in filled)
        return cls(a, b, c)

    def places(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of places along the axes of an image."""
        reach = zip(sizes, self.size, self.stride, self.dilation, strict=True)
        return tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in reach)


def can_compile(matrix: Readable, x: Tensor) -> bool:
    """Return whether the compiled loops can read a matrix for these inputs.

    Parameters
    ----------
    matrix : Readable
    x : tensor

    Returns
    -------
    bool
        False where tensor operations have to be seen (compilers, transforms, exact gradients, calibration), on other
        devices and in other types, and for converters that the loops do not have.
    """
    if torch.compiler.is_compiling() or type(x) not in (Tensor, nn.Parameter):
        return False
    config = matrix.config
    return (
        x.device.type == "cpu"
        and matrix.difference.device.type == "cpu"
        and matrix.difference.dtype == torch.float32
        and config.dac_bits is not None
        and config.input_slices == 1
        and config.weight_mapping == "differential-pair"
        and matrix.observe is None
        and not matrix.adc_shift.numel()
        and not (config.wires is not None and config.wire_model == "exact")
        and not (x.requires_grad and torch.is_grad_enabled())
        and x.numel() > 0
        and not in_transform()
        and _get_current_dispatch_mode() is None
    )


def _share(kernel: Callable[..., Any], count: int, cost: int, *arguments: Any) -> None:
    """Call a kernel for all items with the threads of torch; ``cost`` is the number of entries of an item."""
    share(kernel, count, torch.get_num_threads(), arguments, max(1, 4096 // max(1, cost)))


def _draws(matrix: Readable, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return standard normals, and count the draw."""
    z = normals(matrix.noise, shape, matrix.difference).numpy()
    advance(matrix.noise)
    return z


def _next_key(matrix: Readable) -> Key:
    """Return the key of the next draw, and count it."""
    key = key_of(matrix.noise)
    advance(matrix.noise)
    return key


def _counted(matrix: Readable, at: int, values: int, beyond: NDArray[np.int64]) -> None:
    counts = matrix.converted.numpy()
    counts[at] += values
    counts[at + 1] += beyond.sum()


def _half(bits: int | None) -> int:
    return 0 if bits is None else 1 << (bits - 1)


def multiply(matrix: Readable, x: Tensor, difference: Tensor, total: Tensor) -> Tensor:
    """Multiply vectors by the matrices.

    Parameters
    ----------
    matrix : Readable
    x : tensor of shape (vectors, groups * inputs)
    difference, total : tensors of shape (groups, tiles, columns, outputs)
        States that are read.

    Returns
    -------
    tensor of shape (vectors, groups * outputs)
    """
    config, count = matrix.config, len(x)
    shape = (matrix.groups, matrix.column_tiles, count, matrix.columns)
    has_noise = bool(config.bandwidth)
    signal, noise = torch.empty(shape), torch.empty(shape if has_noise else (0, 0, 0, 0))
    common, factor = np.empty(shape[:3], np.float32), np.empty(count, np.float32)
    beyond = np.empty(count, np.int64)
    _share(
        kernels.drive_vectors,
        count,
        x.shape[1],
        x.numpy(),
        matrix.input_range.detach().numpy()[()],
        _half(config.dac_bits),
        matrix.levels.numpy(),
        signal.numpy(),
        noise.numpy(),
        common,
        factor,
        beyond,
    )
    _counted(matrix, 0, x.numel(), beyond)
    currents = torch.matmul(signal, difference)
    variances = torch.matmul(noise, total).numpy() if has_noise else NONE
    z = _draws(matrix, tuple(currents.shape)) if has_noise else NONE
    out = torch.empty(count, matrix.groups * matrix.outputs)
    half = _half(config.adc_bits)
    _share(
        kernels.convert_vectors,
        count,
        out.shape[1] * matrix.column_tiles,
        currents.numpy(),
        variances,
        common,
        z,
        matrix.adc_range.numpy()[:, :, 0],
        matrix.unit.numpy()[:, 0],
        factor,
        half,
        out.numpy(),
        beyond,
    )
    if half:
        _counted(matrix, 2, currents.numel(), beyond)
    return out


def convolve(matrix: Readable, x: Tensor, geometry: Geometry, difference: Tensor, total: Tensor) -> Tensor:
    """Multiply the patches of images by the matrices, without laying the patches out as vectors.

    Parameters
    ----------
    matrix : Readable
    x : tensor of shape (images, channels, a, b, c)
        Padded images.
    geometry : Geometry
    difference, total : tensors of shape (groups, tiles, columns, outputs)
        States that are read.

    Returns
    -------
    tensor of shape (images, groups * outputs, places a, b, c)
    """
    config, x = matrix.config, x.contiguous()
    grid = _Grid.of(tuple(x.shape), geometry, matrix.groups)
    has_noise, half = bool(config.bandwidth), _half(config.adc_bits)
    groups, tiles, outputs = matrix.groups, matrix.column_tiles, matrix.outputs
    x_range = float(matrix.input_range.detach())
    reading: _Images | _Places
    if x_range > 0.0 and tiles == 1 and math.isfinite(float(x.sum())):  # NaN and infinities are left to the others
        factor = np.full(grid.rows * grid.wide, x_range, np.float32)
        reading = _Images(matrix, difference, total, x, geometry)
    else:
        peak = nn.functional.max_pool3d(
            x.abs().amax(1, keepdim=True), geometry.size, geometry.stride, 0, geometry.dilation
        )
        top = matrix.full_input(peak).expand(peak.shape).contiguous()
        factor = (top + 0.0 * peak).flatten().numpy()
        # what lies between rows of places looks beyond the last image
        flat = nn.functional.pad(x.flatten(), (0, grid.pitch)).numpy()
        reading = _Places(matrix, difference, total, flat, top.view(grid.rows, grid.wide).numpy(), grid)
    key = _next_key(matrix) if has_noise else NO_KEY
    out = torch.empty(len(x), groups * outputs, grid.rows * grid.wide // len(x))
    beyond = np.empty(groups * outputs, np.int64)
    for first, rows in reading.pieces():
        _share(
            noisy_kernels().convert_places,
            -(-groups * outputs // LINES),
            rows * grid.wide * tiles * LINES,
            *reading.currents(first, rows),
            key,
            matrix.adc_range.numpy()[:, :, 0],
            matrix.unit.numpy()[:, 0],
            factor,
            half,
            first,
            reading.pitch,
            grid.wide,
            out.numpy(),
            beyond,
        )
        if half:
            _counted(matrix, 2, groups * tiles * outputs * rows * grid.wide, beyond)
    return out.view(len(x), groups * outputs, *geometry.places(tuple(x.shape[2:])))


class _Grid(NamedTuple):
    """Where in flat images the places of a convolution lie.

    Rows of places that follow each other without a gap are read as one, with the places between them, which do not
    count: a long stretch takes less time than several short ones.

    Attributes
    ----------
    rows, wide, pitch : int
        Number of rows of places, places of a row, and places from one row to the next.
    together : int
        Rows of a plane, which are read as one; 1 where they cannot.
    step : int
        Numbers from place to place.
    sources : array of int64 of shape (rows,)
        The number that the first place of a row sees in line 0.
    lines : array of int64 of shape (inputs,)
        Distances of lines from line 0.
    group : int
        Distance of groups.
    """

    rows: int
    wide: int
    pitch: int
    together: int
    step: int
    sources: NDArray[np.int64]
    lines: NDArray[np.int64]
    group: int

    @classmethod
    @functools.lru_cache(64)
    def of(cls, shape: tuple[int, ...], geometry: Geometry, groups: int) -> "_Grid":
        """Return that of contiguous images."""
        images, channels, *sizes = shape
        strides = np.array([sizes[1] * sizes[2], sizes[2], 1])
        places, plane = geometry.places(tuple(sizes)), sizes[0] * sizes[1] * sizes[2]
        kernel = np.indices(geometry.size).reshape(3, -1)
        lines = np.add.outer(np.arange(channels // groups) * plane, (strides * geometry.dilation) @ kernel).ravel()
        rows = np.indices((images, *places[:2])).reshape(3, -1)
        sources = np.array([channels * plane, *(strides * geometry.stride)[:2]]) @ rows
        merge = geometry.stride[1] == geometry.stride[2] == 1
        pitch, together = (sizes[2], places[1]) if merge else (places[2], 1)
        step, group = geometry.stride[2], channels // groups * plane
        return cls(rows.shape[1], places[2], pitch, together, step, sources, lines, group)


@functools.lru_cache(1024)
def _stretches(first: int, rows: int, pitch: int, together: int) -> tuple[NDArray[np.int64], ...]:
    """Return begins and ends of stretches of places in some rows, and the first row of each."""
    most, found, last = max(1, LONG // pitch), [], first + rows
    while first < last:
        found.append((first, min(last, first + most, (first // together + 1) * together)))
        first = found[-1][1]
    begin, end = np.array(found, np.int64).T.copy()
    return begin * pitch, end * pitch, begin


@functools.lru_cache(64)
def _seen(sizes: tuple[int, ...], geometry: Geometry) -> NDArray[np.int64]:
    """Return how many places see each pixel."""
    found = np.ones(1, np.int64)
    axes = zip(sizes, geometry.places(sizes), *geometry, strict=True)
    for n, places, size, stride, dilation in axes:
        at = np.add.outer(np.arange(places) * stride, np.arange(size) * dilation)
        found = np.multiply.outer(found, np.bincount(at.ravel(), minlength=n))
    return found.ravel()


class _Images:
    """Currents where one range holds for all inputs: torch convolves images of drives.

    Some images, or some rows of one, are convolved at a time, so that currents and variances stay in the caches.
    """

    def __init__(self, matrix: Readable, difference: Tensor, total: Tensor, x: Tensor, geometry: Geometry) -> None:
        self.matrix, self.geometry = matrix, geometry
        planes, self.rows, self.pitch = geometry.places(tuple(x.shape[2:]))
        self.planes, self.images = planes, len(x)
        states = (difference, total) if matrix.config.bandwidth else (difference,)
        self.weights = [self._kernels(each) for each in states]
        self.drives, self.common = self._driven(x)

    def _driven(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return images of line drives, for currents and for variances, and of what all outputs have in common."""
        matrix, has_noise = self.matrix, bool(self.matrix.config.bandwidth)
        groups, images, sizes = matrix.groups, len(x), tuple(x.shape[2:])
        by_group = x.view(images * groups, x.shape[1] // groups, -1)
        signal, noise = torch.empty(by_group.shape), torch.empty(by_group.shape if has_noise else (0, 0, 0))
        common = torch.empty((images * groups, by_group.shape[2]) if has_noise else (0, 0))
        beyond = np.empty(images * groups, np.int64)
        _share(
            kernels.drive_images,
            images * groups,
            by_group[0].numel(),
            by_group.numpy(),
            matrix.input_range.detach().numpy()[()],
            _half(matrix.config.dac_bits),
            matrix.levels.numpy(),
            _seen(sizes, self.geometry),
            signal.numpy(),
            noise.numpy(),
            common.numpy(),
            beyond,
        )
        _counted(matrix, 0, images * self.planes * self.rows * self.pitch * groups * matrix.inputs, beyond)
        if not has_noise:
            return [signal.view(x.shape)], common
        return [signal.view(x.shape), noise.view(x.shape)], common.view(images, groups, *sizes)

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Yield the first row of places to read at a time, and how many."""
        of_image, lines = self.planes * self.rows, self.matrix.groups * self.matrix.outputs
        most = max(1, OUTPUTS_AT_ONCE * torch.get_num_threads() // (lines * self.pitch))
        if most >= of_image or self.planes > 1:
            step = max(1, most // of_image) * of_image
            yield from (
                (first, min(step, self.images * of_image - first)) for first in range(0, self.images * of_image, step)
            )
        else:
            for first in range(0, self.images * of_image, of_image):
                yield from ((first + row, min(most, of_image - row)) for row in range(0, of_image, most))

    def currents(self, first: int, rows: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return currents and variances (g, t, o, places), and what is common to all outputs (g, t, places).

        Parameters
        ----------
        first, rows : int
            One of `pieces`.

        Returns
        -------
        currents, variances, common : arrays
        """
        found = [self._convolved(*pair, first, rows) for pair in zip(self.drives, self.weights, strict=True)]
        if len(found) == 1:
            return found[0], NONE, NONE_3
        ones = torch.ones(self.matrix.groups, 1, *self.geometry.size)
        return found[0], found[1], self._convolved(self.common, ones, first, rows)[:, :, 0]

    def _kernels(self, states: Tensor) -> Tensor:
        """Return states (g, 1, inputs, o) as the weight of a convolution."""
        weight = states[:, 0].mT.reshape(states.shape[0] * states.shape[3], -1)
        return weight.contiguous().view(len(weight), -1, *self.geometry.size)

    def _convolved(self, images: Tensor, weight: Tensor, first: int, rows: int) -> NDArray[Any]:
        """Return the convolution at some rows of places as (groups, 1, outputs, places)."""
        size, stride, dilation = self.geometry
        groups, (image, row) = self.matrix.groups, divmod(first, self.planes * self.rows)
        some = images[image : image + max(1, rows // (self.planes * self.rows))]
        if self.planes == 1 and rows < self.rows:
            some = some[:, :, :, row * stride[1] : (row + rows - 1) * stride[1] + dilation[1] * (size[1] - 1) + 1]
        if some.shape[2] == size[0] == 1:  # the kernels for two axes are faster
            flat = nn.functional.conv2d(some[:, :, 0], weight[:, :, 0], None, stride[1:], 0, dilation[1:], groups)
        else:
            flat = nn.functional.conv3d(some, weight, None, stride, 0, dilation, groups)
        found = flat.contiguous().view(len(some), groups, 1, -1, rows * self.pitch // len(some))
        return found.movedim(0, 3).flatten(3).contiguous().numpy()


class _Places:
    """Currents at some rows of places at a time: what is laid out for the products then stays in the caches."""

    def __init__(
        self,
        matrix: Readable,
        difference: Tensor,
        total: Tensor,
        x: NDArray[Any],
        top: NDArray[Any],
        grid: _Grid,
    ) -> None:
        self.matrix, self.difference, self.total, self.x, self.grid = matrix, difference, total, x, grid
        self.pitch = grid.pitch
        self.half, self.lines = _half(matrix.config.dac_bits), matrix.column_tiles * matrix.columns
        is_small = matrix.groups > 1 and matrix.column_tiles == 1 and matrix.outputs <= SMALL
        self.is_small = is_small and self.half <= FEW_LEVELS
        # memory that is used again stays in the caches, and the system need not clear it
        size, shape = self._at_once() * grid.pitch, (matrix.groups, matrix.column_tiles)
        spreads = size if matrix.config.bandwidth else 0
        self.sums = [np.empty((*shape, matrix.outputs, n), np.float32) for n in (size, spreads)]
        lines = 0 if self.is_small else self.lines
        self.drives = [np.zeros((matrix.groups, lines, n), np.float32) for n in (size, spreads)]
        self.common = np.empty((*shape, 0 if self.is_small else size), np.float32)
        # nothing is beyond infinity: the places between rows do not count
        filled = np.full((grid.rows, grid.pitch), np.inf, np.float32)
        filled[:, : grid.wide] = top
        self.top, self.finer = filled.ravel(), (np.float32(self.half - 1) / filled).ravel()

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Yield the first row of places to read at a time, and how many."""
        step = self._at_once()
        return ((first, min(step, self.grid.rows - first)) for first in range(0, self.grid.rows, step))

    def _at_once(self) -> int:
        places = torch.get_num_threads() * min(2 * LONG, max(LONG, AT_ONCE // (self.matrix.groups * self.lines)))
        return max(1, places // self.grid.pitch)

    def currents(self, first: int, rows: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return currents and variances (g, t, o, places), and what is common to all outputs (g, t, places) or nothing.

        Parameters
        ----------
        first, rows : int
            The rows.

        Returns
        -------
        currents, variances, common : arrays
        """
        matrix, grid = self.matrix, self.grid
        groups, tiles = matrix.groups, matrix.column_tiles
        begins, ends, at = _stretches(first, rows, grid.pitch, grid.together)
        origin, count = first * grid.pitch, int(ends[-1]) - first * grid.pitch
        here = slice(origin, origin + count)
        beyond, cost = np.empty(len(at), np.int64), groups * matrix.inputs * LONG
        given = (
            self.x,
            begins - origin,
            ends - origin,
            grid.sources[at],
            grid.step,
            grid.lines,
            grid.group,
            self.top[here],
            self.finer[here],
            self.half,
            matrix.levels.numpy(),
        )
        parts = (*self.sums, *self.drives, self.common)
        current, variance, signal, noise, common = (
            part.ravel()[: part.size // part.shape[-1] * count].reshape(*part.shape[:-1], -1) if part.size else part
            for part in parts
        )
        if self.is_small:
            both = (self.difference[:, 0].numpy(), self.total[:, 0].numpy())
            sums = (current[:, 0], variance[:, 0])
            _share(kernels.multiply_places, len(at), cost, *given, *both, *sums, beyond)
        else:
            _share(kernels.drive_places, len(at), cost, *given, signal, noise, common, beyond)
            for states, drive, into in ((self.difference, signal, current), (self.total, noise, variance)):
                if drive.size:
                    by_tile = torch.from_numpy(drive).view(groups, tiles, matrix.columns, count)
                    torch.matmul(states.mT, by_tile, out=torch.from_numpy(into))
        _counted(matrix, 0, rows * grid.wide * groups * matrix.inputs, beyond)
        return current, variance, common
