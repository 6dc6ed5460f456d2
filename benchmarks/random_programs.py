"""Claim: 100,000 random programs leave the same cells, whatever the way in which their calls are made.

A program is a sequence of public calls on an array of 1 to 70 cells: pulses, masks, sweeps, cycles, reads, products,
waits, views of views, copies, files, calls from two threads. Three arrays go through it:

    cells       the call as users make it, with 1 to 3 threads
    twin        the same in small steps: pulse by pulse, on flat views of the cells that are meant, on one thread, and
                now and then exchanged for a copy, a pickle or a file of itself
    reference   the reference engine, for full storage, in small steps

All that cells and twin return is equal to the last bit. The reference has the same modes and cycles, and mixing states
within rounding, unless they move with time; cells whose threshold lies within rounding of a voltage are set aside, and
counted. No number is NaN.
"""

import copy
import pickle
import random
import sys
import tempfile
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import synaptogen as sg
from _timing import introduce, parser, table, write_json
from synaptogen.engines.cpu import engine
from synaptogen.model.switching import CYCLE
from synaptogen.params.device_params import Population

PRESET = sg.DeviceParams.preset("hennen2024")
FAR = 1e6
TOO_CLOSE = 5e-6  # V; thresholds agree to about 1e-6 V between engines
ROUNDING = 5e-7  # of single precision, relative to the terms of a sum


def wide() -> sg.DeviceParams:
    """A population in which many features are cut off at their limits."""
    means = PRESET.population.means.copy()
    means[:, 4:] *= [3, 4, 8, 6]
    return PRESET.replace(population=Population(PRESET.population.weights, means, PRESET.population.cholesky))


def narrow() -> sg.DeviceParams:
    """A population of equal devices."""
    means, cholesky = PRESET.population.means, 1e-9 * PRESET.population.cholesky
    return PRESET.replace(population=Population(PRESET.population.weights, means, cholesky))


def aged() -> sg.DeviceParams:
    """Features that follow the number of the cycle, and devices that fail for good after some cycles."""
    curves = [[-0.2, 0.05], [-0.05, 0.0], [50.0, 0.0], [0.05, 0.02]]
    trend = sg.Trend(4, curves, [1.0, 1.0, -0.5, 1.0], 0.3 * np.tril(np.ones((4, 4))))
    return PRESET.compact(4).replace(trend=trend, wear=sg.Wear(5.0, 2.0, 0.4))


SETS = {
    "VAR(10)": PRESET,
    "VAR(1)": PRESET.with_order(1),
    "VAR(2)": PRESET.with_order(2),
    "compact(1)": PRESET.compact(1),
    "compact(4)": PRESET.compact(4),
    "compact(8)": PRESET.compact(8),
    "stretched": PRESET.compact(4).replace(eta=2.0, stretch=[0.3, 0.05, 0.1]),
    "wide": wide(),
    "narrow": narrow(),
    "aged": aged(),
    "moving": PRESET.compact(4).with_fluctuation("hfox-1t1r"),
}
FORMS = {"full": list(SETS), "compact": ["compact(1)", "compact(4)", "stretched", "aged", "moving"]}
"""Which sets there are in each form of storage."""


class DifferenceError(AssertionError):
    """Two arrays that must be equal are not."""


def same(a: Any, b: Any, what: str) -> None:
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind == "f" and not np.isfinite(a).all():
        raise DifferenceError(f"{what}: not finite")
    if a.shape != b.shape or a.dtype != b.dtype or not np.array_equal(a, b):
        raise DifferenceError(f"{what}: {a} and {b}")


