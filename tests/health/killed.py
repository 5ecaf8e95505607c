"""`kill -9` at a random moment of a spoken turn, over and over on one store: what was final is there after each restart.

    python -m tests.health.proofs killed

A program of its own holds the conversation: the assistant that `build` makes, with scripted engines, a microphone into which
someone speaks, a speaker in real time, and the sessions on disk. It tells each event that makes something final through a pipe,
and is killed without a word. The next one goes on in the same conversation. `early=False` is the ablation: a reply is committed
when it has been spoken, and not when its text is final.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from tests.health.cascade import Talker, assembled
from vita_tui.audio.base import Samples
from vita_tui.audio.files import FileSpeaker
from vita_tui.conversation import build as building
from vita_tui.conversation import history
from vita_tui.conversation.thinking.exchange import Exchange
from vita_tui.engines.llm.base import Message, StreamPiece
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.stt.base import Transcription
from vita_tui.engines.stt.fake import FakeRecognizer, ScriptedCall
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.events import Event, EventBus, ReplyFinished, SessionChanged, State, StateChanged, UserSaid
from vita_tui.sessions.session import Session
from vita_tui.sessions.sqlite import SqliteStore
from vita_tui.settings import Settings

__all__ = ["Deaths", "die_often"]

ANSWER = "There are seven days in a week, and the first of them is Monday."
LONGEST = 2.5
"""Seconds after the first turn has begun in which the end comes: longer than a turn takes."""
PATIENCE = 60.0


@dataclass
class Deaths:
    """What became of a conversation whose program was killed again and again."""

    kills: int = 0
    states: Counter[str] = field(default_factory=Counter)
    """What it was doing when it was killed."""
    final: int = 0
    """Questions and replies whose text was final."""
    lost: list[str] = field(default_factory=list)
    """Of these: not in the store although the program had said that they are."""
    in_flight: list[str] = field(default_factory=list)
    """Of these: on the way to the disk in the moment of the kill, and not there."""
    doubled: int = 0
    damaged: int = 0
    """Times at which the file was not whole."""


class _Recognizer(FakeRecognizer):
    """Understands another question each time, so that every text is there once."""

    def __init__(self, life: int) -> None:
        super().__init__()
        self._life, self._number = life, 0

    def transcribe(self, audio: NDArray[np.float32], **how: Any) -> Transcription:
        self._number += 1
        self._steps = [ScriptedCall(f"Is this question {self._number} of life {self._life}?")]
        return super().transcribe(audio, **how)


class _Mind(FakeResponder):
    """Gives another answer each time, a word every 20 ms."""

    def __init__(self, life: int) -> None:
        super().__init__()
        self._life, self._number = life, 0

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[StreamPiece, None]:
        self._number += 1
        self._script = [f"It is answer {self._number} of life {self._life}. {ANSWER}"]
        async with contextlib.aclosing(super().stream(messages, max_tokens=max_tokens)) as words:
            async for word in words:
                await asyncio.sleep(0.02)
                yield word


def _live(home: str, life: int, early: bool, question: Samples, tell: Connection) -> None:
    """The program: turn after turn until it is killed."""
    os.environ["VITA_HOME"] = home
    if early:
        asyncio.run(_talk(life, question, tell))
        return
    with mock.patch.object(history.History, "keep_as_it_comes", _store_at_the_end):
        asyncio.run(_talk(life, question, tell))


async def _store_at_the_end(keeping: history.History, exchange: Exchange) -> history.Kept:
    question = keeping._question_of(exchange)
    await keeping.keep(question)
    return history.Kept(question)


async def _talk(life: int, question: Samples, tell: Connection) -> None:
    def told(event: Event) -> None:
        match event:
            case StateChanged():
                tell.send(("state", event.state.value))
            case UserSaid():
                tell.send(("final", event.text))
            case ReplyFinished(text=text) if text:
                tell.send(("final", text))
            case SessionChanged():
                session = vita.session
                tell.send(("stored", session.turns[-1].text if session and session.turns else ""))

    bus, talker = EventBus(), Talker()
    engines: dict[Any, list[Any]] = {
        "stt": [_Recognizer(life)],
        "llm": [_Mind(life)],
        "tts": [FakeSynthesizer()],
    }
    settings = Settings(
        stt={"partials": False}, audio={"earcons": False}, sessions={"resume_last": True, "store": "sqlite"}
    )
    with assembled(engines, isolated=True):
        vita = building.build(settings, microphone=talker, speaker=FileSpeaker(), bus=bus)
        await vita.start()
        await vita.ready.wait()
    bus.subscribe(told)
    tell.send(("begins", ""))
    while True:
        talker.hush()
        vita.talk()
        talker.say(question, silence=1.0)
        for state in (State.THINKING, State.IDLE):
            while vita.state is not state:
                await asyncio.sleep(0.002)


def die_often(
    home: Path,
    kills: int,
    question: Samples,
    *,
    early: bool = True,
    seed: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Deaths:
    """Kill the program `kills` times, each time at another moment, and look into the store after each.

    Args:
        home: a VITA home of its own.
        question: speech at 16 kHz.
        early: as designed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    chance, deaths = random.Random(seed), Deaths()
    must_be_there: list[str] = []
    for life in range(kills):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_live, args=(str(home), life, early, question, theirs), daemon=True)
        process.start()
        theirs.close()
        told: list[tuple[str, str]] = []
        try:
            if not ours.poll(PATIENCE):
                raise AssertionError("the program did not begin")
            told.append(ours.recv())
            deadline = time.monotonic() + chance.uniform(0.0, LONGEST)
            while (left := deadline - time.monotonic()) > 0:
                if ours.poll(left):
                    told.append(ours.recv())
            process.kill()
            with contextlib.suppress(EOFError):  # what it had said before it died
                while True:
                    told.append(ours.recv())
        finally:
            process.kill()
            process.join()
            ours.close()
        _account(deaths, told, must_be_there, asyncio.run(_kept(home, deaths)))
        progress(life + 1)
    return deaths


def _account(deaths: Deaths, told: list[tuple[str, str]], must_be_there: list[str], kept: list[str]) -> None:
    deaths.kills += 1
    states = [word for kind, word in told if kind == "state"]
    deaths.states[states[-1] if states else "idle"] += 1
    final = [text for kind, text in told if kind == "final"]
    stored = {text for kind, text in told if kind == "stored"}
    deaths.final += len(final)
    deaths.in_flight += [text for text in final if text not in kept and text not in stored]
    must_be_there += [text for text in final if text in kept or text in stored]
    deaths.lost += [text for text in must_be_there if text not in kept]
    deaths.doubled += sum(number - 1 for number in Counter(kept).values())


async def _kept(home: Path, deaths: Deaths) -> list[str]:
    """The texts of all turns that are in the store, as the next program finds them."""
    path = home / "data" / "sessions.db"
    with closing(sqlite3.connect(path)) as db:
        deaths.damaged += db.execute("PRAGMA integrity_check").fetchone() != ("ok",)
    store = SqliteStore(path)
    deaths.damaged += bool(await store.open())
    try:
        summaries = await store.recent(10_000, 0)
        sessions: list[Session | None] = [await store.read(summary.id) for summary in summaries]
    finally:
        await store.cleanup()
    return [turn.text for session in sessions if session is not None for turn in session.turns]
