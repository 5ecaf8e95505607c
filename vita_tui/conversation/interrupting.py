"""Speech into a reply, carried out: what `Interruption` decides becomes loudness, a recording that nobody is shown yet, and a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from vita_tui.clock import Clock
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.hearing.interruption import Duck, GiveBack, Interruption, Outcome, TakeFloor
from vita_tui.conversation.hearing.signals import DraftTranscript, Signal, Understood, WordsSoFar
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.events import EventBus, Interjection

__all__ = ["Interrupting"]


class Interrupting:
    """On the assistant's loop."""

    def __init__(
        self,
        speech: Speaking,
        bus: EventBus,
        clock: Clock,
        *,
        hears_itself: bool,
        hearing: Callable[[], Hearing | None],
        on_interrupted: Callable[[], None],
    ) -> None:
        """
        Args:
            hears_itself: the microphone hears the speaker.
            hearing: what is recorded with; None without a microphone.
            on_interrupted: called when the reply is to end.
        """
        self._interruption = Interruption(speech.own_words if hears_itself else None)
        self._speech = speech
        self._bus = bus
        self._clock = clock
        self._hearing = hearing
        self._on_interrupted = on_interrupted
        self._timer: asyncio.TimerHandle | None = None
        """Goes off at the interruption's deadline."""

    @property
    def number(self) -> int:
        """The utterance that interrupts; 0 when none does."""
        return self._interruption.number

    @property
    def last(self) -> int:
        """The one that won last, or outlasted our turn."""
        return self._interruption.last

    def hint(self) -> None:
        """Perhaps somebody begins to speak."""
        self._follow(self._interruption.hint(self._now))

    def onset(self, number: int) -> None:
        """Somebody speaks into the reply: utterance `number`, which is shown to nobody before it is words."""
        self._set_private(True)
        self._follow(self._interruption.onset(number, self._now))

    def take(self, signal: Signal) -> bool:
        """What is understood of an utterance that interrupts, before it is over; False when `signal` is of none."""
        match signal:
            case WordsSoFar() if signal.number == self.number:
                self._follow(self._interruption.words(signal, self._now))
            case DraftTranscript() if signal.number == self.number:
                self._follow(self._interruption.drafted(signal, self._now))
            case _:
                return False
        return True

    def understood(self, understood: Understood) -> bool:
        """The final transcript of the utterance that interrupts; whether it was somebody who wants something."""
        self.share()
        self._follow(self._interruption.understood(understood, self._now))
        return self.last == understood.number

    def is_own(self, understood: Understood) -> bool:
        """Whether these were our own words."""
        until = understood.utterance.last_speech
        return self._interruption.is_own(understood.text, until - understood.utterance.audio_seconds, until)

    def outlasted(self) -> bool:
        """The reply is over; whether somebody still speaks into it."""
        if not self.number:
            return False
        self._follow(self._interruption.outlasted(self._now))
        return True

    def end(self) -> None:
        """What was going on is over."""
        self._follow(self._interruption.end(self._now))
        self.share()

    def share(self) -> None:
        """What is recorded may be shown."""
        self._set_private(False)

    def _follow(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case Duck():
                    self._speech.duck(outcome.gain)
                case TakeFloor():
                    self._on_interrupted()
                case GiveBack():
                    if (hearing := self._hearing()) is not None:
                        hearing.forget_recording()
                    self.share()
                case Interjection():
                    self._bus.publish(outcome)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (deadline := self._interruption.deadline) is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, deadline - self._now), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._follow(self._interruption.tick(self._now))

    def _set_private(self, on: bool) -> None:
        if (hearing := self._hearing()) is not None:
            hearing.private = on

    @property
    def _now(self) -> float:
        return self._clock.monotonic()
