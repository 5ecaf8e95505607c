"""A person speaks to the real program and hears its answer: real engines, real terminal, virtual sound card."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.conftest import Ask, Understand, word_error_rate
from tests.e2e.terminal import Terminal
from tests.virtual_audio import VirtualAudio

pytestmark = [pytest.mark.audio, pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(300)]

Open = Callable[..., Terminal]
SHORT = {"LLM__MAX_TOKENS": "40", "AUDIO__EARCONS": "false"}
"""Replies that are heard to their end in a few seconds, and nothing else to be heard."""


QUESTION = "How many days are in a week?"
STORY = (
    "Once there was a dog who lived in a small house by the sea. Every morning he ran down to the water and looked at the ships. "
    "One day a fisherman took him along, and they sailed for three weeks. They saw green islands, and birds that could not fly. "
    "In the evening the fisherman sang, and the dog slept at his feet. When they came home again, the whole village was waiting."
)


def spoken_turn(vita: Terminal, room: VirtualAudio, question: NDArray[np.float32]) -> None:
    """Press the key, speak, press it again."""
    vita.press("C-Space")
    vita.wait(lambda _: vita.state() == "listening")
    room.speak(question).wait(timeout=30)
    vita.press("C-Space")


def heard_to_the_end(vita: Terminal) -> str:
    """Wait for the reply to be over; the reply's whole text."""
    vita.wait(lambda _: vita.state() == "idle" and len(stored(vita)) >= 2)
    return str(stored(vita)[-1]["text"])


def stored(vita: Terminal) -> list[dict[str, object]]:
    import subprocess

    try:
        return vita.turns()
    except subprocess.CalledProcessError:
        return []


def test_a_spoken_question_is_answered_aloud(room: VirtualAudio, open_vita: Open, voice_of_user: Ask) -> None:
    """By the small model, whose words are its own: what is heard of a reply is compared below, with words that are given."""
    vita = open_vita(**SHORT)
    vita.wait_ready()
    with room.recording() as recording:
        spoken_turn(vita, room, voice_of_user(QUESTION))
        reply = heard_to_the_end(vita)
    question, answer = vita.turns()[:2]
    assert word_error_rate(QUESTION, str(question["text"])) <= 0.3
    assert question["spoken"]
    assert answer["engines"] == {"llm": "smollm2-135m-instruct", "tts": "piper"}
    assert answer["heard"] is None, "it was heard whole"
    assert float(np.abs(recording.samples()).max()) > 0.05, "it sounded"
    assert any(word in vita.screen() for word in reply.split())
    assert vita.quit() == 0
    assert vita.processes() == []


@pytest.mark.parametrize("voice", ["piper", "pyttsx3"])
def test_what_was_answered_is_heard_by_the_next_voice_too_when_piper_fails(
    room: VirtualAudio,
    open_vita: Open,
    voice_of_user: Ask,
    understand: Understand,
    server: Callable[[str], str],
    voice: str,
) -> None:
    # The system's voice is hard to understand: it gets a long sentence that Whisper knows to be understood.
    answer = "The sun is a star, and the earth moves around it once a year."
    broken = {"TTS__VOICE": "/nowhere/voice.onnx", "TTS__RATE": "0.85"} if voice == "pyttsx3" else {}
    vita = open_vita(
        **broken,
        LLM__BASE_URL=server(answer),
        LLM__MODEL="fixed",
        **SHORT,
    )
    vita.wait_ready()
    with room.recording() as recording:
        spoken_turn(vita, room, voice_of_user(QUESTION))
        reply = heard_to_the_end(vita)
    assert reply.strip() == answer
    engines = vita.turns()[1]["engines"]
    assert engines["tts"] == voice
    assert voice == "piper" or "pyttsx3" in vita.screen()
    assert word_error_rate(reply, understand(recording.samples())) <= 0.3


def test_a_model_that_is_killed_mid_reply_ends_the_turn_and_the_next_one_works(
    room: VirtualAudio, open_vita: Open
) -> None:
    vita = open_vita(AUDIO__EARCONS="false")
    vita.wait_ready()
    vita.type("Tell me a long story about a dog who sails around the world.")
    vita.press("Enter")
    vita.wait(lambda _: vita.state() in ("thinking", "speaking"))
    (child,) = vita.processes("vita_tui.engines.llm.server")
    child.kill()
    vita.wait(lambda _: vita.state() == "speaking" or "No answer" in vita.screen())
    vita.press("Escape")
    vita.wait(lambda _: vita.state() == "idle")
    vita.type("Say hello.")
    vita.press("Enter")
    vita.wait(lambda _: vita.state() == "idle" and len(stored(vita)) >= 4)
    assert str(vita.turns()[-1]["text"]).strip()
    assert child.pid not in [process.pid for process in vita.processes("vita_tui.engines.llm.server")]


def test_escape_silences_and_only_what_was_heard_is_kept(
    room: VirtualAudio, open_vita: Open, understand: Understand, server: Callable[[str], str]
) -> None:
    vita = open_vita(AUDIO__EARCONS="false", LLM__BASE_URL=server(STORY), LLM__MODEL="fixed")
    vita.wait_ready()
    with room.recording() as recording:
        vita.type("Tell me a long story about a dog who sails around the world.")
        vita.press("Enter")
        vita.wait(lambda _: vita.state() == "speaking")
        before = recording.seconds()
        deadline = time.monotonic() + 60
        while recording.seconds() < before + 3.0 and time.monotonic() < deadline:
            time.sleep(0.05)
        vita.press("Escape")
        vita.wait(lambda _: vita.state() == "idle")
        silent_from = recording.seconds()
        while recording.seconds() < silent_from + 1.0 and time.monotonic() < deadline:
            time.sleep(0.05)
    samples = recording.samples()
    tail = samples[-8000:]
    assert float(np.abs(tail).max()) < 0.01, "half a second later there is nothing to be heard"
    answer = vita.turns()[1]
    assert answer["interrupted"]
    heard = str(answer["heard"] if answer["heard"] is not None else answer["text"])
    assert str(answer["text"]).startswith(heard)
    recorded = understand(samples).split()
    assert abs(len(heard.split()) - len(recorded)) <= 3, (heard, recorded)


def test_nothing_said_is_nothing_sent(room: VirtualAudio, open_vita: Open) -> None:
    vita = open_vita(TALK__PATIENCE="1", **SHORT)
    vita.wait_ready()
    vita.press("C-Space")
    vita.wait("nothing was sent")
    assert stored(vita) == []
    vita.wait(lambda _: vita.state() == "idle")
