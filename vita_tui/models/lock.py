"""One process at a time puts a model together: a lock that the operating system takes back when its holder dies."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from vita_tui.errors import ModelError
from vita_tui.models import installed
from vita_tui.models.catalogue import Model
from vita_tui.models.progress import Cancelled

__all__ = ["model_lock"]

_POLL = 0.1
"""Seconds between two looks at a lock that another process holds."""


@contextlib.contextmanager
def model_lock(
    model: Model,
    *,
    cancelled: threading.Event | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Hold the lock of `model`.

    Args:
        cancelled: wait for the lock until this is set; None means not to wait at all.
        on_wait: called once when another process holds it.

    Raises:
        ModelError: it is held and must not be waited for, or the models' folder cannot be written to.
        Cancelled: `cancelled` was set while waiting.
    """
    from filelock import FileLock, Timeout

    place = installed.incoming(model)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place.with_name(place.name + ".lock"), thread_local=False)
        waiting = False
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                if cancelled is None:
                    raise ModelError(
                        f"Another VITA is fetching {model.handle} now.", remedy="Wait until it has finished."
                    ) from None
                if not waiting and on_wait is not None:
                    on_wait()
                waiting = True
                if cancelled.wait(_POLL):
                    raise Cancelled from None
    except OSError as error:
        raise ModelError(f"{place.parent} cannot be written to: {error.strerror or error}.") from None
    try:
        yield
    finally:
        lock.release()
