"""What goes to the speaker, and what is known to have been heard: with a speaker whose clock the test moves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vita_tui.audio.base import PlaybackMark, Samples, Span
from vita_tui.clock import SystemClock
from vita_tui.conversation.speaking import speaker_line
from vita_tui.conversation.speaking.clauses import WHOLE_SENTENCES, Clause, ClauseCutter
from vita_tui.conversation.speaking.playback import Playback
from vita_tui.errors import DeviceError
from vita_tui.events import ClauseFinished, ClauseStarted, Event, EventBus, Heard, Notice

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


class StepClock(SystemClock):
    """Time that passes when it is told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Unplugged(ByHand):
    """A speaker that can be pulled out; each try to open it again takes three seconds by the clock."""

    def __init__(self, clock: StepClock) -> None:
        super().__init__()
        self.clock = clock
        self.tries: list[bool] = []
        """For each try to open it while it was away: whether the playback expected to be heard soon."""
        self.back_after = 10**6
        """Tries."""
        self.playback: Playback | None = None

    def open(self) -> None:
        if not self.there:
            if self.playback is not None:
                playback, self.playback = self.playback, None  # it must not open the speaker itself meanwhile
                self.tries.append(playback.ready())
                self.playback = playback
            self.clock.now += 3.0
            self.there = len(self.tries) >= self.back_after
        super().open()

    def pull(self) -> None:
        self.there = False
        self.tries.clear()
        self.tell(PlaybackMark("lost", None, self.clock.now, "It was pulled out."))


class Stage:
    def __init__(self, speaker: ByHand | None = None, clock: StepClock | None = None) -> None:
        self.clock = clock or StepClock()
        self.speaker = speaker or ByHand()
        self.events: list[Event] = []
        bus = EventBus()
        bus.subscribe(self.events.append)
        self.playback = Playback(self.speaker, bus, self.clock)
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

    def queued(self) -> list[int]:
        """Frames of each span that the speaker was given."""
        return [span.end - span.start for span in self.speaker.spans]

    def notices(self) -> list[str]:
        return [event.title for event in self.events if isinstance(event, Notice)]


def test_a_speaker_is_opened_once() -> None:
    stage = Stage()
    assert stage.playback.ready()
    assert stage.playback.ready()
    assert stage.speaker.opened == 1


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
    stage.deliver(1)
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
    account = stage.playback.heard(stage.track)
    stage.deliver(0)
    assert stage.speaker.spans == []
    assert stage.playback.heard(stage.track) == account
    assert stage.events == []


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


def test_a_pause_keeps_what_was_not_heard_and_takes_nothing_more() -> None:
    stage = Stage()
    assert not stage.playback.resume(stage.track), "it was not paused"
    stage.playback.release(stage.track)
    stage.deliver(0)
    stage.speaker.sound(0, until=0.5)
    assert stage.playback.pause(stage.track)
    assert stage.speaker.flushed == 1
    assert not stage.playback.pause(stage.track), "once is enough"
    assert stage.speaker.flushed == 1
    stage.deliver(1)
    assert stage.queued() == [1000], "nothing is handed over before it goes on"
    assert stage.playback.resume(stage.track)
    first, rest, second = stage.queued()
    assert (first, second) == (1000, 1000)
    assert 500 <= rest < 1000, "from the word that was cut"
    assert not stage.playback.resume(stage.track)


def test_a_pause_before_anything_may_be_played_is_no_permission_to_play() -> None:
    stage = Stage()
    stage.deliver(0)
    assert stage.playback.pause(stage.track)
    assert stage.playback.resume(stage.track)
    assert stage.queued() == []


def test_a_reply_that_is_over_is_neither_paused_nor_moved() -> None:
    stage = Stage()
    stage.playback.cancel(stage.track)
    for move in (
        stage.playback.pause,
        stage.playback.resume,
        stage.playback.forward,
        stage.playback.back,
    ):
        assert not move(stage.track)
    assert stage.events == []


@pytest.mark.parametrize("move", ["forward", "back"])
def test_whoever_shows_the_reply_is_told_where_it_goes_on(move: str) -> None:
    stage = Stage()
    stage.playback.release(stage.track)
    stage.deliver(0)
    stage.deliver(1)
    stage.speaker.sound(0, until=0.3)
    assert getattr(stage.playback, move)(stage.track)
    heard = stage.events[-1]
    assert isinstance(heard, Heard)
    assert heard.heard.startswith(TEXT) is (move == "forward")
    assert stage.queued()[2:] == ([1000] if move == "forward" else [1000, 1000])


@pytest.mark.parametrize("released", [True, False])
def test_the_end_of_one_reply_keeps_what_another_has_queued(released: bool) -> None:
    stage = Stage()
    stage.playback.release(stage.track)
    stage.deliver(0)
    other = stage.playback.begin(2)
    clause = stage.clauses[1]
    stage.playback.expect(other, clause)
    if released:
        stage.playback.release(other)
    stage.playback.first_sound(other, clause, 1.0)
    stage.playback.deliver(other, clause, np.full(300, 0.1, np.float32), "piper", 1000)
    stage.playback.cancel(stage.track)
    assert stage.speaker.flushed == 1
    assert stage.queued() == ([1000, 300, 300] if released else [1000])


