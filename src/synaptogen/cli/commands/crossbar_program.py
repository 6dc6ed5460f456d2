"""``synaptogen crossbar program``: write weights or conductances to virtual cells, and report the result."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Annotated, Literal, TypeAlias, cast

import numpy as np
import typer

from synaptogen._utils import AnyArray, Float64Array, replacing, require
from synaptogen.array import CellArray
from synaptogen.cli.options import JSON, NewSeed, Params, Threads, choice, params_from, require_free, shape_of
from synaptogen.cli.output import Steps, print_json, say, stdout, steps
from synaptogen.crossbar import (
    BitSlicing,
    DifferentialPair,
    OffsetColumn,
    ProgrammingReport,
    WeightMapping,
    Window,
    one_shot,
    reachable_window,
    write_verify,
)

Method: TypeAlias = Literal["write-verify", "one-shot"]
MappingName: TypeAlias = Literal["none", "pair", "offset", "slices"]
Outside: TypeAlias = Literal["clip", "refuse"]
METHODS: tuple[Method, ...] = ("write-verify", "one-shot")
MAPPINGS: tuple[MappingName, ...] = ("none", "pair", "offset", "slices")
SUFFIXES = (".csv", ".npy")

# ---- options

Matrix: TypeAlias = Annotated[
    Path | None, typer.Argument(help="Weights, or with --mapping none conductances in S: a matrix as CSV or NPY.")
]
RandomShape: TypeAlias = Annotated[
    str | None,
    typer.Option("--random", metavar="ROWSxCOLUMNS", help="Instead of a file: random weights of that shape."),
]
MappingOption: TypeAlias = Annotated[
    str, typer.Option("--mapping", metavar="KIND", help="pair, offset, slices, or none: the matrix is in S.")
]
LargestWeight: TypeAlias = Annotated[
    float | None, typer.Option("--w-max", metavar="W", help="Largest weight; default: that of the matrix.")
]
Base: TypeAlias = Annotated[int, typer.Option("--base", metavar="N", help="With slices: levels per cell.")]
Levels: TypeAlias = Annotated[int, typer.Option("--levels", metavar="N", help="With slices: magnitudes of a weight.")]
Share: TypeAlias = Annotated[
    float, typer.Option("--share", help="Use the conductances that this share of cycles reaches.")
]
MethodOption: TypeAlias = Annotated[str, typer.Option("--method", metavar="NAME", help="write-verify or one-shot.")]
Tolerance: TypeAlias = Annotated[
    float, typer.Option("--tolerance", metavar="S", help="Tolerance of a conductance in S.")
]
Budget: TypeAlias = Annotated[int, typer.Option("--budget", metavar="N", help="Largest number of pulses per cell.")]
Strategy: TypeAlias = Annotated[str, typer.Option("--strategy", metavar="NAME", help="transition or ramp.")]
Reads: TypeAlias = Annotated[int, typer.Option("--reads", metavar="N", help="Number of reads that are averaged.")]
Passes: TypeAlias = Annotated[
    int, typer.Option("--passes", metavar="N", help="Number of times that all cells are visited.")
]
Rounds: TypeAlias = Annotated[
    int,
    typer.Option("--rounds", metavar="N", help="Verify again after a wait, and rewrite what has left the tolerance."),
]
Wait: TypeAlias = Annotated[float, typer.Option("--wait", metavar="S", help="Seconds between rounds.")]
After: TypeAlias = Annotated[
    list[float] | None,
    typer.Option(
        "--after",
        metavar="S",
        help="Report the share within the tolerance so many seconds later, also several times; default for cells that "
        "change in time: 1 s, 1 h and 10 years.",
    ),
]
Fluctuation: TypeAlias = Annotated[
    str | None,
    typer.Option("--fluctuation", metavar="NAME", help="Cells change in time, as these do: hfox-1t1r."),
]
Width: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--width",
        metavar="S",
        help="Width of each pulse in s: a shorter one needs a higher voltage, as the parameter file or --width-law"
        " says, and time passes. Default: that of the law, in no time.",
    ),
]
WidthLaw: TypeAlias = Annotated[
    str | None,
    typer.Option("--width-law", metavar="NAME", help="Thresholds depend on the width as in: hfox-1t1r-gate."),
]
SchemeName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--scheme", metavar="V/2|V/3", help="Without selectors, other cells see a part of each voltage: V/2 or V/3."
    ),
]
SetVoltage: TypeAlias = Annotated[
    float | None, typer.Option("--u-set", metavar="V", help="Amplitude of SET pulses, in V.")
]
Clip: TypeAlias = Annotated[
    bool, typer.Option("--clip", help="Clip targets that cells cannot reach; default: refuse them.")
]
ArraysFile: TypeAlias = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.npz", help="File for targets, results and pulses.")
]
FigureFile: TypeAlias = Annotated[Path | None, typer.Option("--figure", metavar="FILE", help="Draw errors and pulses.")]
TimeFigureFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--time-figure", metavar="FILE", help="Draw the conductances of each level at these later times."),
]
OverwriteFiles: TypeAlias = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]


def program(
    matrix: Matrix = None,
    random: RandomShape = None,
    mapping: MappingOption = "pair",
    w_max: LargestWeight = None,
    base: Base = 4,
    levels: Levels = 256,
    share: Share = 0.95,
    method: MethodOption = "write-verify",
    tolerance: Tolerance = 1e-6,
    budget: Budget = 100,
    strategy: Strategy = "transition",
    reads: Reads = 1,
    passes: Passes = 1,
    rounds: Rounds = 1,
    wait: Wait = 1.0,
    after: After = None,
    width: Width = None,
    scheme: SchemeName = None,
    u_set: SetVoltage = None,
    clip: Clip = False,
    params: Params = "hennen2024",
    fluctuation: Fluctuation = None,
    width_law: WidthLaw = None,
    rng: NewSeed = None,
    threads: Threads = None,
    output: ArraysFile = None,
    figure: FigureFile = None,
    time_figure: TimeFigureFile = None,
    overwrite: OverwriteFiles = False,
    as_json: JSON = False,
) -> None:
    """Write a matrix to virtual cells with pulses, and report errors, pulses, failures and energy.

    The file of --out holds arrays of the shape of the cells: target, reached and measured in S, energy in J, pulses,
    converged, component; if cells change in time, reached_later, with a first axis over the times of --after; and,
    unless --mapping is none, weights and the weights that were reached.
    \f

    Parameters
    ----------
    matrix, random : pathlib.Path, str
        The weights: a file, or the shape of random ones. One of the two must be given.
    mapping, w_max, base, levels, share : str, float, int, int, float
        How weights become conductances, and the window of conductances; see `WeightMapping`, `reachable_window`.
    method, tolerance, budget, strategy, reads, passes, rounds, wait, after, width, scheme, u_set, clip
        How cells are written, see `write_verify` and `one_shot`.
    params, fluctuation, width_law, rng, threads : str, str, str, int, int
        Population, what time and the width of pulses do to it, seed and threads of the cells.
    output, figure, time_figure, overwrite : pathlib.Path, pathlib.Path, pathlib.Path, bool
        Files to write, and whether to replace them.
    as_json : bool
        Print JSON instead of text.
    """
    _require_free_files(output, (figure, time_figure), overwrite)
    writer = choice("--method", method, METHODS)
    kind = choice("--mapping", mapping, MAPPINGS)
    population = params_from(params)
    if fluctuation is not None:
        population = population.with_fluctuation(fluctuation)
    if width_law is not None:
        population = population.with_pulse_width(width_law)
    if time_figure is not None and population.fluctuation is None:
        raise ValueError("--time-figure needs cells that change in time: give --fluctuation hfox-1t1r, say")
    window = reachable_window(population, share)
    given = _given_matrix(matrix, random, kind, window, rng)
    outside: Outside = "clip" if clip else "refuse"
    writing = Writing(
        writer, tolerance, budget, strategy, reads, passes, rounds, wait, after, width, scheme, outside, u_set
    )
    job = _job(given, kind, window, w_max, base, levels, writing.outside)
    cells = CellArray(job.targets.shape, population, rng=rng, threads=threads)
    report = writing.apply(cells, job.targets)
    _show(report, job, as_json)
    _write(report, job, output, figure, time_figure)


@dataclass(frozen=True)
class Writing:
    """A method of writing with its settings, see `write_verify` and `one_shot`.

    Parameters
    ----------
    method : {"write-verify", "one-shot"}
        One-shot takes only tolerance, after, width, scheme, outside and u_set.
    tolerance : float
        Tolerance of a conductance in S.
    budget, reads, passes : int
        Most pulses of a cell, reads that are averaged, passes through all cells.
    strategy : {"transition", "ramp"}
        Amplitudes of the pulses.
    rounds : int
        Rounds with a wait in between.
    wait : float
        Seconds between them.
    after : list of float, optional
        Seconds after the run for which the report says how many cells are within the tolerance.
    width : float, optional
        Width of each pulse in s.
    scheme : {"V/2", "V/3"}, optional
        Voltage of other cells; None: selectors keep it from them.
    outside : {"clip", "refuse"}
        Treatment of conductances out of reach.
    u_set : float, optional
        Amplitude of SET pulses in V.
    """

    method: Method
    tolerance: float
    budget: int
    strategy: str
    reads: int
    passes: int
    rounds: int
    wait: float
    after: list[float] | None
    width: float | None
    scheme: str | None
    outside: Outside
    u_set: float | None

    def apply(self, cells: CellArray, targets: AnyArray) -> ProgrammingReport:
        """Write conductances to cells, and show the progress.

        Parameters
        ----------
        cells : CellArray
            The cells; they change.
        targets : array of shape ``cells.shape``
            Conductances in S.

        Returns
        -------
        ProgrammingReport
            Errors, pulses and energy of each cell.
        """
        scheme = cast("Literal['V/2', 'V/3'] | None", self.scheme)
        with steps(transient=True) as shown:
            if self.method == "one-shot":
                return one_shot(
                    cells,
                    targets,
                    tolerance=self.tolerance,
                    after=self.after,
                    width=self.width,
                    scheme=scheme,
                    outside=self.outside,
                    u_set=self.u_set,
                )
            return write_verify(
                cells,
                targets,
                tolerance=self.tolerance,
                budget=self.budget,
                strategy=cast("Literal['transition', 'ramp']", self.strategy),
                reads=self.reads,
                passes=self.passes,
                rounds=self.rounds,
                wait=self.wait,
                after=self.after,
                width=self.width,
                scheme=scheme,
                outside=self.outside,
                u_set=self.u_set,
                progress=_bar(shown, f"writing {cells.size:,} cells"),
            )


@dataclass(frozen=True)
class ProgrammingJob:
    """The conductances to write, and the weights that they stand for.

    Parameters
    ----------
    targets : array of shape (rows, columns)
        Conductances of the cells in S.
    weights : array, optional
        Weights of the matrix.
    mapping : WeightMapping, optional
        How weights became conductances.
    """

    targets: AnyArray
    weights: AnyArray | None = None
    mapping: WeightMapping | None = None

    def weight_error(self, report: ProgrammingReport) -> float | None:
        """Return the root mean square of the errors of weights, divided by the largest weight."""
        if self.mapping is None or self.weights is None:
            return None
        error = self.mapping.combine(report.reached.astype(float)) - self.weights
        return float(np.sqrt(np.mean(error**2)) / self.mapping.w_max)


def _given_matrix(
    matrix: Path | None, random: str | None, mapping: MappingName, window: Window, rng: int | None
) -> Float64Array:
    """Return the matrix of the file, or random weights from -1 to 1, or random conductances within the window."""
    if (matrix is None) == (random is None):
        raise ValueError("give either a file or --random ROWSxCOLUMNS")
    if random is None:
        return _read_matrix(Path(str(matrix)))
    uniform = np.random.default_rng(rng).uniform(-1, 1, shape_of(random, axes=2))
    return window.low + (uniform + 1) / 2 * (window.high - window.low) if mapping == "none" else uniform


def _job(
    given: Float64Array,
    mapping: MappingName,
    window: Window,
    w_max: float | None,
    base: int,
    levels: int,
    outside: Outside,
) -> ProgrammingJob:
    """Map weights to conductances; with the mapping none the matrix holds conductances already."""
    if mapping == "none":
        return ProgrammingJob(given)
    largest = (float(np.abs(given).max()) or 1.0) if w_max is None else w_max
    chosen = _mapping(mapping, window, largest, base, levels)
    return ProgrammingJob(chosen.targets(given, outside=outside), given, chosen)


def _mapping(name: MappingName, window: Window, w_max: float, base: int, levels: int) -> WeightMapping:
    if name == "slices":
        return BitSlicing(*window, w_max, base, levels)
    return DifferentialPair(*window, w_max) if name == "pair" else OffsetColumn(*window, w_max)


def _read_matrix(path: Path) -> Float64Array:
    """Read a matrix of finite numbers from a CSV or NPY file."""
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: give a file that ends in {' or '.join(SUFFIXES)}")
    try:
        if path.suffix == ".npy":
            found = np.load(path, allow_pickle=False)
        else:
            found = np.atleast_2d(np.loadtxt(_lines(path), delimiter=",", ndmin=2))
    except (ValueError, EOFError, SyntaxError, TokenError) as error:  # the last two of damaged heads of NPY files
        raise ValueError(f"{path} holds no matrix of numbers: {error}") from error
    if found.ndim != 2 or found.size == 0 or found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise ValueError(f"{path} must hold a matrix of finite numbers with two axes, not {found.dtype}{found.shape}")
    return np.asarray(found, float)


def _lines(path: Path) -> list[str]:
    """Return the lines of a file that are not blank."""
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if not lines:
        raise ValueError("it is empty")
    return lines


def _bar(shown: Steps, title: str) -> Callable[[int, int], None]:
    """Return the function that moves a bar, in per cent, by the number of cells that are done."""
    whole = 100
    advance, moved = shown.begin(title, whole), 0

    def progress(done: int, total: int) -> None:
        nonlocal moved
        while moved < whole * done // total:
            advance()
            moved += 1

    return progress


def _show(report: ProgrammingReport, job: ProgrammingJob, as_json: bool) -> None:
    error = job.weight_error(report)
    if as_json:
        facts = {"cells": list(report.target.shape), "seed": str(report.cells.seed), "array": repr(report.cells)}
        results = {"report": report.statistics(), "mapping": repr(job.mapping) if job.mapping else None}
        print_json({**facts, **results, "rms_weight_error": error})
        return
    stdout.print(repr(report.cells), markup=False, soft_wrap=True)
    if job.mapping is not None:
        stdout.print(repr(job.mapping), markup=False, soft_wrap=True)
    stdout.print(report.summary(), markup=False, soft_wrap=True)
    if error is not None:
        stdout.print(f"weights: rms error {100 * error:.3g} % of the largest", markup=False)


def _require_free_files(output: Path | None, drawn: tuple[Path | None, ...], overwrite: bool) -> None:
    if output is not None and output.suffix != ".npz":
        raise ValueError(f"--out {output}: give a file that ends in .npz")
    for path in (output, *drawn):
        if path is not None:
            require_free(path, overwrite)
    if any(path is not None for path in drawn):
        require("matplotlib", "plot")


def _write(
    report: ProgrammingReport, job: ProgrammingJob, output: Path | None, figure: Path | None, time_figure: Path | None
) -> None:
    if output is not None:
        arrays = {name: getattr(report, name) for name in ("target", "reached", "measured", "pulses", "energy")}
        arrays |= {"converged": report.converged, "component": report.components}
        if report.later:
            arrays |= {
                "after": np.array([state.seconds for state in report.later]),
                "reached_later": np.stack([state.conductance for state in report.later]),
            }
        if job.mapping is not None and job.weights is not None:
            arrays |= {"weights": job.weights, "reached_weights": job.mapping.combine(report.reached.astype(float))}
        _save(output, arrays)
        say(f"written: {output}")
    for path, name in (figure, "programming_report"), (time_figure, "retention"):
        if path is not None:
            from synaptogen.crossbar import figures

            getattr(figures, name)(report).savefig(path)
            say(f"written: {path}")


def _save(path: Path, arrays: dict[str, AnyArray]) -> None:
    with replacing(path) as part, Path(part).open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # NumPy takes the names of arrays for its own arguments
