"""Programming of cells that change in time: rounds with a wait, and what is left of a write later."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.crossbar import figures, one_shot, set_reset, write_verify
from synaptogen.crossbar.programming import duration
from synaptogen.crossbar.programming.report import AFTER

PARAMS = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
TARGETS = np.repeat([20e-6, 60e-6, 150e-6], 12)[:, None] * np.ones(40)


def made(params=PARAMS, **options):
    return sg.CellArray(TARGETS.shape, params, rng=5, **options)


def within(cells, report):
    return np.mean(np.abs(cells.conductance() - report.target) <= report.tolerance)


@pytest.mark.parametrize("storage", ["full", "compact"])
def test_later_states_are_those_that_the_cells_will_have_and_the_cells_do_not_change(storage):
    cells, twin = (made(storage=storage) for _ in range(2))
    report = write_verify(cells, TARGETS, after=(1e5, 2.5, 1.0))  # in any order
    write_verify(twin, TARGETS, after=())
    np.testing.assert_array_equal(cells.r, twin.r)
    assert cells.time == 0.0
    for seconds, conductance in sorted(report.later, key=lambda state: state.seconds):
        twin.state.wait(round((seconds - twin.time) * 1e9), None)
        np.testing.assert_array_equal(conductance, twin.conductance())
    assert [state.seconds for state in report.later] == [1e5, 2.5, 1.0]


def test_the_report_counts_what_is_within_the_tolerance():
    cells = made()
    report = write_verify(cells, TARGETS, after=(3600.0,))
    now, later = report.retention()
    assert (now.seconds, later.seconds, later.cells) == (0.0, 3600.0, TARGETS.size)
    assert now.share == within(cells, report)
    cells.wait(3600.0)
    assert later.share == within(cells, report)
    assert report.statistics()["retention"][1] == {
        "seconds": 3600.0,
        "cells": TARGETS.size,
        "within": later.within,
        "share": later.share,
    }
    assert f"{100 * later.share:.3g} % 1 h later" in report.summary()


def test_default_times_are_those_of_cells_that_change():
    moving = write_verify(made(), TARGETS)
    assert tuple(state.seconds for state in moving.later) == AFTER
    shares = [each.share for each in moving.retention()]
    assert shares == sorted(shares, reverse=True)
    still = write_verify(made("hennen2024"), TARGETS)
    assert still.later == ()
    assert "later" not in still.summary()
    assert set_reset(made(), TARGETS > 50e-6).later == ()
    assert len(one_shot(made(), TARGETS, after=[2.0]).later) == 1


def test_cells_that_are_not_written_have_no_later_state():
    mask = np.zeros(TARGETS.shape, bool)
    mask[::2] = True
    report = write_verify(made(), TARGETS, where=mask, after=[10.0])
    assert np.array_equal(np.isnan(report.later[0].conductance), ~mask)
    assert report.retention()[1].cells == mask.sum()


def test_rounds_rewrite_what_has_left_and_wait_as_often_as_they_should():
    cells, once = made(), made()
    single = write_verify(once, TARGETS, after=())
    report = write_verify(cells, TARGETS, rounds=4, wait=30.0, after=())
    assert cells.time == pytest.approx(90.0)
    assert report.converged.mean() > 0.99
    assert report.pulses.sum() > single.pulses.sum()
    assert len(report.left) == 3
    # the first round is that of a single one; the first wait moves the cells as it would have moved the other array
    once.wait(30.0)
    gone = single.converged & (np.abs(once.read(bandwidth=0.0) / PARAMS.u_read - TARGETS) > 1e-6)
    assert abs(report.left[0] - gone.sum()) < 0.1 * gone.sum()  # reads are noisy: some 100 cells near an edge
    # who survived the waits has relaxed already, so fewer leave in an hour
    once.wait(60.0)
    for array in (cells, once):
        array.wait(3600.0)
    assert within(cells, report) > within(once, single) + 0.02


def test_rounds_end_when_the_budget_is_spent():
    report = write_verify(made(), TARGETS, rounds=5, wait=1e3, budget=12, after=())
    assert report.pulses.max() <= 12
    assert report.failed.any()


def test_waits_do_not_count_as_disturbances():
    mask = np.zeros(TARGETS.shape, bool)
    mask[:, :20] = True
    report = write_verify(made(), TARGETS, where=mask, rounds=2, wait=1e6, after=())
    assert not report.others_disturbed.any()
    options = {"rounds": 2, "wait": 1e6, "after": (), "budget": 2}
    disturbing = write_verify(made(), TARGETS, where=mask, scheme="V/2", u_set=-2.0, **options)
    assert disturbing.others_disturbed.sum() > 50


def test_what_would_do_nothing_is_refused_before_anything_changes(state, same_state):
    still, moving = made("hennen2024"), made()
    before = [state(still), state(moving)]
    with pytest.raises(ValueError, match="rounds=2 waits 1 s for cells that stand still"):
        write_verify(still, TARGETS, rounds=2)
    with pytest.raises(ValueError, match="after="):
        write_verify(still, TARGETS, after=[1.0])
    with pytest.raises(ValueError, match="whole array"):
        write_verify(moving[:3], TARGETS[:3], rounds=2)
    with pytest.raises(ValueError, match="after=-1"):
        write_verify(moving, TARGETS, after=[-1.0])
    with pytest.raises(ValueError, match="wait=0"):
        write_verify(moving, TARGETS, rounds=2, wait=0.0)
    for cells, old in zip((still, moving), before, strict=True):
        same_state(state(cells), old)


def test_views_have_later_states_too():
    cells = made()
    report = write_verify(cells[3:9], TARGETS[3:9], after=[50.0])
    cells.wait(50.0)
    np.testing.assert_array_equal(report.later[0].conductance, cells[3:9].conductance())


def test_the_figure_has_a_panel_for_each_level():
    pytest.importorskip("matplotlib")
    report = write_verify(made(), TARGETS)
    *panels, shares = figures.retention(report).axes
    assert [axes.get_title() for axes in panels] == ["20 \u00b5S", "60 \u00b5S", "150 \u00b5S"]
    drawn = shares.lines[0].get_ydata()
    low = TARGETS == 20e-6
    assert drawn[0] == pytest.approx(100 * np.mean(np.abs(report.error[low]) <= 1e-6))
    many = write_verify(made(), np.linspace(20e-6, 150e-6, TARGETS.size).reshape(TARGETS.shape))
    assert len(figures.retention(many).axes) == 6
    with pytest.raises(ValueError, match="later times"):
        figures.retention(write_verify(made("hennen2024"), TARGETS))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.5, "0.5 s"), (1, "1 s"), (2.5, "2.5 s"), (59, "59 s"), (60, "1 min"), (90, "1.5 min"), (3600, "1 h")),
        *((7200, "2 h"), (86400, "1 day"), (172_800, "2 days"), (31_557_600, "1 year"), (315_576_000, "10 years")),
    ],
)
def test_durations_are_short_texts(seconds, text):
    assert duration(seconds) == text
