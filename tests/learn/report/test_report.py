"""From a synthetic measurement to the page, as the README has it; and the page in a browser."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("typer")

from typer.testing import CliRunner

from synaptogen import learn
from synaptogen.cli.app import app
from synaptogen.learn.report.figures import FIGURES

BROWSER = next((b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
OF_READS = ("fluctuation", "moves")  # figures of repeated reads, which loops do not have
BACKGROUND, INK = 240, 80  # grey levels


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """The four commands, with a folder of figures; 32 devices, so that some can be held out."""
    folder = tmp_path_factory.mktemp("tour")
    paths = [str(folder / name) for name in ("loops.npz", "mine.json", "v.npz", "report.html", "png")]
    data, params, validation, page, png = paths
    for command in (
        ["sample-data", data, "--devices", "64", "--cycles", "100", "--points", "100"],
        ["fit", data, "-o", params, "--hold-out", "0.5"],
        ["validate", params, data, "-o", validation],
        ["report", validation, "-o", page, "--figures", png],
    ):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    return folder


def test_every_figure_is_in_the_page_and_in_the_folder(tour):
    text = (tour / "report.html").read_text(encoding="utf-8")
    figures = [name for name in FIGURES if name not in OF_READS]
    assert re.findall('<figure id="([a-z]+)"', text) == figures
    assert text.count("data:image/png;base64,") == len(figures)
    assert sorted(p.stem for p in (tour / "png").iterdir()) == sorted(figures)


def test_the_page_needs_no_network(tour):
    text = re.sub("base64,[A-Za-z0-9+/=]*", "", (tour / "report.html").read_text(encoding="utf-8"))
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|@import|<script", text)
    assert text.count("<iframe title=") == 1  # the explorer, as an attribute of it
    for words in (
        "Verdicts",
        "32 of 64 devices",
        "settings tried",
        "classifier",
        "hennen2024",
        "flags of measured cycles",
        "MISFIT 0",
    ):
        assert words in text


def test_what_was_held_out_is_remembered(tour):
    validation = learn.Validation.load(tour / "v.npz")
    assert validation.facts["held out"] == "32 of 64 devices, evenly spaced"
    assert not any("kept from the fit" in note for note in validation.notes)


def test_files_are_not_replaced_unless_asked(tour):
    for command in (
        ["report", str(tour / "v.npz"), "-o", str(tour / "report.html")],
        ["validate", "hennen2024", str(tour / "loops.npz"), "-o", str(tour / "v.npz")],
        ["sample-data", str(tour / "loops.npz")],
        ["extract", str(tour / "loops.npz"), "-o", str(tour / "v.npz")],
    ):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 1
        assert "give --overwrite" in done.output


def test_extracted_features_are_those_of_the_loops(tour, tmp_path):
    figure = tmp_path / "markers.png"
    done = CliRunner().invoke(
        app, ["extract", str(tour / "loops.npz"), "-o", str(tmp_path / "f.csv"), "--json", "--figure", str(figure)]
    )
    assert done.exit_code == 0, done.output
    assert figure.read_bytes().startswith(b"\x89PNG")
    facts = json.loads(done.stdout)
    assert facts["reliability"]["r_lrs"] > 0.98
    assert abs(facts["current_limit_A"] - 150e-6) < 5e-6
    assert abs(facts["offset_A"] - 1e-6) < 0.1e-6
    back = learn.read(tmp_path / "f.csv")
    assert "flag" in back
    np.testing.assert_allclose(back.r_lrs, learn.extract(learn.read(tour / "loops.npz")).features.r_lrs, rtol=1e-8)
    again = CliRunner().invoke(app, ["extract", str(tmp_path / "f.csv"), "-o", str(tmp_path / "g.csv")])
    assert again.exit_code == 1
    assert "holds features, not loops" in again.output


@pytest.mark.parametrize("ending", ["csv", "parquet", "nc"])
def test_sample_data_in_every_format(tmp_path, ending):
    path = tmp_path / f"loops.{ending}"
    done = CliRunner().invoke(
        app, ["sample-data", str(path), "--devices", "2", "--cycles", "4", "--points", "40", "--outliers", "1"]
    )
    assert done.exit_code == 0, done.output
    found = learn.read(path)
    assert found.current.shape == (2, 4, 40)
    expected = learn.sample_loops(devices=2, cycles=4, points=40, outliers=1)
    np.testing.assert_allclose(found.current, expected.current, rtol=1e-6)


def test_planted_outliers_are_far_from_the_others():
    data = learn.sample_loops(devices=24, cycles=30, points=120, outliers=2, rng=5)
    planted = [int(d) for d in data.attrs["planted"].split()]
    r_lrs = learn.extract(data).features.r_lrs.mean("cycle").to_numpy()
    others = np.delete(r_lrs, planted)
    assert len(planted) == 2
    assert np.all(r_lrs[planted] > np.median(others) + 2.5 * np.std(others))


def test_few_devices_have_no_outliers_unless_asked_for():
    for devices, planted in ((1, 0), (3, 0), (4, 3)):
        data = learn.sample_loops(devices=devices, cycles=2, points=40)
        assert len(data.attrs["planted"].split()) == planted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"devices": 2, "outliers": 2}, "outliers must be from 0 to 1"),
        ({"points": 8}, "points must be 24 or more"),
        ({"noise": -1.0}, "noise not negative"),
    ],
)
def test_sizes_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        learn.sample_loops(**arguments)


@pytest.mark.skipif(BROWSER is None, reason="needs chromium, to see the page as people do")
def test_a_browser_shows_the_page(tour, tmp_path):
    shot = tmp_path / "shot.png"
    subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={tmp_path}",
            "--window-size=1100,8000",
            f"--screenshot={shot}",
            f"file://{tour / 'report.html'}",
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    from matplotlib.image import imread

    grey = 255 * imread(shot)[..., :3].mean(axis=2)
    assert grey.shape == (8000, 1100)
    rows = (grey < INK).any(axis=1)
    assert rows[:200].any()
    assert rows.sum() > 2000  # text and figures down the whole page, not an error message at its top
    assert np.flatnonzero(rows)[-1] > 6000
    assert (grey > BACKGROUND).mean() > 0.5
