"""Whatever is wrong with an input: an error that names the argument, and no cell changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import synaptogen as sg

SHAPE = 3, 4
CELLS = {engine: sg.CellArray(SHAPE, rng=1, engine=engine) for engine in ("cpu", "reference")}
engines = pytest.mark.parametrize("engine", CELLS)


@pytest.fixture(scope="module", autouse=True)
def moved_on():
    for cells in CELLS.values():
        cells.apply_voltages(np.random.default_rng(1).uniform(-1.5, 1.5, (5, *SHAPE)))
        cells[1].read()


@pytest.fixture(scope="module")
def refused(state, same_state):
    """A function that asserts that a use of cells is refused, naming the argument, and leaves them as they were."""

    def check(cells, use, error, names):
        before = state(cells)
        with pytest.raises(error) as caught:
            use(cells)
        assert any(name in str(caught.value) for name in ([names] if isinstance(names, str) else names)), caught.value
        same_state(before, state(cells))

    return check


# ---------------------------------------------------------------------------------------- voltages

USES = {
    # how a value reaches an argument, the argument's name, whether its first axis counts voltages
    "apply_voltage": (lambda cells, v: cells.apply_voltage(v), "u", False),
    "apply_voltages": (lambda cells, v: cells.apply_voltages(v), "pulses", True),
    "sweep": (lambda cells, v: cells.sweep(v), "waveform", True),
    "sweep with noise": (lambda cells, v: cells.sweep(v, noise=True), "waveform", True),
    "read": (lambda cells, v: cells.read(v), "u", False),
    "current": (lambda cells, v: cells.current(v), "u", False),
    "product": (lambda cells, v: cells @ v, "v", False),
    "product from the left": (lambda cells, v: cells.product(v, transpose=True), "v", False),
}
uses = pytest.mark.parametrize("use", USES)


def with_one(bad):
    """Voltages of the cells' shape with a bad one among them."""
    return st.builds(
        lambda where, value: np.where(np.arange(12).reshape(SHAPE) == where, value, -2.0), st.integers(0, 11), bad
    )


not_finite = st.sampled_from([np.nan, np.inf, -np.inf, 1e39, -1e300])


@uses
@given(value=with_one(not_finite))
def test_voltages_that_are_not_finite(use, value, refused):
    call, name, counted = USES[use]
    if "product" in use:
        value = value[0] if use == "product" else value[:, 0]
        value = np.where(np.isfinite(value) & (np.abs(value) < 1e38), value, np.nan)
        value[0] = np.nan
    refused(CELLS["cpu"], lambda cells: call(cells, value[None] if counted else value), ValueError, f"{name} holds")


@uses
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_voltage_for_all_that_is_not_finite(use, value, refused):
    call, name, counted = USES[use]
    wrong = [0.1, value] if counted else value
    if "product" in use:
        wrong = np.full(SHAPE[1] if use == "product" else SHAPE[0], value)
    for cells in CELLS.values():
        refused(cells, lambda cells: call(cells, wrong), ValueError, f"{name} holds")


no_numbers = st.one_of(
    st.text(max_size=5),
    st.complex_numbers(),
    st.just([1.0, [2.0, 3.0]]),
    st.just({"u": 1.0}),
    st.just(object()),
    st.just(b"1.5"),
    st.just([None, 1.0]),
    st.just(np.datetime64("2024-01-01")),
    st.just(np.timedelta64(3, "s")),
    st.just(np.zeros(SHAPE, "U3")),
    st.just(np.zeros(SHAPE, complex)),
    st.just(np.zeros(SHAPE, object)),
    st.just(10**400),
)


@uses
@given(value=no_numbers)
def test_voltages_that_are_no_real_numbers(use, value, refused):
    call, name, _ = USES[use]
    refused(CELLS["cpu"], lambda cells: call(cells, value), TypeError, f"{name} is not an array of real numbers")


def test_no_voltage_at_all(refused):
    for call in (lambda cells: cells.apply_voltage(None), lambda cells: cells.apply_voltages(None)):
        refused(CELLS["cpu"], call, TypeError, "is not an array of real numbers")
    for cells in CELLS.values():
        for empty in ([], np.zeros((0, *SHAPE))):
            refused(cells, lambda cells, e=empty: cells.apply_voltages(e), ValueError, "pulses has shape")
            refused(cells, lambda cells, e=empty: cells.sweep(e), ValueError, "waveform has shape")
        refused(cells, lambda cells: cells.apply_voltage([]), ValueError, "u has shape")
        refused(cells, lambda cells: cells.apply_voltages(1.0), ValueError, "pulses has shape")
        refused(cells, lambda cells: cells.sweep(1.0), ValueError, "waveform has shape")


def fits(shape, wanted):
    try:
        return np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False


