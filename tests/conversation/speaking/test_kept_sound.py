"""Sound that is kept to be said again: by how it was spoken, whole or not at all, within its bytes."""

from __future__ import annotations

import numpy as np

from vita_tui.conversation.speaking.kept_sound import KeptSound
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.fake import FakeSynthesizer


def sound(frames: int) -> list[Pcm]:
    return [np.ones(frames, np.float32)]


def keep(kept: KeptSound, voice: FakeSynthesizer, words: str, frames: int) -> None:
    list(kept.keep(voice, words, sound(frames)))


def test_the_same_words_by_the_same_voice_are_there_again() -> None:
    kept, voice = KeptSound(), FakeSynthesizer()
    assert kept.of(voice, "hello") is None
    keep(kept, voice, "hello", 10)
    assert [len(piece) for piece in kept.of(voice, "hello") or ()] == [10]
    voice.rate = 1.5
    assert kept.of(voice, "hello") is None, "spoken faster it sounds otherwise"
    voice.rate = 1.0
    assert kept.of(FakeSynthesizer(), "hello") is None, "another voice"


def test_what_was_cut_off_is_not_kept() -> None:
    kept, voice = KeptSound(), FakeSynthesizer()
    pieces = kept.keep(voice, "hello", sound(10) + sound(10))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert kept.of(voice, "hello") is None
    assert kept.bytes == 0


def test_the_longest_unused_goes_when_there_is_no_room() -> None:
    kept, voice = KeptSound(limit=100 * 4), FakeSynthesizer()
    for words in ("a", "b", "c"):
        keep(kept, voice, words, 30)
    assert kept.of(voice, "a")
    keep(kept, voice, "d", 30)
    assert kept.of(voice, "b") is None
    assert [bool(kept.of(voice, words)) for words in "acd"] == [True, True, True]
    assert kept.bytes == 90 * 4
    keep(kept, voice, "endless", 1_000)
    assert kept.of(voice, "endless") is None
    assert kept.bytes == 90 * 4


def test_another_voice_takes_the_place_of_the_one_before() -> None:
    kept, first, second = KeptSound(), FakeSynthesizer(), FakeSynthesizer()
    keep(kept, first, "a", 10)
    keep(kept, second, "b", 10)
    assert kept.of(first, "a") is None
    assert kept.of(second, "b")
    kept.clear()
    assert kept.bytes == 0
    assert kept.of(second, "b") is None
