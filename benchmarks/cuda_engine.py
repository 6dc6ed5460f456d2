"""Claim: on a GPU, billions of voltages a second are applied to cells, near what its memory can move.

Where numba-cuda finds a GPU, it is measured there: SET, RESET, cycles in fused voltages, reads and a product, each as a
rate and as a share of a copy within the GPU's memory, in turns with the CPU engine in the same run.

Anywhere else the prediction for an A100 and an H100 is printed (see `_cuda_prediction`): bytes counted in the device
code, registers from the compiler if it is installed, and the stated assumptions. A prediction is no measurement.
"""

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import _cuda_prediction as prediction
import synaptogen as sg
from _cuda_prediction import FAR, GPUS, PROGRAMS, cycling_rate, predictions, traffic
from _timing import figure, introduce, parser, positive, ratios, rounds, seconds, side, summary, table, write_json
from synaptogen.engines.compiled_params import compile_params
from synaptogen.engines.cuda import availability

PRESET = sg.DeviceParams.preset("hennen2024")
SETS = {"VAR(10)": PRESET, "compact(8)": PRESET.compact(8), "compact(4)": PRESET.compact(4)}
REGISTERS, BLOCK = 80, 128
"""Registers of the kernel `apply`, for use without a compiler, and threads of a block."""


def gpu_is_here() -> bool:
    """Return whether numba-cuda finds a GPU."""
    if importlib.util.find_spec("numba_cuda") is None:
        return False
    from numba import cuda
    from numba.cuda import config

    return bool(cuda.is_available()) and not config.ENABLE_CUDASIM


# ---------------------------------------------------------------------------------------- prediction


def registers(capability: tuple[int, int]) -> int:
    """Return the registers of a thread of `apply`, from the compiler if it is installed."""
    try:
        availability.require_numba_cuda()
        import _cuda_offline as offline

        kernels = {kernel.name: kernel for kernel in offline.compile_kernels(compile_params(PRESET), capability)}
    except (ImportError, RuntimeError) as missing:
        print(f"no compiler ({missing}): {REGISTERS} registers, as it gave before")
        return REGISTERS
    used = ", ".join(f"{name} {kernel.registers}" for name, kernel in kernels.items())
    spilt = sum(kernel.stack for kernel in kernels.values())
    print(f"compute capability {capability[0]}.{capability[1]}: registers {used}; {spilt} bytes of stack in all")
    return kernels["apply"].registers


def predict() -> dict[str, Any]:
    """Print predicted rates, and return them."""
    results: dict[str, Any] = {}
    rows = []
    for gpu in GPUS.values():
        of_thread = registers(gpu.capability)
        warps = prediction.resident_warps(of_thread, BLOCK)
        print(f"{gpu.name}: {warps} of {prediction.WARPS} warps a multiprocessor")
        for name, params in SETS.items():
            params = compile_params(params)
            found = predictions(gpu, params, of_thread, BLOCK)
            for program, pulses, before in PROGRAMS:
                moved = traffic(params, pulses, before).total / len(pulses)
                rate = found[program]
                rows.append((f"{gpu.name}, {name}", program, moved, rate.updates / 1e9, rate.limit))
            cells = gpu.memory * 0.95 / (4.0 * (17 + params.memory))
            rows.append((f"{gpu.name}, {name}", "cycle, a launch each", None, cycling_rate(found) / 1e9, ""))
            results[f"{gpu.name}, {name}"] = {**found, "cycle": cycling_rate(found), "cells": cells}
    print("\nPREDICTED, not measured: 10^9 updates/s")
    print(table(["", "program", "B moved", "10^9/s", "limit"], rows))
    return results


# ---------------------------------------------------------------------------------------- measurement


def copy_rate(count: int) -> float:
    """Return the bytes/s that a copy within the memory of the GPU moves, read and written."""
    from numba import cuda

    a, b = cuda.device_array(count, np.float32), cuda.device_array(count, np.float32)

    def copy() -> None:
        b.copy_to_device(a)
        cuda.synchronize()

    copy()
    return 8.0 * count / min(seconds(copy) for _ in range(5))


def tasks_of(array: sg.CellArray) -> dict[str, tuple[Callable[[], Any], int]]:
    """Return what is timed, and how many updates, reads or products with one cell it contains."""
    v = np.full(array.shape[1], 0.1, np.float32)
    cells: Any = array
    if array.engine == "cuda":
        from numba import cuda

        cells, v = array.on_gpu, cuda.to_device(v)
    fused = [-FAR, FAR] * 10
    return {
        "SET": (lambda: cells.apply_voltage(-FAR), array.size),
        "RESET": (lambda: cells.apply_voltage(FAR), array.size),
        "20 voltages fused, 10 cycles": (lambda: cells.apply_voltages(fused), array.size * len(fused)),
        "read with noise": (cells.read, array.size),
        "product with noise": (lambda: cells.product(v), array.size),
    }


def rates_of(array: sg.CellArray) -> dict[str, float]:
    """Return updates, or cells read, per second, from one run of each task."""
    rates = {}
    for name, (work, count) in tasks_of(array).items():
        rates[name] = count / seconds(lambda work=work: finished(array, work))
    return rates


def finished(array: sg.CellArray, work: Callable[[], Any]) -> Any:
    """Do some work, and wait until the GPU has done it."""
    result = work()
    if array.engine == "cuda":
        from numba import cuda

        cuda.synchronize()
    return result


def measure(side: int, repeats: int, copied: int = 1 << 28) -> dict[str, Any]:
    """Print measured rates, and return them."""
    copy = copy_rate(copied)
    print(f"copy within the GPU: {figure(copy / 1e9)} GB/s")
    results: dict[str, Any] = {"copy": copy}
    rows = []
    for name, params in SETS.items():
        gpu = sg.CellArray((side, side), params, rng=1, engine="cuda")
        cpu = sg.CellArray((min(side, 2048),) * 2, params, rng=1)
        moved = {
            program: traffic(compile_params(params), pulses, before).total / len(pulses)
            for program, pulses, before in PROGRAMS
        }
        moved |= {"read with noise": 8.0, "product with noise": 4.0}
        taken = rounds({"cuda": partial(rates_of, gpu), "cpu": partial(rates_of, cpu)}, repeats)
        for task in taken["cuda"][0]:
            ours, theirs = ([turn[task] for turn in taken[engine]] for engine in ("cuda", "cpu"))
            rate, of_cpu = summary(rate / 1e9 for rate in ours), ratios(ours, theirs)
            share = rate.median * 1e9 * moved[task] / copy
            rows.append((name, task, str(rate), share, str(of_cpu)))
            results[f"{name}, {task}"] = {"rate": rate, "of the copy rate": share, "times the CPU engine": of_cpu}
    print(table(["", "task", "10^9 cells/s", "of the copy rate", "times the CPU engine"], rows))
    return results


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--cells", type=positive, default=1 << 26, help="cells on the GPU (default: 2^26)")
    arguments = options.parse_args()
    about = introduce("The CUDA engine")
    if gpu_is_here():
        print(repr(sg.CellArray(1, engine="cuda")))
        results = {"measured": measure(side(arguments.cells), arguments.repeats), "predicted": predict()}
    else:
        print("no GPU here: nothing is measured")
        results = {"predicted": predict()}
    write_json(arguments.json, about, results)


if __name__ == "__main__":
    main()