@pytest.mark.parametrize("use", ["apply_voltage", "read", "current"])
@given(shape=hnp.array_shapes(min_dims=1, max_dims=4, max_side=6).filter(lambda shape: not fits(shape, SHAPE)))
def test_voltages_of_another_shape(use, shape, refused):
    call, name, _ = USES[use]
    refused(CELLS["cpu"], lambda cells: call(cells, np.full(shape, -2.0)), ValueError, f"{name} has shape")


@pytest.mark.parametrize("use", ["apply_voltages", "sweep"])
@given(
    count=st.integers(1, 4),
    shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=6).filter(lambda s: not fits(s, SHAPE)),
)
def test_pulses_of_another_shape(use, count, shape, refused):
    call, name, _ = USES[use]
    refused(CELLS["cpu"], lambda cells: call(cells, np.full((count, *shape), -2.0)), ValueError, f"{name} has shape")


# ---------------------------------------------------------------------------------------- masks


@engines
@pytest.mark.parametrize(
    "where", [1, 1.0, "yes", np.ones(SHAPE), np.ones(SHAPE, int), [[True], [True, False]], [0, 1, 0, 1]]
)
def test_masks_that_are_not_of_bool(engine, where, refused):
    for call in (
        lambda cells: cells.apply_voltage(-2.0, where=where),
        lambda cells: cells.apply_voltages([-2.0], where=where),
    ):
        refused(CELLS[engine], call, (TypeError, ValueError), "where")


@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=6).filter(lambda shape: not fits(shape, SHAPE)))
def test_masks_of_another_shape(shape, refused):
    mask = np.ones(shape, bool)
    refused(CELLS["cpu"], lambda cells: cells.apply_voltage(-2.0, where=mask), ValueError, "where has shape")
    refused(CELLS["cpu"], lambda cells: cells.apply_voltages([-2.0], where=mask), ValueError, "where has shape")


# ---------------------------------------------------------------------------------------- products


@given(shape=hnp.array_shapes(min_dims=0, max_dims=3, max_side=6), transpose=st.booleans())
def test_vectors_of_another_shape(shape, transpose, refused):
    inputs = SHAPE[0] if transpose else SHAPE[1]
    axis = -1 if transpose else 0
    if len(shape) in (1, 2) and shape[axis] == inputs:
        return
    use = lambda cells: cells.product(np.full(shape, 0.1), transpose=transpose)  # noqa: E731
    refused(CELLS["cpu"], use, ValueError, "v has shape")
    v = np.full(shape, 0.1)
    refused(
        CELLS["cpu"], (lambda cells: v @ cells) if transpose else (lambda cells: cells @ v), ValueError, "v has shape"
    )


@engines
def test_products_of_cells_that_are_no_crossbar(engine, refused):
    cube = sg.CellArray((2, 3, 4), rng=1, engine=engine)
    for cells in (cube, CELLS[engine][0], CELLS[engine][0, 0]):
        for use in (lambda cells: cells @ np.zeros(4), lambda cells: np.zeros(4) @ cells):
            refused(cells, use, ValueError, "(rows, columns)")


@engines
def test_products_of_two_arrays(engine, refused):
    refused(CELLS[engine], lambda cells: cells @ cells, TypeError, "v is not an array of real numbers")


@engines
@pytest.mark.parametrize("bandwidth", [-1.0, -1e-9, np.nan, np.inf, -np.inf])
def test_bandwidths_out_of_range(engine, bandwidth, refused):
    for use in (
        lambda cells: cells.read(bandwidth=bandwidth),
        lambda cells: cells.product(np.zeros(4), bandwidth=bandwidth),
        lambda cells: sg.CellArray(3, bandwidth=bandwidth),
    ):
        refused(CELLS[engine], use, ValueError, "bandwidth")


@pytest.mark.parametrize("bandwidth", ["fast", "1e8", [1e8, 1e8], None, 1j, {}])
def test_bandwidths_that_are_no_numbers(bandwidth, refused):
    uses_ = [lambda cells: sg.CellArray(3, bandwidth=bandwidth)]
    if bandwidth is not None:
        uses_ += [
            lambda cells: cells.read(bandwidth=bandwidth),
            lambda cells: cells.product(np.zeros(4), bandwidth=bandwidth),
        ]
    for use in uses_:
        refused(CELLS["cpu"], use, TypeError, "bandwidth")


# ---------------------------------------------------------------------------------------- indices


