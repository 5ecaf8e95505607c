"""When each word of a clause has sounded."""

from __future__ import annotations

import re
import threading
from difflib import SequenceMatcher

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vita_tui import paths
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.fake import WORD_SECONDS, FakeSynthesizer
from vita_tui.engines.tts.word_times import EARLY_SECONDS, word_ends
from vita_tui.text.spoken import say

RATE = 16_000


def tone(seconds: float) -> Pcm:
    return (0.3 * np.sin(2 * np.pi * 200 * np.arange(round(RATE * seconds)) / RATE)).astype(np.float32)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(RATE * seconds), np.float32)


def test_equal_words_share_the_sound_equally() -> None:
    ends = word_ends(say("moon moon moon moon"), tone(2.0), RATE)
    assert [end for end, _ in ends] == [4, 9, 14, 19]
    assert [sample / RATE + EARLY_SECONDS for _, sample in ends] == pytest.approx(
        [0.5, 1.0, 1.5, 2.0], abs=0.02
    )


def test_silence_at_both_ends_belongs_to_no_word() -> None:
    ends = word_ends(say("moon moon"), np.concatenate([silence(0.5), tone(1.0), silence(0.7)]), RATE)
    assert [sample / RATE + EARLY_SECONDS for _, sample in ends] == pytest.approx([1.0, 1.5], abs=0.02)


def test_pause_is_given_to_the_punctuation_near_it() -> None:
    # By letters alone "one," would end at 1.0 s; the pause shows that it ended at 0.7 s.
    sound = np.concatenate([tone(0.7), silence(0.4), tone(1.3)])
    ends = word_ends(say("moon, moon"), sound, RATE)
    assert [sample / RATE + EARLY_SECONDS for _, sample in ends] == pytest.approx([0.7, 2.4], abs=0.02)


def test_words_of_one_number_end_together_in_the_text() -> None:
    text = "It is $3.50 now"
    ends = word_ends(say(text), tone(3.0), RATE)
    assert [text[:end] for end, _ in ends] == ["It", "It is", *["It is "] * 4, "It is $3.50", text]


def test_silence_alone_has_no_words() -> None:
    assert word_ends(say("moon"), silence(1.0), RATE) == []
    assert word_ends(say("moon"), np.zeros(0, np.float32), RATE) == []
    assert word_ends([], tone(1.0), RATE) == []


def test_fake_voice_is_understood_to_the_word() -> None:
    voice = FakeSynthesizer(sample_rate=RATE)
    (sound,) = voice.speak("moon moon moon", cancelled=threading.Event())
    ends = word_ends(say("moon moon moon"), sound, RATE)
    for place, (_, sample) in enumerate(ends, 1):
        assert sample / RATE == pytest.approx(place * WORD_SECONDS, abs=WORD_SECONDS)


@given(
    st.lists(st.sampled_from(["a", "moon,", "elephants", "NASA", "x-ray.", "42", "日本"]), min_size=1, max_size=30),
    st.lists(st.tuples(st.floats(0, 0.3), st.booleans()), min_size=1, max_size=12),
)  # fmt: skip
def test_ends_are_in_order_and_within_the_sound(words: list[str], parts: list[tuple[float, bool]]) -> None:
    sound = np.concatenate([tone(seconds) if loud else silence(seconds) for seconds, loud in parts])
    ends = word_ends(say(" ".join(words)), sound, RATE)
    assert [end for end, _ in ends] == sorted(end for end, _ in ends)
    assert [sample for _, sample in ends] == sorted(sample for _, sample in ends)
    assert all(0 < sample <= len(sound) for _, sample in ends)


@pytest.mark.models
@pytest.mark.slow
def test_agrees_with_whisper_to_one_word() -> None:
    """Whisper hears each word of Piper's speech end; by then we count the same words as said, or one more or less."""
    import soxr
    from faster_whisper import WhisperModel

    from tests.person import person

    whisper = WhisperModel(
        str(paths.models_dir() / "whisper-base"), device="cpu", compute_type="int8", local_files_only=True
    )
    voice = person()
    errors: list[int] = []
    try:
        for text in (
            "The capital of France is Paris, which lies on the river Seine.",
            "In 1969, three people flew to the moon; two of them walked on it.",
            "Please turn off the light before you leave the room tonight.",
            "My favourite season is autumn: the leaves are red, yellow and brown.",
        ):
            words = say(text)
            sound = np.concatenate(
                list(voice.speak(" ".join(word.text for word in words), cancelled=threading.Event()))
            )
            ends = word_ends(words, sound, voice.sample_rate)
            segments, _ = whisper.transcribe(
                soxr.resample(sound, voice.sample_rate, 16_000),
                language="en",
                word_timestamps=True,
                beam_size=1,
            )
            heard = [word for segment in segments for word in segment.words or ()]
            ours, theirs = [_bare(word.text) for word in words], [_bare(word.word) for word in heard]
            for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
                for step in range(block.size):
                    at = heard[block.b + step].end + 0.05
                    counted = sum(sample / voice.sample_rate <= at for _, sample in ends)
                    errors.append(counted - (block.a + step + 1))
    finally:
        voice.cleanup()
    assert len(errors) > 40
    # Piper's durations vary from run to run: one word in forty may be two off.
    assert sum(abs(error) > 1 for error in errors) <= len(errors) // 40
    assert max(map(abs, errors)) <= 2


def _bare(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
