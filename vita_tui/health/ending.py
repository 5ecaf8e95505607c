"""The last resort of a program that ends: gone in time, whatever hangs, and nothing of it left.

Parts close themselves in good order. What they wait for may hang, though: a model, a sound device, a disk, a library in its exit
handler. So whoever begins to leave says by when it must be over; then children are killed, records are removed, and the process
ends without asking anybody.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

__all__ = ["end_now", "end_within"]

log = logging.getLogger(__name__)

CLEANUP_SECONDS = 0.15
"""For killing children and removing records: a disk that hangs must not keep the process."""

_lock = threading.Lock()
_armed = False


def end_within(
    seconds: float, code: int, *, last: Callable[[], None] = lambda: None, expected: bool = False
) -> None:
    """See to it that the process has ended `seconds` from now, with exit code `code` if it does not end by itself.

    The first call counts. From any thread.

    Args:
        last: is called before that, such as to give the terminal back.
        expected: as for `end_now`.
    """
    global _armed
    with _lock:
        if _armed:
            return
        _armed = True

    def wait() -> None:
        time.sleep(max(0.0, seconds - CLEANUP_SECONDS))
        end_now(code, last=last, expected=expected)

    threading.Thread(target=wait, name="last resort", daemon=True).start()


def end_now(code: int, *, last: Callable[[], None] = lambda: None, expected: bool = False) -> None:
    """Call `last`, kill the children, remove the records and end the process.

    Args:
        expected: nothing is wrong that the log would have to tell of.
    """
    thread = threading.Thread(target=_clean_up, args=(last, expected), name="cleanup at exit", daemon=True)
    thread.start()
    thread.join(CLEANUP_SECONDS)
    os._exit(code)


def _clean_up(last: Callable[[], None], expected: bool) -> None:
    last()
    import psutil

    from vita_tui.health.processes import remove_own_records

    with suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    remove_own_records()
    if not expected:
        log.error("some part did not close in time; the process was ended over it")
    logging.shutdown()
