"""Compile every kernel for some GPUs, without one, and print facts about the code as JSON. Run by `test_cuda`."""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

import _cuda_offline as offline
import synaptogen as sg
from synaptogen.engines.compiled_params import compile_params


def facts(kernel):
    """Return what the tests check of a kernel."""
    return {
        "capability": list(kernel.capability),
        "name": kernel.name,
        "registers": kernel.registers,
        "stack": kernel.stack,
        "cubin": len(kernel.cubin),
        "elf": kernel.cubin[:4] == b"\x7fELF",
        "doubles": len(re.findall(r"\.f64\b", kernel.ptx)),
        "calls": len(re.findall(r"^\s*(?:\{\s*)?call\b", kernel.ptx, re.MULTILINE)),
        "fused": len(re.findall(r"fma\.rn\.f32", kernel.ptx)),
        "rounded": len(re.findall(r"mul\.rn\.f32", kernel.ptx)),
        "target": re.search(r"\.target (\w+)", kernel.ptx)[1],
    }


params = compile_params(sg.DeviceParams.preset("hennen2024"))
capabilities = [tuple(map(int, text.split("."))) for text in sys.argv[1:]]
print(
    json.dumps([facts(kernel) for capability in capabilities for kernel in offline.compile_kernels(params, capability)])
)
