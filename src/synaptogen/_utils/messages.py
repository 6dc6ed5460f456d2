"""Messages to the user about work that takes long, by `logging` under the name "synaptogen".

They are of level INFO, which Python does not show unless a program asks for it. The command line does; in a program:

    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("synaptogen").setLevel(logging.INFO)
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger("synaptogen")
_logged: set[str] = set()


@contextmanager
def notice(message: str, after: float = 1.0) -> Iterator[None]:
    """Log a message if the block takes longer than some time; each message once per process.

    Parameters
    ----------
    message : str
        Text of the message, logged at level INFO.
    after : float
        Seconds that the block may take without a message.

    Returns
    -------
    context manager
    """
    timer = threading.Timer(after, _log_once, (message,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _log_once(message: str) -> None:
    if message not in _logged:
        _logged.add(message)
        _LOGGER.info(message)
