"""Figures: what is on their axes, that nothing collides, and that nothing else is changed by drawing them."""

import re
import sys

import numpy as np
import pytest

import synaptogen as sg
from synaptogen import plot
from synaptogen._utils import install_command
from synaptogen.plot import cells as cells_module

matplotlib = pytest.importorskip("matplotlib")
FigureCanvasAgg = pytest.importorskip("matplotlib.backends.backend_agg").FigureCanvasAgg

CELLS, CYCLES = 6, 40
WAVEFORM = np.concatenate([np.linspace(*leg, 25) for leg in ((0, -1.5), (-1.5, 1.5), (1.5, 0))])


@pytest.fixture(scope="module")
def loops():
    """I-V loops of a few cells, (CYCLES, T, CELLS)."""
    cells = sg.CellArray(CELLS, rng=1)
    return cells.sweep(np.tile(WAVEFORM, CYCLES)).reshape(CYCLES, len(WAVEFORM), CELLS)


@pytest.fixture(scope="module")
def features():
    return sg.CellArray((2, 3), rng=1).upcoming(CYCLES)


@pytest.fixture(scope="module")
def array():
    cells = sg.CellArray((128, 100), rng=1)
    cells.apply_voltage(-2.0)
    cells.apply_voltage(np.random.default_rng(1).uniform(-1.5, 1.5, cells.shape))
    return cells


@pytest.fixture(scope="module")
def figures(loops, features, array):
    """A figure of each kind."""
    v = np.linspace(-0.2, 0.2, 100)
    return {
        "iv_grid": plot.iv_grid(WAVEFORM, loops),
        "feature_traces": plot.feature_traces(features),
        "feature_distributions": plot.feature_distributions(features),
        "large map": plot.conductance_map(array.conductance()),
        "small map": plot.conductance_map(array[:16, :24].conductance()),
        "product_scatter": plot.product_scatter(array.product(v, bandwidth=0), array @ v),
    }


def labels(figure):
    found = {figure.get_supxlabel(), figure.get_supylabel()}
    for axes in figure.axes:
        found |= {axes.get_xlabel(), axes.get_ylabel()}
    return found - {""}


def shown_texts(figure):
    """Texts that a reader sees, with their boxes in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_visible() and text.get_text().strip():
            yield text, text.get_window_extent(canvas.get_renderer())


def tick_texts(axes):
    """Tick labels of an axes, apart into those shown and those outside of its range."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        margin = 1e-9 * (high - low)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            inside = low - margin <= tick.get_loc() <= high + margin
            yield from ((label, inside) for label in (tick.label1, tick.label2))


def test_axes_name_quantities_and_units(figures):
    micro, ohm = "\N{MICRO SIGN}", "\N{GREEK CAPITAL LETTER OMEGA}"
    assert labels(figures["iv_grid"]) == {"Voltage U (V)", f"Current I ({micro}A)"}
    for name in ("feature_traces", "feature_distributions"):
        written = labels(figures[name])
        assert {f"$R_\\mathrm{{{state}}}$ (k{ohm})" for state in ("HRS", "LRS")} <= written
        assert {f"$U_\\mathrm{{{event}}}$ (V)" for event in ("SET", "RESET")} <= written
    assert "Cycle number" in labels(figures["feature_traces"])
    assert "Cumulative probability (%)" in labels(figures["feature_distributions"])
    for name in ("large map", "small map"):
        assert labels(figures[name]) == {"Row", "Column", f"Conductance G ({micro}S)", "Share of cells (%)"}
    for unit in (f"{micro}A)", "nA)"):
        assert any(label.endswith(unit) for label in labels(figures["product_scatter"]))


def test_no_texts_collide(figures):
    for name, figure in figures.items():
        texts = list(shown_texts(figure))
        unseen = {text for axes in figure.axes for text, inside in tick_texts(axes) if not inside}
        texts = [(text, box) for text, box in texts if text not in unseen]
        assert len(texts) > 8
        for k, (text, box) in enumerate(texts):
            for other, other_box in texts[:k]:
                assert not box.overlaps(other_box), f"{name}: {text.get_text()!r} on {other.get_text()!r}"
            assert figure.bbox.padded(1).contains(*box.min), f"{name}: {text.get_text()!r} is cut off"
            assert figure.bbox.padded(1).contains(*box.max), f"{name}: {text.get_text()!r} is cut off"


def test_dollar_signs_in_names_begin_no_formula(loops):
    """Names of devices come from files; what is no formula would end the drawing with an error."""
    names = ["$x", "a$b$c", r"$\frac$", r"\$", "$$", "plain\r"]
    figure = plot.iv_grid(WAVEFORM, loops, labels=names)
    FigureCanvasAgg(figure).draw()
    shown = [axes.texts[0]._preprocess_math(axes.texts[0].get_text()) for axes in figure.axes]
    assert [text for text, _ in shown] == ["$x", "a$b$c", r"$\frac$", r"\$", "$$", "plain "]
    assert {math for _, math in shown} == {False}


def test_iv_grid_draws_the_currents(loops):
    figure = plot.iv_grid(WAVEFORM, loops, highlight=2, labels=list("abcdef"))
    assert len(figure.axes) == CELLS
    for cell, axes in enumerate(figure.axes):
        assert axes.texts[0].get_text() == "abcdef"[cell]
        coloured = [line for line in axes.lines if len(line.get_xdata()) == len(WAVEFORM)]
        assert [line.get_label() for line in coloured] == ["cycle 1", f"cycle {CYCLES}"]
        assert np.allclose(coloured[1].get_ydata(), 1e6 * loops[-1, :, cell], rtol=1e-6)
        assert len(axes.collections[0].get_segments()) == CYCLES


