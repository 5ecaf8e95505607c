"""What other programs may have a running assistant do."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from tests.conversation.support import Events, assistant, silence
from tests.health.test_control import _program
from vita_tui.audio.base import Samples
from vita_tui.audio.files import FileSpeaker
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.hearing.signals import MicrophoneLost, Understood, WordsSoFar
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.conversation.remote_calls import calls
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.errors import DeviceError, VitaError
from vita_tui.events import ClauseStarted, Muted, Paused, State, StateChanged, UserSaid
from vita_tui.health.control_calls import call

LONG = "This is a sentence of several words. " * 40


def nothing(_: Any) -> None: ...


async def have(vita: Assistant, word: str, given: Any = None) -> Any:
    return await calls(vita)[word](given, nothing)


def understood(number: int, text: str) -> Understood:
    audio: Samples = np.zeros(16_000, np.float32)
    utterance = Utterance(number, audio, 1.0, 1.9, 2.0, 2.0, "silence")
    return Understood(utterance, text, "" if text else "Nothing heard.", 0.9, (), 2.0)


async def begun(events: Events) -> None:
    await events.until(StateChanged, lambda event: event.state is State.LISTENING)


async def test_over_the_socket() -> None:
    async with assistant(upkeep=True) as (vita, _):
        answer = await call(_program(), "status")
        assert answer["state"] == "idle"
        assert answer["ready"] is True
        assert answer["engines"]["tts"] == "fake voice"
        told: list[Any] = []
        answer = await call(_program(), "ask", {"text": " Hello? "}, on_event=told.append)
        assert "".join(one["delta"] for one in told) == answer["reply"] != ""
        assert vita.last is not None
        assert vita.last.question == "Hello?"


async def test_a_reply_is_paused_and_gone_on_with() -> None:
    async with assistant(FakeResponder(LONG), speaker=FileSpeaker()) as (vita, events):
        with pytest.raises(VitaError, match="Nothing is being said"):
            await have(vita, "pause")
        asking = asyncio.ensure_future(vita.ask("Hello?"))
        await events.until(StateChanged, lambda event: event.state is State.SPEAKING)
        await have(vita, "pause")
        assert (await have(vita, "status"))["paused"] is True
        assert vita.state is State.SPEAKING
        await have(vita, "resume")
        assert [event.on for event in events.of(Paused)] == [True, False]
        await have(vita, "pause")
        await have(vita, "stop")
        await asking
        assert not vita.aloud.paused
        assert vita.last is not None
        assert vita.last.heard()[0] != LONG


async def test_mute_is_told_to_the_screen() -> None:
    async with assistant() as (vita, events):
        assert await have(vita, "mute") == {"speaks": False}
        assert await have(vita, "mute", True) == {"speaks": False}
        assert await have(vita, "mute", False) == {"speaks": True}
        assert [event.on for event in events.of(Muted)] == [True, False]
        vita.speaking_aloud = False
        assert await have(vita, "mute") == {"speaks": True}, "whoever unmutes wants to hear it"
        assert vita.speaking_aloud


async def test_mute_silences_at_once_and_the_reply_is_written_to_its_end() -> None:
    llm = {"max_tokens": 1000}
    async with assistant(FakeResponder((LONG, "Yes.")), speaker=FileSpeaker(), llm=llm) as (vita, events):
        asking = asyncio.create_task(vita.ask("Tell me."))
        await events.until(ClauseStarted)
        vita.muted = True
        await asking
        assert vita.last is not None
        assert vita.last.text.strip() == LONG.strip()
        assert vita.last.heard()[0] != vita.last.text
        spoken = len(events.of(ClauseStarted))
        await vita.ask("And now?")
        assert len(events.of(ClauseStarted)) == spoken
        assert "spoken aloud" in str(vita.system_prompt), "it is no text mode"
        with pytest.raises(VitaError, match="muted"):
            await have(vita, "say", {"text": "Hello."})
        vita.muted = False
        await vita.ask("And now?")
        assert len(events.of(ClauseStarted)) > spoken


async def test_say_waits_until_it_was_said_and_ends_with_whoever_asked() -> None:
    async with assistant(speaker=FileSpeaker()) as (vita, events):
        assert await have(vita, "say", {"text": "Hello there."}) == {"heard": True}
        saying = asyncio.ensure_future(have(vita, "say", {"text": LONG}))
        await events.until(ClauseStarted, lambda event: event.text.startswith("This"))
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        assert not vita.aloud._all()
        saying = asyncio.ensure_future(have(vita, "say", {"text": LONG}))
        while not vita.aloud._all():
            await asyncio.sleep(0)
        vita.stop()
        assert await saying == {"heard": False}


@pytest.mark.parametrize("given", [None, {}, {"text": ""}, {"text": 3}, {"text": "x" * 50_001}, "text"])
async def test_what_is_no_text_is_refused(given: Any) -> None:
    async with assistant() as (vita, _):
        for word in ("say", "ask", "converse"):
            with pytest.raises(VitaError):
                await have(vita, word, given)


async def test_a_muted_program_says_why_it_says_nothing() -> None:
    async with assistant(audio={"speak": False}) as (vita, _):
        with pytest.raises(VitaError, match="does not speak"):
            await have(vita, "say", {"text": "Hello."})


async def test_agents_wait_for_each_other_in_the_order_in_which_they_asked() -> None:
    async with assistant(speaker=FileSpeaker()) as (vita, events):
        said = calls(vita)["say"]
        texts = ["First one.", "Second one.", "Third one."]
        await asyncio.gather(*(said({"text": text}, nothing) for text in texts))
        assert [event.text.strip() for event in events.of(ClauseStarted)] == texts


class TestListening:
    async def test_what_is_said_is_for_whoever_asked_and_not_for_the_model(self) -> None:
        async with assistant(microphone=silence()) as (vita, events):
            told: list[Any] = []
            listening = asyncio.ensure_future(calls(vita)["listen"]({"partials": True}, told.append))
            await begun(events)
            vita._parts.turn.take(WordsSoFar(1, "hello", "wor", 0.0, 1.0))
            vita._parts.turn._set_state(State.THINKING)
            vita._parts.turn.take(understood(1, "hello world"))
            assert (await listening)["text"] == "hello world"
            assert {"stable": "hello", "tail": "wor"} in told
            assert vita.state is State.IDLE
            assert events.of(UserSaid) == []
            assert not vita._parts.turn.dictating

    async def test_without_words_it_says_why(self) -> None:
        async with assistant(microphone=silence(), talk={"patience": 1.0}) as (vita, _):
            answer = await have(vita, "listen")
            assert answer["text"] == ""
            assert answer["problem"]

    async def test_nobody_speaks(self) -> None:
        async with assistant(microphone=silence()) as (vita, _):
            answer = await have(vita, "listen", {"by_voice": True, "timeout": 0.01})
            assert answer["problem"] == "Nobody spoke."
            assert not vita.hands_free
            assert vita.state is State.IDLE

    @pytest.mark.parametrize("how", ["escape", "question"])
    async def test_the_user_comes_first(self, how: str) -> None:
        async with assistant(microphone=silence()) as (vita, events):
            listening = asyncio.ensure_future(have(vita, "listen"))
            await begun(events)
            if how == "escape":
                vita.stop()
            else:
                await vita.ask("Hello?")
            with pytest.raises(VitaError, match="ended"):
                await listening
            assert vita.state is State.IDLE

    async def test_noises_are_passed_over_and_follow_goes_on(self) -> None:
        async with assistant(microphone=silence()) as (vita, _):
            told: list[Any] = []
            listening = asyncio.ensure_future(calls(vita)["listen"]({"follow": True}, told.append))
            while not vita._parts.turn.dictating:
                await asyncio.sleep(0)
            for number, text in enumerate(["one", "", "two"], start=1):
                vita._parts.turn.take(understood(number, text))
            while len(told) < 2:
                await asyncio.sleep(0)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            assert [one["utterance"]["text"] for one in told] == ["one", "two"]
            assert not vita.hands_free

    async def test_two_cannot_listen_at_once_nor_while_the_user_speaks(self) -> None:
        async with assistant(microphone=silence()) as (vita, _):
            vita.talk()
            with pytest.raises(VitaError, match="listening already"):
                await have(vita, "listen")

    async def test_there_is_no_microphone(self) -> None:
        async with assistant() as (vita, _):
            with pytest.raises(DeviceError):
                await have(vita, "listen")

    async def test_the_microphone_is_lost(self) -> None:
        async with assistant(microphone=silence()) as (vita, _):
            assert vita._parts.hearing is not None
            lost = DeviceError("The microphone went away.", remedy="Plug it in.")
            listening = asyncio.ensure_future(have(vita, "listen", {"by_voice": True}))
            while not vita._parts.turn.dictating:
                await asyncio.sleep(0)
            vita._parts.hearing.receive(MicrophoneLost(lost))
            with pytest.raises(DeviceError, match="went away"):
                await listening
            vita._parts.hearing.lost = lost
            with pytest.raises(DeviceError, match="went away"):
                await have(vita, "listen")
