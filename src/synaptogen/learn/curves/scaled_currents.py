"""A preset's currents for devices that were measured as tables of features, and conduct or switch elsewhere.

A table of features says nothing about currents at other voltages than the read voltage. The preset's curves are then
taken in units of the measured devices: currents in proportion to their LRS, voltages in proportion to their U_RESET.
"""

from dataclasses import dataclass, replace

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import Changes, DeviceParams, conducting_range, passive_limit

__all__ = ["scaled_currents"]

_NEAR = 1.25  # factors within which a preset's currents are left as they are
_REACH = 3.0  # factor by which the highest HRS lies above the highest resistance of the features
_ROOM = 1.05  # factor of U_max above the highest threshold
_LRS_IN_HRS = 0.02  # share of the LRS in a curve for the HRS, which keeps it passive where the shape touches zero
_RARE = 1e-4  # share of cycles that may lie beyond the curves


@dataclass(frozen=True)
class _Curves:
    """Currents of a parameter set, which scale with the devices."""

    llrs: Float64Array
    hhrs: Float64Array
    u_max: float
    u_read: float
    eta: float
    stretch: Float64Array | None

    def at_voltages(self, factor: float) -> "_Curves":
        """Return the curves with the axis of voltages stretched."""
        if factor == 1.0:
            return self
        llrs, hhrs = (c * factor ** -np.arange(len(c) - 1.0, -1.0, -1.0) for c in (self.llrs, self.hhrs))
        stretch = self.stretch
        if stretch is not None:  # so that min(v^eta, knee + slope v) + rest is stretched as a whole
            stretch = stretch * factor ** np.array([self.eta, self.eta - 1, self.eta])
        return replace(self, llrs=llrs, hhrs=hhrs, u_max=self.u_max * factor, stretch=stretch)

    @property
    def conductance(self) -> float:
        """Conductance of the lowest LRS at the read voltage in S."""
        return float(np.polyval(self.llrs, self.u_read)) / self.u_read

    @property
    def highest_passive(self) -> Float64Array:
        """Current polynomial of the highest HRS that is passive."""
        u_range = conducting_range(self.llrs[:-1], self.hhrs[:-1], 2 * self.u_max)
        r = passive_limit(self.llrs[:-1], self.hhrs[:-1], u_range)
        longest = max(len(self.llrs), len(self.hhrs))
        llrs, hhrs = (np.pad(c, (longest - len(c), 0)) for c in (self.llrs, self.hhrs))
        return np.asarray((1 - r) * llrs + r * hhrs)

    @property
    def highest_resistance(self) -> float:
        """Resistance of the highest HRS that is passive, in ohm."""
        chord = float(np.polyval(self.highest_passive, self.u_read)) / self.u_read
        return 1 / chord if chord > 0 else np.inf

    def with_highest(self, resistance: float) -> "_Curves":
        """Return the curves with a highest HRS of this resistance, and of the shape of the highest passive one."""
        shape = self.highest_passive
        shape = shape + _LRS_IN_HRS * np.pad(self.llrs, (len(shape) - len(self.llrs), 0))
        return replace(self, hhrs=shape * (self.u_read / (resistance * float(np.polyval(shape, self.u_read)))))


def scaled_currents(preset: DeviceParams, usual: Float64Array, features: Float64Array) -> tuple[Changes, str]:
    """Return currents of a preset that cover the features of other devices.

    Parameters
    ----------
    preset : DeviceParams
    usual : array of shape (n, 4)
        r_hrs (ohm), u_set (V), r_lrs (ohm), u_reset (V) of cells of the preset.
    features : array of shape (n, 4)
        The same of the devices that get the currents.

    Returns
    -------
    changes : dict
        Arguments for `DeviceParams.replace`; none where the preset's currents fit as they are.
    how : str
        What was done, in words.
    """
    curves = _Curves(preset.llrs, preset.hhrs, preset.u_max, preset.u_read, preset.eta, preset.stretch)
    own, theirs = np.median(features, axis=0), np.median(usual, axis=0)
    said = []
    highest = float(np.quantile(features[:, 3], 1 - _RARE))
    volts = _unless_near(float(own[3] / theirs[3]))
    volts = max(volts, _ROOM * highest / curves.u_max, 2 * curves.u_read / curves.u_max)
    scaled = curves.at_voltages(volts)
    amperes = _unless_near(float(theirs[2] / own[2])) * curves.conductance / scaled.conductance
    if amperes != 1.0:
        scaled = replace(scaled, llrs=scaled.llrs * amperes, hhrs=scaled.hhrs * amperes)
    said += [f"{what} times {by:.3g}" for what, by in (("voltages", volts), ("currents", amperes)) if by != 1.0]
    lowest = float(np.quantile(features[:, 2], _RARE))
    if _ROOM * lowest * scaled.conductance < 1:
        scaled = replace(scaled, llrs=scaled.llrs * _ROOM / (lowest * scaled.conductance))
        said.append("the lowest LRS as low as that of the cells")
    top = float(np.quantile(features[:, 0], 1 - _RARE))
    if scaled.highest_resistance < top:
        scaled = scaled.with_highest(_REACH * top)
        said.append("the highest HRS as high as that of the cells")
    if not said:
        return {}, "the preset's"
    changes: Changes = {"llrs": scaled.llrs, "hhrs": scaled.hhrs, "u_max": scaled.u_max, "u_range": None}
    return {**changes, "stretch": scaled.stretch}, f"the preset's with {', '.join(said)}"


def _unless_near(factor: float) -> float:
    return 1.0 if 1 / _NEAR < factor < _NEAR else factor
