"""A synthetic measurement, as a laboratory would deliver it, so that everything can be tried without one."""

from itertools import pairwise

import numpy as np
import xarray as xr

from synaptogen._utils import RNG, Float64Array, Progress, checked, positive_int, seed_of
from synaptogen.array import CellArray
from synaptogen.params import FEATURES, DeviceParams, Population, as_device_params

from .measurement import loops

__all__ = ["sample_loops"]

REACH = 1.5  # largest voltage of the ramp in V
OUTLIERS = 3  # devices, unless another number is asked for
SHIFT = 4.0  # spreads by which outliers have a higher R_LRS and a lower R_HRS
PART = 4_000_000  # points swept at a time


@checked
def sample_loops(
    params: str | DeviceParams = "hennen2024",
    *,
    devices: int = 64,
    cycles: int = 200,
    points: int = 240,
    current_limit: float = 150e-6,
    offset: float = 1e-6,
    noise: float = 1e-6,
    outliers: int | None = None,
    rng: RNG = 0,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Measure I-V loops of virtual devices, with a current limit, an offset, noise, and some devices that are outliers.

    Parameters
    ----------
    params : str or DeviceParams
        The population that devices are drawn from.
    devices, cycles, points : int
        Size of the measurement; points of a loop of +-1.5 V.
    current_limit, offset, noise : float
        In A: limit of the current of SET, current at zero voltage, standard deviation of each point.
    outliers : int, optional
        Devices whose resistances are far from those of the others; the attribute ``planted`` names them. Default: 3, of
        up to three devices none.
    rng : int, SeedSequence, Generator or None
        Source of the seed.
    progress : callable, optional
        Called with the number of cycles done, and of all.

    Returns
    -------
    xarray.Dataset
        Loops, as `loops` returns them, in single precision.

    Raises
    ------
    ValueError
        If a size or a current is not of the kind described.

    Examples
    --------
    >>> from synaptogen import learn
    >>> data = learn.sample_loops(devices=4, cycles=10, points=120, outliers=1, rng=7)
    >>> dict(data.sizes)
    {'device': 4, 'cycle': 10, 'point': 120}
    >>> len(data.attrs["planted"].split())
    1
    >>> bool(data.current.min() > -160e-6)
    True
    """
    for name, value, least in (("devices", devices, 1), ("cycles", cycles, 2), ("points", points, 24)):
        if positive_int(name, value) < least:
            raise ValueError(f"{name} must be {least} or more, not {value}")
    if outliers is None:
        outliers = OUTLIERS if devices > OUTLIERS else 0
    if not 0 <= outliers < devices:
        raise ValueError(f"outliers must be from 0 to {devices - 1}, less than the devices, not {outliers}")
    if not current_limit > 0 or noise < 0 or not np.isfinite([current_limit, offset, noise]).all():
        raise ValueError("current_limit must be positive, noise not negative, offset finite: give A")
    chosen, generator = as_device_params(params), np.random.default_rng(seed_of(rng))
    wave = _ramp(points)
    far = np.sort(generator.permutation(devices)[:outliers])
    others = np.setdiff1d(np.arange(devices), far)
    i = np.empty((devices, cycles, len(wave)), dtype=np.float32)
    done, report = 0, progress or (lambda _done, _all: None)
    for members, model in ((others, chosen), (far, _shifted(chosen))):
        if not len(members):
            continue
        cells = CellArray(len(members), model, rng=int(generator.integers(2**63)))
        step = max(1, PART // (len(members) * len(wave)))
        for begin in range(0, cycles, step):
            n = min(step, cycles - begin)
            swept = cells.sweep(np.tile(wave, n)).reshape(n, len(wave), len(members))
            i[members, begin : begin + n] = swept.transpose(2, 0, 1)
            done += n * len(members)
            report(done, devices * cycles)
    i = np.maximum(i, -current_limit)
    i += offset + noise * generator.standard_normal(i.shape, dtype=np.float32)
    u = np.broadcast_to(wave.astype(np.float32), i.shape)
    data = loops(u, i)
    data.attrs["planted"] = " ".join(map(str, far))
    return data


def _ramp(points: int) -> Float64Array:
    """Return the voltages of one loop: 0, lowest, highest, 0."""
    quarter = points // 4
    corners, counts = (0.0, -REACH, REACH, 0.0), (quarter, points - 2 * quarter, quarter)
    legs = zip(pairwise(corners), counts, strict=True)
    return np.concatenate([np.linspace(a, b, n, endpoint=False) for (a, b), n in legs])


def _shifted(params: DeviceParams) -> DeviceParams:
    """Return the population of outliers: their two resistances differ by less."""
    population = params.population
    k = int(np.argmax(population.weights))
    mean, factor = population.means[k].copy(), population.cholesky[k]
    spread = np.sqrt(np.diagonal(factor @ factor.T))[:FEATURES]
    mean[[0, 2]] += np.array([-SHIFT, SHIFT]) * spread[[0, 2]]
    return params.replace(population=Population(np.ones(1), mean[None], factor[None], population.sigma_scale))
