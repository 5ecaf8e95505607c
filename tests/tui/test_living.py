"""The program lives: whatever happens while a reply is cut, at every size of the window, and when something cannot be shown."""

from __future__ import annotations

import asyncio
import random

import pytest
from textual.app import ComposeResult
from textual.events import Key, MouseDown, Resize
from textual.geometry import Size
from textual.widgets import Input, Static

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore, ScriptedShelf, session_of
from vita_tui.events import Heard, InternalError, ReplyDelta, ReplyFinished, SessionChanged, State, UserSaid
from vita_tui.tui.app import VitaApp
from vita_tui.tui.widgets import conversation
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.turns import AssistantTurn, UserTurn

SOUNDING = (
    "# Title\n\nOne **bold** word, and `code`.\n\n- a list\n- of two\n\n```python\nx = 1\n```\n\nThe end."
)


def a_reply_that_is_cut(core: ScriptedCore, turn: int) -> None:
    """What the assistant publishes when it is silenced in the middle of a reply."""
    for event in (
        UserSaid(turn, f"question {turn}", False),
        ReplyDelta(turn, SOUNDING),
        ReplyFinished(turn, SOUNDING, "interrupted"),
        Heard(turn, SOUNDING[:20], SOUNDING[20:], final=True),
    ):
        core.bus.publish(event)


@pytest.mark.parametrize("gone", ["new", "resume", "prune", "show"])
@pytest.mark.parametrize("hops", [0, 3, 9])
async def test_a_reply_may_leave_the_screen_while_it_is_cut(gone: str, hops: int) -> None:
    core = ScriptedCore(shelf=ScriptedShelf(session_of("old question", "old answer")))
    async with running(core) as (app, pilot):
        a_reply_that_is_cut(core, 1)
        for _ in range(hops):  # so far the screen is with it
            await asyncio.sleep(0)
        if gone == "new":
            await pilot.press("ctrl+n")
        elif gone == "resume":
            await app.resume("5e551011")
        elif gone == "show":
            await app.main.show_turns(session_of("other", "one").turns)
        else:
            await app.main.query_one(Conversation).remove_children(AssistantTurn)
        a_reply_that_is_cut(core, 2)
        await until(pilot, lambda: "question 2" in [turn.text for turn in app.main.query(UserTurn)])
        assert "question 1" not in [turn.text for turn in app.main.query(UserTurn)] or gone == "prune"


async def test_what_is_asked_while_another_conversation_is_turned_to_is_asked_in_that_one() -> None:
    class SlowCore(ScriptedCore):
        order: list[str] = []  # noqa: RUF012 - of this one test

        async def new_session(self) -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            self.order.append("new")
            await super().new_session()

        async def ask(self, text: str) -> None:
            self.order.append(text)
            await super().ask(text)

    core = SlowCore()
    async with running(core) as (app, pilot):
        app.new_session()
        await asyncio.sleep(0)
        app.ask("in the new one")
        await until(pilot, lambda: core.order == ["new", "in the new one"])
        await until(pilot, lambda: [turn.text for turn in app.main.query(UserTurn)] == ["in the new one"])


async def test_an_event_that_cannot_be_shown_costs_that_event(monkeypatch: pytest.MonkeyPatch) -> None:
    core = ScriptedCore()
    met: list[InternalError] = []
    core.bus.subscribe(lambda event: met.append(event) if isinstance(event, InternalError) else None)
    async with running(core, mishaps=1) as (app, pilot):

        async def broken(_self: object, *_arguments: object) -> None:
            raise ValueError("broken")

        with monkeypatch.context() as broken_for_now:
            broken_for_now.setattr(Conversation, "reply_piece", broken)
            core.bus.publish(UserSaid(1, "first", False))
            core.bus.publish(ReplyDelta(1, "lost"))
            core.bus.publish(SessionChanged("1", "The title", 2, 3, 0.0))
            await until(pilot, lambda: app.mishaps.total == 1)
        attention = app.main.query_one("#panel-attention", Static)
        await until(pilot, lambda: "could not be shown" in text_of(attention))
        assert "The title" in text_of(app.main.query_one("#panel-session", Static)), (
            "what came after it is shown"
        )
        assert met == [InternalError("screen", "ValueError")]
        await pilot.press(*"still here", "enter")
        await until(pilot, lambda: core.asked == ["still here"])


@pytest.mark.parametrize(
    "where", ["handler", "action", "timer", "worker", "compose", "mount", "render", "callback"]
)
async def test_an_exception_anywhere_on_the_screen_costs_only_itself(where: str) -> None:
    class Broken(Static):
        def compose(self) -> ComposeResult:
            if where == "compose":
                raise ValueError(where)
            return []

        def on_mount(self) -> None:
            if where == "mount":
                raise ValueError(where)

        def render(self) -> str:
            if where == "render":
                raise ValueError(where)
            return "x"

    def raising() -> None:
        raise ValueError(where)

    async def failing() -> None:
        raise ValueError(where)

    core = ScriptedCore()
    async with running(core, mishaps=None) as (app, pilot):
        if where in ("compose", "mount", "render"):
            await app.main.query_one(Conversation).mount(broken := Broken())
            await pilot.pause()
            await until(pilot, lambda: app.mishaps.total > 0)
            await broken.remove()
        elif where == "timer":
            app.main.set_timer(0.001, raising)
        elif where == "worker":
            app.main.run_worker(failing())
        elif where == "callback":
            app.main.call_later(raising)
        elif where == "action":
            app.main.action_panel = raising  # type: ignore[method-assign]
            await pilot.press("f3")
        else:
            app.main._sent = raising  # type: ignore[assignment, method-assign]
            app.main.on_prompt_decided = failing  # type: ignore[attr-defined]
            app.main.query_one(Prompt).call_later(raising)
        await until(pilot, lambda: app.mishaps.total > 0, where)
        await pilot.press(*"alive", "enter")
        await until(pilot, lambda: core.asked == ["alive"])
    assert app.return_code in (0, None)


