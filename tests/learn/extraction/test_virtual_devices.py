"""Random devices of simple laws: what is extracted is right or flagged, and what has no features is refused by kind."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `virtual_devices`
import virtual_devices

learn = pytest.importorskip("synaptogen.learn")

DEVICES, TROUBLED = 80, 50


def as_loops(voltage, current):
    return learn.loops(voltage[None, None], current[None, None])


def test_numbers_are_right_or_flagged():
    counts = Counter()
    for seed in range(DEVICES):
        one = virtual_devices.bipolar(np.random.default_rng(seed))
        counts.update(virtual_devices.judge(learn.extract, as_loops, one))
    numbers = counts["right"] + counts["flagged"] + counts["missing"] + counts["wrong"]
    assert counts["wrong u_set"] == counts["wrong r_lrs"] == counts["wrong u_reset"] == 0
    assert counts["right"] > 0.88 * numbers
    assert counts["wrong r_hrs"] <= 0.002 * numbers  # errors of 5 % at a stated error below 2 %
    assert not {"refused wrongly", "polarity wrong", "cycles wrong"} & set(+counts)


def test_numbers_of_troubled_devices_are_right_or_flagged():
    counts = Counter()
    for seed in range(TROUBLED):
        one = virtual_devices.troubled(np.random.default_rng(seed))
        counts.update(virtual_devices.judge(learn.extract, as_loops, one))
    numbers = counts["right"] + counts["flagged"] + counts["missing"] + counts["wrong"]
    assert counts["right"] > 0.75 * numbers
    assert counts["right r_hrs"] > 0.5 * numbers / 4  # flagged or wrong is that which noise and offset hide
    assert counts["wrong"] <= 0.005 * numbers
    assert not {"refused wrongly", "polarity wrong", "cycles wrong"} & set(+counts)


@pytest.mark.parametrize("seed", range(40))
def test_other_kinds_are_refused_by_name(seed):
    one = virtual_devices.refused(np.random.default_rng(seed))
    with pytest.raises(ValueError, match=one.words):
        learn.extract(as_loops(one.voltage, one.current))
