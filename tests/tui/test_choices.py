"""Models, voices, languages, themes and profiles, chosen on the screen; applied at once, and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList, Static, TextArea

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore
from vita_tui import paths, settings
from vita_tui.engines.llm import served_models as served
from vita_tui.engines.llm.served_models import ServedModel
from vita_tui.events import ContextUsed, ReplyFinished, State
from vita_tui.settings import LlmSettings, Settings
from vita_tui.text.spoken_languages import spoken_languages
from vita_tui.tui.core import Lacking
from vita_tui.tui.model_choices import BUILT_IN, Selectable, built_in_choices, served_choices, typed_choice
from vita_tui.tui.screens.model_picker import ModelPicker
from vita_tui.tui.screens.picker import Picker
from vita_tui.tui.screens.prompt_editor import PromptEditor
from vita_tui.tui.screens.quick_pickers import LanguagePicker, ProfilePicker, ThemePicker
from vita_tui.tui.screens.voice_picker import VoicePicker
from vita_tui.tui.voice_choices import language_choices, voice_choices
from vita_tui.tui.widgets.panel import Panel
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.status import StatusLine

GIB = 1 << 30
SERVER = "http://127.0.0.1:9/v1"
NAMED = {"pirate": {"model": "large", "temperature": 1.2, "system_prompt": "You are a pirate."}}


@pytest.fixture(autouse=True)
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else runs on this machine is not looked at."""
    monkeypatch.setattr(served, "LOCAL_SERVERS", {})


async def typed(pilot: Any, text: str) -> None:
    for letter in text:
        await pilot.press(
            {" ": "space", "/": "slash", ".": "full_stop", "-": "minus", "_": "underscore"}.get(
                letter, letter
            )
        )


async def command(pilot: Any, words: str) -> None:
    await typed(pilot, f"/{words}")
    if " " not in words:
        await pilot.press("escape")  # the offered commands
    await pilot.press("enter")


async def on(pilot: Any, app: Any, kind: type[Any]) -> Any:
    await until(pilot, lambda: isinstance(app.screen, kind) and bool(app.screen.query("*")))
    return app.screen


def lines(screen: Picker) -> list[str]:
    listing = screen.query_one(OptionList)
    return [str(listing.get_option_at_index(number).prompt) for number in range(listing.option_count)]


# ---- what there is to choose from


def test_a_model_says_what_it_costs_and_whether_it_fits() -> None:
    here, *others = built_in_choices(LlmSettings(), 2 * GIB)
    assert here.current
    assert here.group == BUILT_IN
    assert "MB" in here.facts
    assert {one.lacking != "" for one in others} == {True}, "they have to be fetched"
    assert any("Does not fit into memory" in one.warning for one in others)
    assert not any(one.warning for one in built_in_choices(LlmSettings(), 64 * GIB))


def test_a_file_of_ones_own_is_listed_when_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF" + bytes(996))
    first = built_in_choices(LlmSettings(model=str(file)), GIB)[0]
    assert (first.title, first.current, first.warning) == ("mine.gguf", True, "")


@pytest.mark.parametrize(
    ("words", "base_url", "values"),
    [
        ("hf:a/b/c.gguf", "", {"llm.base_url": "", "llm.model": "hf:a/b/c.gguf"}),
        ("/nowhere/x.gguf", "", {"llm.base_url": "", "llm.model": "/nowhere/x.gguf"}),
        ("qwen3", SERVER, {"llm.model": "qwen3"}),
        ("qwen3", "", None),
        ("  ", SERVER, None),
    ],
)
def test_a_model_may_be_written(words: str, base_url: str, values: dict[str, Any] | None) -> None:
    choice = typed_choice(words, LlmSettings(base_url=base_url), GIB)
    assert (choice.values if choice else None) == values


def test_the_same_server_by_another_name_is_the_one_that_is_used() -> None:
    llm = LlmSettings(base_url="http://localhost:11434/v1/", model="llama3.2")
    (one,) = served_choices(
        [ServedModel("llama3.2", "http://127.0.0.1:11434/v1", 2_000_000_000, 8192, "3B")], "Ollama", llm
    )
    assert one.current
    assert one.facts == "2.0 GB · 8,192 tokens · 3B"


