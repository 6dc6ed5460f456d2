"""Kernels are vector code, and their results do not depend on how wide the vectors are."""

import platform
import re

import numpy as np
import pytest
from llvmlite import binding
from numba import njit

import synaptogen as sg
from synaptogen.engines.cpu import engine, history_refill, kernels
from synaptogen.engines.cpu.lanes import OPTIONS, W

ARITHMETIC = "add|sub|mul|div|sqrt|f[n]?m(?:add|sub)\\d*"


def instruction_counts(assembly):
    """Arithmetic instructions on whole registers of lanes, on narrower vectors, and on single numbers."""
    features = binding.get_host_cpu_features()
    if platform.machine() in ("arm64", "aarch64"):
        whole = r"\s+f(?:add|sub|mul|div|sqrt|mla|mls|neg)\s+v\d+\.4s"
        narrow = r"\s+f(?:add|sub|mul|div|sqrt|mla|mls|neg)\s+v\d+\.2s"
        single = r"\s+f(?:add|sub|mul|div|sqrt|madd|msub|neg)\s+s\d+"
    else:
        available = {16: "avx512f", 8: "avx2"}
        widest = next((n for n, feature in available.items() if features.get(feature) and n <= W), 4)
        register = {16: "zmm", 8: "ymm", 4: "xmm"}[widest]
        packed = rf"\s+v?(?:{ARITHMETIC})ps\s[^\n]*%"
        whole = packed + register
        narrow = packed + f"(?!{register})[xyz]mm\\d+$"
        single = rf"\s+v?(?:{ARITHMETIC})ss\s"
    return tuple(len(re.findall(pattern, assembly, re.MULTILINE)) for pattern in (whole, narrow, single))


def test_instructions_are_told_apart():
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("an example in x86 code")
    register = "zmm" if binding.get_host_cpu_features().get("avx512f") and W == 16 else None
    if register is None:
        pytest.skip("an example in AVX-512 code")
    code = (
        "\tvfmadd213ps\t%zmm1, %zmm2, %zmm3\n\tvmulps\t(%rax){1to16}, %zmm1, %zmm2\n\tvaddps\t%ymm1, %ymm2, %ymm3\n"
        "\tvmulss\t%xmm1, %xmm2, %xmm3\n\tvpaddd\t%zmm1, %zmm2, %zmm3\n"
    )
    assert instruction_counts(code) == (2, 1, 1)


@pytest.fixture(scope="module")
def fresh_apply():
    """The kernel of applied voltages, compiled here: one from the cache would hide its assembly."""
    function = njit(**OPTIONS)(kernels.compile_kernels("for its assembly").apply.py_func)
    patch = pytest.MonkeyPatch()
    compiled = engine.kernels()
    patch.setattr(engine, "kernels", lambda: compiled._replace(apply=function))
    cells = sg.CellArray(3 * W, rng=1, threads=1)
    cells.apply_voltages([-2.0, 1.0, 2.0])
    patch.undo()
    assert cells.cycle.min() == 1
    return function


@pytest.mark.skipif(W < 4, reason="SYNAPTOGEN_LANES asks for single numbers")
def test_applied_voltages_are_vector_code(fresh_apply):
    whole, narrow, single = instruction_counts("\n".join(fresh_apply.inspect_asm().values()))
    # the formulas of one step are some hundred operations; what is left to single numbers is addresses and counters
    assert whole > 300
    assert narrow + single < whole / 10


@pytest.mark.skipif(W < 4, reason="SYNAPTOGEN_LANES asks for single numbers")
@pytest.mark.parametrize("part", ["_fill_slots", "_start_ring"])
def test_histories_are_vector_code(fresh_apply, part):
    whole, narrow, single = instruction_counts("\n".join(getattr(history_refill, part).inspect_asm().values()))
    assert whole > 20  # loops over slots: short code, run often
    assert narrow + single < whole / 10


CACHE_PROGRAM = """
import numpy as np
from synaptogen.engines.cpu import W
from synaptogen.engines.cpu.kernels import compile_kernels

lanes, key = np.zeros(W, np.uint32), np.zeros(2, np.uint32)
for revision in ("sources", "sources", "other sources"):
    kernel = compile_kernels(revision).draw_normals
    kernel(0, 0, lanes, lanes, key, np.uint32(0), np.uint32(0), np.zeros((4, W), np.float32))
    print("loaded" if kernel.stats.cache_hits else "compiled")
"""


def test_kernels_on_disk_are_compiled_again_for_other_sources(run_python, tmp_path):
    assert run_python(CACHE_PROGRAM, NUMBA_CACHE_DIR=str(tmp_path)).split() == ["compiled", "loaded", "compiled"]


PROGRAM = """
import hashlib
import numpy as np
import synaptogen as sg
from synaptogen.engines.cpu.lanes import W

digest = hashlib.sha256()
params = sg.DeviceParams.preset("hennen2024")
for chosen, start in [(params, "stationary"), (params.with_order(2), "pristine"), (params.compact(5), "stationary")]:
    rng = np.random.default_rng(5)
    cells = sg.CellArray(333, chosen, rng=11, start=start, threads=1)
    part = cells[7:300:3]
    for k in range(8):
        cells.apply_voltages(rng.uniform(-1.6, 1.6, (4, 333)))
        part.apply_voltages([-2.0, 1.0, 1.3])
        cells.apply_voltage(rng.uniform(-2, 2), where=rng.uniform(size=333) < 0.5)
        for found in (cells.sweep(rng.uniform(-1.6, 1.6, 6), noise=True), cells.r, cells.mode, cells.cycle):
            digest.update(np.ascontiguousarray(found).tobytes())
    before = sg.CellArray(333, chosen, rng=11, start=start, threads=1)
    again = before.copy()
    reads = before.read(0.2), before.read(np.linspace(-1, 1, 333))
    for found in (*reads, *cells.features, cells.device):
        digest.update(np.ascontiguousarray(found).tobytes())
    apart = again[::-1][::-1]
    same = [np.array_equal(a, b) for a, b in zip(reads, (apart.read(0.2), apart.read(np.linspace(-1, 1, 333))))]
assert cells.cycle.max() > 10
print(W, digest.hexdigest(), all(same))
"""


@pytest.fixture(scope="module")
def widest(run_python):
    return run_python(PROGRAM).split()


@pytest.mark.parametrize("lanes", [1, 4, 8])
def test_results_do_not_depend_on_the_number_of_lanes(lanes, widest, run_python):
    w, digest, whole_reads_equal_view_reads = run_python(PROGRAM, SYNAPTOGEN_LANES=str(lanes)).split()
    assert int(w) == lanes
    assert whole_reads_equal_view_reads == "True"
    assert digest == widest[1]


@pytest.mark.parametrize("lanes", ["0", "3", "32", "many", ""])
def test_other_numbers_of_lanes_are_refused(lanes, monkeypatch):
    from synaptogen.engines.cpu.lanes import lane_count

    monkeypatch.setenv("SYNAPTOGEN_LANES", lanes)
    with pytest.raises(ValueError, match="SYNAPTOGEN_LANES"):
        lane_count()
    monkeypatch.setenv("SYNAPTOGEN_LANES", "4")
    assert lane_count() == 4
    monkeypatch.delenv("SYNAPTOGEN_LANES")
    assert lane_count() in (8, 16)


def test_lanes_of_this_process_fill_the_array_exactly():
    cells = sg.CellArray(W + 1, rng=1)
    assert f"{W} lanes" in repr(cells)
    assert np.isfinite(cells.r).all()
