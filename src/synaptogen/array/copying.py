"""Copies of an array, in memory and on disk."""

from typing import Literal, Self

from synaptogen._utils import RNG, PathLike, checked
from synaptogen.io import save_state
from synaptogen.state import noise_offset

from .in_memory import CellsInMemory


class Copying(CellsInMemory):
    """Methods of `CellArray` that copy or save the cells."""

    def copy(self, *, reads: RNG | Literal["same"] = "same") -> Self:
        """Return a copy of the cells. Both arrays change independently, and respond alike to the same voltages.

        `copy.copy` and `copy.deepcopy` return such copies, too (of two views of one array in a list, `copy.deepcopy`
        makes two views of one copy).

        Parameters
        ----------
        reads : int, SeedSequence, Generator or None, optional
            Give the copy other noise of reads and products, as `reseed_reads` does. Default: its next read has the
            noise that the next read of the original has.

        Returns
        -------
        CellArray

        Raises
        ------
        MemoryError
            If the copy would not fit into memory.
        ValueError, TypeError
            If ``reads`` is none of these.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> twin, other = cells.copy(), cells.copy(reads=1)
        >>> twin.apply_voltage(-2.0)
        >>> cells.mode, twin.mode
        (array([2, 2, 2], dtype=uint8), array([1, 1, 1], dtype=uint8))
        >>> np.array_equal(cells.read(), other.read())
        False
        """
        offset = 0 if isinstance(reads, str) and reads == "same" else noise_offset(reads, "reads")
        other = self.from_state(self.state.copy(), self.shape)
        other.state.shift_noise(offset)
        return other

    def __copy__(self) -> Self:
        return self.copy()

    def reseed_reads(self, rng: RNG) -> None:
        """Give the reads and products of the cells other noise; voltages and cycles stay as they are.

        For copies, and for arrays in several processes, which would otherwise repeat the noise of each other. Views of
        these cells share their noise, so it changes for all of them.

        Parameters
        ----------
        rng : int, SeedSequence, Generator or None
            Which noise. The same int gives the same. Of n successive ints, at most 75,000, each has at least
            2**32 / (3 n) reads before any read repeats the noise of another. None takes a fresh one.

        Raises
        ------
        ValueError, TypeError
            If ``rng`` is none of these.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> workers = [cells.copy() for _ in range(4)]
        >>> for number, worker in enumerate(workers):
        ...     worker.reseed_reads(number)
        >>> len(np.unique([worker.read() for worker in workers], axis=0))
        4
        """
        self.state.shift_noise(noise_offset(rng))

    @checked
    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the array as a zarr directory, from which `synaptogen.load` restores the exact state.

        The directory is written beside its place and renamed, so that a crash leaves what was there before. Needs the
        extra ``zarr``.

        Parameters
        ----------
        path : path
            Directory to make.
        overwrite : bool
            Replace a saved array that is at ``path``; other files and folders are never replaced.

        Raises
        ------
        FileExistsError
            If there is something at ``path`` and ``overwrite`` is not given.
        FileNotFoundError
            If the folder of ``path`` is missing.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> cells.apply_voltage(-2.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cells.save(f"{folder}/cells.zarr")
        ...     again = sg.load(f"{folder}/cells.zarr")
        >>> np.array_equal(cells.r, again.r)
        True
        """
        with self.state.guard.lock:
            self.state.guard.check()
            save_state(self.state, self.shape, path, overwrite=overwrite)
