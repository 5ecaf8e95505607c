"""The language model between two questions: loaded, prefilled, tried again after it was disabled, unloaded while memory is short.

Everything runs on the assistant's loop, in tasks that `spawn` starts and that end with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import EndPredicting, Message, Responder, Unloadable
from vita_tui.errors import EngineError, NoEngineError
from vita_tui.settings import LlmSettings

__all__ = ["LanguageModel"]

log = logging.getLogger(__name__)

PROBE: list[Message] = [{"role": "user", "content": "Say hello."}]
"""What a disabled model is asked before it is used again; its first word is enough."""
PROBE_TOKENS = 8
READ_AHEAD_WORDS = 2
"""So many more words of a question must be known for the model to be given them while the rest is spoken."""
END_SECONDS = 0.5
"""For the model to say whether a question is whole; a machine that needs longer begins to answer without it."""
END_PAUSE_SECONDS = 20.0
"""For so long it is not asked again after it was too slow."""
SPARING_SECONDS = 20.0
"""For so long after an answer the model stays loaded while memory is short."""


class LanguageModel:
    """Sees to the responders of one chain; the questions themselves are asked by `Exchange`."""

    def __init__(
        self,
        responders: Chain[Responder],
        settings: LlmSettings,
        *,
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        messages: Callable[[str], Awaitable[list[Message]]],
        answering: Callable[[], bool],
        idle: Callable[[], bool],
        on_loaded: Callable[[], None],
        offer: Callable[[Responder], Awaitable[object]] | None = None,
    ) -> None:
        """
        Args:
            messages: what is asked for a question, or for what is known of one.
            answering: whether a question is being answered.
            idle: whether nobody speaks or listens and no reply is written.
            offer: has a model offer what tools there are, before it reads anything.
            on_loaded: called when it is known whether a model loads.
        """
        self._responders = responders
        self._settings = settings
        self._spawn = spawn
        self._messages = messages
        self._answering = answering
        self._idle = idle
        self._on_loaded = on_loaded
        self._offer = offer
        self._reading: asyncio.Task[None] | None = None
        self._words_read = 0
        """Of the question that is being spoken."""
        self._ask_end_from = 0.0
        """Seconds of the loop's clock, from which on the model may be asked whether a question is whole."""
        self._sparing = False
        """Memory is short: the model is unloaded when it is not needed."""
        self.unloading: asyncio.Task[None] | None = None
        """It will be unloaded if no question comes."""
        self._probing: asyncio.Task[None] | None = None
        """Disabled models are being tried."""

    @property
    def idle(self) -> bool:
        """Whether no question is spoken, and none is answered."""
        return self._idle() and not self._answering()

    async def load(self) -> None:
        """Load the first model that works, which then reads what the next question will begin with."""
        with contextlib.suppress(
            NoEngineError
        ):  # the chain has told the panel; the first question says it in words
            for attempt in self._responders.attempts():
                with attempt as responder:
                    await responder.load()
                    break
        self._on_loaded()
        self._read()

    def load_soon(self) -> None:
        """`load`, in a task."""
        self._spawn(self.load(), "load llm")

    # ---- prefill

    def expect(self) -> None:
        """A question is being spoken: the model is there, and has read all that comes before it, when it ends."""
        self._words_read = 0
        if self._sparing:
            self.load_soon()
        else:
            self._read()

    def read_history(self) -> None:
        """What comes before the next question is another than it was: read it, so that a typed question need not wait for that.

        It may have been a reply that was cut off, or that was made without the model, or that its own text splits into other tokens
        than it was written in. Nothing is loaded for it.
        """
        self.stop_reading()
        if not self._sparing:
            self._read()

    def prefill_question(self, words: Sequence[str], before: str) -> None:
        """Read the first words of the question while the others are spoken; wrong ones cost no more than none.

        Args:
            before: what belongs to the question and was understood earlier.
        """
        if len(words) < self._words_read + READ_AHEAD_WORDS or self._sparing:
            return
        if self._read(" ".join([before, *words]).strip()):
            self._words_read = len(words)

    async def end_probability(self, question: str) -> float | None:
        """How likely `question` is all of it, 0 to 1; None where the model does not tell, or is at work. Never raises."""
        responder = self._responders.active
        loop = asyncio.get_running_loop()
        if self._answering() or self._sparing or not isinstance(responder, EndPredicting):
            return None
        if loop.time() < self._ask_end_from:
            return None
        self.stop_reading()
        try:
            async with asyncio.timeout(END_SECONDS):
                return await responder.end_probability(await self._messages(question))
        except TimeoutError:
            self._ask_end_from = loop.time() + END_PAUSE_SECONDS
            log.info(
                "the machine is too busy to ask the model for the end; it is asked again in %.0f s",
                END_PAUSE_SECONDS,
            )
            return None

    async def read_up(self) -> None:
        """Wait until what is being read has been read."""
        if self._reading is not None:
            await asyncio.wait({self._reading})

    def stop_reading(self) -> None:
        """The whole question is known, or the model is to be unloaded."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _read(self, question: str = "") -> bool:
        """Let the model read the system prompt, the history and `question`; whether there is time for it."""
        free = (
            bool(self._responders.engines)
            and not self._answering()
            and (self._reading is None or self._reading.done())
        )
        if may := free and self._settings.read_ahead:
            self._reading = self._spawn(self._prefill(question), "prefill")
        return may

    async def _prefill(self, question: str) -> None:
        responder = self._responders.active
        if self._offer is not None:
            await self._offer(responder)
        await responder.prefill(await self._messages(question))

    # ---- disabled models

    def probe(self) -> None:
        """Try the disabled models whose time is over, unless that is being done."""
        if self._probing is None:
            self._probing = self._spawn(self._probe(), "llm probe")

    async def end_probe(self) -> None:
        """A question has come: the model that is being tried may be the only one."""
        if (probing := self._probing) is not None:
            probing.cancel()
            await asyncio.wait({probing})

    async def _probe(self) -> None:
        try:
            for attempt in self._responders.probes():
                with attempt as responder:
                    await responder.cleanup()
                    await responder.load()
                    async with contextlib.aclosing(responder.stream(PROBE, max_tokens=PROBE_TOKENS)) as words:
                        async for _ in words:
                            break
                        else:
                            raise EngineError(f"{responder.name} said nothing.")
        finally:
            self._probing = None
        self._read()

    # ---- memory

    async def free(self) -> None:
        """Unload the model when it is not at work, and after each answer from now on."""
        self._sparing = True
        await self._unload()

    async def keep(self) -> None:
        """Load the model, which then stays."""
        self._sparing = False
        await self.load()

    def answered(self) -> None:
        """An answer is over. While memory is short the model goes, but the next question may follow at once."""
        if self._sparing:
            if self.unloading is not None:
                self.unloading.cancel()
            self.unloading = self._spawn(self._unload_later(), "unload llm")

    async def _unload(self) -> None:
        for responder in self._responders.engines:
            if self._idle() and not self._answering() and isinstance(responder, Unloadable):
                self.stop_reading()
                self._responders.unloaded(responder)
                await responder.unload()

    async def _unload_later(self) -> None:
        await asyncio.sleep(SPARING_SECONDS)
        if self._sparing:
            await self._unload()
