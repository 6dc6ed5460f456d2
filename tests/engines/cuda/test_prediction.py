"""The predicted speed of kernels, against counts made by hand."""

import numpy as np
import pytest

import _cuda_prediction as prediction
import synaptogen as sg
from _cuda_prediction import FAR, GPUS, Traffic, resident_warps, traffic
from synaptogen.engines.compiled_params import compile_params

PRESET = sg.DeviceParams.preset("hennen2024")


@pytest.mark.parametrize(
    ("params", "memory_loaded", "memory_stored"),
    [(PRESET, 160, 16), (PRESET.with_order(3), 48, 16), (PRESET.compact(8), 32, 32), (PRESET.compact(5), 20, 20)],
)
def test_bytes_of_a_voltage(params, memory_loaded, memory_stored):
    params = compile_params(params)
    # status word, U_SET, R_LRS; r, status word
    assert traffic(params, [-FAR]) == Traffic(12, 8)
    # a cell in its LRS does not SET again: status word, U_SET
    assert traffic(params, [-FAR], (-FAR,)) == Traffic(8, 0)
    # status word, U_RESET, memory, device vector; memory, status word, four features, r
    reset = traffic(params, [FAR], (-FAR,))
    assert reset == Traffic(8 + memory_loaded + 32, memory_stored + 24)
    # a partial one loads r too, and stores curve and ratchet
    assert traffic(params, [1.0], (-FAR,)) == Traffic(reset.loaded + 4, reset.stored + 12)
    assert traffic(params, [0.0, 0.3, -0.1]).stored == 0


def test_fused_voltages_move_state_once():
    params = compile_params(PRESET)
    one, ten = (traffic(params, [-FAR, FAR] * k) for k in (1, 10))
    assert one.total <= ten.total < 4 * one.total
    assert ten.loaded == 12 + 4 + 160 + 32  # status word, U_SET, R_LRS; U_RESET; all of the ring; device vector


def test_occupancy():
    # CUDA's own calculator: 65536 registers, in units of 256 a warp, 64 warps
    assert resident_warps(32, 128) == 64
    assert resident_warps(33, 128) == 48
    assert resident_warps(80, 128) == 24
    assert resident_warps(128, 128) == 16
    assert resident_warps(255, 128) == 8


@pytest.mark.parametrize("gpu", GPUS.values(), ids=GPUS)
def test_no_prediction_beats_the_data_sheet(gpu):
    for params in (PRESET, PRESET.compact(4)):
        params = compile_params(params)
        found = prediction.predictions(gpu, params, 80, 128)
        for name, pulses, before in prediction.PROGRAMS:
            moved = traffic(params, pulses, before).total / len(pulses)
            assert 0 < found[name].updates * moved < gpu.bandwidth
            assert found[name].limit in ("memory", "issue", "latency")
        rates = found["SET"].updates, found["RESET"].updates
        assert min(rates) < prediction.cycling_rate(found) < 2 * min(rates)
    more = prediction.predictions(gpu, params, 40, 128)
    assert all(more[name].latency > found[name].latency for name in found)
    assert np.isfinite([p.updates for p in more.values()]).all()
