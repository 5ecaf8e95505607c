"""Requests that are answered without the model, in a conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conversation.support import assistant
from vita_tui.abilities.service import standard
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import EngineWorked, HandsFree, ReplyFinished, ReplyStarted, SessionChanged, TurnFinished


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))


async def test_a_request_is_answered_without_the_model_and_kept() -> None:
    model = FakeResponder()
    async with assistant(model, abilities=standard()) as (vita, events):
        await vita.ask("What is 17 times 23?")
        assert model.requests == []
        assert events.of(ReplyStarted)[-1].engine == "built in · arithmetic"
        assert events.of(ReplyFinished)[-1].text == "That's 391."
        assert events.of(TurnFinished)[-1].engines["llm"] == "built in · arithmetic"
        assert [(event.job, event.engine) for event in events.of(EngineWorked) if event.engine == "built in"]
        assert vita.session is not None
        assert [turn.text for turn in vita.session.turns] == ["What is 17 times 23?", "That's 391."]


async def test_the_model_knows_what_was_answered_without_it() -> None:
    model = FakeResponder()
    async with assistant(model, abilities=standard()) as (vita, _):
        await vita.ask("What is 17 times 23?")
        await vita.ask("Why is that so?")
        [messages] = model.requests
        assert [message["content"] for message in messages][1:] == [
            "What is 17 times 23?",
            "That's 391.",
            "Why is that so?",
        ]


async def test_it_can_be_turned_off() -> None:
    model = FakeResponder()
    async with assistant(model, abilities=standard()) as (vita, _):
        await vita.change("abilities.enabled", False)
        await vita.ask("What is 17 times 23?")
        assert len(model.requests) == 1


async def test_what_only_the_conversation_can_do_is_done() -> None:
    async with assistant(abilities=standard(), tts={"volume": 0.5}) as (vita, events):
        await vita.ask("What is 17 times 23?")
        await vita.ask("repeat that")
        assert events.of(ReplyFinished)[-1].text == "That's 391."
        await vita.ask("speak louder")
        assert vita.settings.tts.volume == 0.7
        await vita.ask("what did I ask before")
        assert events.of(ReplyFinished)[-1].text == "You asked: speak louder"
        await vita.ask("mute")
        assert vita.muted
        assert vita.speaking_aloud, "which is another thing"
        await vita.ask("unmute")
        assert not vita.muted
        await vita.ask("new conversation")
        await events.until(SessionChanged, lambda event: not event.session_id)
        assert vita.session is None
        assert events.of(HandsFree) == []
