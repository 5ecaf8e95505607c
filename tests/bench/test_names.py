"""Sentences for `vita bench stt --words`."""

from __future__ import annotations

from vita_tui.bench.names import SENTENCES, VOICES, sentences


def test_every_word_is_said_in_every_sentence_by_different_voices() -> None:
    found = sentences(["Ann", "Bob"])
    assert len(found) == 2 * len(SENTENCES)
    assert {voice for voice, _, word in found if word == "Ann"} == set(VOICES)
    assert all(word in text for _, text, word in found)
