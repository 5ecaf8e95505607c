"""Settings: shown with where they come from, changed in the file without harm to the rest of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from textual.widgets import Input, Select, Static, Switch

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore
from vita_tui import paths, settings
from vita_tui.errors import SettingsError
from vita_tui.settings.file import change, source_of
from vita_tui.tui.screens.settings import SettingsScreen


def test_a_change_keeps_comments_and_order(tmp_path: Path) -> None:
    file = tmp_path / "vita.toml"
    file.write_text(
        '# mine\n[stt]\nmodel = "base"  # good\n\n[tts]\n# slower\nrate = 0.9\n\n[ui]\npanel = false\n'
    )
    change("tts.rate", 1.2, file)
    change("tts.volume", 0.5, file)
    change("audio.speak", False, file)
    assert file.read_text() == (
        '# mine\n[stt]\nmodel = "base"  # good\n\n[tts]\n# slower\nrate = 1.2\nvolume = 0.5\n\n'
        "[ui]\npanel = false\n\n[audio]\nspeak = false\n"
    )
    assert settings.load(file).tts.volume == 0.5


def test_a_value_over_several_lines_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "vita.toml"
    file.write_text('[llm]\nsystem_prompt = """\nyou\nare\n"""\nmodel = "x"\n')
    change("llm.system_prompt", "short", file)
    loaded = settings.load(file)
    assert (loaded.llm.system_prompt, loaded.llm.model) == ("short", "x")


@pytest.mark.parametrize(("key", "value"), [("tts.rate", 99.0), ("tts.nonsense", 1)])
def test_a_value_that_is_wrong_leaves_the_file_as_it_was(tmp_path: Path, key: str, value: object) -> None:
    file = tmp_path / "vita.toml"
    file.write_text("[tts]\nrate = 0.9\n")
    with pytest.raises(SettingsError, match="tts"):
        change(key, value, file)
    assert file.read_text() == "[tts]\nrate = 0.9\n"
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(
    ("key", "value", "variable"),
    [("llm.model", "", "gemma"), ("tts.rate", 99.0, "1.2"), ("audio.duplex", "loud", "auto")],
)
def test_what_a_variable_hides_is_checked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: object, variable: str
) -> None:
    """The next start may be without it."""
    file = tmp_path / "vita.toml"
    monkeypatch.setenv(f"VITA_{key.replace('.', '__').upper()}", variable)
    with pytest.raises(SettingsError) as caught:
        change(key, value, file)
    assert caught.value.message.startswith(f"{file}: {key} is wrong: ")
    assert not file.exists()


def test_a_file_that_is_not_toml_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "vita.toml"
    file.write_text("[tts\n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        change("tts.rate", 1.0, file)
    assert file.read_text() == "[tts\n"


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(text=st.text(max_size=40))
def test_any_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    file = tmp_path / "vita.toml"
    change("llm.system_prompt", text, file)
    assert settings.load(file).llm.system_prompt == text


def test_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_TTS__RATE", "1.1")
    content = {"tts": {"rate": 0.9, "volume": 0.3}}
    assert source_of("tts.rate", {"tts": {"rate": 2.0}}, content) == "flag"
    assert source_of("tts.rate", {}, content) == "environment"
    assert source_of("tts.volume", {}, content) == "file"
    assert source_of("tts.voice", {}, content) == "default"


async def test_changing_settings_on_the_screen() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        assert not paths.config_file().exists(), "opening the screen changes nothing"
        app.screen.query_one("#audio-speak", Switch).toggle()
        await until(pilot, lambda: not core.speaking_aloud)
        rate = app.screen.query_one("#tts-rate", Input)
        rate.focus()
        rate.value = "1.5"
        await pilot.press("enter")
        await until(pilot, lambda: core.settings.tts.rate == 1.5)
        app.screen.query_one("#ui-theme", Select).value = "nord"
        await until(pilot, lambda: app.theme == "nord")
        loaded = settings.load()
        assert (loaded.audio.speak, loaded.tts.rate, loaded.ui.theme) == (False, 1.5, "nord")
        listing = text_of(app.screen.query_one("#settings-all", Static))
        assert "tts.rate = 1.5   from your file" in listing


async def test_a_theme_that_is_not_there_is_said() -> None:
    async with running(theme="nrod") as (app, pilot):
        attention = app.main.query_one("#panel-attention", Static)
        await until(pilot, lambda: "nrod" in text_of(attention))
        assert app.theme == "textual-dark"


async def test_a_wrong_value_is_said_and_not_saved() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        rate = app.screen.query_one("#tts-rate", Input)
        rate.focus()
        rate.value = "77"
        await pilot.press("enter")
        note = app.screen.query_one("#settings-note", Static)
        await until(pilot, lambda: "tts.rate is wrong" in text_of(note))
        assert not paths.config_file().exists()
        assert core.settings.tts.rate == 1.0


async def test_no_secret_is_shown() -> None:
    core = ScriptedCore(settings=settings.load(overrides={"llm": {"api_key": "sk-very-secret"}}))
    async with running(core) as (app, pilot):
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        listing = text_of(app.screen.query_one("#settings-all", Static))
        assert "llm.api_key = set" in listing
        assert "secret" not in listing.replace("Secret", "")


async def on_settings(pilot: Any, app: Any) -> None:
    await pilot.press("f2")
    await until(pilot, lambda: isinstance(app.screen, SettingsScreen))


async def test_what_was_saved_is_shown_and_can_be_set_back() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        for model in ("fake-large", "smollm2-135m-instruct"):
            await on_settings(pilot, app)
            field = app.screen.query_one("#llm-model", Input)
            field.focus()
            field.value = model
            await pilot.press("enter")
            await _loads(pilot, model)
            await pilot.press("escape")
            await on_settings(pilot, app)
            assert app.screen.query_one("#llm-model", Input).value == model, "the saved value is shown"
            assert core.settings.llm.model == model, "and counts at once"
            await pilot.press("escape")


@pytest.mark.parametrize("typed", ["fake-lar", ""])
async def test_what_is_half_typed_is_not_saved(typed: str) -> None:
    async with running() as (app, pilot):
        await on_settings(pilot, app)
        field = app.screen.query_one("#llm-model", Input)
        field.focus()
        field.value = typed
        app.screen.query_one("#audio-speak", Switch).focus()
        note = app.screen.query_one("#settings-note", Static)
        await until(pilot, lambda: "enter saves it" in text_of(note))
        assert not paths.config_file().exists()


async def test_an_empty_model_is_refused() -> None:
    async with running() as (app, pilot):
        await on_settings(pilot, app)
        field = app.screen.query_one("#llm-model", Input)
        field.focus()
        field.value = ""
        await pilot.press("enter")
        note = app.screen.query_one("#settings-note", Static)
        await until(pilot, lambda: "must not be empty" in text_of(note))
        assert not paths.config_file().exists()


async def test_switches_show_what_the_keys_have_changed() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("f9", "ctrl+t")
        await until(pilot, lambda: core.hands_free and not core.speaking_aloud)
        await on_settings(pilot, app)
        assert not app.screen.query_one("#audio-speak", Switch).value
        assert app.screen.query_one("#talk-hands_free", Switch).value
        app.screen.query_one("#audio-speak", Switch).toggle()
        await until(pilot, lambda: core.speaking_aloud)


async def test_the_note_says_nothing_was_saved_before_it_was() -> None:
    async with running() as (app, pilot):
        await on_settings(pilot, app)
        assert text_of(app.screen.query_one("#settings-note", Static)).startswith("Settings are kept in")


async def test_a_theme_chosen_in_the_palette_is_kept() -> None:
    async with running() as (app, pilot):
        app.theme = "dracula"
        await until(pilot, lambda: settings.load().ui.theme == "dracula")


async def test_another_talk_key_counts_at_once() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.change("talk.key", "f7")
        await until(pilot, lambda: "f7" in app.talk_key.keys)
        await pilot.press("f7")
        await until(pilot, lambda: core.talks == 1)


@pytest.mark.parametrize(
    ("key", "value"), [("talk.end_silence", "banana"), ("tts.rate", 99), ("talk.threshold", 2)]
)
def test_a_setting_takes_no_wrong_value_while_it_runs(key: str, value: object) -> None:
    running_now = settings.Settings()
    with pytest.raises(SettingsError, match=key):
        settings.assign(running_now, key, value)
    assert running_now == settings.Settings()


async def _loads(pilot: Any, model: str) -> None:
    await until(pilot, lambda: settings.load().llm.model == model)
