"""Optional libraries: imported where they are used. Errors for missing ones name the command that installs them."""

import importlib
from types import ModuleType

from .distribution import install_command


def require(module: str, extra: str) -> ModuleType:
    """Import a library that an extra of this package brings.

    Parameters
    ----------
    module : str
        Name of the module.
    extra : str
        Name of the extra.

    Returns
    -------
    module

    Raises
    ------
    ModuleNotFoundError
        If it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise missing(error, extra) from error


def missing(error: ModuleNotFoundError, extra: str) -> ModuleNotFoundError:
    """Return the error for users when a room of the package could not import a library of an extra.

    Parameters
    ----------
    error : ModuleNotFoundError
        What the import raised.
    extra : str
        Name of the extra.

    Returns
    -------
    ModuleNotFoundError
        With the command that installs the extra; ``error`` itself if a module of this package is missing.
    """
    if error.name is None or error.name.startswith(__name__.split(".", maxsplit=1)[0]):
        return error
    return ModuleNotFoundError(
        f"{error.name} is not installed; it comes with: {install_command(extra)}", name=error.name
    )
