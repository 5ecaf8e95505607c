"""`POST /v1/chat/completions`: a question goes on to the language model, in OpenAI's form."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vita_tui.engines.llm.base import Cut, Message, Reasoning, Retracted, StreamPiece, ToolCall
from vita_tui.engines.llm.tokens import estimate
from vita_tui.server.chat_messages import messages_of_request, tools_of_request
from vita_tui.server.guarding import connection_of
from vita_tui.server.limits import Limits, RequestError
from vita_tui.server.problems import parsed
from vita_tui.server.shared_model import SharedModel
from vita_tui.server.streaming import event, sent_events, streamed, unless_gone

__all__ = ["chat_completions"]

DONE = b"data: [DONE]\n\n"
FINISH = {"length": "length", "filter": "content_filter", "refusal": "stop", "tools": "tool_calls"}


async def chat_completions(request: Request) -> Response:
    """Answer one request."""
    limits: Limits = request.app.state.limits
    model: SharedModel = request.app.state.engines.model
    asked = parsed(await request.body(), limits)
    messages = messages_of_request(asked.get("messages"))
    tools = () if asked.get("tool_choice") == "none" else tools_of_request(asked.get("tools"))
    longest = asked.get("max_completion_tokens") or asked.get("max_tokens")
    if longest is not None and (isinstance(longest, bool) or not isinstance(longest, int) or longest < 1):
        raise RequestError("The longest reply is a number of tokens.", param="max_tokens")
    if asked.get("n") not in (None, 1):
        raise RequestError("There is one reply at a time.", param="n")
    answer = _Completion(model.chain.active_name, messages)
    pieces = model.reply(connection_of(request.scope).client, messages, max_tokens=longest, tools=tools)
    if asked.get("stream"):
        wants_usage = isinstance(asked.get("stream_options"), dict) and bool(
            asked["stream_options"].get("include_usage")
        )
        events = sent_events(answer.events(pieces, usage=wants_usage), done=DONE)
        return await streamed(request, events, "text/event-stream", {"Cache-Control": "no-cache"})
    return JSONResponse(await unless_gone(request, answer.whole(pieces)))


class _Completion:
    """One reply."""

    def __init__(self, model: str, messages: Sequence[Message]) -> None:
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._model = model
        self._created = int(time.time())
        self._asked = sum(estimate(message["content"]) for message in messages)
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[ToolCall] = []
        self._finish = "stop"

    def take(self, piece: StreamPiece) -> dict[str, Any] | None:
        """Note a piece; returns what of it is sent while the reply is written."""
        match piece:
            case str():
                self._text.append(piece)
                return {"content": piece}
            case Reasoning(text):
                self._reasoning.append(text)
                return {"reasoning_content": text}
            case Retracted():
                self._reasoning += self._text
                self._text = []
            case ToolCall():
                self._calls.append(piece)
                self._finish = "tool_calls"
                return {"tool_calls": [{"index": len(self._calls) - 1, **_call(piece)}]}
            case Cut(cause, said):
                self._finish = FINISH[cause]
                if cause == "refusal" and said:
                    return {"refusal": said}
        return None

    async def whole(self, pieces: AsyncIterator[StreamPiece]) -> dict[str, Any]:
        async with aclosing(cast("Any", pieces)) as found:
            async for piece in found:
                self.take(piece)
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._text), "refusal": None}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        if self._calls:
            message["tool_calls"] = [_call(call) for call in self._calls]
            message["content"] = message["content"] or None
        return {
            **self._head("chat.completion"),
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}],
            "usage": self._usage(),
        }

    async def events(self, pieces: AsyncIterator[StreamPiece], *, usage: bool) -> AsyncIterator[bytes]:
        async with aclosing(cast("Any", pieces)) as found:
            begun = False
            async for piece in found:
                delta = self.take(piece)
                if delta is None:
                    continue
                yield self._chunk(delta if begun else {"role": "assistant", **delta})
                begun = True
            yield self._chunk({} if begun else {"role": "assistant", "content": ""}, self._finish)
            if usage:
                yield event({**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()})

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**self._head("chat.completion.chunk"), "choices": [choice]})

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}

    def _usage(self) -> dict[str, int]:
        """Estimates: not every engine counts."""
        said = estimate("".join([*self._reasoning, *self._text]))
        return {"prompt_tokens": self._asked, "completion_tokens": said, "total_tokens": self._asked + said}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
