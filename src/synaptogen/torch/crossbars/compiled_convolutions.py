"""Convolutions of images by compiled loops and torch's kernels, without laying patches out as vectors."""

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from . import kernels
from .compiled_reads import NO_KEY, NONE, Readable, add_counts, half_levels, next_key, run_kernel
from .noisy_kernels import LINES, noisy_kernels

SMALL, FEW_LEVELS = 2, 256  # outputs of a group, and levels of inputs above 0, for which products are looked up
AT_ONCE = 1 << 19  # entries of lines that are laid out at once for each thread
OUTPUTS_AT_ONCE = 1 << 19
LONG = 1024  # places of a stretch, about
NONE_3 = np.zeros((0, 0, 0), np.float32)


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
    has_noise, half = bool(config.bandwidth), half_levels(config.adc_bits)
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
    key = next_key(matrix) if has_noise else NO_KEY
    out = torch.empty(len(x), groups * outputs, grid.rows * grid.wide // len(x))
    beyond = np.empty(groups * outputs, np.int64)
    for first, rows in reading.pieces():
        run_kernel(
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
            add_counts(matrix, 2, groups * tiles * outputs * rows * grid.wide, beyond)
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
        run_kernel(
            kernels.drive_images,
            images * groups,
            by_group[0].numel(),
            by_group.numpy(),
            matrix.input_range.detach().numpy()[()],
            half_levels(matrix.config.dac_bits),
            matrix.levels.numpy(),
            _seen(sizes, self.geometry),
            signal.numpy(),
            noise.numpy(),
            common.numpy(),
            beyond,
        )
        add_counts(matrix, 0, images * self.planes * self.rows * self.pitch * groups * matrix.inputs, beyond)
        if not has_noise:
            return [signal.view(x.shape)], common
        return [signal.view(x.shape), noise.view(x.shape)], common.view(images, groups, *sizes)

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Yield the first row of places to read at a time, and how many."""
        of_image, lines = self.planes * self.rows, self.matrix.groups * self.matrix.outputs
        most = max(1, OUTPUTS_AT_ONCE // (lines * self.pitch))  # whatever the threads, since last bits may depend on it
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
        self.half, self.lines = half_levels(matrix.config.dac_bits), matrix.column_tiles * matrix.columns
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
            run_kernel(kernels.multiply_places, len(at), cost, *given, *both, *sums, beyond)
        else:
            run_kernel(kernels.drive_places, len(at), cost, *given, signal, noise, common, beyond)
            for states, drive, into in ((self.difference, signal, current), (self.total, noise, variance)):
                if drive.size:
                    by_tile = torch.from_numpy(drive).view(groups, tiles, matrix.columns, count)
                    torch.matmul(states.mT, by_tile, out=torch.from_numpy(into))
        add_counts(matrix, 0, rows * grid.wide * groups * matrix.inputs, beyond)
        return current, variance, common
