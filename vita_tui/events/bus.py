"""The bus that tells whoever listens what happens."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

from vita_tui.events.base import Event

__all__ = ["EventBus", "Subscriber"]

log = logging.getLogger(__name__)

Subscriber = Callable[[Event], None]


class EventBus:
    """Hands each event to every subscriber, in the thread that published it.

    Subscribers are called in the order in which they came; they must be quick and safe to call from any thread. One that
    raises is logged and does not keep the event from the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: tuple[Subscriber, ...] = ()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every event from now on; the returned function ends that and may be called twice."""
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            with self._lock, contextlib.suppress(ValueError):
                remaining = list(self._subscribers)
                remaining.remove(subscriber)
                self._subscribers = tuple(remaining)

        return unsubscribe

    def publish(self, event: Event) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception:
                log.exception("subscriber failed on %s", type(event).__name__)
