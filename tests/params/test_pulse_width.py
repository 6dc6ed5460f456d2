"""The law of pulse widths: closed forms, files, refusals."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synaptogen as sg
from synaptogen.explore.script import model_script

PRESET = sg.DeviceParams.preset("hennen2024")
TABLE = ((1e-8, 2.0), (1e-7, 1.5), (1e-6, 1.5), (1e-4, 1.2))


def law(**changes):
    return sg.PulseWidthParams(**{"name": "mine", "reference": 1e-6, "set_shift": 0.1, "reset_shift": TABLE, **changes})


@given(st.floats(-3, -1e-3), st.floats(-7.9, -4.1))
def test_one_kappa_is_the_formula(u, decade):
    # thresholds fall by kappa a decade
    expected = u / (1 - 0.1 * (decade + 6))
    assert law().effective_voltage(u, 10.0**decade) == pytest.approx(expected, rel=1e-12)


def test_a_table_is_met_at_its_widths_and_straight_in_between():
    mine = law()
    widths, volts = np.transpose(TABLE)
    np.testing.assert_allclose(mine.effective_voltage(volts, widths), 1.5, rtol=1e-12)
    assert mine.applied_voltage(1.5, np.sqrt(1e-6 * 1e-4)) == pytest.approx((1.5 + 1.2) / 2)
    # another reference width: only ratios of voltages count
    assert law(reference=1e-4).applied_voltage(1.2, 1e-8) == pytest.approx(2.0)


def test_the_reference_width_changes_no_bit():
    for kappa, reference in ((0.1, 1e-6), (0.37, 3.3e-7), (TABLE, 7e-8)):
        mine = law(set_shift=kappa, reset_shift=kappa, reference=reference)
        u = np.linspace(-3, 3, 1001)
        np.testing.assert_array_equal(mine.effective_voltage(u, reference), u)


@given(st.floats(-2, 2), st.floats(-8, -4))
def test_longer_pulses_do_more_and_both_ways_agree(u, decade):
    mine, width = law(), 10.0**decade
    assert mine.effective_voltage(mine.applied_voltage(u, width), width) == pytest.approx(u, abs=1e-12)
    longer = mine.effective_voltage(u, min(3 * width, 1e-4))
    assert abs(longer) >= abs(mine.effective_voltage(u, width)) * (1 - 1e-12)


@given(st.floats(-7.99, -4.01))
def test_the_switching_time_is_the_width_at_which_a_pulse_reaches_the_threshold(decade):
    mine, width = law(), 10.0**decade
    u = float(mine.applied_voltage(-0.7, width))
    assert np.log10(mine.switching_time(u, -0.7)) == pytest.approx(decade, abs=1e-9)
    u = float(mine.applied_voltage(0.7, width))
    time = float(mine.switching_time(u, 0.7))
    # on a flat part of the table the shortest width will do
    assert mine.effective_voltage(u, max(time, 1e-8)) == pytest.approx(0.7)
    assert time <= width * (1 + 1e-9)


def test_no_time_and_all_time():
    mine = law()
    assert mine.switching_time(-5.0, -0.7) == mine.shortest == 1e-8
    assert mine.switching_time([0.1, -0.7, 0.0], [0.7, 0.7, -0.7]).tolist() == [np.inf] * 3
    with pytest.raises(ValueError, match="threshold"):
        mine.switching_time(1.0, 0.0)


def test_widths_beyond_what_is_known_are_refused():
    for width in (9e-9, 1.1e-4, 0.0, -1.0):
        with pytest.raises(ValueError, match=r"width=.*1e-08 to 0.0001 s"):
            law().effective_voltage(1.0, width)
    # kappa alone: as far as f is from 0.05 to 20
    steep = law(set_shift=0.5, reset_shift=0.5)
    assert steep.longest == pytest.approx(10.0 ** (-6 + 0.95 / 0.5))
    assert law(set_shift=0.0, reset_shift=0.0).longest == 1e6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "name"),
        ({"reference": 0.0}, "reference"),
        ({"reference": "1"}, "reference"),
        ({"set_shift": -0.1}, "set_shift"),
        ({"set_shift": 1.5}, "set_shift"),
        ({"set_shift": np.nan}, "set_shift"),
        ({"set_shift": True}, "set_shift"),
        ({"reset_shift": [(1e-7, 1.0)]}, "reset_shift must be a number, or a table"),
        ({"reset_shift": [1.0, 2.0]}, "reset_shift must be a number, or a table"),
        ({"reset_shift": [(1e-6, 1.0), (1e-7, 0.9)]}, "sort the rows"),
        ({"reset_shift": [(1e-7, 1.0), (1e-6, 1.1)]}, "voltages that do not ascend"),
        ({"reset_shift": [(1e-7, 1.0), (1e-6, -0.9)]}, "a voltage"),
        ({"reset_shift": [(2e-6, 1.0), (3e-6, 0.9)]}, "on both sides of reference"),
        ({"reset_shift": [(1e-7, 100.0), (1e-6, 1.0)]}, "within 20 times"),
        ({"source": {"a": 1}}, "source"),
    ],
)
def test_bad_laws_are_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        law(**changes)


def test_files_hold_it_and_older_files_load(tmp_path):
    params = PRESET.with_pulse_width(law())
    params.to_json(tmp_path / "new.json")
    again = sg.DeviceParams.from_json(tmp_path / "new.json")
    assert again == params != PRESET
    assert hash(again) == hash(params)
    assert again.pulse_width == law()
    assert "pulse_width" not in json.loads(PRESET.to_json())
    assert sg.DeviceParams.from_json(PRESET.to_json()).pulse_width is None
    text = (tmp_path / "new.json").read_text().replace("1e-08", "2e-08")
    (tmp_path / "changed.json").write_text(text)
    with pytest.raises(ValueError, match="changed after it was written"):
        sg.DeviceParams.from_json(tmp_path / "changed.json")
    document = json.loads(params.to_json())
    document["pulse_width"]["kappa"] = 0.1
    with pytest.raises(ValueError, match="kappa"):
        sg.DeviceParams.from_json(document)
    del document["pulse_width"]["kappa"], document["pulse_width"]["reference"]
    with pytest.raises(ValueError, match="lacks reference"):
        sg.DeviceParams.from_json(document)


def test_what_if():
    params = PRESET.with_pulse_width("hfox-1t1r-gate")
    assert "hfox-1t1r-gate" in repr(params)
    assert params.pulse_width.source["reset"].startswith("not measured")
    assert params.with_pulse_width(None) == PRESET
    assert params.with_pulse_width(params.pulse_width, reference=1e-7).pulse_width.reference == 1e-7
    for argument, error in ((3, TypeError), ("nonsense", ValueError)):
        with pytest.raises(error, match=r"pulse_width|nonsense"):
            PRESET.with_pulse_width(argument)
    with pytest.raises(ValueError, match="reference"):
        PRESET.with_pulse_width(None, reference=1.0)
    with pytest.raises(ValueError, match="on both sides of reference"):
        PRESET.with_pulse_width("hfox-1t1r-gate", reference=1.0)
    with pytest.raises(ValueError, match="pulse_width"):
        PRESET.replace(pulse_width=0.1)


def test_the_preset_is_the_published_shift():
    # gate voltages for one LRS, 100 ns to 10 us, in V
    shift = sg.PulseWidthParams.preset("hfox-1t1r-gate")
    widths, gate = np.array([1e-7, 2e-7, 4e-7, 1e-6, 1e-5]), np.array([2.525, 2.23, 1.97, 1.69, 1.48])
    found = shift.applied_voltage(-gate[3], widths)
    np.testing.assert_allclose(-found, gate, atol=0.02)
    assert shift.effective_voltage(1.0, 1e-7) == 1.0


def test_the_page_of_the_explorer_takes_such_sets():
    """It applies pulses of the reference width, for which they are those without the law."""
    assert model_script([PRESET.with_pulse_width("hfox-1t1r-gate")]) == model_script([PRESET])
