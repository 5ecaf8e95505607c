"""The voice."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from vita_tui.settings.section import Live, ServedSection, Several

__all__ = ["TtsSettings"]


class TtsSettings(ServedSection):
    """The voice."""

    own: ClassVar[tuple[str, ...]] = ("remote", "piper", "pyttsx3")
    schemes: ClassVar[tuple[str, ...]] = ("http", "https", "tcp")

    engines: Live[Several[str]] = ("remote", "piper", "pyttsx3")
    """Voices to try, in order: names of endpoints, remote for the server of base_url, piper, pyttsx3; an empty list means text only."""
    base_url: Live[str] = ""
    """Server whose voice speaks, such as http://127.0.0.1:8880/v1: OpenAI's speech route; empty for none."""
    model: Live[str] = "tts-1"
    """Name of the speech model on that server."""
    remote_voice: Live[str] = "alloy"
    """Name of the voice on that server."""
    api_key: Live[SecretStr] = SecretStr("")
    """Key for the server; better given as VITA_TTS__API_KEY than in the file."""
    voice: Live[str] = "en_US-joe-medium"
    """Piper voice: catalogue name, path of an .onnx file, or hf:owner/repo/file.onnx."""
    system_voice: Live[str] = ""
    """Voice of the system: its id, name or language code, such as de; empty for the default in the language of speech."""
    early: Live[bool] = True
    """Begin to speak after a reply's first few words; off: after its first sentence."""
    ahead: bool = True
    """Begin to speak a clause while its end is still being synthesised, where the voice is quick enough; off: when it is whole."""
    rate: Live[float] = Field(default=1.0, ge=0.5, le=3.0)
    """Speed of speech; 1 is the voice's own."""
    volume: Live[float] = Field(default=1.0, ge=0.0, le=1.0)
    """Loudness, as a share of the voice's own: 0 is silent, 1 is all of it (100 %)."""
    timeout: Live[float] = Field(default=10.0, gt=0)
    """Seconds after which synthesis of a clause has failed."""
