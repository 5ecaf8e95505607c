"""The exchanges of a conversation: the draft, the current one, and the one that ended last.

At most one is current; the next one waits until the one before is in the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vita_tui.audio import earcons
from vita_tui.clock import Clock
from vita_tui.conversation.built_in import BuiltIn
from vita_tui.conversation.hearing.backchannel import asks_to_go_on
from vita_tui.conversation.history import History, engines_of, timings_of
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.thinking.endings import Reason
from vita_tui.conversation.thinking.exchange import Exchange
from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.conversation.thinking.tool_calls import ToolCalls
from vita_tui.conversation.timings import Stopwatch
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Responder
from vita_tui.errors import VitaError
from vita_tui.events import DraftOver, EventBus, Job, Notice, TurnFailed, TurnFinished
from vita_tui.health.process_memory import give_back
from vita_tui.health.tasks import Tasks
from vita_tui.settings import Settings

__all__ = ["Replies"]


class Replies:
    """Runs exchanges, on the assistant's loop."""

    def __init__(
        self,
        settings: Settings,
        responders: Chain[Responder],
        chains: Mapping[Job, Chain[Any]],
        speech: Speaking,
        history: History,
        model: LanguageModel,
        tasks: Tasks,
        bus: EventBus,
        clock: Clock,
        built_in: BuiltIn,
        tools: ToolCalls | None = None,
    ) -> None:
        self._settings = settings
        self._responders = responders
        self._chains = chains
        self._speech = speech
        self._history = history
        self._model = model
        self._tasks = tasks
        self._bus = bus
        self._clock = clock
        self._built_in = built_in
        self.tools = tools
        """What runs the tools that the model calls; None for nothing."""
        self.closed = False
        """No question follows."""
        self._turns = 0
        self._draft: Exchange | None = None
        self._running: asyncio.Task[None] | None = None
        """The current exchange, or the last one while it is being stored."""
        self.current: Exchange | None = None
        """The current exchange."""
        self.last: Exchange | None = None
        """The exchange that ended last."""

    @property
    def running(self) -> bool:
        """Whether a question is being answered, or its answer stored."""
        return self._running is not None

    @property
    def drafting(self) -> bool:
        return self._draft is not None

    def ask(self, question: str, *, spoken: bool) -> Exchange:
        """A new exchange, which has not begun: the draft if it asks the same."""
        draft, self._draft = self._draft, None
        if draft is not None:
            if spoken and _same(draft.question, question):
                self._bus.publish(DraftOver(used=True))
                return draft
            self._throw_away(draft)
        return self._make(question, spoken=spoken)

    def draft(self, question: str) -> None:
        """Begin to answer what may be the question, unshown and unheard."""
        if self._draft is not None and _same(self._draft.question, question):
            return
        self.drop_draft()
        self._model.stop_reading()
        self._draft = self._make(question, spoken=True)
        self._tasks.spawn(self._run_draft(self._draft), "draft")

    def drop_draft(self) -> None:
        """The question is another, or there is none."""
        draft, self._draft = self._draft, None
        if draft is not None:
            self._throw_away(draft)

    def _throw_away(self, draft: Exchange) -> None:
        draft.stop("stopped")
        self._bus.publish(DraftOver(used=False))

    def stop(self, reason: Reason) -> None:
        """Silence the current exchange, which is current no more; its book-keeping goes on."""
        if self.current is not None:
            self.current.stop(reason)
            self.current = None

    async def settled(self) -> None:
        """Wait until the running exchange is in the store."""
        running = self._running
        if running is not None and running is not asyncio.current_task():
            await asyncio.wait({running})

    async def answer(self, exchange: Exchange, on_over: Callable[[], None]) -> None:
        """Make `exchange` the current one, to its end and into the store.

        Args:
            on_over: called if it is still the current one when it is over.
        """
        self._turns = exchange.turn
        self.current = exchange
        self._model.stop_reading()
        await self._model.end_probe()
        await self.settled()
        self._running = asyncio.current_task()
        exchange.commit()
        # The question is kept at once: making the messages may wait for the model. They begin with what was said before it.
        storing = self._tasks.spawn(self._history.keep_as_it_comes(exchange), "store")
        try:
            if exchange.task is not None:
                await asyncio.wait({exchange.task})
            if not exchange.begun:
                await self._reply(exchange)
            exchange.closed.set()
            await self._history.keep_answer(exchange, await storing)
            self._finish(exchange)
            await self._built_in.follow(exchange)
        finally:
            exchange.closed.set()
            storing.cancel()  # it is done, unless making the messages has failed
            self._running = None
            if self.current is exchange:  # no other has become the current one meanwhile
                self.current = None
                on_over()
            if not self.closed:
                if self.current is None and self._draft is None:
                    self._model.read_history()
                self._model.answered()
                # What recognition and the voice needed for this turn, 45 MB of it.
                self._tasks.spawn(asyncio.to_thread(give_back), "give memory back")

    async def _reply(self, exchange: Exchange) -> None:
        """Without the model if it is a request that is understood without, and with it otherwise."""
        if exchange.opening is None and await self._built_in.answers(exchange):
            await exchange.run([])
        else:
            messages = await exchange.prepare(self._history.messages(exchange.question), [])
            await exchange.run(messages, self._history.left_out)

    async def needs_no_more(self, question: str) -> bool:
        """Whether `question` is a request that needs no model, and hardly anything can follow."""
        return await self._built_in.is_whole(question)

    def loaded(self) -> None:
        """The model is here: a question that came before it is answered from now on, and its wait was no slowness."""
        if self.current is not None:
            self.current.watch.zero = max(self.current.watch.zero or 0.0, self._clock.monotonic())

    # ----

    def _make(self, question: str, *, spoken: bool) -> Exchange:
        turn = self._turns + 1
        aloud = self._settings.audio.speak and self._speech.usable and not self._speech.muted
        watch = Stopwatch()
        watch.zero = self._clock.monotonic()
        return Exchange(
            turn,
            question,
            spoken=spoken,
            responders=self._responders,
            speech=self._speech.begin(turn) if aloud else None,
            bus=self._bus,
            clock=self._clock,
            watch=watch,
            longest=partial(self._settings.llm.reply_limit, aloud=self._settings.audio.speak),
            speak_anew=partial(self._speech.begin, turn) if aloud else None,
            prompt=lambda responder: self._history.messages_for(responder, question),
            language=self._settings.spoken_language,
            early=self._settings.tts.early,
            opening=self._history.rest_of(self.last) if asks_to_go_on(question) else None,
            tools=self.tools,
            on_wait=self._sound_wait,
        )

    def _sound_wait(self) -> None:
        if self._settings.tools.waiting_sound and self._settings.audio.speak and not self._speech.muted:
            self._speech.earcon(earcons.WAIT, earcons.SAMPLE_RATE)

    async def _run_draft(self, exchange: Exchange) -> None:
        exchange.task = asyncio.current_task()
        if exchange.opening is None and await self._built_in.understands(exchange.question):
            return  # it is carried out when it is certain that this was all
        await self._model.end_probe()
        messages = await exchange.prepare(self._history.messages(exchange.question), [])
        await exchange.run(messages, self._history.left_out)

    def _finish(self, exchange: Exchange) -> None:
        self.last = exchange
        engines = engines_of(exchange)
        if exchange.spoken:
            engines["stt"] = exchange.recognizer or self._chains["stt"].active_name
        if exchange.error is not None:
            self._bus.publish(
                Notice("No answer", exchange.error.message, exchange.error.remedy, "error", key="answer")
            )
        failed: dict[Job, VitaError] = {}
        if exchange.error is not None:
            failed["llm"] = exchange.error
        if exchange.speech is not None and exchange.speech.error is not None:
            failed["tts"] = exchange.speech.error
        for job, error in failed.items():
            engine = engines.get(job) or self._chains[job].active_name
            self._bus.publish(TurnFailed(job, engine, type(error).__name__, str(error)))
        self._bus.publish(TurnFinished(exchange.turn, timings_of(exchange), engines, tuple(failed)))


def _same(a: str, b: str) -> bool:
    """Whether two transcripts ask the same, whatever their punctuation and case."""

    def words(text: str) -> str:
        return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split())

    return words(a) == words(b)