def test_a_language_chooses_recognition_and_voice_together() -> None:
    chosen = Settings.model_validate({"stt": {"model": "tiny.en"}})
    german = next(one for one in language_choices(chosen) if one.title == "German")
    assert german.values == {"stt.language": "de", "stt.model": "base"}, "tiny.en knows English alone"
    assert german.later == {"tts.voice": "de_DE-thorsten-medium"}, "when it was fetched"
    assert german.lacking == "de_DE-thorsten-medium"
    assert next(one for one in language_choices(Settings()) if one.current).title == "English"


def test_every_voice_of_a_language_is_one_that_the_catalogue_knows() -> None:
    from vita_tui.models import catalogue

    for language in spoken_languages().values():
        if language.voice:
            assert catalogue.find(language.voice).kind == "tts"
            assert language.voice.startswith(language.code), language


def test_every_language_of_whisper_can_be_chosen() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert set(spoken_languages()) == set(_LANGUAGE_CODES)
    assert len({one.name for one in spoken_languages().values()}) == len(spoken_languages())


def test_a_voice_of_another_language_says_so() -> None:
    thorsten = next(one for one in voice_choices(Settings()) if one.title == "de_DE-thorsten-medium")
    assert "reads German" in thorsten.warning
    german = Settings.model_validate({"stt": {"language": "de"}})
    thorsten = next(one for one in voice_choices(german) if one.title == "de_DE-thorsten-medium")
    assert thorsten.warning == ""


# ---- on the screen


async def test_a_model_of_the_server_is_chosen_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def listed(base_url: str, **_: Any) -> Sequence[ServedModel]:
        return [ServedModel("small", base_url), ServedModel("large", base_url, 9 * GIB, 32_768)]

    monkeypatch.setattr(served, "served_models", listed)
    core = ScriptedCore(settings=Settings.model_validate({"llm": {"base_url": SERVER, "model": "small"}}))
    async with running(core) as (app, pilot):
        await command(pilot, "model")
        screen = await on(pilot, app, ModelPicker)
        await until(pilot, lambda: any("large" in line for line in lines(screen)))
        await until(pilot, lambda: screen.marked is not None and screen.marked.current)
        await typed(pilot, "large")
        await until(pilot, lambda: screen.marked is not None and screen.marked.title == "large")
        await pilot.press("enter")
        await until(pilot, lambda: core.settings.llm.model == "large")
        await until(pilot, lambda: settings.load().llm.model == "large")
        assert app.screen is app.main


async def test_a_model_that_lacks_is_fetched_first_and_then_used() -> None:
    fetched = threading.Event()

    class Shop:
        def missing(self, settings: Settings) -> list[Lacking]:
            return []

        def pull(
            self, names: Sequence[str], on_progress: Callable[[Any], None], cancelled: threading.Event
        ) -> None:
            from vita_tui.models.progress import Progress

            fetched.wait(60)
            for name in names:
                on_progress(Progress(name, "", "ready", "hub", 5, 5, 5, 5, 0.0, None))

    core = ScriptedCore()
    async with running(core, weights=Shop()) as (app, pilot):
        await pilot.pause()
        values = {"llm.base_url": "", "llm.model": "hf:a/b/c.gguf"}
        app.take_choice(Selectable("c", "", BUILT_IN, values, lacking="hf:a/b/c.gguf", bytes=5), "llm")
        await until(pilot, lambda: app.is_fetching("llm"))
        assert core.settings.llm.model == "smollm2-135m-instruct", "the one that is there answers meanwhile"
        fetched.set()
        await until(pilot, lambda: core.settings.llm.model == "hf:a/b/c.gguf")
        await until(pilot, lambda: settings.load().llm.model == "hf:a/b/c.gguf")


async def test_what_is_not_in_the_list_is_said_and_may_be_written() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.action_choose("model", "nothing of that kind")
        screen = await on(pilot, app, ModelPicker)
        await until(
            pilot, lambda: "Nothing of that name" in text_of(screen.query_one("#picker-note", Static))
        )
        await pilot.press("enter")
        assert app.screen is screen, "there is nothing to choose"
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_a_voice_is_heard_before_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vita_tui.tui.voice_choices.missing", lambda _kind, _name: False)
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.action_choose("voice", "amy")
        screen = await on(pilot, app, VoicePicker)
        await until(pilot, lambda: screen.marked is not None and "amy" in screen.marked.title)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: core.sampled == [("en_US-amy-medium", "en")])
        assert core.settings.tts.voice == "en_US-joe-medium"
        await pilot.press("enter")
        await until(pilot, lambda: core.settings.tts.voice == "en_US-amy-medium")
        await until(pilot, lambda: settings.load().tts.voice == "en_US-amy-medium")
        assert settings.load().tts.engines == ("remote", "piper", "pyttsx3")


