"""Files as laboratories publish them: read as the same numbers, or refused; folders with more than cycles."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synaptogen import learn

sys.path.insert(0, str(Path(__file__).parent))  # for the layouts

import laboratory_texts as texts
from instrument_texts import POINTS, A, I, N, U, V, table
from test_instruments import check


@pytest.mark.parametrize("name", texts.LABORATORIES)
def test_texts(tmp_path, name):
    layout = texts.LABORATORIES[name]
    path = tmp_path / layout.name
    path.write_bytes(layout.content.encode(layout.encoding))
    check(path, layout)


@pytest.mark.parametrize("name", texts.SUMMARIES)
def test_features_beside_currents(tmp_path, name):
    path = tmp_path / "a.csv"
    path.write_text(texts.SUMMARIES[name], encoding="utf-8")
    found = learn.read(path)
    expected = {"r_hrs": texts.R_HRS, "r_lrs": texts.R_LRS, "u_set": texts.U_SET, "u_reset": texts.U_RESET}
    for feature, values in expected.items():
        np.testing.assert_allclose(found[feature].to_numpy()[0], values, rtol=1e-6)


def test_sweeps_of_set_and_reset_are_no_thresholds(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table("V_set,I_set,V_reset,I_reset", U[0][:60], I[0][:60], U[0][60:120], I[0][60:120]))
    found = learn.read(path)
    np.testing.assert_allclose(found.voltage.to_numpy().ravel(), U[0][:120], atol=1e-9)


def test_waves_of_more_lines_than_are_looked_at_first(tmp_path):
    path = tmp_path / "a.itx"
    path.write_text("IGOR\n" + texts.wave("V", np.tile(V, 4)) + texts.wave("I", np.tile(A, 4)))
    np.testing.assert_allclose(learn.read(path).current.to_numpy().ravel(), np.tile(A, 4), rtol=1e-6, atol=1e-15)


def test_numbered_ways_there_and_back(tmp_path):
    path = tmp_path / "a.csv"
    u = np.linspace(-1.4, 1.2, 66)
    path.write_text(table("V,I_fwd_1,I_rev_1,I_fwd_2,I_rev_2", u, *(u / r for r in (2e3, 5e4, 3e3, 6e4))))
    found = learn.read(path)
    np.testing.assert_allclose(found.voltage.to_numpy().ravel(), [*u, *u[::-1]] * 2, atol=1e-9)
    expected = [u / 2e3, u[::-1] / 5e4, u / 3e3, u[::-1] / 6e4]
    np.testing.assert_allclose(found.current.to_numpy().ravel(), np.concatenate(expected), rtol=1e-6, atol=1e-12)


def test_arrays_in_the_cells_of_a_frame(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"device": ["a", "a", "b"], "voltage": list(U), "current": list(I)})
    frame.to_parquet(tmp_path / "a.parquet")
    for source in (frame, tmp_path / "a.parquet"):
        found = learn.read(source)
        assert dict(found.sizes) == {"device": 2, "cycle": 2, "point": POINTS}
        np.testing.assert_array_equal(found.current.to_numpy()[0], I[:2])
    frame["current"] = [I[0], I[1], I[2][:-1]]
    with pytest.raises(ValueError, match="do not go together"):
        learn.read(frame)


def test_objects_of_python_in_an_array_are_refused(tmp_path):
    array = np.empty(N, object)
    array[:] = [np.stack([u, i]) for u, i in zip(U, I, strict=True)]
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match=r"numpy\.savez"):
        learn.read(tmp_path / "a.npy")


def test_matrices_in_structures_named_by_devices(tmp_path):
    io = pytest.importorskip("scipy.io")
    io.savemat(tmp_path / "a.mat", {f"Dev{d}": {"IV": np.stack([V, d * A], 1), "size": "5 um"} for d in (1, 2)})
    found = learn.read(tmp_path / "a.mat")
    assert dict(found.sizes) == {"device": 2, "cycle": 1, "point": V.size}
    np.testing.assert_array_equal(found.current.to_numpy()[:, 0], [A, 2 * A])


def test_forming_and_summaries_beside_cycles_are_left_out(tmp_path):
    for k in range(N):
        (tmp_path / f"cycle_{k + 1}.csv").write_text(table("V,I", U[k], I[k]))
    (tmp_path / "forming.csv").write_text(table("V,I", 2 * U[0], I[0]))
    (tmp_path / "summary.csv").write_text("cycle,Vset,Vreset\n1,-1,0.7\n2,-1.1,0.7\n3,-1,0.6\n")
    found = learn.read(tmp_path)
    assert dict(found.sizes) == {"device": 1, "cycle": N, "point": POINTS}
    assert "forming sweep" in found.attrs["left_out"]
    assert "summary beside the loops" in found.attrs["left_out"]


def test_a_folder_of_forming_alone_is_read(tmp_path):
    (tmp_path / "forming_a.csv").write_text(table("V,I", U[0], I[0]))
    (tmp_path / "forming_b.csv").write_text(table("V,I", U[1], I[1]))
    assert learn.read(tmp_path).sizes["device"] == 2


def test_numbers_behind_crosspoints_count_cycles(tmp_path):
    for c in (1, 2):
        for k in range(N):
            (tmp_path / f"R1_C{c}_{k + 1}.csv").write_text(table("V,I", U[k], c * I[k]))
    found = learn.read(tmp_path)
    assert dict(found.sizes) == {"device": 2, "cycle": N, "point": POINTS}
    np.testing.assert_allclose(found.current.to_numpy(), [I, 2 * I], rtol=1e-6, atol=1e-12)