class World:
    """Three arrays, which cells can still be compared with the reference, and a source of chance."""

    def __init__(self, seed: int) -> None:
        self.chance, self.rng = random.Random(seed), np.random.default_rng(seed)
        axes = self.chance.choice((1, 1, 2, 2, 2, 3))
        self.shape = tuple(self.chance.randint(1, (70, 8, 4)[axes - 1]) for _ in range(axes))
        self.where = np.arange(int(np.prod(self.shape))).reshape(self.shape)
        storage = self.chance.choice(("full", "full", "compact"))
        name = self.chance.choice(FORMS[storage])
        start, rng = self.chance.choice(("stationary", "pristine")), self.chance.randrange(1 << 64)
        options = {"params": SETS[name], "rng": rng, "start": start}
        self.cells = sg.CellArray(self.shape, threads=self.chance.randint(1, 3), storage=storage, **options)
        self.twin = sg.CellArray(self.shape, threads=1, storage=storage, **options)
        self.reference = None
        if self.chance.random() < 0.1:
            self._age()
        elif storage == "full":
            self.reference = sg.CellArray(self.shape, engine="reference", **options)
        self.still = name != "moving"
        self.clear = np.ones(self.where.size, bool)
        self.rounding = np.zeros(self.where.size)
        self.about = f"{name}, {storage}, {start}, {self.shape}, seed {rng}"

    def _age(self) -> None:
        """Put cells near the last number of a cycle, after which numbers begin again."""
        number = np.uint32(CYCLE - self.chance.randrange(8))
        for cells in (self.cells, self.twin):
            state = cells.state.engine.dump(0, cells.size)
            for words in (state.get("word"), state.get("hot")):
                if words is not None:
                    row = words if words.ndim == 1 else words[0]
                    row[:] = (row & ~np.uint32(CYCLE)) | number
            cells.state.engine.restore(0, state)

    # ---- what is drawn

    def key(self) -> Any:
        """An index of any kind that selects some cell."""
        first = self.shape[0]
        begin, end = sorted((self.chance.randrange(first), self.chance.randrange(first)))
        mask = self.rng.random(self.shape) < 0.4
        mask.flat[self.chance.randrange(mask.size)] = True
        rows = self.rng.permutation(first)[: self.chance.randint(1, first)]
        kinds = [..., slice(begin, end + 1), slice(None, None, -1), slice(begin, None, 2), mask, rows, (None, ...)]
        kinds += [int(begin), (..., -1), np.unravel_index(self.rng.permutation(mask.size)[:5], self.shape)]
        return self.chance.choice(kinds) if self.chance.random() < 0.6 else ...

    def voltages(self, *shape: int) -> Any:
        """Voltages of a shape, or that broadcast to it."""
        u = self.rng.uniform(-1.8, 1.8, self.chance.choice((shape, shape[-1:], ())))
        if self.chance.random() < 0.3:
            u = np.round(u, 1)
        return u * 0 + self.chance.choice((0.0, -FAR, FAR, 1.46, -1.5)) if self.chance.random() < 0.2 else u

    def flat(self, key: Any) -> Any:
        return self.where[key]

    # ---- steps of the twin and of the reference

    def step(self, at: Any, u: Any) -> None:
        """One pulse for the cells at flat positions, on the twin and the reference."""
        at = np.ravel(at)
        if not at.size:
            return
        u = np.ravel(u)
        self.twin.ravel()[at].apply_voltage(u)
        if self.reference is not None:
            self._watch(at, u)
            self.reference.ravel()[at].apply_voltage(u)

    def _watch(self, at: Any, u: Any) -> None:
        """Set cells aside whose threshold is too close to a voltage for single precision.

        An R_LRS far below the mean of a device is a small difference of large numbers, and rounded accordingly.
        """
        assert self.reference is not None
        part = self.reference.ravel()[at]
        fields, partly = part.state.fields(), part.mode == sg.Mode.IRS
        u_set, u_reset, ratchet = fields[0], fields[2], fields[4]
        close = np.abs(u - u_set) < TOO_CLOSE
        close |= np.abs(u - np.where(partly, ratchet, u_reset)) < TOO_CLOSE
        close &= ~(partly & (np.float32(u) == np.float32(ratchet)) & (np.abs(u - u_set) >= TOO_CLOSE))
        self.clear[at] &= ~close
        constants = self.reference.params.constants()
        g = constants.g_llrs - fields[1] / constants.per_span
        rounding = ROUNDING * np.abs(part.state.device()[2]) * g * g * constants.per_span
        self.rounding[at] = np.maximum(self.rounding[at], rounding)


# ---- calls: each is made on the cells, and in small steps on the others


