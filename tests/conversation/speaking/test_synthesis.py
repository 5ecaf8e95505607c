"""Clauses in, sound out: what the synthesis thread does, done here in the test's own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.conversation.speaking.test_playback import ByHand, StepClock
from vita_tui.conversation.speaking.clauses import WHOLE_SENTENCES, ClauseCutter
from vita_tui.conversation.speaking.playback import Playback
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.conversation.speaking.synthesis import Synthesis
from vita_tui.engines.chain import Chain
from vita_tui.engines.tts.base import Pcm, Synthesizer
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.errors import EngineError
from vita_tui.events import ClauseFinished, ClauseStarted, EngineWorked, Event, EventBus, Notice
from vita_tui.settings import HealthSettings

RATE = 1000
"""Hertz, of the speaker by hand."""


class InPieces(FakeSynthesizer):
    """Speaks in pieces of so many seconds of sound, each of which takes so long to compute."""

    def __init__(self, *pieces: float, clock: StepClock, each: float = 0.0, pace: float = 1.0) -> None:
        super().__init__(sample_rate=RATE)
        self._pieces = pieces
        self._clock = clock
        self._each = each
        self.pace = pace

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        self.clauses.append(clause)
        for seconds in self._pieces:
            self._clock.now += self._each
            yield np.full(round(seconds * RATE), 0.1, np.float32)


class Studio:
    """A synthesis without its thread, before a speaker whose clock stands still."""

    def __init__(
        self,
        *voices: FakeSynthesizer,
        ahead: bool = True,
        speaker: ByHand | None = None,
        clock: StepClock | None = None,
    ) -> None:
        self.clock = clock or StepClock()
        self.events: list[Event] = []
        self.bus = EventBus()
        self.bus.subscribe(self.events.append)
        self.speaker = speaker or ByHand()
        self.playback = Playback(self.speaker, self.bus, self.clock)
        self.steps: list[str] = []
        chain: Chain[Synthesizer] = Chain("tts", list(voices), HealthSettings(), bus=self.bus)
        self.synthesis = Synthesis(
            chain,
            self.playback,
            self.bus,
            ahead=ahead,
            clock=self.clock,
            on_ready=lambda: self.steps.append("ready"),
            before_clause=lambda: self.steps.append("clause"),
        )

    def speech(self, text: str, turn: int = 1) -> Speech:
        """A reply of which nothing has been synthesised yet, and which may be played."""
        speech = Speech(turn, self.playback, self.synthesis.submit)
        speech.release()
        cutter = ClauseCutter(policies=WHOLE_SENTENCES)
        for clause in [*cutter.feed(text), *cutter.finish()]:
            speech.add(clause)
        speech.complete()
        return speech

    def work_off(self) -> None:
        """Do all that waits, as the thread would, until its end."""
        self.synthesis._jobs.put(None)
        self.synthesis._run()

    @property
    def spans(self) -> list[float]:
        """Seconds of sound that the speaker was handed, by piece."""
        return [round((span.end - span.start) / RATE, 2) for span in self.speaker.spans]

    def notices(self) -> list[str]:
        return [event.title for event in self.events if isinstance(event, Notice)]


def failing(*failures: Exception | None, name: str = "first") -> FakeSynthesizer:
    return FakeSynthesizer(name=name, sample_rate=RATE, failures=failures)


BROKEN = EngineError("It is broken.")
VOICES: dict[str, tuple[list[list[Exception | None]], list[list[str]], list[str]]] = {
    # failures of each voice, by clause → what each voice was asked to say, who has spoken
    "the first": ([[], []], [["One two.", "Three four."], []], ["first"]),
    "the second, for one clause": (
        [[BROKEN], []],
        [["One two.", "Three four."], ["One two."]],
        ["second", "first"],
    ),
    "the second, for the last": (
        [[None, BROKEN], []],
        [["One two.", "Three four."], ["Three four."]],
        ["first", "second"],
    ),
    "nobody for one, then the first": (
        [[BROKEN, None], [BROKEN]],
        [["One two.", "Three four."], ["One two."]],
        ["first"],
    ),
}


@pytest.mark.parametrize("name", VOICES)
def test_each_clause_is_spoken_by_the_first_voice_that_works(name: str) -> None:
    failures, asked, engines = VOICES[name]
    voices = [failing(*those, name=who) for those, who in zip(failures, ("first", "second"), strict=True)]
    studio = Studio(*voices)
    speech = studio.speech("One two. Three four.")
    studio.work_off()
    assert [voice.clauses for voice in voices] == asked
    assert speech.engines == engines
    assert studio.steps == ["ready", "clause", "clause"]
    assert [voice.loads for voice in voices] == [1, int(bool(asked[1]))], "loaded before it speaks"


def test_without_a_voice_that_works_it_is_said_and_the_reply_ends() -> None:
    studio = Studio(failing(BROKEN))
    speech = studio.speech("One two.")
    studio.work_off()
    assert studio.notices() == ["No voice"]
    assert speech.error is not None
    assert "It is broken" in speech.error.message
    assert (speech.finished.done(), studio.spans) == (True, [])


@pytest.mark.parametrize("voices", [[], [failing()]], ids=["no voice", "no speaker"])
def test_where_nothing_can_sound_nothing_is_synthesised(voices: list[FakeSynthesizer]) -> None:
    speaker = ByHand()
    speaker.there = not voices
    studio = Studio(*voices, speaker=speaker)
    speech = studio.speech("One two.")
    studio.work_off()
    assert [voice.clauses for voice in voices] == [[] for _ in voices]
    assert speech.finished.done()


def test_sound_is_handed_over_at_the_rate_of_the_speaker() -> None:
    studio = Studio(FakeSynthesizer(sample_rate=24_000))
    studio.speech("One two three.")
    studio.work_off()
    assert sum(studio.spans) == pytest.approx(0.3, abs=0.02)


PIECES: dict[str, tuple[bool, float, list[float], list[float]]] = {
    # may it, seconds a voice needs for one of sound, the pieces as they come → the pieces as they are handed over
    "a quick voice, at once": (True, 0.1, [0.3, 0.3], [0.3, 0.3]),
    "a quick voice, in pieces that are worth it": (True, 0.1, [0.1, 0.1, 0.1, 0.3], [0.2, 0.4]),
    "a voice that is just quick enough": (True, 0.49, [0.3, 0.3], [0.3, 0.3]),
    "a slow voice, when it is whole": (True, 0.5, [0.3, 0.3], [0.6]),
    "a quick voice, where it is not wanted": (False, 0.1, [0.3, 0.3], [0.6]),
    "an end that is short": (True, 0.1, [0.3, 0.1], [0.3, 0.1]),
    "no sound": (True, 0.1, [], []),
}


@pytest.mark.parametrize("name", PIECES)
def test_what_a_quick_voice_has_made_of_a_clause_is_handed_over_while_it_makes_the_rest(name: str) -> None:
    ahead, pace, pieces, handed_over = PIECES[name]
    clock = StepClock()
    studio = Studio(InPieces(*pieces, clock=clock, pace=pace), ahead=ahead, clock=clock)
    studio.speech("One two.")
    studio.work_off()
    assert studio.spans == handed_over


@pytest.mark.parametrize(("each", "second"), [(0.24, [0.5, 0.5]), (0.26, [1.0])])
def test_how_quick_a_voice_is_shows_by_its_last_clause(each: float, second: list[float]) -> None:
    clock = StepClock()
    studio = Studio(InPieces(0.5, 0.5, clock=clock, each=each), clock=clock)
    studio.speech("One two. Three four.")
    studio.work_off()
    assert studio.spans == [1.0, *second]


def test_a_short_clause_does_not_tell_how_quick_a_voice_is() -> None:
    clock = StepClock()
    studio = Studio(InPieces(0.2, 0.2, clock=clock, each=0.01), clock=clock)
    studio.speech("One two. Three four.")
    studio.work_off()
    assert studio.spans == [0.4, 0.4], (
        "it has only shown half a second of sound in all, of which the first counts not"
    )


class OneClause(InPieces):
    """Speaks one clause and fails from then on."""

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        if self.clauses:
            raise EngineError("It is broken.")
        yield from super().speak(clause, cancelled=cancelled)


def test_how_quick_one_voice_is_says_nothing_about_another() -> None:
    clock = StepClock()
    quick, other = OneClause(0.5, 0.5, clock=clock, each=0.01), InPieces(0.3, 0.3, clock=clock)
    other.name = "second"
    studio = Studio(quick, other, clock=clock)
    studio.speech("One two. Three four.")
    studio.work_off()
    assert studio.spans == [1.0, 0.6]


class Meanwhile(InPieces):
    """Does something when its first piece has been handed over."""

    meanwhile: Callable[[], object]

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        for number, piece in enumerate(super().speak(clause, cancelled=cancelled)):
            if number:
                self.meanwhile()
            yield piece


def studio_meanwhile() -> tuple[Studio, Meanwhile]:
    clock = StepClock()
    voice = Meanwhile(1.0, 1.0, clock=clock, pace=0.1)
    return Studio(voice, clock=clock), voice


def test_the_pieces_of_a_clause_are_one_clause() -> None:
    studio, voice = studio_meanwhile()
    voice.meanwhile = lambda: studio.speaker.sound(0)
    speech = studio.speech("One two three four.")
    studio.work_off()
    studio.speaker.sound(1)
    kinds = [type(event) for event in studio.events if isinstance(event, ClauseStarted | ClauseFinished)]
    assert kinds == [ClauseStarted, ClauseFinished]
    assert speech.heard() == ("One two three four.", "")


def test_a_voice_that_speaks_faster_is_expected_to_have_said_its_words_sooner() -> None:
    said: list[int] = []
    for rate in (1.0, 2.0):
        studio, voice = studio_meanwhile()
        voice.rate = rate

        def sounds(studio: Studio = studio) -> None:
            studio.speaker.sound(0, until=0.1)  # since 1.0 s by the clock
            said.append(len(studio.playback.own_words.between(0.0, 1.6).split()))

        voice.meanwhile = sounds
        studio.speech("One two three four five six seven eight.")
        studio.work_off()
    assert 0 < said[0] < said[1]


@pytest.mark.parametrize(("cancelled", "worked"), [(False, 1), (True, 0)])
def test_a_voice_that_was_cancelled_has_not_shown_that_it_works(cancelled: bool, worked: int) -> None:
    studio, voice = studio_meanwhile()
    speech = studio.speech("One two.")
    voice.meanwhile = speech.cancel if cancelled else lambda: None
    studio.synthesis.load()
    before = len([event for event in studio.events if isinstance(event, EngineWorked)])
    studio.synthesis.load = lambda: None  # type: ignore[method-assign]
    studio.work_off()
    after = [event for event in studio.events if isinstance(event, EngineWorked)]
    assert len(after) - before == worked


def test_a_reply_that_was_cancelled_is_not_synthesised_any_more() -> None:
    voice = failing()
    studio = Studio(voice)
    studio.speech("One two.").cancel()
    studio.speech("Three four.", turn=2)
    studio.work_off()
    assert voice.clauses == ["Three four."]


def test_errands_are_done_between_two_clauses_and_tell_how_they_ended() -> None:
    voice = failing()
    studio = Studio(voice)
    order: list[list[str]] = []
    studio.speech("One two.")
    done = studio.synthesis.between_clauses(lambda: order.append(list(voice.clauses)))
    wrong = studio.synthesis.between_clauses(raising)
    unwanted = studio.synthesis.between_clauses(lambda: order.append(["never"]))
    unwanted.cancel()
    studio.speech("Three four.", turn=2)
    studio.work_off()
    assert (order, done.done(), done.exception()) == ([["One two."]], True, None)
    assert isinstance(wrong.exception(), OSError)


def test_an_end_cancels_what_waits_and_frees_the_voices_once() -> None:
    voices = [failing(), failing(name="second")]
    studio = Studio(*voices)
    waiting = studio.synthesis.between_clauses(raising)
    studio.synthesis.cleanup()
    studio.synthesis.cleanup()
    assert waiting.cancelled()
    assert studio.synthesis.between_clauses(raising).cancelled()
    assert [voice.cleanups for voice in voices] == [1, 1]


def test_the_first_voice_that_loads_is_loaded_before_it_is_needed() -> None:
    class Missing(FakeSynthesizer):
        def load(self) -> None:
            raise EngineError("There is none.")

    second, third = failing(name="second"), failing(name="third")
    studio = Studio(Missing(), second, third)
    studio.work_off()
    assert (second.loads, third.loads, studio.steps, studio.speaker.opened) == (1, 0, ["ready"], 1)


def test_an_internal_error_ends_speech_with_a_word_and_leaves_no_reply_waiting() -> None:
    studio = Studio(failing())
    speech = studio.speech("One two.")
    studio.synthesis._before_clause = raising
    studio.work_off()
    assert studio.notices() == ["Speech stopped"]
    assert speech.finished.done()


def raising() -> None:
    raise OSError("no")
