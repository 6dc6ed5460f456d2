"""``synaptogen crossbar program``: write weights or conductances to virtual cells, and see what becomes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, checks, replacing
from synaptogen.array import CellArray
from synaptogen.cli.options import JSON, Threads, params_from, shape_of
from synaptogen.cli.output import Steps, out, print_json, say, steps
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

METHODS = ("write-verify", "one-shot")
MAPPINGS = ("none", "pair", "offset", "slices")
SUFFIXES = (".csv", ".npy")


def program(
    matrix: Annotated[
        Path | None,
        typer.Argument(help="Weights, or with --mapping none conductances in S: a matrix as CSV or NPY."),
    ] = None,
    random: Annotated[
        str | None,
        typer.Option("--random", metavar="ROWSxCOLUMNS", help="Instead of a file: random weights of that shape."),
    ] = None,
    mapping: Annotated[
        str, typer.Option("--mapping", metavar="KIND", help="pair, offset, slices, or none: the matrix is in S.")
    ] = "pair",
    w_max: Annotated[
        float | None, typer.Option("--w-max", metavar="W", help="Largest weight; default: that of the matrix.")
    ] = None,
    base: Annotated[int, typer.Option("--base", metavar="N", help="Slices: levels of a cell.")] = 4,
    levels: Annotated[int, typer.Option("--levels", metavar="N", help="Slices: magnitudes of a weight.")] = 256,
    share: Annotated[
        float, typer.Option("--share", help="Use the conductances that this share of cycles reaches.")
    ] = 0.95,
    method: Annotated[str, typer.Option("--method", metavar="NAME", help="write-verify or one-shot.")] = "write-verify",
    tolerance: Annotated[float, typer.Option("--tolerance", metavar="S", help="Of a conductance, in S.")] = 1e-6,
    budget: Annotated[int, typer.Option("--budget", metavar="N", help="Most pulses of a cell.")] = 100,
    strategy: Annotated[str, typer.Option("--strategy", metavar="NAME", help="transition or ramp.")] = "transition",
    reads: Annotated[int, typer.Option("--reads", metavar="N", help="Reads that are averaged.")] = 1,
    passes: Annotated[int, typer.Option("--passes", metavar="N", help="How often to go through all cells.")] = 1,
    scheme: Annotated[
        str | None, typer.Option("--scheme", metavar="V/2|V/3", help="No selectors: other cells see a part.")
    ] = None,
    u_set: Annotated[float | None, typer.Option("--u-set", metavar="V", help="Amplitude of SET pulses, in V.")] = None,
    clip: Annotated[bool, typer.Option("--clip", help="Clip what is out of reach, rather than refuse it.")] = False,
    params: Annotated[
        str, typer.Option("--params", metavar="NAME|FILE.json", help="A preset, or a parameter file.")
    ] = "hennen2024",
    rng: Annotated[
        int | None, typer.Option("--rng", metavar="SEED", help="Seed of 64 bits; default: a new one, which is told.")
    ] = None,
    threads: Threads = None,
    output: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.npz", help="Where targets, results and pulses go.")
    ] = None,
    figure: Annotated[Path | None, typer.Option("--figure", metavar="FILE", help="Draw errors and pulses.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    as_json: JSON = False,
) -> None:
    """Write a matrix to virtual cells with pulses, and report errors, pulses, failures and energy.

    The file of --out holds arrays of the shape of the cells: target, reached and measured in S, energy in J, pulses,
    converged, component; and, unless --mapping is none, weights and the weights that were reached.
    """
    _check_files(output, figure, overwrite)
    checks.one_of("--method", method, METHODS)
    checks.one_of("--mapping", mapping, MAPPINGS)
    population = params_from(params)
    window = reachable_window(population, share)
    job = _job(matrix, random, mapping, window, w_max, base, levels, clip, rng)
    cells = CellArray(job.targets.shape, population, rng=rng, threads=threads)
    outside = "clip" if clip else "refuse"
    with steps(transient=True) as shown:
        if method == "one-shot":
            report = one_shot(cells, job.targets, tolerance=tolerance, scheme=scheme, outside=outside, u_set=u_set)
        else:
            report = write_verify(
                cells,
                job.targets,
                tolerance=tolerance,
                budget=budget,
                strategy=strategy,
                reads=reads,
                passes=passes,
                scheme=scheme,
                outside=outside,
                u_set=u_set,
                progress=_bar(shown, f"writing {cells.size:,} cells"),
            )
    _tell(report, job, as_json)
    _write(report, job, output, figure)


@dataclass(frozen=True)
class Job:
    """What to write: conductances, and the weights that they stand for."""

    targets: AnyArray
    weights: AnyArray | None = None
    mapping: WeightMapping | None = None

    def weight_error(self, report: ProgrammingReport) -> float | None:
        """Root mean square of the errors of weights, over the largest weight."""
        if self.mapping is None or self.weights is None:
            return None
        error = self.mapping.combine(report.reached.astype(float)) - self.weights
        return float(np.sqrt(np.mean(error**2)) / self.mapping.w_max)


def _job(
    matrix: Path | None,
    random: str | None,
    mapping: str,
    window: Window,
    w_max: float | None,
    base: int,
    levels: int,
    clip: bool,
    rng: int | None,
) -> Job:
    if (matrix is None) == (random is None):
        raise ValueError("give either a file or --random ROWSxCOLUMNS")
    if random is not None:
        uniform = np.random.default_rng(rng).uniform(-1, 1, shape_of(random, axes=2))
        given = window.low + (uniform + 1) / 2 * (window.high - window.low) if mapping == "none" else uniform
    else:
        given = read_matrix(Path(str(matrix)))
    if mapping == "none":
        return Job(given)
    largest = float(np.abs(given).max()) or 1.0
    made = _mapping(mapping, window, largest if w_max is None else w_max, base, levels)
    return Job(made.targets(given, outside="clip" if clip else "refuse"), given, made)


def _mapping(name: str, window: Window, w_max: float, base: int, levels: int) -> WeightMapping:
    if name == "slices":
        return BitSlicing(*window, w_max, base, levels)
    return DifferentialPair(*window, w_max) if name == "pair" else OffsetColumn(*window, w_max)


def read_matrix(path: Path) -> NDArray[np.float64]:
    """A matrix of finite numbers from a CSV or NPY file.

    Raises
    ------
    ValueError, OSError
        If there is none, or it holds something else.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: give a file that ends in {' or '.join(SUFFIXES)}")
    try:
        if path.suffix == ".npy":
            found = np.load(path, allow_pickle=False)
        else:
            found = np.atleast_2d(np.loadtxt(_lines(path), delimiter=",", ndmin=2))
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} holds no matrix of numbers: {error}") from error
    if found.ndim != 2 or found.size == 0 or found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise ValueError(f"{path} must hold a matrix of finite numbers with two axes, not {found.dtype}{found.shape}")
    return np.asarray(found, float)


