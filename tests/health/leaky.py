"""VITA with a leak, as the ablation of the soak: of every turn a thread, an open file and 2 MB are kept."""

from __future__ import annotations

import os
import threading
from typing import IO, Any

from vita_tui.__main__ import main
from vita_tui.events import Event, EventBus, TurnFinished

KEPT: list[tuple[IO[bytes], threading.Thread, bytes]] = []
_publish = EventBus.publish


def _keep(bus: EventBus, event: Event) -> None:
    if isinstance(event, TurnFinished):
        forever: Any = threading.Event()
        thread = threading.Thread(target=forever.wait, daemon=True)
        thread.start()
        KEPT.append((open(os.devnull, "rb"), thread, os.urandom(2_000_000)))  # noqa: PTH123, SIM115 - it is kept open
    _publish(bus, event)


if __name__ == "__main__":
    EventBus.publish = _keep  # type: ignore[method-assign, assignment]  # that is the point
    main()
