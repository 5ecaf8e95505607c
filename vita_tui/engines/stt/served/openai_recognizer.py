"""OpenAI's route for transcriptions, and the many servers that have it: one request for each transcript."""

from __future__ import annotations

import io
import json
import math
import wave
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.http_client import CONNECT_SECONDS, Server, async_client
from vita_tui.engines.refusals import MAX_REFUSAL_BYTES, reason, refusal
from vita_tui.engines.stt.base import SAMPLE_RATE, Word
from vita_tui.engines.stt.served.recognizer import Recognized, ServedRecognizer, as_pcm
from vita_tui.errors import EngineError, VitaError
from vita_tui.settings.endpoints import Endpoint

if TYPE_CHECKING:
    import httpx2

__all__ = ["OpenAIRecognizer"]

DEFAULT_MODEL = "whisper-1"
MAX_ANSWER_BYTES = 5_000_000
"""Of one transcript, with the times of its words."""
LANGUAGES = {
    "english": "en",
    "german": "de",
    "french": "fr",
    "spanish": "es",
    "italian": "it",
    "dutch": "nl",
    "portuguese": "pt",
    "polish": "pl",
    "russian": "ru",
    "chinese": "zh",
    "japanese": "ja",
    "korean": "ko",
    "turkish": "tr",
    "ukrainian": "uk",
    "swedish": "sv",
    "arabic": "ar",
}
"""OpenAI tells languages by name, most other servers by code."""


class OpenAIRecognizer(ServedRecognizer):
    """A `Recognizer` over HTTP."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        language: str = "en",
        words: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name, endpoint, language=language, words=words)
        self.partials = endpoint.partials
        self._client: httpx2.AsyncClient | None = None
        self._form = "verbose_json"
        """The richest form of answer that the server has."""
        self._begun = False

    async def _open(self, server: Server) -> None:
        """A short look at the models; servers without that route are taken as they are."""
        import httpx2

        self._client = async_client(server, httpx2.Timeout(None, connect=CONNECT_SECONDS))
        try:
            async with self._client.stream("GET", f"{server.url}/models") as answer:
                if answer.status_code in (401, 403, 407):
                    raise self._refusal(server, answer, await _start(answer))
        except BaseException:
            await self._close()
            raise

    async def _ask(
        self, server: Server, audio: NDArray[np.float32], language: str, *, words: bool, partial: bool
    ) -> Recognized:
        form = {"model": self.endpoint.model or DEFAULT_MODEL, "response_format": self._form}
        if language:
            form["language"] = language
        if self.words:
            form["prompt"] = ", ".join(self.words)
        if words and self._form == "verbose_json":
            form["timestamp_granularities[]"] = "word"
        client = self._client
        if client is None:
            raise EngineError(f"{self.name} was closed.")
        self._begun = False
        files = {"file": ("speech.wav", _wave(audio), "audio/wav")}
        async with client.stream(
            "POST", f"{server.url}/audio/transcriptions", data=form, files=files
        ) as answer:
            if not answer.is_success:
                body = await _start(answer)
                if (
                    answer.status_code in (400, 415, 422)
                    and self._form != "json"
                    and ("response_format" in body or "verbose_json" in body)
                ):
                    self._form = "json"
                    return await self._ask(server, audio, language, words=words, partial=partial)
                raise self._refusal(server, answer, body)
            self._begun = True
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            data = b""
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > MAX_ANSWER_BYTES:
                    raise EngineError(f"{self.name} does not stop sending.")
        return self._understood(server, kind, data)

    def _understood(self, server: Server, kind: str, data: bytes) -> Recognized:
        text = data.decode("utf-8", "replace")
        if kind == "text/plain":
            return Recognized(text)
        wrong = EngineError(
            f"{server.where} sent what is not a transcript.",
            remedy=f"Check {server.setting}; it usually ends in /v1.",
        )
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise wrong from None
        if not isinstance(found, dict):
            raise wrong
        if not isinstance(found.get("text"), str):
            if said := reason(server, found):
                raise EngineError(f"{server.where} reports: {said}.")
            raise wrong
        told = found.get("language")
        language = LANGUAGES.get(told.lower(), told.lower()) if isinstance(told, str) else ""
        return Recognized(
            found["text"],
            language=language if len(language) <= 3 else "",
            confidence=_confidence(found),
            words=tuple(_words(found.get("words"))),
        )

    def _refusal(self, server: Server, answer: httpx2.Response, body: str) -> EngineError:
        return refusal(
            server,
            answer.status_code,
            answer.headers,
            body,
            missing=f"speech recognition “{self.endpoint.model or DEFAULT_MODEL}”",
            check=f"{server.setting} and its model",
        )

    def _of_library(self, server: Server, error: Exception) -> VitaError | None:
        import httpx2

        if isinstance(error, httpx2.HTTPError | httpx2.StreamError | httpx2.InvalidURL):
            return self._explained(server, error, begun=self._begun)
        return None

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _wave(audio: NDArray[np.float32]) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(as_pcm(audio))
    return out.getvalue()


async def _start(answer: httpx2.Response) -> str:
    import httpx2

    body = b""
    with suppress(httpx2.HTTPError):
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > MAX_REFUSAL_BYTES:
                break
    return body.decode("utf-8", "replace")


def _confidence(found: dict[str, Any]) -> float | None:
    """Mean probability of a token, from the segments of a verbose answer or the probabilities of a short one."""
    logs: list[float] = []
    for name, key in (("segments", "avg_logprob"), ("logprobs", "logprob")):
        values = found.get(name)
        for one in values if isinstance(values, list) else ():
            value = one.get(key) if isinstance(one, dict) else None
            if isinstance(value, int | float) and math.isfinite(value):
                logs.append(min(0.0, float(value)))
    return math.exp(sum(logs) / len(logs)) if logs else None


def _words(found: Any) -> list[Word]:
    words = []
    for one in found if isinstance(found, list) else ():
        try:
            words.append(Word(str(one["word"]).strip(), float(one["start"]), float(one["end"])))
        except (KeyError, TypeError, ValueError):
            return []
    return words
