"""A matrix that is larger than a crossbar: tiles, each with converters of its own, and sums in digital."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import AnyArray, checks

from .converters import ADC, DAC, Counting

if TYPE_CHECKING:
    from synaptogen.array import CellArray


class Tiles:
    """A crossbar cut into tiles of one size. Partial products of the tiles are converted and added up in digital.

    The tiles are views: the cells stay those of the array, and may be programmed there.

    Parameters
    ----------
    cells : CellArray of shape (rows, columns)
    tile : tuple of int
        Rows and columns of a tile. The last tiles of rows and columns may be used in part.
    dac : DAC, optional
        Converter of input voltages, the same for all lines; default: none.

    Raises
    ------
    ValueError, TypeError
        If the cells are not a crossbar, or the size is not of that kind.
    """

    __array_ufunc__ = None  # `array @ tiles` is ours

    def __init__(self, cells: "CellArray", tile: tuple[int, int] = (128, 128), *, dac: DAC | None = None) -> None:
        rows, columns = checks.crossbar(cells.shape)
        self.cells, self.tile, self.dac = cells, checks.crossbar(checks.shape(tile)), dac
        self._cuts = [_cuts(rows, self.tile[0]), _cuts(columns, self.tile[1])]
        self._views = [[cells[i, j] for j in self._cuts[1]] for i in self._cuts[0]]
        self._adcs: dict[bool, list[list[Counting]]] = {}  # of rows, and of columns where transposed

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole matrix."""
        return self.cells.shape

    @property
    def grid(self) -> tuple[int, int]:
        """Number of tiles down and across."""
        return len(self._cuts[0]), len(self._cuts[1])

    @property
    def utilisation(self) -> float:
        """Share of the tiles' cells that the matrix uses."""
        return self.cells.size / float(np.prod(self.grid) * np.prod(self.tile))

    def __getitem__(self, place: tuple[int, int]) -> "CellArray":
        """The cells of a tile, by its place in the grid."""
        return self._views[place[0]][place[1]]

    def __repr__(self) -> str:
        down, across = self.grid
        adcs = ", ".join(
            f"{adcs[0][0].converter.bits}-bit ADCs of {'columns' if transpose else 'rows'}"
            for transpose, adcs in sorted(self._adcs.items())
        )
        return (
            f"Tiles({down} x {across} of {self.tile[0]} x {self.tile[1]} cells, {100 * self.utilisation:.3g} % used, "
            f"{adcs or 'no ADCs'}, {f'{self.dac.bits}-bit DACs' if self.dac else 'no DACs'}, {self.cells!r})"
        )

    def product(self, v: ArrayLike, *, transpose: bool = False, **options: Any) -> NDArray[np.float64]:
        """Currents in A of all lines, as of `CellArray.product`, added up over tiles.

        Without converters and noise this is the product of the whole array, to single precision.

        Parameters
        ----------
        v, transpose
            As of `CellArray.product`.
        **options
            Handed to `CellArray.product` for each tile: ``bandwidth`` and what else it takes.

        Raises
        ------
        ValueError
            As `CellArray.product`.
        """
        vectors = checks.vectors(v, self.cells.shape, transpose, self.cells.dtype.type)  # (batch, inputs)
        inputs = vectors if self.dac is None else self.dac(vectors)
        outputs = np.zeros((len(vectors), self.shape[1 if transpose else 0]))
        adcs = self._adcs.get(transpose)
        for (i, j), out, partial in self._partials(inputs, transpose, options):
            outputs[:, out] += partial if adcs is None else adcs[i][j](partial)
        shaped = outputs if transpose else outputs.T
        return shaped.reshape(-1) if np.ndim(v) == 1 else np.ascontiguousarray(shaped)

    def __matmul__(self, v: ArrayLike) -> NDArray[np.float64]:
        return self.product(v)

    def __rmatmul__(self, v: ArrayLike) -> NDArray[np.float64]:
        return self.product(v, transpose=True)

    def _partials(
        self, inputs: AnyArray, transpose: bool, options: dict[str, Any]
    ) -> Iterator[tuple[tuple[int, int], slice, AnyArray]]:
        """Place, lines and currents (batch, lines) of each tile."""
        for i, rows in enumerate(self._cuts[0]):
            for j, columns in enumerate(self._cuts[1]):
                into, out = (rows, columns) if transpose else (columns, rows)
                part = inputs[:, into]
                if transpose:
                    yield (i, j), out, self[i, j].product(part, transpose=True, **options)
                else:
                    yield (i, j), out, self[i, j].product(part.T, **options).T

    # ---- converters

    def calibrate(
        self, inputs: ArrayLike, bits: int, *, coverage: float = 1.0, transpose: bool = False, **options: Any
    ) -> None:
        """Give each tile an ADC whose range is that of its currents for typical inputs; counts begin anew.

        Parameters
        ----------
        inputs : array
            A batch of vectors, as `product` takes.
        bits : int
            Resolution.
        coverage : float
            Share of the currents of each tile that its range holds.
        transpose : bool
            ADCs of the columns rather than the rows.
        **options
            Handed to `CellArray.product`.

        Raises
        ------
        ValueError
            If the inputs do not fit, or a tile has the same current for all of them.
        """
        vectors = checks.vectors(inputs, self.cells.shape, transpose, self.cells.dtype.type)
        driven = vectors if self.dac is None else self.dac(vectors)
        made: list[list[Counting]] = [[] for _ in self._cuts[0]]
        for (i, _), _, partial in self._partials(driven, transpose, {"bandwidth": 0.0, **options}):
            made[i].append(Counting(ADC.calibrated(bits, partial, coverage)))
        self._adcs[transpose] = made

    def adc(self, place: tuple[int, int], *, transpose: bool = False) -> ADC | None:
        """The ADC of the rows, or columns, of a tile; None before `calibrate`."""
        adcs = self._adcs.get(transpose)
        found = None if adcs is None else adcs[place[0]][place[1]].converter
        return found if isinstance(found, ADC) else None

    def saturated(self, *, transpose: bool = False) -> NDArray[np.int64]:
        """How many currents of each tile were beyond the range of its ADC since it was calibrated, shape `grid`."""
        return self._counts("saturated", transpose)

    def converted(self, *, transpose: bool = False) -> NDArray[np.int64]:
        """How many currents of each tile were converted since it was calibrated, shape `grid`."""
        return self._counts("converted", transpose)

    def _counts(self, name: str, transpose: bool) -> NDArray[np.int64]:
        adcs = self._adcs.get(transpose)
        if adcs is None:
            return np.zeros(self.grid, np.int64)
        return np.array([[getattr(adc, name) for adc in line] for line in adcs], np.int64)


def _cuts(length: int, size: int) -> list[slice]:
    """Slices of at most ``size``."""
    return [slice(begin, min(begin + size, length)) for begin in range(0, length, size)]
