"""When the user speaks, pauses and has finished: lists of frames in, lists of signals out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from vita_tui.audio.base import BLOCK, Frame
from vita_tui.conversation.hearing.signals import (
    EndExpected,
    MicrophoneSilent,
    PauseBegan,
    PauseSoFar,
    Signal,
    SpeechBegan,
    SpeechSoFar,
    UtteranceEnded,
    VoiceHint,
    VoiceOnset,
)
from vita_tui.conversation.hearing.turn_detector import TurnDetector
from vita_tui.conversation.hearing.utterance import FRAME_SECONDS, Utterance
from vita_tui.settings import TalkSettings

NAMES = {
    VoiceHint: "hint",
    VoiceOnset: "onset",
    SpeechBegan: "speech",
    SpeechSoFar: "so far",
    PauseBegan: "pause",
    PauseSoFar: "judge",
    EndExpected: "expected",
    UtteranceEnded: "ended",
    MicrophoneSilent: "mute",
}


class Room:
    """Feeds a detector seconds of voice and silence, and keeps what it says."""

    def __init__(self, partial_interval: float = 100.0, **talk: object) -> None:
        self.settings = TalkSettings.model_validate(talk)
        self.detector = TurnDetector(
            self.settings, numbers=count(7).__next__, partial_interval=partial_interval
        )
        self.now = 100.0
        self.signals: list[Signal] = []
        self.decoder_free = True
        self.scorer_free = False

    def do(self, signals: list[Signal]) -> None:
        for signal in signals:
            self.signals.append(signal)
            if isinstance(signal, VoiceOnset):
                self.do(self.detector.begin(signal.number, [(self.frame(), 0.9)] * 3, by_voice=True))

    def frame(self, level: float = 0.1) -> Frame:
        return Frame(np.full(BLOCK, level, np.float32), 0, self.now)

    def hear(self, seconds: float, probability: float = 0.9, level: float = 0.1) -> None:
        for _ in range(round(seconds / FRAME_SECONDS)):
            self.now += FRAME_SECONDS
            frame = self.frame(level)
            self.do(
                self.detector.step(
                    self.now,
                    frame,
                    probability,
                    decoder_free=self.decoder_free,
                    scorer_free=self.scorer_free,
                )
            )

    def quiet(self, seconds: float) -> None:
        self.hear(seconds, 0.0, 0.001)

    def kinds(self) -> list[str]:
        return [NAMES[type(signal)] for signal in self.signals]

    def ended(self) -> Iterator[Utterance]:
        return (signal.utterance for signal in self.signals if isinstance(signal, UtteranceEnded))


def test_a_key_begins_and_a_pause_ends() -> None:
    room = Room(adaptive=False, end_silence=0.8)
    room.do(room.detector.begin(1))
    room.quiet(0.5)
    room.hear(1.0)
    spoken_until = room.now
    room.quiet(0.7)
    assert room.kinds() == ["speech", "pause", "expected"]
    room.quiet(0.2)
    assert room.kinds() == ["speech", "pause", "expected", "ended"]
    (utterance,) = room.ended()
    assert (utterance.number, utterance.reason) == (1, "silence")
    assert utterance.speech_seconds == pytest.approx(1.0, abs=FRAME_SECONDS)
    assert utterance.ended == utterance.last_speech == pytest.approx(spoken_until)
    assert utterance.endpoint_wait == pytest.approx(0.8, abs=2 * FRAME_SECONDS)
    assert utterance.audio_seconds == pytest.approx(1.6, abs=2 * FRAME_SECONDS), "an edge at both ends"


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("What time is it?", 0.48),
        ("Green tea", 0.8),
        ("I would like to", 1.8),
    ],
)
def test_the_words_so_far_tell_how_long_to_wait(text: str, wait: float) -> None:
    room = Room(end_silence=0.8)
    room.do(room.detector.begin(1))
    room.hear(1.0)
    room.do(room.detector.words(1, text))
    room.quiet(wait - 2 * FRAME_SECONDS)
    assert not list(room.ended())
    room.quiet(4 * FRAME_SECONDS)
    assert [utterance.reason for utterance in room.ended()] == ["silence"]


def test_words_of_another_utterance_or_without_adaptive_change_nothing() -> None:
    for adaptive, number in ((True, 2), (False, 1)):
        room = Room(end_silence=0.8, adaptive=adaptive)
        room.do(room.detector.begin(1))
        room.hear(1.0)
        room.do(room.detector.words(number, "I would like to"))
        room.quiet(0.9)
        assert list(room.ended())


def test_a_longer_wait_is_announced_when_the_words_change_it() -> None:
    room = Room(end_silence=0.8)
    room.do(room.detector.begin(1))
    room.hear(1.0)
    room.quiet(0.2)
    room.do(room.detector.words(1, "I would like to"))
    room.quiet(0.1)
    waits = [signal.seconds for signal in room.signals if isinstance(signal, EndExpected)]
    assert len(waits) == 2
    assert waits[0] is not None
    assert waits[1] is not None
    assert waits[1] > waits[0]


def test_a_changed_setting_counts_in_the_utterance_that_is_being_spoken() -> None:
    room = Room(end_silence=3.0, adaptive=False)
    room.do(room.detector.begin(1))
    room.hear(0.5)
    room.detector.configure(TalkSettings(end_silence=0.5, adaptive=False))
    room.quiet(0.6)
    assert [utterance.reason for utterance in room.ended()] == ["silence"]


def test_a_changed_threshold_counts_at_once_for_keys_and_voice_alike() -> None:
    room = Room(threshold=0.9)
    room.detector.hands_free = True
    room.hear(0.5, 0.6)
    assert "onset" not in room.kinds()
    room.detector.configure(TalkSettings(threshold=0.5))
    room.hear(0.5, 0.6)
    assert "onset" in room.kinds()
    assert "speech" in room.kinds()


def test_voice_begins_an_utterance_hands_free_only() -> None:
    room = Room()
    room.hear(1.0)
    assert room.kinds() == []
    room.detector.hands_free = True
    room.hear(0.2)
    assert room.kinds()[:3] == ["hint", "onset", "speech"]


def test_a_click_is_a_hint_and_no_onset() -> None:
    room = Room()
    room.detector.hands_free = True
    room.hear(FRAME_SECONDS)
    room.quiet(1.0)
    assert room.kinds() == ["hint"]


def test_speech_that_goes_on_after_a_pause_is_told_and_its_pause_remembered() -> None:
    room = Room(end_silence=0.8)
    room.do(room.detector.begin(1))
    for _ in range(6):
        room.hear(0.5)
        room.quiet(0.7)
    assert room.kinds().count("pause") == 6
    assert room.kinds().count("speech") == 6
    room.hear(0.3)
    room.do(room.detector.words(1, "Green tea"))
    room.quiet(0.78)
    assert not list(room.ended()), "this user pauses for 0.7 s: the wait is kept above that"


@pytest.mark.parametrize(
    ("what", "reason"), [("key", "key"), ("limit", "limit"), ("nothing", "nothing"), ("device", "device")]
)
def test_every_end_has_its_reason(what: str, reason: str) -> None:
    room = Room(max_seconds=5.0, patience=2.0, end_silence=0.8)
    room.do(room.detector.begin(1))
    if what == "key":
        room.hear(1.0)
        pressed = room.now + 0.05
        room.do(room.detector.end(pressed))
        room.quiet(FRAME_SECONDS)
        assert not list(room.ended()), "frames from before the key are still on their way"
        room.quiet(2 * FRAME_SECONDS)
        assert next(room.ended()).ended == pressed
    elif what == "limit":
        room.hear(5.1)
    elif what == "nothing":
        room.quiet(2.1)
    else:
        room.hear(0.5)
        room.do(room.detector.close("device", room.now))
    assert [utterance.reason for utterance in room.ended()] == [reason]
    assert not room.detector.recording


def test_a_key_ends_also_when_no_frame_comes_any_more() -> None:
    room = Room()
    room.do(room.detector.begin(1))
    room.hear(1.0)
    room.do(room.detector.end(room.now))
    assert room.detector.expire(room.now + 0.1) == []
    assert [type(signal) for signal in room.detector.expire(room.now + 0.2)] == [UtteranceEnded]


def test_a_held_key_keeps_it_open_and_letting_go_ends_it() -> None:
    room = Room(end_silence=0.5, adaptive=False)
    room.do(room.detector.begin(1, kept=True))
    room.hear(0.5)
    room.quiet(3.0)
    assert not list(room.ended())
    room.do(room.detector.let_go())
    room.quiet(FRAME_SECONDS)
    assert list(room.ended())


def test_hold_keeps_this_pause_open_and_not_the_next() -> None:
    room = Room(end_silence=0.5, adaptive=False)
    room.do(room.detector.begin(1))
    room.hear(0.5)
    room.quiet(0.2)
    room.do(room.detector.hold())
    assert room.signals[-1] == EndExpected(1, None)
    room.quiet(3.0)
    assert not list(room.ended())
    room.hear(0.5)
    room.quiet(0.6)
    assert list(room.ended())


def test_audio_so_far_comes_at_its_interval_when_the_decoder_is_free() -> None:
    room = Room(partial_interval=0.2)
    room.do(room.detector.begin(1))
    room.hear(1.01)
    sizes = [signal.audio.size for signal in room.signals if isinstance(signal, SpeechSoFar)]
    assert len(sizes) in (4, 5)
    assert sizes == sorted(sizes)
    room.decoder_free = False
    room.hear(1.0)
    assert room.kinds().count("so far") == len(sizes)
    room.decoder_free = True
    room.hear(FRAME_SECONDS)
    assert room.kinds().count("so far") == len(sizes) + 1, "offered again with the next frame"


def test_what_was_given_out_is_not_changed_by_what_follows() -> None:
    room = Room(partial_interval=0.5)
    room.do(room.detector.begin(1))
    room.hear(0.6, level=0.1)
    first = next(signal.audio for signal in room.signals if isinstance(signal, SpeechSoFar))
    before = first.copy()
    room.hear(20.0, level=0.7)
    assert np.array_equal(first, before)
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0


def test_no_draft_is_asked_for_without_think_ahead() -> None:
    room = Room(think_ahead=False)
    room.do(room.detector.begin(1))
    room.hear(0.5)
    room.quiet(0.3)
    assert room.kinds() == ["speech", "expected"]


def test_a_cancelled_utterance_says_nothing_more() -> None:
    room = Room()
    room.do(room.detector.begin(1))
    room.hear(0.5)
    room.do(room.detector.cancel())
    room.quiet(3.0)
    assert room.kinds() == ["speech"]


def test_digital_silence_is_told_of_hands_free_and_in_an_utterance() -> None:
    room = Room(patience=1.0)
    room.detector.hands_free = True
    room.hear(61.0, 0.0, 0.0)
    assert room.kinds() == ["mute", "mute"]
    room.do(room.detector.begin(1))
    room.hear(1.1, 0.0, 0.0)
    (utterance,) = room.ended()
    assert utterance.silent


def test_the_sound_of_a_pause_is_given_to_be_judged_while_it_is_young() -> None:
    room = Room(end_silence=10.0)
    room.scorer_free = True
    room.do(room.detector.begin(1))
    room.hear(9.0)
    room.quiet(0.09)
    assert "judge" not in room.kinds()
    room.quiet(1.0)
    asked = [signal for signal in room.signals if isinstance(signal, PauseSoFar)]
    assert len(asked) == 3, "the longer a silence is, the more does any look like an end"
    assert all(abs(signal.audio.size - 8 * 16_000) <= BLOCK for signal in asked)
    assert np.all(asked[-1].audio[-3200:] < 0.01), "up to now"


def test_a_sure_end_ends_at_once_and_an_unlikely_one_waits() -> None:
    for score, ends in ((0.99, True), (0.1, False)):
        room = Room(end_silence=0.8)
        room.do(room.detector.begin(1))
        room.hear(1.0)
        room.quiet(0.15)
        room.do(room.detector.words(1, "What time is it?"))
        room.do(room.detector.score(1, score))
        room.quiet(0.2)
        assert bool(list(room.ended())) is ends


def test_a_score_that_comes_when_the_user_speaks_again_counts_for_nothing() -> None:
    room = Room(end_silence=0.8)
    room.do(room.detector.begin(1))
    room.hear(1.0)
    room.quiet(0.2)
    room.hear(0.2)
    room.do(room.detector.score(1, 0.99))
    room.quiet(0.5)
    assert not list(room.ended())


def test_what_the_model_expects_counts_for_the_words_that_it_was_asked_about() -> None:
    for about, ends in (("Set a timer for ten minutes", True), ("Set a timer for", False)):
        room = Room(end_silence=0.8)
        room.do(room.detector.begin(1))
        room.hear(1.0)
        room.do(room.detector.words(1, "Set a timer for ten minutes"))
        room.quiet(0.2)
        room.do(room.detector.model(1, about, 0.97))
        room.quiet(0.3)
        assert bool(list(room.ended())) is ends


def test_who_says_hold_on_keeps_the_microphone_open_and_who_was_asked_yes_or_no_need_not_wait() -> None:
    for text, asked, quiet, ends in (
        ("I want to know, hold on", "", 10.0, False),
        ("Let me think", "", 2.0, False),
        ("Yes", "Shall I set a timer?", 0.4, True),
        ("Blue", "Which colour do you like?", 0.8, False),
    ):
        room = Room(end_silence=0.8)
        room.do(room.detector.asked(asked))
        room.do(room.detector.begin(1))
        room.hear(0.5)
        room.do(room.detector.words(1, text))
        room.quiet(quiet)
        assert bool(list(room.ended())) is ends, text


def test_how_likely_the_end_is_is_told_as_soon_as_more_than_the_words_is_known() -> None:
    room = Room(end_silence=0.8)
    room.do(room.detector.begin(1))
    room.hear(1.0)
    room.do(room.detector.words(1, "What time is it?"))
    room.quiet(0.15)
    room.do(room.detector.score(1, 0.6))
    room.quiet(0.1)
    told = [signal.probability for signal in room.signals if isinstance(signal, EndExpected)]
    assert told[0] is None
    assert told[-1] == pytest.approx(0.8, abs=0.05)


def test_nothing_is_judged_without_adaptive_nor_while_a_key_keeps_it_open() -> None:
    for talk, kept in (({"adaptive": False}, False), ({"smart_turn": False}, False), ({}, True)):
        room = Room(end_silence=5.0, **talk)
        room.scorer_free = True
        room.do(room.detector.begin(1, kept=kept))
        room.hear(1.0)
        room.quiet(1.0)
        assert "judge" not in room.kinds()


WHAT_COUNTS: dict[str, tuple[int, str, str, float, bool]] = {
    # of which utterance, what judges it, about which words, how likely the end is, whether half a second ends it
    "the sound of this pause": (2, "sound", "Green tea", 0.99, True),
    "the sound of another utterance": (1, "sound", "Green tea", 0.99, False),
    "the model about these words": (2, "model", "Green tea", 0.97, True),
    "the model about another utterance": (1, "model", "Green tea", 0.97, False),
    "the model about other words": (2, "model", "Black tea", 0.97, False),
    "an unlikely end": (2, "sound", "Green tea", 0.3, False),
}


@pytest.mark.parametrize("name", WHAT_COUNTS)
def test_only_what_was_judged_of_this_utterance_counts(name: str) -> None:
    number, who, text, likely, ends = WHAT_COUNTS[name]
    room = Room(end_silence=0.8)
    room.do(room.detector.begin(2))
    room.hear(1.0)
    room.do(room.detector.words(2, "Green tea"))
    room.quiet(0.15)
    detector = room.detector
    room.do(detector.score(number, likely) if who == "sound" else detector.model(number, text, likely))
    room.quiet(0.35)
    assert bool(list(room.ended())) is ends


@pytest.mark.parametrize("who", ["sound", "model"])
def test_what_was_judged_of_one_pause_does_not_count_in_the_next(who: str) -> None:
    room = Room(end_silence=0.8)
    room.do(room.detector.begin(1))
    room.hear(1.0)
    room.do(room.detector.words(1, "Green tea"))
    room.quiet(0.15)
    room.do(room.detector.score(1, 0.99) if who == "sound" else room.detector.model(1, "Green tea", 0.97))
    room.hear(0.3)
    room.quiet(0.6)
    assert not list(room.ended())
    room.quiet(0.3)
    assert list(room.ended())


def test_what_the_model_thinks_is_forgotten_when_the_words_change() -> None:
    room = Room(end_silence=0.8)
    room.do(room.detector.begin(1))
    room.hear(1.0)
    room.do(room.detector.words(1, "Green tea"))
    room.quiet(0.15)
    room.do(room.detector.model(1, "Green tea", 0.97))
    room.do(room.detector.words(1, "Green tea and"))
    room.quiet(1.2)
    assert not list(room.ended())


def test_every_pause_is_given_to_be_judged_as_soon_as_it_begins() -> None:
    room = Room(end_silence=5.0)
    room.scorer_free = True
    room.do(room.detector.begin(1))
    for _ in range(3):
        room.hear(0.3)
        room.quiet(4 * FRAME_SECONDS)
    assert room.kinds().count("judge") == 3


HEARD: dict[str, tuple[list[tuple[float, float]], float]] = {
    # seconds and probability of voice, threshold 0.5 → seconds that count as voice
    "what is sure": ([(0.64, 0.9)], 0.64),
    "what is less sure does not begin it": ([(0.64, 0.4)], 0.0),
    "but continues it": ([(0.32, 0.9), (0.32, 0.4)], 0.64),
    "and not after a gap": ([(0.32, 0.9), (0.064, 0.1), (0.32, 0.4)], 0.32),
    "and not with less still": ([(0.32, 0.9), (0.32, 0.3)], 0.32),
}


@pytest.mark.parametrize("name", HEARD)
def test_what_counts_as_voice(name: str) -> None:
    heard, voice = HEARD[name]
    room = Room(threshold=0.5)
    room.do(room.detector.begin(1))
    for seconds, probability in heard:
        room.hear(seconds, probability)
    room.do(room.detector.close("device", room.now))
    assert next(room.ended()).speech_seconds == pytest.approx(voice, abs=1e-6)


@pytest.mark.parametrize(
    ("by_voice", "kept", "after"), [(True, False, 1.0), (False, False, 3.0), (False, True, None)]
)
def test_how_long_somebody_may_say_nothing(by_voice: bool, kept: bool, after: float | None) -> None:
    room = Room(patience=3.0)
    room.do(room.detector.begin(1, by_voice=by_voice, kept=kept))
    room.quiet((after or 10.0) - 0.1)
    assert not list(room.ended())
    room.quiet(0.2)
    assert [one.reason for one in room.ended()] == ([] if after is None else ["nothing"])


def test_one_utterance_at_a_time() -> None:
    room = Room()
    room.do(room.detector.begin(1))
    room.hear(0.5)
    room.do(room.detector.begin(2))
    room.do(room.detector.close("device", room.now))
    assert [one.number for one in room.ended()] == [1]


def test_a_pause_that_was_held_open_is_remembered_as_the_users_habit() -> None:
    room = Room(end_silence=0.5)
    room.do(room.detector.begin(1))
    for _ in range(5):
        room.hear(0.5)
        room.quiet(0.2)
        room.do(room.detector.hold())
        room.quiet(0.8)
    room.hear(0.5)
    room.quiet(1.0)
    assert not list(room.ended())
    room.quiet(0.3)
    assert list(room.ended())


@pytest.mark.parametrize(
    ("hands_free", "level", "mute"), [(True, 0.0, True), (True, 0.001, False), (False, 0.0, False)]
)
def test_only_a_microphone_that_is_listened_to_is_called_mute(
    hands_free: bool, level: float, mute: bool
) -> None:
    room = Room()
    room.detector.hands_free = hands_free
    room.hear(31.0, 0.0, level)
    assert room.kinds() == (["mute"] if mute else [])


@pytest.mark.parametrize(
    ("seconds", "level", "silent"), [(1.0, 0.0, True), (0.5, 0.0, False), (1.0, 0.001, False)]
)
def test_an_utterance_of_zeros_is_told_apart_from_a_short_and_from_a_quiet_one(
    seconds: float, level: float, silent: bool
) -> None:
    room = Room()
    room.do(room.detector.begin(1))
    room.hear(seconds, 0.0, level)
    room.do(room.detector.close("device", room.now))
    assert next(room.ended()).silent is silent


def test_at_the_end_of_a_file_the_wait_counts_from_its_last_sample() -> None:
    room = Room()
    room.do(room.detector.begin(1))
    room.hear(0.5)
    room.quiet(0.2)
    until = room.now
    room.do(room.detector.close("end of file", until + 9.0))
    utterance = next(room.ended())
    assert (utterance.ended, utterance.noticed) == (until, until + 9.0)
    assert utterance.endpoint_wait is None


def test_what_is_left_of_a_pause_is_told_with_it() -> None:
    room = Room(end_silence=0.8, adaptive=False)
    room.do(room.detector.begin(1))
    room.hear(0.5)
    room.quiet(0.2)
    expected = room.signals[-1]
    assert isinstance(expected, EndExpected)
    assert expected.seconds == pytest.approx(0.8 - 4 * FRAME_SECONDS)


def test_while_a_key_keeps_it_open_no_words_are_told_to_change_the_wait() -> None:
    room = Room(end_silence=0.8)
    room.do(room.detector.begin(1, kept=True))
    room.hear(0.5)
    room.quiet(0.2)
    room.do(room.detector.words(1, "I would like to"))
    room.quiet(0.5)
    assert [signal for signal in room.signals if isinstance(signal, EndExpected)] == [EndExpected(1, None)]


@pytest.mark.parametrize(("adaptive", "told"), [(True, True), (False, False)])
def test_how_likely_the_end_is_is_told_only_where_it_counts(adaptive: bool, told: bool) -> None:
    room = Room(adaptive=adaptive)
    room.do(room.detector.begin(1))
    room.hear(0.5)
    room.quiet(0.2)
    room.do(room.detector.score(1, 0.9))
    (expected,) = room.detector.hold()
    assert isinstance(expected, EndExpected)
    assert (expected.seconds, expected.probability is not None) == (None, told)


def test_another_setting_does_not_make_a_voice_begin_anew() -> None:
    room = Room()
    room.detector.hands_free = True
    room.hear(FRAME_SECONDS)
    room.detector.configure(TalkSettings(end_silence=1.5))
    room.hear(0.5)
    assert room.kinds().count("hint") == 1
    assert room.kinds().count("onset") == 1
