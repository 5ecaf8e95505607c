"""Sounds through `Hearing` in virtual time: hands-free, and between two presses of the key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Protocol, Self

from vita_tui.audio.base import Samples
from vita_tui.bench.virtual import PacedRecognizer, PacedScorer, VirtualMicrophone, VirtualTime
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.hearing.signals import Signal, SpeechBegan, Understood, VoiceOnset
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.turn.smart_turn import SmartTurn
from vita_tui.events import Event, EventBus, PartialTranscript
from vita_tui.models.lookup import missing, place
from vita_tui.settings import Settings

__all__ = ["SpokenInRoom", "VirtualStudio"]

LISTENED = 0.6
"""Seconds after the speech in which an utterance may still begin."""
LONGEST = 20.0
"""Seconds after the speech in which it is understood, or never will be."""
PATIENCE = 3600.0
"""Seconds on the wall in which a decode must be done."""

StudioHearing = tuple[str, float, tuple[str, ...], int]
"""The text, the milliseconds that its words took, why decodes were thrown away, and how many turns it was."""


class SpokenInRoom(Protocol):
    """Speech that can be heard."""

    @property
    def seconds(self) -> float:
        """Until it is over."""
        ...

    def sound(self, tail: float) -> Samples:
        """With so many seconds of room after it."""
        ...


class VirtualStudio:
    """One `Hearing`, and what it says of each sound. A context manager on the loop."""

    def __init__(self, settings: Settings, recognizer: Recognizer, bus: EventBus) -> None:
        """
        Args:
            recognizer: loaded; it stays loaded afterwards.
        """
        # Other programs may have the processor for long: that is no failure here.
        self._settings = settings.model_copy(
            update={"stt": settings.stt.model_copy(update={"timeout": PATIENCE})}
        )
        self._bus = bus
        self._clock = VirtualTime()
        self._recognizer = PacedRecognizer(recognizer, self._clock)
        self._open: set[int] = set()
        self._understood: list[Understood] = []
        self.partials: list[PartialTranscript] = []

    async def __aenter__(self) -> Self:
        self._microphone = VirtualMicrophone(self._clock, asyncio.get_running_loop())
        chain: Chain[Recognizer] = Chain("stt", [self._recognizer], self._settings.health, bus=self._bus)
        scorer = None
        if self._settings.talk.smart_turn and not missing("turn", "smart-turn"):
            scorer = PacedScorer(SmartTurn(place("turn", "smart-turn")), self._clock)
        self._hearing = Hearing(
            self._microphone,
            chain,
            self._on_signal,
            self._bus,
            settings=self._settings,
            clock=self._clock,
            scorer=scorer,
        )
        hearing = self._hearing
        self._microphone.settled = lambda: (
            (hearing.worker.idle or self._recognizer.waiting)
            and (not hearing.judging or (scorer is not None and scorer.waiting))
        )
        self._bus.subscribe(self._on_event)
        ready: Future[None] = Future()
        hearing.start(lambda: ready.set_result(None))
        await asyncio.wrap_future(ready)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._clock.close()
        await asyncio.to_thread(self._hearing.cleanup)

    async def hands_free(self, spoken: SpokenInRoom) -> StudioHearing:
        """Voice begins a turn, and a pause ends it. The milliseconds are from the last voice to the words of a turn that is over."""
        self._hearing.hands_free = True
        await self._play(
            spoken, lambda seconds: not self._open and seconds >= spoken.seconds + LISTENED and self._idle
        )
        self._hearing.hands_free = False
        said = [one for one in self._understood if one.text]
        waited = (said[-1].at - said[-1].utterance.last_speech) * 1000 if said else LONGEST * 1000
        return self._heard(said, waited)

    async def by_key(self, spoken: SpokenInRoom) -> StudioHearing:
        """One key at the beginning of the sound, the next at the end of the speech, from where the milliseconds count."""
        self._hearing.begin(kept=True)
        ended = False

        def done(seconds: float) -> bool:
            nonlocal ended
            if seconds >= spoken.seconds and not ended:
                ended = True
                self._hearing.end()
            return bool(self._understood)

        await self._play(spoken, done)
        waited = (self._understood[-1].at - self._understood[-1].utterance.ended) * 1000
        return self._heard(self._understood, max(0.0, waited))

    # ----

    @property
    def _idle(self) -> bool:
        return self._hearing.worker.idle

    async def _play(self, spoken: SpokenInRoom, done: Callable[[float], bool]) -> None:
        self._open.clear()
        self._understood.clear()
        finished: Future[None] = Future()
        self._microphone.play(spoken.sound(LONGEST), done, lambda: finished.set_result(None))
        await asyncio.wrap_future(finished)

    @staticmethod
    def _heard(said: list[Understood], ms: float) -> StudioHearing:
        guard = tuple(reason for one in said for reason in one.guard)
        return " ".join(one.text for one in said), ms, guard, len(said)

    def _on_signal(self, signal: Signal) -> None:
        match signal:
            case VoiceOnset() | SpeechBegan():
                self._open.add(signal.number)
            case Understood():
                self._open.discard(signal.number)
                self._understood.append(signal)
            case _:
                pass

    def _on_event(self, event: Event) -> None:
        if isinstance(event, PartialTranscript):
            self.partials.append(event)
