"""What a reply has come to: its text as it is shown, and its clauses as they are spoken.

Nothing is shown or heard before `commit`: until then it may be the answer to a question that nobody asked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from vita_tui.clock import Clock
from vita_tui.conversation.speaking.clauses import POLICIES, WHOLE_SENTENCES, Clause, ClauseCutter
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.conversation.timings import Stopwatch
from vita_tui.events import Event, EventBus, ReasoningDelta, ReplyDelta, ReplyRetracted

__all__ = ["ReplyOutput"]

LEAST_TOKENS = 8
"""Of a reply whose pace says something."""


class ReplyOutput:
    """On the loop; only `Speech` reaches into threads."""

    def __init__(
        self,
        turn: int,
        *,
        speech: Speech | None,
        speak_anew: Callable[[], Speech] | None,
        bus: EventBus,
        clock: Clock,
        watch: Stopwatch,
        language: str,
        early: bool,
    ) -> None:
        """
        Args:
            speech: None for a reply that is shown only.
            speak_anew: another `speech`, for a reply of which what came so far was none.
            early: the first clause is short.
        """
        self.turn = turn
        self.text = ""
        self.speech = speech
        self.language = language
        """In which it is spoken; changed before the first word."""
        self._speak_anew = speak_anew
        self._bus = bus
        self._clock = clock
        self._watch = watch
        self._policies = POLICIES if early else WHOLE_SENTENCES
        self._cutter: ClauseCutter | None = None
        self._first: tuple[int, float] | None = None
        """Characters of the first piece, and when it came, in seconds; None before it."""
        self._last = 0.0
        """When the last piece came, in seconds."""
        self._asides = 0
        """Sentences that are said and are no part of the reply."""
        self._committed = False
        self._held: list[Event] = []

    def commit(self, *events: Event) -> None:
        """Publish `events`, show and speak what there is, and all that comes."""
        self._committed = True
        for event in (*events, *self._held):
            self._bus.publish(event)
        self._held.clear()
        if self.speech is not None:
            self.speech.release()

    def publish(self, event: Event) -> None:
        """Tell of `event` when it is committed."""
        if self._committed:
            self._bus.publish(event)
        else:
            self._held.append(event)

    def take(self, delta: str) -> None:
        """The next piece of the reply."""
        self._last = self._clock.monotonic()
        self._watch.mark("llm_first_token", self._last)
        self._first = self._first or (len(delta), self._last)
        self.text += delta
        self.publish(ReplyDelta(self.turn, delta))
        if self.speech is not None:
            self._cutter = self._cutter or self._new_cutter()
            self._speak(self._cutter.feed(delta))

    def retract(self, kept: int) -> None:
        """What came behind the first `kept` characters was reasoning."""
        self.text, retracted = self.text[:kept], self.text[kept:]
        self._first = None
        self.publish(ReplyRetracted(self.turn, self.text))
        self.publish(ReasoningDelta(self.turn, retracted))
        if self.speech is None or self._cutter is None:
            return
        if kept or self._speak_anew is None:
            self._speak(self._cutter.take_back(len(retracted)))
            return
        self._cutter = None
        self.speech.cancel()
        self.speech = self._speak_anew()
        if self._committed:
            self.speech.release()

    def pace(self, tokens: int) -> float | None:
        """Tokens per second behind the first piece, for a text of so many; None for one that came at once or in few words."""
        if self._first is None or not self.text or tokens < LEAST_TOKENS:
            return None
        first, begun = self._first
        seconds = self._last - begun
        share = 1.0 - first / len(self.text)
        return tokens * share / seconds if seconds > 0.0 and share > 0.0 else None

    def say_aside(self, text: str) -> None:
        """Say what is no part of the reply."""
        if self.speech is None:
            return
        cutter = ClauseCutter(self.language, WHOLE_SENTENCES)
        place = len(self.text)
        for clause in (*cutter.feed(text), *cutter.finish()):
            self._asides += 1
            self.speech.add(dataclasses.replace(clause, index=-self._asides, text="", start=place, end=place))

    def end(self) -> None:
        """All of the reply is written: speak its end."""
        if self._cutter is not None:
            self._speak(self._cutter.finish())

    def heard(self) -> tuple[str, str]:
        """The text, split into what has reached the user and what has not; text that was only shown was read."""
        speech = self.speech
        if speech is None or (
            not speech.engines and speech.finished.done() and not speech.cancelled.is_set()
        ):
            return self.text, ""
        heard, _ = speech.heard()
        unheard = self.text[len(heard) :]
        if not any(letter.isalnum() for letter in unheard):
            return self.text, ""  # an emoji or a full stop has no sound
        return heard, unheard

    def _speak(self, clauses: Iterable[Clause]) -> None:
        assert self.speech is not None
        for clause in clauses:
            self._watch.mark("first_clause", self._clock.monotonic())
            self.speech.add(clause)

    def _new_cutter(self) -> ClauseCutter:
        return ClauseCutter(self.language, self._policies)
