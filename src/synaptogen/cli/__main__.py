"""``python -m synaptogen.cli``."""

from synaptogen.cli import main

if __name__ == "__main__":
    main()
