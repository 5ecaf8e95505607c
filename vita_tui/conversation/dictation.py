"""What is said, as text for whoever asked for it: `vita listen`, or an agent that wants to hear an answer.

While somebody dictates, words do not go to the language model. `TurnTaking` gives each signal to the dictation first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vita_tui.conversation.hearing.signals import (
    DraftTranscript,
    MicrophoneLost,
    Signal,
    SpeechBegan,
    Understood,
    VoiceHint,
    WakeWordHeard,
    WordsSoFar,
)
from vita_tui.errors import DeviceError, VitaError
from vita_tui.events import State

if TYPE_CHECKING:
    from vita_tui.conversation.turn_taking import TurnTaking

__all__ = ["Dictated", "Dictation", "dictating"]


@dataclass(frozen=True, slots=True)
class Dictated:
    """An utterance."""

    text: str
    """Empty when there were no words."""
    confidence: float
    """Mean token probability, 0 to 1."""
    seconds: float
    """Length of the utterance."""
    problem: str
    """Why there are no words; empty when there are."""


class Dictation:
    """The utterances that are taken down, in order. On the loop."""

    def __init__(self, on_words: Callable[[str, str], None] = lambda stable, tail: None) -> None:
        """
        Args:
            on_words: takes each partial transcript: what will not change any more, and the rest.
        """
        self._on_words = on_words
        self._ended: asyncio.Queue[Dictated | VitaError] = asyncio.Queue()
        self._over = False
        self.begun = asyncio.Event()
        """Set while somebody speaks, or what they said is being recognized."""

    async def next(self) -> Dictated:
        """The next utterance.

        Raises:
            VitaError: there is no microphone any more, or the user needed it for something else.
        """
        ended = await self._ended.get()
        if isinstance(ended, VitaError):
            raise ended
        return ended

    def take(self, signal: Signal) -> bool:
        """Take a signal; whether it is for nobody else."""
        match signal:
            case SpeechBegan():
                self.begun.set()
                return False
            case WordsSoFar():
                self.begun.set()
                self._on_words(signal.stable, signal.tail)
            case Understood():
                self.begun.clear()
                seconds = signal.utterance.audio_seconds
                self._ended.put_nowait(
                    Dictated(signal.text, signal.confidence, seconds, "" if signal.text else signal.problem)
                )
            case MicrophoneLost():
                self._end(signal.error)
            case VoiceHint() | WakeWordHeard() | DraftTranscript():
                pass
            case _:
                return False
        return True

    def cancel(self) -> None:
        """The user needs the microphone for something else."""
        self._end(VitaError("Listening was ended in the running VITA.", remedy="Try again."))

    def _end(self, error: VitaError | DeviceError) -> None:
        if not self._over:
            self._over = True
            self._ended.put_nowait(error)


@contextlib.asynccontextmanager
async def dictating(
    turn: TurnTaking, on_words: Callable[[str, str], None], *, by_voice: bool, begin: Callable[[], None]
) -> AsyncIterator[Dictation]:
    """While it lasts, what is said is for the caller and not for the model.

    Args:
        on_words: takes each partial transcript: what will not change any more, and the rest.
        by_voice: an utterance begins, and the next one, when somebody speaks; otherwise one begins now.
        begin: called before it begins.

    Raises:
        VitaError: there is no microphone, it may only be opened by the key, or somebody is speaking or dictating.
    """
    hearing = turn.hearing
    if hearing is None:
        raise DeviceError("There is no microphone.", remedy="vita devices")
    if hearing.lost is not None:
        raise hearing.lost
    if turn.state is State.LISTENING or turn.dictating:
        raise VitaError("VITA is listening already.", remedy="Try again when that is over.")
    echo = hearing.echo.status if hearing.echo is not None else None
    if by_voice and echo is not None and echo.mode == "push_to_talk":
        raise DeviceError(
            echo.reason or "The microphone is opened by the key only.", remedy="Settings: audio.duplex"
        )
    begin()
    dictation = Dictation(on_words)
    turn.dictate(dictation, by_voice=by_voice)
    before = hearing.hands_free
    if by_voice:
        hearing.hands_free = True
    try:
        yield dictation
    finally:
        if by_voice:
            hearing.hands_free = before
        turn.end_dictation(dictation)
