"""From the turn detector's signals to the protocol's events: speech that starts and stops, what was understood, and the answer to it.

At the first short silence the final transcript is made speculatively, where nobody waits for recognition; speech that goes on throws it
away, and an utterance that ends there takes it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.conversation.hearing.signals import (
    PauseBegan,
    PauseSoFar,
    Signal,
    SpeechBegan,
    SpeechSoFar,
    UtteranceEnded,
)
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.engines.stt.base import Transcription
from vita_tui.engines.stt.scheduling.agreement import Partial
from vita_tui.engines.tts.sound import resampled
from vita_tui.errors import VitaError
from vita_tui.server.problems import described
from vita_tui.server.realtime.items import Item, new_id

if TYPE_CHECKING:
    from vita_tui.server.realtime.realtime_session import RealtimeSession

__all__ = ["TurnsHeard"]

_NUMBERS = itertools.count(1)
"""Of utterances, of all sessions: recognition and the end of turn know them by it."""


class TurnsHeard:
    """Of one session, on its loop, but for what is said to be otherwise."""

    def __init__(self, session: RealtimeSession) -> None:
        self._session = session
        self._number = 0
        """Of the utterance that is being spoken."""
        self._item_id = ""
        self._began = False
        self._guess: tuple[asyncio.Task[Transcription], int] | None = None
        """What the utterance would be if it were over, and its number."""
        self._told = ""
        """What the client knows of the transcript."""

    def new_number(self) -> int:
        """The number of a new utterance; from any thread."""
        return next(_NUMBERS)

    def decoder_free(self) -> bool:
        """Whether there is time for a partial transcript; from any thread."""
        return self._session.engines.recognition.free

    def forget(self) -> None:
        """The utterance that is being spoken is none."""
        self._drop_guess()
        self._number, self._began, self._told = 0, False, ""

    async def take(self, signal: Signal) -> None:
        """Do what a signal asks for."""
        match signal:
            case SpeechBegan(number):
                await self._speaks(number)
            case SpeechSoFar():
                self._partial(signal)
            case PauseBegan():
                self._speculate(signal)
            case PauseSoFar():
                self._session.engines.end_of_turn.judge(signal, self._score)
            case UtteranceEnded():
                await self._ended(signal)
            case _:
                pass

    async def committed(self, audio: Samples) -> None:
        """The client has said that this is a turn."""
        item = await self._commit(new_id("item"))
        self._session.understanding(self._answer(item, self._final(audio, None), respond=False))

    async def understand_item(self, item: Item, sound: bytes) -> None:
        """Transcribe the sound of an item that the client has made."""
        rate = self._session.options.source.rate
        samples = np.frombuffer(sound[: len(sound) & ~1], "<i2").astype(np.float32) / 32768.0
        await self._transcribe(item, self._final(resampled(samples, rate, SAMPLE_RATE), None))

    # ----

    async def _speaks(self, number: int) -> None:
        self._drop_guess()
        if number == self._number and self._began:
            return  # it goes on after a pause
        session = self._session
        self._number, self._began, self._told, self._item_id = number, True, "", new_id("item")
        detection = session.options.detection
        prefix = detection.prefix_ms if detection else 0
        start = max(0, round(session.heard_seconds * 1000) - prefix)
        await session.tell("input_audio_buffer.speech_started", audio_start_ms=start, item_id=self._item_id)
        if detection is not None and detection.interrupt_response:
            await session.interrupt("turn_detected")
        await session.prefill()

    def _partial(self, speech: SpeechSoFar) -> None:
        def understood(partial: Partial) -> None:
            if speech.number != self._number:
                return
            said = f"{partial.stable} {partial.tail}".strip()
            language = partial.transcription.language
            self._session.command(lambda detector: detector.words(speech.number, said, language))
            self._session.spawn(self._tell_stable(speech.number, partial.stable), "partial")

        self._session.engines.recognition.partial(self._key(speech.number), speech.audio, understood)

    async def _tell_stable(self, number: int, stable: str) -> None:
        """Deltas are only ever added to: what may still change is not told."""
        if number != self._number or not self._session.options.transcribes:
            return
        if len(stable) > len(self._told) and stable.startswith(self._told):
            delta, self._told = stable[len(self._told) :], stable
            await self._tell_delta(self._item_id, delta)

    def _speculate(self, pause: PauseBegan) -> None:
        recognition = self._session.engines.recognition
        self._drop_guess()
        if recognition.turns.idle:
            work = self._final(pause.audio, pause.number)
            self._guess = self._session.guess(work), pause.number

    def _drop_guess(self) -> None:
        if self._guess is not None:
            self._guess[0].cancel()
            self._guess = None

    def _score(self, number: int, probability: float) -> None:
        self._session.command(lambda detector: detector.score(number, probability))

    async def _ended(self, ended: UtteranceEnded) -> None:
        session, utterance = self._session, ended.utterance
        if not self._began or utterance.number != self._number:
            return  # there was no voice after all
        guess, self._guess = self._guess, None
        item_id, self._began, self._number = self._item_id, False, 0
        end = round(utterance.last_speech * 1000)
        await session.tell("input_audio_buffer.speech_stopped", audio_end_ms=end, item_id=item_id)
        item = await self._commit(item_id)
        told, self._told = self._told, ""
        found = self._claimed(guess[0] if guess is not None else None, utterance)
        detection = session.options.detection
        respond = detection is not None and detection.create_response and session.options.kind == "realtime"
        session.understanding(self._answer(item, found, respond=respond, told=told))

    async def _claimed(
        self, guess: asyncio.Task[Transcription] | None, utterance: Utterance
    ) -> Transcription:
        """What was guessed, if that worked."""
        if guess is not None:
            await asyncio.wait({guess})
            if not guess.cancelled() and guess.exception() is None:
                return guess.result()
        return await self._final(utterance.audio, utterance.number)

    async def _commit(self, item_id: str) -> Item:
        session = self._session
        item = Item(item_id, role="user", sound=True, understood=False)
        before = session.items.add(item)
        await session.tell("input_audio_buffer.committed", previous_item_id=before, item_id=item_id)
        await session.tell("conversation.item.added", previous_item_id=before, item=item.shown())
        await session.tell("conversation.item.done", previous_item_id=before, item=item.shown())
        return item

    async def _answer(
        self, item: Item, found: Awaitable[Transcription], *, respond: bool, told: str = ""
    ) -> None:
        """Understand a turn, and begin to answer it."""
        if await self._transcribe(item, found, told) and respond:
            detection = self._session.options.detection
            if detection is None or detection.interrupt_response:
                await self._session.interrupt("turn_detected")
            await self._session.respond()

    async def _transcribe(self, item: Item, found: Awaitable[Transcription], told: str = "") -> bool:
        """Whether words were understood."""
        session = self._session
        with session.busy():
            try:
                result = await found
            except VitaError as error:
                item.understood = True
                await session.tell(
                    "conversation.item.input_audio_transcription.failed",
                    item_id=item.id,
                    content_index=0,
                    error=described(error),
                )
                return False
            item.text, item.understood = result.text.strip(), True
            if session.options.transcribes:
                delta = item.text[len(told) :] if item.text.startswith(told) else ""
                if delta:
                    await self._tell_delta(item.id, delta)
                await session.tell(
                    "conversation.item.input_audio_transcription.completed",
                    item_id=item.id,
                    content_index=0,
                    transcript=item.text,
                    usage={"type": "duration", "seconds": round(result.audio_seconds, 2)},
                )
        return bool(item.text)

    async def _tell_delta(self, item_id: str, delta: str) -> None:
        await self._session.tell(
            "conversation.item.input_audio_transcription.delta", item_id=item_id, content_index=0, delta=delta
        )

    async def _final(self, audio: Samples, number: int | None) -> Transcription:
        recognition = self._session.engines.recognition
        key = self._key(number) if number is not None else None
        return await recognition.final(
            self._session.client, audio, key=key, language=self._session.options.language
        )

    def _key(self, number: int) -> tuple[str, int]:
        return self._session.id, number
