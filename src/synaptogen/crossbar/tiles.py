"""A matrix that is larger than one crossbar: tiles with their own converters, and digital sums."""

from collections.abc import Iterator
from typing import Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import AnyArray, Float64Array, IntArray, checks
from synaptogen.array import CellArray
from synaptogen.wires import Wires

from .converters import ADC, DAC, CountingConverter


class ProductOptions(TypedDict, total=False):
    """Further arguments of `CellArray.product`."""

    bandwidth: float | None
    wires: Wires | None


class Tiles:
    """A crossbar cut into tiles of one size. Partial products of the tiles are converted and summed digitally.

    The tiles are views: the cells stay those of the array and can be programmed there.

    Parameters
    ----------
    cells : CellArray of shape (rows, columns)
        The whole matrix.
    tile : (int, int)
        Rows and columns of a tile. The last tile of a row or column may be used in part.
    dac : DAC, optional
        Converter of input voltages, the same for all lines; default: none.

    Raises
    ------
    ValueError, TypeError
        If the cells have no two axes, or the size is no pair of ints of at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> from synaptogen.crossbar import Tiles
    >>> tiles = Tiles(sg.CellArray((6, 5), rng=1), tile=(4, 4))
    >>> tiles.grid, round(tiles.utilisation, 3)
    ((2, 2), 0.469)
    >>> inputs = np.random.default_rng(1).uniform(0.0, 0.2, (5, 50))
    >>> tiles.calibrate(inputs, bits=8)
    >>> (tiles @ inputs).shape
    (6, 50)
    >>> tiles.converted().tolist()
    [[200, 200], [100, 100]]
    """

    __array_ufunc__ = None  # so that `array @ tiles` calls __rmatmul__

    def __init__(self, cells: CellArray, tile: tuple[int, int] = (128, 128), *, dac: DAC | None = None) -> None:
        rows, columns = checks.crossbar(cells.shape)
        self.cells, self.tile, self.dac = cells, checks.crossbar(checks.shape(tile)), dac
        self._cuts = [_cuts(rows, self.tile[0]), _cuts(columns, self.tile[1])]
        self._views = [[cells[i, j] for j in self._cuts[1]] for i in self._cuts[0]]
        self._adcs: dict[bool, list[list[CountingConverter]]] = {}  # of rows, and of columns where transposed

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole matrix."""
        return self.cells.shape

    @property
    def grid(self) -> tuple[int, int]:
        """Number of tiles along rows and along columns."""
        return len(self._cuts[0]), len(self._cuts[1])

    @property
    def utilisation(self) -> float:
        """Share of the tiles' cells that the matrix uses."""
        return self.cells.size / float(np.prod(self.grid) * np.prod(self.tile))

    def __getitem__(self, place: tuple[int, int]) -> CellArray:
        """Return the cells of a tile by its place in the grid."""
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

    def product(self, v: ArrayLike, *, transpose: bool = False, **options: Unpack[ProductOptions]) -> Float64Array:
        """Compute the currents of all lines, summed over tiles.

        Without converters and noise this is the product of the whole array, to single precision.

        Parameters
        ----------
        v : array of shape (inputs,) or (columns, batch); with ``transpose`` (inputs,) or (batch, rows)
            Voltages in V, as for `CellArray.product`.
        transpose : bool
            Drive rows and sense columns.
        **options
            Further arguments of `CellArray.product` for each tile: ``bandwidth``, ``wires``.

        Returns
        -------
        array of shape (outputs,), (rows, batch) or with ``transpose`` (batch, columns)
            Currents in A.

        Raises
        ------
        ValueError
            If the shape of ``v`` does not fit, or a voltage is not finite.
        """
        vectors = checks.vectors(v, self.cells.shape, transpose, self.cells.dtype.type)  # (batch, inputs)
        inputs = vectors if self.dac is None else self.dac(vectors)
        outputs = np.zeros((len(vectors), self.shape[1 if transpose else 0]))
        adcs = self._adcs.get(transpose)
        for (i, j), out, partial in self._partials(inputs, transpose, options):
            outputs[:, out] += partial if adcs is None else adcs[i][j](partial)
        shaped = outputs if transpose else outputs.T
        return shaped.reshape(-1) if np.ndim(v) == 1 else np.ascontiguousarray(shaped)

    def __matmul__(self, v: ArrayLike) -> Float64Array:
        return self.product(v)

    def __rmatmul__(self, v: ArrayLike) -> Float64Array:
        return self.product(v, transpose=True)

    def _partials(
        self, inputs: AnyArray, transpose: bool, options: ProductOptions
    ) -> Iterator[tuple[tuple[int, int], slice, AnyArray]]:
        """Generate the place, the lines and the currents in A (batch, lines) of each tile."""
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
        self,
        inputs: ArrayLike,
        bits: int,
        *,
        coverage: float = 1.0,
        transpose: bool = False,
        **options: Unpack[ProductOptions],
    ) -> None:
        """Give each tile an ADC whose range is that of its currents for typical inputs, and reset its counts.

        Parameters
        ----------
        inputs : array
            A batch of voltages in V, as for `product`.
        bits : int
            Resolution of the ADCs.
        coverage : float
            Share of the currents of each tile that its range holds.
        transpose : bool
            Calibrate the ADCs of columns instead of those of rows.
        **options
            Further arguments of `CellArray.product`; the bandwidth is 0 by default.

        Raises
        ------
        ValueError
            If the inputs do not fit, or a tile has the same current for all of them.
        """
        vectors = checks.vectors(inputs, self.cells.shape, transpose, self.cells.dtype.type)
        driven = vectors if self.dac is None else self.dac(vectors)
        made: list[list[CountingConverter]] = [[] for _ in self._cuts[0]]
        for (i, _), _, partial in self._partials(driven, transpose, {"bandwidth": 0.0, **options}):
            made[i].append(CountingConverter(ADC.calibrated(bits, partial, coverage)))
        self._adcs[transpose] = made

    def adc(self, place: tuple[int, int], *, transpose: bool = False) -> ADC | None:
        """Return the ADC of a tile, or None before `calibrate`.

        Parameters
        ----------
        place : (int, int)
            Place of the tile in the grid.
        transpose : bool
            The ADC of columns instead of that of rows.

        Returns
        -------
        ADC or None
        """
        adcs = self._adcs.get(transpose)
        found = None if adcs is None else adcs[place[0]][place[1]].converter
        return found if isinstance(found, ADC) else None

    def saturated(self, *, transpose: bool = False) -> IntArray:
        """Return the number of currents of each tile outside the range of its ADC since calibration, shape `grid`."""
        return self._counts("saturated", transpose)

    def converted(self, *, transpose: bool = False) -> IntArray:
        """Return the number of currents of each tile that were converted since calibration, shape `grid`."""
        return self._counts("converted", transpose)

    def _counts(self, name: Literal["converted", "saturated"], transpose: bool) -> IntArray:
        adcs = self._adcs.get(transpose)
        if adcs is None:
            return np.zeros(self.grid, np.int64)
        return np.array([[getattr(adc, name) for adc in line] for line in adcs], np.int64)


def _cuts(length: int, size: int) -> list[slice]:
    """Cut a length into slices of at most ``size``."""
    return [slice(begin, min(begin + size, length)) for begin in range(0, length, size)]
