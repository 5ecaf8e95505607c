"""A clause is heard before all of it is synthesised: by voices that are quick enough, and without losing count."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.conversation.support import Events, assistant
from vita_tui.audio.files import FileSpeaker
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.speaking.clauses import WHOLE_SENTENCES, Clause, ClauseCutter
from vita_tui.conversation.speaking.ledger import Ledger
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.fake import WORD_SECONDS, FakeSynthesizer
from vita_tui.errors import EngineError
from vita_tui.events import ClauseFinished, ClauseStarted

FIRST = "Here is a first sentence of eight words."
SECOND = "And here is one more that follows it now."
REPLY = f"{FIRST} {SECOND}"


class Piecewise(FakeSynthesizer):
    """Gives a piece for every four words; of its last clause only the first piece until it is told to go on, or to fail."""

    def __init__(self, *, seconds: float = 0.0, fails: bool = False, known: bool = True) -> None:
        """Args:
        seconds: that it takes for each piece.
        known: it tells how quick it is; otherwise that is found out.
        """
        super().__init__(name="piecewise")
        if known:
            self.pace = seconds / (4 * WORD_SECONDS)
        self.seconds = seconds
        self.fails = fails
        self.go_on = threading.Event()
        self.waits = threading.Event()

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        [sound] = super().speak(clause, cancelled=cancelled)
        size = round(4 * WORD_SECONDS * self.sample_rate)
        last = clause.endswith("now.")
        for place in range(0, len(sound), size):
            time.sleep(self.seconds)
            yield sound[place : place + size]
            if last:
                self.waits.set()
                while not self.go_on.wait(0.01):
                    if cancelled.is_set():
                        return
                if self.fails:
                    raise EngineError("It broke off.")


def last_clause() -> int:
    cutter = ClauseCutter()
    return len([*cutter.feed(REPLY), *cutter.finish()]) - 1


async def heard_of(vita: Assistant, events: Events, act: Callable[[], object]) -> tuple[str, str]:
    """Ask, `act` when the last clause has begun to sound, and tell what of the reply was heard and what was not."""
    asking = asyncio.create_task(vita.ask("A question"))
    await events.until(ClauseStarted, lambda event: event.index == last_clause())
    act()
    await asking
    assert vita.last is not None
    heard, unheard = vita.last.heard()
    assert heard + unheard == REPLY
    return heard, unheard


async def test_a_clause_is_heard_while_its_end_is_still_synthesised() -> None:
    voice = Piecewise()
    async with assistant(FakeResponder([REPLY]), voices=[voice]) as (vita, events):
        assert await heard_of(vita, events, voice.go_on.set) == (REPLY, "")
        every = list(range(last_clause() + 1))
        assert [event.index for event in events.of(ClauseStarted)] == every, "each once"
        assert [event.index for event in events.of(ClauseFinished)] == every


async def test_that_a_voice_is_quick_is_found_out() -> None:
    sentence = "This is a sentence of twelve words, which are all of them short."
    voice = Piecewise(known=False)
    async with assistant(FakeResponder([f"{sentence} {sentence} {REPLY}"]), voices=[voice]) as (vita, events):
        asking = asyncio.create_task(vita.ask("A question"))
        await events.until(ClauseStarted, lambda event: event.text.strip().endswith("now."))
        voice.go_on.set()
        await asking


@pytest.mark.parametrize("rate", [24_000, 48_000])
@pytest.mark.parametrize("known", [True, False])
async def test_a_voice_that_is_not_quick_enough_is_heard_clause_by_clause(rate: int, known: bool) -> None:
    voice = Piecewise(seconds=4 * WORD_SECONDS, known=known)
    speaker = FileSpeaker(rate)
    async with assistant(FakeResponder([REPLY]), voices=[voice], speaker=speaker) as (vita, events):
        asking = asyncio.create_task(vita.ask("A question"))
        await asyncio.to_thread(voice.waits.wait)
        await events.until(ClauseFinished, lambda event: event.index == last_clause() - 1)
        assert [event.index for event in events.of(ClauseStarted)] == list(range(last_clause()))
        voice.go_on.set()
        await asking
        assert [event.index for event in events.of(ClauseStarted)] == list(range(last_clause() + 1))
        assert vita.last is not None
        assert vita.last.heard() == (REPLY, "")


async def test_another_voice_says_all_of_a_clause_in_which_one_broke_off() -> None:
    broken, fallback = Piecewise(fails=True), FakeSynthesizer(name="fallback")
    async with assistant(FakeResponder([REPLY]), voices=[broken, fallback]) as (vita, events):
        assert await heard_of(vita, events, broken.go_on.set) == (REPLY, "")
        assert vita.last is not None
        assert vita.last.speech is not None
        assert vita.last.speech.engines == ["piecewise", "fallback"]
        assert len(fallback.clauses) == 1
        assert fallback.clauses[0].endswith("now.")


async def test_what_was_heard_stands_when_the_next_voice_fails_too() -> None:
    broken = Piecewise(fails=True)
    fallback = FakeSynthesizer(name="fallback", failures=[EngineError("It has nothing to say.")])
    speaker = FileSpeaker()
    async with assistant(FakeResponder([REPLY]), voices=[broken, fallback], speaker=speaker) as (
        vita,
        events,
    ):
        heard, unheard = await heard_of(vita, events, broken.go_on.set)
        assert len(heard) > len(FIRST)
        assert unheard.strip()
        words = len(FIRST.split()) + 4
        assert len(speaker.samples()) >= words * WORD_SECONDS * speaker.sample_rate * 0.95, (
            "it sounded to its end"
        )


async def test_a_clause_in_which_the_only_voice_broke_off_was_heard_up_to_there() -> None:
    broken = Piecewise(fails=True)
    async with assistant(FakeResponder([REPLY]), voices=[broken]) as (vita, events):
        heard, unheard = await heard_of(vita, events, broken.go_on.set)
        assert heard.startswith(FIRST)
        assert unheard.strip()


async def test_who_interrupts_before_the_end_is_synthesised_has_heard_some_words() -> None:
    voice = Piecewise()
    async with assistant(FakeResponder([REPLY]), voices=[voice]) as (vita, events):
        _, unheard = await heard_of(vita, events, vita.stop)
        assert unheard.strip()


def clause() -> Clause:
    cutter = ClauseCutter(policies=WHOLE_SENTENCES)
    [made] = [*cutter.feed("Six words are in this one."), *cutter.finish()]
    return made


def test_where_words_end_is_a_guess_until_all_sound_is_there() -> None:
    ledger, made = Ledger(), clause()
    ledger.add(made)
    ledger.begun(made)
    ledger.heard(made, 0.1)
    assert ledger.split()[0] == ""
    ledger.heard(made, 0.8)
    heard, unheard = ledger.split()
    assert heard.split()[:2] == ["Six", "words"]
    assert unheard
    ledger.heard(made, 60.0)
    ledger.synthesised(made, np.ones(60 * 16_000, np.float32), 16_000)
    assert ledger.split() == (made.text, "")


def test_what_a_voice_said_before_it_broke_off_is_not_counted_for_the_next() -> None:
    ledger, made = Ledger(), clause()
    ledger.add(made)
    ledger.begun(made)
    ledger.heard(made, 0.8)
    ledger.begun(made)
    assert ledger.split() == ("", made.text)