def test_iv_grid_draws_a_bundle_of_many_cycles_thinned():
    many = np.zeros((1000, 5, 1)) + np.arange(5)[:, None]
    bundle = plot.iv_grid(np.arange(5), many, highlight=0).axes[0].collections[0]
    assert len(bundle.get_segments()) == cells_module.MOST_LOOPS


def test_feature_traces_draw_each_cycle_of_the_cells_asked_for(features):
    figure = plot.feature_traces(features, cells=[4, 1], first_cycle=11)
    for axes, values in zip(figure.axes, (features.r_hrs / 1e3, features.u_set), strict=False):
        points = [line for line in axes.lines if line.get_marker() == "."]
        for line, cell in zip(points, (4, 1), strict=True):
            assert list(line.get_xdata()) == list(range(11, 11 + CYCLES))
            assert np.allclose(line.get_ydata(), values.reshape(CYCLES, -1)[:, cell], rtol=1e-6)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["cell 4", "cell 1"]


def test_feature_distributions_meet_the_medians(features):
    axes = plot.feature_distributions(features).axes[2]
    pooled = next(line for line in axes.lines if line.get_label() == "all cells pooled")
    medians = next(line for line in axes.lines if line.get_label() == "medians of cells")
    at_half = np.interp(0.0, pooled.get_ydata(), pooled.get_xdata())
    assert at_half == pytest.approx(np.median(features.r_lrs) / 1e3, rel=1e-3)
    assert np.allclose(medians.get_xdata(), np.median(features.r_lrs, axis=0).ravel() / 1e3)
    assert sum(line.get_linewidth() < 1 for line in axes.lines if line.get_marker() == "None") == CELLS


def test_conductance_map_shows_every_cell_and_all_of_the_histogram(array):
    g = array.conductance()
    whole, corner, histogram, _ = plot.conductance_map(g).axes
    assert np.allclose(whole.images[0].get_array(), 1e6 * g.astype(float))
    assert corner.images[0].get_array().shape == (cells_module.ZOOM, cells_module.ZOOM)
    assert sum(bar.get_height() for bar in histogram.patches) == pytest.approx(100)


def test_product_scatter_tells_the_noise():
    ideal = np.linspace(-1e-4, 1e-4, 50)
    noisy = ideal + np.tile([-1e-7, 1e-7], 25)
    scatter, residual = plot.product_scatter(ideal, noisy).axes
    assert np.allclose(scatter.lines[-1].get_ydata(), 1e6 * noisy)
    assert residual.get_title() == "standard deviation 100 nA"


def test_figures_are_written_in_any_format(tmp_path):
    figure = plot.product_scatter([1e-6, 2e-6], [1e-6, 2e-6])
    for name, magic in (("p.png", b"\x89PNG"), ("p.svg", b"<?xml"), ("p.pdf", b"%PDF")):
        figure.savefig(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(magic)


@pytest.mark.parametrize("cells", [1, 3, 5])
def test_grids_of_any_number_of_cells(cells):
    figure = plot.iv_grid(WAVEFORM, np.ones((2, len(WAVEFORM), cells)))
    assert len(figure.axes) == cells
    figure.draw_without_rendering()


def test_the_smallest_of_everything():
    one = sg.CellArray((1, 1), rng=1)
    for figure in (
        plot.feature_traces(one.upcoming(1)),
        plot.feature_distributions(one.upcoming(1)),
        plot.conductance_map(one.conductance()),
        plot.product_scatter([0.0], [0.0]),
    ):
        figure.draw_without_rendering()


def test_drawing_leaves_the_settings_of_the_user_alone(features):
    before = dict(matplotlib.rcParams)
    plot.feature_traces(features)
    assert dict(matplotlib.rcParams) == before


def test_wrong_shapes_are_refused(loops, features):
    for call, name in (
        (lambda: plot.iv_grid(WAVEFORM[1:], loops), "voltages has shape"),
        (lambda: plot.iv_grid(WAVEFORM, loops[0]), "n_cycles, T, n_cells"),
        (lambda: plot.iv_grid(WAVEFORM, loops, labels=["one"]), "labels names 1"),
        (lambda: plot.feature_traces(features, cells=[6]), "from 0 to 5"),
        (lambda: plot.feature_traces(features, cells=[]), "from 0 to 5"),
        (lambda: plot.feature_traces(features._replace(u_set=np.ones(3))), "one shape"),
        (lambda: plot.feature_distributions(sg.Features(*np.empty((4, 0, 3)))), "not empty"),
        (lambda: plot.conductance_map([1.0]), "rows, columns"),
        (lambda: plot.conductance_map(np.ones((0, 3))), "not empty"),
        (lambda: plot.product_scatter([1.0], [1.0, 2.0]), "the same"),
    ):
        with pytest.raises(ValueError, match=name):
            call()


@pytest.mark.parametrize("name", [name for name in plot.__all__ if callable(getattr(plot, name))])
def test_without_matplotlib_the_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=re.escape(install_command("plot"))):
        getattr(plot, name)([0.0], [0.0])


def test_matplotlib_is_imported_by_drawing_only_and_pyplot_never(run_python):
    run_python(
        "import sys, synaptogen, synaptogen.plot as plot\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plot.conductance_map([[1e-6, 2e-6]]).savefig('map.png')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
