"""One client of `vita serve` that talks in real time: it asks, hears the answer to its end, and asks again."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.audio.encoding import pcm16
from vita_tui.bench.recordings import SpokenSample

__all__ = ["AskedQuestion", "TalkingClient"]

CHUNK_SECONDS = 0.05
"""Of sound in one message."""
CHUNK = round(SAMPLE_RATE * CHUNK_SECONDS)
THINK_SECONDS = 1.0
"""Between the end of an answer and the next question."""
PATIENCE = 20.0
"""Seconds from the end of a question in which its answer begins, or is too late."""
REPLY_TOKENS = 32
REPLY_RATE = 24_000
INSTRUCTIONS = "Answer in one short sentence."


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """What became of one question."""

    outcome: str
    """"answered"; "refused" where too much waited; "late"; "lost" with the connection; "failed" otherwise."""
    transcript_ms: float | None = None
    """From the last sample of the question that has voice to its final transcript."""
    audio_ms: float | None = None
    """The same to the first sound of the answer."""
    question: str = ""
    last: str = ""
    """Type of the last event that came; empty when it was answered."""


class TalkingClient:
    """Its microphone is open from the beginning to the end, as that of a person who talks hands-free."""

    def __init__(self, url: str, key: str, questions: Sequence[SpokenSample], first: int) -> None:
        """
        Args:
            url: of the route, beginning with ws.
            questions: without silence around them.
            first: which of them is asked first.
        """
        self._url = url
        self._key = key
        self._questions = questions
        self._next = first
        self._spoken: NDArray[np.float32] | None = None
        self._ended_at: asyncio.Future[float] | None = None
        self.asked: list[AskedQuestion] = []

    async def talk(self, until: float) -> None:
        """Ask one question, and more while the loop's time is before `until`."""
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            async with connect(
                self._url, additional_headers=headers, max_size=None, proxy=None, open_timeout=PATIENCE
            ) as socket:
                await socket.send(json.dumps(_session()))
                microphone = asyncio.create_task(self._microphone(socket), name="microphone of a client")
                try:
                    while True:
                        self.asked.append(await self._ask(socket))
                        await asyncio.sleep(THINK_SECONDS)
                        if asyncio.get_running_loop().time() >= until:
                            return
                finally:
                    microphone.cancel()
                    await asyncio.gather(microphone, return_exceptions=True)
        except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
            self.asked.append(AskedQuestion("lost"))

    async def _microphone(self, socket: ClientConnection) -> None:
        """Send a piece every `CHUNK_SECONDS`: silence, or what is being said."""
        loop = asyncio.get_running_loop()
        silence = np.zeros(CHUNK, np.float32)
        at, place = loop.time(), 0
        while True:
            sound = self._spoken
            piece = silence
            if sound is not None:
                piece = sound[place : place + CHUNK]
                place += CHUNK
            data = base64.b64encode(pcm16(piece).tobytes()).decode("ascii")
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": data}))
            if sound is not None and place >= len(sound):
                self._spoken, place = None, 0
                assert self._ended_at is not None
                self._ended_at.set_result(loop.time())
            at += CHUNK_SECONDS
            await asyncio.sleep(at - loop.time())

    async def _ask(self, socket: ClientConnection) -> AskedQuestion:
        """Say the next question, and hear the answer to its end."""
        loop = asyncio.get_running_loop()
        question = self._questions[self._next % len(self._questions)]
        self._next += 1
        self._ended_at = loop.create_future()
        self._spoken = question.audio
        transcript = first = None
        played, kind = 0.0, ""

        def unanswered(outcome: str) -> AskedQuestion:
            return AskedQuestion(outcome, question=question.name, last=kind)

        begun = loop.time()
        try:
            async with asyncio.timeout_at(begun + question.seconds + PATIENCE):
                while True:
                    event: dict[str, Any] = json.loads(await socket.recv())
                    kind, now = event["type"], loop.time()
                    if kind == "error":
                        return unanswered(_refusal(event["error"]))
                    if kind == "conversation.item.input_audio_transcription.failed":
                        return unanswered(_refusal(event["error"]))
                    if kind == "conversation.item.input_audio_transcription.completed":
                        transcript = now
                    elif kind == "response.output_audio.delta":
                        first = first or now
                        played += len(event["delta"]) * 3 / 4 / 2 / REPLY_RATE
                    elif kind == "response.done":
                        break
        except TimeoutError:
            if first is None:
                return unanswered("late")
            event = {}
        if first is None or transcript is None:
            reply = event.get("response") or {}
            return unanswered(_refusal((reply.get("status_details") or {}).get("error") or {}))
        ended = await self._ended_at
        await asyncio.sleep(first + played - loop.time())  # it is listened to
        return AskedQuestion("answered", _ms(transcript - ended), _ms(first - ended), question.name)


def _session() -> dict[str, Any]:
    source = {"format": {"type": "audio/pcm", "rate": SAMPLE_RATE}, "transcription": {"model": "whisper-1"}}
    return {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "instructions": INSTRUCTIONS,
            "max_output_tokens": REPLY_TOKENS,
            "audio": {"input": source},
        },
    }


def _refusal(error: dict[str, Any]) -> str:
    return "refused" if error.get("code") == "rate_limit_exceeded" else "failed"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
