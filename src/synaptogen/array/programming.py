"""What changes the cells of an array: pulses, sweeps, cycles and time."""

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import RealArray, checks
from synaptogen.state import Features, pulse_widths
from synaptogen.wires import Wires, apply_through_lines

from .common import FAR, checked_wait
from .copying import Copying
from .inspection import Inspection
from .views import Views


class Programming(Views, Inspection, Copying):
    """Methods of `CellArray` that apply voltages or let time pass."""

    def apply_voltage(
        self,
        u: ArrayLike,
        *,
        where: ArrayLike | None = None,
        wires: Wires | None = None,
        width: float | None = None,
    ) -> None:
        """Apply a voltage to each cell: a pulse, or one point of a sweep.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`
            Voltages in V. Zero changes nothing.
        where : array of bool that broadcasts to `shape`, optional
            Apply the voltage to these cells only; default: to all.
        wires : Wires, optional
            Apply the voltages through the lines of a crossbar, all of them driven: u[i, j] = columns[j] - rows[i]. The
            wires take a part of the voltage. The voltages across the cells are solved again after cells have switched,
            until no more cells switch; a warning is given if that does not end. Default: ideal wires.
        width : float, optional
            Width of the pulse in s: the voltage acts as `DeviceParams.pulse_width` says (docs/time.md), and the clock
            of the whole array moves on before cells change. Default: the pulse acts as one of the width for which the
            thresholds hold, and takes no time.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the cells know no such width; with ``wires``, if
            ``where`` is given too or ``u`` is no such difference. No cell has changed then.
        NotConvergedError
            With ``wires``, if their tolerance cannot be reached; cells may have changed.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> cells.apply_voltage(-2.0)  # SET
        >>> cells.apply_voltage(1.1, where=[True, False, True])  # partial RESET of two columns
        >>> cells.mode  # 0: partly reset, 1: LRS
        array([[0, 1, 0],
               [0, 1, 0]], dtype=uint8)
        """
        widths = None if width is None else pulse_widths("width", width, self.params, 1)
        if wires is not None:
            if not isinstance(wires, Wires):
                raise TypeError(f"wires is a {type(wires).__name__}: give a synaptogen.crossbar.Wires, or None")
            if where is not None:
                raise ValueError("where cannot be combined with wires: every cell is on lines, and sees their voltages")
            with self.state.guard.changing(steps=True):
                return apply_through_lines(self, u, wires, None if widths is None else float(widths[0]))
        voltage = checks.voltages("u", u, self.shape, self.state.engine.dtype)
        mask = None if where is None else checks.mask("where", where, self.shape)
        if widths is not None:
            return self.state.apply_pulses(voltage[None], widths, mask)
        return self.state.apply(voltage[None], mask)

    def apply_voltages(
        self, pulses: ArrayLike, *, where: ArrayLike | None = None, width: ArrayLike | None = None
    ) -> None:
        """Apply K voltages one after the other, in one pass over memory.

        The result is that of K calls of `apply_voltage`, in less time.

        Parameters
        ----------
        pulses : array of shape (K,) or (K, ...) with axes that broadcast to `shape`
            Voltages in V.
        where : array of bool that broadcasts to `shape`, optional
            Apply them to these cells only; default: to all.
        width : float or array of shape (K,), optional
            Width of the pulses in s, or of each; see `apply_voltage`. Where cells fluctuate, this takes as many passes
            as there are pulses.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the cells know no such width. No cell has changed then.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=1)
        >>> cells.apply_voltages([-2.0, 1.2, 2.0])  # SET, partial RESET, full RESET
        >>> cells.mode  # 2: HRS
        array([2, 2, 2], dtype=uint8)
        """
        voltages = checks.pulses("pulses", pulses, self.shape, self.state.engine.dtype)
        mask = None if where is None else checks.mask("where", where, self.shape)
        if width is not None:
            return self.state.apply_pulses(voltages, pulse_widths("width", width, self.params, len(voltages)), mask)
        return self.state.apply(voltages, mask)

    def sweep(self, waveform: ArrayLike, *, noise: bool = False, width: ArrayLike | None = None) -> RealArray:
        """Apply a waveform and record the current at each of its points, as in the measurement of an I-V curve.

        Parameters
        ----------
        waveform : array of shape (T,) or (T, ...) with axes that broadcast to `shape`
            Voltages in V.
        noise : bool
            Add the noise of a read to each current.
        width : float or array of shape (T,), optional
            Take each point as a pulse of this width in s, or each of its own; see `apply_voltage`. Currents are those
            at the voltages of the waveform. Takes one pass a point. Default: the points are those of a ramp for which
            the thresholds hold.

        Returns
        -------
        array of shape (T, *shape)
            Currents in A.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the cells know no such width. No cell has changed then.
        MemoryError
            If the currents would not fit into memory. No cell has changed then.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=1)
        >>> currents = cells.sweep(np.linspace(0.0, -2.0, 5))
        >>> (1e6 * currents).round(0)  # microamperes; all cells set before -1 V
        array([[   0.,    0.,    0.],
               [  -4.,   -9.,  -13.],
               [-161., -158., -158.],
               [-176., -175., -174.],
               [-255., -254., -254.]], dtype=float32)
        """
        voltages = checks.pulses("waveform", waveform, self.shape, self.state.engine.dtype)
        bandwidth = self.bandwidth if checks.flag("noise", noise) else 0.0
        widths = None if width is None else pulse_widths("width", width, self.params, len(voltages))
        self._require_results(
            len(voltages), self.dtype.itemsize, "sweep fewer points, or parts of the array one after the other"
        )
        if widths is not None:
            return self.state.sweep_pulses(voltages, widths, bandwidth).reshape(len(voltages), *self.shape)
        return self.state.sweep(voltages, bandwidth).reshape(len(voltages), *self.shape)

    def run_cycles(self, count: int) -> Features:
        """Run every cell through complete cycles of SET and full RESET, and return the features of each.

        Parameters
        ----------
        count : int
            Number of cycles, at least 1.

        Returns
        -------
        Features
            Four arrays of shape (count, *shape).

        Raises
        ------
        ValueError
            If ``count`` is less than 1.
        MemoryError
            If the features would not fit into memory. No cell has changed then.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(100, rng=7)
        >>> features = cells.run_cycles(50)
        >>> features.r_hrs.shape
        (50, 100)
        >>> bool((features.r_hrs > features.r_lrs).mean() > 0.9)
        True
        """
        count = checks.positive_int("count", count)
        self._require_results(
            len(Features._fields) * count,
            self.dtype.itemsize,
            "run fewer cycles, or parts of the array one after the other",
        )
        cycles = []
        with self.state.guard.changing(steps=True):
            for _ in range(count):
                self.apply_voltages([-FAR, FAR])
                cycles.append(self.features)
        return Features(*(np.stack(feature) for feature in zip(*cycles, strict=True)))

    def upcoming(self, count: int) -> Features:
        """Return the features of the next cycles; no cell changes.

        The features of all cycles are fixed by the seed. Voltages determine when a cycle begins, not its features.

        Parameters
        ----------
        count : int
            Number of cycles, at least 1.

        Returns
        -------
        Features
            Four arrays of shape (count, *shape).

        Raises
        ------
        ValueError
            If ``count`` is less than 1.
        MemoryError
            If a copy of the cells, or the features, would not fit into memory.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> future = cells.upcoming(2)
        >>> future.u_set.round(2)  # V
        array([[-0.62, -0.63, -0.75],
               [-0.64, -0.7 , -0.66]], dtype=float32)
        >>> np.array_equal(cells.run_cycles(2).u_set, future.u_set)
        True
        """
        return self.copy().run_cycles(count)

    def wait(self, seconds: float, temperature: float | None = None) -> None:
        """Let time pass: conductances relax and fluctuate as the parameter set says (docs/time.md).

        The state afterwards does not depend on how a wait is divided. Where the parameter set says nothing about time
        (`DeviceParams.with_fluctuation`), cells stand still and only the clock moves.

        Parameters
        ----------
        seconds : float
            How long, counted in whole nanoseconds.
        temperature : float, optional
            Temperature in K meanwhile, at which time counts as the activation energy says. Default: that for which the
            parameters hold.

        Raises
        ------
        ValueError
            If the cells are some of a larger array, whose time passes as a whole; or if an argument is not of the kind
            described.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> params = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
        >>> cells = sg.CellArray(1000, params, rng=7)
        >>> before = cells.conductance()
        >>> cells.wait(3600)
        >>> change = abs(cells.conductance() / before - 1)
        >>> cells.time, bool(0.03 < np.median(change) < 0.3)
        (3600.0, True)
        """
        ticks, temperature = checked_wait(seconds, temperature)
        if self.state.positions is not None:
            raise ValueError(
                f"wait cannot be called on a view of some of {self.state.engine.cells.size} cells: time passes for all "
                "of them. Call it on the whole array, or on a copy() of these cells"
            )
        self.state.wait(ticks, temperature)
