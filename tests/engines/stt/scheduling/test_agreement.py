"""Partial transcripts: which words are certain, and what the next decode is told."""

from __future__ import annotations

import numpy as np

from vita_tui.engines.stt.base import SAMPLE_RATE
from vita_tui.engines.stt.fake import FakeRecognizer, ScriptedCall
from vita_tui.engines.stt.scheduling.agreement import (
    CROWDED,
    FINAL,
    KEPT_SECONDS,
    Agreement,
    Partial,
    PartialTranscriber,
)


def audio(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def decoded(recognizer: FakeRecognizer, *seconds: float) -> list[Partial | None]:
    transcriber = PartialTranscriber()
    return [transcriber.decode(recognizer, audio(length)) for length in seconds]


def test_words_are_stable_when_two_decodes_agree_and_a_word_follows() -> None:
    agreement = Agreement()
    assert agreement.update("what is the cap".split()) == ["what", "is", "the", "cap"]
    assert agreement.update("What is the capital of".split()) == ["capital", "of"]
    assert agreement.stable == ["What", "is", "the"]


def test_what_more_sound_shows_to_be_wrong_is_corrected() -> None:
    found = decoded(FakeRecognizer(["what show", "what show me", "what should I cook"]), 1, 1.5, 2)
    assert [(one.stable, one.tail) for one in found if one] == [
        ("", "what show"),
        ("what show", "me"),
        ("what", "should I cook"),
    ]


def test_the_draft_is_what_was_understood_last() -> None:
    recognizer = FakeRecognizer(["what is", "what is the", "what is the time"])
    decoded(recognizer, 1, 1.5, 2)
    assert [(call.prefix, call.draft) for call in recognizer.calls] == [
        ("", ""),
        ("", "what is"),
        ("", "what is the"),
    ]


def test_a_decode_that_ran_away_changes_nothing() -> None:
    recognizer = FakeRecognizer(
        ["what is", ScriptedCall("", guard=("10 tokens and no end",)), "what is the time"]
    )
    first, second, third = decoded(recognizer, 1, 1.5, 2)
    assert first is not None
    assert second is None
    assert third is not None
    assert third.stable == "what is"
    assert recognizer.calls[2].draft == "what is"


def test_audio_of_words_that_are_agreed_on_is_left_out() -> None:
    text = " ".join(f"word{number}" for number in range(16))
    recognizer = FakeRecognizer([text])
    found = decoded(recognizer, CROWDED + 1, CROWDED + 1.2, CROWDED + 1.4, CROWDED + 1.6)
    assert [call.words for call in recognizer.calls] == [True, True, False, False]
    assert KEPT_SECONDS <= recognizer.calls[2].audio_seconds < CROWDED
    assert found[2] is not None
    assert found[2].stable.startswith("word0 word1")


def test_the_final_transcript_does_not_decode_again_what_was_left_out() -> None:
    text = " ".join(f"word{number}" for number in range(16))
    recognizer = FakeRecognizer([text, text, "the rest of it"])
    transcriber = PartialTranscriber()
    for seconds in (CROWDED + 1, CROWDED + 1.2):
        transcriber.decode(recognizer, audio(seconds))
    found = transcriber.finish(recognizer, audio(CROWDED + FINAL))
    assert found.text.startswith("word0 word1")
    assert found.text.endswith(" the rest of it")
    assert found.audio_seconds == CROWDED + FINAL
    assert FINAL <= recognizer.calls[-1].audio_seconds < CROWDED + FINAL
    assert recognizer.calls[-1].draft.endswith("word15")
    # Of a shorter one all is decoded again.
    assert transcriber.finish(recognizer, audio(CROWDED + 2)).text == "the rest of it"
    assert recognizer.calls[-1].draft.startswith("word0 word1")
