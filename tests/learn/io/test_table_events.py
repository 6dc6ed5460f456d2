"""Failed cycles and bounds in tables of features without flags are recognised; wide distributions are left alone."""

import numpy as np
import pandas as pd
import pytest

from synaptogen import learn
from synaptogen.learn import Flag


@pytest.fixture
def table():
    rng = np.random.default_rng(5)
    n = 400
    return pd.DataFrame(
        {
            "cycle": np.arange(n),
            "r_hrs": 5e4 * np.exp(0.3 * rng.standard_normal(n)),
            "u_set": -np.round(0.9 + 0.1 * rng.standard_normal(n), 2),
            "r_lrs": 2e3 * np.exp(0.05 * rng.standard_normal(n)),
            "u_reset": np.round(0.7 + 0.05 * rng.standard_normal(n), 2),
        }
    )


def flags(table):
    found = learn.read(table)
    return (found.flag.to_numpy()[0].astype(int) if "flag" in found else np.zeros(len(table), int)), found


def test_good_cycles_have_no_flags(table):
    assert not flags(table)[0].any()


def test_the_end_of_the_ramp(table):
    table.loc[10:29, "u_set"] = -1.5
    table.loc[50:61, "u_reset"] = 1.2
    flag, found = flags(table)
    np.testing.assert_array_equal(np.flatnonzero(flag & Flag.SET_AT_END), np.arange(10, 30))
    np.testing.assert_array_equal(np.flatnonzero(flag & Flag.RESET_AT_END), np.arange(50, 62))
    assert "u_set is -1.5 V, the end of the ramp, in 20 of 400 cycles" in found.attrs["read_as"]


def test_cycles_that_failed(table):
    table.loc[3, "u_set"] = 0.0
    table.loc[7:9, "r_lrs"] = 5.2e4
    table.loc[20:22, "r_hrs"] = 2.1e3
    flag, found = flags(table)
    np.testing.assert_array_equal(np.flatnonzero(flag & Flag.NO_SET), [3, 7, 8, 9])
    np.testing.assert_array_equal(np.flatnonzero(flag & Flag.FROM_LRS), [20, 21, 22])
    assert np.isnan(found.u_set.values[0, 3])


def test_a_given_flag_is_believed(table):
    table.loc[10:29, "u_set"] = -1.5
    assert not flags(table.assign(flag=0))[0].any()


def test_small_windows_and_wide_tails_are_no_failures(table):
    table["r_hrs"] = table["r_lrs"] * 1.4
    assert not flags(table)[0].any()
    rng = np.random.default_rng(6)
    table["r_hrs"] = 1e5 * np.exp(1.2 * rng.standard_normal(len(table)))
    assert np.mean(flags(table)[0] > 0) < 0.005
