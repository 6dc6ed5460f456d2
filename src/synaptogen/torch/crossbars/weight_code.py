"""What the cells of a weight hold: pairs or single cells with a reference, in one slice or in several."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from synaptogen.torch.config import AnalogConfig


@dataclass(frozen=True)
class WeightCode:
    """How weights over full scale, -1 to 1, become what lines of cells hold, which is in units of the window.

    A pair of cells holds -1 to 1, the difference of its cells. A single cell holds 0 to 1, and reference cells hold
    what cells of the weight 0 do. Contents are counted from there, so they are signed in both cases.

    Attributes
    ----------
    is_pair : bool
        Whether a weight, or a slice of one, is on two cells.
    has_cells : bool
        Whether references are cells; otherwise they are numbers of the digital side.
    most, base : int
        Largest magnitude of a weight in slices, and the number of values of a slice.
    counts : tuple of float
        What the content of each slice counts in a weight over full scale.
    zero : tuple of float
        What a single cell holds for the weight 0, for each slice.
    rows : int
        Lines of a tile that hold weights, a pair counting as one.
    """

    is_pair: bool
    has_cells: bool
    most: int
    base: int
    counts: tuple[float, ...]
    zero: tuple[float, ...]
    rows: int

    @classmethod
    def of(cls, config: AnalogConfig) -> Self:
        """Return that of a configuration."""
        is_pair, slices = config.weight_mapping == "differential-pair", config.weight_slices
        most = (1 << (config.weight_bits - 1)) - 1
        # single cells hold the sum of a weight and the largest one, which has a bit more
        base = 1 << -(-(config.weight_bits - is_pair) // slices)
        if slices > 1:
            counts = tuple(base**k * (base - 1) / most for k in range(slices))
            zero = tuple(most // base**k % base / (base - 1) for k in range(slices))
        else:
            counts, zero = ((1.0,), (0.5,)) if is_pair else ((2.0,), (0.5,))
        has_cells = config.weight_mapping == "offset-column"
        return cls(is_pair, has_cells, most, base, counts, zero, config.rows_of_tile)

    @property
    def slices(self) -> int:
        """Slices of a weight."""
        return len(self.counts)

    def references(self, lines: int) -> int:
        """Return the number of reference lines beside some lines with weights."""
        tiles = -(-lines // self.rows) if self.has_cells else 1
        return 0 if self.is_pair else tiles * self.slices

    def reference_of(self, lines: int) -> Tensor:
        """Return the number of the reference line of each line: that of its slice, in its tile, (lines,)."""
        line = torch.arange(lines)
        tile = torch.div(line, self.rows, rounding_mode="floor") if self.has_cells else torch.zeros_like(line)
        return tile * self.slices + line % self.slices

    def references_hold(self, lines: int) -> Tensor:
        """Return what cells of reference lines hold, (reference lines, 1)."""
        return torch.tensor(self.zero).repeat(self.references(lines) // self.slices).unsqueeze(1)

    def contents(self, scaled: Tensor) -> Tensor:
        """Return what lines hold for weights.

        Parameters
        ----------
        scaled : tensor of shape (groups, outputs, inputs)
            Weights over full scale, -1 to 1.

        Returns
        -------
        tensor of shape (groups, outputs * slices, inputs)
        """
        if self.slices == 1:
            return scaled if self.is_pair else scaled / 2
        number = (scaled.clamp(-1.0, 1.0) * self.most).round()
        if self.is_pair:
            rest, sign, zero = number.abs(), number.sign(), (0.0,) * self.slices
        else:
            rest, sign, zero = number + self.most, torch.ones_like(number), self.zero
        found = []
        for less in zero:
            digit = rest % self.base
            rest = (rest - digit) / self.base
            found.append(sign * digit / (self.base - 1) - less)
        return torch.stack(found, 2).flatten(1, 2)

    def levels(self, contents: Tensor) -> Tensor:
        """Return contents in the range of what cells can hold: of pairs -1 to 1, of single cells 0 to 1.

        Parameters
        ----------
        contents : tensor of shape (groups, outputs * slices, inputs)

        Returns
        -------
        tensor of the same shape
        """
        if self.is_pair:
            return contents
        zero = torch.tensor(self.zero).to(contents).repeat(contents.shape[-2] // self.slices)
        return contents + zero.unsqueeze(-1)
