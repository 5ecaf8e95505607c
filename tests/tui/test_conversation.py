"""What is said is on the screen, and nothing that a model writes is anything but text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.content import Content
from textual.widgets import Markdown, Static

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore, ScriptedShelf, session_of
from vita_tui.events import (
    ClauseStarted,
    FinalTranscript,
    Heard,
    Interjection,
    LevelChanged,
    NothingHeard,
    PartialTranscript,
    ReplyDelta,
    ReplyFinished,
    State,
    TurnFinished,
    TurnTimings,
    UserSaid,
)
from vita_tui.sessions.session import Turn
from vita_tui.tui.app import VitaApp
from vita_tui.tui.widgets.conversation import MOUNTED, Conversation
from vita_tui.tui.widgets.partial import PartialLine
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.reading import SPOKEN
from vita_tui.tui.widgets.reply import Reply
from vita_tui.tui.widgets.status import StatusLine
from vita_tui.tui.widgets.turns import AssistantTurn, Remark, UserTurn
from vita_tui.tui.widgets.waterfall import Waterfall
from vita_tui.tui.widgets.welcome import Welcome


async def test_a_typed_question_and_its_answer_are_shown() -> None:
    core = ScriptedCore(reply="Gulls are **clever**.")
    async with running(core) as (app, pilot):
        await pilot.press(*"Hello", "enter")
        await until(pilot, lambda: core.asked == ["Hello"])
        await until(pilot, lambda: bool(app.main.query(Markdown)))
        await until(pilot, lambda: app.main.query_one(Markdown).source == "Gulls are **clever**.")
        assert [turn.text for turn in app.main.query(UserTurn)] == ["Hello"]
        assert app.main.query_one(Prompt).text == ""
        assert not app.main.query_one(Welcome).display


async def test_enter_sends_and_ctrl_j_begins_a_line() -> None:
    core = ScriptedCore()
    async with running(core) as (_, pilot):
        await pilot.press("a", "ctrl+j", "b", "shift+enter", "c", "enter")
        await until(pilot, lambda: core.asked == ["a\nb\nc"])


async def test_nothing_is_sent_when_nothing_was_typed() -> None:
    core = ScriptedCore()
    async with running(core) as (_, pilot):
        await pilot.press("space", "enter", "x", "enter")
        await until(pilot, lambda: core.asked == ["x"])


async def test_arrows_bring_back_what_was_asked_and_the_draft() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        prompt = app.main.query_one(Prompt)
        await until(pilot, lambda: prompt.recall is not None)
        await pilot.press("1", "enter", "2", "ctrl+j", "2", "enter", "d")
        await pilot.press("up")
        assert prompt.text == "2\n2"
        await pilot.press("up", "up")
        assert prompt.text == "1", "the first up moves within the two lines"
        await pilot.press("down", "down", "down", "down")
        assert prompt.text == "d"


@pytest.mark.parametrize(
    "nasty", ["[red]x[/red]", "[/]", "[@click=app.quit]q[/]", "\x1b[31mred\x1b[0m", "<b>bold</b>"]
)
async def test_what_a_model_or_a_user_writes_is_text(nasty: str) -> None:
    core = ScriptedCore(reply=nasty)
    async with running(core) as (app, pilot):
        app.ask(nasty)
        await until(pilot, lambda: core.state is State.IDLE and bool(app.main.query(Markdown)))
        await until(pilot, lambda: bool(app.main.query("MarkdownParagraph")))
        shown = text_of(app.main.query_one("MarkdownParagraph")).strip()
        wanted = "red" if "\x1b" in nasty else nasty
        await until(pilot, lambda: text_of(app.main.query_one("MarkdownParagraph")).strip() == wanted, shown)
        assert text_of(app.main.query_one(UserTurn)) == wanted


async def test_a_link_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    core = ScriptedCore(reply="[click](https://example.org)")
    opened: list[str] = []
    async with running(core, size=(80, 24)) as (app, pilot):
        monkeypatch.setattr(app, "open_url", lambda url, **_: opened.append(url))
        app.ask("x")
        await until(pilot, lambda: bool(app.main.query("MarkdownParagraph")))
        await pilot.pause()
        await pilot.click("MarkdownParagraph", offset=(1, 0))
        await until(pilot, lambda: app.clipboard == "https://example.org")
        assert opened == []


PARAGRAPH = "A paragraph with **some** words in it, which goes on for a while.\n\n"


async def test_a_long_reply_is_markdown_to_its_end_and_bounded_in_widgets() -> None:
    reply = "# Gulls\n\n" + PARAGRAPH * 400
    core = ScriptedCore(reply="x")
    async with running(core) as (app, pilot):
        core.bus.publish(UserSaid(7, "long", False))
        for start in range(0, len(reply), 5_000):
            core.bus.publish(ReplyDelta(7, reply[start : start + 5_000]))
        core.bus.publish(ReplyFinished(7, reply, "complete"))
        await until(pilot, lambda: bool(app.main.query(Reply)))
        shown = app.main.query_one(Reply)
        await until(pilot, lambda: shown.source == reply)
        await until(pilot, lambda: len(shown.query("*")) < 250, "what is out of sight has no widgets")
        assert (
            text_of(list(shown.query("MarkdownParagraph"))[-1]).strip() == PARAGRAPH.replace("*", "").strip()
        )
        conversation = app.main.query_one(Conversation)
        assert conversation.max_scroll_y - conversation.scroll_y < 1, "it follows what is written"


async def test_a_long_kept_reply_is_drawn_where_it_is_seen_and_nothing_jumps() -> None:
    reply = "# Gulls\n\n" + PARAGRAPH * 400
    shelf = ScriptedShelf(session_of("Tell me.", reply))
    async with running(ScriptedCore(shelf=shelf)) as (app, pilot):
        await app.resume("5e551011")
        await pilot.pause()
        shown = app.main.query_one(Reply)
        assert shown.source == reply
        await until(pilot, lambda: shown.sections[-1].drawn is not None)
        assert shown.sections[0].drawn is None
        for _ in range(3):
            await pilot.press("pageup")
            await pilot.pause()
        conversation = app.main.query_one(Conversation)
        conversation.scroll_home(animate=False)
        await until(
            pilot, lambda: shown.sections[0].drawn is not None, "the beginning is drawn when it is seen"
        )
        await until(pilot, lambda: shown.sections[-1].region.y > 400)
        assert text_of(app.main.query_one("MarkdownH1")).strip() == "Gulls"
        prompt = app.main.query_one("#prompt")
        await until(pilot, lambda: prompt.border_title == "▾ more below: end")
        await pilot.press("end")
        await until(pilot, lambda: conversation.max_scroll_y - conversation.scroll_y < 1)
        await until(pilot, lambda: not prompt.border_title)


async def test_only_the_newest_turns_stay_mounted() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        for turn in range(1, MOUNTED + 1):
            core.bus.publish(UserSaid(turn, f"question {turn}", False))
            core.bus.publish(ReplyDelta(turn, "yes"))
            core.bus.publish(ReplyFinished(turn, "yes", "complete"))
        newest = f"question {MOUNTED}"
        await until(pilot, lambda: any(turn.text == newest for turn in app.main.query(UserTurn)))
        await pilot.pause()
        turns = [
            child
            for child in app.main.query_one(Conversation).children
            if isinstance(child, UserTurn | AssistantTurn)
        ]
        assert len(turns) == MOUNTED
        assert f"{MOUNTED} earlier turns" in text_of(app.main.query_one(".gone", Remark))


async def test_what_was_read_stays_read_when_the_voice_stops() -> None:
    core = ScriptedCore()
    reply = "# Gulls\n\nGulls **are** clever birds.\n\n- one\n- two\n"
    async with running(core) as (app, pilot):
        core.bus.publish(UserSaid(1, "go", True))
        core.bus.publish(ReplyDelta(1, reply))
        core.bus.publish(ReplyFinished(1, reply, "interrupted"))
        core.bus.publish(Heard(1, "# Gulls\n\nGulls **are**", " clever birds.\n\n- one\n- two\n", True))
        await until(pilot, lambda: "spoken to ■" in _facts(app))
        assert app.main.query_one(Markdown).source == reply
        assert _shown(app) == ["Gulls", "Gulls are ■  clever birds.", "one", "two"]
        assert not [span for span in _spans(app) if "strike" in span]
        assert "interrupted" in text_of(app.main.query_one(".facts"))


async def test_what_was_not_spoken_at_all_is_whole() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        core.bus.publish(UserSaid(1, "go", True))
        core.bus.publish(ReplyDelta(1, "Gulls are clever."))
        core.bus.publish(ReplyFinished(1, "Gulls are clever.", "stopped"))
        core.bus.publish(Heard(1, "", "Gulls are clever.", True))
        await until(pilot, lambda: "not spoken" in _facts(app))
        assert _shown(app) == ["Gulls are clever."]


async def test_the_sentence_that_sounds_stands_out_until_the_voice_ends() -> None:
    core = ScriptedCore()
    reply = "Gulls are clever. They **live** by the sea. Gulls are clever."
    async with running(core) as (app, pilot):
        core.bus.publish(UserSaid(1, "go", True))
        core.bus.publish(ReplyDelta(1, reply))
        core.bus.publish(ReplyFinished(1, reply, "complete"))
        await until(pilot, lambda: bool(app.main.query(Markdown)) and bool(_shown(app)))
        lit = []
        sentences = ["Gulls are clever. ", "They **live** by the sea. ", "Gulls are clever."]
        for index, sentence in enumerate(sentences):
            core.bus.publish(ClauseStarted(1, index, sentence, "piper"))
            await pilot.pause()
            await until(pilot, lambda: len(_lit(app)) == 1)
            lit += _lit(app)
        assert lit == [(0, "Gulls are clever"), (18, "They live by the sea"), (40, "Gulls are clever")]
        core.bus.publish(Heard(1, reply, "", True))
        await until(pilot, lambda: not _lit(app))
        assert _shown(app) == [reply.replace("**", "")]


def _facts(app: VitaApp) -> str:
    return " ".join(text_of(line) for line in app.main.query(".facts"))


def _contents(app: VitaApp) -> list[Content]:
    blocks = [block.content for block in app.main.query_one(Markdown).walk_children(Static)]
    return [content for content in blocks if isinstance(content, Content) and content.plain]


def _shown(app: VitaApp) -> list[str]:
    return [content.plain for content in _contents(app)]


def _spans(app: VitaApp) -> list[str]:
    return [str(span.style) for content in _contents(app) for span in content.spans]


def _lit(app: VitaApp) -> list[tuple[int, str]]:
    return [
        (span.start, content.plain[span.start : span.end])
        for content in _contents(app)
        for span in content.spans
        if span.style == SPOKEN
    ]


async def test_a_reply_that_failed_says_why_in_its_place() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        core.bus.publish(UserSaid(1, "go", False))
        core.bus.publish(ReplyFinished(1, "", "failed", "The server refused."))
        await until(pilot, lambda: bool(app.main.query("AssistantTurn.failed")))
        assert "The server refused." in text_of(app.main.query_one(".facts"))
        assert not app.main.query(".waiting")


async def test_listening_shows_level_and_words_and_then_the_question() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        status, partial = app.main.query_one(StatusLine), app.main.query_one(PartialLine)
        assert "mic off" in text_of(status)
        assert not partial.display
        await pilot.press("ctrl+@")
        await until(pilot, lambda: partial.display)
        core.bus.publish(LevelChanged(-30.0, 0.9))
        core.bus.publish(PartialTranscript("what do", "you know", 1.0, 0.1))
        await until(pilot, lambda: text_of(partial) == "what do you know")
        assert "listening" in text_of(status)
        assert "-30 dB" in text_of(status)
        core.bus.publish(FinalTranscript("What do you know?", 0.9, 1.2))
        await until(pilot, lambda: not partial.display)


async def test_what_is_no_news_tomorrow_is_told_in_passing(monkeypatch: pytest.MonkeyPatch) -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        status = app.main.query_one(StatusLine)
        core.bus.publish(NothingHeard("No speech was heard."))
        await until(pilot, lambda: "No speech was heard." in text_of(status))
        monkeypatch.setattr("vita_tui.tui.widgets.status.SAID_SECONDS", 0.01)
        core.bus.publish(NothingHeard("Recording dropped."))
        await until(pilot, lambda: "No speech" not in text_of(status) and "dropped" not in text_of(status))
        core.bus.publish(Interjection("ignored", "mhm", 0.4))
        core.bus.publish(FinalTranscript("What is a gull?", 0.9, 1.0))
        await pilot.pause()
        assert not app.main.query(Remark)


async def test_a_failed_turn_and_an_unfinished_reply_come_back_with_the_reason() -> None:
    turns = (
        Turn("user", "Why?", error="No server answers."),
        Turn("user", "And now?"),
        Turn("assistant", "Half of"),
    )
    session = replace(session_of("aaaaaaa1", "Half of it"), turns=turns)
    core = ScriptedCore(shelf=ScriptedShelf(session))
    async with running(core, resume=session.id) as (app, pilot):
        await until(pilot, lambda: len(app.main.query(AssistantTurn)) == 2)
        failed, unfinished = app.main.query(AssistantTurn)
        await until(pilot, lambda: "No server answers." in text_of(failed.query_one(".facts", Static)))
        await until(pilot, lambda: "unfinished" in text_of(unfinished.query_one(".facts", Static)))


async def test_a_kept_conversation_is_shown_when_it_is_gone_on_with() -> None:
    session = session_of("How far is the moon?", "384,400 kilometres.", "And the sun?", "Much farther.")
    core = ScriptedCore(shelf=ScriptedShelf(session))
    async with running(core, resume=session.id) as (app, pilot):
        await until(pilot, lambda: len(app.main.query(Markdown)) == 2)
        assert [turn.text for turn in app.main.query(UserTurn)] == ["How far is the moon?", "And the sun?"]
        await pilot.press("ctrl+n")
        await until(pilot, lambda: not app.main.query(UserTurn))
        assert app.main.query_one(Welcome).display


async def test_the_waterfall_has_a_bar_for_each_stage_and_the_causes() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.ask("x")
        await until(pilot, lambda: "283 ms" in text_of(app.main.query_one(StatusLine)))
        core.bus.publish(
            TurnFinished(
                1, TurnTimings(stt=100, llm_first_token=300, causes=("waited for the model",)), {"llm": "m"}
            )
        )
        await pilot.press("f8")
        await until(pilot, lambda: bool(app.main.query(Waterfall)))
        shown = text_of(app.main.query_one(Waterfall))
        assert "+100 ms" in shown
        assert "+200 ms" in shown
        assert "waited for the model" in shown
        await pilot.press("f8")
        await until(pilot, lambda: not app.main.query(Waterfall))