def test_short_sounds_fill_a_silence_and_bells_ring_over_anything() -> None:
    stage = Stage()
    sound = np.full(200, 0.1, np.float32)
    stage.playback.earcon(sound, 2000)
    assert stage.queued() == [100], "at the speaker's rate"
    stage.playback.release(stage.track)
    stage.deliver(0)
    stage.playback.earcon(sound, 2000)
    assert stage.queued() == [100, 1000], "not into a reply"
    stage.playback.ring(sound, 2000)
    assert [len(samples) for samples in stage.speaker.over] == [100]
    stage.playback.pause(stage.track)
    stage.speaker.tell(PlaybackMark("dropped", stage.speaker.spans[1], 2.0))
    stage.playback.earcon(sound, 2000)
    assert stage.queued() == [100, 1000, 100], "but into its pause"


def test_nothing_sounds_before_the_speaker_is_open() -> None:
    speaker = ByHand()
    playback = Playback(speaker, EventBus(), SystemClock())
    for play in (playback.earcon, playback.ring):
        play(np.zeros(10, np.float32), 1000)
    assert (speaker.spans, speaker.over) == ([], [])


def test_our_own_words_are_known_from_when_they_sound_until_they_are_cut() -> None:
    stage = Stage()
    stage.playback.release(stage.track)
    stage.deliver(0, frames=3000)
    assert stage.playback.own_words.between(0.0, 9.0) == ""
    stage.speaker.sound(0, until=0.4)  # since 1.0 s by the clock
    assert stage.playback.own_words.between(0.0, 9.0) == TEXT
    stage.clock.now = 2.2
    stage.playback.cancel(stage.track)
    said = stage.playback.own_words.between(0.0, 9.0).split()
    assert said == TEXT.split()[: len(said)]
    assert 0 < len(said) < 5


def test_the_loudness_is_the_speakers() -> None:
    stage = Stage()
    for gain in (0.2, 1.0):
        stage.playback.duck(gain)
    assert stage.speaker.gains == [0.2, 1.0]


def test_who_cannot_be_heard_any_more_leaves_no_reply_waiting() -> None:
    stage = Stage()
    other = stage.playback.begin(2)
    stage.playback.give_up()
    assert stage.track.finished.done()
    assert other.finished.done()


@pytest.mark.parametrize(("first", "told"), [(True, ["No speaker"]), (False, [])])
def test_that_there_is_no_speaker_is_said_once(first: bool, told: list[str]) -> None:
    speaker = ByHand()
    speaker.there = False
    stage = Stage(speaker)
    stage.events.clear()
    if first:
        stage.playback.open()
    else:
        assert not stage.playback.ready()
    assert stage.notices() == told


def unplugged(monkeypatch: pytest.MonkeyPatch) -> tuple[Stage, Unplugged]:
    """A stage whose first clause has sounded for four tenths when the speaker goes away."""
    monkeypatch.setattr(speaker_line, "REOPEN_SECONDS", 0.001)
    clock = StepClock()
    speaker = Unplugged(clock)
    stage = Stage(speaker, clock)
    speaker.playback = stage.playback
    stage.playback.release(stage.track)
    stage.deliver(0)
    speaker.sound(0, until=0.4)
    return stage, speaker


def back(stage: Stage) -> None:
    """Wait until nobody looks for the speaker any more."""
    reopening = stage.playback._line._reopening
    if reopening is not None:
        reopening.join(60)
        assert not reopening.is_alive()


def test_a_speaker_that_comes_back_soon_goes_on_with_what_was_not_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage, speaker = unplugged(monkeypatch)
    speaker.back_after = 1
    speaker.pull()
    back(stage)
    assert speaker.tries == [True], "what is said meanwhile will be heard soon"
    assert not stage.track.finished.done()
    assert stage.queued() == [1000, 600]
    assert stage.notices() == ["Speaker lost", "Speaker back"]
    assert stage.playback.ready()


def test_a_speaker_that_stays_away_is_given_up_and_tried_again_for_the_next_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage, speaker = unplugged(monkeypatch)
    speaker.pull()
    stage.track.finished.result(60)
    assert not stage.playback.ready(), "nothing is synthesised for nobody"
    speaker.back_after = 0
    back(stage)
    assert speaker.tries[:3] == [True, True, False]
    assert stage.playback.ready()
    speaker.back_after = 1
    speaker.pull()
    back(stage)
    assert speaker.tries == [True], "it is waited for anew"


def test_at_the_end_nobody_looks_for_a_speaker(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, speaker = unplugged(monkeypatch)
    stage.playback.cleanup()
    speaker.pull()
    assert stage.playback._line._reopening is None
    assert stage.notices() == []
