"""One session of the Realtime protocol: what the client says, in order, and what comes of it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeVar

from vita_tui.conversation.hearing.turn_detector import TurnDetector
from vita_tui.errors import VitaError
from vita_tui.server.chat_messages import tools_of_request
from vita_tui.server.connections import Connection
from vita_tui.server.limits import Limits, RequestError
from vita_tui.server.problems import described
from vita_tui.server.realtime.given_items import given_item, given_sound
from vita_tui.server.realtime.incoming_sound import IncomingSound
from vita_tui.server.realtime.items import Items, new_id
from vita_tui.server.realtime.outgoing_reply import OutgoingReply
from vita_tui.server.realtime.session_options import SessionOptions, session_options
from vita_tui.server.realtime.turns_heard import TurnsHeard
from vita_tui.server.shared_engines import SharedEngines

__all__ = ["RealtimeSession"]

log = logging.getLogger(__name__)

WAITING_SOUNDS = 32
"""Pieces of sound that wait to be listened to; then the client waits."""
T = TypeVar("T")

AT_ONCE = {
    "conversation.item.truncate",
    "conversation.item.retrieve",
    "conversation.item.delete",
    "response.cancel",
    "output_audio_buffer.clear",
}
"""Events that do not wait for the sound before them to be listened to."""
DEFAULT_INSTRUCTIONS = "You are a voice assistant. Answer briefly, in plain sentences that can be spoken."


class RealtimeSession:
    """On the loop. `take` each event of the client; what it has started ends with its connection."""

    def __init__(
        self,
        engines: SharedEngines,
        limits: Limits,
        connection: Connection,
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
        *,
        kind: str = "realtime",
        listening: ThreadPoolExecutor,
    ) -> None:
        """
        Args:
            send: sends an event.
            kind: "realtime", or "transcription" where nothing is answered.
            listening: threads in which voice is looked for.
        """
        self.id = new_id("sess")
        self._engines = engines
        self._limits = limits
        self._connection = connection
        self._send_event = send
        self._events = itertools.count(1)
        self._options = session_options(SessionOptions(instructions=DEFAULT_INSTRUCTIONS), {"type": kind})
        self._items = Items(limits.items)
        self._sounds: asyncio.Queue[Callable[[], Awaitable[None]]] = connection.queue(WAITING_SOUNDS)
        self._listening = listening
        self._sound: IncomingSound | None = None
        self._turns = TurnsHeard(self)
        self._reply: OutgoingReply | None = None
        self._replying: asyncio.Task[None] | None = None
        self._understanding: set[asyncio.Task[Any]] = set()
        """Turns that are being understood."""
        self._handlers: dict[str, Callable[[Mapping[str, Any]], Awaitable[None]]] = {
            "session.update": self._update,
            "transcription_session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "response.create": self._respond,
            "response.cancel": self._cancel,
            "output_audio_buffer.clear": self._hush,
        }

    # ---- what others of the session use

    @property
    def engines(self) -> SharedEngines:
        return self._engines

    @property
    def client(self) -> str:
        return self._connection.client

    @property
    def options(self) -> SessionOptions:
        return self._options

    @property
    def items(self) -> Items:
        return self._items

    async def tell(self, kind: str, **more: Any) -> None:
        """Send an event."""
        await self._send({"type": kind, **more})

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """A task that ends with the session; what it raises is told to the client."""
        task = self._connection.spawn(self._told(work), name)
        task.add_done_callback(lambda _: work.close())  # one that was cancelled before it began
        return task

    def understanding(self, work: Coroutine[Any, Any, Any]) -> None:
        """`spawn` what understands a turn: a response waits for it."""
        task = self.spawn(work, "transcript")
        self._understanding.add(task)
        task.add_done_callback(self._understanding.discard)

    def guess(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task of the session whose failure is nobody's business."""
        task = self._connection.spawn(work, "speculation")
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def prefill(self) -> None:
        """A question is being spoken: the model reads what comes before it."""
        if self._options.kind == "realtime" and (self._replying is None or self._replying.done()):
            model = self._engines.model
            model.prefill(self._items.messages(self._options.instructions, await model.room()))

    def busy(self) -> AbstractContextManager[None]:
        """While the body does what is finished before the server ends."""
        return self._connection.busy()

    @property
    def heard_seconds(self) -> float:
        """Of sound that has come."""
        return self._sound.seconds if self._sound is not None else 0.0

    def command(self, work: Callable[[TurnDetector], Any]) -> None:
        """Have the turn detector do `work`."""
        if self._sound is not None:
            self._sound.command(work)

    # ----

    async def begin(self) -> None:
        self._connection.spawn(self._listen(), "listen")
        await self.tell("session.created", session=self._shown())

    async def take(self, event: Mapping[str, Any]) -> None:
        """Do what an event of the client asks for; what is wrong with it is an event, too."""
        try:
            handler = self._handlers.get(str(event.get("type")))
            if handler is None:
                raise RequestError(
                    f"There is no event {str(event.get('type'))[:60]}.", code="unknown_event", param="type"
                )
            if self._options.kind == "transcription" and str(event.get("type")).startswith("response."):
                raise RequestError("A transcription session has no responses.", code="no_responses")
            if event["type"] in AT_ONCE:
                await handler(event)
            else:
                await self._sounds.put(lambda: self._in_order(handler, event))
        except VitaError as error:
            await self.complain(error, event.get("event_id"))

    async def _in_order(
        self, handler: Callable[[Mapping[str, Any]], Awaitable[None]], event: Mapping[str, Any]
    ) -> None:
        try:
            await handler(event)
        except VitaError as error:
            await self.complain(error, event.get("event_id"))

    async def complain(self, error: VitaError, cause: Any = None) -> None:
        """Tell the client what is wrong, and with which of its events."""
        told = described(error)
        told["event_id"] = cause if isinstance(cause, str) else None
        await self.tell("error", error=told)

    async def interrupt(self, reason: str) -> None:
        """End the response that is being made, if any."""
        reply, task = self._reply, self._replying
        if reply is None or task is None or task.done():
            return
        reply.cancelled_for = reason
        task.cancel()
        await asyncio.wait({task})

    async def respond(self, options: SessionOptions | None = None, **more: Any) -> None:
        """Begin a response to what was said.

        Raises:
            RequestError: there is one already.
        """
        if self._replying is not None and not self._replying.done():
            raise RequestError(
                "There is a response already.", code="conversation_already_has_active_response"
            )
        options = options or self._options
        given = more.pop("input", None)
        reply = OutgoingReply(self._engines, self.client, options, self._items, self._send, **more)
        self._reply = reply
        self._replying = self.spawn(self._make(reply, options, given), "response")

    # ---- events of the client

    async def _update(self, event: Mapping[str, Any]) -> None:
        before, self._options = self._options, session_options(self._options, event.get("session"))
        new = self._options
        if (new.detection, new.source) != (before.detection, before.source):
            self._sound = None
            self._turns.forget()
        await self.tell("session.updated", session=self._shown())

    async def _append(self, event: Mapping[str, Any]) -> None:
        await self._hear(given_sound(event.get("audio"), param="audio", code="invalid_audio"))

    async def _clear(self, _: Mapping[str, Any]) -> None:
        if self._sound is not None:
            self._sound.clear()
        self._turns.forget()
        await self.tell("input_audio_buffer.cleared")

    async def _create_item(self, event: Mapping[str, Any]) -> None:
        given = event.get("item")
        if not isinstance(given, Mapping):
            raise RequestError("That is an object.", param="item")
        after = event.get("previous_item_id")
        item, sound = given_item(given)
        before = self._items.add(item, after if isinstance(after, str) else None)
        await self.tell("conversation.item.added", previous_item_id=before, item=item.shown())
        if sound is not None:
            await self._turns.understand_item(item, sound)
        await self.tell("conversation.item.done", previous_item_id=before, item=item.shown())

    async def _retrieve(self, event: Mapping[str, Any]) -> None:
        item = self._items.get(event.get("item_id"))
        await self.tell("conversation.item.retrieved", item=item.shown())

    async def _truncate(self, event: Mapping[str, Any]) -> None:
        item = self._items.truncate(event.get("item_id"), event.get("audio_end_ms"))
        await self.tell(
            "conversation.item.truncated",
            item_id=item.id,
            content_index=0,
            audio_end_ms=event["audio_end_ms"],
        )

    async def _delete(self, event: Mapping[str, Any]) -> None:
        identity = event.get("item_id")
        self._items.remove(identity)
        await self.tell("conversation.item.deleted", item_id=identity)

    async def _respond(self, event: Mapping[str, Any]) -> None:
        given = event.get("response") or {}
        if not isinstance(given, Mapping):
            raise RequestError("That is an object.", param="response")
        options = session_options(
            self._options, {name: value for name, value in given.items() if name in OF_RESPONSE}
        )
        if given.get("tools") is not None:
            options = replace(options, tools=tools_of_request(given["tools"]))
        inputs = given.get("input")
        if inputs is not None and not (
            isinstance(inputs, list) and all(isinstance(one, Mapping) for one in inputs)
        ):
            raise RequestError("That is a list of items.", param="response.input")
        await self.respond(
            options, metadata=given.get("metadata"), keep=given.get("conversation") != "none", input=inputs
        )

    async def _cancel(self, event: Mapping[str, Any]) -> None:
        wanted = event.get("response_id")
        if (
            self._replying is None
            or self._replying.done()
            or (wanted and self._reply and wanted != self._reply.id)
        ):
            raise RequestError("There is no such response.", code="response_cancel_not_active")
        await self.interrupt("client_cancelled")

    async def _hush(self, _: Mapping[str, Any]) -> None:
        await self.interrupt("client_cancelled")

    # ---- sound, in order, in a task of its own

    async def _listen(self) -> None:
        while True:
            work = await self._sounds.get()
            await self._told(work())

    async def _hear(self, data: bytes) -> None:
        if self._sound is None:
            self._sound = await self._in_thread(self._listener)
        sound = self._sound
        if sound.held_seconds > self._limits.buffer_seconds:
            sound.clear()
            raise RequestError(
                f"More than {self._limits.buffer_seconds:g} s of sound are not committed; they were dropped.",
                code="input_audio_buffer_full",
            )
        for signal in await self._in_thread(lambda: sound.take(data)):
            await self._turns.take(signal)

    async def _commit(self, _: Mapping[str, Any]) -> None:
        sound = self._sound
        if sound is None or not (sound.recording or sound.held_seconds):
            raise RequestError("There is no sound to commit.", code="input_audio_buffer_commit_empty")
        audio, signals = await self._in_thread(sound.commit)
        if audio is not None:
            await self._turns.committed(audio)
        for signal in signals:
            await self._turns.take(signal)

    def _listener(self) -> IncomingSound:
        detection = self._options.detection
        talk = self._engines.settings.talk
        if detection is not None:
            asked: dict[str, Any] = {"threshold": detection.threshold, "adaptive": True}
            if detection.kind == "server_vad":
                asked["end_silence"] = detection.silence_ms / 1000
            talk = talk.model_copy(update=asked)
        return IncomingSound(
            talk if detection is not None else None,
            rate=self._options.source.rate,
            pre_roll=(detection.prefix_ms if detection else 0) / 1000,
            numbers=self._turns.new_number,
            decoder_free=self._turns.decoder_free,
            scorer_free=lambda: self._engines.end_of_turn.free,
        )

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._listening, work)

    # ----

    async def _make(
        self, reply: OutgoingReply, options: SessionOptions, given: list[Mapping[str, Any]] | None
    ) -> None:
        with self.busy():
            if self._understanding:
                await asyncio.wait({*self._understanding})
            room = await self._engines.model.room()
            items = self._items
            if given is not None:
                items = Items(self._limits.items)
                for one in given:
                    if one.get("type") == "item_reference":
                        items.add(replace(self._items.get(one.get("id")), id=new_id("item")))
                    else:
                        items.add(given_item(one)[0])
            await reply.run(items.messages(options.instructions, room))

    async def _told(self, work: Awaitable[None]) -> None:
        """Do `work`; what goes wrong with it is told."""
        try:
            await work
        except VitaError as error:
            await self.complain(error)
        except (OSError, RuntimeError) as error:  # the client has gone, which the reader notices too
            log.debug("%s: %s", self.id, error)
        except Exception:  # a bug ends this piece of work, not the session
            log.exception("a session met a bug")
            await self.complain(VitaError("Internal error; the log has it."))

    def _shown(self) -> dict[str, Any]:
        return self._options.shown(self.id, self._engines.model.chain.active_name)

    async def _send(self, event: Mapping[str, Any]) -> None:
        await self._send_event({"event_id": f"event_{self.id[5:13]}_{next(self._events)}", **event})


OF_RESPONSE = "instructions output_modalities modalities audio voice tool_choice max_output_tokens".split()
"""Of a session, what a response may have otherwise."""
