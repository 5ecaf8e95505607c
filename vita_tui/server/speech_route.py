"""`POST /v1/audio/speech`: text becomes speech, sent while it is made."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from vita_tui.conversation.speaking.clauses import POLICIES, ClauseCutter
from vita_tui.server.guarding import connection_of
from vita_tui.server.limits import Limits, RequestError
from vita_tui.server.problems import parsed
from vita_tui.server.shared_voice import VOICE_RATE, SharedVoice
from vita_tui.server.sound_stream import MEDIA_TYPES, SoundStream
from vita_tui.server.streaming import event, sent_events, streamed

__all__ = ["speech"]


async def speech(request: Request) -> Response:
    """Answer one request."""
    limits: Limits = request.app.state.limits
    engines = request.app.state.engines
    asked = parsed(await request.body(), limits)
    text = asked.get("input")
    if not isinstance(text, str) or not text.strip():
        raise RequestError("There is nothing to say.", param="input")
    if len(text) > limits.speech_characters:
        raise RequestError(f"The text is longer than {limits.speech_characters:,} characters.", param="input")
    form = asked.get("response_format") or "mp3"
    if form not in MEDIA_TYPES:
        raise RequestError(f"There are these: {', '.join(MEDIA_TYPES)}.", param="response_format")
    speed = asked.get("speed") or 1.0
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.25 <= speed <= 4.0:
        raise RequestError("The speed is a number from 0.25 to 4.", param="speed")
    language = asked.get("language") or engines.settings.spoken_language
    if not isinstance(language, str) or len(language) > 12:
        raise RequestError("That is no code of a language, such as en.", param="language")
    sound = _sound(engines.voice, connection_of(request.scope).client, text, language, float(speed), form)
    if asked.get("stream_format") == "sse":
        return await streamed(request, sent_events(_events(sound)), "text/event-stream")
    return await streamed(request, sound, MEDIA_TYPES[form])


async def _sound(
    voice: SharedVoice, client: str, text: str, language: str, speed: float, form: str
) -> AsyncIterator[bytes]:
    cutter = ClauseCutter(language, POLICIES)
    clauses = [*cutter.feed(text), *cutter.finish()]
    if not clauses:
        raise RequestError("There is nothing to say in that text.", param="input")
    stream = SoundStream(form, VOICE_RATE)
    packed = form not in ("wav", "pcm")
    for clause in clauses:
        async for samples in voice.clause(client, clause.spoken, language=language, speed=speed):
            # Encoders take their time.
            data = await asyncio.to_thread(stream.feed, samples) if packed else stream.feed(samples)
            if data:
                yield data
    if data := stream.finish():
        yield data


async def _events(sound: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for data in sound:
        yield event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
    yield event({"type": "speech.audio.done"})
