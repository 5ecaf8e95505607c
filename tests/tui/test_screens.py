"""History, log, diagnostics, and fetching models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.widgets import Button, Input, OptionList, ProgressBar, RichLog, Static

from tests.tui.driving import running, scripted_app, text_of, until
from tests.tui.scripted import ScriptedCore, ScriptedShelf, session_of
from vita_tui import paths
from vita_tui.errors import ModelError
from vita_tui.events import Alert, EngineStatus, Health, Notice, State
from vita_tui.health.registry import registry
from vita_tui.models.progress import Cancelled, Progress
from vita_tui.tui.app import VitaApp
from vita_tui.tui.core import Lacking
from vita_tui.tui.screens.help import HelpScreen
from vita_tui.tui.screens.history import HistoryScreen
from vita_tui.tui.screens.log import LogScreen
from vita_tui.tui.widgets.fetch import Fetch
from vita_tui.tui.widgets.key_line import KeyLine
from vita_tui.tui.widgets.panel import Panel
from vita_tui.tui.widgets.turns import UserTurn

MOON = session_of("How far is the moon?", "384,400 kilometres.", name="a" * 8)
TEA = session_of("How long does tea draw?", "Four minutes.", name="b" * 8)


async def _history(app: Any, pilot: Any, entries: int) -> OptionList:
    await pilot.press("f4")
    await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
    listing: OptionList = app.screen.query_one(OptionList)
    await until(pilot, lambda: listing.option_count == entries)
    return listing


async def test_a_conversation_is_found_by_its_words_and_gone_on_with() -> None:
    core = ScriptedCore(shelf=ScriptedShelf(MOON, TEA))
    async with running(core) as (app, pilot):
        listing = await _history(app, pilot, 2)
        await pilot.press(*"four")
        await until(pilot, lambda: listing.option_count == 1)
        assert "Four minutes." in str(listing.get_option_at_index(0).prompt)
        await pilot.press("enter")
        await until(pilot, lambda: core.resumed == [TEA.id])
        await until(
            pilot, lambda: [turn.text for turn in app.main.query(UserTurn)] == ["How long does tea draw?"]
        )
        assert app.screen is app.main


async def test_the_list_is_reached_with_the_arrows() -> None:
    core = ScriptedCore(shelf=ScriptedShelf(MOON, TEA))
    async with running(core) as (app, pilot):
        await _history(app, pilot, 2)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: core.resumed == [TEA.id])


async def test_a_store_that_cannot_be_read_says_so() -> None:
    shelf = ScriptedShelf(MOON)
    shelf.broken = True
    async with running(ScriptedCore(shelf=shelf)) as (app, pilot):
        await _history(app, pilot, 0)
        note = app.screen.query_one("#history-note", Static)
        await until(pilot, lambda: "cannot be read" in text_of(note))
        shelf.broken = False
        app.screen.query_one(Input).value = "moon"
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count == 1)
        assert not note.display


async def test_the_log_is_followed_through_rotation() -> None:
    log = paths.log_file()
    log.parent.mkdir(parents=True)
    log.write_text("first \x1b[31mline\n")

    async with running() as (app, pilot):
        await pilot.press("ctrl+l")
        await until(pilot, lambda: isinstance(app.screen, LogScreen))
        view = app.screen.query_one(RichLog)

        def lines() -> list[str]:
            return [strip.text.strip() for strip in view.lines]

        await until(pilot, lambda: lines() == ["first line"])
        with log.open("a") as file:
            file.write("second\n")
        await until(pilot, lambda: lines()[-1] == "second")
        log.rename(log.with_suffix(".1"))
        log.write_text("third\n")
        await until(pilot, lambda: lines()[-1] == "third")


async def test_diagnostics_list_what_is_open_and_what_leaked() -> None:
    class Thing:
        pass

    kept, lost = Thing(), Thing()
    entries = [
        registry.register(kept, kind="stream", name="kept thing", owner="tests.kept"),
        registry.register(lost, kind="client", name="lost thing", owner="tests.lost"),
    ]
    del lost
    try:
        async with running() as (app, pilot):
            await pilot.press("f5")
            await until(pilot, lambda: app.screen is not app.main)
            table = app.screen.query_one("#diagnostics-open", Static)
            await until(pilot, lambda: "kept thing" in text_of(table))
            lines = text_of(table).splitlines()
            assert next(line for line in lines if "kept thing" in line).startswith("✓  stream")
            assert next(line for line in lines if "lost thing" in line).startswith("✗  client")
    finally:
        for entry in entries:
            entry.leave()


async def test_cleaning_up_closes_what_leaked_here_and_leaves_the_rest() -> None:
    class Thing:
        pass

    kept, owner = Thing(), Thing()
    closed = list[str]()
    lost = registry.register(
        kept,
        kind="client",
        name="lost",
        owner="tests.lost",
        close=lambda: closed.append("lost"),
        owner_ref=owner,
    )
    used = registry.register(
        kept, kind="stream", name="used", owner="tests.used", close=lambda: closed.append("used")
    )
    del owner
    try:
        async with running() as (app, pilot):
            await pilot.press("f5")
            await until(pilot, lambda: app.screen is not app.main)
            await pilot.press("c")
            await until(pilot, lambda: any(toast.title == "Clean up" for toast in app._notifications))
            (told,) = [toast.message for toast in app._notifications if toast.title == "Clean up"]
            assert "1 leak closed" in told
            assert closed == ["lost"]
            assert (lost.left, used.left) == (True, False)
    finally:
        lost.leave()
        used.leave()


class ScriptedWeights:
    """Fetches nothing: says what it is told to, when it is told to."""

    def __init__(self) -> None:
        self.lacking = [Lacking("model", "llm", 1000), Lacking("recognizer", "stt", 2000)]
        self.pulls: list[list[str]] = []
        self.go_on = threading.Event()
        self.error: Exception | None = None

    def missing(self, settings: Any) -> list[Lacking]:
        return self.lacking

    def pull(
        self, names: Sequence[str], on_progress: Callable[[Any], None], cancelled: threading.Event
    ) -> None:
        self.pulls.append(list(names))
        if "model" in names:
            on_progress(_progress("model", "downloading", 400, 1000))
            on_progress(_progress("model", "ready", 1000, 1000))
        on_progress(_progress("recognizer", "downloading", 500, 2000))
        while not self.go_on.wait(0.01):
            if cancelled.is_set():
                raise Cancelled
        if self.error is not None:
            raise self.error
        on_progress(_progress("recognizer", "ready", 2000, 2000))


def _progress(model: str, phase: Any, done: int, total: int) -> Progress:
    return Progress(
        model=model,
        file="",
        phase=phase,
        source="hub",
        done=done,
        total=3000,
        model_done=done,
        model_total=total,
        speed=100.0,
        eta=25.0,
    )


async def test_a_first_run_fetches_the_mind_first_and_typing_works_meanwhile() -> None:
    core, weights = ScriptedCore(), ScriptedWeights()
    async with running(core, weights=weights) as (app, pilot):
        await until(pilot, lambda: core.woken == ["llm"])
        words = app.main.query_one("#fetch .words", Static)
        await until(pilot, lambda: "500 B of 3 kB · 100 B/s · 25 s left" in text_of(words))
        bars = list(app.main.query("#fetch ProgressBar").results(ProgressBar))
        assert [(bar.progress, bar.total) for bar in bars] == [(1000, 1000), (500, 2000)]
        await pilot.press("h", "i", "enter")
        await until(pilot, lambda: core.asked == ["hi"])
        weights.go_on.set()
        await until(pilot, lambda: not app.main.query(Fetch))
        assert core.woken == ["llm", "stt"]


def _toasts(app: VitaApp) -> list[str]:
    return [one.title for one in app._notifications]


async def test_what_stands_in_while_its_better_is_fetched_alarms_nobody() -> None:
    core, weights = ScriptedCore(), ScriptedWeights()
    stands_in = Notice("Listening with tiny.en", "Because base is not there.", "", "warning", "engine:stt")
    async with running(core, weights=weights) as (app, pilot):
        await until(pilot, lambda: core.woken == ["llm"])
        core.bus.publish(stands_in)
        core.bus.publish(Notice("Something else", key="else"))
        await until(pilot, lambda: "Something else" in _toasts(app))
        assert stands_in.title not in _toasts(app)
        assert stands_in.title not in text_of(app.main.query_one(Panel))
        weights.go_on.set()
        await until(pilot, lambda: not app.main.query(Fetch))
        core.bus.publish(Notice("Listening with base again", key="engine:stt"))
        core.bus.publish(Notice("At last", key="else"))
        await until(pilot, lambda: "At last" in _toasts(app))
        assert "Listening with base again" not in _toasts(app)
        core.bus.publish(stands_in)
        await until(pilot, lambda: stands_in.title in _toasts(app))


async def test_what_stands_in_is_told_when_its_better_does_not_come() -> None:
    core, weights = ScriptedCore(), ScriptedWeights()
    async with running(core, weights=weights) as (app, pilot):
        await until(pilot, lambda: core.woken == ["llm"])
        core.bus.publish(Notice("Listening with tiny.en", "", "", "warning", "engine:stt"))
        core.bus.publish(Notice("Something else", key="else"))
        await until(pilot, lambda: "Something else" in _toasts(app))
        app.main.query_one("#fetch-cancel", Button).press()
        await until(pilot, lambda: "Listening with tiny.en" in _toasts(app))


async def test_what_stands_in_is_told_when_its_better_came_and_does_not_work() -> None:
    core, weights = ScriptedCore(), ScriptedWeights()
    async with running(core, weights=weights) as (app, pilot):
        await until(pilot, lambda: core.woken == ["llm"])
        core.bus.publish(Notice("Listening with tiny.en", "", "", "warning", "engine:stt"))
        core.bus.publish(EngineStatus("stt", "base", Health.MISSING, False, "not there yet"))
        core.bus.publish(Notice("Something else", key="else"))
        await until(pilot, lambda: "Something else" in _toasts(app))
        assert "Listening with tiny.en" not in _toasts(app)
        weights.go_on.set()
        await until(pilot, lambda: not app.main.query(Fetch))
        core.bus.publish(EngineStatus("stt", "base", Health.MISSING, False, "a package is missing"))
        await until(pilot, lambda: "Listening with tiny.en" in _toasts(app))


async def test_fetching_can_be_cancelled_and_tried_again() -> None:
    core, weights = ScriptedCore(), ScriptedWeights()
    async with running(core, weights=weights) as (app, pilot):
        await until(pilot, lambda: core.woken == ["llm"])
        app.main.query_one("#fetch-cancel", Button).press()
        retry = app.main.query_one("#fetch-retry", Button)
        await until(pilot, lambda: retry.display)
        assert "vita models pull" in text_of(app.main.query_one("#fetch .words", Static))
        retry.press()
        await until(pilot, lambda: weights.pulls == [["model", "recognizer"], ["recognizer"]])
        weights.go_on.set()
        await until(pilot, lambda: not app.main.query(Fetch))


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
async def test_a_fetch_that_fails_says_why_and_can_be_closed(size: tuple[int, int]) -> None:
    core, weights = ScriptedCore(), ScriptedWeights()
    weights.error = ModelError("The hub cannot be reached.", remedy="Look at the network.")
    weights.go_on.set()
    async with running(core, weights=weights, size=size) as (app, pilot):
        await until(pilot, lambda: bool(app.main.query("#fetch .problem")))
        words = app.main.query_one("#fetch .problem", Static)
        await until(pilot, lambda: words.display)
        assert "The hub cannot be reached. Look at the network." in text_of(words)
        app.main.query_one("#fetch-close", Button).press()
        await until(pilot, lambda: not app.main.query(Fetch))


async def test_leaving_ends_a_fetch() -> None:
    core, weights = ScriptedCore(), ScriptedWeights()
    async with running(core, weights=weights) as (app, pilot):
        await until(pilot, lambda: bool(app.main.query(Fetch)))
        thread = app.main.query_one(Fetch)._thread
        assert thread is not None
    thread.join(60)
    assert not thread.is_alive()


async def test_enter_before_the_search_is_done_resumes_what_it_finds() -> None:
    core = ScriptedCore(
        shelf=ScriptedShelf(
            session_of("first", name="aaaaaaa1"), session_of("the lengthy one", name="bbbbbbb2")
        )
    )
    async with running(core) as (app, pilot):
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await pilot.press(*"lengthy", "enter")
        await until(pilot, lambda: core.resumed == ["bbbbbbb2"])


async def test_the_palette_begins_with_what_is_used_most_and_upkeep_is_last() -> None:
    async with running() as (app, _):
        from vita_tui.tui.commands import ByUse

        names = [str(hit.prompt) async for hit in ByUse(app.main).discover()]
        assert names[0] == "Talk"
        assert names[-1] == "Clean up"


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (20, "^space Talk ^p"),
        (40, "^space Talk esc Stop ^t Hands-free ^p"),
        (80, "^space Talk esc Stop ^t Hands-free ^n New f3 Panel f1 Help ^q Quit ^p palette"),
        (200, "^space Talk esc Stop ^t Hands-free ^n New f3 Panel f1 Help ^q Quit ^p palette"),
    ],
)
async def test_the_keys_fit_at_every_width(width: int, words: str) -> None:
    async with running(size=(width, 24)) as (app, pilot):
        line = app.main.query_one(KeyLine)
        await until(pilot, lambda: "^p" in text_of(line))
        assert " ".join(text_of(line).split()) == words
        assert line.region.height == 1


async def test_a_click_on_a_key_presses_it() -> None:
    async with running() as (app, pilot):
        line = app.main.query_one(KeyLine)
        await until(pilot, lambda: "f1" in text_of(line))
        await pilot.click(KeyLine, offset=(text_of(line).index("Help"), 0))
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))


async def test_a_question_before_the_start_is_shown_at_once() -> None:
    class Waking(ScriptedCore):
        async def start(self, *, resume: str | None = None) -> None:
            await self.hold.wait()
            await super().start(resume=resume)

    core = Waking()
    core.hold.clear()
    app = scripted_app(core, overrides={"audio": {"speak": False}})
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.core is not None)
        await pilot.press(*"hello", "enter")
        await until(pilot, lambda: [turn.awaits for turn in app.main.query(UserTurn)] == ["hello"])
        assert not app.talk()
        core.hold.set()
        await until(pilot, lambda: core.asked == ["hello"])
        await until(pilot, lambda: [turn.text for turn in app.main.query(UserTurn)] == ["hello"])


async def test_escape_puts_away_what_asks_for_attention_when_all_is_still() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        attention = app.main.query_one("#panel-attention", Static)
        core.bus.publish(Alert("Answers are slow", "4.0 s.", "", "warning", "slow"))
        await until(pilot, lambda: "slow" in text_of(attention))
        await pilot.press("escape")
        await until(pilot, lambda: not attention.display)
        assert not app._notifications


async def test_timings_of_the_last_turn_that_ended_while_another_is_answered() -> None:
    from vita_tui.tui.widgets.waterfall import Waterfall

    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.ask("first")
        await until(pilot, lambda: core.asked == ["first"] and core.state is State.IDLE)
        core.hold.clear()
        app.ask("second")
        await until(pilot, lambda: len(app.main.query(UserTurn)) == 2)
        await pilot.press("f8")
        await until(pilot, lambda: bool(app.main.query(Waterfall)))
        core.hold.set()


@pytest.mark.parametrize("size", [(100, 30), (80, 24), (60, 16), (40, 10)])
async def test_fetching_models_never_pushes_the_prompt_off(size: tuple[int, int]) -> None:
    lacking = [Lacking(name, job, 1) for name, job in (("a", "llm"), ("b", "stt"), ("c", "tts"))]  # type: ignore[arg-type]  # jobs

    class Broken:
        def missing(self, _: object) -> list[Lacking]:
            return lacking

        def pull(self, *_: object) -> None:
            raise ModelError("could not fetch the package: " + "no such version " * 30, remedy="Try again.")

    async with running(size=size, weights=Broken()) as (app, pilot):
        await until(pilot, lambda: any(line.display for line in app.main.query("#fetch .problem")))
        await pilot.pause()
        prompt = app.main.query_one("#prompt")
        assert prompt.region.height >= 1
        assert prompt.region.bottom <= size[1] - 1
        assert app.main.query_one("#fetch .problem").region.height <= 2


async def test_a_sheet_below_the_palette_closes_neither_itself_nor_the_palette() -> None:
    """A search that ends late, with enter pressed before: what lies over it stays, and the sheet can still be closed."""
    async with running() as (app, pilot):
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        sheet = app.screen
        assert isinstance(sheet, HelpScreen)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        assert sheet.is_current
        assert not sheet.close()
        assert not sheet.close()
        assert isinstance(app.screen, CommandPalette)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is sheet)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
