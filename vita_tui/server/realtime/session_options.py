"""What a client asks of its session, checked; in today's form of the protocol and in the flat one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from vita_tui.engines.llm.base import ToolOffer
from vita_tui.server.chat_messages import tools_of_request
from vita_tui.server.limits import RequestError

__all__ = ["AudioFormat", "SessionOptions", "TurnDetection", "session_options"]

RATES = (8_000, 48_000)
"""Hertz, the least and the most, of PCM."""
LONGEST_INSTRUCTIONS = 65_536
"""Characters."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Mono PCM of 16 bits, least significant byte first."""

    rate: int = 24_000
    """Hertz."""

    def shown(self) -> dict[str, Any]:
        return {"type": "audio/pcm", "rate": self.rate}


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """VITA's own: the silence that is asked for is what it waits where the words and the sound tell nothing."""

    kind: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float = 0.5
    prefix_ms: int = 300
    """Of sound before the first voice."""
    silence_ms: int = 500
    create_response: bool = True
    interrupt_response: bool = True

    def shown(self) -> dict[str, Any]:
        flags = {"create_response": self.create_response, "interrupt_response": self.interrupt_response}
        if self.kind == "semantic_vad":
            return {"type": self.kind, "eagerness": "auto", **flags}
        return {
            "type": self.kind,
            "threshold": self.threshold,
            "prefix_padding_ms": self.prefix_ms,
            "silence_duration_ms": self.silence_ms,
            **flags,
        }


@dataclass(frozen=True, slots=True)
class SessionOptions:
    kind: Literal["realtime", "transcription"] = "realtime"
    """A conversation, or only what was said."""
    instructions: str = ""
    audible: bool = True
    """Replies are spoken, and not only written."""
    source: AudioFormat = field(default_factory=AudioFormat)
    sink: AudioFormat = field(default_factory=AudioFormat)
    detection: TurnDetection | None = field(default_factory=TurnDetection)
    """None: the client says when a turn is over."""
    transcribes: bool = False
    """The client wants to read what was understood."""
    language: str | None = None
    """Of what is said; None for the setting."""
    voice: str = "alloy"
    speed: float = 1.0
    tools: Sequence[ToolOffer] = ()
    tools_shown: Sequence[Mapping[str, Any]] = ()
    tool_choice: str = "auto"
    longest: int | None = None
    """Tokens of a reply."""

    def shown(self, identity: str, model: str) -> dict[str, Any]:
        """As the client reads it."""
        heard = {"model": "whisper-1", "language": self.language, "prompt": ""} if self.transcribes else None
        source = {
            "format": self.source.shown(),
            "transcription": heard,
            "noise_reduction": None,
            "turn_detection": self.detection.shown() if self.detection else None,
        }
        if self.kind == "transcription":
            return {
                "type": "transcription",
                "object": "realtime.transcription_session",
                "id": identity,
                "audio": {"input": source},
            }
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": identity,
            "model": model,
            "output_modalities": ["audio" if self.audible else "text"],
            "instructions": self.instructions,
            "tools": list(self.tools_shown),
            "tool_choice": self.tool_choice,
            "max_output_tokens": self.longest or "inf",
            "audio": {
                "input": source,
                "output": {"format": self.sink.shown(), "voice": self.voice, "speed": self.speed},
            },
        }


