"""The sentence that compares simulated with measured features."""

import numpy as np
import pytest

from synaptogen.learn.overview import FeatureOverview, verdict_of

LEVELS = np.array([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0])


def u_set(shift, scale):
    """Simulated thresholds about -1 + shift V, and measured ones about -1 V, 0.1 V apart."""
    return FeatureOverview("u_set", "V", -1 + 0.1 * LEVELS, -1 + shift + 0.1 * scale * LEVELS, 20)


@pytest.mark.parametrize(
    ("shift", "scale", "sentence"),
    [
        (-0.01, 1.0, "simulated cells have the measured medians, within 1 %, and their widths"),
        (-0.5, 1.0, "medians of simulated cells are off: u_set by +50 %; their widths are the measured ones"),
        (0.0, 3.0, "simulated cells have the measured medians, within 0 %; widths are off: u_set 3 times as wide"),
        (-0.5, 3.0, "medians of simulated cells are off: u_set by +50 %; widths are off: u_set 3 times as wide"),
    ],
)
def test_the_sentence_says_what_is_off_and_what_is_not(shift, scale, sentence):
    assert verdict_of([u_set(shift, scale)]) == sentence


def test_there_is_nothing_to_say_of_no_features():
    assert verdict_of([]) == ""
