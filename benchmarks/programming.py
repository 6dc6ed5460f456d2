"""Claim: a million cells are written and verified in seconds, and the outliers are found.

- speed: write-verify of random targets, over tolerances: seconds, and pulses of cells a second with the read, the
  decision and the energy of each, over plain updates of cells a second of the published package (`synaptogen` 0.2.0 on
  PyPI, mean of its SETs and partial RESETs, without reads). The last column: seconds, over those that the published
  package takes to apply one voltage to all cells once. The two take turns.
- errors over tolerances and budgets, and which component of the population the failures belong to.
- disturbance of the other cells by V/2 and V/3.

--figures DIR draws what the documentation shows.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import synaptogen as sg
from _timing import Summary, introduce, parser, positive, ratios, rounds, seconds, side, summary, table, write_json
from peer import installed_peer, worker
from synaptogen.crossbar import ProgrammingReport, one_shot, write_verify
from synaptogen.crossbar.figures import disturbance, disturbed_shares, error_distributions, programming_report

TOLERANCES = (0.5e-6, 1e-6, 2e-6, 5e-6)  # S
BUDGETS = (3, 5, 10, 30, 100)
LOW, HIGH = 30e-6, 180e-6  # S
AMPLITUDES = (1.0, 1.2, 1.3, 1.5, 2.0)  # V
SCHEMES = ("V/2", "V/3")


def targets(shape: tuple[int, int]) -> NDArray[np.float64]:
    return np.random.default_rng(0).uniform(LOW, HIGH, shape)


def written(size: int, threads: int = 1, **options: Any) -> ProgrammingReport:
    shape = side(size), side(size)
    return write_verify(sg.CellArray(shape, rng=1, threads=threads), targets(shape), **options)


def timed(size: int, threads: int, tolerance: float) -> tuple[float, float]:
    """Return seconds and pulses of one write-verify of new cells."""
    shape = side(size), side(size)
    cells, wanted = sg.CellArray(shape, rng=1, threads=threads), targets(shape)
    cells.apply_voltages([-2.0, 1.5])  # so that the first cycles have been drawn before the clock starts
    reports: list[ProgrammingReport] = []
    took = seconds(lambda: reports.append(write_verify(cells, wanted, tolerance=tolerance)))
    return took, float(reports[0].pulses.sum())


def speed(size: int, threads: int, repeats: int, python: str) -> tuple[list[list[Any]], Summary]:
    """Return lines of a table, and updates per second of the published package."""
    timed(2**12, threads, 1e-6)
    with worker((python, "-E"), threads, "--package=published") as peer:
        tasks: dict[str, Any] = {f"{t}": partial(timed, size, threads, t) for t in TOLERANCES}
        tasks["peer"] = partial(peer.ask, "partial", size)
        results = rounds(tasks, repeats, 0)
    updates = [size / (sum(times.values()) / len(times)) for times in results.pop("peer")]
    lines = []
    for tolerance, found in results.items():
        rates = [pulses / took for took, pulses in found]
        lines.append(
            [
                1e6 * float(tolerance),
                summary(took for took, _ in found),
                found[0][1] / size,
                summary(rates).median / 1e6,
                ratios(rates, updates),
                ratios([took for took, _ in found], [size / rate for rate in updates]),
            ]
        )
    return lines, summary(updates)


def line(name: object, report: ProgrammingReport) -> list[Any]:
    facts = report.statistics()
    error = [1e6 * value for value in facts["error_quantiles"].values()]
    rates = [100 * rate.rate for rate in report.by_component()]
    return [
        name,
        *error,
        facts["mean_pulses"],
        100 * facts["failed"] / facts["cells"],
        *rates,
        1e12 * facts["energy"] / facts["cells"],
    ]


ERRORS = ["median, uS", "99 %", "largest", "pulses", "failed, %", "component 0", "1", "2", "pJ a cell"]


def main() -> None:
    options = parser(__doc__, repeats=3)
    options.add_argument("--size", type=positive, default=2**20, metavar="CELLS")
    options.add_argument("--threads", type=positive, default=1, help="of this package (default: %(default)s)")
    options.add_argument("--peer-python", metavar="PATH", help="interpreter that has synaptogen 0.2.0")
    options.add_argument("--figures", metavar="DIR", type=Path, help="draw the figures of the documentation")
    given = options.parse_args()
    about = introduce(f"Programming of {given.size} cells, {given.threads} thread(s)")
    lines, updates = speed(given.size, given.threads, given.repeats, given.peer_python or installed_peer())
    print(f"\nWrite-verify; the published package makes {updates.median / 1e6:.3g} million updates a second")
    headings = [
        "tolerance, uS",
        "seconds",
        "pulses a cell",
        "million pulses/s",
        "over published updates/s",
        "time in published updates of all cells",
    ]
    print(table(headings, lines), flush=True)

    by_tolerance = {t: written(given.size, given.threads, tolerance=t) for t in TOLERANCES}
    print("\nErrors over tolerances in uS, budget 100; failures in % of the cells of each component")
    over_tolerance = [line(f"{1e6 * t:g} uS", report) for t, report in by_tolerance.items()]
    print(table(["tolerance", *ERRORS], over_tolerance), flush=True)
    by_budget = {b: written(given.size, given.threads, budget=b) for b in BUDGETS}
    over_budget = [line(f"{b} pulses", report) for b, report in by_budget.items()]
    shape = side(given.size), side(given.size)
    over_budget.append(line("one shot", one_shot(sg.CellArray(shape, rng=1), targets(shape))))
    over_budget.append(line("ramp, 100", written(given.size, given.threads, strategy="ramp")))
    print("\nThe same over budgets, tolerance 1 uS")
    print(table(["budget", *ERRORS], over_budget), flush=True)

    cells = sg.CellArray((256, 256), rng=1)
    shares = {
        (s, sign): disturbed_shares(cells, [sign * u for u in AMPLITUDES], s) for s in SCHEMES for sign in (-1, 1)
    }
    rows = [
        [f"{sign * u:g} V", *(float(100 * shares[s, sign][k][j]) for s in SCHEMES for j in (0, 1))]
        for sign in (-1, 1)
        for k, u in enumerate(AMPLITUDES)
    ]
    print("\nCells that moved by more than 1 uS while every second cell of 8 of 256 lines was written, in %")
    print(table(["amplitude", "V/2, others", "V/2, selected", "V/3, others", "V/3, selected"], rows), flush=True)
    write_json(given.json, about, {"speed": lines, "tolerance": over_tolerance, "budget": over_budget, "others": rows})

    if given.figures:
        draw(given.figures, by_tolerance, by_budget, cells)


def draw(
    folder: Path,
    by_tolerance: dict[float, ProgrammingReport],
    by_budget: dict[int, ProgrammingReport],
    cells: sg.CellArray,
) -> None:
    """Draw the figures of the documentation."""
    folder.mkdir(parents=True, exist_ok=True)
    left = {f"{1e6 * t:g} \N{MICRO SIGN}S": report for t, report in by_tolerance.items()}
    right = {f"{b} pulses": report for b, report in by_budget.items()}
    figures = {
        "programming_errors": error_distributions(left, right),
        "programming": programming_report(by_budget[100]),
        "disturbance": disturbance(cells, np.linspace(0.4, 2.4, 41).tolist()),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")
        print(f"written: {folder / name}.png", file=sys.stderr)


if __name__ == "__main__":
    main()
