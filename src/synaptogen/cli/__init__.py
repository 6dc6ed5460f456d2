"""The command line ``synaptogen``; it needs the extra ``cli``."""

import sys

from synaptogen._utils import require

__all__ = ["main"]


def main() -> None:
    """Run the command line; without its libraries, print how to install them and exit."""
    try:
        require("typer", "cli")
        require("rich", "cli")
    except ModuleNotFoundError as missing:
        sys.exit(f"The command line of synaptogen cannot start: {missing}")
    from .app import app

    app()
