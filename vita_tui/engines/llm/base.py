"""What a language model is here: something that answers a conversation, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, Protocol, TypedDict, runtime_checkable

__all__ = [
    "MESSAGE_OVERHEAD",
    "CallsTools",
    "Cut",
    "EndPredicting",
    "Message",
    "Reasoning",
    "Responder",
    "Retracted",
    "StreamPiece",
    "ToolCall",
    "ToolOffer",
    "Unloadable",
    "as_offers",
]

MESSAGE_OVERHEAD = 8
"""Tokens that a chat template adds to each message, rather too many than too few."""


class Message(TypedDict):
    """One message in OpenAI's form."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: NotRequired[list[dict[str, Any]]]
    """Of the assistant: what it called, in OpenAI's form."""
    tool_call_id: NotRequired[str]
    """Of a tool: the call that this is the result of."""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Words that the model reasons in, before or between those of its answer: shown folded, never spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class Retracted:
    """All text so far was reasoning: only its end was marked."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The reply ended for its own reason; no more comes."""

    cause: Literal["length", "filter", "refusal", "tools"]
    """The longest reply was reached; a content filter, the model itself or its wish for a tool has ended it."""
    said: str = ""
    """The model's own words about it."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool to be called; comes when it has written all of it."""

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it."""


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """A tool that the model may call."""

    name: str
    description: str
    schema: Mapping[str, Any]
    """JSON schema of its arguments."""


StreamPiece = str | Reasoning | Retracted | Cut | ToolCall
"""Of a reply; text is a part of the answer."""


def as_offers(tools: Sequence[ToolOffer]) -> list[dict[str, Any]]:
    """In OpenAI's form."""
    return [
        {
            "type": "function",
            "function": {"name": one.name, "description": one.description, "parameters": dict(one.schema)},
        }
        for one in tools
    ]


class Responder(Protocol):
    """Answers a conversation. Lives on one asyncio loop."""

    name: str
    """Such as "smollm2-135m-instruct" or "ollama llama3.2"."""
    notes: str
    """What is not as asked for; empty normally."""
    continues: bool
    """Whether a last message by the assistant is continued, so that a reply that broke off can go on."""

    async def load(self) -> None:
        """Start or reach the server and warm it up; does nothing when that is done already.

        Raises:
            EngineError | ModelError: what failed, why, and what to do.
        """
        ...

    async def window(self) -> int:
        """Tokens of a conversation and its reply together: the server's own, where it tells. Never raises."""
        ...

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[StreamPiece, None]:
        """Yield the reply as it is generated. Closing the iterator stops the generation on the server.

        Args:
            max_tokens: after which the reply is cut; 0 for as many as the server gives.

        Raises:
            EngineError: refused, stalled past the timeout, dropped, or sent what is not a reply.
        """
        ...

    async def prefill(self, messages: Sequence[Message]) -> None:
        """Let the server read `messages` now, so that a question appended to them is answered sooner. Never raises."""
        ...

    async def count_tokens(self, text: str) -> int:
        """Tokens in `text`: exact where the server tells, otherwise an estimate that is rather too high. Never raises."""
        ...

    async def cleanup(self) -> None:
        """Close connections and end child processes; may be called twice. `load` works again afterwards."""
        ...


@runtime_checkable
class CallsTools(Protocol):
    """A responder whose model may know how to call tools."""

    tools: Sequence[ToolOffer]
    """Offered with each question from now on, as far as the model can call any."""

    async def takes_tools(self) -> bool:
        """Whether they are offered, as far as is known: by the model's template, or because the server has not refused. Never raises."""
        ...

    async def tool_room(self) -> int:
        """Tokens that the tools may take together. Never raises."""
        ...


@runtime_checkable
class Unloadable(Protocol):
    """A responder whose model is in this machine's memory."""

    async def unload(self) -> None:
        """Give the memory back; the next work loads the model again, and waits for this to be done."""
        ...


@runtime_checkable
class EndPredicting(Protocol):
    """A responder that tells how likely the user's message ends here."""

    async def end_probability(self, messages: Sequence[Message]) -> float | None:
        """How likely it is, 0 to 1, that the last message is whole as it is; its final punctuation is left out of account.

        One token is computed, and what of the messages has not been read yet is read. None where the server does not tell. Never raises.
        """
        ...
