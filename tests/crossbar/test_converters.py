"""ADC and DAC: uniform quantisers with a level at each end, saturating at both."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synaptogen import ADC, DAC
from synaptogen.crossbar.converters import CountingConverter

ends = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)
bits = st.integers(1, 24)


@st.composite
def quantisers(draw, most_bits=24):
    low, span = draw(ends), draw(st.floats(1e-3, 1e6))
    low, high = low, low + span
    assume(high - low > 1e-9 * abs(low))
    return draw(st.sampled_from([ADC, DAC]))(draw(st.integers(1, most_bits)), low, high)


def test_levels_of_two_bits():
    adc = ADC(2, -3e-6, 3e-6)
    values = np.array([-9.0, -3.0, -2.1, -1.9, -1.0, 0.0 - 1e-9, 1e-9, 1.0, 2.1, 3.0, 9.0]) * 1e-6
    assert adc.codes(values).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3]
    assert np.allclose(adc(values), np.array([-3, -3, -3, -1, -1, -1, 1, 1, 3, 3, 3]) * 1e-6)
    assert adc.step == pytest.approx(2e-6)


@given(quantisers(most_bits=10))
def test_there_are_two_to_the_bits_levels_evenly_spaced_with_the_ends_among_them(q):
    levels = np.unique(q(np.linspace(q.low - q.step, q.high + q.step, 8 * 2**q.bits + 1)))
    assert len(levels) == 2**q.bits
    assert levels[0] == q.low
    assert levels[-1] == pytest.approx(q.high, rel=1e-12, abs=1e-9 * q.step)
    assert np.allclose(np.diff(levels), (q.high - q.low) / (2**q.bits - 1), rtol=1e-6)


@given(quantisers(), st.floats(0, 1))
def test_a_value_in_range_goes_to_the_nearest_level(q, share):
    value = q.low + share * (q.high - q.low)
    rounding = 1e-12 * max(abs(q.low), abs(q.high))
    assert abs(q(value) - value) <= q.step / 2 * (1 + 1e-9) + rounding
    assert q(q(value)) == pytest.approx(float(q(value)), abs=rounding + 1e-9 * q.step)


@given(quantisers(most_bits=16), st.integers(0, 2**16 - 1))
def test_mid_tread(q, code):
    """Around each level lies a flat step, half a step wide on either side: levels are not at its edges."""
    code %= 2**q.bits
    level = q.low + code * q.step
    for offset in (-0.49, 0.0, 0.49):
        assert q.codes(level + offset * q.step) == code


@given(quantisers(), st.floats(0, 1e9))
def test_saturation_at_both_ends(q, beyond):
    assert q.codes(q.high + beyond) == 2**q.bits - 1
    assert q.codes(q.low - beyond) == 0
    assert q.codes(np.inf) == 2**q.bits - 1
    assert q.codes(-np.inf) == 0


@given(quantisers(), st.lists(st.floats(-2e6, 2e6), min_size=1, max_size=20))
def test_quantisers_are_monotone_and_codes_decode_to_their_levels(q, values):
    values = np.sort(values)
    codes = q.codes(values)
    assert codes.dtype == np.int64
    assert np.all(np.diff(codes) >= 0)
    assert codes.min() >= 0
    assert codes.max() < 2**q.bits
    assert np.array_equal(q.decode(codes), q(values))
    assert q(values).shape == values.shape


@given(quantisers(), st.integers(-(2**40), 2**40))
def test_codes_out_of_range_are_held(q, code):
    assert q.low <= q.decode(code) <= q.high * (1 + 1e-12 * np.sign(q.high)) + 1e-12


def test_counting_saturated_values():
    adc = ADC(3, 0.0, 7.0)
    assert adc.saturated([-0.6, -0.4, 0.0, 3.0, 7.4, 7.6, np.inf, -np.inf]) == 4
    assert adc.saturated(np.zeros((3, 3))) == 0


@pytest.mark.parametrize(
    "arguments",
    [(0, 0, 1), (25, 0, 1), (2.0, 0, 1), ("8", 0, 1), (8, 1, 1), (8, 1, 0), (8, np.nan, 1), (8, 0, np.inf), (-1, 0, 1)],
)
@pytest.mark.parametrize("kind", [ADC, DAC])
def test_bad_converters(kind, arguments):
    with pytest.raises((ValueError, TypeError), match=r"bits=|low=|high="):
        kind(*arguments)


def test_nan_has_no_level():
    for use in (ADC(8, 0, 1), ADC(8, 0, 1).codes):
        with pytest.raises(ValueError, match="NaN"):
            use([0.5, np.nan])


def test_converters_are_values():
    assert ADC(8, 0.0, 1.0) == ADC(8, 0.0, 1.0)
    assert ADC(8, 0.0, 1.0) != ADC(8, 0.0, 2.0)
    with pytest.raises(AttributeError):
        ADC(8, 0.0, 1.0).bits = 4


def test_a_range_from_a_sample():
    values = np.linspace(-1.0, 3.0, 401)
    whole = ADC.calibrated(6, values)
    assert (whole.low, whole.high) == (-1.0, 3.0)
    most = DAC.calibrated(6, values, coverage=0.5)
    assert isinstance(most, DAC)
    assert np.allclose((most.low, most.high), (0.0, 2.0))


@pytest.mark.parametrize("values", [[], [1.0, 1.0], [0.0, np.nan], [0.0, np.inf]])
def test_a_sample_without_a_range(values):
    with pytest.raises(ValueError, match="values"):
        ADC.calibrated(8, values)


@pytest.mark.parametrize("coverage", [0.0, -1.0, 1.1, np.nan])
def test_a_share_that_is_none(coverage):
    with pytest.raises(ValueError, match="coverage"):
        ADC.calibrated(8, [0.0, 1.0], coverage)


def test_a_converter_that_counts():
    counting = CountingConverter(ADC(3, 0.0, 7.0))
    assert np.array_equal(counting([-3.0, 2.2, 9.0]), [0.0, 2.0, 7.0])
    counting(np.full((2, 2), 8.0))
    assert (counting.converted, counting.saturated) == (7, 6)
