"""The page in a browser: it draws, changes and compares, by mouse and by keyboard, and its Python does the same."""

import os
from html import escape
from pathlib import Path

import numpy as np
import pytest
from in_browser import acted, chromium

import synaptogen as sg


@pytest.fixture(scope="module")
def page():
    params = sg.DeviceParams.preset("hennen2024")
    return sg.explore.page([sg.explore.source_of("hennen2024"), sg.explore.source_of(params.with_order(1))])


def after(python):
    """Variables after Python from a page has run."""
    names = {}
    exec(python, names)
    return names


def test_drawn_waveforms_change_cells_and_the_python_does_the_same(page, tmp_path):
    chromium()
    found = acted(
        tmp_path,
        page,
        """
        const before = $("wave").getAttribute("aria-label");
        change("count", "5");
        change("points", "20");
        pointer("wave", "pointerdown", 0.15, 0.8); // free drawing
        for (const [x, y] of [[0.3, 0.85], [0.5, 0.5], [0.8, 0.2]]) pointer("wave", "pointermove", x, y);
        pointer("wave", "pointerup", 0.8, 0.2);
        const after = $("wave").getAttribute("aria-label");
        $("run").click();
        $("run").click();
        $("noise").click();
        change("standard", "partial");
        $("run").click();
        change("cycles", "7");
        change("size", "8");
        $("set-all").click();
        pointer("map", "pointerdown", 0.3, 0.6);
        window.dispatchEvent(new PointerEvent("pointerup"));
        for (const key of ["ArrowRight", "ArrowDown", "Enter"]) {
          $("map").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        }
        $("ramp-all").click();
        change("input", "ramp");
        return { before, after, status: $("map-status").textContent, python: $("python").textContent,
                 r: Array.from(app.cells.a.r), last: app.traces.rows.a.map((row) => Array.from(row)),
                 g: Array.from(crossbar.cells.r), currents: rowCurrents() };
        """,
    )
    assert found["before"] != found["after"]
    names = after(found["python"])
    np.testing.assert_allclose(names["cells"].r, found["r"], rtol=1e-9)
    np.testing.assert_allclose(names["currents"], found["last"], rtol=1e-9, atol=1e-18)
    assert names["features"].r_lrs.shape == (7, 5)
    np.testing.assert_allclose(names["crossbar"].r.ravel(), found["g"], rtol=1e-9)
    np.testing.assert_allclose(names["i"], found["currents"], rtol=1e-9)
    assert "for _ in range(2):" in found["python"]
    assert "[4, 2]" in found["python"]  # where the pointer was
    assert "[5, 3]" in found["python"]  # where the keyboard was
    assert found["status"].startswith("Row 5, column 3: ")


