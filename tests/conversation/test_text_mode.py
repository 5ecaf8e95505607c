"""Replies that are shown only: another system prompt, and no limit but the model's own."""

from __future__ import annotations

import pytest

from tests.conversation.support import assistant
from vita_tui.engines.llm.base import Cut
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import ContextUsed, ReplyFinished
from vita_tui.settings import LlmSettings

GERMAN = "Answer in German, unless another language is asked for."
SERVER = "http://127.0.0.1:9/v1"


def told(model: FakeResponder) -> str:
    first = model.requests[-1][0]
    assert first["role"] == "system"
    return str(first["content"])


async def test_each_mode_has_its_own_system_prompt() -> None:
    model = FakeResponder()
    async with assistant(model) as (vita, _):
        await vita.ask("Who are you?")
        assert "spoken aloud" in told(model)
        vita.speaking_aloud = False
        await vita.ask("Who are you?")
        assert "Markdown is welcome" in told(model)
        await vita.change("llm.text_prompt", "You are a poet.")
        await vita.ask("Who are you?")
        assert told(model) == "You are a poet."
        await vita.change("llm.text_prompt", "")
        await vita.change("llm.system_prompt", "Be brief.")
        await vita.ask("Who are you?")
        assert told(model) == "Be brief.", "none of its own"
        await vita.change("stt.language", "de")
        await vita.ask("Wer bist du?")
        assert told(model).partition("\n\n")[::2] == ("Be brief.", GERMAN)
        await vita.set_system_prompt("You are a poet.")
        await vita.ask("Wer bist du?")
        assert told(model).partition("\n\n")[::2] == ("You are a poet.", GERMAN)
        assert vita.system_prompt == "You are a poet.", "as it was written"


@pytest.mark.parametrize(
    ("settings", "window", "aloud", "room", "limit"),
    [
        ({}, 2048, True, 220, 220),
        ({}, 2048, False, 1024, 1024),
        ({"base_url": SERVER}, 8192, True, 2048, 2048),
        ({"base_url": SERVER}, 8192, False, 2048, 0),
        ({"base_url": SERVER}, 131_072, False, 32_768, 0),
        ({"base_url": SERVER, "max_tokens": 300}, 131_072, False, 300, 300),
        ({"max_tokens": 300}, 2048, False, 300, 300),
    ],
)
def test_the_room_for_a_reply(
    settings: dict[str, object], window: int, aloud: bool, room: int, limit: int
) -> None:
    llm = LlmSettings.model_validate(settings)
    assert llm.reply_room(window, aloud=aloud) == room
    assert llm.reply_limit(window, aloud=aloud) == limit, "0 leaves it to the server"


class Continuing(FakeResponder):
    """As llama.cpp: goes on with a reply that it is given the beginning of."""

    continues = True


async def test_a_reply_that_was_cut_off_is_gone_on_with() -> None:
    model = Continuing(([*"Once upon", Cut("length")], " a time."))
    async with assistant(model, audio={"speak": False}) as (vita, events):
        await vita.ask("Tell me a story.")
        assert events.of(ReplyFinished)[-1].reason == "length"
        assert events.of(ContextUsed)[-1].window == 2048
        assert 0 < events.of(ContextUsed)[-1].used < 2048
        await vita.ask("go on")
        assert model.requests[-1][-1] == {"role": "assistant", "content": "Once upon"}
        assert vita.last is not None
        assert vita.last.text.strip() == "a time."


async def test_a_server_that_cannot_continue_is_asked_to_go_on() -> None:
    model = FakeResponder(([*"Once upon", Cut("length")], "a time."))
    async with assistant(model, audio={"speak": False}) as (vita, _):
        await vita.ask("Tell me a story.")
        await vita.ask("go on")
        assert [message["content"] for message in model.requests[-1][1:]] == [
            "Tell me a story.",
            "Once upon",
            "go on",
        ]
