"""History buffers are refilled in a staggered way, and no result shows when."""

import numpy as np
import pytest

import synaptogen as sg

FAR = 1e6
CYCLE = [-FAR, FAR]
PRESET = sg.DeviceParams.preset("hennen2024")


def histories(cells):
    return cells.state.engine.dump(0, cells.size)["memory"]


@pytest.mark.parametrize("order", [1, 2, 3, 10])
def test_each_reset_refills_its_share(order):
    cells = sg.CellArray(64 * order * 3, PRESET.with_order(order), rng=1)
    cells.apply_voltage(-FAR)
    for _ in range(2 * order + 1):
        before = histories(cells)
        cells.apply_voltage(FAR)
        refilled = (histories(cells) != before).any(axis=0)
        assert refilled.sum() == 64 * 3
        assert np.all(refilled.reshape(-1, 64).all(axis=1) == refilled.reshape(-1, 64).any(axis=1))
        before = histories(cells)
        cells.apply_voltage(-FAR)
        assert np.array_equal(histories(cells), before)


@pytest.mark.parametrize("order", [1, 3, 10])
@pytest.mark.parametrize("cycles", [0, 1, 9, 13])
@pytest.mark.parametrize(
    "key",
    [slice(7, 655), slice(64, 300), np.random.default_rng(2).permutation(700)[:333], slice(None, None, 5)],
    ids=["a run", "whole groups", "any", "each fifth"],
)
def test_copies_of_some_cells_go_on_as_they_would_have(order, cycles, key):
    whole = sg.CellArray(700, PRESET.with_order(order), rng=3, start="pristine")
    whole.apply_voltages(CYCLE * cycles + [-FAR])
    part = whole[key].copy()
    for cells in (whole, part):
        cells.apply_voltages([FAR, *CYCLE * (2 * order + 1)])
    assert np.array_equal(part.r, whole[key].r)
    assert np.array_equal(histories(part), histories(whole[key].copy()))


def test_cells_out_of_step_live_as_in_step():
    together, apart = (sg.CellArray(1000, PRESET, rng=4) for _ in range(2))
    behind = np.random.default_rng(1).integers(0, 14, 1000)
    for k in range(14):
        apart.apply_voltages(CYCLE, where=behind > k)
    for k in range(14):
        apart.apply_voltages(CYCLE, where=behind <= k)
    together.apply_voltages(CYCLE * 14)
    assert np.array_equal(apart.r, together.r)
    assert np.array_equal(histories(apart), histories(together))


@pytest.mark.parametrize("order", [1, 10])
def test_half_of_each_group_starts_while_the_other_half_is_refilled(order):
    # with VAR(1) every group is noted for both; the lists must hold all of them
    cells, alone = (sg.CellArray(20_000, PRESET.with_order(order), rng=5, threads=1) for _ in range(2))
    even = np.arange(20_000) % 2 == 0
    cells.apply_voltage(-FAR, where=even)
    cells.apply_voltage(np.where(even, np.float32(FAR), np.float32(-FAR)))
    cells.apply_voltage(FAR, where=~even)
    cells.apply_voltages(CYCLE * 3)
    alone.apply_voltages(CYCLE * 4)
    assert np.array_equal(cells.r, alone.r)
    assert np.array_equal(histories(cells), histories(alone))