def pulses(w: World) -> None:
    key = w.key()
    at, view = w.flat(key), w.cells[key]
    u = [w.voltages(*np.shape(at)) for _ in range(w.chance.randint(1, 4))]
    full = np.stack([np.broadcast_to(one, np.shape(at)) for one in u])
    mask = w.rng.random(np.shape(at)) < 0.5 if w.chance.random() < 0.4 else None
    if len(u) == 1 or w.chance.random() < 0.3:
        for one in u:
            view.apply_voltage(one, where=mask)
    else:
        view.apply_voltages(full, where=mask)
    for one in full:
        chosen = slice(None) if mask is None else np.ravel(mask)
        w.step(np.ravel(at)[chosen], np.ravel(one)[chosen])


def sweep(w: World) -> None:
    key, noise = w.key(), w.chance.random() < 0.5
    at = w.flat(key)
    u = np.stack([np.broadcast_to(w.voltages(*np.shape(at)), np.shape(at)) for _ in range(w.chance.randint(1, 3))])
    found = w.cells[key].sweep(u, noise=noise)
    for one, currents in zip(u, found, strict=True):
        w.step(at, one)
        part = w.twin.ravel()[np.ravel(at)]
        expected = part.read(np.ravel(one)) if noise else part.current(np.ravel(one))
        same(currents.ravel(), expected, "sweep")


def cycles(w: World) -> None:
    key, count = w.key(), w.chance.randint(1, 3)
    at = w.flat(key)
    future = w.cells[key].upcoming(count)
    found = w.cells[key].run_cycles(count)
    for k in range(count):
        for u in (-FAR, FAR):
            w.step(at, np.full(np.shape(at), u))
        for name, values in w.twin.ravel()[np.ravel(at)].features._asdict().items():
            same(getattr(found, name)[k].ravel(), values, f"cycles, {name}")
            same(getattr(future, name)[k].ravel(), values, f"upcoming, {name}")


def reads(w: World) -> None:
    key = w.key()
    at = w.flat(key)
    view, part = w.cells[key], w.twin.ravel()[np.ravel(at)]
    u = np.broadcast_to(w.voltages(*np.shape(at)), np.shape(at))
    same(view.read(u).ravel(), part.read(np.ravel(u)), "read")
    same(view.current(u).ravel(), part.current(np.ravel(u)), "current")
    same(view.conductance().ravel(), part.conductance(), "conductance")
    blocks = view.read_in_blocks(0.2, block=w.chance.randint(1, 30))
    same(np.concatenate(list(blocks)), part.read(0.2), "read in blocks")


def products(w: World) -> None:
    if len(w.shape) != 2:
        return
    transpose = w.chance.random() < 0.5
    inputs = w.shape[0] if transpose else w.shape[1]
    v = w.rng.uniform(-0.3, 0.3, inputs if w.chance.random() < 0.5 else (3, inputs))
    v = v if transpose or v.ndim == 1 else v.T
    for bandwidth in (None, 0.0, 1e6):
        results = [c.product(v, transpose=transpose, bandwidth=bandwidth) for c in (w.cells, w.twin)]
        same(*results, f"product, transpose={transpose}, bandwidth={bandwidth}")


def exchange(w: World) -> None:
    """The twin goes on as a copy of itself."""
    draw = w.chance.random()
    if draw < 0.1:
        with tempfile.TemporaryDirectory() as folder:
            w.twin.save(Path(folder) / "twin")
            w.twin = sg.load(Path(folder) / "twin", threads=1)
    elif draw < 0.4:
        w.twin = pickle.loads(pickle.dumps(w.twin))
    else:
        w.twin = w.chance.choice((copy.copy, copy.deepcopy, lambda cells: cells.copy()))(w.twin)


def waits(w: World) -> None:
    """A wait in one piece, and in two."""
    first, second = (w.chance.choice((1, 10**3, 10**9, 86_400 * 10**9)) for _ in range(2))  # ns
    temperature = w.chance.choice((None, 330.0))
    w.cells.wait((first + second) * 1e-9, temperature)
    for cells in (w.twin, w.reference):
        if cells is not None:
            cells.wait(first * 1e-9, temperature)
            cells.wait(second * 1e-9, temperature)
    same(w.cells.time, w.twin.time, "time")


def settings(w: World) -> None:
    if w.chance.random() < 0.5:
        number = w.chance.randrange(1000)
        for cells in (w.cells, w.twin):
            cells.reseed_reads(number)
    else:
        bandwidth = w.chance.choice((0.0, 1.0, 1e6, 1e8))
        for cells in (w.cells, w.twin):
            cells.bandwidth = bandwidth


