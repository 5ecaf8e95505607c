"""A reply goes on, whole, on a speaker that works at another rate, and it is said which one stands in."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.conversation.support import assistant
from tests.e2e.stage import StageSpeaker
from vita_tui.audio.base import PlaybackMark
from vita_tui.audio.files import FileSpeaker
from vita_tui.audio.timeline import Timeline
from vita_tui.conversation.speaking import speaker_line
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.fake import LOWEST, WORD_SECONDS, FakeSynthesizer
from vita_tui.events import ClauseStarted, Notice, TurnFinished

REPLY = "Here is a first sentence of eight words. And here is one more that follows it now."


class Replaced(FileSpeaker):
    """A speaker in whose place another one comes, at another rate."""

    def __init__(self, rates: list[int]) -> None:
        super().__init__(rates[0])
        self._rates = rates
        self.missing = ""
        self.played_at: list[tuple[int, int]] = []
        """For each device: its rate, and the frames that it sounded."""
        self._before = 0

    def on_change(self, tell: Callable[[], None]) -> None:
        self.changed = tell

    def replace(self) -> None:
        """It goes away; the next `open` opens another one."""
        self.close()
        self._count()
        for subscriber in self._subscribers:
            subscriber(PlaybackMark("lost", None, time.monotonic(), "The speaker went away."))

    def _count(self) -> None:
        frames = len(self.samples())
        self.played_at.append((self.sample_rate, frames - self._before))
        self._before = frames

    def open(self) -> None:
        if self.played_at and len(self._rates) > 1:
            self._rates.pop(0)
            self.sample_rate = self._timeline.rate = self._rates[0]
            self.missing = "The headset is not there."
        super().open()


async def test_what_was_not_heard_is_said_at_the_rate_of_the_new_speaker() -> None:
    speaker = Replaced([24_000, 44_100])
    async with assistant(FakeResponder([REPLY]), speaker=speaker) as (vita, events):
        asking = asyncio.create_task(vita.ask("A question"))
        await events.until(ClauseStarted, lambda event: event.index == 1)
        speaker.replace()
        notice = await events.until(Notice, lambda event: event.title == "Another speaker")
        await events.until(TurnFinished)
        await asking
        assert "headset" in notice.message
        assert vita.last is not None
        assert vita.last.heard()[1].strip() == "", "all of it was heard"
    speaker._count()
    (first, before), (second, after) = speaker.played_at[0], speaker.played_at[-1]
    assert (first, second) == (24_000, 44_100)
    seconds = before / first + after / second
    assert abs(seconds - len(REPLY.split()) * WORD_SECONDS) < 3 * WORD_SECONDS, (
        "nothing is said slower or twice"
    )
    # The tones have kept their pitch: the highest word is eleven half-tones above the lowest.
    tail = speaker.samples()[-after:]
    loudest = float(np.argmax(np.abs(np.fft.rfft(tail)))) * second / len(tail)
    assert LOWEST * 0.98 <= loudest <= LOWEST * 2


class Slow(FakeSynthesizer):
    """Stops after the third clause until it is let go on."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.stopped = threading.Event()
        super().__init__(gate=self.gate)

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        if len(self.clauses) == 3:
            self.gate.clear()
            self.stopped.set()
        return super().speak(clause, cancelled=cancelled)


async def test_clauses_that_wait_while_the_speaker_is_changed_are_neither_lost_nor_taken_for_heard() -> None:
    reply = " ".join(f"This is the sentence number {word}." for word in "one two three four five six".split())
    speaker, voice = Replaced([24_000, 24_000]), Slow()
    async with assistant(FakeResponder([reply]), speaker=speaker, voices=[voice]) as (vita, events):
        asking = asyncio.create_task(vita.ask("A question"))
        await events.until(ClauseStarted, lambda event: event.index == 1)
        assert await asyncio.to_thread(voice.stopped.wait, 20)
        speaker.replace()
        voice.gate.set()
        await events.until(TurnFinished)
        await asking
        assert vita.last is not None
        assert vita.last.heard()[1].strip() == ""
        order = [event.index for event in events.of(ClauseStarted)]
        assert order == sorted(order), "in order"
    seconds = len(speaker.samples()) / 24_000
    assert seconds > len(reply.split()) * WORD_SECONDS - 1.5 * WORD_SECONDS, "all of it sounded"


async def test_a_reply_that_is_begun_without_a_speaker_is_text_and_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speaker_line, "GIVE_UP_SECONDS", 0.1)
    monkeypatch.setattr(speaker_line, "REOPEN_SECONDS", 0.02)
    speaker = StageSpeaker()
    async with assistant(FakeResponder([REPLY]), speaker=speaker) as (vita, events):
        await asyncio.to_thread(speaker.plug, False)
        await events.until(Notice, lambda event: event.title == "Speaker lost")
        await asyncio.wait_for(vita.ask("A question"), 60)
        assert events.of(ClauseStarted) == []
        speaker.plug(True)
        await events.until(Notice, lambda event: event.title == "Speaker back")
        await vita.ask("Another question")
        assert vita.last is not None
        assert events.of(ClauseStarted)
        assert vita.last.heard()[1].strip() == ""


def test_a_rewound_timeline_counts_the_same() -> None:
    timeline = Timeline(10)
    timeline.enqueue(np.ones(20, np.float32))
    timeline.pull(np.empty(10, np.float32), 0.0, 0.0)
    timeline.rewind(0.5)
    assert timeline.heard(10.0) == 5
    block = np.empty(20, np.float32)
    filled, _ = timeline.pull(block, 10.0, 10.0)
    assert filled == 15
    assert timeline.heard(20.0) == 20
