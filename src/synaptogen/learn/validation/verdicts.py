"""Properties of a validation: distances of halves beside their floor, and the verdict on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, TypeVar

import numpy as np

from synaptogen._utils import Float64Array

from .device_spread import RATIO, TraitSpread

__all__ = ["Grade", "Property", "outlier_property", "split_property", "spread_property", "unjudged_property"]

Grade: TypeAlias = Literal["good", "fair", "poor", "unknown"]
Half = TypeVar("Half")


@dataclass(frozen=True)
class Property:
    """One property of a validation: a distance, and what to compare it with.

    Attributes
    ----------
    name, unit : str
    generated : float
        Distance of generated from measured halves, median over splits, in ``unit``.
    floor, limit : float
        Distance of two measured halves: median, and the value that 95 % of the splits (of measured or of generated
        halves) stay below.
    chance : float
        Distance of two generated halves, median.
    independent, order_1 : float
        Distance of generated halves without memory, and with that of one cycle; NaN where memory makes no difference.
    tolerance : float
        Up to here a difference hardly matters.
    grade : {"good", "fair", "poor", "unknown"}
    verdict : str
        The grade in words.
    """

    name: str
    unit: str
    generated: float
    floor: float
    limit: float
    chance: float
    independent: float
    order_1: float
    tolerance: float
    grade: Grade
    verdict: str


def split_property(
    name: str,
    unit: str,
    distance: Callable[[str, Half, str, Half], float],
    halves: Sequence[tuple[Half, Half]],
    tolerance: float,
    *,
    judged: bool,
    memory_matters: bool = True,
    whole: tuple[float, Float64Array] | None = None,
) -> Property:
    """Take a distance over all splits into halves, and judge it.

    Parameters
    ----------
    name, unit : str
    distance : callable
        Takes the name of a set ("measured", "generated", "again", "independent", "order_1"), a half of it, and the same
        of a second set.
    halves : sequence of (half, other half)
        Splits, in the form that ``distance`` takes.
    tolerance : float
        Up to here a difference hardly matters.
    judged : bool
        False: the halves are too small for a grade.
    memory_matters : bool
        Whether to compare with sets of less memory, too.
    whole : (float, array), optional
        Distance of undivided samples, and distances that chance makes between such.

    Returns
    -------
    Property
    """
    floor = np.array([distance("measured", p, "measured", q) for p, q in halves])
    chance = np.array([distance("generated", p, "again", q) for p, q in halves])
    found = np.array([distance("measured", p, "generated", q) for p, q in halves])
    independent = order_1 = float("nan")
    if memory_matters:
        independent, order_1 = (
            float(np.median([distance("measured", p, k, q) for p, q in halves])) for k in ("independent", "order_1")
        )
    typical, limit = float(np.median(found)), float(max(np.quantile(floor, 0.95), np.quantile(chance, 0.95)))
    likely = whole is not None and whole[0] <= float(np.quantile(whole[1], 0.95))
    grade, verdict = _graded(typical, limit, tolerance, judged, likely)
    return Property(
        name=name,
        unit=unit,
        generated=typical,
        floor=float(np.median(floor)),
        limit=limit,
        chance=float(np.median(chance)),
        independent=independent,
        order_1=order_1,
        tolerance=tolerance,
        grade=grade,
        verdict=verdict,
    )


def outlier_property(share: dict[str, float], devices: int) -> Property:
    """Compare the shares of outlying devices.

    Parameters
    ----------
    share : dict of str to float
        Share of outlying devices of "measured", "generated" and "again".
    devices : int
        Number of devices of each.

    Returns
    -------
    Property
    """
    measured, found = share["measured"], share["generated"]
    error = float(np.sqrt(2 * max(measured, 1 / devices) * (1 - measured) / devices))
    good = abs(found - measured) <= 2 * error
    words = "as many" if good else "more" if found > measured else "fewer"
    verdict = f"{words} outlying devices {'as' if good else 'than'} measured: {found:.1%} beside {measured:.1%}"
    limit = measured + 2 * error
    return replace(
        unjudged_property("outlying devices", "share of devices", verdict),
        generated=found,
        floor=measured,
        limit=limit,
        chance=share["again"],
        tolerance=limit,
        grade="good" if good else "poor",
    )


def spread_property(s: TraitSpread) -> Property:
    """Compare how widely a trait of the devices spreads."""
    verdict = (
        f"one shared law is not enough: devices spread {s.ratio:.2g} times as widely"
        if s.wider
        else "devices differ by no more than a shared law makes"
    )
    low, high = (np.quantile(v, (0.1, 0.9)) for v in (s.measured, s.generated))
    unit = f"10-90 %: measured {low[0]:.2f} to {low[1]:.2f}, generated {high[0]:.2f} to {high[1]:.2f}"
    return replace(
        unjudged_property(f"spread of {s.name}", unit, verdict),
        generated=s.ratio,
        floor=1.0,
        limit=max(s.ratio / max(s.low, 1e-9), 1.0),
        tolerance=RATIO,
        grade="poor" if s.wider else "good",
    )


def unjudged_property(name: str, unit: str, verdict: str) -> Property:
    """Return a property without figures, which is not judged.

    Parameters
    ----------
    name, unit, verdict : str

    Returns
    -------
    Property
    """
    nan = float("nan")
    return Property(
        name=name,
        unit=unit,
        generated=nan,
        floor=nan,
        limit=nan,
        chance=nan,
        independent=nan,
        order_1=nan,
        tolerance=nan,
        grade="unknown",
        verdict=verdict,
    )


def _graded(found: float, limit: float, tolerance: float, judged: bool, likely: bool) -> tuple[Grade, str]:
    """Return grade and verdict.

    ``likely`` says that the block bootstrap often makes such a distance of undivided samples by chance.
    """
    if not judged or not np.isfinite(found):
        return "unknown", "too few cycles to judge"
    if found <= limit or likely:
        return "good", "as close as measured halves are to each other"
    if found <= tolerance:
        return "fair", "a difference, too small to matter"
    return "poor", f"differs: {found:.3g}, limit {limit:.3g}"
