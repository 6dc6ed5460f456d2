"""DeviceParams: a learned population of devices, checked, with presets and files."""

import dataclasses
import difflib
import functools
import importlib.resources
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypedDict, Unpack, cast

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, PathLike, checked
from synaptogen.model import Constants, Curve, LogCurve, OwnLaw, Restless

from . import json_format, published_format, ranges
from .feature_scale import PLAIN_SCALES, FeatureScale
from .fluctuation import FluctuationParams, as_fluctuation
from .history import FEATURES, VAR, History, StateSpace, autocorrelation_error, balanced_truncation, yule_walker
from .own_law import OWN_TRAITS, OwnShapes, RestlessInnovation
from .population import Population
from .pulse_width import PulseWidthParams, as_pulse_width
from .record import Record, real_array
from .what_if import with_spread, with_stuck

FEATURE_NAMES = ("r_hrs", "u_set", "r_lrs", "u_reset")
FEATURE_UNITS = {"r_hrs": "ohm", "u_set": "V", "r_lrs": "ohm", "u_reset": "V"}
_MOST_COEFFICIENTS = 16
_POWER_LAW = (1e30, 0.0, 0.0)  # a stretch without effect; the knee is out of reach, but within single precision


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


@dataclass(frozen=True, eq=False, repr=False)
class DeviceParams(Record):
    """A device population: everything that an engine needs to make cells and to cycle them.

    The mathematics is described in docs/model.md.

    Parameters
    ----------
    name : str
        Name of the parameter set.
    quantile : array of shape (4, d + 1)
        Quantile polynomial Gamma of each feature, highest power first, increasing at 0.
    history : VAR or StateSpace
        How cycles depend on earlier ones.
    population : Population
        How devices differ.
    llrs, hhrs : array of shape (n,), (m,)
        Current in A as polynomials in the voltage in V, highest power first, of the lowest LRS and of the highest HRS.
        The last coefficient, the current at zero voltage, must be 0.
    u_max : float
        Voltage in V at which RESET is complete.
    u_read : float
        Voltage in V at which resistances are defined, between 0 and u_max.
    eta : float
        Exponent of the RESET transition (`model.iv.transition_profile`).
    u_range : float, optional
        Voltage in V up to which, on both sides, the current polynomials are used; beyond it the chord conductance is
        constant. At least u_max. Default: the largest symmetric range, at most 2*u_max, on which the lowest LRS
        conducts, and conducts more than the highest HRS.
    stretch : array of shape (3,), optional
        Knee, slope in 1/V and rest, by which the RESET transition departs from a power law (see `eta`), none
        negative. Default: it does not.
    source : mapping of str to str, optional
        Where the numbers come from.
    scales : four FeatureScale, optional
        Scale of each feature, on which its mu and sigma are. Default: log10 of ohm, V, ohm, V.
    own : OwnShapes, optional
        Shapes by which devices differ; the population then has shapes and shares of memory of its devices too, with
        bounds, and the history is a `StateSpace`. Default: all devices have one shape and one memory.
    restless : RestlessInnovation, optional
        How innovations of R_LRS depart from normal ones; the history is a `StateSpace`. Default: they do not.
    fluctuation : FluctuationParams, optional
        What cells do between pulses. Default: they stand still.
    pulse_width : PulseWidthParams, optional
        How thresholds depend on the width of pulses. Default: pulses have no width.

    Raises
    ------
    ValueError
        If an argument has the wrong shape or content, or arguments contradict each other. The message names the
        argument and the remedy.

    Examples
    --------
    >>> import synaptogen as sg
    >>> params = sg.DeviceParams.preset("hennen2024")
    >>> params
    DeviceParams('hennen2024', VAR(10), 3 components)
    >>> params.u_max, params.u_read, round(params.u_range, 2), round(params.r_max, 3)
    (1.46, 0.2, 1.87, 0.889)
    """

    name: str
    quantile: Float64Array
    history: History
    population: Population
    llrs: Float64Array
    hhrs: Float64Array
    u_max: float
    u_read: float
    eta: float
    u_range: float = cast("float", None)
    stretch: Float64Array | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    scales: tuple[FeatureScale, ...] = PLAIN_SCALES
    own: OwnShapes | None = None
    restless: RestlessInnovation | None = None
    fluctuation: FluctuationParams | None = None
    pulse_width: PulseWidthParams | None = None

    def __post_init__(self) -> None:
        self._check_parts()
        self._set(
            quantile=_quantile(self.quantile),
            llrs=_envelope("llrs", self.llrs),
            hhrs=_envelope("hhrs", self.hhrs),
            u_max=_positive("u_max", self.u_max, "V"),
            u_read=_positive("u_read", self.u_read, "V"),
            eta=_positive("eta", self.eta, ""),
            stretch=None if self.stretch is None else _stretch(self.stretch),
        )
        self._check_own_law()
        self._check_envelopes()
        self._set(u_range=self._derived_u_range if self.u_range is None else self._checked_u_range())
        self._check_population()

    @classmethod
    @checked
    def preset(cls, name: str) -> "DeviceParams":
        """Return a parameter set that comes with the package.

        Parameters
        ----------
        name : str
            Its name; `presets` lists all.

        Returns
        -------
        DeviceParams

        Raises
        ------
        ValueError
            If there is none of that name.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.DeviceParams.preset("hennen2024")
        DeviceParams('hennen2024', VAR(10), 3 components)
        """
        return _preset(name)

    @classmethod
    @checked
    def from_json(cls, source: PathLike | Mapping[str, Any]) -> "DeviceParams":
        """Read a parameter set from JSON.

        Parameters
        ----------
        source : path, str or mapping
            Path of a file that `to_json` has written, the JSON text, or the JSON object.

        Returns
        -------
        DeviceParams

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is no parameter file, not complete, or holds numbers that the constructor refuses.

        Examples
        --------
        >>> import tempfile
        >>> import synaptogen as sg
        >>> params = sg.DeviceParams.preset("hennen2024")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     text = params.to_json(f"{folder}/params.json")
        ...     again = sg.DeviceParams.from_json(f"{folder}/params.json")
        >>> again == params
        True
        """
        where, fields_ = json_format.read(source)
        return _assemble(where, fields_)

    @classmethod
    @checked
    def from_published(cls, path: PathLike, *, order: int | None = None, name: str | None = None) -> "DeviceParams":
        """Read a parameter file in the layout published with the model (doi:10.1109/TED.2024.3427616).

        Such a file names quantities by Greek letters, and holds VARs of several orders, each with its lags from the
        OLDEST cycle to the most recent.

        Parameters
        ----------
        path : path
            The file.
        order : int, optional
            Order of the VAR; default: the highest in the file.
        name : str, optional
            Name of the parameter set; default: that of the file without its suffix.

        Returns
        -------
        DeviceParams

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it has another layout, is not complete, lacks that order, or holds numbers that the constructor refuses.
        """
        return _assemble(os.fspath(path), published_format.read_published(path, order, name))

    @checked
    def to_json(self, path: PathLike | None = None) -> str:
        """Return the parameter set as JSON text, and write it to a file if a path is given.

        `from_json` reads back an equal set, bit for bit. The file is written completely or not at all. It has one line
        more than the text, a digest: `from_json` refuses a file that was changed, unless that line is deleted.

        Parameters
        ----------
        path : path, optional
            File to write.

        Returns
        -------
        str

        Examples
        --------
        >>> import json
        >>> import synaptogen as sg
        >>> text = sg.DeviceParams.preset("hennen2024").to_json()
        >>> json.loads(text)["U_max"]
        1.46
        """
        text = json_format.write({**self._content(), "u_range": self._given_u_range})
        if path is not None:
            json_format.write_whole(path, text)
        return text

    def replace(self, **changes: Unpack[Changes]) -> "DeviceParams":
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
        content: dict[str, Any] = {**self._content(), "u_range": self._given_u_range, **changes}
        return DeviceParams(**content)

    @checked
    def with_order(self, q: int) -> "DeviceParams":
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
    def compact(self, q: int = 8) -> "DeviceParams":
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
    def with_spread(self, factor: float) -> "DeviceParams":
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
    def with_stuck(self, *, lrs: float = 0.0, hrs: float = 0.0) -> "DeviceParams":
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
    def with_fluctuation(self, fluctuation: str | FluctuationParams | None) -> "DeviceParams":
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
    def with_pulse_width(
        self, pulse_width: str | PulseWidthParams | None, *, reference: float | None = None
    ) -> "DeviceParams":
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
    def autocovariance(self, lags: int) -> Float64Array:
        """Return the autocovariances of the latent process of cycles.

        Parameters
        ----------
        lags : int
            Largest lag in cycles, 0 or more.

        Returns
        -------
        array of shape (lags + 1, 4, 4)
            E[x_n x_{n-k}^T] for k = 0 ... lags.

        Raises
        ------
        ValueError
            If ``lags`` is negative.

        Examples
        --------
        >>> import synaptogen as sg
        >>> gamma = sg.DeviceParams.preset("hennen2024").autocovariance(2)
        >>> gamma.shape
        (3, 4, 4)
        >>> gamma[1].diagonal().round(2)  # from a cycle to the next: R_HRS, U_SET, R_LRS, U_RESET
        array([0.13, 0.18, 0.5 , 0.32])
        """
        return self.history.autocovariance(lags)

    @property
    def spectral_radius(self) -> float:
        """Spectral radius of the history, below 1; the closer to 1, the slower the memory of past cycles fades."""
        return self.history.spectral_radius

    @property
    def mean_features(self) -> Float64Array:
        """Features of a cell at the mean of the population, of shape (4,): ohm, V, ohm, V."""
        mean = self.population.mean()
        return np.array([float(scale.value(y)) for scale, y in zip(self.scales, mean, strict=False)])

    @cached_property
    def r_max(self) -> float:
        """Largest mixing state r for which a cell is passive: its current has the sign of the voltage on +-u_range."""
        return ranges.passive_limit(self.llrs[:-1], self.hhrs[:-1], self.u_range)

    @cached_property
    def x_range(self) -> Float64Array:
        """Ranges of shape (4, 2), around 0 and at most +-8, on which the quantile polynomials increase."""
        return real_array("x_range", [ranges.increasing_range(row) for row in self.quantile], (FEATURES, 2))

    def constants(self, dtype: Callable[[float], object] = float) -> Constants:
        """Return the constants that the formulas of `synaptogen.model` take.

        Parameters
        ----------
        dtype : callable
            Called with each number, for example `numpy.float32`.

        Returns
        -------
        Constants
        """
        g_llrs, g_hhrs = self._chords(self.u_read)
        knee, gradual, rest = _POWER_LAW if self.stretch is None else self.stretch.tolist()
        plain = Constants(
            u_max=self.u_max,
            eta=self.eta,
            knee=knee,
            gradual=gradual,
            rest=rest,
            u_range=self.u_range,
            g_llrs=g_llrs,
            per_span=1 / (g_llrs - g_hhrs),
            r_max=self.r_max,
            llrs=self.llrs[:-1].tolist(),
            hhrs=self.hhrs[:-1].tolist(),
            quantile=self.quantile.tolist(),
            x_min=self.x_range[:, 0].tolist(),
            x_max=self.x_range[:, 1].tolist(),
            innovation=self.history.innovation.tolist(),
            scales=[],
        )
        return Constants(*(_nested(value, dtype) for value in plain[:-2]))._replace(
            scales=self._curves(dtype), own=self._own_law(dtype), restless=self._restless(dtype)
        )

    @cached_property
    def memory_share(self) -> Float64Array:
        """Share of the variance of the latent process that is memory of earlier cycles, of shape (4,)."""
        _, _, H = self.history.realisation()
        slow = np.diagonal(H @ self.history.stationary_covariance() @ H.T)
        white = np.sum(self.history.innovation**2, axis=1)
        return np.asarray(slow / (slow + white))

    def _own_law(self, dtype: Callable[[float], object]) -> OwnLaw | tuple[()]:
        if self.own is None:
            return ()
        share = self.memory_share
        per_share = np.where(share > 0, 1 / np.maximum(share, 1e-300), 0.0)
        first, second = _nested(self.own.first.tolist(), dtype), _nested(self.own.second.tolist(), dtype)
        per_rest = _nested((1 / (1 - share)).tolist(), dtype)
        return OwnLaw(first, second, _nested(per_share.tolist(), dtype), per_rest, dtype(self.own.reach))

    def _restless(self, dtype: Callable[[float], object]) -> Restless | tuple[()]:
        if self.restless is None:
            return ()
        law = self.restless
        (mean, deviation), unit = law.moments(), float(np.sqrt(np.sum(self.history.innovation[2] ** 2)))
        numbers = (
            law.spread / np.log(2),
            law.spread**2 / np.log(2),
            law.rise * unit,
            np.sqrt(1 - law.new),
            np.sqrt(law.new),
            mean * unit,
            1 / deviation,
            law.fade,
            np.sqrt(1 - law.fade**2),
        )
        return Restless(*(dtype(float(number)) for number in numbers))

    def _curves(self, dtype: Callable[[float], object]) -> tuple[Any, ...]:
        """Return the scales of the features as formulas take them; the plain ones are not there."""
        return tuple(
            () if scale == plain else _converted(scale.constants, dtype)
            for scale, plain in zip(self.scales, PLAIN_SCALES, strict=True)
        )

    def __repr__(self) -> str:
        k = self.population.n_components
        moves = "" if self.fluctuation is None else f", fluctuation of {self.fluctuation.name!r}"
        widths = "" if self.pulse_width is None else f", pulse widths of {self.pulse_width.name!r}"
        return f"DeviceParams({self.name!r}, {self.history!r}, {k} component{'s' * (k != 1)}{moves}{widths})"

    def _content(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @cached_property
    def _derived_u_range(self) -> float:
        return ranges.conducting_range(self.llrs[:-1], self.hhrs[:-1], 2 * self.u_max)

    @property
    def _given_u_range(self) -> float | None:
        return None if self.u_range == self._derived_u_range else self.u_range

    def _check_parts(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a text of at least one character, not {self.name!r}")
        if not isinstance(self.history, VAR | StateSpace):
            raise ValueError(f"history must be a VAR or a StateSpace, not {type(self.history).__name__}")
        if not isinstance(self.population, Population):
            raise ValueError(f"population must be a Population, not {type(self.population).__name__}")
        if not isinstance(self.fluctuation, FluctuationParams | None):
            raise ValueError(f"fluctuation must be FluctuationParams or None, not {type(self.fluctuation).__name__}")
        if not isinstance(self.pulse_width, PulseWidthParams | None):
            raise ValueError(f"pulse_width must be PulseWidthParams or None, not {type(self.pulse_width).__name__}")
        if not isinstance(self.source, Mapping) or not all(
            isinstance(s, str) for kv in self.source.items() for s in kv
        ):
            raise ValueError("source must be a mapping of texts to texts: write other values as text")
        for what, text in (("name", self.name), *(("source", s) for kv in self.source.items() for s in kv)):
            if not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text):
                raise ValueError(f"{what} must be text that can be written to a file, not {text!r}: half a character")
        self._set(source=MappingProxyType(dict(self.source)), scales=_scales(self.scales))

    def _check_own_law(self) -> None:
        if self.own is not None and not isinstance(self.own, OwnShapes):
            raise ValueError(f"own must be an OwnShapes, not {type(self.own).__name__}")
        if self.restless is not None and not isinstance(self.restless, RestlessInnovation):
            raise ValueError(f"restless must be a RestlessInnovation, not {type(self.restless).__name__}")
        for what, part in (("own", self.own), ("restless", self.restless)):
            if part is not None and self.history.kind != "compact":
                raise ValueError(
                    f"{what} needs a compact history, not {self.history!r}: take a StateSpace, or {what}=None"
                )
        traits = self.population.means.shape[1]
        if (self.own is not None) != (traits > 2 * FEATURES):
            raise ValueError(
                f"population has {traits} numbers of a device, but own is {'given' if self.own else 'not given'}: "
                f"shapes of their own go with {2 * FEATURES + OWN_TRAITS} numbers, none with {2 * FEATURES}"
            )
        if self.own is None:
            return
        low, high = self.population.low, self.population.high
        if low is None or high is None:
            raise ValueError("population must have low and high beside own: they bound the shapes of devices")
        if np.any(low[-FEATURES:] < 0) or np.any(high[-FEATURES:] >= 1):
            raise ValueError("population: low and high must bound the shares of memory to at least 0, and below 1")

    def _check_envelopes(self) -> None:
        if self.u_read >= self.u_max:
            raise ValueError(
                f"u_read must be below u_max, not {self.u_read:g} of {self.u_max:g} V: reading must not RESET"
            )
        for where, u in (("U = 0", 0.0), ("u_read", self.u_read)):
            low, high = self._chords(u)
            if not low > max(high, 0.0):
                raise ValueError(
                    f"llrs must conduct, and more than hhrs, at {where}, but has {low:.3g} S against {high:.3g} S:"
                    " exchange the two, or give the highest power first"
                )
        if self._derived_u_range < self.u_max:
            raise ValueError(
                f"llrs must conduct, and more than hhrs, up to u_max = {self.u_max:g} V on both sides, but does only to"
                f" {self._derived_u_range:.4g} V: fit both as far as u_max"
            )

    def _checked_u_range(self) -> float:
        u_range = _positive("u_range", self.u_range, "V")
        most = ranges.conducting_range(self.llrs[:-1], self.hhrs[:-1], max(u_range, 2 * self.u_max))
        if not self.u_max <= u_range <= most:
            raise ValueError(
                f"u_range must be at least u_max = {self.u_max:g} V and at most {most:.4g} V, as far as llrs conducts"
                f" more than hhrs, not {u_range:g} V: leave it out to have it derived"
            )
        return u_range

    def _check_population(self) -> None:
        log_r_hrs = self.population.mean()[0]
        if not -300 < log_r_hrs < 300:
            raise ValueError(f"population has mean log10 R_HRS {log_r_hrs:.4g}: give R_HRS as a logarithm")
        r_hrs, u_set, r_lrs, u_reset = self.mean_features
        if not (1 < r_hrs < 1e12 and u_set < 0 < min(r_lrs, u_reset)):
            raise ValueError(
                f"population has mean log10 R_HRS {np.log10(r_hrs):.4g}, U_SET {u_set:.4g} V, R_LRS {r_lrs:.4g} ohm,"
                f" U_RESET {u_reset:.4g} V: give the features in this order, SET negative, on their scales (R_HRS as a"
                " logarithm)"
            )
        low, high = self._chords(self.u_read)
        if (low - 1 / r_hrs) / (low - high) > self.r_max:
            raise ValueError(
                f"hhrs allows no passive state of the population's mean R_HRS, {r_hrs:.3g} ohm (r is limited to"
                f" {self.r_max:.4g}): give a u_range closer to u_max, or fit an hhrs that conducts everywhere"
            )

    def _chords(self, u: float) -> tuple[float, float]:
        """Return the chord conductances of the lowest LRS and the highest HRS at a voltage."""
        return float(np.polyval(self.llrs[:-1], u)), float(np.polyval(self.hhrs[:-1], u))


def presets() -> list[str]:
    """Return the names of the parameter sets that come with the package.

    Examples
    --------
    >>> import synaptogen as sg
    >>> sg.presets()
    ['hennen2024']
    """
    folder = importlib.resources.files("synaptogen.params") / "presets"
    return sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json"))


@functools.cache
def _preset(name: str) -> DeviceParams:
    known = presets()
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.4)
        hint = f": did you mean {near[0]!r}?" if near else "."
        raise ValueError(f"there is no preset {name!r}{hint} The presets are: {', '.join(known)}")
    text = (importlib.resources.files("synaptogen.params") / "presets" / f"{name}.json").read_text(encoding="utf-8")
    return DeviceParams.from_json(text)


