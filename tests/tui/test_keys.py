"""Every key does what the table of keys says, on every size of terminal."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList, Static

from tests.tui.driving import running, scripted_app, text_of, until
from tests.tui.scripted import READY, ScriptedCore
from vita_tui.events import (
    Alert,
    EngineStatus,
    Health,
    Notice,
    Passed,
    Pausing,
    ReplyDelta,
    ReplyStarted,
    SessionChanged,
    State,
    TurnFinished,
    TurnTimings,
    UserSaid,
)
from vita_tui.tui.app import VitaApp
from vita_tui.tui.screens.diagnostics import DiagnosticsScreen
from vita_tui.tui.screens.help import HelpScreen
from vita_tui.tui.screens.history import HistoryScreen
from vita_tui.tui.screens.log import LogScreen
from vita_tui.tui.screens.main import MainScreen
from vita_tui.tui.screens.settings import SettingsScreen
from vita_tui.tui.widgets.panel import EngineRows, Panel
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.status import StatusLine
from vita_tui.tui.widgets.welcome import Welcome

FORBIDDEN = {"ctrl+m", "ctrl+i", "ctrl+h", "ctrl+a", "ctrl+u", "ctrl+b"}


def test_every_binding_can_be_remapped_and_explains_itself() -> None:
    for source in (
        VitaApp,
        MainScreen,
        Prompt,
        HelpScreen,
        HistoryScreen,
        LogScreen,
        DiagnosticsScreen,
        SettingsScreen,
    ):
        for binding in source.__dict__.get("BINDINGS", ()):
            assert binding.id, binding
            assert binding.tooltip, binding
            assert not FORBIDDEN & set(binding.key.split(",")), binding


@pytest.mark.parametrize("key", ["ctrl+@", "ctrl+space"])
async def test_talk(key: str) -> None:
    core = ScriptedCore()
    async with running(core) as (_, pilot):
        await pilot.press(key)
        await until(pilot, lambda: core.state is State.LISTENING)
        await pilot.press(key)
        await until(pilot, lambda: core.state is State.IDLE)
        assert core.talks == 2


async def test_escape_stops_once_and_the_prompt_has_the_focus() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("ctrl+space", "tab", "escape")
        await until(pilot, lambda: core.stops == 1)
        assert app.main.focused is app.main.query_one(Prompt)


async def test_escape_in_another_screen_closes_it_and_stops_nothing() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        assert core.stops == 0


async def test_f9_turns_the_voice_off_and_on() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        assert text_of(app.main.query_one(StatusLine)).rstrip().endswith("aloud")
        await pilot.press("f9")
        await until(pilot, lambda: not core.speaking_aloud)
        assert text_of(app.main.query_one(StatusLine)).rstrip().endswith("silent")
        await pilot.press("f9")
        await until(pilot, lambda: core.speaking_aloud)


async def test_ctrl_t_listens_without_a_key_and_keys_decide_about_a_pause() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        status = app.main.query_one(StatusLine)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: core.hands_free and "hands-free" in text_of(status))
        microphone = app.main.query_one("#panel-microphone")
        await until(pilot, lambda: "hands-free" in text_of(microphone))
        core.become(State.LISTENING)
        core.bus.publish(Pausing(30.0))
        await until(pilot, lambda: "sends in" in text_of(status))
        await pilot.press("space")
        await until(pilot, lambda: core.held_open == 1)
        assert app.main.query_one(Prompt).text == "", "the key was for the pause"
        assert core.talks == 0
        await pilot.press("enter")
        await until(pilot, lambda: core.talks == 1)
        core.bus.publish(Pausing(None))
        await until(pilot, lambda: "sends in" not in text_of(status))
        await pilot.press("x")
        await until(pilot, lambda: app.main.query_one(Prompt).text == "x")
        assert core.held_open == 1
        core.bus.publish(Pausing(30.0))
        await until(pilot, lambda: "sends in" in text_of(status))
        await pilot.press("y", "space", "z")
        await until(pilot, lambda: app.main.query_one(Prompt).text == "xy z")
        assert core.held_open > 1, "whoever types has not finished"
        await pilot.press("ctrl+t")
        await until(pilot, lambda: not core.hands_free and "mic off" in text_of(status))
        core.become(State.IDLE)
        await until(pilot, lambda: "ctrl+space opens it" in text_of(microphone))


@pytest.mark.parametrize(
    ("key", "screen"),
    [
        ("f1", HelpScreen),
        ("f2", SettingsScreen),
        ("f4", HistoryScreen),
        ("f5", DiagnosticsScreen),
        ("ctrl+l", LogScreen),
    ],
)
async def test_a_key_opens_a_screen_and_closes_it_again(key: str, screen: type) -> None:
    async with running(size=(80, 24)) as (app, pilot):
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, screen))
        await pilot.press(key)
        await until(pilot, lambda: app.screen is app.main)


async def test_one_screen_takes_the_place_of_another() -> None:
    async with running() as (app, pilot):
        await pilot.press("f1", "f5")
        await until(pilot, lambda: isinstance(app.screen, DiagnosticsScreen))
        assert len(app.screen_stack) == 2


async def test_the_palette_runs_our_commands() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen is not app.main)
        await pilot.press(*"disabled")
        listing = app.screen.query_one(OptionList)
        await until(
            pilot,
            lambda: listing.option_count > 0 and "disabled" in str(listing.get_option_at_index(0).prompt),
        )
        await pilot.press("enter")
        await until(pilot, lambda: all(chain.resets == 1 for chain in core.chains.values()))


async def test_copying_the_last_reply_and_its_code() -> None:
    core = ScriptedCore(reply="Do:\n\n```sh\nls -l\n```\n")
    async with running(core) as (app, pilot):
        await pilot.press("ctrl+o")
        assert app.clipboard == ""
        app.ask("how")
        await until(pilot, lambda: core.state is State.IDLE and bool(app.main.query("MarkdownFence")))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: app.clipboard == "Do:\n\n```sh\nls -l\n```\n")
        app.main.action_copy_code()
        await until(pilot, lambda: app.clipboard == "ls -l\n")


async def test_ctrl_q_closes_the_assistant() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("ctrl+q")
        await until(pilot, lambda: core.closed == 1)
    assert app.return_code == 0


async def test_an_assistant_that_does_not_close_does_not_keep_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stubborn(ScriptedCore):
        async def aclose(self) -> None:
            await super().aclose()
            self.hold.clear()
            await self.hold.wait()

    monkeypatch.setattr("vita_tui.tui.leaving.CLOSING", 0.01)
    core = Stubborn()
    async with running(core) as (app, pilot):
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.return_code == 0)


@pytest.mark.parametrize("size", [(160, 45), (100, 24), (80, 24), (40, 10), (20, 5), (5, 2), (1, 1)])
async def test_every_size_of_terminal(size: tuple[int, int]) -> None:
    core = ScriptedCore()
    async with running(core, size=size) as (app, pilot):
        app.ask("hello")
        await until(pilot, lambda: core.state is State.IDLE)
        await pilot.press("f3", "f1", "f1", "ctrl+space", "f3", "escape")
        await until(pilot, lambda: app.main.query_one(Panel).display is (size[0] >= 100))
        if size[1] >= 5:
            assert app.main.query_one(Prompt).region.height >= 1


async def test_the_panel_folds_away_and_comes_back() -> None:
    async with running(size=(80, 24)) as (app, pilot):
        panel = app.main.query_one(Panel)
        assert not panel.display
        await pilot.press("f3")
        await until(pilot, lambda: panel.display)
        await pilot.press("f3")
        await until(pilot, lambda: not panel.display)
        await pilot.resize_terminal(120, 30)
        await until(pilot, lambda: panel.display)


async def test_the_panel_says_who_answers_and_why() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        core.bus.publish(
            EngineStatus("tts", "piper", Health.DISABLED, False, "piper timed out (2 times)", 28.0)
        )
        core.bus.publish(
            EngineStatus("tts", "pyttsx3", Health.READY, True, last_ms=12, median_ms=11, place=1)
        )
        core.bus.publish(SessionChanged("1", "About gulls", 4, 1234, 1_700_000_000.0))
        rows = app.main.query_one(Panel).query_one(EngineRows)
        await until(pilot, lambda: "retry in 28 s" in text_of(rows))
        lines = [line.strip() for line in text_of(rows).splitlines()]
        voice = next(line for line in lines if "voice" in line)
        assert voice.split() == ["✗", "voice", "piper"]
        assert any(line.split() == ["✓", "fallback", "pyttsx3"] for line in lines)
        assert "2 questions" in text_of(app.main.query_one("#panel-session"))
        assert "About gulls" in text_of(app.main.query_one("#panel-session"))
        assert "1,234 tokens" in text_of(app.main.query_one("#panel-session"))
        assert "12 min old" in text_of(app.main.query_one("#panel-session"))


async def test_a_notice_is_a_toast_and_a_serious_one_stays_in_the_panel() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        core.bus.publish(Notice("Now listening", "USB [red]mic[/red]"))
        core.bus.publish(
            Notice("No speaker", "PortAudio found none.", "vita devices", "warning", key="speaker")
        )
        core.bus.publish(Notice("No speaker", "Still none.", "vita devices", "warning", key="speaker"))
        await until(
            pilot,
            lambda: (
                len(app._notifications) == 2 and "Still" in "".join(t.message for t in app._notifications)
            ),
        )
        toasts = {toast.title: toast for toast in app._notifications}
        assert toasts["Now listening"].message == "USB [red]mic[/red]"
        assert not toasts["Now listening"].markup
        assert "→ vita devices" in toasts["No speaker"].message
        kept = text_of(app.main.query_one("#panel-attention"))
        assert kept.count("No speaker") == 1
        assert "Still none." in kept
        assert "Now listening" not in kept


async def test_what_has_passed_leaves_the_panel() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        panel = app.main.query_one("#panel-attention")
        warnings = [
            Notice(
                "Speaking with pyttsx3", "Because piper timed out (2 times).", "", "warning", "engine:tts"
            ),
            Alert("Slow: answers", "4.0 s, over 3 s.", "", "warning", "timing:turn_seconds"),
            Notice("No answer", "The model said nothing.", "", "error", "answer"),
        ]
        for warning in warnings:
            core.bus.publish(warning)
        await until(pilot, lambda: all(warning.title in text_of(panel) for warning in warnings))
        assert "Because piper timed out (2 times)." in " ".join(text_of(panel).split())
        core.bus.publish(Notice("Speaking with piper again", key="engine:tts"))
        core.bus.publish(Passed("timing:turn_seconds"))
        await until(pilot, lambda: "Slow" not in text_of(panel))
        assert "Speaking" not in text_of(panel)
        core.bus.publish(TurnFinished(2, TurnTimings(), {"llm": "embedded"}))
        await until(pilot, lambda: not panel.display)


async def test_no_microphone_is_on_the_status_line() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        core.bus.publish(
            Notice("No microphone", "Type instead.", "vita devices", "warning", key="microphone")
        )
        await until(pilot, lambda: "no microphone" in text_of(app.main.query_one(StatusLine)))
        # And nobody is told to press a key and speak.
        words = app.main.query_one(Welcome).query_one(".words", Static)
        await until(pilot, lambda: "Type below." in text_of(words))
        assert "ctrl+space" not in text_of(words) + text_of(app.main.query_one(StatusLine))
        assert "speak" not in str(app.main.query_one(Prompt).placeholder)
        core.bus.publish(Notice("Microphone", "listening to default", key="microphone"))
        await until(pilot, lambda: "and speak" in text_of(words))


async def test_an_engine_that_no_setting_names_is_not_waited_for() -> None:
    app = scripted_app(ScriptedCore(engines=[status for status in READY if status.job != "tts"]))
    async with app.run_test(size=(120, 40)) as pilot:
        rows = app.main.query_one(Panel).query_one(EngineRows)
        await until(pilot, lambda: "none is set up" in text_of(rows))
        assert "starting" not in text_of(rows)


async def test_warming_up_is_visible_on_a_narrow_terminal() -> None:
    core = ScriptedCore()
    async with running(core, size=(80, 24)) as (app, pilot):
        rows = app.main.query_one(Welcome).query_one(EngineRows)
        await until(pilot, lambda: READY[1].engine in text_of(rows))


async def test_an_assistant_that_cannot_be_built_ends_the_program_with_its_error() -> None:
    def build(_: object) -> ScriptedCore:
        raise ValueError("no")

    app = VitaApp(build)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.return_code == 1)
    assert str(app.error) == "no"


async def test_ten_failures_are_one_toast_and_one_counted_notice() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        for number in range(10):
            core.bus.publish(Notice("No answer", f"The server said {number}.", "r", "error", "answer"))
        attention = app.main.query_one("#panel-attention")
        await until(pilot, lambda: "10 times" in text_of(attention))
        assert [note.message for note in app._notifications] == ["The server said 9.\n→ r"]
        assert text_of(attention).count("No answer") == 1
        core.bus.publish(Passed("answer"))
        core.bus.publish(Notice("No answer", "The server said no.", "r", "error", "answer"))
        await until(pilot, lambda: "said no" in text_of(attention))
        assert "times" not in text_of(attention)


async def test_a_long_wait_says_for_whom_and_how_to_end_it() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        status = app.main.query_one(StatusLine)
        core.become(State.THINKING)
        core.bus.publish(ReplyStarted(1, "large at host:1"))
        await until(pilot, lambda: status.waits_for == "large at host:1")
        assert "thinking" in text_of(status)
        assert "waits for" not in text_of(status)
        status.waited = 31
        await until(
            pilot, lambda: "thinking 31 s · waits for large at host:1 · esc drops it" in text_of(status)
        )
        core.bus.publish(UserSaid(1, "hello", False))
        core.bus.publish(ReplyDelta(1, "Gulls"))
        await until(pilot, lambda: "waits for" not in text_of(status))
        core.become(State.IDLE)
        core.become(State.THINKING)
        await until(pilot, lambda: (status.waited, status.waits_for) == (0, "the model"))
