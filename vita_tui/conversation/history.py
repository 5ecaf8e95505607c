"""What was said in the present conversation: kept in the store turn by turn, and given to the model with each question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from vita_tui.clock import Clock
from vita_tui.conversation.thinking.exchange import Exchange
from vita_tui.conversation.thinking.opening import Opening
from vita_tui.conversation.thinking.prompt_builder import LeftOut, PromptBuilder
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Message, Responder
from vita_tui.engines.llm.tokens import estimate
from vita_tui.errors import StoreError
from vita_tui.events import (
    ContextUsed,
    ConversationChanged,
    EventBus,
    Job,
    Notice,
    SessionChanged,
    TurnTimings,
)
from vita_tui.sessions.kept_calls import CALLS
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Session, Turn
from vita_tui.settings import Settings

__all__ = ["History", "Kept", "engines_of", "timings_of"]

KEEP_SECONDS = 1.0
"""Longest time for which words stand on the screen and not in the store."""
OWN = ("profile", "system_prompt")
"""What a conversation may have of its own, among the settings that are kept with it."""


@dataclass(slots=True)
class Kept:
    """What of an exchange is in the store."""

    question: Turn
    answer: Turn | None = None


class History:
    """The present conversation. On the assistant's loop."""

    def __init__(
        self,
        settings: Settings,
        sessions: SessionManager,
        chains: Mapping[Job, Chain[Any]],
        bus: EventBus,
        clock: Clock,
        *,
        count_error: Callable[[BaseException], None],
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._chains = chains
        self._bus = bus
        self._clock = clock
        self._count_error = count_error
        self.session: Session | None = None
        """None until the first word of a new conversation."""
        self.own: dict[str, str] = {}
        """Of `OWN`, what the conversation has."""
        self._prompt = self._builder()

    def _builder(self) -> PromptBuilder:
        return PromptBuilder(
            self._settings.llm,
            aloud=lambda: self._settings.audio.speak,
            own=lambda: self.own.get("system_prompt", ""),
            language=lambda: self._settings.spoken_language,
        )

    @property
    def system_prompt(self) -> str:
        """What the model is told before the conversation, as it is now; the language in which to answer comes behind it."""
        own = self.own.get("system_prompt", "")
        return own or self._settings.llm.prompt(aloud=self._settings.audio.speak)

    async def set_own(self, **values: str) -> None:
        """Give the conversation a `profile` or a `system_prompt` of its own, which it keeps; an empty one is none."""
        self.own = {key: value for key, value in {**self.own, **values}.items() if value}
        if self.session is not None:
            kept = {key: self.own.get(key, "") for key in OWN}
            try:
                self.session = await self._sessions.configure(self.session.id, kept)
            except StoreError as error:
                self._count_error(error)
                self._bus.publish(Notice("Not kept", error.message, error.remedy, "warning", key="store"))
        self._tell_own()

    def _tell_own(self) -> None:
        own = ConversationChanged(self.own.get("profile", ""), self.own.get("system_prompt", ""))
        self._bus.publish(own)

    def turn_to(self, session: Session | None) -> None:
        """Go on with `session`, or with a new conversation, which uses the same profile."""
        kept = session.settings if session is not None else {"profile": self.own.get("profile", "")}
        self.own = {key: str(kept[key]) for key in OWN if kept.get(key)}
        self.session = session
        self._tell_own()
        self._prompt = self._builder()
        self._tell()

    async def rename(self, title: str) -> None:
        """Give the session another title; an empty one brings back its first question.

        Raises:
            StoreError: nothing was said yet, or it cannot be kept.
        """
        if self.session is None:
            raise StoreError("There is no conversation yet.", remedy="Ask something first.")
        self.session = await self._sessions.rename(self.session.id, title)
        self._tell()

    async def messages(self, question: str) -> list[Message]:
        """What the model is asked for `question`, or for what is known of it; `left_out` is what does not fit."""
        responder: Responder = self._chains["llm"].active
        turns = self._turns()
        if turns and turns[-1].role == "user" and turns[-1].text == question:
            turns = turns[:-1]  # it is kept already
        return await self._prompt.build(turns, question, responder.count_tokens, await responder.window())

    async def messages_for(self, responder: Responder, question: str) -> list[Message]:
        """The same for another engine than the one that answers now, whose window may be smaller."""
        turns = self._turns()
        while turns and turns[-1].role == "assistant":
            turns = turns[:-1]  # what has come of the answer
        if turns and turns[-1].text == question:
            turns = turns[:-1]  # it is kept already
        builder = self._builder()
        return await builder.build(turns, question, responder.count_tokens, await responder.window())

    def _turns(self) -> tuple[Turn, ...]:
        turns = self.session.turns if self.session is not None else ()
        return tuple(turn for turn in turns if turn.text)

    @property
    def left_out(self) -> LeftOut | None:
        """What did not fit into the last `messages`."""
        return self._prompt.left_out

    async def fits(self, question: str) -> LeftOut | None:
        """What would be left out of `question` if it were asked now."""
        responder: Responder = self._chains["llm"].active
        return await self._prompt.fits(question, responder.count_tokens, await responder.window())

    @property
    def asked(self) -> tuple[str, ...]:
        """The questions so far, the oldest first."""
        return tuple(turn.text for turn in self._turns() if turn.role == "user")

    @property
    def last_reply(self) -> str:
        """What was answered last."""
        return next((turn.text for turn in reversed(self._turns()) if turn.role == "assistant"), "")

    def rest_of(self, last: Exchange | None) -> Opening | None:
        """The unheard rest of the last reply, or None. `last` is that reply's exchange if it was made since this process started."""
        turns = self.session.turns if self.session is not None else ()
        if (
            last is not None
            and turns
            and turns[-1].text == last.text
            and last.reason in ("stopped", "interrupted", "length")
        ):
            heard, unheard = last.heard()
            if unheard.strip() and last.reason != "length":
                return Opening(last.question, heard, unheard, last.written)
            if last.reason == "length" and self._chains["llm"].active.continues:
                return Opening(
                    last.question, last.text, "", False
                )  # it was cut off, and the model goes on with it
        kept = turns[-1] if turns else None
        if kept is not None and kept.role == "assistant" and (kept.heard is not None or kept.unfinished):
            heard = kept.text if kept.heard is None else kept.heard
            return Opening("", heard, kept.text[len(heard) :], not kept.unfinished)
        return None

    async def keep_as_it_comes(self, exchange: Exchange) -> Kept:
        """Commit the question at once, and what there is of the reply every second and when its text is final: a crash loses no more.

        Returns when the reply is over: what `keep_answer` commits in its place.
        """
        kept = Kept(self._question_of(exchange))
        await self.keep(kept.question)
        while not _over(exchange):
            await _next_step(exchange)
            if exchange.text and not _over(exchange):
                await self._keep_so_far(exchange, kept)
        return kept

    async def _keep_so_far(self, exchange: Exchange, kept: Kept) -> None:
        heard, unheard = exchange.heard()
        answer = replace(
            self._answer_of(exchange, tokens=0),
            heard=heard if exchange.speech is not None and unheard.strip() else None,
            finished=None,
        )
        before = kept.answer
        if before is not None:
            answer = replace(answer, id=before.id)
            if (answer.text, answer.heard) == (before.text, before.heard):
                return
        kept.answer = answer
        await self.keep(answer)

    async def keep_answer(self, exchange: Exchange, kept: Kept) -> None:
        """Commit the reply with what was heard of it, or why there is none, in the place of what was kept so far."""
        error = exchange.error.message if exchange.error is not None else ""
        if exchange.text or kept.answer is not None:
            answer = self._answer_of(exchange, tokens=await self._count(exchange, exchange.text))
            turn_id = kept.answer.id if kept.answer is not None else answer.id
            await self.keep(replace(answer, id=turn_id, error=error))
            error = ""
        await self._tell_context(exchange)
        tokens = await self._count(exchange, exchange.question)
        if error or tokens != kept.question.tokens:
            await self.keep(replace(kept.question, tokens=tokens, error=error))

    async def _tell_context(self, exchange: Exchange) -> None:
        if not exchange.given and exchange.text:
            window = await self._chains["llm"].active.window()
            tokens = await self._count(exchange, exchange.text)
            used = self._prompt.tokens + tokens
            self._bus.publish(ContextUsed(exchange.turn, used, window, exchange.pace(tokens)))

    async def keep(self, turn: Turn | None) -> None:
        """Commit a turn; a store that fails is told once and the conversation goes on."""
        if turn is None:
            return
        try:
            if self.session is None:
                self.session = await self._sessions.create({**_snapshot(self._settings), **self.own})
            self.session = await self._sessions.append(self.session.id, turn)
        except StoreError as error:
            self._count_error(error)
            self._bus.publish(
                Notice("Conversation not saved", error.message, error.remedy, "warning", key="store")
            )
        if self.session is not None:
            self._tell()

    def _question_of(self, exchange: Exchange) -> Turn:
        """The user's turn. Its tokens are an estimate: it is kept before anyone is asked."""
        return Turn(
            role="user",
            text=exchange.question,
            spoken=exchange.spoken,
            started=exchange.started,
            finished=self._clock.time(),
            engines={"stt": exchange.recognizer or self._chains["stt"].active_name}
            if exchange.spoken
            else {},
            tokens=estimate(exchange.question),
        )

    def _answer_of(self, exchange: Exchange, *, tokens: int) -> Turn:
        heard, unheard = exchange.heard()
        interrupted = exchange.reason in ("stopped", "interrupted")
        engines = engines_of(exchange)
        return Turn(
            role="assistant",
            text=exchange.text,
            heard=heard if interrupted and unheard.strip() else None,
            spoken="tts" in engines,
            interrupted=interrupted,
            started=exchange.started,
            finished=self._clock.time(),
            engines=engines,
            tokens=tokens,
            timings={
                name: ms
                for name, ms in asdict(timings_of(exchange)).items()
                if ms is not None and name != "causes"
            }
            | ({CALLS: [call.data() for call in exchange.calls]} if exchange.calls else {}),
        )

    async def _count(self, exchange: Exchange, text: str) -> int:
        """An estimate where no model was asked, for it may not be there yet, and of what was stopped or has failed: it may hang."""
        if exchange.given or exchange.stopped or exchange.error is not None:
            return estimate(text)
        counted: int = await self._chains["llm"].active.count_tokens(text)
        return counted

    def _tell(self) -> None:
        session = self.session
        if session is None:
            changed = SessionChanged("", "New conversation", 0, 0, self._clock.time())
        else:
            changed = SessionChanged(
                session.id, session.title, len(session.turns), session.tokens, session.created
            )
        self._bus.publish(changed)


def _over(exchange: Exchange) -> bool:
    """Nothing more will be written, nor heard."""
    speech = exchange.speech
    return exchange.closed.is_set() and (speech is None or exchange.stopped or speech.finished.done())


async def _next_step(exchange: Exchange) -> None:
    """Wait until its text is final, or, after that, until it was heard; at most `KEEP_SECONDS`."""
    if not exchange.closed.is_set() or exchange.speech is None:
        with suppress(TimeoutError):
            async with asyncio.timeout(KEEP_SECONDS):
                await exchange.closed.wait()
    else:
        await asyncio.wait({asyncio.wrap_future(exchange.speech.finished)}, timeout=KEEP_SECONDS)


def engines_of(exchange: Exchange) -> dict[str, str]:
    """Who answered, and who spoke."""
    speech = exchange.speech
    spoke = {"tts": speech.engines[-1]} if speech is not None and speech.engines else {}
    return {"llm": exchange.engine, **spoke}


def timings_of(exchange: Exchange) -> TurnTimings:
    """What its stages took."""
    watch, speech = exchange.watch, exchange.speech
    if speech is not None and speech.first_synthesised is not None:
        watch.mark("tts_first_audio", speech.first_synthesised)
    if speech is not None and speech.first_played is not None:
        watch.mark("voice_to_voice", speech.first_played)
    return watch.timings()


def _snapshot(settings: Settings) -> Mapping[str, Any]:
    """What a conversation was held with, for its record."""
    return {
        "stt.model": settings.stt.model,
        "stt.language": settings.stt.language,
        "llm.model": settings.llm.model,
        "tts.voice": settings.tts.voice,
    }
