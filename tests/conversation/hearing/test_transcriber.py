"""What the transcriber tells of a final transcript: who understood it, and instead of whom."""

from __future__ import annotations

import queue

import numpy as np

from vita_tui.clock import SystemClock
from vita_tui.conversation.hearing.signals import Signal, Understood, UtteranceEnded
from vita_tui.conversation.hearing.transcriber import Transcriber
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.stt.fake import FakeRecognizer
from vita_tui.errors import EngineError
from vita_tui.events import EventBus
from vita_tui.settings import HealthSettings


def understood(*engines: Recognizer) -> Understood:
    signals: queue.SimpleQueue[Signal] = queue.SimpleQueue()
    bus = EventBus()
    chain = Chain("stt", engines, HealthSettings(), bus=bus)
    transcriber = Transcriber(chain, signals.put, bus, timeout=60, clock=SystemClock())
    transcriber.worker.start().result(60)
    try:
        utterance = Utterance(1, np.zeros(16_000, np.float32), 1.0, 1.0, 1.0, 1.0, "key")
        transcriber.take(UtteranceEnded(utterance))
        while not isinstance(signal := signals.get(timeout=60), Understood):
            pass
        return signal
    finally:
        transcriber.worker.cleanup(60)


def test_what_a_server_swallowed_is_understood_here_and_that_is_said() -> None:
    box = FakeRecognizer([EngineError("box broke off in the middle of a transcript.")], name="box")
    found = understood(box, FakeRecognizer(["what time is it"], name="whisper base"))
    assert found.text == "what time is it"
    assert (found.engine, found.instead_of) == ("whisper base", "box")
    assert found.because == "box broke off in the middle of a transcript"


def test_the_first_choice_is_not_worth_a_word() -> None:
    found = understood(FakeRecognizer(["yes"], name="box"), FakeRecognizer(["no"], name="whisper base"))
    assert (found.engine, found.instead_of, found.because) == ("box", "", "")
