"""What a recognizer returned, checked: no error in it may pass for words, or keep a turn from ending."""

from __future__ import annotations

from dataclasses import replace

from vita_tui.engines.llm.clean_stream import Cleaner
from vita_tui.engines.stt.base import Transcription
from vita_tui.errors import EngineError

__all__ = ["checked"]


def checked(name: str, result: Transcription) -> Transcription:
    """`result` with nothing in its text but text.

    Args:
        name: of the recognizer, for the error.

    Raises:
        EngineError: it is no transcription.
    """
    if not isinstance(result, Transcription) or not isinstance(result.text, str):
        raise EngineError(f"{name} returned what is not a transcript.", remedy="See: vita doctor")
    cleaner = Cleaner()
    text = cleaner.feed(result.text) + cleaner.finish()
    return result if text == result.text.lstrip() else replace(result, text=text)
