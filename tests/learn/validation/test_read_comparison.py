"""Repeated reads in a validation: what is like the measurement is good, what is not is poor."""

from dataclasses import replace

import numpy as np
import pytest

import synaptogen as sg

learn = pytest.importorskip("synaptogen.learn")

from synaptogen.learn.fluctuation import ReadGroup  # noqa: E402  # an extra

PRESET = sg.FluctuationParams.preset("hfox-1t1r")
DEVICE = sg.DeviceParams.preset("hennen2024")


def reads_of(fluctuation, n=60, reads=200, seed=5):
    start = np.full((n, reads), np.log(1e-5))
    group = ReadGroup("", start, np.arange(reads) * 1.0, np.full(reads, np.nan), reads)
    return learn.reads(conductance=np.exp(group.simulated(fluctuation, n, seed).log_g), time=np.arange(reads))


def bake_of(fluctuation, n=120, seed=6):
    g = np.geomspace(5e-6, 2e-4, n)
    group = ReadGroup("", np.log(np.stack([g, g], 1)), np.array([600.0, 2400.0]), np.array([np.nan, 400.0]), 2)
    made = np.exp(group.simulated(fluctuation, n, seed).log_g)
    return learn.reads(conductance=made, time=[0, 1800], temperature=[np.nan, 400.0])


def test_cells_of_the_parameters_are_as_measured():
    found = learn.validate(DEVICE.with_fluctuation(PRESET), reads_of(PRESET), reads=bake_of(PRESET), splits=8)
    grades = {p.name: p.grade for p in found.properties}
    assert {"growth of spread, 10 uS", "sd/G, 10 uS", "spectrum, 10 uS", "two levels, 10 uS"} <= set(grades)
    assert any(name.startswith("moves, ") for name in grades)
    # a limit is the 95 % quantile of eight splits or more: of some ten properties, one may lie beyond by chance
    assert sum(grade == "poor" for grade in grades.values()) <= 1
    assert "reads fluctuate by" in found.verdict
    assert "60 cells" not in found.facts["data"]
    assert found.facts["data"].startswith("180 cells")


def test_other_parameters_are_told_apart():
    other = replace(PRESET, walk=4 * PRESET.walk, white=5 * PRESET.white, flicker=4 * PRESET.flicker)
    found = learn.validate(DEVICE.with_fluctuation(other), reads_of(PRESET), splits=8)
    for name in ("growth of spread", "sd/G", "white part"):
        assert found[f"{name}, 10 uS"].grade == "poor"
    assert "what differs: growth of spread" in found.verdict


def test_few_cells_are_not_judged():
    found = learn.validate(DEVICE.with_fluctuation(PRESET), reads_of(PRESET, n=10), splits=4)
    assert {p.grade for p in found.properties} == {"unknown"}
    assert "too few cells to judge" in found.verdict


def test_a_validation_of_reads_is_kept_and_reported(tmp_path):
    found = learn.validate(DEVICE.with_fluctuation(PRESET), reads_of(PRESET), reads=bake_of(PRESET), splits=4)
    found.save(tmp_path / "v.npz")
    again = learn.Validation.load(tmp_path / "v.npz")
    assert again.verdict == found.verdict
    for own, kept in zip(found.properties, again.properties, strict=True):
        assert (own.name, own.unit, own.grade, own.generated) == (kept.name, kept.unit, kept.grade, kept.generated)
    pytest.importorskip("matplotlib")
    files = learn.report(again, tmp_path / "r.html", figures=tmp_path / "figures")
    assert {f.stem for f in files} == {"r", "fluctuation", "moves"}
    page = files[0].read_text(encoding="utf-8")
    assert "At 10 uS reads fluctuate by" in page
    assert "fluctuation of" in page
    assert "hfox-1t1r" in page


def test_reads_are_held_out_by_device():
    kept, out, summary = learn.hold_out(reads_of(PRESET, n=10), 0.5)
    assert kept.sizes["device"] == out.sizes["device"] == 5
    assert not set(kept.device.values) & set(out.device.values)
    assert summary == "5 of 10 devices, evenly spaced"
    with pytest.raises(ValueError, match="by device"):
        learn.hold_out(reads_of(PRESET, n=10), 0.5, by="cycle")


def test_options_of_reads_without_reads_are_refused():
    data = learn.features(r_lrs=sg.CellArray(2, rng=1).run_cycles(60).r_lrs.T)
    with pytest.raises(ValueError, match="interval and age"):
        learn.validate("hennen2024", data, age=1.0)
