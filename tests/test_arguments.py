"""Arguments of everything public: what cannot be meant is an error that names the argument, before anything changed.

The tests walk through the public names. Each has a call that works; each of its arguments is then replaced by values
that are none of its kind, as its annotation tells. What is public and has no call here is listed with the reason.
"""

import enum
import importlib
import inspect
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import synaptogen as sg

pytest.importorskip("zarr")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from synaptogen import circuit, crossbar, export, learn, outofcore, plot

PRESET = sg.DeviceParams.preset("hennen2024")
ROOMS = ("", "crossbar", "plot", "learn", "circuit", "outofcore", "export")
NAN, COMPLEX = float("nan"), 1j
BAD = {
    "flag": ["yes", 2, NAN, None, [True, False]],
    "whole": ["3", 1.5, NAN, True, [1, 2], 10**30],
    "number": ["0.1", NAN, True, [0.1, 0.2], COMPLEX, float("inf"), 10**400],
    "array": ["x", NAN, object(), COMPLEX, {"a": 1}, np.zeros((3, 5, 7, 9))],
    "choice": [5, "no such", b"x", NAN],
    "path": [5, 1.5, True, object()],
    "seed": ["x", 1.5, -1, True, NAN, 1 << 64],
    "object": [5, object(), NAN],
}


def kind_of(parameter):
    """What kind of values a parameter takes, from its annotation."""
    text = str(parameter.annotation)
    for word, kind in (
        *(("SeedSequence", "seed"), ("_SupportsArray", "array"), ("ArrayLike", "array"), ("PathLike", "path")),
        *(("Literal", "choice"), ("NDArray", "array"), ("numpy.ndarray", "array"), ("bool", "flag")),
    ):
        if word in text:
            return kind
    if re.search(r"\bint\b", text) and "tuple" not in text:
        return "whole"
    return "number" if "float" in text and "[" not in text.replace("Optional[float]", "") else "object"