def _assemble(where: str, values: dict[str, Any]) -> DeviceParams:
    """Return a parameter set from the content of a file; errors name the file."""
    try:
        history, fluctuation = values.pop("history"), values.pop("fluctuation", None)
        widths = values.pop("pulse_width", None)
        return DeviceParams(
            fluctuation=None if fluctuation is None else FluctuationParams.from_dict(fluctuation),
            pulse_width=None if widths is None else PulseWidthParams.from_dict(widths),
            history=VAR(**history) if "lags" in history else StateSpace(**history),
            population=Population(**values.pop("population")),
            own=OwnShapes(**own) if (own := values.pop("own", None)) is not None else None,
            restless=RestlessInnovation(**unrest) if (unrest := values.pop("restless", None)) is not None else None,
            **values,
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _scales(value: Sequence[FeatureScale]) -> tuple[FeatureScale, ...]:
    scales = tuple(value)
    if len(scales) != FEATURES or not all(isinstance(scale, FeatureScale) for scale in scales):
        raise ValueError(f"scales must be four FeatureScale, of {', '.join(FEATURE_NAMES)}, not {value!r}")
    for name, scale, plain in zip(FEATURE_NAMES, scales, PLAIN_SCALES, strict=True):
        if name != "r_lrs" and scale.kind != plain.kind:
            raise ValueError(f'scales: that of {name} must be of kind "{plain.kind}", not "{scale.kind}"')
        if name != "r_lrs" and scale.offset:
            raise ValueError(f"scales: that of {name} must have no offset, which only r_lrs may have")
    return scales


def _quantile(value: ArrayLike) -> Float64Array:
    quantile = real_array("quantile", value, (FEATURES, None))
    _check_length("quantile", quantile.shape[1])
    for name, row in zip(FEATURE_NAMES, quantile, strict=True):
        if row[-2] <= 0:
            raise ValueError(
                f"quantile of {name} must increase at 0, but has slope {row[-2]:g} there: give the highest power first"
            )
    return quantile


def _envelope(name: str, value: ArrayLike) -> Float64Array:
    envelope = real_array(name, value, (None,))
    _check_length(name, len(envelope))
    if envelope[-1] != 0:
        raise ValueError(
            f"{name} must have 0 as its last coefficient, not {envelope[-1]:g}: no current flows at 0 V. Subtract the"
            " offset, and give the highest power first"
        )
    return envelope


def _stretch(value: ArrayLike) -> Float64Array:
    stretch = real_array("stretch", value, (3,))
    if not (np.all((stretch >= 0) & (stretch <= _POWER_LAW[0])) and stretch[:2].any()):
        raise ValueError(
            f"stretch must hold a knee, a slope and a rest from 0 to {_POWER_LAW[0]:g}, not {stretch.tolist()}, and"
            " one of the first two must be above 0: the RESET transition would not fall"
        )
    return stretch


def _check_length(name: str, n: int) -> None:
    if not 2 <= n <= _MOST_COEFFICIENTS:
        raise ValueError(f"{name} must have 2 to {_MOST_COEFFICIENTS} coefficients, not {n}: fit another degree")


def _positive(name: str, value: ArrayLike, unit: str) -> float:
    number = float(real_array(name, value, ()))
    if not 0 < number <= 100:
        raise ValueError(f"{name} must be positive and at most 100{' ' + unit if unit else ''}, not {number:g}")
    return number


def _converted(curve: Curve | LogCurve | tuple[()], dtype: Callable[[float], object]) -> Curve | LogCurve | tuple[()]:
    """Return the constants of a scale, each number passed through ``dtype``."""
    if not curve:
        return ()
    coefficients = tuple(dtype(c) for c in curve.coefficients)
    return type(curve)(coefficients, *(dtype(number) for number in curve[1:]))


def _nested(value: Any, dtype: Callable[[float], object]) -> Any:
    """Return nested lists as nested tuples, each number passed through ``dtype``."""
    return tuple(_nested(v, dtype) for v in value) if isinstance(value, list) else dtype(value)


def as_device_params(params: str | DeviceParams) -> DeviceParams:
    """Return a parameter set, given as such or by the name of a preset.

    Parameters
    ----------
    params : str or DeviceParams

    Returns
    -------
    DeviceParams

    Raises
    ------
    TypeError, ValueError
        If ``params`` is neither, or no preset has that name.
    """
    if isinstance(params, DeviceParams):
        return params
    if isinstance(params, str):
        return DeviceParams.preset(params)
    raise TypeError(f"params is a {type(params).__name__}: give the name of a preset or a DeviceParams")