@engines
@pytest.mark.parametrize(
    "key",
    [3, -4, (0, 4), (0, 0, 0), "a", 1.5, [1.0], (slice(None), "b"), [0, 7], np.zeros((3, 5), bool), (..., ...), {1}],
    ids=str,
)
def test_indices_of_cells_that_are_not_there(engine, key, refused, state):
    refused(CELLS[engine], lambda cells: cells[key], IndexError, [""])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ([0, 0], "name a cell twice"),
        ([1, -2], "name a cell twice"),
        (([0, 0], [1, 1]), "name a cell twice"),
        (np.zeros((2, 2), int), "name a cell twice"),
        (([0, 2, 0], [1, 1, 1]), "name a cell twice"),
        (slice(3, 3), "selects no cells"),
        (slice(2, 0), "selects no cells"),
        ([], "selects no cells"),
        (np.zeros(SHAPE, bool), "selects no cells"),
    ],
    ids=str,
)
def test_indices_that_select_no_cells_or_the_same_twice(key, words, refused):
    for cells in CELLS.values():
        refused(cells, lambda cells: cells[key], IndexError, words)


def test_cells_cannot_be_assigned(refused):
    def assign(cells):
        cells[0] = 1.0

    refused(CELLS["cpu"], assign, TypeError, "assignment")


@pytest.mark.parametrize("count", [0, -1, 1.5, "3", None, True, [2]])
def test_numbers_of_cycles(count, refused):
    for use in (lambda cells: cells.upcoming(count), lambda cells: cells.run_cycles(count)):
        refused(CELLS["cpu"], use, (TypeError, ValueError), "count")


# ---------------------------------------------------------------------------------------- arguments of the array

ARGUMENTS = [
    ({"shape": 0}, ValueError, "shape"),
    ({"shape": -3}, ValueError, "shape"),
    ({"shape": (4, 0)}, ValueError, "shape"),
    ({"shape": (4, -1)}, ValueError, "shape"),
    ({"shape": 2.0}, TypeError, "shape"),
    ({"shape": "4"}, TypeError, "shape"),
    ({"shape": (2, 2.5)}, TypeError, "shape"),
    ({"shape": None}, TypeError, "shape"),
    ({"params": "henen2024"}, ValueError, "did you mean 'hennen2024'"),
    ({"params": ""}, ValueError, "preset"),
    ({"params": 2024}, TypeError, "params"),
    ({"params": None}, TypeError, "params"),
    ({"engine": "gpu"}, ValueError, "engine='gpu'"),
    ({"engine": "refrence"}, ValueError, "did you mean 'reference'"),
    ({"engine": None}, ValueError, "engine"),
    ({"history": "VAR"}, ValueError, "history"),
    ({"history": "vr"}, ValueError, "did you mean 'var'"),
    ({"history": 10}, ValueError, "history"),
    ({"start": "fresh"}, ValueError, "start"),
    ({"start": "Pristine"}, ValueError, "did you mean 'pristine'"),
    ({"start": None}, ValueError, "start"),
    ({"threads": 0}, ValueError, "threads"),
    ({"threads": -2}, ValueError, "threads"),
    ({"threads": 1.5}, TypeError, "threads"),
    ({"threads": "2"}, TypeError, "threads"),
    ({"threads": True}, ValueError, "threads"),
]


@pytest.mark.parametrize(("arguments", "error", "words"), ARGUMENTS, ids=[str(row[0]) for row in ARGUMENTS])
def test_arguments_of_the_array(arguments, error, words):
    with pytest.raises(error, match=words):
        sg.CellArray(**{"shape": 3, **arguments})


def test_options_are_given_by_name():
    with pytest.raises(TypeError, match="positional"):
        sg.CellArray(3, "hennen2024", 42)
    with pytest.raises(TypeError, match="unexpected keyword"):
        sg.CellArray(3, seed=42)
    with pytest.raises(TypeError, match="positional"):
        CELLS["cpu"].apply_voltage(-1.0, np.ones(SHAPE, bool))


names = st.text(max_size=12)


@given(names, names, names)
def test_names_that_are_not_known(engine, history, start):
    known = {"engine": ("cpu", "reference"), "history": ("var", "compact"), "start": ("stationary", "pristine")}
    for argument, value in [("engine", engine), ("history", history), ("start", start)]:
        if value not in known[argument]:
            with pytest.raises(ValueError, match=argument) as caught:
                sg.CellArray(3, **{argument: value})
            assert known[argument][0] in str(caught.value)


# ---------------------------------------------------------------------------------------- views are refused alike


@engines
def test_views_are_checked_against_their_own_shape(engine, refused):
    cells = CELLS[engine]
    for use in (
        lambda cells: cells[:2].apply_voltage(np.full(SHAPE, -2.0)),
        lambda cells: cells[0].apply_voltages(np.full((2, 3), -2.0)),
        lambda cells: cells[:, 1:].apply_voltage(-2.0, where=np.ones(4, bool)),
        lambda cells: cells[:2, :3] @ np.zeros(4),
    ):
        refused(cells, use, ValueError, "shape")