def _lines(path: Path) -> list[str]:
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if not lines:
        raise ValueError("it is empty")
    return lines


def _bar(shown: Steps, what: str) -> Callable[[int, int], None]:
    """What tells a bar how many cells are done."""
    advance_by = 100  # per cent
    advance, told = shown.begin(what, advance_by), 0

    def progress(done: int, total: int) -> None:
        nonlocal told
        while told < advance_by * done // total:
            advance()
            told += 1

    return progress


def _tell(report: ProgrammingReport, job: Job, as_json: bool) -> None:
    error = job.weight_error(report)
    if as_json:
        facts = {"cells": list(report.target.shape), "seed": str(report.cells.seed), "array": repr(report.cells)}
        told = {"report": report.statistics(), "mapping": repr(job.mapping) if job.mapping else None}
        print_json({**facts, **told, "rms_weight_error": error})
        return
    out.print(repr(report.cells), markup=False, soft_wrap=True)
    if job.mapping is not None:
        out.print(repr(job.mapping), markup=False, soft_wrap=True)
    out.print(report.summary(), markup=False, soft_wrap=True)
    if error is not None:
        out.print(f"weights: rms error {100 * error:.3g} % of the largest", markup=False)


def _check_files(output: Path | None, figure: Path | None, overwrite: bool) -> None:
    if output is not None and output.suffix != ".npz":
        raise ValueError(f"--out {output}: give a file that ends in .npz")
    for path in (output, figure):
        if path is not None and path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists: give --overwrite to replace it, or another name")
    if figure is not None:
        from synaptogen._utils import require

        require("matplotlib", "plot")


def _write(report: ProgrammingReport, job: Job, output: Path | None, figure: Path | None) -> None:
    if output is not None:
        arrays = {name: getattr(report, name) for name in ("target", "reached", "measured", "pulses", "energy")}
        arrays |= {"converged": report.converged, "component": report.components}
        if job.mapping is not None and job.weights is not None:
            arrays |= {"weights": job.weights, "reached_weights": job.mapping.combine(report.reached.astype(float))}
        _save(output, arrays)
        say(f"written: {output}")
    if figure is not None:
        from synaptogen.crossbar import figures

        figures.programming_report(report).savefig(figure)
        say(f"written: {figure}")


def _save(path: Path, arrays: dict[str, AnyArray]) -> None:
    with replacing(path) as part, Path(part).open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
