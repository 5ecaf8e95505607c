"""Events by the names that they had before the protocol was settled: for clients that say so by a header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["HEADER", "as_before"]

HEADER = ("openai-beta", "realtime=v1")
"""By which a client asks for the older names."""
NAMES = {
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "conversation.item.added": "conversation.item.created",
}
LEFT_OUT = {"conversation.item.done"}


def as_before(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The event in the older form; None where there was none."""
    kind = event["type"]
    if kind in LEFT_OUT:
        return None
    if kind in ("session.created", "session.updated"):
        return {**event, "session": _flat(event["session"])}
    return {**event, "type": NAMES.get(kind, kind)}


def _flat(session: Mapping[str, Any]) -> dict[str, Any]:
    audio = session.get("audio", {})
    source, sink = audio.get("input", {}), audio.get("output", {})
    rest = {
        name: value for name, value in session.items() if name not in ("audio", "output_modalities", "type")
    }
    return {
        **rest,
        "modalities": ["text", "audio"] if "audio" in session.get("output_modalities", ()) else ["text"],
        "voice": sink.get("voice"),
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": source.get("transcription"),
        "turn_detection": source.get("turn_detection"),
    }