def session_options(before: SessionOptions, given: Any) -> SessionOptions:
    """`before` with what a client changes of it.

    Raises:
        RequestError: something of it is wrong.
    """
    given = _object(given, "session")
    flat = _flat(given)
    changed: dict[str, Any] = {}
    kind = given.get("type", before.kind)
    if kind not in ("realtime", "transcription"):
        raise RequestError("A session is realtime or transcription.", param="session.type")
    changed["kind"] = kind
    if kind == "transcription":
        changed["transcribes"] = True
    for name, key in (("instructions", "instructions"), ("voice", "voice")):
        if flat.get(name) is not None:
            changed[key] = _short(flat[name], f"session.{name}")
    if flat.get("modalities") is not None:
        changed["audible"] = _audible(flat["modalities"])
    if flat.get("source") is not None:
        changed["source"] = _format(flat["source"], "session.audio.input.format")
    if flat.get("sink") is not None:
        changed["sink"] = _format(flat["sink"], "session.audio.output.format")
    if "detection" in flat:
        changed["detection"] = _detection(before.detection or TurnDetection(), flat["detection"])
    if "transcription" in flat:
        changed |= _transcription(flat["transcription"], kind)
    if flat.get("speed") is not None:
        changed["speed"] = _number(flat["speed"], 0.25, 4.0, "session.audio.output.speed")
    if given.get("tools") is not None:
        changed["tools"] = tools_of_request(given["tools"])
        changed["tools_shown"] = given["tools"]
    if given.get("tool_choice") is not None:
        choice = given["tool_choice"]
        changed["tool_choice"] = choice if choice in ("none", "required") else "auto"
    longest = given.get("max_output_tokens", given.get("max_response_output_tokens"))
    if longest is not None:
        changed["longest"] = (
            None if longest == "inf" else round(_number(longest, 1, 1 << 20, "session.max_output_tokens"))
        )
    return replace(before, **changed)


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """What both forms of the protocol say, by one name each."""
    audio = _object(given.get("audio") or {}, "session.audio")
    source = _object(audio.get("input") or {}, "session.audio.input")
    sink = _object(audio.get("output") or {}, "session.audio.output")
    flat: dict[str, Any] = {
        "instructions": given.get("instructions"),
        "modalities": given.get("output_modalities", given.get("modalities")),
        "source": source.get("format", given.get("input_audio_format")),
        "sink": sink.get("format", given.get("output_audio_format")),
        "voice": sink.get("voice", given.get("voice")),
        "speed": sink.get("speed", given.get("speed")),
    }
    for name, newer, older in (
        ("detection", "turn_detection", "turn_detection"),
        ("transcription", "transcription", "input_audio_transcription"),
    ):
        if newer in source:
            flat[name] = source[newer]
        elif older in given:
            flat[name] = given[older]
    if isinstance(flat["voice"], Mapping):
        flat["voice"] = flat["voice"].get("id")
    return flat


def _object(given: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise RequestError("That is an object.", param=where)
    return given


def _short(given: Any, where: str) -> str:
    if not isinstance(given, str) or len(given) > LONGEST_INSTRUCTIONS:
        raise RequestError(f"That is a text of {LONGEST_INSTRUCTIONS:,} characters at most.", param=where)
    return given


def _number(given: Any, least: float, most: float, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given <= most:
        raise RequestError(f"That is a number from {least:g} to {most:g}.", param=where)
    return float(given)


def _audible(given: Any) -> bool:
    if not isinstance(given, list) or not given or not set(map(str, given)) <= {"text", "audio"}:
        raise RequestError('Modalities are ["audio"] or ["text"].', param="session.output_modalities")
    return "audio" in given


def _format(given: Any, where: str) -> AudioFormat:
    if given == "pcm16":
        return AudioFormat()
    form = _object(given, where)
    if form.get("type") != "audio/pcm":
        raise RequestError("There is audio/pcm.", param=where, code="unsupported_format")
    return AudioFormat(round(_number(form.get("rate", 24_000), *RATES, f"{where}.rate")))


def _detection(before: TurnDetection, given: Any) -> TurnDetection | None:
    if given is None:
        return None
    where = "session.audio.input.turn_detection"
    asked = _object(given, where)
    kind = asked.get("type", before.kind)
    if kind not in ("server_vad", "semantic_vad"):
        raise RequestError("There are server_vad and semantic_vad.", param=f"{where}.type")
    changed: dict[str, Any] = {"kind": kind}
    for name, key, least, most in (
        ("threshold", "threshold", 0.01, 0.99),
        ("prefix_padding_ms", "prefix_ms", 0, 5000),
        ("silence_duration_ms", "silence_ms", 200, 10_000),
    ):
        if asked.get(name) is not None:
            value = _number(asked[name], least, most, f"{where}.{name}")
            changed[key] = value if key == "threshold" else round(value)
    for name in ("create_response", "interrupt_response"):
        if asked.get(name) is not None:
            if not isinstance(asked[name], bool):
                raise RequestError("That is true or false.", param=f"{where}.{name}")
            changed[name] = asked[name]
    return replace(before, **changed)


def _transcription(given: Any, kind: str) -> dict[str, Any]:
    if given is None:
        return {"transcribes": kind == "transcription", "language": None}
    language = _object(given, "session.audio.input.transcription").get("language") or None
    if language is not None and not (isinstance(language, str) and 2 <= len(language) <= 12):
        raise RequestError(
            "That is no code of a language.", param="session.audio.input.transcription.language"
        )
    return {"transcribes": True, "language": language.lower().partition("-")[0] if language else None}
