"""Scales of features: curves and their inverses, what is refused, and files."""

import json

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.model import optional_parts

PRESET = sg.DeviceParams.preset("hennen2024")
CURVE = sg.FeatureScale("log10", curve=[0.2, 0.3, 0.6, 3.4], low=-5, high=6, offset=900.0)


def test_value_follows_the_polynomial():
    y = np.array([-5.0, 0.5, 6.0, 60.0])
    t = np.array([-1.0, 0.0, 1.0, 1.0])  # held at the end
    assert np.allclose(CURVE.value(y), 900 + 10 ** (0.2 * t**3 + 0.3 * t**2 + 0.6 * t + 3.4), rtol=1e-12)


@pytest.mark.parametrize(
    ("scale", "low", "high"),
    [
        (sg.FeatureScale("linear"), -1.0, 1.0),
        (sg.FeatureScale("log10", offset=900.0), 3.0, 7.0),
        (sg.FeatureScale("linear", curve=[0.1, 0.4, -0.6], low=-0.9, high=0.3), -0.9, 0.3),
        (CURVE, -5.0, 6.0),
    ],
)
def test_formulas_of_the_model_give_the_value(scale, low, high):
    y, constants = np.linspace(low, high, 11), scale.constants
    value = optional_parts.plain_value(optional_parts.position(y, constants), constants)
    assert np.allclose(optional_parts.ohms(value, constants), scale.value(y), rtol=1e-6)


def test_inverse_undoes_value():
    y = np.linspace(-4.99, 5.99, 501)
    assert np.abs(CURVE.inverse(CURVE.value(y)) - y).max() < 1e-9


def test_jacobian_is_the_derivative_of_the_inverse():
    value = np.linspace(1800.0, 20_000.0, 40)
    step = 1e-3
    slope = (CURVE.inverse(value + step) - CURVE.inverse(value - step)) / (2 * step)
    assert np.allclose(np.exp(CURVE.log_jacobian(value)), slope, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "ln"}, "kind must be"),
        ({"kind": "linear", "low": 0.0}, "belong to a curve"),
        ({"kind": "linear", "curve": [1.0, 0.0]}, "must be given with a curve"),
        ({"kind": "linear", "curve": [1.0, 0.0], "low": 1.0, "high": 1.0}, "low must be below high"),
        ({"kind": "linear", "curve": [1.0], "low": 0.0, "high": 1.0}, "2 to 16 coefficients"),
        ({"kind": "linear", "curve": [-1.0, 0.0], "low": 0.0, "high": 1.0}, "must increase"),
        ({"kind": "linear", "curve": [np.nan, 0.0], "low": 0.0, "high": 1.0}, "curve must be finite"),
        ({"kind": "linear", "offset": 3.0}, "offset must be"),
        ({"kind": "log10", "offset": -1.0}, "offset must be"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        sg.FeatureScale(**arguments)


@pytest.mark.parametrize(
    ("place", "scale", "message"),
    [
        (0, sg.FeatureScale("linear"), "r_hrs must be of kind"),
        (1, sg.FeatureScale("log10"), "u_set must be of kind"),
        (0, sg.FeatureScale("log10", offset=5.0), "r_hrs must have no offset"),
    ],
)
def test_scales_that_a_feature_cannot_have(place, scale, message):
    scales = list(PRESET.scales)
    scales[place] = scale
    with pytest.raises(ValueError, match=message):
        PRESET.replace(scales=scales)


def test_plain_scales_leave_the_file_as_it_was():
    features = json.loads(PRESET.to_json())["features"]
    assert [sorted(feature) for feature in features] == [["name", "scale", "unit"]] * 4


def test_bounds_hold_every_draw():
    population = PRESET.population
    centre, spread = population.means[0], np.sqrt(np.sum(population.cholesky[0] ** 2, axis=1))
    low, high = centre - 1.5 * spread, centre + 1.6 * spread
    one = sg.Population([1.0], centre[None], population.cholesky[:1], low=low, high=high)
    for engine in ("reference", "cpu"):
        device = sg.CellArray(5000, PRESET.replace(population=one), rng=1, engine=engine).device
        inside = (device >= low[:, None] - 1e-6 * np.abs(low[:, None])) & (
            device <= high[:, None] + 1e-6 * np.abs(high[:, None])
        )
        assert inside.all()
        # drawn again, not limited: a draw is within all bounds in a third of all cases, and 24 times not in 1e-4
        at_a_bound = np.isclose(device, low[:, None], rtol=1e-6) | np.isclose(device, high[:, None], rtol=1e-6)
        assert at_a_bound.any(axis=0).mean() < 0.005
