"""The assistant from question to memory, with scripted engines: what happens, in which order, and what is kept."""

from __future__ import annotations

import asyncio
import threading

from tests.conversation.support import DEADLINE, Events, assistant, silence
from vita_tui.audio.files import FileSpeaker
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.errors import DeviceError, EngineError
from vita_tui.events import (
    ClauseFinished,
    ClauseStarted,
    HandsFree,
    Heard,
    NothingHeard,
    Notice,
    ReplyDelta,
    ReplyFinished,
    ReplyStarted,
    SessionChanged,
    State,
    StateChanged,
    TurnFinished,
    UserSaid,
)
from vita_tui.health.registry import registry
from vita_tui.settings import at_once

LONG = "Here is the first of many sentences. " + "And then there is one more that follows it. " * 12


class NoSpeaker(FileSpeaker):
    """A speaker that is not plugged in."""

    def open(self) -> None:
        raise DeviceError("There is no speaker.", remedy="Plug one in.")


def states(events: Events) -> list[State]:
    return [event.state for event in events.of(StateChanged)]


async def heard_something(events: Events, turn: int = 1) -> None:
    await events.until(Heard, lambda event: event.turn == turn and bool(event.heard))


# ---- a question and its answer


async def test_a_typed_question_is_answered_spoken_and_remembered() -> None:
    async with assistant(FakeResponder(["Hello there. How are you?"])) as (vita, events):
        await vita.ask("  Good morning!  ")
        await events.until(TurnFinished)
        order = [
            kind
            for kind in (type(event) for event in events.all)
            if kind in (UserSaid, ReplyStarted, ReplyDelta, ReplyFinished, TurnFinished)
        ]
        assert order == [UserSaid, ReplyStarted, *[ReplyDelta] * 5, ReplyFinished, TurnFinished]
        assert states(events) == [State.IDLE, State.THINKING, State.SPEAKING, State.IDLE]
        (said,) = events.of(UserSaid)
        assert (said.text, said.spoken) == ("Good morning!", False)
        assert "".join(event.text for event in events.of(ReplyDelta)) == "Hello there. How are you?"
        assert events.of(ReplyFinished)[0].reason == "complete"
        clauses = [(type(e), e.index) for e in events.all if isinstance(e, ClauseStarted | ClauseFinished)]
        numbers = range(len(clauses) // 2)
        assert clauses == [(kind, n) for n in numbers for kind in (ClauseStarted, ClauseFinished)]
        last = events.of(Heard)[-1]
        assert (last.heard.strip(), last.unheard, last.final) == ("Hello there. How are you?", "", True)
        (finished,) = events.of(TurnFinished)
        assert finished.engines == {"llm": "fake model", "tts": "fake voice"}
        assert finished.timings.stt is None
        assert finished.timings.voice_to_voice is not None

        assert vita.session is not None
        question, answer = (await vita.sessions.get(vita.session.id)).turns
        assert (question.role, question.text, question.spoken) == ("user", "Good morning!", False)
        assert (answer.role, answer.text, answer.spoken) == ("assistant", "Hello there. How are you?", True)
        assert (answer.heard, answer.interrupted) == (None, False)


async def test_what_was_said_before_is_told_to_the_model() -> None:
    responder = FakeResponder(["Hello Ada.", "Ada."])
    async with assistant(responder) as (vita, _):
        await vita.ask("I am Ada.")
        await vita.ask("Who am I?")
    assert [(message["role"], message["content"]) for message in responder.requests[1][1:]] == [
        ("user", "I am Ada."),
        ("assistant", "Hello Ada."),
        ("user", "Who am I?"),
    ]
    assert responder.requests[1][0]["role"] == "system"


async def test_a_new_conversation_knows_nothing_of_the_old_one_which_can_be_resumed() -> None:
    responder = FakeResponder(["One.", "Two.", "Three."])
    async with assistant(responder) as (vita, _):
        await vita.ask("First?")
        assert vita.session is not None
        old = vita.session.id
        await vita.new_session()
        await vita.ask("Second?")
        assert vita.session is not None
        assert vita.session.id != old
        await vita.resume(old[:8])
        await vita.ask("Third?")
        assert [turn.text for turn in vita.session.turns] == ["First?", "One.", "Third?", "Three."]
    asked = [[message["content"] for message in request[1:]] for request in responder.requests]
    assert asked == [["First?"], ["Second?"], ["First?", "One.", "Third?"]]


async def test_a_blank_question_is_none() -> None:
    responder = FakeResponder()
    async with assistant(responder) as (vita, events):
        await vita.ask(" \n ")
        assert responder.requests == []
        assert events.of(UserSaid) == []


# ---- models that fail


async def test_the_second_mind_answers_when_the_first_fails() -> None:
    broken = FakeResponder([EngineError("The first is out of order.")], name="first")
    async with assistant(broken, FakeResponder(["Here I am."], name="second")) as (vita, events):
        await vita.ask("Anybody there?")
        (finished,) = events.of(TurnFinished)
        assert finished.engines["llm"] == "second"
        assert [event.text for event in events.of(ReplyFinished)] == ["Here I am."]
    assert len(broken.requests) == 1


async def test_when_no_mind_answers_it_says_why_and_the_question_is_kept() -> None:
    broken = FakeResponder([EngineError("Out of order.", remedy="Mend it.")])
    async with assistant(broken) as (vita, events):
        await vita.ask("Anybody there?")
        (finished,) = events.of(ReplyFinished)
        assert (finished.text, finished.reason) == ("", "failed")
        notice = await events.until(Notice, lambda event: event.title == "No answer")
        assert "Out of order" in notice.message
        assert notice.remedy == "Mend it."
        assert vita.state is State.IDLE
        assert vita.session is not None
        assert [turn.role for turn in vita.session.turns] == ["user"]


async def test_an_empty_reply_is_told_in_a_sentence() -> None:
    async with assistant(FakeResponder([""])) as (vita, events):
        await vita.ask("Anybody there?")
        assert events.of(ReplyFinished)[0].error == "The model said nothing."
        assert "The model said nothing." in [event.message for event in events.of(Notice)]
        assert vita.session is not None
        assert [turn.role for turn in vita.session.turns] == ["user"]


async def test_a_reply_that_breaks_off_is_continued_by_a_mind_that_can() -> None:
    first = FakeResponder(["One two three four."], name="first", breaks_after=2)
    second = FakeResponder([" three four, five."], name="second")
    second.continues = True
    async with assistant(first, second) as (vita, events):
        await vita.ask("Count!")
        (finished,) = events.of(ReplyFinished)
        assert (finished.text, finished.reason) == ("One two three four, five.", "complete")
        assert len(events.of(ReplyStarted)) == 1
        assert "".join(event.text for event in events.of(ClauseStarted)).strip() == finished.text
    assert second.requests[0][-1] == {"role": "assistant", "content": "One two"}


async def test_a_reply_that_breaks_off_for_good_keeps_what_was_said() -> None:
    async with assistant(
        FakeResponder(["One two three four."], breaks_after=2),
        FakeResponder(["Something else."], name="second"),
    ) as (vita, events):
        await vita.ask("Count!")
        (finished,) = events.of(ReplyFinished)
        assert (finished.text, finished.reason) == ("One two", "failed")
        assert finished.error
        assert events.of(Heard)[-1].heard == "One two"
        assert vita.session is not None
        assert [turn.text for turn in vita.session.turns] == ["Count!", "One two"]


# ---- interruptions


async def test_stopping_keeps_only_what_was_heard() -> None:
    responder = FakeResponder([LONG, "Yes."])
    async with assistant(responder, speaker=FileSpeaker()) as (vita, events):
        asking = asyncio.create_task(vita.ask("Tell me a story."))
        await heard_something(events)
        vita.stop()
        assert vita.state is State.IDLE
        await asyncio.wait_for(asking, DEADLINE)
        assert vita.session is not None
        answer = vita.session.turns[-1]
        assert answer.interrupted
        assert answer.heard
        assert LONG.startswith(answer.heard)
        assert len(answer.heard) < len(answer.text) / 2
        final = events.of(Heard)[-1]
        assert (final.heard, final.final) == (answer.heard, True)
        assert final.heard + final.unheard == answer.text
        assert events.of(ClauseFinished)[-1].index < len(events.of(ClauseStarted))

        await vita.ask("Was that all?")
    told = responder.requests[-1][-2]["content"]
    assert told == f"{answer.heard.rstrip().rstrip('.')}…"


async def test_a_new_question_takes_the_floor() -> None:
    responder = FakeResponder([LONG, "Four."])
    async with assistant(responder, speaker=FileSpeaker()) as (vita, events):
        asking = asyncio.create_task(vita.ask("Tell me a story."))
        await heard_something(events)
        await vita.ask("How much is two and two?")
        await asyncio.wait_for(asking, DEADLINE)
        assert vita.session is not None
        assert [turn.role for turn in vita.session.turns] == ["user", "assistant"] * 2
        story, answer = vita.session.turns[1], vita.session.turns[3]
        assert story.interrupted
        assert (answer.text, answer.interrupted) == ("Four.", False)
        assert [event.turn for event in events.of(TurnFinished)] == [1, 2]
        second = events.all.index(next(e for e in events.of(ClauseStarted) if e.turn == 2))
        assert not [e for e in events.all[second:] if isinstance(e, ClauseStarted) and e.turn == 1]


async def test_stopping_before_the_first_word_ends_the_request() -> None:
    gate = asyncio.Event()
    responder = FakeResponder([LONG], gate=gate)
    async with assistant(responder) as (vita, events):
        asking = asyncio.create_task(vita.ask("Tell me a story."))
        await events.until(ReplyStarted)
        vita.stop()
        await asyncio.wait_for(asking, DEADLINE)
        assert (responder.words, events.of(ReplyFinished)[0].reason) == (0, "stopped")
        assert vita.state is State.IDLE
        assert vita.session is not None
        assert [turn.role for turn in vita.session.turns] == ["user"]


async def test_stopping_before_the_first_sound_means_that_nothing_was_heard() -> None:
    voice = FakeSynthesizer(gate=threading.Event())
    async with assistant(FakeResponder([LONG]), voices=[voice], speaker=FileSpeaker()) as (vita, events):
        asking = asyncio.create_task(vita.ask("Tell me a story."))
        assert await asyncio.to_thread(voice.asked.wait, DEADLINE)
        await events.until(ReplyDelta)
        vita.stop()
        await asyncio.wait_for(asking, DEADLINE)
        assert vita.session is not None
        answer = vita.session.turns[-1]
        assert answer.interrupted
        assert answer.heard == ""
        assert events.of(Heard)[-1].unheard == answer.text


# ---- devices and voices that are not there


async def test_without_a_microphone_the_talk_key_says_so() -> None:
    async with assistant() as (vita, events):
        vita.talk()
        assert vita.state is State.IDLE
        (notice,) = events.of(Notice)
        assert notice.title == "No microphone"
        await vita.ask("Can I type?")
        assert events.of(ReplyFinished)[0].reason == "complete"


async def test_silence_is_not_sent_and_the_talk_key_listens_again() -> None:
    responder = FakeResponder()
    async with assistant(responder, microphone=silence(), audio={"earcons": False}) as (vita, events):
        vita.talk()
        assert states(events)[-1] is State.LISTENING
        vita.talk()
        await events.until(NothingHeard)
        await events.until(
            StateChanged, lambda event: event.previous is not State.INITIALIZING and event.state is State.IDLE
        )
        assert responder.requests == []
        vita.talk()
        vita.stop()
        assert states(events)[-2:] == [State.LISTENING, State.IDLE]


async def test_when_every_voice_fails_the_reply_is_text_and_that_is_told() -> None:
    voices = [
        FakeSynthesizer(name=name, failures=[EngineError(f"{name} is hoarse.")] * 20)
        for name in ("alto", "bass")
    ]
    async with assistant(FakeResponder(["Hello there. How are you?"]), voices=voices) as (vita, events):
        await vita.ask("Hello?")
        notice = await events.until(Notice, lambda event: event.title == "No voice")
        assert "alto" in notice.message
        assert "bass" in notice.message
        assert events.of(ReplyFinished)[0].reason == "complete"
        assert events.of(ClauseStarted) == []
        assert vita.session is not None
        answer = vita.session.turns[-1]
        assert (answer.text, answer.heard, answer.spoken) == ("Hello there. How are you?", None, False)


async def test_a_voice_that_fails_once_is_stood_in_for() -> None:
    alto = FakeSynthesizer(name="alto", failures=[EngineError("Hoarse.")])
    async with assistant(
        FakeResponder(["Hello there. How are you?"]), voices=[alto, FakeSynthesizer(name="bass")]
    ) as (vita, events):
        await vita.ask("Hello?")
        assert events.of(ClauseStarted)[0].engine == "bass"
        assert events.of(Heard)[-1].unheard == ""
        spoken = "".join(event.text for event in events.of(ClauseStarted))
        assert spoken.strip() == "Hello there. How are you?"  # nothing twice, nothing missing


async def test_without_a_speaker_the_reply_is_text() -> None:
    async with assistant(FakeResponder(["Hello."]), speaker=NoSpeaker()) as (vita, events):
        assert [event.title for event in events.of(Notice)] == ["No speaker"]
        await vita.ask("Hello?")
        assert events.of(ReplyFinished)[0].reason == "complete"
        assert events.of(ClauseStarted) == []
        assert vita.state is State.IDLE


# ---- the end


async def test_closing_in_the_middle_stores_what_was_heard_and_leaves_nothing_open() -> None:
    names = sorted(one.name for one in registry.open())
    responder = FakeResponder([LONG])
    async with assistant(responder, speaker=FileSpeaker(), microphone=silence()) as (vita, events):
        asking = asyncio.create_task(vita.ask("Tell me a story."))
        await heard_something(events)
        assert len(registry.open()) > len(names)
        await vita.aclose()
        await asyncio.wait_for(asking, DEADLINE)
        await vita.aclose()
        assert sorted(one.name for one in registry.open()) == names
        assert vita.session is not None
        answer = vita.session.turns[-1]
        assert answer.interrupted
        assert answer.heard
        assert len(answer.heard) < len(answer.text)
        await vita.ask("Still there?")
        assert len(responder.requests) == 1


# ---- settings that change while it runs


class Switched(FileSpeaker):
    """A speaker that can become another."""

    def use(self, name: str) -> None:
        self.name = name


async def test_settings_apply_at_once() -> None:
    voice = FakeSynthesizer()
    speaker = Switched(pace=False)
    async with assistant(voices=[voice], speaker=speaker, microphone=silence()) as (vita, events):
        for key, value in (
            ("tts.rate", 1.5),
            ("stt.language", "de"),
            ("audio.output", "headset"),
            ("audio.input", "headset"),
            ("talk.end_silence", 1.5),
            ("talk.hands_free", True),
            ("audio.speak", False),
        ):
            assert at_once(key)
            await vita.change(key, value)
        assert getattr(voice, "rate") == 1.5  # noqa: B009 - the scripted voice has none by itself
        assert [engine.language for engine in vita.chains["stt"].engines] == ["de"]
        assert speaker.name == "headset"
        assert vita.settings.talk.end_silence == 1.5
        assert vita.hands_free
        assert events.of(HandsFree)[-1].on
        assert not vita.speaking_aloud
        await vita.ask("Hello?")
        assert not voice.clauses, "replies are shown only"


async def test_a_reply_is_committed_when_its_text_is_final_and_again_when_it_was_heard() -> None:
    gate = threading.Event()
    voice = FakeSynthesizer(gate=gate)
    async with assistant(FakeResponder(["A reply."]), voices=[voice]) as (made, events):
        asking = asyncio.create_task(made.ask("One?"))
        await events.until(SessionChanged, lambda event: event.turns == 2)
        assert made.session is not None
        (_, reply) = made.session.turns
        assert (reply.text, reply.finished) == ("A reply.", None)
        gate.set()
        await asking
        (_, after) = made.session.turns
        assert (after.id, after.text, after.heard) == (reply.id, "A reply.", None)
        assert after.finished is not None


async def test_a_voice_that_was_interrupted_has_not_shown_that_it_works() -> None:
    hoarse = FakeSynthesizer(
        name="alto", failures=[EngineError("Hoarse."), None, EngineError("Hoarse.")], gate=threading.Event()
    )
    async with assistant(FakeResponder(["Hello there."]), voices=[hoarse, FakeSynthesizer(name="bass")]) as (
        vita,
        _,
    ):
        await vita.ask("Hello?")
        asking = asyncio.create_task(vita.ask("And now?"))
        while len(hoarse.clauses) < 2:
            await asyncio.sleep(0.001)
        vita.stop()
        await asking
        await vita.ask("And then?")
        assert vita.chains["tts"].breakers()[0].failures == 2
