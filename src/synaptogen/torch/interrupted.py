"""What Ctrl-C tells that comes between the layers of a model, each of which is changed as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruption(state: str, remedy: str) -> Iterator[None]:
    """Say in the error of an interrupt what has become of a model.

    Parameters
    ----------
    state : str
        How layers may differ now.
    remedy : str
        How to come back.

    Yields
    ------
    None
    """
    try:
        yield
    except KeyboardInterrupt as error:
        error.add_note(f"the model must not be used as it is: {state}. {remedy}")
        raise
