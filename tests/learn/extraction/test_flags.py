"""Failed cycles of feature tables: read from files, set to NaN, counted; never silently dropped."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

import synaptogen as sg
from synaptogen import learn
from synaptogen.learn import Flag
from synaptogen.learn.extraction import MEANINGS, flags_in_words
from synaptogen.learn.statistics.feature_tables import feature_table
from synaptogen.params import FEATURE_NAMES


@pytest.fixture
def flagged():
    f = sg.CellArray(3, rng=1).run_cycles(60)
    flag = np.zeros((3, 60), int)
    flag[0, 5], flag[1, 6], flag[2, 7:9] = learn.Flag.NO_SET, learn.Flag.FROM_LRS, learn.Flag.WORN
    flag[0, 9], flag[0, 10] = learn.Flag.HRS_FROM_A, learn.Flag.NO_RESET
    return learn.features(*(getattr(f, n).T.astype(float) for n in FEATURE_NAMES), flag=flag)


def test_what_failed_is_missing_and_counted(flagged):
    table = feature_table(flagged)
    there = np.isfinite(table.y)
    assert list(there[0, 5]) == [True, False, False, False]
    assert list(there[1, 6]) == [False, False, True, True]
    assert not there[2, 7:9].any()
    assert there[0, 9].all()
    assert list(there[0, 10]) == [True, True, True, False]
    assert there.sum() == 720 - 3 - 2 - 8 - 1
    notes = " ".join(table.notes)
    for text in ("1 of 180 cycles flagged no_set", "2 of 180 cycles flagged worn", "1 of 180 cycles flagged from_lrs"):
        assert text in notes
    assert "flagged no_set: the cell stayed in its HRS" in notes


def test_every_flag_has_a_meaning_in_words():
    assert set(MEANINGS) == set(Flag)
    assert len(set(MEANINGS.values())) == len(Flag)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "npz", "nc"])
def test_flags_survive_files(flagged, tmp_path, ending):
    path = tmp_path / f"f.{ending}"
    learn.write(flagged, path)
    back = learn.read(path)
    assert np.array_equal(back.flag, flagged.flag)
    for name in FEATURE_NAMES:
        np.testing.assert_allclose(back[name], flagged[name], rtol=1e-8)
    assert feature_table(back).notes == feature_table(flagged).notes


def test_missing_rows_are_missing_cycles(flagged, tmp_path):
    path = tmp_path / "f.csv"
    learn.write(flagged, path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:20] + lines[21:]))
    assert any("1 of 180 cycles flagged missing" in note for note in feature_table(learn.read(path)).notes)


@pytest.mark.parametrize("bad", [-1, 0.5, 8192])
def test_flags_that_are_none(flagged, bad):
    with pytest.raises(ValueError, match="no sums of flags"):
        feature_table(flagged.assign(flag=flagged.flag.astype(float) * 0 + bad))


def test_flags_of_another_shape(flagged):
    with pytest.raises(ValueError, match="one flag a cycle"):
        learn.features(flagged.r_hrs, flag=np.zeros((3, 5)))


def test_other_endings_are_refused(flagged, tmp_path):
    with pytest.raises(ValueError, match=r"must end in one of \.csv"):
        learn.write(flagged, tmp_path / "f.xls")
    assert not list(tmp_path.iterdir())


def test_flags_are_counted_in_words():
    flag = np.array([[0, int(Flag.MISFIT | Flag.UNRESOLVED)], [int(Flag.MISFIT), int(Flag.NO_SET)]])
    assert flags_in_words(flag) == "NO_SET 1, UNRESOLVED 1, MISFIT 2 of 4"
    assert flags_in_words(0 * flag) == "MISFIT 0 of 4"  # said also where there is none
