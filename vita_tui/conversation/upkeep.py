"""What keeps a program well that is open for days: figures, their thread, the answer to memory pressure, and the control socket.

Only the interactive program has it; commands that run for a moment do not. The parts live in `health`; here they are given what
they watch over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from vita_tui.clock import Clock
from vita_tui.events import EventBus
from vita_tui.health.control import ControlServer, standard_answers
from vita_tui.health.metrics import Metrics
from vita_tui.health.pressure import PressureWatch, Step
from vita_tui.health.watch import HealthWatch
from vita_tui.settings import HealthSettings

__all__ = ["Upkeep"]


class Upkeep:
    """Owns the threads `health`, `pressure` and `control`; `start` it once, `aclose` it before the engines go."""

    def __init__(self, settings: HealthSettings, steps: Sequence[Step], bus: EventBus, clock: Clock) -> None:
        self.metrics = Metrics(settings, clock=clock, bus=bus)
        self.pressure = PressureWatch(steps, settings, bus=bus, metrics=self.metrics, clock=clock)
        self._watch = HealthWatch(self.metrics, bus=bus, clock=clock)
        self._control = ControlServer(standard_answers())
        self._bus = bus
        self._detach: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin; everything happens in threads of its own."""
        self._detach = self.metrics.attach(self._bus)
        self._watch.start()
        self.pressure.start()
        self._control.start()

    async def aclose(self) -> None:
        """Stop the threads and save the figures a last time."""
        self._detach()
        parts = (self.pressure.cleanup, self._control.cleanup, self._watch.cleanup)
        await asyncio.gather(*(asyncio.to_thread(part) for part in parts), return_exceptions=True)
