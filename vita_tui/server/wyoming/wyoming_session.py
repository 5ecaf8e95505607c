"""One client of the Wyoming protocol: what it asks, in order, and the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, cast

import numpy as np
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped
from wyoming.wake import Detect, Detection, NotDetected

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.encoding import pcm16
from vita_tui.audio.wake import WakeWord
from vita_tui.conversation.speaking.clauses import Clause, ClauseCutter
from vita_tui.engines.tts.sound import resampled
from vita_tui.errors import VitaError
from vita_tui.server.connections import Connection
from vita_tui.server.limits import Limits, RequestError
from vita_tui.server.shared_engines import SharedEngines
from vita_tui.server.shared_voice import VOICE_RATE
from vita_tui.server.wyoming.description import described_engines, wake_words

__all__ = ["WyomingSession", "as_event"]

RATES = (8_000, 192_000)
"""Hertz, the least and the most."""


class WyomingSession:
    """On the loop; `take` each event, then `close`."""

    def __init__(
        self,
        engines: SharedEngines,
        limits: Limits,
        connection: Connection,
        send: Callable[[Event], Awaitable[None]],
    ) -> None:
        self._engines = engines
        self._limits = limits
        self._connection = connection
        self._send = send
        self._language: str | None = None
        self._format = (SAMPLE_RATE, 1)
        """Hertz and channels of what comes."""
        self._sound: list[Samples] = []
        self._samples = 0
        self._listens_for: str | None = None
        """The wake word, while it is listened for."""
        self._wake: WakeWord | None = None
        self._cutter: ClauseCutter | None = None
        """Of a text that is sent in pieces."""
        self._voice_language = ""
        self._sounding = False

    async def take(self, event: Event) -> None:
        """Do what it asks for.

        Raises:
            VitaError: that does not work; the client is told, and may go on.
        """
        kind = event.type
        try:
            if Describe.is_type(kind):
                await self._send(described_engines(self._engines).event())
            elif Ping.is_type(kind):
                await self._send(Pong(_text(event, "text") or None).event())
            elif Transcribe.is_type(kind):
                self._language = _text(event, "language").lower().partition("-")[0] or None
                self._listens_for = None
            elif Detect.is_type(kind):
                await self._detect(event)
            elif AudioStart.is_type(kind):
                self._begin(event)
            elif AudioChunk.is_type(kind):
                await self._chunk(event)
            elif AudioStop.is_type(kind):
                await self._stop()
            elif Synthesize.is_type(kind):
                await self._synthesize(event)
            elif SynthesizeStart.is_type(kind):
                self._voice_language = self._wanted_language(event)
                self._cutter = ClauseCutter(self._voice_language)
            elif SynthesizeChunk.is_type(kind):
                if self._cutter is not None:
                    await self._speak(self._cutter.feed(_spoken(event, self._limits)))
            elif SynthesizeStop.is_type(kind):
                await self._end_text()
        except VitaError as error:
            self._cutter, self._sound, self._samples = None, [], 0
            await self._send(as_event(error))

    def close(self) -> None:
        """Free what is held."""
        wake, self._wake = self._wake, None
        self._sound.clear()
        if wake is not None:
            wake.close()

    # ---- recognition, wake word

    def _begin(self, event: Event) -> None:
        self._format = _format(event)
        self._sound, self._samples = [], 0

    async def _chunk(self, event: Event) -> None:
        payload = event.payload or b""
        rate, channels = self._format
        if event.data.get("rate") is not None:
            rate, channels = self._format = _format(event)
        frames = len(payload) // (2 * channels)
        pcm = np.frombuffer(payload[: frames * 2 * channels], "<i2").reshape(frames, channels)
        samples = (pcm.mean(axis=1) / 32768.0).astype(np.float32)
        if self._listens_for is not None:
            await self._listen(resampled(samples, rate, SAMPLE_RATE))
            return
        self._sound.append(samples)
        self._samples += frames
        if self._samples > self._limits.buffer_seconds * rate:
            raise RequestError(
                f"More than {self._limits.buffer_seconds:g} s of sound; they were dropped.", code="too_large"
            )

    async def _stop(self) -> None:
        if self._listens_for is not None:
            self._listens_for = None
            await self._send(NotDetected().event())
            return
        rate, _ = self._format
        audio = np.concatenate([*self._sound, np.zeros(0, np.float32)])
        self._sound, self._samples = [], 0
        if not len(audio):
            await self._send(Transcript("").event())
            return
        with self._connection.busy():
            found = await self._engines.recognition.final(
                self._connection.client, resampled(audio, rate, SAMPLE_RATE), language=self._language
            )
            await self._send(Transcript(found.text.strip(), language=found.language or None).event())

    async def _detect(self, event: Event) -> None:
        known = wake_words()
        names = event.data.get("names") or []
        wanted = [name for name in names if name in known] if isinstance(names, list) else []
        own = self._engines.settings.talk.wake_word
        name = next(iter([*wanted, *([own] if own else []), *known]), None)
        if name is None or (names and not wanted):
            raise RequestError("There is no such wake word.", code="unknown_wake_word")
        if self._wake is None or self._wake.name != name:
            self.close()
            self._wake = await self._in_thread(lambda: WakeWord(cast("Any", name)))
        self._listens_for = name

    async def _listen(self, samples: Samples) -> None:
        wake = self._wake
        if wake is not None and await self._in_thread(lambda: wake.heard(samples)):
            name, self._listens_for = self._listens_for, None
            await self._send(Detection(name=name).event())

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._engines.listening, work)

    # ---- voice

    async def _synthesize(self, event: Event) -> None:
        if self._cutter is not None:
            return  # the same text, for servers that take none in pieces
        self._voice_language = self._wanted_language(event)
        cutter = ClauseCutter(self._voice_language)
        text = _spoken(event, self._limits)
        await self._speak([*cutter.feed(text), *cutter.finish()])
        await self._end_sound()

    async def _end_text(self) -> None:
        cutter, self._cutter = self._cutter, None
        if cutter is not None:
            await self._speak(cutter.finish())
            await self._end_sound()
            await self._send(SynthesizeStopped().event())

    async def _speak(self, clauses: list[Clause]) -> None:
        with self._connection.busy():
            for clause in clauses:
                sound = self._engines.voice.clause(
                    self._connection.client, clause.spoken, language=self._voice_language
                )
                async with aclosing(cast("Any", sound)) as found:
                    async for samples in found:
                        await self._begin_sound()
                        chunk = AudioChunk(VOICE_RATE, 2, 1, pcm16(samples).tobytes())
                        await self._send(chunk.event())

    async def _begin_sound(self) -> None:
        if not self._sounding:
            self._sounding = True
            await self._send(AudioStart(VOICE_RATE, 2, 1).event())

    async def _end_sound(self) -> None:
        await self._begin_sound()
        self._sounding = False
        await self._send(AudioStop().event())

    def _wanted_language(self, event: Event) -> str:
        voice = event.data.get("voice")
        code = voice.get("language") if isinstance(voice, dict) else None
        own = self._engines.settings.spoken_language
        return code.lower().partition("-")[0].partition("_")[0] if isinstance(code, str) and code else own


def as_event(error: VitaError) -> Event:
    """What a client is told of it."""
    code = error.code if isinstance(error, RequestError) else type(error).__name__
    return Error(str(error), code).event()


def _text(event: Event, name: str) -> str:
    found = event.data.get(name)
    return found[:1000] if isinstance(found, str) else ""


def _spoken(event: Event, limits: Limits) -> str:
    found = event.data.get("text")
    if not isinstance(found, str):
        raise RequestError("There is no text.", param="text")
    if len(found) > limits.speech_characters:
        raise RequestError(f"The text is longer than {limits.speech_characters:,} characters.", param="text")
    return found


def _format(event: Event) -> tuple[int, int]:
    """
    Raises:
        RequestError: it is not PCM of 16 bits.
    """
    rate, width, channels = (event.data.get(name) for name in ("rate", "width", "channels"))
    if not isinstance(rate, int) or not RATES[0] <= rate <= RATES[1] or width != 2 or channels not in (1, 2):
        raise RequestError("Sound is PCM of 16 bits, in one channel or two.", code="unsupported_format")
    return rate, cast("int", channels)
