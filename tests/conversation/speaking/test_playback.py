"""What goes to the speaker, and what is known to have been heard: with a speaker whose clock the test moves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vita_tui.audio.base import PlaybackMark, Samples, Span
from vita_tui.clock import SystemClock
from vita_tui.conversation.speaking.clauses import WHOLE_SENTENCES, Clause, ClauseCutter
from vita_tui.conversation.speaking.playback import Playback
from vita_tui.errors import DeviceError
from vita_tui.events import ClauseFinished, ClauseStarted, Event, EventBus, Heard

TEXT = "Here are five more words."


class ByHand:
    """A speaker that sounds when it is told to."""

    name = "by hand"
    sample_rate = 1000

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.stands_at = 0
        self.gains: list[float] = []
        self.over: list[Samples] = []
        self.opened = self.closed = self.flushed = 0
        self.there = True
        self.tell: Callable[[PlaybackMark], None] = lambda _: None

    def open(self) -> None:
        if not self.there:
            raise DeviceError("There is no speaker.")
        self.opened += 1

    def enqueue(self, samples: Samples) -> Span:
        start = self.spans[-1].end if self.spans else 0
        self.spans.append(Span(start, start + len(samples)))
        return self.spans[-1]

    def played(self) -> int:
        return self.stands_at

    def flush(self) -> int:
        self.flushed += 1
        return self.stands_at

    def fade(self, gain: float, seconds: float) -> None:
        self.gains.append(gain)

    def sound_over(self, samples: Samples) -> None:
        self.over.append(samples)

    def subscribe(self, callback: Callable[[PlaybackMark], None]) -> Callable[[], None]:
        self.tell = callback
        return lambda: None

    def close(self) -> None:
        self.closed += 1

    def sound(self, number: int, until: float = 1.0) -> None:
        """Sound the span `number`, or a part of it."""
        span = self.spans[number]
        self.tell(PlaybackMark("started", span, 1.0))
        self.stands_at = round(span.start + (span.end - span.start) * until)
        if until == 1.0:
            self.tell(PlaybackMark("finished", span, 2.0))


class Stage:
    def __init__(self) -> None:
        self.speaker = ByHand()
        self.events: list[Event] = []
        bus = EventBus()
        bus.subscribe(self.events.append)
        self.playback = Playback(self.speaker, bus, SystemClock())
        self.playback.open()
        cutter = ClauseCutter(policies=WHOLE_SENTENCES)
        self.clauses: list[Clause] = [*cutter.feed(f"{TEXT} {TEXT}"), *cutter.finish()]
        self.track = self.playback.begin(1)
        for clause in self.clauses:
            self.playback.expect(self.track, clause)

    def deliver(self, number: int, frames: int = 1000) -> None:
        clause = self.clauses[number]
        self.playback.first_sound(self.track, clause, 1.0)
        self.playback.deliver(self.track, clause, np.full(frames, 0.1, np.float32), "piper", 1000)
        self.playback.end(self.track, clause)

    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.events]


def test_nothing_is_played_before_it_is_released() -> None:
    stage = Stage()
    stage.deliver(0)
    assert stage.speaker.spans == []
    stage.playback.release(stage.track)
    assert len(stage.speaker.spans) == 1


def test_a_reply_is_finished_when_its_last_clause_has_sounded() -> None:
    stage = Stage()
    stage.playback.release(stage.track)
    stage.deliver(0)
    stage.deliver(1)
    stage.playback.complete(stage.track)
    stage.speaker.sound(0)
    assert not stage.track.finished.done()
    stage.speaker.sound(1)
    assert stage.track.finished.done()
    assert stage.kinds() == [ClauseStarted, ClauseFinished, Heard] * 2
    assert stage.playback.heard(stage.track)[1].strip() == ""


def test_a_cancelled_reply_was_heard_up_to_where_the_device_was() -> None:
    stage = Stage()
    stage.playback.release(stage.track)
    stage.deliver(0)
    stage.deliver(1)
    stage.speaker.sound(0)
    stage.speaker.sound(1, until=0.5)
    stage.playback.cancel(stage.track)
    assert (stage.speaker.flushed, stage.track.cancelled.is_set()) == (1, True)
    heard, unheard = stage.playback.heard(stage.track)
    assert heard.startswith(TEXT)
    assert 0 < len(unheard.split()) < len(TEXT.split())
    stage.speaker.stands_at = 99_999
    assert stage.playback.heard(stage.track) == (heard, unheard), (
        "what the speaker does later changes nothing"
    )


def test_a_reply_that_is_not_queued_does_not_silence_another() -> None:
    stage = Stage()
    stage.playback.release(stage.track)
    stage.deliver(0)
    other = stage.playback.begin(2)
    stage.playback.cancel(other)
    assert stage.speaker.flushed == 0
    assert other.finished.done()


def test_clauses_that_cannot_be_spoken_end_the_reply_all_the_same() -> None:
    stage = Stage()
    stage.playback.release(stage.track)
    stage.playback.complete(stage.track)
    stage.playback.skip(stage.track)
    stage.playback.skip(stage.track)
    assert stage.track.finished.done()


def test_sound_that_comes_after_the_end_is_dropped() -> None:
    stage = Stage()
    stage.playback.release(stage.track)
    stage.playback.cancel(stage.track)
    stage.deliver(0)
    assert stage.speaker.spans == []


@pytest.mark.parametrize("there", [True, False])
def test_a_speaker_that_is_not_open_is_opened_when_sound_is_to_come(there: bool) -> None:
    speaker = ByHand()
    speaker.there = there
    playback = Playback(speaker, EventBus(), SystemClock())
    assert playback.ready() is there
    assert speaker.opened == int(there)


def test_without_a_speaker_nothing_can_be_heard() -> None:
    playback = Playback(None, EventBus(), SystemClock())
    assert not playback.there
    assert not playback.ready()
    track = playback.begin(1)
    playback.complete(track)
    assert track.finished.done()


def test_the_end_silences_all_and_closes_the_speaker() -> None:
    stage = Stage()
    stage.playback.release(stage.track)
    stage.deliver(0)
    stage.playback.cleanup()
    stage.playback.cleanup()
    assert stage.track.finished.done()
    assert stage.speaker.closed >= 1
