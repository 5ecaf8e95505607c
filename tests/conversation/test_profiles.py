"""Profiles: another model, voice, language and system prompt by one name; a conversation remembers its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conversation.support import assistant
from vita_tui import paths, settings
from vita_tui.conversation.build import build
from vita_tui.conversation.profiles import Profiles, values_of
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.errors import SettingsError
from vita_tui.events import ConversationChanged, Notice
from vita_tui.settings import Profile, Settings, value_of
from vita_tui.settings.named_tables import put_table, remove_table

NAMED: Mapping[str, Any] = {
    "pirate": {"system_prompt": "You are a pirate.", "temperature": 1.2, "tools": False},
    "german": {"language": "de", "voice": "de_DE-thorsten-medium"},
    "server": {"base_url": "http://127.0.0.1:9/v1", "model": "large"},
}


def told(model: FakeResponder) -> str:
    return str(model.requests[-1][0]["content"])


@pytest.mark.parametrize("name", list(NAMED))
def test_each_field_of_a_profile_is_a_setting(name: str) -> None:
    before, now = Settings(), Settings()
    values = values_of(Profile.model_validate(NAMED[name]), now)
    assert values
    for key, value in values.items():
        settings.assign(now, key, value)
        assert value_of(now, key) == value
        assert value_of(before, key) != value


def test_every_field_has_one() -> None:
    full = Profile(
        base_url="http://h/v1",
        model="m",
        temperature=1,
        system_prompt="p",
        voice="v",
        language="de",
        tools=False,
    )
    assert len(values_of(full, Settings())) == len(Profile.model_fields) + 1, "a prompt for each mode"
    assert (
        values_of(full, Settings.model_validate({"tts": {"base_url": "http://h/v1"}}))["tts.remote_voice"]
        == "v"
    )


async def test_a_profile_is_used_and_left() -> None:
    model = FakeResponder()
    async with assistant(model, profiles={"named": NAMED}) as (vita, events):
        await vita.use_profile("pirate")
        await vita.ask("Who are you?")
        assert told(model) == "You are a pirate."
        assert (vita.settings.llm.temperature, vita.settings.tools.enabled) == (1.2, False)
        await vita.use_profile("german")
        assert vita.settings.stt.language == "de"
        assert vita.settings.llm.temperature == 0.1, "what the profile before has changed is undone"
        await vita.use_profile("")
        await vita.ask("Who are you?")
        assert "You are VITA" in told(model)
        assert vita.settings == Settings.model_validate({"profiles": {"named": NAMED}})
        assert [event.profile for event in events.of(ConversationChanged)] == ["pirate", "german", ""]


async def test_a_profile_that_is_not_there_changes_nothing() -> None:
    async with assistant(profiles={"named": NAMED}) as (vita, _):
        await vita.use_profile("pirate")
        with pytest.raises(SettingsError, match="no profile parrot") as caught:
            await vita.use_profile("parrot")
        assert "pirate" in caught.value.remedy
        assert vita.settings.llm.temperature == 1.2


async def test_what_the_user_chooses_meanwhile_stays() -> None:
    async with assistant(profiles={"named": NAMED}) as (vita, _):
        await vita.use_profile("pirate")
        await vita.change("llm.temperature", 0.5)
        await vita.use_profile("")
        assert vita.settings.llm.temperature == 0.5


async def test_a_conversation_remembers_its_profile_and_its_system_prompt() -> None:
    model = FakeResponder()
    async with assistant(model, profiles={"named": NAMED}) as (vita, _):
        await vita.use_profile("pirate")
        await vita.ask("Who are you?")
        assert vita.session is not None
        pirate = vita.session.id
        await vita.new_session()
        await vita.use_profile("")
        await vita.ask("And you?")
        assert vita.session is not None
        plain = vita.session.id
        await vita.set_system_prompt(" Answer in verse. ")
        assert vita.system_prompt == "Answer in verse."
        await vita.resume(pirate)
        assert vita.settings.llm.temperature == 1.2
        await vita.ask("And now?")
        assert told(model) == "You are a pirate."
        await vita.resume(plain)
        assert vita.settings.llm.temperature == 0.1
        await vita.ask("And now?")
        assert told(model) == "Answer in verse."
        await vita.set_system_prompt("")
        await vita.ask("And now?")
        assert "You are VITA" in told(model)


async def test_a_new_conversation_keeps_the_profile_and_not_the_prompt() -> None:
    model = FakeResponder()
    async with assistant(model, profiles={"named": NAMED}) as (vita, _):
        await vita.use_profile("pirate")
        await vita.set_system_prompt("You are a parrot.")
        await vita.ask("Who are you?")
        assert told(model) == "You are a parrot."
        await vita.new_session()
        await vita.ask("Who are you?")
        assert told(model) == "You are a pirate."


async def test_a_profile_that_is_gone_is_told_and_the_conversation_goes_on() -> None:
    async with assistant(profiles={"named": NAMED}) as (vita, events):
        await vita.use_profile("pirate")
        await vita.ask("Who are you?")
        assert vita.session is not None
        kept = vita.session.id
        await vita.new_session()
        await vita.use_profile("")
        del vita.settings.profiles.named["pirate"]
        await vita.resume(kept)
        notice = await events.until(Notice, lambda notice: notice.key == "profile")
        assert "no profile pirate" in notice.message
        await vita.ask("Still there?")


def test_a_profile_of_the_settings_counts_before_engines_are_made() -> None:
    chosen = Settings.model_validate({"profiles": {"use": "server", "named": NAMED}})
    vita = build(chosen, recognition=False, speech=False)
    assert vita.chains["llm"].engines[0].name == "large at 127.0.0.1:9"
    asyncio.run(vita.aclose())


async def test_a_profile_of_the_start_is_left_like_any_other() -> None:
    chosen = Settings.model_validate({"profiles": {"use": "pirate", "named": NAMED}})
    profiles = Profiles(chosen)
    assert chosen.llm.temperature == 1.2
    changed: list[Mapping[str, Any]] = []

    async def change(values: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        changed.append(values)

    await profiles.use("", change)
    assert changed[0]["llm.temperature"] == 0.1


def test_the_file_may_name_only_what_is_there() -> None:
    with pytest.raises(SettingsError, match="there is no profile parrot: there are pirate, german, server"):
        settings.load(overrides={"profiles": {"use": "parrot", "named": NAMED}})
    with pytest.raises(SettingsError, match="there is no profile parrot: none is written"):
        settings.load(overrides={"profiles": {"use": "parrot"}})


def test_a_profile_is_written_and_taken_out_and_comments_stay() -> None:
    file = paths.config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('# mine\n[tts]\nrate = 1.2  # quick\n\n[profiles.named.old]\nmodel = "x"\n')
    put_table("profiles", "named", "pirate", NAMED["pirate"])
    assert settings.load().profiles.named["pirate"].temperature == 1.2
    assert remove_table("profiles", "named", "old") is not None
    assert list(settings.load().profiles.named) == ["pirate"]
    assert file.read_text().startswith("# mine\n[tts]\nrate = 1.2  # quick\n")
    assert remove_table("profiles", "named", "nobody") is None
    with pytest.raises(SettingsError, match="temperature"):
        put_table("profiles", "named", "hot", {"temperature": 9})
    assert list(settings.load().profiles.named) == ["pirate"]
