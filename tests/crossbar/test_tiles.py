"""Tiles with digital accumulation."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.crossbar import Tiles


def made(shape=(70, 45), engine="cpu", bandwidth=0.0):
    cells = sg.CellArray(shape, rng=9, engine=engine, bandwidth=bandwidth)
    cells.apply_voltage(-2.0)
    cells.apply_voltage(np.random.default_rng(2).uniform(-1.5, 1.5, shape))
    return cells


@pytest.mark.parametrize("tile", [(32, 16), (128, 128), (1, 45), (7, 1)])
@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("transpose", [False, True])
def test_without_converters_tiles_are_the_array(tile, engine, transpose):
    """To the accuracy of sums in single precision: 2e-6 of the sum of magnitudes."""
    cells = made(engine=engine)
    tiles = Tiles(cells, tile)
    rng = np.random.default_rng(3)
    for shape in (70 if transpose else 45,), ((4, 70) if transpose else (45, 4)):
        v = rng.uniform(-0.2, 0.2, shape)
        whole = cells.product(v, transpose=transpose)
        parts = v @ tiles if transpose else tiles @ v
        assert parts.shape == whole.shape
        magnitude = cells.product(np.abs(v), transpose=transpose)
        assert np.all(np.abs(parts - whole) <= 2e-6 * magnitude)


def test_one_tile_is_the_array_exactly():
    cells = made((70, 45))
    v = np.random.default_rng(3).uniform(-0.2, 0.2, (45, 3))
    assert np.array_equal(Tiles(cells, (70, 45)) @ v, cells[:].product(v))
    assert np.array_equal(cells.product(v, bandwidth=0), cells @ v)


def test_tiles_are_views_and_say_how_full_they_are():
    cells = made((70, 45))
    tiles = Tiles(cells, (32, 16))
    assert tiles.grid == (3, 3)
    assert tiles.utilisation == 70 * 45 / (9 * 32 * 16)
    assert tiles[2, 2].shape == (6, 13)
    tiles[2, 2].apply_voltages([-2.0, 1.5])
    assert np.array_equal(tiles[2, 2].conductance(), cells[64:, 32:].conductance())
    assert "68.4 % used, no ADCs, no DACs" in repr(tiles)


def test_each_tile_has_a_range_of_its_own():
    cells = made((64, 32))
    cells[:32, :16].apply_voltages([-2.0, 1.5, -2.0])  # LRS
    cells[32:, 16:].apply_voltages([-2.0, 1.5])  # HRS
    tiles = Tiles(cells, (32, 16))
    v = np.random.default_rng(4).uniform(-0.2, 0.2, (32, 200))
    tiles.calibrate(v, bits=8)
    spans = np.array([[tiles.adc((i, j)).high - tiles.adc((i, j)).low for j in range(2)] for i in range(2)])
    assert spans[0, 0] > 3 * spans[1, 1]
    exact = tiles[0, 0].product(v[:16], bandwidth=0)
    assert tiles.adc((0, 0)).low == exact.min()
    assert tiles.adc((0, 0)).high == exact.max()
    # no current of the sample saturates, and each of two tiles in a row is off by half a step at most
    out = tiles @ v
    assert not tiles.saturated().any()
    assert np.all(tiles.converted() == 32 * 200)
    steps = np.repeat(spans.sum(axis=1) / 255, 32)[:, None]
    error = np.abs(out - cells.product(v))
    assert np.all(error <= steps / 2 * 1.0001)
    assert error.max() > steps.max() / 4


def test_saturation_is_counted_per_tile():
    cells = made((64, 32))
    tiles = Tiles(cells, (32, 16))
    v = np.random.default_rng(4).uniform(-0.2, 0.2, (32, 100))
    tiles.calibrate(v, bits=10, coverage=0.9)
    tiles @ v
    share = tiles.saturated() / tiles.converted()
    assert np.all((share > 0.05) & (share <= 0.1))
    loud = v.copy()
    loud[:16] *= 10
    tiles.calibrate(v, bits=10)
    tiles @ loud
    assert np.all(tiles.saturated()[:, 0] > 0)
    assert not tiles.saturated()[:, 1].any()
    assert not tiles.saturated(transpose=True).any()


def test_columns_have_converters_of_their_own():
    cells = made((64, 32))
    tiles = Tiles(cells, (32, 16))
    x = np.random.default_rng(4).uniform(-0.2, 0.2, (50, 64))
    tiles.calibrate(x, bits=12, transpose=True)
    assert tiles.adc((0, 0)) is None
    assert tiles.adc((1, 1), transpose=True).bits == 12
    step = tiles.adc((0, 0), transpose=True).step + tiles.adc((1, 0), transpose=True).step
    assert np.all(np.abs((x @ tiles - x @ cells)[:, :16]) <= step / 2 * 1.0001)


def test_inputs_go_through_the_dac():
    cells = made((8, 8))
    dac = sg.DAC(2, -0.3, 0.3)
    v = np.random.default_rng(4).uniform(-0.4, 0.4, 8)
    # currents of up to 80 uA cancel in part, in single precision and in another order
    assert np.allclose(Tiles(cells, (4, 4), dac=dac) @ v, cells @ dac(v), rtol=1e-5, atol=2e-10)


def test_noise_of_tiles_is_that_of_their_cells_together(unlikely):
    """Variance of 4,000 products against the sum of the cells' variances."""
    cells = made((4, 32), bandwidth=1e10)
    tiles = Tiles(cells, (4, 8))
    v = np.full(32, 0.2)
    x = np.stack([tiles @ v for _ in range(4000)]) - cells.product(v, bandwidth=0)
    density = 4 * 1.380649e-23 * 300 + 2 * 1.602176634e-19 * 0.2
    variance = 1e10 * density * np.abs(cells.current(0.2) / 0.2).sum(axis=1)
    unlikely((np.mean(x**2, axis=0) / variance - 1) * np.sqrt(4000 / 2))


def test_bad_input():
    cells = made((6, 5))
    for tile in [(3,), (0, 2), (2, 2, 2)]:
        with pytest.raises(ValueError, match=r"shape|rows"):
            Tiles(cells, tile)
    with pytest.raises(ValueError, match="rows, columns"):
        Tiles(cells[0], (2, 2))
    tiles = Tiles(cells, (2, 2))
    with pytest.raises(ValueError, match="v has shape"):
        tiles @ np.zeros(6)
    with pytest.raises(ValueError, match="no range"):
        tiles.calibrate(np.zeros((5, 3)), bits=8)
    with pytest.raises(ValueError, match="coverage"):
        tiles.calibrate(np.eye(5), bits=8, coverage=0)
