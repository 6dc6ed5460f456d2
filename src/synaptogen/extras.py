"""Optional libraries: imported where they are used, named with their remedy where they are missing."""

import importlib
from typing import Any


def require(module: str, extra: str) -> Any:
    """Import a library that an extra of this package brings."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f"{module} is not installed; it comes with: pip install 'synaptogen[{extra}]'", name=missing.name
        ) from missing
