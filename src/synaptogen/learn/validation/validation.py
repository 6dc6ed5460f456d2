"""Comparison of generated cycles with measured ones that the parameter set was not learned from.

Each property is a distance between a measured and a generated half, beside four others: between two measured halves
(the floor), between two generated ones (chance alone), and from the measured to independent cycles and to a VAR of
order 1. A verdict compares the first with the floor and with chance, and, where it lies above, with a tolerance below
which a difference hardly matters. `validate` is the entry; `properties` computes.
"""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal
from zipfile import ZipFile

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it carries no types

from synaptogen._utils import RNG, AnyArray, BoolArray, PathLike, checked, replacing, seed_of
from synaptogen.learn.extraction import extract, flags_in_words, mark_loops
from synaptogen.learn.fluctuation import tables_of
from synaptogen.learn.overview import FeatureOverview, compare_features, overview_of, verdict_of
from synaptogen.learn.progress import StageProgress, silent
from synaptogen.learn.statistics import LONG_RECORD, expected_failures, feature_table, lives_of
from synaptogen.params import DeviceParams, as_device_params

from .properties import Comparison
from .read_comparison import ReadComparison
from .verdicts import Property
from .windows import CLUES

__all__ = ["MARKED", "Validation", "hold_out", "validate"]

MARKED = "marked_"  # prefix of the names of curves that show where features were found
_LEAST_BLOCK, _MOST_BLOCKS = 25, 8  # cycles of a block that is held out, and blocks of a record
_LARGEST = 256 << 20  # bytes of a file, unfolded; a large one takes some MiB
NOT_HELD_OUT = "nothing says that these data were kept from the fit: if they were not, verdicts are too good"
FORMAT, VERSION = "synaptogen/validation", 1


