"""The hidden state of an array: mixing states, modes, features and devices, as copies."""

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import RealArray
from synaptogen.engines import FIELDS
from synaptogen.model import U_NEVER, cycle, is_limited, iv
from synaptogen.state import Features, modes_of

from .in_memory import CellsInMemory


class Inspection(CellsInMemory):
    """Methods of `CellArray` that return what a measurement does not show directly."""

    @property
    def r(self) -> RealArray:
        """Mixing states, of shape `shape`: 0 at the lowest LRS, towards 1 at the highest HRS.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> cells.r.round(2)
        array([0.8 , 0.85, 0.84], dtype=float32)
        """
        return self.state.mixing().reshape(self.shape)

    @property
    def mode(self) -> NDArray[np.uint8]:
        """Modes of shape `shape`, as numbers of `Mode`: 0 partly reset, 1 LRS, 2 HRS.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> cells.mode
        array([2, 2, 2], dtype=uint8)
        >>> cells.apply_voltage(-2.0)
        >>> cells.mode == sg.Mode.LRS
        array([ True,  True,  True])
        """
        return modes_of(self._status())

    @property
    def cycle(self) -> NDArray[np.uint32]:
        """Numbers of the running cycles, of shape `shape`; a cycle begins with the RESET of a cell in its LRS.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> cells.apply_voltages([-2.0, 2.0] * 4)
        >>> cells.cycle
        array([4, 4, 4], dtype=uint32)
        """
        return np.asarray(cycle(self._status()))

    @property
    def features(self) -> Features:
        """Features of the running cycles, four arrays of shape `shape`.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.CellArray(3, rng=7).features.u_set.round(2)  # V
        array([-0.57, -0.74, -0.7 ], dtype=float32)
        """
        p, fields = self.state.constants, self.state.fields()
        values = dict(zip(FIELDS, fields.astype(float), strict=True))
        for name in ("r_hrs", "r_lrs"):
            values[name] = iv.resistance_from_mixing(values[name], p)
        kind = self.state.engine.dtype
        return Features(*(values[name].astype(kind).reshape(self.shape) for name in Features._fields))

    @property
    def device(self) -> RealArray:
        """Device vectors of shape (8, *shape), as drawn: the offset mu of each feature, then the scale sigma of each.

        Features in this order: log10 of r_hrs in ohm, u_set in V, r_lrs in ohm, u_reset in V.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.CellArray(3, rng=7).device[1].round(2)  # offsets of U_SET, V
        array([-0.66, -0.67, -0.69], dtype=float32)
        """
        return self.state.device().reshape(8, *self.shape)

    @property
    def component(self) -> NDArray[np.uint8]:
        """Numbers, of shape `shape`, of the components of the population that cells were drawn from.

        They identify outliers where the population has a component for them.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.CellArray(3, rng=7).component
        array([1, 0, 0], dtype=uint8)
        """
        return self.state.components().reshape(self.shape)

    def limited(self) -> np.int64:
        """Return the number of cells with a feature of the running cycle that was clipped to physical bounds.

        Examples
        --------
        >>> import synaptogen as sg
        >>> int(sg.CellArray((100, 100), rng=7).limited()) < 100
        True
        """
        return np.int64(np.count_nonzero(is_limited(self._status())))

    def worn(self) -> np.int64:
        """Return the number of cells that have failed for good: they stay in their LRS or HRS (`Wear`).

        Their U_SET or U_RESET in `features` is out of reach, -1e12 or 1e12 V. One that is to stay in its LRS gets there
        by its next SET.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(100, sg.DeviceParams.preset("hennen2024").with_wear(10, lrs=1.0), rng=7)
        >>> _ = cells.run_cycles(100)
        >>> int(cells.worn())
        100
        """
        features = self.features
        return np.int64(np.count_nonzero((features.u_set <= -U_NEVER) | (features.u_reset >= U_NEVER)))

    def _status(self) -> NDArray[np.uint32]:
        return self.state.status().reshape(self.shape)