def calls():
    """Names of public calls, and a call that works."""
    cells = sg.CellArray((3, 4), rng=1, threads=1)
    g = np.full((3, 4), 1e-4)
    adc, dac = sg.ADC(4, -1.0, 1.0), sg.DAC(4, -1.0, 1.0)
    pair = crossbar.DifferentialPair(1e-5, 2e-4)
    slices = crossbar.BitSlicing(1e-5, 2e-4)
    column = crossbar.OffsetColumn(1e-5, 2e-4)
    loop = np.interp(np.arange(40), [0, 10, 30, 40], [0.0, -1.5, 1.5, 0.0])
    features = sg.CellArray(20, rng=3, threads=1).run_cycles(40)
    few_reads = learn.reads(1e5 * np.exp(np.random.default_rng(1).normal(0, 0.1, (8, 3))))
    table = learn.features(**{name: values.T.astype(float) for name, values in features._asdict().items()})
    history, tables = PRESET.history, export.error_tables(programming="one-shot", cells=100)
    yield from {
        "ADC": (sg.ADC, {"bits": 4, "low": -1.0, "high": 1.0}),
        "DAC": (sg.DAC, {"bits": 4, "low": -1.0, "high": 1.0}),
        "VAR.autocovariance": (history.autocovariance, {"lags": 2}),
        "CellArray": (sg.CellArray, {"shape": (3, 4)}),
        "CellArray.apply_voltage": (cells.apply_voltage, {"u": 0.0}),
        "CellArray.apply_voltages": (cells.apply_voltages, {"pulses": [0.0, 0.0]}),
        "CellArray.copy": (cells.copy, {}),
        "CellArray.current": (cells.current, {}),
        "CellArray.product": (cells.product, {"v": [0.1] * 4}),
        "CellArray.read": (cells.read, {"bandwidth": 0.0}),
        "CellArray.read_in_blocks": (cells.copy().read_in_blocks, {}),
        "CellArray.reseed_reads": (cells.copy().reseed_reads, {"rng": 1}),
        "CellArray.run_cycles": (cells.copy().run_cycles, {"count": 1}),
        "CellArray.save": (cells.save, {"path": "new.zarr"}),
        "CellArray.sweep": (cells.sweep, {"waveform": [0.0]}),
        "CellArray.upcoming": (cells.upcoming, {"count": 1}),
        "DeviceParams.autocovariance": (PRESET.autocovariance, {"lags": 2}),
        "DeviceParams.compact": (PRESET.compact, {"q": 4}),
        "DeviceParams.preset": (sg.DeviceParams.preset, {"name": "hennen2024"}),
        "DeviceParams.with_order": (PRESET.with_order, {"q": 2}),
        "DeviceParams.from_json": (sg.DeviceParams.from_json, {"source": PRESET.to_json()}),
        "DeviceParams.to_json": (PRESET.to_json, {}),
        "Population.log_density": (PRESET.population.log_density, {"vectors": PRESET.population.means}),
        "load": (sg.load, {"path": "cells.zarr"}),
        **{
            f"{name}.{method}": (getattr(one, method), arguments)
            for name, one in (("ADC", adc), ("DAC", dac))
            for method, arguments in {
                "calibrated": {"bits": 4, "values": [0.1, 0.2]},
                "codes": {"values": [0.1]},
                "decode": {"codes": [1]},
                "saturated": {"values": [0.1]},
            }.items()
        },
        **{
            f"crossbar.{type(one).__name__}{method}": call
            for one in (pair, slices, column)
            for method, call in {
                "": (type(one), {"g_min": 1e-5, "g_max": 2e-4}),
                ".beyond": (one.beyond, {"weights": [[0.5, 0.1]]}),
                ".combine": (one.combine, {"lines": np.ones(one.lines(2))}),
                ".lines": (one.lines, {"outputs": 2}),
                ".targets": (one.targets, {"weights": [[0.5, 0.1]]}),
            }.items()
        },
        "crossbar.BitSlicing.rounded": (slices.rounded, {"weights": [[0.5, 0.1]]}),
        "crossbar.Wires": (crossbar.Wires, {"word": 1.0, "bit": 1.0}),
        "crossbar.apply_selected": (crossbar.apply_selected, {"cells": cells, "u": np.zeros((3, 4)), "scheme": "V/2"}),
        "crossbar.one_shot": (crossbar.one_shot, {"cells": cells.copy(), "targets": g}),
        "crossbar.set_reset": (crossbar.set_reset, {"cells": cells.copy(), "on": g > 0}),
        "crossbar.write_verify": (crossbar.write_verify, {"cells": cells.copy(), "targets": g}),
        "crossbar.population_statistics": (crossbar.population_statistics, {"params": PRESET}),
        "crossbar.reachable_window": (crossbar.reachable_window, {"params": PRESET}),
        "plot.iv_grid": (plot.iv_grid, {"voltages": loop, "currents": np.ones((3, 40, 2))}),
        "plot.conductance_map": (plot.conductance_map, {"g": g}),
        "plot.feature_distributions": (plot.feature_distributions, {"features": features}),
        "plot.feature_traces": (plot.feature_traces, {"features": features}),
        "plot.product_scatter": (plot.product_scatter, {"ideal": [1.0, 2.0], "noisy": [1.0, 2.1]}),
        "learn.features": (learn.features, {"r_hrs": np.full((3, 4), 1e5)}),
        "learn.loops": (learn.loops, {"voltage": loop, "current": np.full((2, 3, 40), 1e-4)}),
        "learn.hold_out": (learn.hold_out, {"data": table}),
        "learn.remove_trend": (learn.remove_trend, {"features": table, "degree": 1}),
        "learn.sample_loops": (learn.sample_loops, {"devices": 2, "cycles": 2, "points": 40, "outliers": 0}),
        "learn.read": (learn.read, {"source": "loops.csv"}),
        "learn.reads": (learn.reads, {"resistance": np.full((3, 4), 1e5)}),
        "learn.read_retention": (learn.read_retention, {"source": "reads.csv"}),
        "learn.fit_fluctuation": (learn.fit_fluctuation, {"data": few_reads}),
        "learn.write": (learn.write, {"data": table, "path": "out.csv"}),
        "learn.fit": (learn.fit, {"data": table, "order": 1}),
        "learn.fit_features": (learn.fit_features, {"features": table, "preset": PRESET, "order": 1}),
        "learn.validate": (learn.validate, {"params": PRESET, "data": table, "splits": 4, "windows": 100}),
        "circuit.cell_model": (circuit.cell_model, {"params": PRESET, "kind": "read"}),
        "circuit.triangles": (circuit.triangles, {"count": 1, "u_min": -1.0, "u_max": 1.0}),
        "outofcore.DiskArray": (outofcore.DiskArray, {"shape": (3, 4), "path": "disk.zarr", "overwrite": True}),
        "export.error_tables": (export.error_tables, {"params": PRESET, "programming": "one-shot", "cells": 100}),
        "export.noise_model": (export.noise_model, {"tables": tables, "peer": "crosssim"}),
        "export.write_noise_model": (
            export.write_noise_model,
            {"path": "out.csv", "tables": tables, "peer": "aihwkit"},
        ),
    }.items()


def complaints(name, call, good, unchanged):
    """What a user misses when an argument of a call is none of its kind."""
    for argument, parameter in inspect.signature(call).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        kind = kind_of(parameter)
        for value in BAD[kind]:
            if value is None and "None" in str(parameter.annotation):
                continue
            shown = f"{name}({argument}={str(value)[:30]!r} as {kind})"
            try:
                call(**{**good, argument: value})
            except (TypeError, ValueError, OSError, MemoryError) as error:
                if argument not in str(error):
                    yield f"{shown}: does not name it: {type(error).__name__}: {str(error)[:150]}"
            except Exception as error:
                yield f"{shown}: {type(error).__name__}: {str(error)[:150]}"
            else:
                yield f"{shown}: accepted"
            if not unchanged():
                yield f"{shown}: cells have changed"
                return