SIZES = [
    (0, 0),
    (1, 1),
    (5, 24),
    (6, 30),
    (80, 0),
    (80, 2),
    (200, 50),
    (40, 12),
    (12, 5),
    (3, 3),
    (99, 13),
    (100, 14),
]


@pytest.mark.parametrize(
    "over",
    [
        "",
        *(pytest.param(key, marks=pytest.mark.long) for key in ("f1", "f2", "f4", "f5", "ctrl+l", "ctrl+p")),
    ],
)
async def test_it_lives_at_every_size(over: str) -> None:
    core = ScriptedCore(reply=SOUNDING)
    async with running(core) as (app, pilot):
        app.ask("What is there to see?")
        await until(pilot, lambda: core.state is State.IDLE)
        if over:
            await pilot.press(over)
        order = random.Random(over)
        for size in [*SIZES, *order.sample(SIZES, len(SIZES))]:
            await pilot.resize_terminal(*size)
        await pilot.resize_terminal(80, 24)
        assert app.size == (80, 24)


async def test_a_window_that_goes_from_wide_to_narrow_and_back_lives() -> None:
    async with running(size=(200, 50)) as (app, pilot):
        for _ in range(10):
            for size in ((40, 12), (200, 50)):
                app.post_message(_resized(app, size))
                await asyncio.sleep(0)
        await pilot.pause()
        assert app.size == (200, 50)


def _resized(app: VitaApp, size: tuple[int, int]) -> Resize:
    app._driver._size = Size(*size)  # type: ignore[union-attr]  # the headless one's
    return Resize(Size(*size), Size(*size))


async def test_older_turns_leave_the_screen_while_the_newest_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MOUNTED", 4)
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        for turn in range(8):
            a_reply_that_is_cut(core, turn)
        await until(pilot, lambda: "question 7" in [turn.text for turn in app.main.query(UserTurn)])
        assert len(app.main.query(UserTurn)) <= 4


async def test_a_key_that_is_pressed_twice_closes_a_screen_once() -> None:
    core = ScriptedCore(shelf=ScriptedShelf(session_of("old question", "old answer")))
    async with running(core) as (app, pilot):
        await pilot.press("f4")
        listing = app.screen.query_one("#history-list")
        await until(pilot, lambda: getattr(listing, "option_count", 0) == 1)
        for _ in range(2):
            app.screen.post_message(Input.Submitted(app.screen.query_one(Input), ""))
        await until(pilot, lambda: core.resumed == ["5e551011"])
        await pilot.pause()
        assert core.resumed == ["5e551011"]


async def test_a_click_on_what_has_just_left_the_screen_is_none() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.ask("hello")
        await until(pilot, lambda: bool(app.main.query(UserTurn)))
        await pilot.pause()
        question = app.main.query_one(UserTurn)
        where = question.region
        removing = question.remove()
        app.post_message(MouseDown(None, where.x + 1, where.y, 0, 0, 1, False, False, False))
        await removing
        await pilot.pause()


async def test_what_a_closed_screen_still_does_is_no_error() -> None:
    async with running() as (app, pilot):
        await pilot.press("f1")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        closed = app.screen
        go_on, done = asyncio.Event(), asyncio.Event()

        async def late() -> None:
            try:
                await go_on.wait()
                closed.query_one("#never-there")
            finally:
                done.set()

        app.run_worker(late())
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        go_on.set()
        await until(pilot, done.is_set)
        await pilot.pause()


@pytest.mark.parametrize("seed", range(3))
async def test_any_edits_can_be_undone_and_done_again(seed: int) -> None:
    chance = random.Random(seed)
    edits = ["a", "b c", "\n", "x" * 130, "one\ntwo\nthree", "👩‍👩‍👧"]
    keys = [
        "backspace",
        "delete",
        "up",
        "left",
        "home",
        "ctrl+w",
        "ctrl+u",
        "ctrl+k",
        "ctrl+d",
        "ctrl+z",
        "ctrl+y",
        "ctrl+z",
    ]
    async with running(size=(60, 20)) as (app, pilot):
        prompt = app.main.query_one(Prompt)
        for _ in range(120):
            if chance.random() < 0.4:
                prompt.insert(chance.choice(edits))
            else:
                prompt.post_message(Key(chance.choice(keys), None))
            if chance.random() < 0.2:
                await asyncio.sleep(0)
        await pilot.press("z")
        await until(pilot, lambda: "z" in prompt.text)