def test_cells_wait_and_the_python_does_the_same(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sg.DeviceParams.preset("hennen2024").with_order(1).to_json("hennen2024.json")
    found = acted(
        tmp_path,
        page,
        """
        const still = $("wait-status").textContent;
        change("between", "hfox-1t1r");
        change("set-b", "1");
        const says = $("between").value;
        $("run").click();
        change("duration", "0");
        $("wait").click();
        const mistake = [$("wait-error").textContent, app.drift];
        change("duration", "1.5");
        $("wait").click();
        change("temperature", "358");
        change("duration-unit", "86400");
        $("wait").click();
        $("wait-all").click();
        const { times, g } = app.drift, last = g.a[times.length - 1];
        return { still, says, mistake, then: $("wait-error").textContent, status: $("wait-status").textContent,
                 increasing: times.every((t, k) => k === 0 || t > times[k - 1]), end: times[times.length - 1],
                 python: $("python").textContent, g: Array.from(last), crossbar: Array.from(crossbar.cells.r) };
        """,
    )
    assert "stand still" in found["still"]
    assert found["says"] == "hfox-1t1r"
    assert found["mistake"] == ["Give a duration above 0, of 300 years at most.", None]
    assert found["then"] == ""
    assert found["increasing"]
    assert found["end"] == 1.5 * 3600 + 1.5 * 86400
    assert "B: median change" in found["status"]
    assert "stand still" not in found["status"]
    a, b = found["python"].split("# B")
    names, other = after(a), after(f"import numpy as np\nimport synaptogen as sg\n{a.split('# A')[0]}{b}")
    np.testing.assert_allclose(names["conductances"], found["g"], rtol=1e-9)
    assert other["cells"].params.fluctuation.name == "hfox-1t1r"
    assert other["cells"].time == 1.5 * 3600 + 1.5 * 86400
    np.testing.assert_allclose(other["crossbar"].r.ravel(), found["crossbar"], rtol=1e-9)


def test_cells_of_an_array_go_on_waiting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
    cells = sg.CellArray((3, 4), params, rng=4, engine="reference")
    cells.apply_voltage(-2.0)
    cells.wait(100)
    cells[:2].apply_voltage(2.0)
    cells.wait(10)
    cells.save("array.zarr")
    found = acted(
        tmp_path,
        sg.explore.page([sg.explore.source_of("array.zarr")]),
        """
        $("again").click();
        $("wait").click();
        return { python: $("python").textContent, off: $("between").disabled,
                 g: Array.from(app.cells.a.conductances()) };
        """,
    )
    assert found["off"]
    names = after(found["python"])
    assert names["cells"].time == 3710
    np.testing.assert_allclose(names["conductances"], found["g"], rtol=1e-9)


def test_two_sets_are_compared(page, tmp_path):
    found = acted(
        tmp_path,
        page,
        """
        const alone = document.querySelectorAll("#quantiles tr").length;
        change("set-b", "1");
        $("run").click();
        const names = [$("name-a").textContent, $("name-b").textContent, $("key-b").hidden];
        return { alone, both: document.querySelectorAll("#quantiles tr").length, names,
                 python: $("python").textContent, status: $("cell-status").textContent };
        """,
    )
    assert (found["alone"], found["both"]) == (9, 17)
    assert found["names"] == ["hennen2024, VAR(10), 3 components", "hennen2024, VAR(1), 3 components", False]
    assert "# B" in found["python"]
    assert "B, cell 0" in found["status"]


def test_mistakes_are_said_and_change_nothing(page, tmp_path):
    found = acted(
        tmp_path,
        page,
        """
        change("corners", "0, x, 1");
        const applied = app.actions.length;
        $("run").click();
        const corners = [$("corner-error").textContent, app.actions.length - applied];
        const cells = app.cells.a;
        change("seed", "-3");
        return { corners, seed: $("cell-status").textContent, same: cells === app.cells.a };
        """,
    )
    assert found["corners"] == ["x is no voltage between -100 and 100 V.", 0]
    assert found["seed"].startswith("The seed must be")
    assert found["same"]


def test_on_a_phone_nothing_is_wider_than_the_screen(page, tmp_path):
    """In a frame as wide as a phone: windows of Chromium are wider."""
    frame = f'<iframe id="phone" style="width: 360px; height: 800px; border: 0" srcdoc="{escape(page)}"></iframe>'
    found = acted(
        tmp_path,
        f"<!doctype html><html><body>{frame}</body></html>",
        """
        await pause(2000);
        const inner = document.getElementById("phone").contentDocument.documentElement;
        return { scroll: inner.scrollWidth, client: inner.clientWidth };
        """,
    )
    assert 330 < found["client"] <= 360  # without its scroll bar
    assert found["scroll"] <= found["client"]


def test_a_saved_array_continues_in_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = sg.CellArray((3, 40), rng=2**63 + 5, engine="reference", start="pristine")
    cells.run_cycles(3)
    cells.apply_voltage(-2.0)
    cells.apply_voltage(np.linspace(0.5, 1.4, 40))
    cells.bandwidth = 1e9
    cells.read(0.1)
    cells.save("array.zarr")
    found = acted(
        tmp_path,
        sg.explore.page([sg.explore.source_of("array.zarr")]),
        """
        $("again").click();
        $("noise").click();
        $("run").click();
        const [{ corners, perLine }] = app.actions;
        return { python: $("python").textContent, note: $("note").textContent,
                 last: app.traces.rows.a.map((row) => Array.from(row)), currents: rowCurrents() };
        """,
    )
    assert "the first 96 of 3 x 40 cells" in found["note"]
    names = after(found["python"])
    np.testing.assert_allclose(names["currents"], np.array(found["last"]).reshape(-1, 96), rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(names["i"], found["currents"], rtol=1e-9)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page, tmp_path, scheme):
    """Rules of accessibility, by axe-core: SYNAPTOGEN_AXE is the path of its axe.min.js."""
    if "SYNAPTOGEN_AXE" not in os.environ:
        pytest.skip("axe-core is not there: SYNAPTOGEN_AXE names no axe.min.js")
    axe = Path(os.environ["SYNAPTOGEN_AXE"]).read_text(encoding="utf-8")
    found = acted(
        tmp_path,
        page,
        """
        change("set-b", "1");
        change("corners", "0, x"); // a message of an error
        const { violations, passes } = await axe.run(document);
        const where = ({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join("; ").slice(0, 300)}`;
        return { violations: violations.map(where), passes: passes.length };
        """,
        more=(f"<script>{axe}</script>",),
        scheme=scheme,
    )
    assert found["violations"] == []
    assert found["passes"] > 20