@dataclass(frozen=True)
class Validation:
    """Comparison of a parameter set with measured data.

    Attributes
    ----------
    params : DeviceParams
    properties : tuple of Property
        By name with ``validation["classifier"]``.
    one_law : bool
        False: devices differ in shape or memory by more than one shared model explains.
    facts : dict of str to str
        Sizes, seeds, number of settings tried.
    notes : tuple of str
    curves : dict of str to array
        Data of the figures.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> data = learn.features(r_lrs=sg.CellArray(2, rng=1).run_cycles(60).r_lrs.T)
    >>> validation = learn.validate("hennen2024", data, splits=2, windows=100)
    >>> validation["classifier"].unit
    'AUC on windows of 4 cycles; 0.5: cannot tell'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     validation.save(Path(folder) / "validation.npz")
    ...     back = learn.Validation.load(Path(folder) / "validation.npz")
    >>> back.facts == validation.facts
    True
    """

    params: DeviceParams
    properties: tuple[Property, ...]
    one_law: bool
    facts: dict[str, str]
    notes: tuple[str, ...]
    curves: dict[str, AnyArray]

    def __getitem__(self, name: str) -> Property:
        """Return the property of that name."""
        for one in self.properties:
            if one.name == name:
                return one
        raise KeyError(f"there is no property {name!r}: there are {', '.join(p.name for p in self.properties)}")

    @property
    def overview(self) -> list[FeatureOverview]:
        """Medians, widths and tails of the features of measured and of simulated cells, one entry for each feature."""
        return overview_of(self.curves)

    @property
    def verdict(self) -> str:
        """Whether a classifier tells simulated from measured cells, and by what; medians and widths; fluctuation."""
        parts = (
            _classified({p.name: p for p in self.properties}),
            verdict_of(self.overview),
            self.facts.get("trend of simulated cells", ""),
            self.facts.get("failed for good", ""),
            self.facts.get("fluctuation", ""),
        )
        return "; ".join(part for part in parts if part)

    @checked
    def save(self, path: PathLike) -> None:
        """Write everything to one NPZ file, as a whole or not at all."""
        summary = {
            "format": FORMAT,
            "version": VERSION,
            "params": self.params.to_json(),
            "properties": [asdict(p) for p in self.properties],
            "one_law": self.one_law,
            "facts": self.facts,
            "notes": list(self.notes),
        }
        arrays: dict[str, Any] = {f"curve_{name}": values for name, values in self.curves.items()}
        with replacing(path) as beside, open(beside, "wb") as file:
            np.savez_compressed(file, about=np.array(json.dumps(summary)), **arrays)

    @classmethod
    @checked
    def load(cls, path: PathLike) -> "Validation":
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is another kind of file.
        """
        try:
            with ZipFile(path) as archive:
                _require_true_sizes(archive)
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            summary = json.loads(str(arrays.pop("about")))
            if summary["format"] != FORMAT or summary["version"] != VERSION:
                raise ValueError(f"format {summary['format']!r}, version {summary['version']!r}")
            properties = tuple(Property(**p) for p in summary["properties"])
            _require_texts(summary, properties)
            params = DeviceParams.from_json(summary["params"])
        except Exception as error:  # zipfile and NumPy raise what they like at damaged heads
            if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.filename is not None):
                raise  # there is no such file, or it cannot be opened
            raise ValueError(
                f"{os.fspath(path)} is no validation of this version: write one with synaptogen validate -o, or"
                " Validation.save"
            ) from error
        curves = {name.removeprefix("curve_"): values for name, values in arrays.items()}
        return cls(params, properties, summary["one_law"], summary["facts"], tuple(summary["notes"]), curves)


def _classified(properties: dict[str, Property]) -> str:
    """Say whether a classifier tells measured from generated cycles, and by what."""
    whole = properties.get("classifier")
    if whole is None or not np.isfinite(whole.generated) or whole.grade == "unknown":
        return ""
    halves = f"two measured halves: {whole.floor:.2f}, 95 % of them below {whole.limit:.2f}"
    if whole.grade == "good":
        return f"a classifier cannot tell simulated from measured cycles (AUC {whole.generated:.2f}; {halves})"
    sentence = (
        f"a classifier tells measured from simulated cycles with an AUC of {whole.generated:.2f} ({halves}; 0.50: it"
        " cannot)"
    )
    clues = {keep: properties[name].generated for keep, name in CLUES.items() if name in properties}
    if len(clues) < len(CLUES) or not np.all(np.isfinite(list(clues.values()))):
        return sentence
    return (
        f"{sentence}; by distributions alone {clues['values']:.2f}, by the order of cycles alone {clues['order']:.2f}"
    )


def _require_true_sizes(archive: ZipFile) -> None:
    """Raise ValueError unless each array has the size that its head says, and all are of a sensible size together."""
    members = archive.infolist()
    if sum(member.file_size for member in members) > _LARGEST:
        raise ValueError(f"its arrays take more than {_LARGEST >> 20} MiB")
    for member in members:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            shape, _, dtype = read[version](file)
            if math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
                raise ValueError(f"{member.filename} has another size than it says")


def _require_texts(summary: dict[str, Any], properties: tuple[Property, ...]) -> None:
    texts = [summary["params"], *summary["facts"], *summary["facts"].values(), *summary["notes"]]
    texts += [text for p in properties for text in (p.name, p.unit, p.grade, p.verdict)]
    if not all(isinstance(text, str) for text in texts) or not isinstance(summary["one_law"], bool):
        raise ValueError("its summary holds other values than texts")
    if not summary["params"].lstrip().startswith("{"):  # it would be taken for the path of a file
        raise ValueError("its parameters are no JSON")
    if not {p.grade for p in properties} <= {"good", "fair", "poor", "unknown"}:
        raise ValueError("its grades are not known")


@checked
def validate(
    params: str | DeviceParams,
    data: xr.Dataset,
    *,
    rng: RNG = 0,
    splits: int = 24,
    windows: int = 6000,
    held_out: str | None = None,
    reads: xr.Dataset | Sequence[xr.Dataset] | None = None,
    interval: float | None = None,
    age: float | None = None,
    progress: StageProgress | None = None,
) -> Validation:
    """Compare a parameter set with measured loops or features, with repeated reads, or with both.

    The verdicts are fair only on devices or cycles that the parameters were not learned from, see `hold_out`.

    Parameters
    ----------
    params : str or DeviceParams
        A preset, or what `fit` has learned.
    data : xarray.Dataset
        Loops or features; or repeated reads (`learn.reads`), if there is nothing else.
    rng : int, SeedSequence, Generator or None
        Source of the seed of virtual devices, splits and resamples.
    splits : int
        Ways to cut the data into halves.
    windows : int
        Most windows of 4 cycles of each half that the classifier gets.
    held_out : str, optional
        Which part of a measurement ``data`` is, for the record.
    reads : Dataset or sequence of Dataset, optional
        Repeated reads, retention and bakes beside loops or features: they judge ``params.fluctuation``.
    interval : float, optional
        Seconds between two reads where reads are only counted; default: the fastest slot of the parameters.
    age : float, optional
        Seconds from the write to time 0 of these tables; default: as in `fit_fluctuation`.
    progress : callable, optional
        Called with the name of a stage and the share of it that is done.

    Returns
    -------
    Validation

    Raises
    ------
    ValueError
        If the data are not sound or too few.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> data = learn.features(r_lrs=sg.CellArray(2, rng=1).run_cycles(60).r_lrs.T)
    >>> validation = learn.validate("hennen2024", data, splits=2, windows=100)
    >>> [p.name for p in validation.properties][:3]
    ['score correlations', 'linear correlations', 'KS distance of r_lrs']
    >>> validation["score correlations"].grade in ("good", "fair", "poor", "unknown")
    True
    """
    if splits < 2 or windows < 100:
        raise ValueError(f"splits must be 2 or more and windows 100 or more, not {splits} and {windows}")
    chosen, report = as_device_params(params), progress or silent
    tables = [] if reads is None else tables_of("reads", reads)
    alone = "conductance" in data
    if tables or alone:
        repeated = _compare_reads(chosen, [data] * alone + tables, interval, age, seed_of(rng), splits, report)
        if alone:
            return _of_reads(chosen, repeated, held_out)
    elif interval is not None or age is not None:
        raise ValueError("interval and age belong to repeated reads, which are not given: leave them out")
    extraction, table = None, data
    if "voltage" in data:
        extraction = extract(data, u_read=chosen.u_read, progress=lambda done, n: report("extracting", done / n))
        table = extraction.features
    features = feature_table(table)
    comparison = Comparison(chosen, features, seed_of(rng), splits, windows, report)
    with threadpool_limits(1):  # small tasks, whose threads would only wait for one another on a busy machine
        comparison.run()
        if extraction is not None:
            comparison.compare_loops(data, extraction)
    notes = [*features.notes, *comparison.notes]
    if held_out is None:
        notes.append(NOT_HELD_OUT)
    facts = {
        "data": f"{features.y.shape[0]} devices, {features.count.sum():,.0f} cycles"
        f" ({'loops' if extraction is not None else 'features'})",
        "held out": held_out or "not known",
        "settings tried in the fit": chosen.source.get("settings_tried", "not known"),
        "splits into halves": str(len(comparison.splits)),
        "seed": str(comparison.seed),
    }
    facts |= _ageing_facts(chosen, table)
    if "flag" in table:
        facts["flags of measured cycles"] = flags_in_words(table["flag"].to_numpy())
    properties = tuple(comparison.properties)
    shown, limited = compare_features(chosen, features.y, features.measured, comparison.seed)
    facts["simulated cells at a limit of the model"] = limited
    curves = comparison.curves | shown
    if extraction is not None:
        curves |= {f"{MARKED}{name}": value for name, value in mark_loops(data, extraction).arrays().items()}
    if tables:
        properties += tuple(repeated.properties)
        curves |= repeated.curves
        facts |= {"reads": repeated.data, "fluctuation": repeated.verdict}
        notes += repeated.notes
    return Validation(chosen, properties, comparison.one_law, facts, tuple(notes), curves)


def _ageing_facts(params: DeviceParams, table: xr.Dataset) -> dict[str, str]:
    """Say what a parameter set has of trend and wear, and how many devices failed, measured and as it says."""
    facts = {}
    if params.trend is not None:
        text = f"simulated cells follow a trend for {params.trend.cycles:,} cycles, and then stay"
        facts["trend of simulated cells"] = text
    lives = lives_of(table)
    if lives is not None and len(lives.last) and (params.wear is not None or lives.failed.any()):
        facts["failed for good"] = f"{lives.failed.sum()} of {len(lives.last)} measured devices failed for good"
        if params.wear is None:
            facts["failed for good"] += ", simulated ones never do"
        else:
            low, high = expected_failures(params.wear, lives)
            facts["failed for good"] += f", of as many simulated ones {low} to {high} in 95 % of trials"
    return facts


def _compare_reads(
    params: DeviceParams,
    tables: Sequence[xr.Dataset],
    interval: float | None,
    age: float | None,
    seed: int,
    splits: int,
    report: StageProgress,
) -> ReadComparison:
    if params.fluctuation is None:
        raise ValueError(
            f"{params.name!r} says nothing about time, which repeated reads are about: give"
            ' params.with_fluctuation(...), as with "hfox-1t1r", or with what fit_fluctuation has learned'
        )
    return ReadComparison(params.fluctuation, tables, interval, age, seed, splits, report)


def _of_reads(params: DeviceParams, repeated: ReadComparison, held_out: str | None) -> Validation:
    """Return a validation of nothing but repeated reads."""
    facts = {
        "data": repeated.data,
        "fluctuation": repeated.verdict,
        "held out": held_out or "not known",
        "splits into halves": str(repeated.splits),
        "seed": str(repeated.seed),
    }
    notes = [*repeated.notes, *([NOT_HELD_OUT] if held_out is None else [])]
    return Validation(params, tuple(repeated.properties), True, facts, tuple(notes), repeated.curves)


@checked
def hold_out(
    data: xr.Dataset, share: float = 0.25, *, by: Literal["device", "cycle"] | None = None
) -> tuple[xr.Dataset, xr.Dataset, str]:
    """Cut a measurement into a part to learn from and one to validate with.

    Parameters
    ----------
    data : xarray.Dataset
        Loops, features or repeated reads.
    share : float
        Of the devices, evenly spaced, or of the cycles, in blocks between those to learn from, that are held out;
        between 0 and 1.
    by : {"device", "cycle"}, optional
        Default: devices where there are 32 or more, where the cycles that are held out would be too few to judge, and
        of repeated reads.

    Returns
    -------
    to_learn, to_validate : xarray.Dataset
    summary : str
        How the data were cut, for ``validate(held_out=...)``.

    Raises
    ------
    ValueError
        If an argument is not of the kind described, or a part would be empty.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> data = learn.features(*(x.T for x in sg.CellArray(2, rng=1).run_cycles(200)))
    >>> to_learn, to_validate, summary = learn.hold_out(data)
    >>> to_learn.sizes["cycle"], to_validate.sizes["cycle"], summary
    (150, 50, '50 of 200 cycles, in 2 blocks')
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share:g}: 0.25 holds out a quarter")
    reads = "conductance" in data
    if reads and by == "cycle":
        raise ValueError("by='cycle' is for loops and features: repeated reads are held out by device")
    axis = by or ("device" if reads or data.sizes.get("device", 1) >= 32 else _axis_of_few(data, share))
    if axis not in ("device", "cycle"):
        raise ValueError(f'by must be "device" or "cycle", not {axis!r}')
    if axis == "cycle":
        data = _numbered(data).isel(cycle=_known_cycles(data))
    n = data.sizes[axis]
    count = round(share * n)
    if not 0 < count < n:
        raise ValueError(f"share={share:g} of {n} {axis}s leaves one part without any: give another share")
    if axis == "device":
        out, which = np.zeros(n, dtype=bool), "evenly spaced"
        out[((np.arange(count) + 0.5) * n / count).astype(int)] = True
    else:
        out, blocks = _blocks(n, count)
        which = f"in {blocks} block{'s' * (blocks != 1)}"
    summary = f"{count} of {n} {axis}s, {which}"
    return data.isel({axis: ~out}), data.isel({axis: out}), summary


