"""Status words of cells, and which cells a voltage SETs and RESETs.

Against a plain reading of docs/model.md, Switching.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaptogen.model import switching as sw

P = SimpleNamespace(u_max=1.46)
MODES = [sw.IRS, sw.LRS, sw.HRS]
LARGEST = 2**29 - 1


def status(mode, cycle=0, limited=False):
    return np.array([mode + cycle + (2**29 if limited else 0)], np.uint32)


def parts(word_):
    """Mode, cycle and limited bit of a status, by division."""
    value = int(word_[0])
    return value // 2**30 * 2**30, value % 2**29, bool(value // 2**29 % 2)


def true(mask):
    return bool(np.all(mask))


statuses = st.builds(status, st.sampled_from(MODES), st.integers(0, LARGEST), st.booleans())
volts = st.floats(-3, 3)


def test_parts_of_a_word_do_not_overlap():
    assert (sw.MODE, sw.LIMITED, sw.CYCLE) == (3 * 2**30, 2**29, 2**29 - 1)
    assert len(set(MODES)) == 3


@given(statuses)
def test_a_status_holds_its_parts(w):
    mode, cycle, limited = parts(w)
    assert true(sw.is_lrs(w)) == (mode == sw.LRS)
    assert true(sw.is_hrs(w)) == (mode == sw.HRS)
    assert true(sw.is_irs(w)) == (mode == sw.IRS)
    assert true(sw.is_limited(w)) == limited
    assert int(sw.cycle(w)[0]) == cycle


@given(statuses, st.sampled_from(MODES), st.booleans())
def test_going_over_to_a_mode_keeps_the_rest(w, mode, chosen):
    _, cycle, limited = parts(w)
    after = parts(sw.in_mode(w, np.array([chosen]), mode))
    assert after == ((mode, cycle, limited) if chosen else parts(w))


@given(statuses, st.booleans(), st.booleans())
def test_next_cycle_keeps_the_mode_and_says_whether_it_was_limited(w, chosen, limited):
    mode, cycle, _ = parts(w)
    after = sw.in_next_cycle(w, np.array([chosen]), np.array([limited]))
    assert after.dtype == np.uint32
    assert parts(after) == ((mode, (cycle + 1) % 2**29, limited) if chosen else parts(w))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("limited", [False, True])
def test_cycle_number_wraps_into_nothing_else(mode, limited):
    after = sw.in_next_cycle(status(mode, LARGEST, True), np.array([True]), np.array([limited]))
    assert parts(after) == (mode, 0, limited)


@given(statuses, volts, st.floats(-2, -1e-3), st.booleans())
def test_set(w, u, u_set, exactly):
    u = u_set if exactly else u
    assert true(sw.sets(w, np.array([u]), u_set)) == (parts(w)[0] != sw.LRS and u <= u_set)


@given(statuses, volts, st.floats(1e-3, 2), st.floats(1e-3, 1.46), st.sampled_from(["any", "reset", "ratchet", "max"]))
def test_reset(w, u, u_reset, u_ratchet, exactly):
    u = {"any": u, "reset": u_reset, "ratchet": u_ratchet, "max": 1.46}[exactly]
    mode = parts(w)[0]
    event = sw.resets(w, np.array([u]), u_reset, u_ratchet, P)
    happens = mode != sw.HRS and u > (u_reset if mode == sw.LRS else u_ratchet)
    assert true(event.begin) == (happens and mode == sw.LRS)
    assert true(event.full) == (happens and u >= 1.46)
    assert true(event.partial) == (happens and u < 1.46)


def test_a_threshold_above_u_max_allows_only_a_full_reset():
    for u, expected in [(1.5, False), (1.8, False), (1.81, True)]:
        event = sw.resets(status(sw.LRS), np.array([u]), 1.8, 0.0, P)
        assert true(event.full) == expected
        assert not true(event.partial)
