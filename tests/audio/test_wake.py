"""The wake word, with openWakeWord's own networks."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Samples
from vita_tui.audio.files import read_audio
from vita_tui.audio.wake import WakeWord
from vita_tui.errors import EngineUnavailableError


def times(word: WakeWord, sound: Samples) -> int:
    """How often it was heard, fed as the listener feeds it."""
    silence = np.zeros(2 * SAMPLE_RATE, np.float32)
    sound = np.concatenate([silence, sound, silence])
    return sum(word.heard(sound[at : at + BLOCK]) for at in range(0, len(sound) - BLOCK + 1, BLOCK))


@pytest.mark.models
def test_the_word_is_heard_once_and_others_are_not() -> None:
    pytest.importorskip("pyopen_wakeword")
    pytest.importorskip("piper")
    from tests.e2e.scenarios import spoken

    word = WakeWord("hey_jarvis")
    try:
        assert times(word, spoken("Hey, Jarvis!", -26.0)) == 1
        assert times(word, spoken("Hey, Jarvis, what time is it?", -26.0)) == 1
        for other in ("What is the capital of France?", "He has a service to offer.", "Hello there."):
            assert times(word, spoken(other, -26.0)) == 0, other
    finally:
        word.close()


@pytest.mark.speech
def test_people_who_say_other_things_do_not_wake_it(speech: Path) -> None:
    pytest.importorskip("pyopen_wakeword")
    word = WakeWord("hey_jarvis")
    try:
        assert [times(word, read_audio(file)) for file in sorted(speech.glob("*.flac"))] == [0] * len(
            sorted(speech.glob("*.flac"))
        )
    finally:
        word.close()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyopen_wakeword", None)
    with pytest.raises(EngineUnavailableError) as raised:
        WakeWord("hey_jarvis")
    assert "vita-tui[wake]" in (raised.value.remedy or "")