def _blocks(n: int, count: int) -> tuple[BoolArray, int]:
    """Return which cycles are held out, and in how many blocks.

    Each block lies in the middle of an equal part of the record: what changes with the number of the cycle then does
    not tell the cycles that are held out from those that are learned, and nothing is judged beyond what was learned.
    """
    blocks = min(max(count // _LEAST_BLOCK, 1), _MOST_BLOCKS)
    ends = np.arange(blocks + 1) * n // blocks
    sizes = np.diff(np.arange(blocks + 1) * count // blocks)
    out = np.zeros(n, dtype=bool)
    for begin, end, size in zip(ends[:-1], ends[1:], sizes, strict=True):
        first = begin + (end - begin - size + 1) // 2
        out[first : first + size] = True
    return out, blocks


def _numbered(data: xr.Dataset) -> xr.Dataset:
    """Return a table whose cycles have numbers, by which the gaps of its parts are known."""
    if "cycle" in data.coords and data["cycle"].dtype.kind in "iu":
        return data
    return data.assign_coords(cycle=np.arange(data.sizes["cycle"]))


def _axis_of_few(data: xr.Dataset, share: float) -> Literal["device", "cycle"]:
    """Return along which axis fewer than 32 devices are cut: cycles, unless those held out were too few to judge."""
    cycles, devices = share * len(_known_cycles(data)), share * data.sizes.get("device", 1)
    return "device" if round(cycles) < LONG_RECORD <= cycles / share and round(devices) >= 1 else "cycle"


def _known_cycles(data: xr.Dataset) -> NDArray[np.int64]:
    """Return the positions of cycles that are there; tables may count others, too."""
    axes = [d for d in ("variable", "device", "point") if d in (*data.dims, "variable")]
    return np.flatnonzero(data.notnull().to_array().any(axes).to_numpy())
