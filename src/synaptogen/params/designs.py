"""Copies of parameter sets with a part changed: what designers ask for, and parts that were learned elsewhere."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import checked

from .ageing import Trend, Wear
from .feature_scale import FeatureScale
from .fluctuation import FluctuationParams, as_fluctuation
from .history import History, autocorrelation_error, balanced_truncation, yule_walker
from .own_law import OwnShapes, RestlessInnovation
from .population import Population
from .pulse_width import PulseWidthParams, as_pulse_width
from .record import Record
from .what_if import with_spread, with_stuck


class Changes(TypedDict, total=False):
    """Arguments of `DeviceParams`, any of them."""

    name: str
    quantile: ArrayLike
    history: History
    population: Population
    llrs: ArrayLike
    hhrs: ArrayLike
    u_max: float
    u_read: float
    eta: float
    u_range: float | None
    stretch: ArrayLike | None
    source: Mapping[str, str]
    scales: Sequence[FeatureScale]
    own: OwnShapes | None
    restless: RestlessInnovation | None
    fluctuation: FluctuationParams | None
    pulse_width: PulseWidthParams | None
    trend: Trend | None
    wear: Wear | None


class Designs(Record):
    """The methods of `DeviceParams` that return a copy with a part changed."""

    history: History
    population: Population
    scales: tuple[FeatureScale, ...]
    source: Mapping[str, str]

    def _arguments(self) -> dict[str, Any]:
        """Return the arguments that make an equal set."""
        raise NotImplementedError

    def replace(self, **changes: Unpack[Changes]) -> Self:
        """Return a copy with some arguments changed; ``u_range`` is derived again unless it was given.

        Parameters
        ----------
        **changes
            Arguments of the constructor.

        Returns
        -------
        DeviceParams

        Raises
        ------
        ValueError
            As the constructor.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.DeviceParams.preset("hennen2024").replace(u_read=0.1).u_read
        0.1
        """
        return type(self)(**{**self._arguments(), **changes})

    @checked
    def with_order(self, q: int) -> Self:
        """Return the set with a VAR of another order, which has the same autocovariances up to that lag (Yule-Walker).

        Parameters
        ----------
        q : int
            Order of the VAR.

        Returns
        -------
        DeviceParams

        Raises
        ------
        ValueError
            If q is less than 1, or above the order of the VAR that the set has: its further lags are 0.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.DeviceParams.preset("hennen2024").with_order(3).history
        VAR(3)
        """
        if self.history.kind == "var" and q == self.history.order:
            return self
        if self.history.kind == "var" and q > self.history.order:
            raise ValueError(
                f"q must be at most {self.history.order}, the order of {self!r}, not {q}: its further lags are 0"
            )
        if q < 1:
            raise ValueError(f"q must be 1 or more, not {q}: the lowest order is 1")
        history = yule_walker(self.history.autocovariance(q), q)
        return self.replace(
            history=history, source={**self.source, "order": f"{q} by Yule-Walker from {self.history!r}"}
        )

    @checked
    def compact(self, q: int = 8) -> Self:
        """Return the set with a compact history, by balanced truncation.

        Its states are in the basis of `StateSpace.quasi_triangular`. ``source["compact"]`` states the error of the
        autocorrelation.

        Parameters
        ----------
        q : int
            Number of states.

        Returns
        -------
        DeviceParams

        Raises
        ------
        ValueError
            If q is less than 1, or more than the number of states that the history makes use of.

        Examples
        --------
        >>> import synaptogen as sg
        >>> params = sg.DeviceParams.preset("hennen2024").compact(8)
        >>> params.history
        compact(8)
        >>> params.source["compact"]
        '8 states by balanced truncation of VAR(10); worst autocorrelation error to lag 200: 0.023'
        """
        history = balanced_truncation(self.history, q).quasi_triangular()
        note = (
            f"{q} states by balanced truncation of {self.history!r}; worst autocorrelation error to lag 200: "
            f"{autocorrelation_error(self.history, history):.3f}"
        )
        return self.replace(history=history, source={**self.source, "compact": note})

    @checked
    def with_spread(self, factor: float) -> Self:
        """Return the set with devices that differ more, or less, about the same mean.

        The components of the population move towards its mean, or away from it, and their covariances change, so that
        every deviation from the mean is multiplied.

        Parameters
        ----------
        factor : float
            Factor of all deviations, above 0 and at most 100.

        Returns
        -------
        DeviceParams

        Raises
        ------
        ValueError
            If the factor is out of range, or the set would have no sound population.

        Examples
        --------
        >>> import synaptogen as sg
        >>> params = sg.DeviceParams.preset("hennen2024").with_spread(0.5)
        >>> wide, narrow = (sg.CellArray(2000, p, rng=1).device[1].std() for p in ("hennen2024", params))
        >>> float(narrow / wide).__round__(2)
        0.5
        """
        return self.replace(population=with_spread(self.population, factor))

    @checked
    def with_stuck(self, *, lrs: float = 0.0, hrs: float = 0.0) -> Self:
        """Return the set with shares of devices that are stuck, from their first cycle on.

        A stuck device never switches: its thresholds are out of reach. One that is stuck in the HRS has the R_HRS that
        it would have; one that is stuck in the LRS has its R_LRS, in mode HRS.

        Parameters
        ----------
        lrs, hrs : float
            Shares of all devices, from 0 to 1, with a sum below 1.

        Returns
        -------
        DeviceParams

        Raises
        ------
        ValueError
            If the shares are out of range.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(1000, sg.DeviceParams.preset("hennen2024").with_stuck(hrs=0.1), rng=1)
        >>> cells.apply_voltage(-5.0)
        >>> int((cells.mode == sg.Mode.HRS).sum())
        90
        """
        return self.replace(population=with_stuck(self.population, self.scales, lrs, hrs))

    @checked
    def with_fluctuation(self, fluctuation: str | FluctuationParams | None) -> Self:
        """Return the set with what its cells do between pulses, which may have been learned from other cells.

        Parameters
        ----------
        fluctuation : str, FluctuationParams or None
            Name of a preset (`FluctuationParams.preset`), parameters, or None: cells stand still.

        Returns
        -------
        DeviceParams

        Raises
        ------
        TypeError, ValueError
            If it is none of these, or no preset has that name.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
        DeviceParams('hennen2024', VAR(10), 3 components, fluctuation of 'hfox-1t1r')
        """
        return self.replace(fluctuation=None if fluctuation is None else as_fluctuation(fluctuation))

    @checked
    def with_pulse_width(self, pulse_width: str | PulseWidthParams | None, *, reference: float | None = None) -> Self:
        """Return the set with a law by which thresholds depend on the width of pulses, perhaps that of other cells.

        Parameters
        ----------
        pulse_width : str, PulseWidthParams or None
            Name of a preset (`PulseWidthParams.preset`), a law, or None: pulses have no width.
        reference : float, optional
            Width in s for which the thresholds of this set hold; default: that of the law. A table keeps its widths.

        Returns
        -------
        DeviceParams

        Raises
        ------
        TypeError, ValueError
            If an argument is none of these, no preset has that name, or the law does not know the reference width.

        Examples
        --------
        >>> import synaptogen as sg
        >>> law = sg.PulseWidthParams("mine", 1e-6, set_shift=0.1, reset_shift=0.1)
        >>> params = sg.DeviceParams.preset("hennen2024").with_pulse_width(law)
        >>> cells = sg.CellArray(1000, params, rng=1)
        >>> cells.apply_voltage(-0.6, width=1e-7)
        >>> short = int((cells.mode == sg.Mode.LRS).sum())
        >>> cells.apply_voltage(-0.6, width=1e-5)
        >>> short, int((cells.mode == sg.Mode.LRS).sum())
        (14, 491)
        """
        if pulse_width is None:
            if reference is not None:
                raise ValueError("reference belongs to a law of pulse widths: give one, or leave reference out")
            return self.replace(pulse_width=None)
        law = as_pulse_width(pulse_width)
        return self.replace(pulse_width=law if reference is None else dataclasses.replace(law, reference=reference))

    @checked
    def with_trend(
        self, cycles: int, *, r_hrs: float = 0.0, u_set: float = 0.0, r_lrs: float = 0.0, u_reset: float = 0.0
    ) -> Self:
        """Return the set with features that move by a straight line with the number of the cycle, and then stay.

        ``replace(trend=Trend(...))`` takes other curves, and trends by which devices differ.

        Parameters
        ----------
        cycles : int
            Number of cycles from the beginning to the end of the move, at least 2.
        r_hrs, u_set, r_lrs, u_reset : float
            How far the feature moves on its scale: log10 of ohm, V, ohm, V, or that of `scales`.

        Returns
        -------
        DeviceParams

        Raises
        ------
        ValueError
            If ``cycles`` is less than 2, or a feature would leave the range that it can have.

        Examples
        --------
        >>> import synaptogen as sg
        >>> params = sg.DeviceParams.preset("hennen2024").with_trend(100, r_hrs=-0.5)
        >>> r_hrs = sg.CellArray(2000, params, rng=1).run_cycles(100).r_hrs
        >>> bool(0.28 < r_hrs[-5:].mean() / r_hrs[:5].mean() < 0.36)
        True
        """
        moves = (r_hrs, u_set, r_lrs, u_reset)
        return self.replace(trend=Trend(cycles, np.array([[0.5 * move, 0.5 * move] for move in moves])))

    @checked
    def with_wear(self, scale: float, *, shape: float = 1.0, lrs: float = 0.5) -> Self:
        """Return the set with devices that fail for good: they stay in the LRS or in the HRS.

        Parameters
        ----------
        scale : float
            Cycles after which 63 % of the devices have failed.
        shape : float
            Shape of the Weibull distribution; below 1 devices fail early, above 1 they wear out.
        lrs : float
            Share of the failed devices that stay in the LRS.

        Returns
        -------
        DeviceParams

        Raises
        ------
        ValueError
            If a number is out of range.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(1000, sg.DeviceParams.preset("hennen2024").with_wear(100, shape=2), rng=1)
        >>> _ = cells.run_cycles(50)
        >>> bool(180 < cells.worn() < 265)  # of 1000; 1 - exp(-(50/100)**2) is 22 %
        True
        """
        return self.replace(wear=Wear(scale, shape, lrs))