ANY_SHAPE = ("codes", "decode", "saturated", "beyond", "rounded", "OffsetColumn.combine")
"""What takes arrays of any shape."""
MEANT = {
    "CellArray(shape='5' as object): accepted",
    "outofcore.DiskArray(shape='5' as object): accepted",
    "learn.fit(order='5' as choice): accepted",
    "learn.fit_features(order='5' as choice): accepted",
    "plot.feature_traces(cells='[1, 2]' as whole): accepted",
    "learn.loops(time='nan' as array): accepted",  # as missing points have it
    "learn.reads(temperature='nan' as array): accepted",  # not known
    "crossbar.reachable_window(share='inf' as number): DeprecationWarning: "
    "reachable_window(share=...) is now coverage=...",
}
"""What is no mistake."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("arguments")
    sg.CellArray((3, 4), rng=1, threads=1).save(place / "cells.zarr")
    data = learn.sample_loops(devices=2, cycles=2, points=40, outliers=0, rng=1)
    learn.write(data, place / "loops.csv")
    learn.write(learn.reads(np.full((2, 3), 1e5)), place / "reads.csv")
    return place


def meant(complaint):
    """Whether something that was accepted may be."""
    shape = "='[[[[0." in complaint and complaint.partition("(")[0].endswith(ANY_SHAPE)
    return complaint in MEANT or (shape and complaint.endswith("accepted"))


def test_arguments_are_named_before_anything_changes(folder, monkeypatch, state, same_state):
    monkeypatch.chdir(folder)
    found = []
    for name, (call, good) in calls():
        call(**good)  # so that what is refused below is the argument
        cells = good.get("cells", getattr(call, "__self__", None))
        before = state(cells) if isinstance(cells, sg.CellArray) else None
        for path in ("new.zarr", "out.csv"):
            shutil.rmtree(path, ignore_errors=True) if Path(path).is_dir() else Path(path).unlink(missing_ok=True)

        def unchanged(cells=cells, before=before):
            if before is not None:
                same_state(before, state(cells))
            return True

        found += [c for c in complaints(name, call, good, unchanged) if not meant(c)]
    assert not found, "\n".join(found)


HELD = {
    "CellModel",
    "ErrorTables",
    "IVComparison",
    "PopulationStatistics",
    "ProgrammingReport",
    "Solution",
    "Features",
    "Extraction",
}
HELD |= {"FeatureFit", "FeatureOverview", "FitResult", "FluctuationFit", "Property", "Validation", "Drift"}
HELD |= {"AlongTransition", "Readback"}
HELD |= {"Later", "Retention", "WearFit"}
"""Records that functions return; users read them."""
ELSEWHERE = {
    "DeviceParams": "tests/params: parameter sets are checked as a whole",
    "Population": "tests/params",
    "FeatureScale": "tests/params",
    "FluctuationParams": "tests/params",
    "PulseWidthParams": "tests/params",
    "OwnShapes": "tests/params",
    "RestlessInnovation": "tests/params",
    "Trend": "tests/equivalence",
    "Wear": "tests/equivalence",
    "VAR": "tests/params",
    "StateSpace": "tests/params",
    "cache_folder": "tests/circuit",
    "find_compiler": "tests/circuit",
    "compile_osdi": "needs the compiler; tests/circuit",
    "compare_iv": "needs a simulator; tests/circuit",
    "iv_comparison": "needs a simulator; tests/circuit",
    "instance_values": "tests/circuit",
    "extract": "tests/learn",
    "markers": "tests/learn",
    "report": "tests/learn",
    "check_ending": "tests/learn",
    "presets": "takes nothing",
    "WeightMapping": "abstract",
    "Tiles": "tests/crossbar",
    "Window": "tests/crossbar",
    "Ramp": "tests/crossbar",
    "solve": "tests/wires",
    "effective_conductances": "tests/wires",
    "apply_slowly": "tests/wires",
}


def test_everything_public_has_a_call_here():
    known = {name.removeprefix(f"{room}.").partition(".")[0] for room in ROOMS for name, _ in calls()}
    for room in ROOMS:
        module = importlib.import_module(f"synaptogen.{room}".rstrip("."))
        for name in module.__all__:
            value = getattr(module, name)
            if callable(value) and not (inspect.isclass(value) and issubclass(value, enum.Enum)):
                typing_only = getattr(value, "__module__", "") == "typing"
                assert typing_only or name in known | HELD | ELSEWHERE.keys(), f"{room}.{name}"