@pytest.mark.parametrize("words", ["german", "Deutsch", "de"])
async def test_a_language_is_chosen_by_any_of_its_names(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vita_tui.tui.voice_choices.missing", lambda _kind, _name: False)
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.main._take(f"/language {words}")
        await until(pilot, lambda: core.settings.stt.language == "de")
        await until(pilot, lambda: settings.load().tts.voice == "de_DE-thorsten-medium")


async def test_a_language_that_is_not_known_opens_the_list() -> None:
    async with running() as (app, pilot):
        app.main._take("/language swe")
        screen = await on(pilot, app, LanguagePicker)
        await until(pilot, lambda: screen.marked is not None and screen.marked.title == "Swedish")


async def test_a_theme_is_seen_while_the_mark_is_on_it_and_kept_only_when_chosen() -> None:
    async with running() as (app, pilot):
        before = app.theme
        await command(pilot, "theme")
        await on(pilot, app, ThemePicker)
        await typed(pilot, "nord")
        await until(pilot, lambda: app.theme == "nord")
        await pilot.press("escape")
        await until(pilot, lambda: app.theme == before)
        assert not paths.config_file().exists()
        app.main._take("/theme drac")
        await on(pilot, app, ThemePicker)
        await until(pilot, lambda: app.theme == "dracula")
        await pilot.press("enter")
        await until(pilot, lambda: settings.load().ui.theme == "dracula")
        assert app.theme == "dracula"
        app.main._take("/theme gruvbox")
        await until(pilot, lambda: settings.load().ui.theme == "gruvbox")


async def test_a_profile_is_used_shown_kept_and_left() -> None:
    core = ScriptedCore(settings=Settings.model_validate({"profiles": {"named": NAMED}}))
    async with running(core) as (app, pilot):
        await command(pilot, "persona")
        screen = await on(pilot, app, ProfilePicker)
        await pilot.press("down")
        await until(pilot, lambda: screen.marked is not None and screen.marked.title == "pirate")
        await pilot.press("enter")
        await until(pilot, lambda: core.own.get("profile") == "pirate")
        panel = app.main.query_one("#panel-session", Static)
        await until(pilot, lambda: "profile pirate" in text_of(panel))
        app.main._take("/persona none")
        await until(pilot, lambda: core.own.get("profile") == "")
        await until(pilot, lambda: "profile" not in text_of(panel))
        app.main._take("/persona save calm")
        await until(pilot, lambda: "calm" in settings.load().profiles.named)
        assert "calm" in core.settings.profiles.named
        app.main._take("/persona parrot")
        await until(pilot, lambda: any("parrot" in str(note.message) for note in app._notifications))


async def test_the_system_prompt_is_edited_and_given_back() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await command(pilot, "system")
        screen = await on(pilot, app, PromptEditor)
        editor = screen.query_one(TextArea)
        assert editor.text == core.settings.llm.system_prompt
        editor.text = "Answer in verse."
        await pilot.press("ctrl+s")
        await until(pilot, lambda: core.own.get("system_prompt") == "Answer in verse.")
        await until(
            pilot, lambda: "its own system prompt" in text_of(app.main.query_one("#panel-session", Static))
        )
        app.main._take("/system Be brief.")
        await until(pilot, lambda: core.own.get("system_prompt") == "Be brief.")
        await command(pilot, "system")
        await on(pilot, app, PromptEditor)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: core.own.get("system_prompt") == "")


async def test_mute_is_a_state_of_its_own() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        status = app.main.query_one(StatusLine)
        await command(pilot, "mute")
        await until(pilot, lambda: core.muted and status.muted)
        assert "muted" in text_of(status)
        assert core.speaking_aloud
        await pilot.press("alt+s")
        await until(pilot, lambda: not core.muted and "aloud" in text_of(status))
        await pilot.press("f9")
        await until(pilot, lambda: not core.speaking_aloud)
        app.main._take("/mute")
        await pilot.pause()
        assert not core.muted, "there is nothing to mute"


