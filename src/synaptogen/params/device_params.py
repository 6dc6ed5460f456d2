"""DeviceParams: a learned population of devices, checked, with presets and files."""

import difflib
import functools
import importlib.resources
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, cast

import numpy as np

from synaptogen._utils import Float64Array, PathLike, checked
from synaptogen.model import Constants, Curve, LogCurve

from . import json_format, part_checks, published_format, ranges
from .ageing import Trend, Wear
from .designs import Designs
from .feature_scale import PLAIN_SCALES, FeatureScale
from .fluctuation import FluctuationParams
from .history import FEATURES, VAR, History, StateSpace
from .own_law import OwnShapes, RestlessInnovation
from .population import Population
from .pulse_width import PulseWidthParams
from .record import nested, real_array, require_text, source_texts

_PARTS: dict[str, tuple[Any, str]] = {
    "history": ((VAR, StateSpace), "a VAR or a StateSpace"),
    "population": (Population, "a Population"),
    "own": (OwnShapes | None, "OwnShapes or None"),
    "restless": (RestlessInnovation | None, "a RestlessInnovation or None"),
    "fluctuation": (FluctuationParams | None, "FluctuationParams or None"),
    "pulse_width": (PulseWidthParams | None, "PulseWidthParams or None"),
    "trend": (Trend | None, "a Trend or None"),
    "wear": (Wear | None, "a Wear or None"),
}
FEATURE_UNITS = {"r_hrs": "ohm", "u_set": "V", "r_lrs": "ohm", "u_reset": "V"}
_DICTS: dict[str, Any] = {
    "fluctuation": FluctuationParams,
    "pulse_width": PulseWidthParams,
    "trend": Trend,
    "wear": Wear,
}
_POWER_LAW = (part_checks.LARGEST_STRETCH, 0.0, 0.0)  # without effect: the knee is out of reach


@dataclass(frozen=True, eq=False, repr=False)
class DeviceParams(Designs):
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
    trend : Trend, optional
        How features follow the number of the cycle. Default: they do not.
    wear : Wear, optional
        How devices fail for good. Default: they do not.

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
    trend: Trend | None = None
    wear: Wear | None = None

    def __post_init__(self) -> None:
        require_text("name", self.name)
        for name, (kind, described) in _PARTS.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ValueError(f"{name} must be {described}, not {type(value).__name__}")
        self._set(
            source=source_texts(self.source),
            scales=part_checks.four_scales(self.scales),
            quantile=part_checks.increasing("quantile", self.quantile),
            llrs=part_checks.envelope("llrs", self.llrs),
            hhrs=part_checks.envelope("hhrs", self.hhrs),
            u_max=part_checks.positive("u_max", self.u_max, "V"),
            u_read=part_checks.positive("u_read", self.u_read, "V"),
            eta=part_checks.positive("eta", self.eta, ""),
            stretch=None if self.stretch is None else part_checks.stretch("stretch", self.stretch),
        )
        part_checks.check_own_law(self.own, self.restless, self.history, self.population)
        self._check_envelopes()
        self._set(u_range=self._derived_u_range if self.u_range is None else self._checked_u_range())
        self._check_population()
        self._check_trend()

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
        text = json_format.write(self._arguments())
        if path is not None:
            json_format.write_whole(path, text)
        return text

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
        return Constants(*(nested(value, dtype) for value in plain[:-4]))._replace(
            scales=self._curves(dtype),
            own=() if self.own is None else self.own.constants(self.memory_share, dtype),
            restless=() if self.restless is None else self.restless.constants(self._white_of_r_lrs, dtype),
            trend=() if self.trend is None else self.trend.constants(dtype),
            wear=() if self.wear is None else self.wear.constants(dtype),
        )

    @cached_property
    def memory_share(self) -> Float64Array:
        """Share of the variance of the latent process that is memory of earlier cycles, of shape (4,)."""
        _, _, H = self.history.realisation()
        slow = np.diagonal(H @ self.history.stationary_covariance() @ H.T)
        white = np.sum(self.history.innovation**2, axis=1)
        return np.asarray(slow / (slow + white))

    @property
    def _white_of_r_lrs(self) -> float:
        """Standard deviation of the innovation of R_LRS."""
        return float(np.sqrt(np.sum(self.history.innovation[2] ** 2)))

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
        ages = ", trend" * (self.trend is not None) + ", wear" * (self.wear is not None)
        return f"DeviceParams({self.name!r}, {self.history!r}, {k} component{'s' * (k != 1)}{moves}{widths}{ages})"

    def _arguments(self) -> dict[str, Any]:
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**content, "u_range": self._given_u_range}

    @cached_property
    def _derived_u_range(self) -> float:
        return ranges.conducting_range(self.llrs[:-1], self.hhrs[:-1], 2 * self.u_max)

    @property
    def _given_u_range(self) -> float | None:
        return None if self.u_range == self._derived_u_range else self.u_range

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
        u_range = part_checks.positive("u_range", self.u_range, "V")
        most = ranges.conducting_range(self.llrs[:-1], self.hhrs[:-1], max(u_range, 2 * self.u_max))
        if not self.u_max <= u_range <= most:
            raise ValueError(
                f"u_range must be at least u_max = {self.u_max:g} V and at most {most:.4g} V, as far as llrs conducts"
                f" more than hhrs, not {u_range:g} V: leave it out to have it derived"
            )
        return u_range

    def _check_trend(self) -> None:
        if self.trend is None:
            return
        numbers = np.unique(np.linspace(0, self.trend.cycles - 1, 65).astype(np.uint32))
        for n, change in zip(numbers, self.trend.change(numbers), strict=True):
            y = self.population.mean()[:FEATURES] + change
            r_hrs, u_set, r_lrs, u_reset = (float(s.value(v)) for s, v in zip(self.scales, y, strict=True))
            if not (1 < r_hrs < 1e12 and u_set < 0 < min(r_lrs, u_reset)):
                raise ValueError(
                    f"trend leads the mean device to R_HRS {r_hrs:.4g} ohm, U_SET {u_set:.4g} V, R_LRS {r_lrs:.4g} ohm,"
                    f" U_RESET {u_reset:.4g} V in cycle {n}: give changes on the scales of the features (R_HRS as a"
                    " logarithm), or fewer cycles"
                )

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
        history = values.pop("history")
        parts = {name: kind.from_dict(values.pop(name)) for name, kind in _DICTS.items() if name in values}
        return DeviceParams(
            **parts,
            history=VAR(**history) if "lags" in history else StateSpace(**history),
            population=Population(**values.pop("population")),
            own=OwnShapes(**own) if (own := values.pop("own", None)) is not None else None,
            restless=RestlessInnovation(**unrest) if (unrest := values.pop("restless", None)) is not None else None,
            **values,
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _converted(curve: Curve | LogCurve | tuple[()], dtype: Callable[[float], object]) -> Curve | LogCurve | tuple[()]:
    """Return the constants of a scale, each number passed through ``dtype``."""
    if not curve:
        return ()
    coefficients = tuple(dtype(c) for c in curve.coefficients)
    return type(curve)(coefficients, *(dtype(number) for number in curve[1:]))


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
