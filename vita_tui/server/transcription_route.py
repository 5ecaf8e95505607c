"""`POST /v1/audio/transcriptions`: recordings become text, in OpenAI's forms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from vita_tui.conversation.subtitles import as_srt, as_vtt, cues
from vita_tui.conversation.transcripts import FileTranscript, TranscriptPart
from vita_tui.server.guarding import connection_of
from vita_tui.server.limits import Limits, RequestError
from vita_tui.server.shared_recognition import SharedRecognition
from vita_tui.server.streaming import event, sent_events, streamed, unless_gone

__all__ = ["transcriptions"]

FORMS = ("json", "text", "srt", "vtt", "verbose_json")
GRANULARITIES = "timestamp_granularities"


async def transcriptions(request: Request) -> Response:
    """Answer one request."""
    recognition: SharedRecognition = request.app.state.engines.recognition
    limits: Limits = request.app.state.limits
    connection = connection_of(request.scope)
    client = connection.client
    try:
        form = await request.form(max_files=1, max_fields=32, max_part_size=limits.json_bytes)
    except HTTPException as error:
        raise RequestError(f"The form cannot be read: {error.detail}.") from None
    file = form.get("file")
    connection.at_end(form.close)
    if not isinstance(file, UploadFile):
        raise RequestError("The form has no file.", param="file")
    shape = _text(form.get("response_format")) or "json"
    if shape not in FORMS:
        raise RequestError(f"There are these: {', '.join(FORMS)}.", param="response_format")
    language = _language(_text(form.get("language")))
    if _text(form.get("stream")).lower() in ("true", "1"):
        events = sent_events(_streamed(recognition, client, request, file, language))
        return await streamed(request, events, "text/event-stream", {"Cache-Control": "no-cache"})
    words = shape in ("srt", "vtt", "verbose_json")
    work = recognition.recording(client, file.file, language=language, words=words)
    found = await unless_gone(request, work)
    asked = {str(one) for name in form for one in form.getlist(name) if name.startswith(GRANULARITIES)}
    return _shown(found, shape, "word" in asked)


async def _streamed(
    recognition: SharedRecognition, client: str, request: Request, file: UploadFile, language: str | None
) -> AsyncIterator[bytes]:
    parts: asyncio.Queue[TranscriptPart | None] = connection_of(request.scope).queue(0)

    async def work() -> FileTranscript:
        try:
            return await recognition.recording(client, file.file, language=language, on_part=parts.put_nowait)
        finally:
            parts.put_nowait(None)

    working = connection_of(request.scope).spawn(work(), "transcription")
    try:
        before = ""
        while (part := await parts.get()) is not None:
            yield event({"type": "transcript.text.delta", "delta": f"{before}{part.text}"})
            before = " "
        found = await working
        yield event({"type": "transcript.text.done", "text": found.text})
    finally:
        working.cancel()
        await asyncio.wait({working})


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _language(code: str) -> str | None:
    """
    Raises:
        RequestError: it is no code of a language.
    """
    if not code:
        return None
    if not (code.isascii() and code.replace("-", "").isalpha() and 2 <= len(code) <= 12):
        raise RequestError("That is no code of a language, such as en.", param="language")
    return code.lower().partition("-")[0] if code != "auto" else "auto"


def _shown(found: FileTranscript, shape: str, words: bool) -> Response:
    match shape:
        case "text":
            return PlainTextResponse(f"{found.text}\n")
        case "srt":
            return PlainTextResponse(as_srt(list(cues(found.parts))), media_type="application/x-subrip")
        case "vtt":
            return PlainTextResponse(as_vtt(list(cues(found.parts))), media_type="text/vtt")
        case "verbose_json":
            return JSONResponse(_verbose(found, words))
        case _:
            return JSONResponse(
                {"text": found.text, "usage": {"type": "duration", "seconds": round(found.seconds)}}
            )


def _verbose(found: FileTranscript, words: bool) -> dict[str, Any]:
    segments = [
        {
            "id": number,
            "seek": 0,
            "start": cue.start,
            "end": cue.end,
            "text": cue.text,
            "tokens": [],
            "temperature": 0.0,
            "avg_logprob": 0.0,
            "compression_ratio": 1.0,
            "no_speech_prob": 0.0,
        }
        for number, cue in enumerate(cues(found.parts))
    ]
    result: dict[str, Any] = {
        "task": "transcribe",
        "language": found.language,
        "duration": round(found.seconds, 3),
        "text": found.text,
        "segments": segments,
    }
    if words:
        result["words"] = [
            {"word": word.text, "start": word.start, "end": word.end}
            for part in found.parts
            for word in part.words
        ]
    return result