async def test_a_text_is_said() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.main._take("/say Good evening.")
        await until(pilot, lambda: core.said == ["Good evening."])
        assert app.main.query_one(Panel)


def test_the_picker_of_each_kind_is_a_screen_of_its_own() -> None:
    assert (
        len({kind.HEADING for kind in (ModelPicker, VoicePicker, LanguagePicker, ThemePicker, ProfilePicker)})
        == 5
    )


# ---- keys, dictation, what a reply has cost


async def test_other_keys_count_and_those_that_mean_two_things_are_named() -> None:
    keys = {"panel": "f10", "history": "f5", "no.such": "f11"}
    core = ScriptedCore(settings=Settings.model_validate({"ui": {"keys": keys}}))
    async with running(core) as (app, pilot):
        before = app.main.has_class("panel-off")
        await pilot.press("f10")
        await until(pilot, lambda: app.main.has_class("panel-off") is not before)
        attention = app.main.query_one("#panel-attention", Static)
        await until(pilot, lambda: "no.such" in text_of(attention))
        assert "f5 is the key of" in text_of(attention)


async def test_what_is_said_goes_into_the_prompt_to_be_edited() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        prompt = app.main.query_one(Prompt)
        await typed(pilot, "tell me")
        await pilot.press("alt+d")
        await until(pilot, lambda: core.state is State.LISTENING)
        await pilot.press("alt+d")
        await until(pilot, lambda: prompt.text == "tell me what is a gull")
        assert core.asked == []
        core.settings.talk.to_prompt = True
        core.dictated = "quickly"
        app.talk()
        await until(pilot, lambda: core.state is State.LISTENING)
        app.talk()
        await until(pilot, lambda: prompt.text == "tell me what is a gull quickly")
        core.dictated = ""
        app.talk()
        await until(pilot, lambda: core.state is State.LISTENING)
        app.stop()
        await until(pilot, lambda: core.state is State.IDLE)
        assert prompt.text == "tell me what is a gull quickly", "it was dropped"


async def test_a_name_that_was_set_right_is_offered_and_kept_by_a_command() -> None:
    core = ScriptedCore()
    core.dictated = "Call Bianca tomorrow."
    async with running(core) as (app, pilot):
        prompt = app.main.query_one(Prompt)
        await pilot.press("alt+d")
        await until(pilot, lambda: core.state is State.LISTENING)
        await pilot.press("alt+d")
        await until(pilot, lambda: prompt.text == core.dictated)
        prompt.put("Call Priyanka tomorrow.")
        await pilot.press("enter")
        await until(pilot, lambda: any("/words Priyanka" in note.message for note in app._notifications))
        await until(pilot, lambda: core.asked == ["Call Priyanka tomorrow."])
        prompt.put("/words Priyanka, Rio Tinto")
        await pilot.press("enter")
        await until(pilot, lambda: any(note.title == "Priyanka, Rio Tinto" for note in app._notifications))
        assert tuple(core.settings.stt.words) == tuple(settings.load().stt.words) == ("Priyanka", "Rio Tinto")


async def test_enter_goes_on_with_a_reply_that_was_cut_off() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("enter")
        core.bus.publish(ReplyFinished(1, "Gulls are", "length", "", "cut at 220 tokens"))
        prompt = app.main.query_one(Prompt)
        await until(pilot, lambda: prompt.cut_off)
        assert "enter goes on" in str(prompt.border_title)
        await pilot.press("enter")
        await until(pilot, lambda: core.asked == ["go on"])
        await until(pilot, lambda: not prompt.cut_off)
        await pilot.press("enter")
        assert core.asked == ["go on"]


async def test_the_status_line_says_how_full_the_context_is() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        status = app.main.query_one(StatusLine)
        core.bus.publish(ContextUsed(1, 512, 2048))
        await until(pilot, lambda: "context 25%" in text_of(status))
        status.aloud = False
        core.bus.publish(ContextUsed(2, 1024, 2048, 38.4))
        await until(pilot, lambda: "38 tokens/s   context 50%" in text_of(status))
        status.aloud = True
        await until(pilot, lambda: "context 50%" in text_of(status) and "tokens/s" not in text_of(status))
        await core.new_session()
        await until(pilot, lambda: "context" not in text_of(status))
