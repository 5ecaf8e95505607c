"""Settings: shown with where they come from, changed in the file without harm to the rest of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from textual.widgets import Input, Static

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore
from vita_tui import paths, settings
from vita_tui.errors import SettingsError
from vita_tui.settings.file import change, forget, source_of
from vita_tui.tui.screens.menu import Menu
from vita_tui.tui.screens.quick_pickers import ThemePicker
from vita_tui.tui.screens.setting_editor import SettingEditor
from vita_tui.tui.screens.settings import SettingList, SettingsScreen


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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# mine\n[tts]\n# slower\nrate = 0.9\nvolume = 0.5\n", "# mine\n[tts]\n# slower\nvolume = 0.5\n"),
        ('[llm]\nmodel = "x"\n[tts]\nrate = 0.9\n', '[llm]\nmodel = "x"\n[tts]\n'),
        ("tts.rate = 0.9\ntts.volume = 0.5\n", "[tts]\nvolume = 0.5\n"),
        ("[tts]\nvolume = 0.5\n", "[tts]\nvolume = 0.5\n"),
    ],
    ids=["comments stay", "the last of its section", "written another way", "not there"],
)
def test_a_setting_is_taken_out_of_the_file(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "vita.toml"
    file.write_text(before)
    forget("tts.rate", file)
    assert file.read_text() == after
    assert settings.load(file).tts.rate == 1.0


async def test_a_theme_that_is_not_there_is_said() -> None:
    async with running(theme="nrod") as (app, pilot):
        attention = app.main.query_one("#panel-attention", Static)
        await until(pilot, lambda: "nrod" in text_of(attention))
        assert app.theme == "textual-dark"


async def on_settings(pilot: Any, app: Any, key: str = "") -> None:
    """Open the screen, with the mark on the setting `key`."""
    await pilot.press("f2")
    await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
    if key:
        mark(app, key)
        await pilot.pause()


def mark(app: Any, key: str) -> None:
    listing = app.screen.query_one(SettingList)
    listing.highlighted = listing.get_option_index(key)


def line(app: Any, key: str) -> str:
    return str(app.screen.query_one(SettingList).get_option(key).prompt)


def note(app: Any) -> str:
    return text_of(app.screen.query_one("#settings-note", Static))


async def type_in(pilot: Any, app: Any, text: str) -> None:
    """Open the editor of the setting at the mark, and save `text` in it."""
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, SettingEditor))
    app.screen.query_one(Input).value = text
    await pilot.press("enter")


async def test_settings_are_changed_filtered_and_set_back() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await on_settings(pilot, app)
        keys = [option.id for option in app.screen.query_one(SettingList).options if option.id]
        assert sorted(keys) == sorted(key for key, _ in settings.fields()), "all of them are there"
        assert not paths.config_file().exists(), "opening the screen changes nothing"
        assert "audio.speak" in note(app), "the first is described"

        mark(app, "audio.speak")
        await pilot.press("enter")
        await until(pilot, lambda: not core.speaking_aloud and line(app, "audio.speak").startswith("● "))

        mark(app, "tts.rate")
        await type_in(pilot, app, "77")
        problem = app.screen.query_one("#setting-problem", Static)
        await until(pilot, lambda: "Speed takes a number, 0.5 to 3 ×, not 77." in text_of(problem))
        assert core.settings.tts.rate == 1.0
        app.screen.query_one(Input).value = "1,5"
        await pilot.press("enter")
        await until(
            pilot, lambda: isinstance(app.screen, SettingsScreen) and "1.5 ×" in line(app, "tts.rate")
        )
        assert core.settings.tts.rate == 1.5
        assert "it takes effect now" in note(app)
        loaded = settings.load()
        assert (loaded.audio.speak, loaded.tts.rate) == (False, 1.5)

        mark(app, "tts.rate")
        await pilot.press("r")
        await until(pilot, lambda: core.settings.tts.rate == 1.0 and "is the default again" in note(app))
        assert line(app, "tts.rate").startswith("  Speed")
        assert "rate" not in paths.config_file().read_text()

        await pilot.press("slash", *"loudness")
        await until(pilot, lambda: app.screen.query_one(SettingList).option_count < len(keys) // 4)
        assert "100 %" in line(app, "tts.volume")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query_one(SettingList).option_count > len(keys))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_what_waits_for_the_next_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_AUDIO__PRE_ROLL", "0.7")
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await on_settings(pilot, app, "audio.duplex")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Menu))
        await pilot.press("down", "enter")
        await until(pilot, lambda: settings.load().audio.duplex == "full_duplex")
        await until(pilot, lambda: "it takes effect at the next start" in note(app))
        assert line(app, "audio.duplex").endswith("at the next start")
        assert core.settings.audio.duplex == "auto"
        mark(app, "audio.pre_roll")
        await until(pilot, lambda: "from the environment, which goes before your file" in note(app))


async def test_a_theme_is_tried_from_the_settings_and_set_back() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await on_settings(pilot, app, "ui.theme")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ThemePicker))
        await pilot.press(*"nord", "enter")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and "nord" in line(app, "ui.theme"))
        assert settings.load().ui.theme == app.theme
        mark(app, "ui.theme")
        await pilot.press("delete")
        await until(pilot, lambda: app.theme == "textual-dark" and "is the default again" in note(app))
        assert "theme" not in paths.config_file().read_text()


async def test_no_secret_is_shown() -> None:
    overrides = {"llm": {"api_key": "sk-very-secret", "base_url": "http://me:very-secret@box/v1"}}
    core = ScriptedCore(settings=settings.load(overrides=overrides))
    async with running(core) as (app, pilot):
        await on_settings(pilot, app)
        for key in ("llm.api_key", "llm.base_url"):
            mark(app, key)
            await until(pilot, lambda key=key: key in note(app))  # type: ignore[misc]
            assert "very-secret" not in line(app, key) + note(app)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, SettingEditor))
            assert app.screen.query_one(Input).value == ""
            assert app.screen.query_one(Input).password
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        assert core.settings.llm.api_key.get_secret_value() == "sk-very-secret"
        assert not paths.config_file().exists(), "nothing typed is nothing changed"


async def test_what_the_file_cannot_have_is_said_in_the_editor() -> None:
    async with running() as (app, pilot):
        await on_settings(pilot, app, "stt.model")
        await type_in(pilot, app, "")
        problem = app.screen.query_one("#setting-problem", Static)
        await until(pilot, lambda: "must not be empty" in text_of(problem))
        assert not paths.config_file().exists()


async def test_switches_show_what_the_keys_have_changed() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("f9", "ctrl+t")
        await until(pilot, lambda: core.hands_free and not core.speaking_aloud)
        await on_settings(pilot, app, "audio.speak")
        assert " off" in line(app, "audio.speak")
        assert " on" in line(app, "talk.hands_free")
        await pilot.press("space")
        await until(pilot, lambda: core.speaking_aloud)


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
