"""Indices of an array: views of some of its cells."""

from collections.abc import Iterator
from typing import Self

from .in_memory import CellsInMemory
from .indexing import Index, select_positions


class Views(CellsInMemory):
    """Methods of `CellArray` that return views: arrays of the same cells."""

    def __getitem__(self, key: Index) -> Self:
        """Return a view of some cells: a voltage applied to the view is applied to these cells of the array.

        Parameters
        ----------
        key : index as for a NumPy array
            Ints, slices, an ellipsis, None, arrays of int or bool, or a tuple of these.

        Returns
        -------
        CellArray
            The same cells, not copies.

        Raises
        ------
        IndexError
            If the index selects cells that do not exist, none at all, or one of them twice.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> cells[0].apply_voltage(-2.0)
        >>> cells.mode
        array([[1, 1, 1],
               [2, 2, 2]], dtype=uint8)
        """
        positions = select_positions(self.shape, key)
        return self.from_state(self.state.take(positions.ravel()), positions.shape)

    def __iter__(self) -> Iterator[Self]:
        for k in range(len(self)):
            yield self[k]

    def ravel(self) -> Self:
        """Return a view of the same cells with one axis.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.CellArray((2, 3), rng=7).ravel().shape
        (6,)
        """
        return self.from_state(self.state.alias(), (self.size,))
