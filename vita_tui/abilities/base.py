"""What an ability is: sentences that it understands, and what it does about them.

An ability names its intents; the sentences for them are data, one file a language (`sentences/en.yaml`), in the form of Home Assistant's
intents. It answers by a key of the same file and what fills it, so that no ability knows a language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from vita_tui.clock import Clock

__all__ = ["Ability", "Answer", "Context", "Deed", "Failure", "Match", "Request"]


@dataclass(frozen=True, slots=True)
class Match:
    """A sentence that was understood."""

    intent: str
    """Such as "StartTimer"."""
    slots: Mapping[str, Any]
    """What was said in it: numbers are numbers, the rest is text."""
    language: str
    """Two letters."""
    text: str
    """The sentence as it was said."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an ability may need to know."""

    clock: Clock
    asked_before: Sequence[str] = ()
    """What the user asked in this conversation, the oldest first."""
    last_reply: str = ""
    """What was said last; empty in a new conversation."""
    volume: float = 1.0
    """Loudness of the voice, 0 to 1."""
    rate: float = 1.0
    """Speed of the voice, 0.5 to 3."""
    voices: Sequence[str] = ()
    """Kinds of voices, in the order in which they are tried: "piper", "pyttsx3", "remote"."""
    english_only: bool = False
    """Speech is recognized in English and in no other language."""
    troubles: Sequence[str] = ()
    """Engines that are not well, each with why."""

    def now(self) -> datetime:
        """The time of day where the user is."""
        return datetime.fromtimestamp(self.clock.time()).astimezone()


@dataclass(frozen=True, slots=True)
class Request:
    """Something that only the conversation or the screen can do."""

    name: str
    """ "volume", "rate", "hands_free", "mute", "stop" (what rings), "new_conversation", "language" (two letters), "next_language" (the same,
    once the answer was heard) or "voices" (their kinds, in order)."""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, and what the conversation is asked to do."""

    key: str
    """Of the language's `answers`."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What the text is filled with."""
    requests: tuple[Request, ...] = ()
    language: str = ""
    """In which it is said; empty for that of the question."""
    about: str = ""
    """A key of the language's `answers` that says in a few words what was understood; the intent's name where it is empty."""


Deed = Callable[[], Answer]
"""Does what was asked, and says so."""


class Failure(Exception):  # noqa: N818 - it is an answer
    """It was understood and cannot be done; the answer says why."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.answer = Answer(key, values)


class Ability(Protocol):
    """Carries out intents. Any thread may ask, one at a time."""

    intents: Sequence[str]

    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        """What to say; where something has to change, what does it and then says so. None: this is not meant, or not understood.

        Nothing may change before the deed is called: a sentence is tried while it is still uncertain that it was all. Some milliseconds
        are allowed for either.

        Raises:
            Failure: it is understood and cannot be done. The deed may raise it, too.
        """
        ...
