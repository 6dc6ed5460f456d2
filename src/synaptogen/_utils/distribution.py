"""The distribution that this package is installed from: its name, and the commands that install parts of it."""

from pathlib import Path

DISTRIBUTION = "synaptogen-sim"
"""Name on PyPI. The package of the same idea that others publish there is called ``synaptogen``."""

OTHER = "synaptogen"
"""Name of that other distribution; it brings a package of the same name as ours."""


def install_command(*extras: str) -> str:
    """Return the command that installs extras into this environment, from where the package itself came.

    Parameters
    ----------
    *extras : str
        Names of extras; none: the package alone.

    Returns
    -------
    str
        A command of pip.
    """
    return _command(f"[{','.join(extras)}]" if extras else "", _origin())


def _origin() -> dict[str, object]:
    """Return what pip has noted of a package that did not come from an index (PEP 610), or nothing."""
    import json
    from importlib import metadata  # imported here, since few runs need it and `import synaptogen` is to be quick

    try:
        noted = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:  # run from a source tree
        noted = None
    return json.loads(noted) if noted else {}


def _command(extras: str, origin: dict[str, object]) -> str:
    from urllib.parse import unquote, urlparse

    url, folder, repository = (origin.get(key) for key in ("url", "dir_info", "vcs_info"))
    if not isinstance(url, str):
        return f"pip install '{DISTRIBUTION}{extras}'"
    if isinstance(repository, dict):
        return f"pip install '{DISTRIBUTION}{extras} @ {repository['vcs']}+{url}'"
    parts = urlparse(url)
    if parts.scheme != "file":
        return f"pip install '{DISTRIBUTION}{extras} @ {url}'"
    editable = "-e " if isinstance(folder, dict) and folder.get("editable") else ""
    return f"pip install {editable}'{unquote(parts.path)}{extras}'"


def require_own_folder(package: Path) -> None:
    """Refuse to run from a folder that another distribution has written into.

    Parameters
    ----------
    package : pathlib.Path
        Folder of this package.

    Raises
    ------
    ImportError
        If the distribution `OTHER` is installed into the same folder, with the commands that mend it.
    """
    for record in package.parent.glob(f"{OTHER}-*.dist-info/RECORD"):
        if f"\n{OTHER}/__init__.py," in f"\n{record.read_text(encoding='utf-8')}":
            raise ImportError(
                f"the distribution {record.parent.name.removesuffix('.dist-info')} is installed in the same folder as "
                f"{DISTRIBUTION}, {package}: files of both are mixed there. To keep this package: "
                f"pip uninstall {OTHER} {DISTRIBUTION}, then {install_command()}. To have both, use two virtual "
                "environments"
            )
