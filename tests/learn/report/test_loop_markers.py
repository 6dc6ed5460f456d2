"""Figures of loops with what was found in them."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from synaptogen import learn
from synaptogen.learn.extraction import MarkedLoops, mark_loops
from synaptogen.learn.report.loop_markers import markers


@pytest.fixture(scope="module")
def measurement(simulate):
    """Three devices, of which the second lacks a cycle."""
    made = simulate(3, 12)
    made.current[1, 4] = np.nan
    data = learn.loops(made.voltage, made.current)
    return data, learn.extract(data), made


def test_markers_are_where_the_model_switches(measurement):
    data, extraction, made = measurement
    found = mark_loops(data, extraction, device=2)
    assert found.u.shape[0] == 8
    assert found.cycle[0] == 0
    true = np.stack([made.true[name][2, found.cycle] for name in ("r_hrs", "u_set", "r_lrs", "u_reset")], axis=1)
    off = np.abs(found.features - true)
    assert np.median(off[:, [1, 3]]) < made.step
    assert np.median(off[:, [0, 2]] / true[:, [0, 2]]) < 0.05


def test_every_loop_has_a_pair_of_panels_with_both_thresholds(measurement):
    data, extraction, _ = measurement
    figure = markers(data, extraction, cycles=[2, 5, 7])
    assert len(figure.axes) == 6
    features = extraction.features.isel(device=0, cycle=[2, 5, 7])
    for k, axes in enumerate(figure.axes[:3]):
        drawn = {line.get_xdata()[0] for line in axes.lines if line.get_marker() in ("v", "^")}
        assert drawn == {float(features.u_set[k]), float(features.u_reset[k])}


def test_cycles_that_are_missing_are_not_drawn(measurement):
    data, extraction, _ = measurement
    assert mark_loops(data, extraction, device=1, cycles=[3, 4, 5]).cycle.tolist() == [3, 5]


def test_arrays_come_back(measurement):
    data, extraction, _ = measurement
    found = mark_loops(data, extraction)
    again = MarkedLoops.from_arrays(found.arrays())
    assert again.device == found.device
    assert again.u_read == found.u_read
    for name, value in found.arrays().items():
        assert np.array_equal(again.arrays()[name], value, equal_nan=value.dtype.kind == "f")


def test_what_is_not_there_is_refused(measurement):
    data, extraction, _ = measurement
    with pytest.raises(ValueError, match="device=3 is not there: give a number from 0 to 2"):
        markers(data, extraction, device=3)
    with pytest.raises(ValueError, match="no loop in cycles"):
        markers(data, extraction, device=1, cycles=[4])