def in_threads(w: World) -> None:
    """Two threads change and read cells of their own; reads of the same cells have each their noise."""
    if w.where.size < 2:
        return
    halves = np.array_split(w.rng.permutation(w.where.size), 2)
    u = [w.rng.uniform(-1.8, 1.8, len(half)) for half in halves]
    found: list[Any] = [None, None]

    def work(k: int) -> None:
        view = w.cells.ravel()[halves[k]]
        view.apply_voltage(u[k])
        found[k] = view.read(0.2)

    together = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    for k in range(2):
        w.step(halves[k], u[k])
        same(found[k], w.twin.ravel()[halves[k]].read(0.2), "read in a thread")


def refused(w: World) -> None:
    """Calls that raise change nothing, which the next look tells."""
    bad: list[Callable[[], Any]] = [
        lambda: w.cells.apply_voltage(np.nan),
        lambda: w.cells.apply_voltages([[-1.0] * (w.shape[-1] + 1)]),
        lambda: w.cells.sweep([]),
        lambda: w.cells.read(bandwidth=-1.0),
        lambda: w.cells.run_cycles(0),
        lambda: w.cells[w.shape[0]],
        lambda: w.cells.apply_voltage(-1.0, where=[0.5]),
    ]
    try:
        w.chance.choice(bad)()
    except (ValueError, TypeError, IndexError):
        return
    raise DifferenceError("a bad call was not refused")


def look(w: World) -> None:
    """All that shows is the same."""
    for name in ("r", "mode", "cycle", "component", "device"):
        same(getattr(w.cells, name), getattr(w.twin, name), name)
    for name, values in w.cells.features._asdict().items():
        same(values, getattr(w.twin.features, name), name)
    same(w.cells.limited(), w.twin.limited(), "limited")
    if w.reference is not None:
        clear = w.clear
        for name in ("mode", "cycle"):
            same(getattr(w.cells, name).ravel()[clear], getattr(w.reference, name).ravel()[clear], f"reference, {name}")
        if not w.still:
            return
        r = w.reference.r.ravel()[clear]
        off = np.abs(w.cells.r.ravel()[clear] - r)
        if np.any(off >= 1e-5 * np.maximum(1.0, np.abs(r)) + w.rounding[clear]):  # states at limits are far from 0 to 1
            raise DifferenceError(f"reference, r: {off.max()}")


CALLS = [pulses] * 5 + [sweep, cycles, reads, reads, products, waits, exchange, settings, in_threads, refused, look]


def run(seed: int) -> tuple[int, int]:
    """Run a program; returns how many calls it made, and how many cells were set aside."""
    w = World(seed)
    calls: list[str] = []
    try:
        for _ in range(w.chance.randint(2, 8)):
            call = w.chance.choice(CALLS)
            calls.append(call.__name__)
            call(w)
        look(w)
    except BaseException as error:
        error.add_note(f"program {seed}: {', '.join(calls)}; {w.about}")
        raise
    return len(calls), int(np.count_nonzero(~w.clear))


def share_small_pieces() -> None:
    """Threads share small arrays, too."""
    share = engine.share
    engine.share = lambda *work, smallest: share(*work, min(smallest, 2))


def main() -> None:
    options = parser(__doc__, 1000)  # programs; the claim was shown with --repeats 100000
    options.add_argument("--seed", type=int, default=0, help="number of the first program")
    given = options.parse_args()
    about = introduce("Random programs")
    share_small_pieces()
    counts = Counter[str]()
    for seed in range(given.seed, given.seed + given.repeats):
        try:
            calls, aside = run(seed)
            counts["calls"] += calls
            counts["cells set aside"] += aside
        except Exception as error:
            counts["differences"] += 1
            if counts["differences"] <= 20:
                traceback.print_exception(error)
        if seed % 5000 == 4999:
            print(seed + 1, dict(counts), file=sys.stderr, flush=True)
    counts["programs"] = given.repeats
    print(table(["what", "number"], sorted(counts.items())))
    write_json(given.json, about, dict(counts))
    sys.exit(counts["differences"] > 0)


if __name__ == "__main__":
    main()
