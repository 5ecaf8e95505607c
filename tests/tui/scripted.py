"""An assistant that follows a script: it publishes the events that the real one would, and notes what the screen asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from vita_tui.errors import SettingsError, StoreError
from vita_tui.events import (
    ConversationChanged,
    EngineStatus,
    EventBus,
    HandsFree,
    Health,
    Job,
    Muted,
    NothingHeard,
    Part,
    ReplyDelta,
    ReplyFinished,
    ReplyStarted,
    SessionChanged,
    State,
    StateChanged,
    TurnFinished,
    TurnTimings,
    UserSaid,
)
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.memory import MemoryStore
from vita_tui.sessions.session import Hit, Session, SessionSummary, Turn
from vita_tui.sessions.session_stats import SessionStats
from vita_tui.settings import Settings

__all__ = ["CREATED", "NOW", "READY", "ScriptedChain", "ScriptedCore", "ScriptedShelf", "session_of"]

CREATED = 1_700_000_000.0
"""Seconds since 1970 at which every scripted conversation began."""
NOW = CREATED + 754.0

READY = (
    EngineStatus("stt", "whisper base", Health.READY, True, last_ms=118, median_ms=121),
    EngineStatus("llm", "smollm2-135m-instruct", Health.READY, True, last_ms=64, median_ms=71),
    EngineStatus("tts", "piper", Health.READY, True, last_ms=83, median_ms=79),
    EngineStatus("tts", "pyttsx3", Health.READY, False),
)


def session_of(*words: str, name: str = "5e551011", title: str = "") -> Session:
    """A kept conversation: questions and answers in turn."""
    turns = tuple(
        Turn(
            role="assistant" if number % 2 else "user",
            text=text,
            started=CREATED,
            finished=CREATED,
            id=f"{name}{number}",
        )
        for number, text in enumerate(words)
    )
    return Session(name, title or words[0], CREATED, CREATED, turns)


class ScriptedChain:
    def __init__(self, statuses: Sequence[EngineStatus]) -> None:
        self._statuses = list(statuses)
        self.resets = 0

    def statuses(self) -> list[EngineStatus]:
        return self._statuses

    def reset(self) -> None:
        self.resets += 1


class ScriptedShelf:
    """Kept conversations, in memory."""

    def __init__(self, *sessions: Session) -> None:
        self.kept = {session.id: session for session in sessions}
        self.broken = False

    def stats(self) -> SessionStats:
        return SessionManager(MemoryStore()).stats()

    async def list(
        self, limit: int = 50, offset: int = 0, *, archived: bool = False
    ) -> Sequence[SessionSummary]:
        self._check()
        kept = [session.summary() for session in self.kept.values() if session.archived is archived]
        return kept[offset : offset + limit]

    async def get(self, session_id: str) -> Session:
        self._check()
        return self.kept[session_id]

    async def rename(self, session_id: str, title: str) -> Session:
        self.kept[session_id] = replace(self.kept[session_id], title=title)
        return self.kept[session_id]

    async def archive(self, session_id: str, away: bool = True) -> Session:
        self.kept[session_id] = replace(self.kept[session_id], settings={"archived": away})
        return self.kept[session_id]

    async def delete(self, session_id: str) -> bool:
        return self.kept.pop(session_id, None) is not None

    async def restore(self, session: Session) -> Session:
        self.kept[session.id] = session
        return session

    async def search(self, words: str, limit: int = 50) -> Sequence[Hit]:
        self._check()
        found = []
        for session in self.kept.values():
            for turn in session.turns:
                start = turn.text.lower().find(words.lower())
                if start >= 0:
                    marks = ((start, start + len(words)),)
                    found.append(
                        Hit(session.id, session.title, turn.id, turn.role, turn.started, turn.text, marks)
                    )
        return found[:limit]

    def _check(self) -> None:
        if self.broken:
            raise StoreError("The conversations cannot be read.", remedy="vita doctor")


class ScriptedCore:
    """Answers every question with `reply`, in `pieces`."""

    def __init__(
        self,
        *,
        reply: str = "Gulls are clever birds.",
        engines: Sequence[EngineStatus] = READY,
        shelf: ScriptedShelf | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.bus = EventBus()
        self.state = State.INITIALIZING
        self.speaking_aloud = True
        self._muted = False
        self.settings = settings or Settings()
        self.session: Session | None = None
        self.sessions = shelf or ScriptedShelf()
        jobs: tuple[Job, ...] = ("stt", "llm", "tts")
        self.chains: Mapping[Job, ScriptedChain] = {
            job: ScriptedChain([status for status in engines if status.job == job]) for job in jobs
        }
        self.reply = reply
        self.asked: list[str] = []
        self.room = 1_000_000
        """Characters of a question that fit."""
        self.stops = 0
        self.read_aloud: list[str] = []
        self.steered: list[str] = []
        """What was done with the voice while it spoke."""
        self.allowed: list[tuple[str, str]] = []
        """What was decided about tools: the call, and how."""
        self.talks = 0
        self.kept: list[bool] = []
        """With every talk whether the key is held; False when it was let go."""
        self.changed: list[tuple[str, Any]] = []
        self.dictated = "what is a gull"
        self.own: dict[str, str] = {}
        self.sampled: list[tuple[str, str]] = []
        """Voices that were heard before they were chosen, each with its language."""
        self.said: list[str] = []
        """What was to be read aloud."""
        self.hands_free = False
        self.held_open = 0
        """How often a pause was to be no end."""
        self.resumed: list[str] = []
        self.closed = 0
        self.woken: list[Part] = []
        self.hold = asyncio.Event()
        """Clear it and `ask` waits before it finishes its reply."""
        self.hold.set()
        self._turn = 0

    def allow_tool(self, call: str, decision: str) -> bool:
        self.allowed.append((call, decision))
        return True

    async def needs_no_model(self, text: str) -> bool:
        return text == "what time is it"

    async def fits(self, text: str) -> str | None:
        await asyncio.sleep(0)
        return "Too long for this model: 2,500 of 5,300 tokens fit" if len(text) > self.room else None

    def become(self, state: State) -> None:
        previous, self.state = self.state, state
        self.bus.publish(StateChanged(state, previous))

    async def start(self, *, resume: str | None = None) -> None:
        if resume is not None:
            await self.resume(resume)
        self.become(State.IDLE)

    async def ask(self, text: str) -> None:
        self.asked.append(text)
        self._turn += 1
        turn = self._turn
        self.become(State.THINKING)
        self.bus.publish(UserSaid(turn, text, False))
        self.bus.publish(ReplyStarted(turn, "smollm2-135m-instruct"))
        for start in range(0, len(self.reply), 7):
            self.bus.publish(ReplyDelta(turn, self.reply[start : start + 7]))
        await self.hold.wait()
        self.bus.publish(ReplyFinished(turn, self.reply, "complete"))
        timings = TurnTimings(llm_first_token=64, first_clause=190, tts_first_audio=270, voice_to_voice=283)
        self.bus.publish(TurnFinished(turn, timings, {"llm": "smollm2-135m-instruct", "tts": "piper"}))
        self.bus.publish(SessionChanged("5e551011", self.asked[0], 2 * turn, 40 * turn, CREATED))
        self.become(State.IDLE)

    async def dictate(self, on_words: Callable[[str, str], None]) -> str:
        self.become(State.LISTENING)
        on_words("What is", "a gull")
        while self.state is State.LISTENING:
            await asyncio.sleep(0)
        return self.dictated

    def let_go(self) -> None:
        self.kept.append(False)

    def talk(self, *, kept: bool = False) -> None:
        self.talks += 1
        self.kept.append(kept)
        self.become(State.IDLE if self.state is State.LISTENING else State.LISTENING)

    def set_hands_free(self, on: bool) -> None:
        self.hands_free = on
        self.bus.publish(HandsFree(on))

    def hold_open(self) -> None:
        self.held_open += 1

    def stop(self) -> None:
        self.stops += 1
        if self.state is State.LISTENING:
            self.bus.publish(NothingHeard("Recording dropped."))
        self.become(State.IDLE)

    @property
    def aloud(self) -> ScriptedCore:
        return self

    @property
    def paused(self) -> bool:
        return bool(self.steered) and self.steered[-1] == "pause"

    def pause(self) -> bool:
        return self._steer("pause")

    def unpause(self) -> bool:
        return self._steer("unpause")

    def forward(self) -> bool:
        return self._steer("forward")

    def back(self) -> bool:
        return self._steer("back")

    def _steer(self, how: str) -> bool:
        if self.state is State.SPEAKING:
            self.steered.append(how)
        return self.state is State.SPEAKING

    async def change(self, key: str, value: Any) -> None:
        self.changed.append((key, value))
        section, name = key.split(".")
        setattr(getattr(self.settings, section), name, value)
        if key == "audio.speak":
            self.speaking_aloud = value

    async def change_all(self, values: Mapping[str, object]) -> None:
        for key, value in values.items():
            await self.change(key, value)

    @property
    def muted(self) -> bool:
        return self._muted

    @muted.setter
    def muted(self, on: bool) -> None:
        self._muted = on
        self.bus.publish(Muted(on))

    async def use_profile(self, name: str) -> None:
        if name and name not in self.settings.profiles.named:
            raise SettingsError(f"There is no profile {name}.")
        self.own = {**self.own, "profile": name}
        self._tell_own()

    @property
    def system_prompt(self) -> str:
        return self.own.get("system_prompt") or self.settings.llm.system_prompt

    async def set_system_prompt(self, prompt: str) -> None:
        self.own = {**self.own, "system_prompt": prompt}
        self._tell_own()

    def _tell_own(self) -> None:
        own = self.own
        self.bus.publish(ConversationChanged(own.get("profile", ""), own.get("system_prompt", "")))

    async def sample(self, values: Mapping[str, object], language: str) -> None:
        self.sampled.append((str(values.get("tts.voice", "")), language))

    async def say(self, text: str) -> bool:
        self.said.append(text)
        return True

    async def new_session(self) -> None:
        self.session = None
        self.bus.publish(SessionChanged("", "New conversation", 0, 0, CREATED))

    async def resume(self, session_id: str) -> None:
        self.resumed.append(session_id)
        self.session = self.sessions.kept[session_id]
        self.bus.publish(
            SessionChanged(session_id, self.session.title, len(self.session.turns), 40, self.session.created)
        )

    async def branch(self, before: str) -> None:
        assert self.session is not None
        old = self.session
        ids = [turn.id for turn in old.turns]
        taken = old.turns[: ids.index(before)]
        branch = {"of": old.id, "root": old.id, "turns": len(taken)}
        name = f"{old.id}-{len(self.sessions.kept)}"
        self.session = replace(old, id=name, turns=taken, settings={"branch": branch})
        self.sessions.kept[name] = self.session

    async def read(self, text: str = "") -> bool:
        self.read_aloud.append(text)
        return bool(text or self.session)

    async def rename(self, title: str) -> None:
        assert self.session is not None
        self.session = replace(self.session, title=title)
        self.bus.publish(SessionChanged(self.session.id, title, len(self.session.turns), 40, CREATED))

    def wake(self, part: Part) -> None:
        self.woken.append(part)

    async def aclose(self) -> None:
        self.closed += 1
