"""Every setting that says it applies at once does: what happens with it is what would have happened had it been so from the start."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tests.conversation.hearing.test_turn_detector import Room
from tests.conversation.support import assistant, silence
from vita_tui.audio import wake
from vita_tui.audio.base import Samples, Span
from vita_tui.audio.files import FileSpeaker
from vita_tui.conversation.engine_care import ANEW
from vita_tui.conversation.hearing.signals import UtteranceEnded
from vita_tui.engines.stt.fake import FakeRecognizer
from vita_tui.events import State, StateChanged
from vita_tui.settings import TalkSettings, at_once, fields

HEARING: list[tuple[str, Any, Any]] = [
    ("talk.smart_turn", True, False),
    ("talk.end_silence", 0.3, 3.0),
    ("talk.threshold", 0.5, 0.95),
    ("talk.adaptive", True, False),
    ("talk.think_ahead", True, False),
    ("talk.patience", 6.0, 1.0),
    ("talk.max_seconds", 120.0, 5.0),
]
"""Setting, and two values between which the turn detector behaves differently."""
ELSEWHERE = {
    "audio.input": "tests/conversation/test_assistant.py",
    "audio.output": "tests/conversation/test_assistant.py",
    "abilities.enabled": "tests/conversation/test_built_in.py",
    "audio.earcons": "below",
    "audio.speak": "tests/conversation/test_assistant.py",
    "stt.words": "below",
    "stt.languages": "below",
    "stt.language": "tests/conversation/test_assistant.py",
    "tts.engines": "tests/conversation/test_switching.py",
    "tts.rate": "tests/conversation/test_assistant.py",
    "tts.volume": "tests/conversation/test_assistant.py",
    "talk.ask_model": "tests/conversation/test_end_of_turn.py",
    "talk.hands_free": "tests/conversation/test_assistant.py",
    "talk.wake_word": "below",
    "talk.to_prompt": "tests/tui/test_choices.py",
    "talk.key": "tests/tui/test_settings.py",
    "talk.key_mode": "tests/tui/test_settings.py",
    "tools.enabled": "tests/tools/test_toolbox.py",
    "tools.read_only": "tests/conversation/thinking/test_tool_calls.py",
    "tools.network": "tests/tools/test_toolbox.py",
    "tools.write": "tests/tools/test_toolbox.py",
    "tools.shell": "tests/tools/test_toolbox.py",
    "tools.rounds": "read for each round of calls",
    "tools.timeout": "read for each call",
    "tools.longest_result": "read for each result",
    "tools.waiting_sound": "read for each call",
    "ui.theme": "tests/tui/test_settings.py",
    "ui.columns": "tests/tui/test_reply_layout.py",
    "ui.notify": "tests/hands/test_terminal_window.py",
    "ui.panel": "tests/hands/test_terminal_window.py",
    "ui.title": "tests/hands/test_terminal_window.py",
    "llm.temperature": "tests/conversation/test_engine_replacing.py",
    "llm.system_prompt": "tests/conversation/test_text_mode.py",
    "llm.text_prompt": "tests/conversation/test_text_mode.py",
    "llm.read_ahead": "read before each prefill",
    "stt.partials": "below",
    "tts.early": "read for each reply",
    # tests/conversation/test_engine_replacing.py
    **{f"{job}.{name}": "its engines are made anew" for job, names in ANEW.items() for name in names},
}
"""Settings that something else applies, and where that is seen."""


def _scene(name: str, at_first: Any, then: Any) -> list[object]:
    """What a detector made with one value makes of a conversation after it was told the other."""
    room = Room(**{name: at_first})
    room.scorer_free = True
    room.detector.configure(TalkSettings.model_validate({name: then}))
    room.do(room.detector.begin(1))
    room.hear(0.5, 0.7)
    room.do(room.detector.words(1, "I would like to"))
    room.quiet(1.0)
    room.do(room.detector.cancel() or [])
    room.do(room.detector.begin(2))
    room.quiet(4.0)
    room.do(room.detector.cancel() or [])
    room.do(room.detector.begin(3))
    room.hear(6.0)
    ends = [
        (signal.utterance.number, signal.utterance.reason)
        for signal in room.signals
        if isinstance(signal, UtteranceEnded)
    ]
    return [*room.kinds(), *ends]


@pytest.mark.parametrize(("key", "one", "other"), HEARING)
def test_what_is_heard_follows_the_setting_that_counts_now(key: str, one: Any, other: Any) -> None:
    name = key.removeprefix("talk.")
    assert _scene(name, one, other) == _scene(name, other, other)
    assert _scene(name, other, one) == _scene(name, one, one)
    assert _scene(name, one, one) != _scene(name, other, other), "the scene tells them apart"


def test_every_setting_that_applies_at_once_is_tried() -> None:
    declared = {key for key, _ in fields() if at_once(key)}
    assert declared == {key for key, *_ in HEARING} | set(ELSEWHERE)


async def test_partial_transcripts_are_made_from_the_change_on() -> None:
    async with assistant(microphone=silence(), stt={"partials": False}) as (vita, _):
        assert vita._parts.hearing is not None
        pace = vita._parts.hearing._transcriber.pace
        assert not pace.may(1e12)
        await vita.change("stt.partials", True)
        assert pace.may(1e12)


class CountingSpeaker(FileSpeaker):
    """Counts what it is given to play."""

    def __init__(self) -> None:
        super().__init__(pace=False)
        self.given = 0
        self.sounded = threading.Event()

    def enqueue(self, samples: Samples) -> Span:
        self.given += 1
        self.sounded.set()
        return super().enqueue(samples)


async def test_earcons_sound_from_the_press_on_for_which_they_are_asked() -> None:
    speaker = CountingSpeaker()
    async with assistant(microphone=silence(), speaker=speaker, audio={"earcons": False}) as (vita, _):
        vita.talk()
        vita.stop()
        await vita.change("audio.earcons", True)
        vita.talk()
        assert await asyncio.to_thread(speaker.sounded.wait, 60)
        assert speaker.given == 1
        await vita.change("audio.earcons", False)
        vita.stop()
        vita.talk()
        vita.stop()
        await vita.change("audio.earcons", True)
        speaker.sounded.clear()
        vita.talk()
        assert await asyncio.to_thread(speaker.sounded.wait, 60)
        assert speaker.given == 2
        vita.stop()


class Said:
    """A wake word that is said all the time."""

    def __init__(self, name: str) -> None:
        self.closed = False

    def heard(self, samples: Samples, rate: int = 16_000) -> bool:
        return not self.closed

    def close(self) -> None:
        self.closed = True


async def test_a_wake_word_opens_the_microphone_from_the_change_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "WakeWord", Said)
    async with assistant(microphone=silence()) as (vita, events):
        assert vita.state is State.IDLE
        await vita.change("talk.wake_word", "alexa")
        await events.until(StateChanged, lambda change: change.state is State.LISTENING)
        await vita.change("talk.wake_word", "")
        vita.stop()
        assert vita.state is State.IDLE


async def test_languages_to_tell_apart_are_those_of_the_engine_from_now_on() -> None:
    recognizer = FakeRecognizer()
    async with assistant(recognizer=recognizer, microphone=silence()) as (vita, _):
        await vita.change("stt.languages", ("de", "en"))
        assert tuple(recognizer.languages) == ("de", "en")


async def test_words_to_prefer_are_those_of_the_engine_from_now_on() -> None:
    recognizer = FakeRecognizer()
    async with assistant(recognizer=recognizer, microphone=silence()) as (vita, _):
        await vita.change("stt.words", ("Zermatt",))
        assert tuple(recognizer.words) == ("Zermatt",)
