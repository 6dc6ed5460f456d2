"""Messages about work that takes long: logged late and once per process, silent unless a program asks for them."""

import logging
import time

from synaptogen._utils import notice


def linger(message, caplog):
    """Stay in a block until its message has been logged, or would have been."""
    with notice(message, after=0.01):
        for _ in range(100):
            time.sleep(0.01)
            if any(record.getMessage() == message for record in caplog.records):
                break


def test_a_slow_block_is_logged_once(caplog):
    with caplog.at_level(logging.INFO, "synaptogen"):
        linger("slow, once", caplog)
        with notice("slow, once", after=0.01):
            time.sleep(0.1)
    assert [(r.name, r.levelno, r.getMessage()) for r in caplog.records] == [("synaptogen", logging.INFO, "slow, once")]


def test_a_quick_block_is_not_logged(caplog):
    with caplog.at_level(logging.INFO, "synaptogen"):
        with notice("quick", after=0.2):
            pass
        time.sleep(0.3)
    assert caplog.records == []


def test_nothing_is_printed_unless_a_program_asks(run_python):
    program = (
        "import sys, time; sys.stderr = sys.stdout\n"
        "from synaptogen._utils import notice\n"
        "with notice('slow', after=0.01): time.sleep(0.2)\n"
    )
    assert run_python(program) == ""
    asks = "import logging; logging.basicConfig(level=logging.INFO, format='%(name)s %(message)s')\n"
    assert run_python(program.replace("from", asks + "from", 1)) == "synaptogen slow\n"
