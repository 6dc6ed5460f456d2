"""Run a simulator as a process, with a time limit and a log, so that nothing is left running."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

SHOWN = 30  # last lines of a log that an error shows


class SimulationError(RuntimeError):
    """A simulator failed or took too long; the message ends in the last lines of its log."""


def run(command: Sequence[str | os.PathLike[str]], folder: Path, log: Path, timeout: float) -> None:
    """Run a simulator and wait for its end.

    Parameters
    ----------
    command : sequence of str or path
        The program and its arguments.
    folder : pathlib.Path
        Working directory of the process.
    log : pathlib.Path
        File for its output, standard output and standard error together.
    timeout : float
        Time limit in s.

    Raises
    ------
    SimulationError
        If it does not end within ``timeout`` seconds, ends by a signal, or with another exit code than 0.
    """
    name = Path(command[0]).name
    with log.open("wb") as output:
        # a session of its own, so that processes that it starts can be ended with it
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except BaseException as error:  # an interrupt too must leave nothing running
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise failure(f"{name} was stopped after {timeout:g} s: give it more time, or less to do", log) from None
    if code:
        how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        raise failure(f"{name} {how}", log)


def failure(message: str, log: Path) -> SimulationError:
    """Make an error that shows the end of a log.

    Parameters
    ----------
    message : str
        The first sentence of the error, without its full stop.
    log : pathlib.Path
        The log file; its last 30 lines follow.

    Returns
    -------
    SimulationError
        To be raised by the caller.
    """
    lines = log.read_text(errors="replace").strip().splitlines()
    shown = "\n".join(lines[-SHOWN:]) or "(it wrote nothing)"
    return SimulationError(f"{message}. The end of its log:\n{shown}")
