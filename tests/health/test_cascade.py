"""One engine's failure, or two, never takes the turn or the program with it; with the mechanism switched off it does."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.conversation.support import Events
from tests.health.cascade import Case, Outcome, cases, play
from vita_tui.audio.base import Samples
from vita_tui.audio.files import FileSpeaker, read_audio
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.build import build
from vita_tui.engines.llm.embedded import EmbeddedResponder
from vita_tui.engines.tts.pyttsx3 import Pyttsx3Synthesizer
from vita_tui.events import ClauseStarted, EventBus, Heard, Notice, ReplyDelta, ReplyFinished, State
from vita_tui.settings import Settings

QUESTION = "How many days are in a week?"
MODEL = {"max_tokens": 30, "threads": 1}
"""A model that also answers while the machine is busy with other things."""


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    file = tmp_path_factory.mktemp("question") / "question.wav"
    subprocess.run(["espeak-ng", "-w", str(file), QUESTION], check=True)
    return read_audio(file)


@pytest.mark.proof
@pytest.mark.audio
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
async def test_the_turn_ends_with_an_answer_or_a_sentence_and_the_next_one_is_answered(
    case: Case, question: Samples
) -> None:
    outcome: Outcome = await play(case, question)
    assert outcome.answer, "the turn did not end, or nobody said why"
    assert outcome.next_answer in ("spoken", "written")
    if case.fallback:
        assert outcome.answer == "spoken", "the second engine had only to be asked"
    elif "tts" in case.faults and len(case.faults) == 1:
        assert outcome.answer == "written"


@pytest.mark.proof
@pytest.mark.audio
@pytest.mark.parametrize(
    "case", [case for case in cases() if case.fallback and len(case.faults) == 1][:4:3], ids=str
)
async def test_without_the_chain_a_spare_is_of_no_use(case: Case, question: Samples) -> None:
    assert not (await play(case, question, isolated=False)).good


# ---- the real ones


@asynccontextmanager
async def real(**settings: Any) -> AsyncIterator[tuple[Assistant, Events]]:
    """The real model and the system's voice, as the settings make them; what is spoken goes nowhere."""
    bus = EventBus()
    events = Events(bus)
    chosen = Settings(
        **{
            "llm": MODEL,
            "tts": {"engines": ("pyttsx3",)},
            "sessions": {"store": "memory"},
            **settings,
        }
    )
    vita = build(chosen, recognition=False, speaker=FileSpeaker(pace=False), bus=bus)
    await vita.start()
    try:
        await asyncio.wait_for(vita.ready.wait(), 60)
        yield vita, events
    finally:
        await vita.aclose()


def strike_at_first(
    kind: type, bus: EventBus, number: signal.Signals, pid: Callable[[], int | None]
) -> list[int]:
    """Send a signal to a child when the first event of `kind` comes; the ids that were struck."""
    struck: list[int] = []

    def listen(event: object) -> None:
        if isinstance(event, kind) and not struck and (child := pid()) is not None:
            struck.append(child)
            os.kill(child, number)

    bus.subscribe(listen)
    return struck


async def answered(vita: Assistant, events: Events, text: str) -> ReplyFinished:
    before = len(events.of(ReplyFinished))
    await asyncio.wait_for(vita.ask(text), 60)
    (finished,) = events.of(ReplyFinished)[before:]
    assert vita.state is State.IDLE
    return finished


@pytest.mark.models
@pytest.mark.audio
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hanging"])
async def test_the_real_mind_in_the_middle_of_a_reply(number: signal.Signals) -> None:
    timeout = 30.0 if number == signal.SIGKILL else 5.0
    async with real(llm={**MODEL, "timeout": timeout}, health={"breaker_seconds": 0.01}) as (
        vita,
        events,
    ):
        (responder,) = vita.chains["llm"].engines
        assert isinstance(responder, EmbeddedResponder)
        struck = strike_at_first(ReplyDelta, vita.bus, number, lambda: responder.pid)
        first = await answered(vita, events, "Tell me a long story about a dog.")
        assert struck
        assert first.text.strip() or first.error
        assert first.reason != "failed" or [
            event for event in events.of(Notice) if event.title == "No answer"
        ]
        second = await answered(vita, events, "Say hello.")
        assert second.reason in ("complete", "length"), second.error
        assert second.text.strip()
        assert responder.pid not in struck, "a new child answers"


@pytest.mark.models
@pytest.mark.audio
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hanging"])
async def test_the_real_voice_in_the_middle_of_a_reply(number: signal.Signals) -> None:
    async with real(
        tts={"engines": ("pyttsx3",), "timeout": 5.0},
        health={"breaker_seconds": 0.01},
    ) as (vita, events):
        (voice,) = vita.chains["tts"].engines
        assert isinstance(voice, Pyttsx3Synthesizer)
        struck = strike_at_first(ReplyDelta, vita.bus, number, lambda: voice.pid)
        first = await answered(vita, events, "Tell me a long story about a dog.")
        assert struck
        assert first.reason in ("complete", "length")
        if number == signal.SIGSTOP:
            assert [event.message for event in events.of(Notice) if event.title == "No voice"]
        else:  # it was started again before anybody noticed
            assert events.of(Heard)[-1].unheard == ""
        spoken = len(events.of(ClauseStarted))
        second = await answered(vita, events, "Say hello.")
        assert second.reason in ("complete", "length")
        assert len(events.of(ClauseStarted)) > spoken, "the voice is back"
        assert voice.pid not in struck
