"""The CUDA engine without a GPU, in several ways, each in a process of its own.

The environment of a process decides what `numba.cuda` is, and device code must not be defined for the compilers that
other tests use.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NUMBA_CUDA = importlib.util.find_spec("numba_cuda") is not None

needs_numba_cuda = pytest.mark.skipif(not NUMBA_CUDA, reason="no numba-cuda, which the extra cuda12 brings")


def run_tests(file, **environment):
    """Run the tests in a file, and return how many passed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / file)],
        cwd=HERE,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.search(r"(\d+) passed", done.stdout)[1])


def test_device_code_on_the_processor():
    assert run_tests("on_processor.py", SYNAPTOGEN_LANES="1") == 14


@needs_numba_cuda
def test_engine_in_the_simulator():
    assert run_tests("on_device.py", NUMBA_ENABLE_CUDASIM="1") > 30


def test_engine_on_a_gpu():
    if not NUMBA_CUDA or not succeeds("from numba import cuda; raise SystemExit(not cuda.is_available())"):
        pytest.skip("no GPU here")
    assert run_tests("on_device.py", NUMBA_ENABLE_CUDASIM="0") > 30


def succeeds(program):
    """Return whether a program ends without an error, in a process without the simulator."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0"}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True).returncode == 0


def compile_kernels(*capabilities):
    """Compile the kernels for GPUs of these compute capabilities, and return facts about them."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(HERE / "compile_offline.py"), *capabilities],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def has_compiler():
    """Return whether NVVM and nvJitLink are installed, which extras bring beside numba-cuda."""
    program = "from cuda.bindings import nvjitlink, nvvm; nvvm.version(); nvjitlink.version()"
    return NUMBA_CUDA and succeeds(program)


@pytest.mark.parametrize(("capability", "registers", "stack"), [("8.0", 80, 0), ("9.0", 80, 0), ("10.0", 80, 128)])
def test_kernels_compile_without_a_gpu(capability, registers, stack, capsys):
    if not has_compiler():
        pytest.skip("the compilers of CUDA are not installed: the extra cuda12 or cuda13 brings them")
    found = compile_kernels(capability)
    with capsys.disabled():
        summary = ", ".join(f"{k['name']} {k['registers']}" + f" ({k['stack']} B)" * (k["stack"] > 0) for k in found)
        print(f"\ncompute capability {capability}, registers of a thread (stack): {summary}")
    assert len(found) == 13
    for kernel in found:
        name = kernel["name"]
        assert kernel["elf"], name
        assert kernel["target"].startswith("sm_" + capability.replace(".", "")), name
        assert kernel["doubles"] == 0, name  # a GPU for games is 64 times slower with them
        assert kernel["calls"] == 0, name
        assert kernel["registers"] <= registers, name  # six blocks of 128 threads at a time
        assert kernel["stack"] <= (stack if name in ("apply", "initialise") else 0), name
    apply = next(kernel for kernel in found if kernel["name"] == "apply")
    assert apply["fused"] > 200
    assert apply["rounded"] > 0  # `ops.rounded_mul` is not merged with a sum


def test_a_machine_without_numba_cuda_says_what_to_install(monkeypatch):
    import synaptogen as sg
    from synaptogen._utils import install_command

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="numba-cuda.*" + re.escape(install_command("cuda12")) + ".*cuda13"):
        sg.CellArray(3, engine="cuda")


@needs_numba_cuda
def test_a_machine_without_a_driver_says_so(run_python):
    program = """
import synaptogen as sg
from numba import cuda
if not cuda.is_available():
    try:
        sg.CellArray(3, engine="cuda")
    except RuntimeError as error:
        print(error)
else:
    print("found no GPU, driver, engine='cpu'")
"""
    message = run_python(program, NUMBA_ENABLE_CUDASIM="0")
    for part in ("found no GPU", "driver", "engine='cpu'"):
        assert part in message


def test_import_does_not_load_numba_cuda(run_python):
    program = """
import sys
import synaptogen as sg
sg.CellArray(3, engine="reference").apply_voltage(-2.0)
try:
    sg.CellArray(3, engine="gpu")
except ValueError as error:
    print(error)
print([name for name in sys.modules if name.startswith(("numba.cuda", "numba_cuda", "cuda.bindings"))])
"""
    message, loaded = run_python(program).splitlines()
    assert "'cuda'" in message
    assert loaded == "[]"
