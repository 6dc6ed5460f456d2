"""Errors of a population as tables: what a write reaches, how a read scatters, how a conductance changes with time."""

import functools
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from synaptogen._utils import Float64Array, checked, checks
from synaptogen.array import CellArray
from synaptogen.crossbar import one_shot, reachable_window, write_verify
from synaptogen.engines import CellIds, state_at
from synaptogen.model import conductance, mixing_from_conductance, noise_variance
from synaptogen.params import DeviceParams, as_device_params
from synaptogen.state import BANDWIDTH, ClockTime, ticks_of

from .sampling import Cells

Peer: TypeAlias = Literal["aihwkit", "crosssim"]
Programming: TypeAlias = Literal["write-verify", "one-shot"]
TARGETS, RANKS = 17, 65  # conductances from end to end of the window, and quantiles of each
TIMES = tuple(10.0**k for k in range(-3, 10))  # s
MOST_RESTING = 1024  # cells for each conductance that are followed in time, which takes longer than writing them


@dataclass(frozen=True, eq=False)
class ErrorTables:
    """Tables of a population, as `error_tables` measures them.

    Attributes
    ----------
    name : str
        Name of the parameter set.
    programming : str
        How cells were written.
    seed : int
        Of the cells.
    targets : array of shape (targets,)
        Conductances in S that were written, from end to end of the window.
    errors : array of shape (targets, ranks)
        Quantiles of what was reached, less the target, in S.
    read_variance : float
        Variance in S^2 of a read of 1 S; that of a read is proportional to the conductance.
    times : tuple of float
        Times in s after the write; empty if the device has no fluctuation.
    changes : array of shape (times, targets, ranks)
        Quantiles of ln(G(t) / G), with G a written conductance.
    """

    name: str
    programming: str
    seed: int
    targets: Float64Array
    errors: Float64Array
    read_variance: float
    times: tuple[float, ...]
    changes: Float64Array

    @functools.cached_property
    def cells(self) -> Cells:
        """Cells that draw from these tables, as those in the written files do."""
        return Cells(self.targets, self.errors, self.read_variance, self.times, self.changes)


@checked
def error_tables(
    params: str | DeviceParams = "hennen2024",
    *,
    programming: Programming = "write-verify",
    tolerance: float = 2e-6,
    budget: int = 100,
    share: float = 0.95,
    bandwidth: float = BANDWIDTH,
    cells: int = 4096,
    seed: int = 0,
) -> ErrorTables:
    """Write cells of a population to conductances over the whole window, and tabulate the errors.

    Parameters
    ----------
    params : str or DeviceParams
        The population; one with a fluctuation also gets a table of changes with time.
    programming : {"write-verify", "one-shot"}
        How cells are written, as in `synaptogen.torch.AnalogConfig`.
    tolerance : float
        Largest error in S of write-verify.
    budget : int
        Most pulses per cell of write-verify.
    share : float
        Share of the switching cycles that reach the whole window of conductances.
    bandwidth : float
        Bandwidth in Hz of a read, which determines its noise.
    cells : int
        Cells for each of 17 conductances, at least 100; at most 1024 of them are followed in time.
    seed : int
        Of the cells.

    Returns
    -------
    ErrorTables

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described.

    Examples
    --------
    >>> import synaptogen as sg
    >>> tables = sg.export.error_tables(programming="one-shot", cells=200)
    >>> tables.errors.shape
    (17, 65)
    >>> tables.times
    ()
    """
    device = as_device_params(params)
    if checks.positive_int("cells", cells) < 100:
        raise ValueError(f"cells={cells}: give at least 100, for quantiles")
    if not 0.0 < share < 1.0:
        raise ValueError(f"share={share!r}: give a share of the population, between 0 and 1")
    checks.bandwidth(bandwidth)
    checks.positive("tolerance", tolerance, "S")
    targets = np.linspace(*reachable_window(device, share), TARGETS)
    wanted = np.repeat(targets[:, None], cells, axis=1)
    written = CellArray(wanted.shape, device, rng=seed, bandwidth=bandwidth)
    if programming == "one-shot":
        one_shot(written, wanted)
    else:
        write_verify(written, wanted, tolerance=tolerance, budget=budget)
    variance = float(noise_variance(1.0, device.u_read, bandwidth)) / device.u_read**2
    times, changes = _changes(device, targets, min(cells, MOST_RESTING), seed)
    errors = _quantiles(written.conductance() - wanted)
    return ErrorTables(device.name, programming, seed, targets, errors, variance, times, changes)


def _quantiles(values: Float64Array) -> Float64Array:
    """Return quantiles (..., ranks) of values (..., cells), at the ranks of `Cells`."""
    ranks = np.sin(np.linspace(0.0, np.pi / 2.0, RANKS)) ** 2
    return np.moveaxis(np.quantile(values, ranks, axis=-1), 0, -1)


def _changes(
    device: DeviceParams, targets: Float64Array, cells: int, seed: int
) -> tuple[tuple[float, ...], Float64Array]:
    """Return times in s, and quantiles of ln(G(t) / G) of cells that were written to the targets at time 0."""
    if device.fluctuation is None:
        return (), np.zeros((0, len(targets), RANKS))
    p, ids = device.constants(), CellIds(targets.size * cells)
    written = np.repeat(np.asarray(mixing_from_conductance(targets, p), dtype=float), cells)
    before = conductance(written, device.u_read, p)
    here, first = np.arange(written.size), np.zeros(written.size, np.uint32)
    found = []
    for seconds in TIMES:
        moment = ClockTime().after(device.fluctuation, ticks_of(seconds), None).moment(device.fluctuation)
        r = state_at(moment, written, first, ids.id_words(here), seed, p)
        ratio = conductance(r, device.u_read, p) / before
        found.append(_quantiles(np.log(np.maximum(ratio, 1e-6)).reshape(len(targets), cells)))
    return TIMES, np.array(found)
