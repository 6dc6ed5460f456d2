"""The model in JavaScript: currents, features and states are those of the reference engine."""

import os
from dataclasses import replace

import numpy as np
from programs_in_js import in_javascript, in_python, random_program

import synaptogen as sg
from synaptogen.params import FeatureScale, OwnShapes, Population, RestlessInnovation

PROGRAMS = int(os.environ.get("SYNAPTOGEN_EXPLORER_PROGRAMS", "40"))
"""Number of random programs; the reference engine takes some tenths of a second for each."""


def parameter_sets():
    preset = sg.DeviceParams.preset("hennen2024")
    p = preset.population
    means = p.means.copy()
    means[:, 4:] = np.log(np.abs(means[:, 4:]))
    log = Population(weights=p.weights, means=means, cholesky=0.1 * p.cholesky, sigma_scale="log")
    lowest, highest = (p.means - 0.8 * np.abs(p.means)).min(0), p.means.max(0) + 0.05 * np.abs(p.means).max(0)
    held = Population(weights=p.weights, means=p.means, cholesky=p.cholesky, low=lowest, high=highest)
    u_set = FeatureScale("linear", curve=[0.02, 0.6, -0.7], low=-2.0, high=1.0)
    return [
        preset,
        preset.replace(population=held),
        preset.replace(scales=(preset.scales[0], u_set, *preset.scales[2:])),
        preset.replace(stretch=[0.2, 0.3, 0.05]),
        preset.compact(6),
        preset.with_order(1),
        restless_with_own_shapes(preset.compact(5)),
        preset.compact(3).replace(restless=RestlessInnovation(spread=0.4, rise=0.2, new=0.4, fade=0.9)),
        preset.replace(population=log, eta=2.0, u_range=1.6),
        preset.with_fluctuation("hfox-1t1r"),
        restless_with_own_shapes(preset.compact(5)).with_fluctuation(strong_fluctuation()),
        preset.compact(3).replace(trend=trend(), wear=sg.Wear(4.0, 1.5, 0.4)),
        preset.compact(3).replace(trend=replace(trend(), passes=True)),
    ]


def trend():
    """A trend within a few cycles, by which devices differ."""
    curves = [[0.1, -0.2, 0.0], [0.0, -0.05, 0.0], [0.0, 90.0, 10.0], [0.01, 0.0, 0.0]]
    slope = np.zeros((4, 8))
    slope[0, 0], slope[2, 6], slope[3, 5] = -0.7, 1e-3, 0.5
    centre = sg.DeviceParams.preset("hennen2024").population.mean()
    return sg.Trend(6, curves, [1.0, 0.5, -1.0, 1.0], 0.3 * np.tril(np.ones((4, 4))), slope, centre)


def strong_fluctuation():
    """Cells that change much and fast, where the walk, the traps and the limits of changes all matter."""
    content = sg.FluctuationParams.preset("hfox-1t1r").to_dict()
    changed = {"walk": 0.3, "onset": 1e-6, "fastest": 1e-3, "trap_share": 0.9, "trap_active": 0.8, "temperature": 310.0}
    return sg.FluctuationParams.from_dict({**content, **changed, "name": "strong"})


def restless_with_own_shapes(params):
    """Devices with shapes and memory of their own, on curves and within bounds."""
    p, k = params.population, params.population.n_components
    means = np.concatenate([p.means, np.tile([0.0] * 8 + [0.4] * 4, (k, 1))], axis=1)
    cholesky = np.zeros((k, 20, 20))
    cholesky[:, :8, :8] = p.cholesky
    cholesky[:, range(8, 20), range(8, 20)] = 0.05
    low, high = means.min(0) - 0.5 * np.abs(means).max(0) - 0.1, means.max(0) + 0.5 * np.abs(means).max(0) + 0.1
    population = Population(weights=p.weights, means=means, cholesky=cholesky, low=low, high=high)
    shapes = OwnShapes(np.tile([1.0, 0.0, -1.0], (4, 1)), np.tile([1.0, 0.0, -3.0, 0.0], (4, 1)))
    restless = RestlessInnovation(spread=0.3, rise=-0.2, new=0.3, fade=0.95)
    return params.replace(population=population, own=shapes, restless=restless)


SETS = parameter_sets()


def require_same(program, mine, its):
    """Everything to 1e-9, except what a cell does not use: the course of a RESET, where it is not partly reset."""
    for step, a, b in zip(program["steps"], mine["results"], its["results"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-18, err_msg=str(step))
    np.testing.assert_array_equal(mine["status"], its["status"])
    np.testing.assert_allclose(mine["r"], its["r"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mine["device"], its["device"], rtol=1e-9, atol=1e-14)
    a, b = (np.reshape(x["fields"], (-1, 7)) for x in (mine, its))
    np.testing.assert_allclose(a[:, :4], b[:, :4], rtol=1e-9, atol=1e-12)
    partly = np.asarray(its["status"]) >> 30 == 0
    np.testing.assert_allclose(a[partly], b[partly], rtol=1e-9, atol=1e-12)


def test_random_programs_end_like_those_of_the_reference_engine():
    rng = np.random.default_rng(1)
    programs = [random_program(rng, SETS) for _ in range(PROGRAMS)]
    for program, mine in zip(programs, in_javascript(SETS, programs), strict=True):
        require_same(program, mine, in_python(SETS, program))


def test_cells_that_wait_end_like_those_of_the_reference_engine():
    """More waits, after pulses and after other waits, in each of which the last write of a cell counts."""
    moving = [params for params in SETS if params.fluctuation is not None]
    rng = np.random.default_rng(2)
    programs = [random_program(rng, moving) for _ in range(PROGRAMS // 2)]
    for program, mine in zip(programs, in_javascript(moving, programs), strict=True):
        require_same(program, mine, in_python(moving, program))
