"""Programming with pulses of a width: the same outcome at another voltage, and time that passes."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.crossbar import Wires, apply_selected, one_shot, set_reset, write_verify

LAW = sg.PulseWidthParams("mine", 1e-6, 0.1, 0.2)
PRESET = sg.DeviceParams.preset("hennen2024")
WIDE = PRESET.with_pulse_width(LAW)
TARGETS = np.random.default_rng(1).uniform(20e-6, 60e-6, (8, 8))


def array(params=WIDE):
    return sg.CellArray((8, 8), params, rng=1)


@pytest.mark.parametrize("width", [1e-8, 1e-6, 1e-5])
@pytest.mark.parametrize("scheme", [None, "V/3"])
def test_pulses_get_the_voltages_that_do_the_same(width, scheme):
    wide, plain = array(), array(PRESET)
    mine = write_verify(wide, TARGETS, tolerance=2e-6, width=width, scheme=scheme, passes=2)
    other = write_verify(plain, TARGETS, tolerance=2e-6, pulse_width=width, scheme=scheme, passes=2)
    np.testing.assert_array_equal(mine.pulses, other.pulses)
    np.testing.assert_array_equal(mine.converged, other.converged)
    np.testing.assert_allclose(mine.reached, other.reached, rtol=1e-4, atol=1e-9)
    # currents rise at least in proportion to the voltage, and a little faster
    f = np.array([1 - 0.1 * np.log10(width / 1e-6), 1 - 0.2 * np.log10(width / 1e-6)])
    ratio = mine.energy.sum() / other.energy.sum()
    assert f.min() ** 2 * 0.99 < ratio < f.max() ** 3 * 1.01
    assert (ratio > 1) == (width < 1e-6) or width == 1e-6
    assert wide.time > 0 == plain.time


def test_a_full_reset_stays_one():
    for width in 10.0 ** np.linspace(-9, -4, 23):
        cells = array()
        set_reset(cells, np.ones((8, 8), bool), width=width)
        set_reset(cells, np.zeros((8, 8), bool), width=width)
        assert (cells.mode == sg.Mode.HRS).all()
        assert cells.time == pytest.approx(2 * width, abs=1e-9)


def test_other_methods_and_wires():
    wires = Wires(1.0, 1.0)
    for options in ({}, {"wires": wires}, {"wires": wires, "scheme": "V/2"}):
        wide, plain = array(), array(PRESET)
        mine, other = one_shot(wide, 40e-6, width=1e-6, **options), one_shot(plain, 40e-6, **options)
        np.testing.assert_allclose(mine.reached, other.reached, rtol=1e-5)
        fast = array()
        one_shot(fast, 40e-6, width=1e-8, **options)
        # through wires a higher voltage also means a higher loss, so only about the same
        assert np.median(np.abs(np.log(fast.conductance() / plain.conductance()))) < 0.1
    cells, plain = array(), array(PRESET)
    u = np.zeros((8, 8))
    u[1] = -0.7
    apply_selected(cells, u, "V/3", width=1e-4)
    apply_selected(plain, u / 0.8, "V/3")
    np.testing.assert_array_equal(cells.mode, plain.mode)


def test_widths_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="width means nothing"):
        write_verify(array(PRESET), 40e-6, tolerance=2e-6, width=1e-6)
    with pytest.raises(ValueError, match="width=1"):
        one_shot(array(), 40e-6, width=1.0)
