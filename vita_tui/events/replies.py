"""What the language model answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vita_tui.events.base import Event

__all__ = [
    "ContextUsed",
    "QuestionShortened",
    "ReasoningDelta",
    "ReplyDelta",
    "ReplyFinished",
    "ReplyRetracted",
    "ReplyStarted",
]


@dataclass(frozen=True, slots=True)
class QuestionShortened(Event):
    """What is sent to the model is not all that there is: it does not fit."""

    turn: int
    fit: int
    """Tokens of the question that are sent, its end."""
    tokens: int
    """Tokens of the whole question; as many as `fit` when only earlier turns were left out."""
    turns: int
    """Earlier turns that were left out."""


@dataclass(frozen=True, slots=True)
class ReplyStarted(Event):
    turn: int
    engine: str
    instead_of: str = ""
    """The engine that should have answered; empty when this is it."""
    because: str = ""
    """Why it did not."""


@dataclass(frozen=True, slots=True)
class ReasoningDelta(Event):
    """The next piece of the model's reasoning before its reply: never spoken, and not a part of the reply."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyRetracted(Event):
    """What came so far was no reply but reasoning, of which only the end was marked."""

    turn: int
    text: str
    """What stays of the reply."""


@dataclass(frozen=True, slots=True)
class ReplyDelta(Event):
    """The next piece of the reply: already cleaned of control characters, Markdown as the model wrote it."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyFinished(Event):
    """No more text comes; speech may still be playing."""

    turn: int
    text: str
    reason: Literal["complete", "stopped", "interrupted", "length", "filtered", "failed"]
    error: str = ""
    note: str = ""
    """Why the reply is not whole, for "length" and "filtered"."""


@dataclass(frozen=True, slots=True)
class ContextUsed(Event):
    """How much of the model's window the conversation takes, the reply included, and how fast that was written."""

    turn: int
    used: int
    """Tokens, about."""
    window: int
    """Tokens."""
    pace: float | None = None
    """Tokens per second of the reply; None where that is not known."""
