"""One response: written by the language model, spoken clause by clause, sent as it is made."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal, cast

import numpy as np

from vita_tui.audio.base import Samples
from vita_tui.audio.encoding import pcm16
from vita_tui.conversation.speaking.clauses import Clause, ClauseCutter
from vita_tui.conversation.speaking.ledger import Ledger
from vita_tui.engines.llm.base import Cut, Message, Retracted, ToolCall
from vita_tui.engines.llm.tokens import estimate
from vita_tui.engines.tts.sound import resampled
from vita_tui.errors import VitaError
from vita_tui.server.problems import described
from vita_tui.server.realtime.items import Item, Items, new_id
from vita_tui.server.realtime.session_options import SessionOptions
from vita_tui.server.shared_engines import SharedEngines
from vita_tui.server.shared_voice import VOICE_RATE

__all__ = ["OutgoingReply"]

AHEAD = 2
"""Clauses that wait for the voice while it speaks another."""

SendEvent = Callable[[Mapping[str, Any]], Awaitable[None]]
ResponseStatus = Literal["in_progress", "completed", "cancelled", "failed", "incomplete"]


class OutgoingReply:
    """On the session's loop; `run` it in a task, and `cancel` it."""

    def __init__(
        self,
        engines: SharedEngines,
        client: str,
        options: SessionOptions,
        items: Items,
        send: SendEvent,
        *,
        metadata: Any = None,
        keep: bool = True,
    ) -> None:
        """
        Args:
            items: of the conversation; the reply's are put into it.
            keep: they stay there.
        """
        self.id = new_id("resp")
        self._engines = engines
        self._client = client
        self._options = options
        self._items = items
        self._send = send
        self._metadata = metadata
        self._keep = keep
        self._output: list[Item] = []
        self._status: ResponseStatus = "in_progress"
        self._details: dict[str, Any] | None = None
        self._asked = 0
        self._item: Item | None = None
        """The message that is being written."""
        self._cutter = ClauseCutter(options.language or engines.settings.spoken_language)
        self.cancelled_for = ""
        """Why it was cancelled."""

    async def run(self, messages: Sequence[Message]) -> None:
        """Make it and send it, to its end, whatever that is."""
        self._asked = sum(estimate(message["content"]) for message in messages)
        await self._tell("response.created", response=self.shown())
        try:
            await self._make(messages)
            if self._status == "in_progress":
                self._status = "completed"
        except asyncio.CancelledError:
            if not self.cancelled_for:
                raise
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            self._status = "cancelled"
            self._details = {"type": "cancelled", "reason": self.cancelled_for}
        except VitaError as error:
            self._status = "failed"
            told = described(error)
            self._details = {
                "type": "failed",
                "error": {"type": told["type"], "code": told["code"]},
                "message": told["message"],
            }
        if self._item is not None:
            await self._end_message("completed" if self._status == "completed" else "incomplete")
        await self._tell("response.done", response=self.shown())

    def shown(self) -> dict[str, Any]:
        """As the client reads it."""
        said = sum(estimate(item.text) for item in self._output)
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "status_details": self._details,
            "output": [item.shown() for item in self._output],
            "conversation_id": None,
            "output_modalities": ["audio" if self._options.audible else "text"],
            "max_output_tokens": self._options.longest or "inf",
            "audio": {"output": {"format": self._options.sink.shown(), "voice": self._options.voice}},
            "metadata": self._metadata,
            "usage": None
            if self._status == "in_progress"
            else {
                "total_tokens": self._asked + said,
                "input_tokens": self._asked,
                "output_tokens": said,
                "input_token_details": {"text_tokens": self._asked, "audio_tokens": 0, "cached_tokens": 0},
                "output_token_details": {"text_tokens": said, "audio_tokens": 0},
            },
        }

    # ----

    async def _make(self, messages: Sequence[Message]) -> None:
        options = self._options
        clauses: asyncio.Queue[Clause | None] = asyncio.Queue(AHEAD)
        tools = () if options.tool_choice == "none" else options.tools
        speaking = (
            asyncio.create_task(self._speak(clauses), name="speak a response") if options.audible else None
        )
        try:
            pieces = self._engines.model.reply(
                self._client, messages, max_tokens=options.longest, tools=tools
            )
            async with aclosing(cast("Any", pieces)) as found:
                async for piece in found:
                    if speaking is not None and speaking.done():
                        break  # it failed: its error comes below
                    match piece:
                        case str():
                            await self._write(piece, clauses)
                        case ToolCall():
                            await self._call(piece)
                        case Cut("length"):
                            self._status, self._details = (
                                "incomplete",
                                {"type": "incomplete", "reason": "max_output_tokens"},
                            )
                        case Cut("filter"):
                            self._status, self._details = (
                                "incomplete",
                                {"type": "incomplete", "reason": "content_filter"},
                            )
                        case Cut("refusal", said) if said:
                            await self._write(said, clauses)
                        case Retracted():
                            pass  # what was sent cannot be taken back
            if speaking is not None:
                if not speaking.done():
                    for clause in self._cutter.finish():
                        await clauses.put(clause)
                    await clauses.put(None)
                await speaking
        finally:
            if speaking is not None:
                speaking.cancel()
                await asyncio.wait({speaking})

    async def _write(self, text: str, clauses: asyncio.Queue[Clause | None]) -> None:
        item = await self._message()
        item.text += text
        if not self._options.audible:
            await self._part_told("response.output_text.delta", delta=text)
            return
        for clause in self._cutter.feed(text):
            await clauses.put(clause)

    async def _message(self) -> Item:
        """The item of what is written; made with its first word."""
        if self._item is None:
            spoken = self._options.audible
            self._item = Item(
                new_id("item"),
                role="assistant",
                sound=spoken,
                status="in_progress",
                ledger=Ledger() if spoken else None,
            )
            await self._begin(self._item)
            await self._part_told("response.content_part.added", part=_part(self._item, ""))
        return self._item

    async def _begin(self, item: Item) -> None:
        self._output.append(item)
        shown = {**item.shown(), **({"content": []} if item.kind == "message" else {})}
        await self._tell("response.output_item.added", output_index=len(self._output) - 1, item=shown)
        if self._keep:
            before = self._items.add(item)
            await self._tell("conversation.item.added", previous_item_id=before, item=shown)

    async def _finished(self, item: Item) -> None:
        await self._tell(
            "response.output_item.done", output_index=self._output.index(item), item=item.shown()
        )
        if self._keep:
            await self._tell("conversation.item.done", previous_item_id=None, item=item.shown())

    async def _end_message(self, status: Literal["completed", "incomplete"]) -> None:
        item, self._item = self._item, None
        assert item is not None
        item.status = status
        if item.sound and status == "incomplete":
            # What was not sent cannot have been heard.
            item.text = "".join(clause.text for clause, _ in item.spoken)
        where = {"item_id": item.id, "output_index": self._output.index(item), "content_index": 0}
        if item.sound:
            await self._tell("response.output_audio.done", **where)
            await self._tell("response.output_audio_transcript.done", **where, transcript=item.text)
        else:
            await self._tell("response.output_text.done", **where, text=item.text)
        await self._tell("response.content_part.done", **where, part=_part(item, item.text))
        await self._finished(item)

    async def _call(self, call: ToolCall) -> None:
        item = Item(
            new_id("item"),
            "function_call",
            "assistant",
            status="in_progress",
            name=call.name,
            call_id=call.id,
        )
        await self._begin(item)
        item.text, item.status = call.arguments, "completed"
        where = {"item_id": item.id, "output_index": len(self._output) - 1, "call_id": call.id}
        await self._tell("response.function_call_arguments.delta", **where, delta=call.arguments)
        await self._tell(
            "response.function_call_arguments.done", **where, name=call.name, arguments=call.arguments
        )
        await self._finished(item)

    async def _speak(self, clauses: asyncio.Queue[Clause | None]) -> None:
        """Speak clauses as they are written."""
        while (clause := await clauses.get()) is not None:
            item = self._item
            if item is None or item.ledger is None:
                continue
            item.ledger.add(clause)
            await self._part_told("response.output_audio_transcript.delta", delta=clause.text)
            made: list[Samples] = []
            item.spoken.append((clause, 0.0))
            sound = self._engines.voice.clause(
                self._client,
                clause.spoken,
                language=self._options.language or self._engines.settings.spoken_language,
                speed=self._options.speed,
            )
            async with aclosing(cast("Any", sound)) as found:
                async for samples in found:
                    made.append(samples)
                    item.spoken[-1] = (clause, sum(map(len, made)) / VOICE_RATE)
                    await self._part_told(
                        "response.output_audio.delta", delta=_packed(samples, self._options.sink.rate)
                    )
            if made:
                item.ledger.synthesised(clause, np.concatenate(made), VOICE_RATE)

    async def _part_told(self, kind: str, **more: Any) -> None:
        assert self._item is not None
        await self._tell(
            kind, item_id=self._item.id, output_index=self._output.index(self._item), content_index=0, **more
        )

    async def _tell(self, kind: str, **more: Any) -> None:
        named = {} if kind.startswith("conversation.") or "response" in more else {"response_id": self.id}
        await self._send({"type": kind, **named, **more})


def _part(item: Item, said: str) -> dict[str, Any]:
    return {"type": "audio", "transcript": said} if item.sound else {"type": "text", "text": said}


def _packed(samples: Samples, rate: int) -> str:
    sound = resampled(samples, VOICE_RATE, rate)
    return base64.b64encode(pcm16(sound).tobytes()).decode()
