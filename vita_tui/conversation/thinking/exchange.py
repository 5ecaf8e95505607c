"""One question and its answer: streamed, cut into clauses, spoken, and remembered as far as it was heard.

An exchange may start as a draft, while it is not yet certain that the user has finished: then nothing is published and
nothing is played until `commit`. It lives on the asyncio loop; only `Speech` reaches into threads.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from vita_tui.clock import Clock
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.conversation.thinking.asides import Asides
from vita_tui.conversation.thinking.endings import Reason, why_cut, why_nothing
from vita_tui.conversation.thinking.opening import Opening
from vita_tui.conversation.thinking.prompt_builder import LeftOut
from vita_tui.conversation.thinking.reply_output import ReplyOutput
from vita_tui.conversation.thinking.tool_calls import ToolCalls, called, folded
from vita_tui.conversation.timings import Stopwatch
from vita_tui.engines.attempt import Attempt
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import (
    CallsTools,
    Cut,
    Message,
    Reasoning,
    Responder,
    Retracted,
    StreamPiece,
    ToolCall,
)
from vita_tui.errors import EngineError, NoEngineError, VitaError
from vita_tui.events import (
    EventBus,
    Heard,
    QuestionShortened,
    ReasoningDelta,
    ReplyFinished,
    ReplyStarted,
    UserSaid,
)
from vita_tui.health.registry import register_task
from vita_tui.sessions.kept_calls import KeptCall
from vita_tui.tools.base import Tool

__all__ = ["Exchange"]

T = TypeVar("T")
MAX_CHARACTERS = 100_000
"""Longest reply that is kept; a model that does not end is ended."""
MAX_BLANKS = 1000
"""White space at a stretch after which a model is taken to have lost its way."""


class Exchange:
    """Runs one reply. `run` is the task; `commit` and `stop` steer it, from the loop's thread."""

    def __init__(
        self,
        turn: int,
        question: str,
        *,
        spoken: bool,
        responders: Chain[Responder],
        speech: Speech | None,
        bus: EventBus,
        clock: Clock,
        watch: Stopwatch,
        longest: Callable[[int], int],
        language: str = "en",
        early: bool = True,
        opening: Opening | None = None,
        speak_anew: Callable[[], Speech] | None = None,
        prompt: Callable[[Responder], Awaitable[list[Message]]] | None = None,
        tools: ToolCalls | None = None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            longest: tokens of a reply in a window of so many; 0 for as many as the server gives.
            speak_anew: another `speech`, for a reply of which what came so far was none.
            tools: runs what the model calls; None for nothing.
            on_wait: called now and then while a tool makes the user wait.
            prompt: the messages for an engine other than the one that they were made for.
        """
        self.turn = turn
        self.question = question
        self.spoken = spoken
        self.recognizer = ""
        """Who understood the question, where it was spoken."""
        self.watch = watch
        self.task: asyncio.Task[Any] | None = None
        """The task in which a draft runs."""
        self.started = clock.time()
        """Seconds since 1970."""
        self.engine = ""
        self.written = False
        """The model has written all of it."""
        self.begun = False
        """`run` was called."""
        self.closed = asyncio.Event()
        """No more text will come; it may still be spoken."""
        self.reason: Reason = "complete"
        self.error: VitaError | None = None
        self._responders = responders
        self._clock = clock
        self._longest = longest
        self._output = ReplyOutput(
            turn,
            speech=speech,
            speak_anew=speak_anew,
            bus=bus,
            clock=clock,
            watch=watch,
            language=language,
            early=early,
        )
        self._prompt = prompt
        self._tools = tools
        self._asides = Asides(self._output, spoken, lambda: self.stopped, on_wait)
        self._certain = asyncio.Event()
        """It was committed: tools may be called."""
        self._round = 0
        """Characters of the text that were there before the model went on with what tools returned."""
        self._called: list[Message] = []
        """What was called so far, and what it returned."""
        self.calls: list[KeptCall] = []
        """Those that are over."""
        self._cut: Cut | None = None
        """Why the model ended its reply, if not because all was said."""
        self._reasoned = False
        self._limit = 0
        """Tokens of the reply at most."""
        self.opening = opening
        self._given: tuple[str, str] | None = None
        self._stopped: Reason | None = None
        self._generation: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[Any] | None = None

    @property
    def text(self) -> str:
        """What was written so far."""
        return self._output.text

    @property
    def speech(self) -> Speech | None:
        """What is spoken of it; None when it is shown only."""
        return self._output.speech

    @property
    def stopped(self) -> bool:
        """It was told to end before its end."""
        return self._stopped is not None

    @property
    def given(self) -> bool:
        """No model was asked: the reply was there."""
        return self._given is not None

    def give(self, text: str, engine: str, *, language: str = "") -> None:
        """Have `run` say `text`, by the name of `engine`, without asking a model; in `language`, if it is another."""
        self._given = (text, engine)
        self._output.language = language or self._output.language

    def commit(self) -> None:
        """It is certain that this was the question: show and speak what there is, and all that comes."""
        if not self._certain.is_set():
            self._certain.set()
            self._output.commit(UserSaid(self.turn, self.question, self.spoken))

    def stop(self, reason: Reason) -> None:
        """Silence at once and end the reply; `run` then returns."""
        if self._stopped is not None:
            return
        self._stopped = reason
        if self.speech is not None:
            self.speech.cancel()
        for task in (self._preparing, self._generation):
            if task is not None:
                task.cancel()

    async def prepare(self, work: Coroutine[Any, Any, T], otherwise: T) -> T:
        """What `work` returns, or `otherwise` when the reply is stopped before that: it may wait for a model that hangs."""
        if self._stopped is not None:
            work.close()
            return otherwise
        task: asyncio.Task[T] = asyncio.create_task(work, name=f"prepare reply {self.turn}")
        self._preparing = task
        register_task(task, owner="conversation.exchange")
        try:
            return await task
        except asyncio.CancelledError:
            if self._stopped is None:
                raise
            return otherwise
        finally:
            self._preparing = None

    async def run(self, messages: Sequence[Message], left_out: LeftOut | None = None) -> None:
        """Answer `messages`; returns when the reply was written and heard, stopped, or has failed.

        Args:
            left_out: what of the question and of what was said before is not among them.
        """
        self.begun = True
        if left_out is not None:
            self._output.publish(QuestionShortened(self.turn, left_out.fit, left_out.tokens, left_out.turns))
        if self._stopped is None:
            self._generation = asyncio.create_task(self._generate(list(messages)), name=f"reply {self.turn}")
            register_task(self._generation, owner="conversation.exchange")
            try:
                await self._generation
            except asyncio.CancelledError:
                if self._stopped is None:
                    self.stop("stopped")
                    raise
            except VitaError as error:
                self.reason, self.error = "failed", error
        if self._stopped is not None:
            self.reason = self._stopped
        elif not self.text.strip() and self.error is None:
            self.reason = "failed"
            self.error = why_nothing(
                self._cut,
                self.engine,
                limit=self._limit,
                reasoned=self._reasoned,
                called=bool(self._called),
            )
        self._output.publish(
            ReplyFinished(
                self.turn,
                self.text,
                self.reason,
                self.error.message if self.error is not None else "",
                why_cut(self.reason, endless=len(self.text) >= MAX_CHARACTERS, limit=self._limit),
            )
        )
        self.closed.set()
        if self.speech is not None:
            self.speech.complete()
            await asyncio.shield(asyncio.wrap_future(self.speech.finished))
            if self._stopped is not None:
                self.reason = self._stopped
            heard, unheard = self.heard()
            self._output.publish(Heard(self.turn, heard, unheard, final=True))

    def heard(self) -> tuple[str, str]:
        """The reply's text, split into what has reached the user and what has not; text that was only shown was read."""
        return self._output.heard()

    def pace(self, tokens: int) -> float | None:
        """Tokens per second at which the model wrote its reply of so many; None where that is not known, or tools were waited for."""
        return None if self.given or self.calls or self.opening is not None else self._output.pace(tokens)

    # ----

    async def _generate(self, messages: list[Message]) -> None:
        """Stream from the first engine that answers. One that broke off is asked once more to go on where it stopped."""
        opening = self.opening
        try:
            if self._given is not None:
                text, self.engine = self._given
                self._output.publish(ReplyStarted(self.turn, self.engine))
                self._output.take(text)
                self.written = True
                return
            if opening is not None:
                self.engine = "memory"
                self._output.publish(ReplyStarted(self.turn, self.engine))
                self._output.take(opening.rest.lstrip())
                if opening.whole or not any(one.continues for one in self._responders.engines):
                    self.written = True
                    return
            try:
                await self._stream(messages)
            except NoEngineError:
                # To start again would say the same twice: what is there stands, and the error is told.
                if self.text[self._round :] and not any(
                    responder.continues for responder in self._responders.engines
                ):
                    raise
                await self._stream(messages)
            self.written = True
        finally:
            if self._stopped is None:
                self._output.end()

    async def _stream(self, messages: list[Message]) -> None:
        preferred = self._responders.active if self._responders.engines else None
        for attempt in self._responders.attempts(
            lambda responder: responder.continues or not self.text[self._round :]
        ):
            with attempt as responder:
                await responder.load()
                if responder is not preferred and self._prompt is not None:
                    messages = await self._prompt(responder)
                said = self.text[self._round :]
                if self.opening is not None and not self._round:
                    said = self.opening.heard + self.opening.rest + said[len(self.opening.rest.lstrip()) :]
                so_far: list[Message] = [{"role": "assistant", "content": said}] if said else []
                self.engine = responder.name
                if not so_far:
                    self._output.publish(self._started(responder))
                tools = await self._tools.offer(responder) if self._tools is not None else {}
                window = await responder.window()
                self._limit = self._longest(window)
                rounds = 0
                while calls := await self._stream_round(attempt, responder, messages, so_far):
                    so_far = []
                    if self._tools is None or rounds >= self._tools.rounds:
                        self._cut = Cut("tools")
                        break
                    await self._call(calls, tools, longest=window)
                    rounds += 1
                    tools = await self._tools.offer(responder)
                    if rounds >= self._tools.rounds and isinstance(responder, CallsTools):
                        responder.tools = ()  # it has to answer with what it knows by now

    async def _stream_round(
        self,
        attempt: Attempt[Responder],
        responder: Responder,
        messages: Sequence[Message],
        so_far: Sequence[Message],
    ) -> list[ToolCall]:
        """Take what the model says, up to its end or to where it wants tools called: those calls."""
        asked = [*messages, *self._called]
        if self._called and not (isinstance(responder, CallsTools) and await responder.takes_tools()):
            asked = folded(asked)
        calls: list[ToolCall] = []
        kept = len(self.text)
        async with contextlib.aclosing(responder.stream([*asked, *so_far], max_tokens=self._limit)) as stream:
            async for piece in stream:
                attempt.answered()
                if isinstance(piece, ToolCall):
                    calls.append(piece)
                    continue
                self._take_piece(piece, kept)
                if len(self.text) - len(self.text.rstrip()) > MAX_BLANKS:
                    raise EngineError(f"{responder.name} returned only whitespace.")
                if len(self.text) >= MAX_CHARACTERS:
                    self.reason = "length"
                    return []
        return calls if self._tools is not None else []

    async def _call(self, calls: Sequence[ToolCall], tools: dict[str, Tool], *, longest: int) -> None:
        """Have `calls` made, when it is certain that this was the question."""
        assert self._tools is not None
        said = self.text[self._round :]
        if said.strip():
            self._output.take("\n\n")  # what was said before is a sentence of its own
        await self._certain.wait()
        results = await self._tools.run(
            self.turn,
            calls,
            tools,
            longest=longest,
            on_ask=self._asides.ask,
            on_wait=self._asides.wait,
            on_over=lambda event: self.calls.append(KeptCall.of(event)),
        )
        self._called += [called(said, calls), *results]
        self._round = len(self.text)
        self.watch.mark_tools(self._clock.monotonic())

    def _started(self, responder: Responder) -> ReplyStarted:
        return ReplyStarted(self.turn, responder.name, *self._responders.replaced(responder.name))

    def _take_piece(self, piece: StreamPiece, kept: int) -> None:
        """One piece of the reply.

        Args:
            kept: characters of the text that were there before this engine began.
        """
        match piece:
            case str():
                self._output.take(piece)
            case Reasoning(text):
                self._reasoned = True
                self._output.publish(ReasoningDelta(self.turn, text))
            case Retracted():
                self._reasoned = True
                self._output.retract(kept)
            case Cut(cause):
                self._cut = piece
                if self.text.strip() and cause in ("length", "filter"):
                    self.reason = "length" if cause == "length" else "filtered"
            case _:
                raise EngineError(f"{self.engine} sent what is not text.")
