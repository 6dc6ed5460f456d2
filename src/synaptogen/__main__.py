"""``python -m synaptogen``: the command line."""

from synaptogen.cli import main

if __name__ == "__main__":
    main()
