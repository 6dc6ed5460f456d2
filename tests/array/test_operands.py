"""Arrays of cells among NumPy's users: indices, operands of other libraries, and operators that make no sense."""

import copy
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synaptogen as sg

SHAPE = (4, 5, 3)
NUMBERS = np.arange(60).reshape(SHAPE)


def cells(shape=SHAPE, **options):
    return sg.CellArray(shape, rng=1, **{"bandwidth": 0, **options})


ITEMS = st.one_of(
    st.integers(-3, 2),
    st.slices(5),
    st.just(Ellipsis),
    st.none(),
    st.lists(st.integers(-3, 2), min_size=1, max_size=3, unique=True),
    st.booleans(),
)


@given(st.one_of(ITEMS, st.lists(ITEMS, min_size=1, max_size=4).map(tuple)))
def test_an_index_means_what_it_means_for_an_array(key):
    array = cells()
    try:
        wanted = NUMBERS[key]
    except IndexError:
        with pytest.raises(IndexError):
            array[key]
        return
    if wanted.size == 0 or len(np.unique(wanted)) < wanted.size:
        with pytest.raises(IndexError, match=r"selects no cells|twice"):
            array[key]
        return
    part = array[key]
    assert part.shape == wanted.shape
    assert np.array_equal(part.r, array.r.ravel()[wanted])


@pytest.mark.parametrize(
    "key",
    [
        np.ix_([0, 2], [1, 3], [2]),
        NUMBERS % 7 == 0,
        (NUMBERS[..., 0] % 2 == 0, 1),
        np.array(2),
        (slice(None, None, -2),),
    ],
)
def test_indices_of_numpy(key):
    array = cells()
    assert np.array_equal(array[key].r, array.r[key])


def test_indices_of_other_kinds():
    array = cells()
    with pytest.raises(IndexError, match="masked entries"):
        array[np.ma.array([1, 2], mask=[True, False])]
    with pytest.raises(IndexError, match=r"\(1, 0, 0\) would see each voltage twice"):
        array[[0, 1, 1], 0, 0]
    assert [part.shape for part in array] == [(5, 3)] * 4


@pytest.mark.parametrize("take", [np.asarray, lambda c: np.add(c, 1), bool, lambda c: c == 1.0, lambda c: 1 in c])
def test_cells_are_no_values(take):
    with pytest.raises((TypeError, ValueError), match=r"conductance\(\)|supported|__array_ufunc__"):
        take(cells())


def test_equality_is_identity():
    array = cells()
    assert array == array
    assert array != cells()
    assert hash(array) != hash(cells())


def test_copies():
    array = sg.CellArray(5, rng=1)
    for other in (array.copy(), copy.copy(array), copy.deepcopy(array)):
        other.apply_voltage(-2.0)
        assert not np.array_equal(other.r, array.r)
    twin, noisy = array.copy(), array.copy(reads=3)
    first = array.read()
    assert np.array_equal(twin.read(), first)
    assert not np.array_equal(noisy.read(), first)
    assert np.array_equal(noisy.r, array.r)
    again = sg.CellArray(5, rng=1)
    again.reseed_reads(3)
    assert np.array_equal(again.read(), sg.CellArray(5, rng=1).copy(reads=3).read())


def operands():
    values = np.linspace(-1.2, 0.9, 12).reshape(3, 4)
    pd, xr, da = (pytest.importorskip(name) for name in ("pandas", "xarray", "dask.array"))
    yield values
    yield values.tolist()
    yield values.astype(np.float16).astype(float)
    yield pd.DataFrame(values)
    yield xr.DataArray(values, dims=("a", "b"))
    yield da.from_array(values, chunks=2)
    yield np.ma.array(values)


def test_operands_of_other_libraries():
    results = []
    for u in operands():
        array = cells((3, 4))
        array.apply_voltage(u)
        results.append(array.r)
    for k, r in enumerate(results):
        if k != 2:
            assert np.array_equal(r, results[0]), k


def test_tensors():
    torch = pytest.importorskip("torch")
    u = np.array([[-2.0, -2.0, 0.0]])
    for tensor in (torch.tensor(u), torch.tensor(u).bfloat16(), torch.tensor(u).half()):
        array = cells((2, 3))
        array.apply_voltage(tensor)
        assert (array.mode[:, :2] == sg.Mode.LRS).all()
        assert (array.mode[:, 2] == sg.Mode.HRS).all()
    with pytest.raises(TypeError, match=r"detach\(\)"):
        cells((2, 3)).apply_voltage(torch.tensor(u, requires_grad=True))


@pytest.mark.parametrize("u", [1j, "one", None, [[1.0], [1.0, 2.0]], np.array(["a"]), {"a": 1}])
def test_operands_that_are_no_numbers(u):
    array = cells((2, 2))
    before = array.r
    with pytest.raises(TypeError, match="u is not an array of real numbers"):
        array.apply_voltage(u)
    assert np.array_equal(array.r, before)


def test_masked_operands_are_refused():
    u = np.ma.array([[-2.0, 1.0]], mask=[[True, False]])
    with pytest.raises(ValueError, match="masked entries"):
        cells((2, 2)).apply_voltage(u)


def test_a_notebook_shows_a_table():
    text = cells()._repr_html_()
    assert "<th" in text
    assert "4 x 5 x 3" in text
    escaped = sg.CellArray(2, sg.DeviceParams.preset("hennen2024").replace(name="<script>"))._repr_html_()
    assert "<script>" not in escaped


@pytest.mark.parametrize("make", [np.zeros, "torch.zeros", "pandas.Series", "xarray.DataArray", "dask.array.zeros"])
def test_comparisons_with_arrays_are_refused(make):
    if isinstance(make, str):
        library, _, name = make.rpartition(".")
        make = getattr(pytest.importorskip(library), name)
    array, values = sg.CellArray(3, rng=1), make(np.zeros(3)) if "zeros" not in make.__name__ else make(3)
    for compare in (lambda: array == values, lambda: values == array, lambda: array != values):
        with pytest.raises(TypeError, match="conductance"):
            compare()


def test_features_as_a_dataset():
    xarray = pytest.importorskip("xarray")
    array = sg.CellArray((2, 3), rng=1)
    features = array.run_cycles(4)
    data = features.to_xarray(("cycle", "row", "column"))
    assert isinstance(data, xarray.Dataset)
    assert dict(data.sizes) == {"cycle": 4, "row": 2, "column": 3}
    for name in features._fields:
        assert np.array_equal(data[name], getattr(features, name))
        assert data[name].units == ("V" if name.startswith("u") else "ohm")
    assert array[0, 0].features.to_xarray(()).r_hrs.shape == ()
    for dims in ("cycle", ("cycle", "row"), ("row", "row", "column"), (1, 2, 3)):
        with pytest.raises(ValueError, match="dims"):
            features.to_xarray(dims)


def other_noise(_):
    info = pytest.importorskip("torch").utils.data.get_worker_info()
    info.dataset.cells.reseed_reads(info.seed)


class Reads:
    """A Dataset whose entries are reads."""

    def __init__(self):
        self.cells = sg.CellArray(5, rng=1)

    def __len__(self):
        return 4

    def __getitem__(self, _):
        return self.cells.read()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_of_a_loader_read_their_own_noise():
    """In two epochs, two workers with two reads each: eight different ones."""
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(
        Reads(), batch_size=None, num_workers=2, worker_init_fn=other_noise, multiprocessing_context="fork"
    )
    reads = [read.numpy() for _ in range(2) for read in loader]
    assert len(np.unique(reads, axis=0)) == 8
