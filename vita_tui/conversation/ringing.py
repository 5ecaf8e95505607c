"""Timers, alarms and reminders whose time has come: heard, said and shown until somebody stops them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from vita_tui.abilities.alarms import Alarms
from vita_tui.abilities.service import said_of
from vita_tui.audio import earcons
from vita_tui.clock import Clock, SystemClock
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.errors import StoreError
from vita_tui.events import Alarm, AlarmsChanged, EventBus, Notice, Passed, Ringing, State
from vita_tui.settings import Settings

__all__ = ["Ringer"]

RING_SECONDS = 60.0
"""After that nobody is there."""
BELL_SECONDS = 3.0
"""From one sound to the next."""
RING_POLL_SECONDS = 1.0
"""How often the clock is looked at, which may be set; what is due sooner is waited for."""
JUMP_SECONDS = 2.0
"""A larger step of the clock than time has passed is its being set."""


class Ringer:
    """On the assistant's loop: `run` is its task."""

    def __init__(
        self,
        alarms: Alarms,
        speech: Speaking,
        settings: Settings,
        state: Callable[[], State],
        bus: EventBus,
        clock: Clock,
    ) -> None:
        self._alarms = alarms
        self._speech = speech
        self._settings = settings
        self._state = state
        self._bus = bus
        self._clock = clock
        self._changed = asyncio.Event()
        self._ringing: dict[int, tuple[Alarm, str, float]] = {}
        """What rings, by number: with what is said of it, and until when by the monotonic clock."""
        self._bell = 0.0
        """When the next sound is due."""
        self._saying: list[Speech] = []
        self._offset = 0.0

    @property
    def ringing(self) -> bool:
        """Whether anything rings now."""
        return bool(self._ringing)

    def stop(self) -> bool:
        """Silence what rings; whether anything did."""
        rang = list(self._ringing.values())
        self._ringing.clear()
        for speech in self._saying:
            speech.cancel()
        self._saying.clear()
        for alarm, text, _ in rang:
            self._end(alarm, text)
        return bool(rang)

    async def run(self) -> None:
        """Ring what becomes due, until it is cancelled."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._changed.set)

        self._alarms.on_change(wake)
        self._offset = self._clock.time() - _elapsed(self._clock)
        shown: tuple[Alarm, ...] = ()
        while True:
            self._changed.clear()
            try:
                await self._mind_the_clock()
                await self._ring_due()
                alarms = await asyncio.to_thread(self._alarms.all)
            except StoreError as error:
                self._bus.publish(
                    Notice("Timers are not kept", error.message, error.remedy, "warning", key="alarms")
                )
                alarms = shown
            if alarms != shown:
                shown = alarms
                self._bus.publish(AlarmsChanged(alarms))
            self._sound()
            await self._wait(alarms)

    # ----

    async def _wait(self, alarms: tuple[Alarm, ...]) -> None:
        """Until there is something to do: without alarms nothing is done until there are some."""
        waiting = [alarm.due - self._clock.time() for alarm in alarms if alarm.left is None]
        if self._ringing:
            waiting.append(self._bell - self._clock.monotonic())
        seconds = max(0.01, min(RING_POLL_SECONDS, *waiting)) if waiting else None
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _mind_the_clock(self) -> None:
        offset = self._clock.time() - _elapsed(self._clock)
        jumped, self._offset = offset - self._offset, offset
        if abs(jumped) > JUMP_SECONDS:
            await asyncio.to_thread(self._alarms.shift, jumped)

    async def _ring_due(self) -> None:
        for due in await asyncio.to_thread(self._alarms.take_due, self._clock.time()):
            text = said_of(due.alarm, missed=due.missed)
            if due.missed:
                self._bus.publish(Notice("Missed", text, "", "warning", key=f"alarm:{due.alarm.id}"))
                continue
            now = self._clock.monotonic()
            self._ringing[due.alarm.id] = (due.alarm, text, now + RING_SECONDS)
            self._bell = now
            self._bus.publish(
                Notice(text, "", "Say stop, or press escape", "warning", key=f"alarm:{due.alarm.id}")
            )
            self._bus.publish(Ringing(due.alarm, text, on=True))
            self._say(text, due.alarm.language)

    def _say(self, text: str, language: str) -> None:
        """Behind what is being said, if anything is; the sound comes at once."""
        if not self._settings.audio.speak or not self._speech.usable or self._speech.muted:
            return
        self._speech.ring(earcons.ALARM, earcons.SAMPLE_RATE)
        self._saying = [speech for speech in self._saying if not speech.finished.done()]
        self._saying.append(self._speech.say(text, language))

    def _sound(self) -> None:
        now = self._clock.monotonic()
        for alarm, text, until in list(self._ringing.values()):
            if now >= until:
                del self._ringing[alarm.id]
                self._end(alarm, text)
        if self._ringing and now >= self._bell:
            self._bell = now + BELL_SECONDS
            if self._state() is not State.LISTENING:  # the microphone would hear it
                self._speech.ring(earcons.ALARM, earcons.SAMPLE_RATE)

    def _end(self, alarm: Alarm, text: str) -> None:
        self._bus.publish(Ringing(alarm, text, on=False))
        self._bus.publish(Passed(f"alarm:{alarm.id}"))


def _elapsed(clock: Clock) -> float:
    """Seconds that have really passed, also while the machine slept, whatever the clock on the wall was set to."""
    if isinstance(clock, SystemClock) and hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return clock.monotonic()
