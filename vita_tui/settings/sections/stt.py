"""Speech recognition."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from vita_tui.settings.section import Live, ServedSection, Several

__all__ = ["SttSettings"]


class SttSettings(ServedSection):
    """Speech recognition: Whisper in this process, and servers."""

    schemes: ClassVar[tuple[str, ...]] = ("http", "https", "ws", "wss", "tcp")

    engines: Live[Several[str]] = ("local",)
    """Who recognises, in order: names of endpoints, and local for Whisper here. Endpoints side by side share the work."""
    hedge: bool = False
    """Ask a second endpoint for a final transcript that takes longer than 19 of 20 did; the first answer counts."""
    model: Live[str] = Field(default="base", min_length=1)
    """Catalogue name (base, tiny.en), a folder with a CTranslate2 model, or hf:owner/repo."""
    language: Live[str] = Field(default="en", min_length=1)
    """Language code that is spoken, or "auto" to detect it at some cost in time."""
    languages: Live[Several[str]] = ()
    """With language "auto": codes of those that are spoken here, such as en, de. Of few the right one is told more often; empty for all."""
    words: Live[Several[str]] = ()
    """Names and other words of yours, which are preferred where they may have been said; vita words add NAME."""
    device: Live[Literal["auto", "cpu", "cuda"]] = "auto"
    """Where it runs; "auto" takes CUDA where there is one."""
    compute_type: Live[str] = "auto"
    """CTranslate2 compute type; "auto" is int8 on a CPU and float16 on CUDA."""
    threads: Live[int] = Field(default=2, ge=1, le=64)
    """CPU threads of a decode."""
    partials: Live[bool] = True
    """Show what is understood while you still speak."""
    partial_interval: float = Field(default=0.2, ge=0.05, le=2.0)
    """Least seconds between two partial transcripts."""
    short_windows: Live[bool] = True
    """Encode as much sound as there is; off: always 30 seconds, as Whisper was trained."""
    drafts: Live[bool] = True
    """On a CPU, run Whisper on ONNX Runtime, which reads what a partial transcript understood in one go; off: CTranslate2."""
    fallback: Live[Several[str]] = ("tiny.en",)
    """Models to try, in order, when the first does not load."""
    timeout: float = Field(default=20.0, gt=0)
    """Seconds after which a decode has failed."""

    @property
    def longest_wait(self) -> float:
        """Seconds that any of the engines may take for what is spoken."""
        return max(self.timeout, *(one.timeout + 1.0 for one in self.endpoints.values()), 0.0)
