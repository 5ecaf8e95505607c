"""What was said in the present conversation: kept in the store turn by turn, and given to the model with each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from vita_tui.clock import Clock
from vita_tui.conversation.thinking.exchange import Exchange, Opening
from vita_tui.conversation.thinking.prompt import LeftOut, PromptBuilder
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Message, Responder
from vita_tui.errors import StoreError
from vita_tui.events import EventBus, Job, Notice, SessionChanged, TurnTimings
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Session, Turn
from vita_tui.settings import Settings

__all__ = ["History", "engines_of", "timings_of"]


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
        self._prompt = PromptBuilder(settings.llm)

    def turn_to(self, session: Session | None) -> None:
        """Go on with `session`, or with a new conversation."""
        self.session = session
        self._prompt = PromptBuilder(self._settings.llm)
        self._tell()

    async def messages(self, question: str) -> list[Message]:
        """What the model is asked for `question`, or for what is known of it; `left_out` is what does not fit."""
        responder: Responder = self._chains["llm"].active
        turns = self.session.turns if self.session is not None else ()
        return await self._prompt.build(turns, question, responder.count_tokens, await responder.window())

    async def messages_for(self, responder: Responder, question: str) -> list[Message]:
        """The same for another engine than the one that answers now, whose window may be smaller."""
        turns = self.session.turns if self.session is not None else ()
        builder = PromptBuilder(self._settings.llm)
        return await builder.build(turns, question, responder.count_tokens, await responder.window())

    @property
    def left_out(self) -> LeftOut | None:
        """What did not fit into the last `messages`."""
        return self._prompt.left_out

    async def fits(self, question: str) -> LeftOut | None:
        """What would be left out of `question` if it were asked now."""
        responder: Responder = self._chains["llm"].active
        return await self._prompt.fits(question, responder.count_tokens, await responder.window())

    def rest_of(self, last: Exchange | None) -> Opening | None:
        """What was not heard of the last reply, which `last` holds if it was not in an earlier life; None when all was heard."""
        turns = self.session.turns if self.session is not None else ()
        if (
            last is not None
            and turns
            and turns[-1].text == last.text
            and last.reason in ("stopped", "interrupted")
        ):
            heard, unheard = last.heard()
            if unheard.strip():
                return Opening(last.question, heard, unheard, last.written)
        kept = turns[-1] if turns else None
        if kept is not None and kept.role == "assistant" and kept.heard is not None:
            return Opening("", kept.heard, kept.text[len(kept.heard) :], True)
        return None

    async def keep_as_it_comes(self, exchange: Exchange) -> Turn | None:
        """Commit the question, and the reply as soon as its text is final: speaking it takes longest, and a crash must not lose it.

        Returns:
            The reply as it was committed; None when it was not spoken and needs committing only once.
        """
        await self.keep(await self.question_of(exchange))
        await exchange.closed.wait()
        if exchange.speech is None or exchange.stopped or exchange.speech.finished.done():
            return None
        answer = await self._answer_of(exchange)
        if answer is None:
            return None
        heard, unheard = exchange.heard()
        so_far = replace(answer, heard=heard if unheard.strip() else None, finished=None)
        await self.keep(so_far)
        return so_far

    async def keep_answer(self, exchange: Exchange, so_far: Turn | None) -> None:
        """Commit the reply with what was heard of it, in place of `so_far`."""
        answer = await self._answer_of(exchange)
        await self.keep(replace(answer, id=so_far.id) if answer and so_far else answer)

    async def keep(self, turn: Turn | None) -> None:
        """Commit a turn; a store that fails is told once and the conversation goes on."""
        if turn is None:
            return
        try:
            if self.session is None:
                self.session = await self._sessions.create(_snapshot(self._settings))
            self.session = await self._sessions.append(self.session.id, turn)
        except StoreError as error:
            self._count_error(error)
            self._bus.publish(
                Notice("Conversation not saved", error.message, error.remedy, "warning", key="store")
            )
        if self.session is not None:
            self._tell()

    async def question_of(self, exchange: Exchange) -> Turn:
        """The user's turn."""
        return Turn(
            role="user",
            text=exchange.question,
            spoken=exchange.spoken,
            started=exchange.started,
            finished=self._clock.time(),
            engines={"stt": self._chains["stt"].active_name} if exchange.spoken else {},
            tokens=await self._count(exchange.question),
        )

    async def _answer_of(self, exchange: Exchange) -> Turn | None:
        if not exchange.text:
            return None
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
            tokens=await self._count(exchange.text),
            timings={
                name: ms
                for name, ms in asdict(timings_of(exchange)).items()
                if ms is not None and name != "causes"
            },
        )

    async def _count(self, text: str) -> int:
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
