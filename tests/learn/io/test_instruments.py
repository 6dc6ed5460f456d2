"""Files of instruments in many layouts: each is read as the same numbers, or refused with the remedy."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the layouts
from exported_texts import EXPORTED
from instrument_styles import STYLES
from instrument_texts import POINTS, TEXTS, A, I, U, V
from published_texts import PUBLISHED

from synaptogen import learn

LAYOUTS = TEXTS | STYLES | PUBLISHED | EXPORTED


def check(path, layout):
    """Read a file, and compare it with the loops."""
    if layout.refused is not None:
        with pytest.raises(ValueError, match=layout.refused):
            learn.read(path, **layout.options)
        return
    found = learn.read(path, **layout.options)
    assert (found.sizes["device"], found.sizes["cycle"]) == (layout.devices, layout.cycles)
    u, i = (found[name].to_numpy().reshape(layout.devices * layout.cycles, -1) for name in ("voltage", "current"))
    parts = layout.parts or [(None, V.size)]
    assert len(u) == len(parts)
    for row_u, row_i, (loop, count) in zip(u, i, parts, strict=True):
        expected_u, expected_i = (V, A) if loop is None else (U[loop][:count], I[loop][:count])
        there = np.isfinite(row_u) & np.isfinite(row_i)
        keep = np.delete(np.arange(count), layout.missing)
        if layout.zero:
            there &= row_u != 0
            keep = keep[expected_u[keep] != 0]
        np.testing.assert_allclose(row_u[there], expected_u[keep], atol=1e-8)
        least = 1e-7 if layout.options.get("magnitude") else 1e-12  # at 0 V a magnitude has no sign
        np.testing.assert_allclose(row_i[there], expected_i[keep], rtol=1e-5, atol=least)


@pytest.mark.parametrize("name", LAYOUTS)
def test_texts(tmp_path, name):
    layout = LAYOUTS[name]
    path = tmp_path / layout.name
    path.write_bytes(layout.content.encode(layout.encoding))
    check(path, layout)


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(("V,I\n" + "".join(f"{v:.9g},{a:.9g}\n" for v, a in zip(V, A, strict=True)))[:-7])
    found = learn.read(path)
    assert "cut off" in found.attrs["read_as"]
    np.testing.assert_allclose(found.current.to_numpy().ravel(), A[:-1], rtol=1e-6)


def test_what_is_left_out_is_said(tmp_path):
    path = tmp_path / "a.csv"
    body = "".join(f"{v:.9g},{'OVRFLW' if k == 5 else f'{a:.9g}'}\n" for k, (v, a) in enumerate(zip(V, A, strict=True)))
    path.write_text("V,I\n" + body)
    assert "OVRFLW" in learn.read(path).attrs["read_as"]
    path.write_text("V,I\n" + "1" * 60 + "x,1\n" + body.replace("OVRFLW", "0"))
    assert "'1111" in learn.read(path).attrs["read_as"]
    path.write_text("Vd,Id,Vg\n" + "".join(f"{v:.9g},{a:.9g},2\n" for v, a in zip(V, A, strict=True)))
    assert "of a gate: 'Vg'" in learn.read(path).attrs["read_as"]


def test_the_way_back_in_a_column_of_its_own(tmp_path):
    path = tmp_path / "a.csv"
    u = np.linspace(0, 1.2, 61)
    path.write_text("V,I forward,I backward\n" + "".join(f"{v:.9g},{v / 2e3:.9g},{v / 5e4:.9g}\n" for v in u))
    found = learn.read(path)
    np.testing.assert_allclose(found.voltage.to_numpy().ravel(), [*u, *u[::-1]], atol=1e-9)
    np.testing.assert_allclose(found.current.to_numpy().ravel(), [*u / 2e3, *u[::-1] / 5e4], atol=1e-12)


def test_sheets_with_the_same_cycles_are_devices(tmp_path):
    pd = pytest.importorskip("pandas")
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as book:
        for d in range(2):
            frame = pd.DataFrame({"cycle": np.repeat([1, 2], POINTS), "V": U[:2].ravel(), "I": I[d : d + 2].ravel()})
            frame.to_excel(book, sheet_name=f"cell {d}", index=False)
    found = learn.read(path)
    assert found.device.values.tolist() == ["cell 0", "cell 1"]
    np.testing.assert_allclose(found.current.to_numpy(), [I[:2], I[1:3]], rtol=1e-9)
