"""The scripted voice."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from vita_tui.engines.tts.base import Pcm, Synthesizer
from vita_tui.engines.tts.fake import WORD_SECONDS, FakeSynthesizer
from vita_tui.errors import EngineError


def say(voice: Synthesizer, text: str) -> list[Pcm]:
    return list(voice.speak(text, cancelled=threading.Event()))


def test_a_tone_for_each_word() -> None:
    voice = FakeSynthesizer(sample_rate=8000)
    (sound,) = say(voice, "one two three")
    assert len(sound) == 3 * round(8000 * WORD_SECONDS)
    assert np.abs(sound).max() > 0.1
    assert voice.clauses == ["one two three"]


def test_failures_come_in_order() -> None:
    voice = FakeSynthesizer(failures=[None, EngineError("hoarse")])
    assert say(voice, "one")
    with pytest.raises(EngineError, match="hoarse"):
        say(voice, "two")
    assert say(voice, "three")


def test_hangs_until_it_is_let_go_even_when_cancelled() -> None:
    back, cancelled = threading.Event(), threading.Event()
    voice = FakeSynthesizer(failures=[back])
    pieces: list[Pcm] = []
    thread = threading.Thread(target=lambda: pieces.extend(voice.speak("one", cancelled=cancelled)))
    thread.start()
    assert voice.asked.wait(60)
    cancelled.set()
    assert thread.is_alive()
    back.set()
    thread.join(60)
    assert not thread.is_alive()
    assert pieces == []


def test_gate_gives_way_to_cancellation() -> None:
    cancelled = threading.Event()
    voice = FakeSynthesizer(gate=threading.Event())
    cancelled.set()
    assert list(voice.speak("one", cancelled=cancelled)) == []
