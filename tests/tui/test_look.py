"""In every theme what is shown can be read: contrasts by WCAG on what is really painted, 4.5 for words and 3 for marks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from rich.segment import Segment
from textual.color import Color
from textual.filter import NoColor
from textual.theme import BUILTIN_THEMES, Theme
from textual.widget import Widget
from textual.widgets import OptionList

from tests.tui.driving import App, running, text_of, until
from tests.tui.scripted import ScriptedCore, ScriptedShelf, session_of
from tests.tui.test_choices import NAMED, command, on
from tests.tui.test_settings import on_settings, type_in
from vita_tui.engines.llm import served_models
from vita_tui.events import (
    EngineStatus,
    Health,
    LevelChanged,
    Notice,
    PartialTranscript,
    State,
    ToolAsked,
    ToolStarted,
)
from vita_tui.settings import Settings
from vita_tui.tui.app import VitaApp
from vita_tui.tui.contrast import LEAST_MARKS, LEAST_WORDS, contrast, readable
from vita_tui.tui.look import wave
from vita_tui.tui.screens.menu import Menu
from vita_tui.tui.screens.model_picker import ModelPicker
from vita_tui.tui.screens.prompt_editor import PromptEditor
from vita_tui.tui.screens.quick_pickers import LanguagePicker, ProfilePicker, ThemePicker
from vita_tui.tui.screens.setting_editor import SettingEditor
from vita_tui.tui.screens.voice_picker import VoicePicker
from vita_tui.tui.widgets.status import StatusLine
from vita_tui.tui.widgets.welcome import Welcome

OWN_COLOURS = [name for name in BUILTIN_THEMES if not name.startswith("ansi")]
"""The other themes have the colours of the terminal, which nobody but the terminal knows."""
REPLY = (
    "# Gulls\n\nThey are **clever**, *loud* and `quick`: [more](https://gulls.example).\n\n> They say\n\n"
    "1. one\n2. two\n\n- [x] done\n- [ ] open\n\n| bird | count |\n|---|---:|\n| gull | 1,200 |\n\n"
    "```python\ndef gull(wing: int) -> str:\n    # comment\n    return f'{wing} × 1.5'\n```\n\n---\n\nThe end."
)


async def _answered(app: App) -> None:
    await app[1].press(*"gulls?", "enter")
    await until(app[1], lambda: bool(app[0].main.query("MarkdownFence")))


async def _noticed(app: App) -> None:
    assert isinstance(app[0].core, ScriptedCore)
    bus = app[0].core.bus
    for severity in ("error", "warning"):
        bus.publish(Notice(f"A {severity}", "It happened.", "vita doctor", severity, key=severity))
    bus.publish(EngineStatus("tts", "piper", Health.DISABLED, False, "piper timed out (2 of 2)", 28.0))
    bus.publish(EngineStatus("stt", "base", Health.DEGRADED, True, "slow"))
    app[0].core.talk()
    bus.publish(LevelChanged(-23.0, 0.9))
    bus.publish(PartialTranscript("tell me about", "herons", 1.4, 0.2))
    bus.publish(ToolStarted(1, "1.1", "read_file", "VITA", "path: a.txt"))
    bus.publish(ToolAsked(1, "1.2", "run_command", "VITA", "command: ls", "act"))
    await app[1].pause()


def _opened(key: str) -> Callable[[App], Awaitable[None]]:
    async def opened(app: App) -> None:
        await app[1].press(key)
        await until(app[1], lambda: app[0].screen is not app[0].main)
        await app[1].pause()

    return opened


def _commanded(words: str, kind: type[Any]) -> Callable[[App], Awaitable[None]]:
    async def commanded(app: App) -> None:
        await command(app[1], words)
        screen = await on(app[1], app[0], kind)
        await until(app[1], lambda: all(one.option_count for one in screen.query(OptionList)))
        await app[1].pause()

    return commanded


def _edited(key: str, kind: type[Any], typed: str = "") -> Callable[[App], Awaitable[None]]:
    async def edited(app: App) -> None:
        await on_settings(app[1], app[0], key)
        if typed:
            await type_in(app[1], app[0], typed)
            await until(app[1], lambda: bool(app[0].screen.query(".failed")))
        else:
            await app[1].press("enter")
            await on(app[1], app[0], kind)
        await app[1].pause()

    return edited


async def _first_start(app: App) -> None:
    app[0].main.query_one(Welcome).show_first("a model of 1.7 billion weights fits into memory")
    assert isinstance(app[0].core, ScriptedCore)
    app[0].core.bus.publish(LevelChanged(-23.0, 0.9))
    await until(app[1], lambda: "heard" in text_of(app[0].main.query_one("#welcome-first")))
    await app[1].pause()


async def _selected(app: App) -> None:
    await app[1].press(*"gulls", "shift+home")
    await app[1].pause()


async def _all_selected(app: App) -> None:
    await _answered(app)
    app[0].screen.text_select_all()
    await app[1].pause()


async def _commands(app: App) -> None:
    await app[1].press("/")
    await app[1].pause()


SCENES: dict[str, Callable[[App], Awaitable[None]]] = {
    "last conversations": lambda app: app[1].pause(),
    "first start": _first_start,
    "commands": _commands,
    "an answer": _answered,
    "an answer that is selected": _all_selected,
    "a question that is selected": _selected,
    "what asks for attention": _noticed,
    "help": _opened("f1"),
    "settings": _opened("f2"),
    "history": _opened("f4"),
    "diagnostics": _opened("f5"),
    "palette": _opened("ctrl+p"),
    "models": _commanded("model", ModelPicker),
    "voices": _commanded("voice", VoicePicker),
    "languages": _commanded("language", LanguagePicker),
    "themes": _commanded("theme", ThemePicker),
    "profiles": _commanded("persona", ProfilePicker),
    "system prompt": _commanded("system", PromptEditor),
    "a line of the settings": _edited("tts.rate", SettingEditor),
    "a wrong line of the settings": _edited("tts.rate", SettingEditor, "77"),
    "a text of the settings": _edited("llm.system_prompt", SettingEditor),
    "a choice of the settings": _edited("audio.duplex", Menu),
}


def painted(app: VitaApp) -> Iterator[Segment]:
    """All that is on the screen, row by row; of a screen that lies over the conversation what is in its frame."""
    strips = app.screen._compositor.render_strips()
    frame = app.screen.query(".sheet, .menu, CommandPalette > Vertical")
    region = frame.first().region if frame else app.screen.region
    for strip in strips[region.y : region.bottom]:
        yield from strip.crop(region.x, region.right)


def weak(app: VitaApp) -> dict[str, float]:
    """What is painted with less contrast than it should have, and with how much."""
    found = {}
    for text, style, _ in painted(app):
        text = text.strip()
        if not text or style is None or style.color is None or style.bgcolor is None:
            continue
        if all(0x2500 <= ord(letter) <= 0x259F for letter in text):
            continue  # frames, bars and scrollbars
        front, back = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
        if style.reverse:
            front, back = back, front
        least = LEAST_WORDS if any(letter.isalnum() for letter in text) else LEAST_MARKS
        if (ratio := contrast(front, back)) < least:
            found[text] = round(ratio, 1)
    return found


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> ScriptedCore:
    monkeypatch.setattr(served_models, "LOCAL_SERVERS", {})  # what else runs on this machine is not looked at
    shelf = ScriptedShelf(session_of("gulls?", "Clever."))
    return ScriptedCore(
        reply=REPLY, shelf=shelf, settings=Settings.model_validate({"profiles": {"named": NAMED}})
    )


@pytest.mark.long
@pytest.mark.parametrize("scene", SCENES)
async def test_all_can_be_read_in_every_theme(scene: str, core: ScriptedCore) -> None:
    hard: dict[str, Any] = {}
    async with running(core, size=(140, 60)) as (app, pilot):
        await SCENES[scene]((app, pilot))
        for theme in OWN_COLOURS:
            app.theme = theme
            await pilot.pause()
            await pilot.pause()
            if found := weak(app):
                hard[theme] = found
        assert core.state in (State.IDLE, State.LISTENING)
    assert not hard


@pytest.mark.long
@pytest.mark.parametrize("scene", SCENES)
async def test_no_scene_overlaps_at_any_width(scene: str, core: ScriptedCore) -> None:
    hard: dict[int, list[str]] = {}
    async with running(core, size=(120, 24)) as (app, pilot):
        await SCENES[scene]((app, pilot))
        for width in (40, 60, 80, 99, 100, 140, 200):
            await pilot.resize_terminal(width, 24)
            await pilot.pause()
            await pilot.pause()
            if found := overlaps(app):
                hard[width] = found
    assert not hard


@pytest.mark.parametrize("theme", BUILTIN_THEMES.values(), ids=BUILTIN_THEMES)
def test_the_colours_of_words_stand_out(theme: Theme) -> None:
    given = theme.to_color_system().generate()
    colours = readable(given)
    if theme.ansi:
        assert colours == given, "the terminal's own"
        return
    for ground in ("background", "surface", "block-cursor-background", "block-cursor-blurred-background"):
        for name in (
            "foreground",
            "text-muted",
            "text-error",
            "text-warning",
            "text-success",
            "text-primary",
        ):
            ratio = contrast(Color.parse(colours[name]), Color.parse(colours[ground]))
            assert ratio >= LEAST_WORDS, f"{name} on {ground}: {ratio:.1f}"
    muted, plain = (
        contrast(Color.parse(colours[name]), Color.parse(colours["background"]))
        for name in ("text-muted", "foreground")
    )
    assert muted < plain, "what is muted is fainter than the rest"


async def test_without_colours_a_mark_is_seen_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(size=(80, 24)) as (app, pilot):
        await pilot.press("f2")
        await until(pilot, lambda: app.screen is not app.main)
        await pilot.pause()
        marked = [
            text for text, style, _ in painted(app) if style is not None and style.underline and text.strip()
        ]
        assert any("Speak replies aloud" in text for text in marked)
        filters = app.get_line_filters()
        assert any(isinstance(one, NoColor) for one in filters)


@pytest.mark.parametrize("width", [40, 60, 99, 100, 140, 200])
async def test_nothing_lies_over_another_thing_at_any_width(width: int, core: ScriptedCore) -> None:
    async with running(core, size=(width, 24)) as (app, pilot):
        await _answered((app, pilot))
        for key in ("", "f1", "f2", "f4", "f5", "ctrl+l"):
            if key:
                await pilot.press(key)
                await until(pilot, lambda: app.screen is not app.main)
                await pilot.pause()
            assert not overlaps(app), key
            if key:
                await pilot.press("escape")
                await until(pilot, lambda: app.screen is app.main)


def overlaps(app: VitaApp) -> list[str]:
    """Pairs of widgets that share cells, and widgets that reach over the edge, on the screen on top."""
    shown = [
        (widget, widget.region.intersection(widget.parent.region))
        for widget in app.screen.query("*")
        if not widget.children and widget.is_on_screen and widget.parent is not None
        if isinstance(widget.parent, Widget) and widget.visible
    ]
    found = [str(one) for one, region in shown if region.right > app.screen.size.width]
    for at, (one, region) in enumerate(shown):
        found += [
            f"{one} and {other}"
            for other, place in shown[at + 1 :]
            if region.overlaps(place) and region.area and place.area and one.layer == other.layer
        ]
    return found


@pytest.mark.parametrize(
    ("shares", "shown"),
    [((), "    "), ((0.0, 1.0), "   █"), ((0.5,) * 6, "▄▄▄▄"), ((-1.0, 2.0), "   █")],
)
def test_a_waveform_has_the_newest_at_the_right(shares: tuple[float, ...], shown: str) -> None:
    assert wave(shares, 4) == shown


async def test_the_status_line_draws_what_the_microphone_heard() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        status = app.main.query_one(StatusLine)
        core.become(State.LISTENING)
        await until(pilot, lambda: status.state is State.LISTENING)
        for dbfs in (-50.0, -30.0, -6.0):
            core.bus.publish(LevelChanged(dbfs, 0.9))
            await until(pilot, lambda dbfs=dbfs: status.level == dbfs)  # type: ignore[misc]
        assert "▁▄▇" in text_of(status)
