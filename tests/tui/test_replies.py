"""What a reply is besides its words: folded reasoning, whose words they are, what is missing, and what did not fit."""

from __future__ import annotations

from textual.widgets import Markdown, Static

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore
from vita_tui.events import (
    QuestionShortened,
    ReasoningDelta,
    ReplyDelta,
    ReplyFinished,
    ReplyRetracted,
    ReplyStarted,
    UserSaid,
)
from vita_tui.tui.app import VitaApp
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.turns import AssistantTurn, ReasoningLine


async def test_reasoning_is_one_line_that_opens() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        for event in (
            UserSaid(1, "Where?", spoken=False),
            ReasoningDelta(1, "They ask for "),
            ReasoningDelta(1, "a \x1b[31mcapital."),
            ReplyDelta(1, "Paris."),
        ):
            core.bus.publish(event)
        await until(pilot, lambda: bool(app.main.query(Markdown)))
        folded = app.main.query_one(ReasoningLine)
        assert text_of(folded) == "▸ reasoning · 5 words"
        await pilot.click(ReasoningLine)
        await until(pilot, lambda: "They ask for a capital." in text_of(folded))
        assert "\x1b" not in text_of(folded)
        await pilot.click(ReasoningLine)
        await until(pilot, lambda: "They ask" not in text_of(folded))
        assert app.main.query_one(AssistantTurn).text == "Paris."


async def test_what_was_reasoning_after_all_leaves_the_reply() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        for event in (
            UserSaid(1, "Where?", spoken=False),
            ReplyDelta(1, "They ask. "),
            ReplyRetracted(1, ""),
            ReasoningDelta(1, "They ask. "),
            ReplyDelta(1, "Paris."),
            ReplyFinished(1, "Paris.", "complete"),
        ):
            core.bus.publish(event)
        await until(pilot, lambda: [body.source for body in app.main.query(Markdown)] == ["Paris."])
        assert app.main.query_one(AssistantTurn).text == "Paris."


async def test_whose_words_they_are_and_what_is_missing_is_said() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        for event in (
            UserSaid(1, "Where?", spoken=False),
            QuestionShortened(1, 2500, 5300, 0),
            ReplyStarted(1, "small", "large at h:1", "h:1 answered with HTTP status 500"),
            ReplyDelta(1, "Par"),
            ReplyFinished(1, "Par", "length", note="cut at 220 tokens (llm.max_tokens)"),
        ):
            core.bus.publish(event)
        await until(pilot, lambda: bool(app.main.query(".instead")))
        await until(pilot, lambda: "cut at 220" in text_of(app.main.query(".facts").first(Static)))
        turn = app.main.query_one(AssistantTurn)
        assert turn.has_class("fallback")
        said = text_of(app.main.query_one(".instead", Static))
        assert said == "small answers instead of large at h:1: h:1 answered with HTTP status 500"
        facts = text_of(app.main.query_one(".facts", Static))
        assert "only the last 2,500 of 5,300 tokens of the question fit" in facts


async def test_the_prompt_says_what_fits_before_it_is_sent() -> None:
    core = ScriptedCore()
    core.room = 3000
    async with running(core) as (app, pilot):
        prompt = app.main.query_one(Prompt)
        prompt.insert("word " * 400)
        await pilot.press("enter")
        await until(pilot, lambda: len(core.asked) == 1)  # all of it fits
        prompt.insert("word " * 1000)
        await pilot.press("enter")
        await until(pilot, lambda: "2,500 of 5,300 tokens fit" in str(prompt.border_subtitle))
        assert len(core.asked) == 1
        await pilot.press("enter")
        await until(pilot, lambda: len(core.asked) == 2)
        assert not prompt.border_subtitle
        prompt.insert("word " * 1000)
        await until(pilot, lambda: "tokens fit" in str(prompt.border_subtitle))  # without any key


async def test_tasks_of_a_list_have_boxes_and_nothing_else_has() -> None:
    reply = "- [x] nets\n- [ ] sails\n- [y] neither\n\n[ ] no task\n\n`[ ] code`"
    core = ScriptedCore(reply=reply)
    async with running(core) as (app, pilot):
        await pilot.press(*"what?", "enter")
        await until(pilot, lambda: "code" in shown_text(app))
        for words in ("☑ nets", "☐ sails", "[y] neither", "[ ] no task", "[ ] code"):
            assert words in shown_text(app)
        assert app.main.query_one(AssistantTurn).text == reply, "what is copied is as it was written"


def shown_text(app: VitaApp) -> str:
    return "\n".join(
        "".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()
    )
