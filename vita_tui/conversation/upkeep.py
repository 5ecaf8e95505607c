"""Upkeep of a program that is open for days: figures, their thread, the answer to memory pressure, probes of disabled engines,
and the control socket.

Only the interactive program has it; commands that run for a moment do not. The parts live in `health`; here they are given what
they watch over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vita_tui.clock import Clock
from vita_tui.conversation.alert_delivery import AlertDelivery
from vita_tui.engines.chain import Chain
from vita_tui.engines.probe import Prober
from vita_tui.events import Event, EventBus, FinalTranscript, Passed
from vita_tui.health.alert_rules import AlertRules
from vita_tui.health.confidence_record import ConfidenceRecord
from vita_tui.health.control import ControlServer, standard_answers
from vita_tui.health.control_calls import RemoteCalls
from vita_tui.health.metrics import Metrics
from vita_tui.health.pressure import PressureStep, PressureWatch
from vita_tui.health.watch import HealthWatch
from vita_tui.sessions.session_stats import SessionStats
from vita_tui.settings import HealthSettings

__all__ = ["Upkeep"]


class Upkeep:
    """Owns the threads `health`, `pressure`, `breaker-probe` and `control`; `start` it once, `aclose` it with the engines."""

    def __init__(
        self,
        settings: HealthSettings,
        steps: Sequence[PressureStep],
        bus: EventBus,
        clock: Clock,
        *,
        probes: Mapping[Chain[Any], Callable[[], None]],
        sessions: Callable[[], SessionStats],
        calls: RemoteCalls | None = None,
    ) -> None:
        """
        Args:
            steps: of the ladder against memory pressure, mildest first.
            probes: for each chain what has its disabled engines tried, where they live; returns at once.
            sessions: the figures of the sessions in use.
            calls: what other programs of this user may have done.
        """
        self.metrics = Metrics(settings, clock=clock, bus=bus)
        self.pressure = PressureWatch(steps, settings, bus=bus, metrics=self.metrics, clock=clock)
        self.prober = Prober()
        for chain, probe in probes.items():
            self.prober.watch(chain, probe)
        self._watch = HealthWatch(self.metrics, bus=bus, clock=clock, each_round=self._round)
        self._rules = AlertRules(settings)
        self._confidence = ConfidenceRecord(clock)
        self._delivery = AlertDelivery(settings, bus, clock)
        self._clock = clock
        self._chains = tuple(probes)
        self._sessions = sessions
        self._noted: dict[str, int] = {}
        chains = tuple(probes)
        self._control = ControlServer(
            {
                **standard_answers(),
                "sessions": lambda: sessions().figures(),
                "breakers": lambda: [asdict(one) for chain in chains for one in chain.breakers()],
            },
            calls,
        )
        self._bus = bus
        self._detach: Callable[[], object] = lambda: None

    def _round(self) -> None:
        """Every few seconds, in the `health` thread."""
        self._note_sessions()
        self._note_restarts()
        self._confidence.save()
        changes = self._rules.step(
            self.metrics.summaries(), self._confidence.drifts(), self._clock.monotonic()
        )
        for alert in changes.fired:
            self._bus.publish(alert)
        for key in changes.cleared:
            self._bus.publish(Passed(key))

    def _note_restarts(self) -> None:
        for engine in (engine for chain in self._chains for engine in chain.engines):
            restarts = getattr(engine, "restarts", 0)
            if (added := restarts - self._noted.get(f"restarts {engine.name}", 0)) > 0:
                self.metrics.count("engine_restarts", added, engine=engine.name)
            self._noted[f"restarts {engine.name}"] = restarts

    def _heard(self, event: Event) -> None:
        if isinstance(event, FinalTranscript):
            self._confidence.add(event.engine, len(event.text.split()), event.confidence)

    def _note_sessions(self) -> None:
        """Put the figures of sessions among the metrics; of those that only grow what was added since the last time."""
        for name, value in self._sessions().figures().items():
            if not isinstance(value, int):
                continue
            if name in SessionStats.LEVELS:
                self.metrics.gauge(f"sessions_{name}", value)
            elif (added := value - self._noted.get(name, 0)) > 0:
                self.metrics.count(f"sessions_{name}", added)
                self._noted[name] = value

    def start(self) -> None:
        """Begin; everything happens in its own threads."""
        detach, deaf = self.metrics.attach(self._bus), self._bus.subscribe(self._heard)
        self._detach = lambda: (detach(), deaf())
        self._delivery.start()
        self._watch.start()
        self.pressure.start()
        self.prober.start()
        self._control.start()

    async def aclose(self) -> None:
        """Stop the threads and save the figures a last time."""
        self._detach()
        parts = (
            self.prober.cleanup,
            self.pressure.cleanup,
            self._control.cleanup,
            self._watch.cleanup,
            self._delivery.cleanup,
        )
        await asyncio.gather(*(asyncio.to_thread(part) for part in parts), return_exceptions=True)
