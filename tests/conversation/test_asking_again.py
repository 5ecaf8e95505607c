"""A question that is asked again goes on in a conversation of its own; a reply that was silenced is read on from there."""

from __future__ import annotations

import asyncio

from tests.conversation.support import assistant
from vita_tui.audio.files import FileSpeaker
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.events import Heard

LONG = "One two three four five six seven. " * 4


async def test_the_old_answer_stays_whole_and_the_new_one_follows_what_was_before() -> None:
    async with assistant(FakeResponder(["First.", "Second.", "Other second."])) as (vita, _):
        await vita.ask("One?")
        await vita.ask("Two?")
        old = vita.session
        assert old is not None
        await vita.branch(old.turns[2].id)
        await vita.ask("Two, please?")
        new = vita.session
        assert new is not None
        assert new.id != old.id
        assert [turn.text for turn in new.turns] == ["One?", "First.", "Two, please?", "Other second."]
        assert new.settings["branch"] == {"of": old.id, "root": old.id, "turns": 2}
        assert [turn.text for turn in (await vita.sessions.get(old.id)).turns] == [
            "One?",
            "First.",
            "Two?",
            "Second.",
        ]
        await vita.branch(new.turns[0].id)
        await vita.ask("Zero?")
        third = vita.session
        assert third is not None
        assert third.settings["branch"] == {"of": new.id, "root": old.id, "turns": 0}
        assert (third.title, new.title) == ("Zero?", "One?")


async def test_a_reply_is_read_on_from_where_the_voice_stopped() -> None:
    speaker = FileSpeaker()
    async with assistant(FakeResponder([LONG]), speaker=speaker) as (vita, events):
        asking = asyncio.create_task(vita.ask("Count."))
        await events.until(Heard, lambda event: bool(event.heard))
        vita.stop()
        await asking
        assert vita.session is not None
        stopped = vita.session.turns[-1].heard
        assert stopped is not None
        assert 0 < len(stopped) < len(LONG.strip())
        reading = asyncio.create_task(vita.read())
        await events.until(Heard, lambda event: len(event.heard) > 0 and event.turn == 1 and not event.final)
        assert await reading
        last = events.of(Heard)[-1]
        assert (last.heard.strip(), last.unheard.strip(), last.final) == (LONG.strip(), "", True)
        assert vita.session.turns[-1].heard is None


async def test_what_was_all_heard_is_read_again_from_its_sound() -> None:
    voice = FakeSynthesizer()
    async with assistant(FakeResponder(["Hello there. How are you?"]), voices=[voice]) as (vita, events):
        await vita.ask("Hi")
        spoken = list(voice.clauses)
        assert spoken
        assert await vita.read()
        assert [event.heard.strip() for event in events.of(Heard) if event.final] == [
            "Hello there. How are you?"
        ] * 2
        again = voice.clauses[len(spoken) :]
        assert not set(again) & set(spoken), "what was synthesised before is replayed"


async def test_there_is_nothing_to_read_before_the_first_reply() -> None:
    async with assistant() as (vita, _):
        assert not await vita.read()
        assert await vita.read("Read this.")
