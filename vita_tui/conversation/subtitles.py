"""A transcript as subtitles (SubRip, WebVTT), or as paragraphs with their times (Markdown)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vita_tui.conversation.transcripts import TranscriptPart
from vita_tui.engines.stt.base import Word
from vita_tui.engines.stt.decoding.decoder import UNSPACED

__all__ = ["Cue", "as_markdown", "as_srt", "as_vtt", "cues"]

LINE = 42
"""Characters in a line, and two lines in a cue: what subtitlers take for readable."""
LONGEST = 6.0
"""Seconds of a cue."""
GAP = 0.8
"""Seconds of silence that end a cue."""
PARAGRAPH_GAP = 1.5
PARAGRAPH_SECONDS = 60.0
"""From here on the end of a sentence ends a paragraph."""
_SENTENCE = re.compile(r"[.!?…。！？]['\"”»)]*$")


@dataclass(frozen=True, slots=True)
class Cue:
    start: float
    """Seconds from the beginning of the recording."""
    end: float
    text: str


def cues(parts: Iterable[TranscriptPart]) -> Iterator[Cue]:
    """What is said, in pieces that can be read while they are; cut where sentences end, where the speaker pauses, or where it must be.

    A part whose words have no times is one piece.
    """
    for part in parts:
        if not part.words:
            yield Cue(part.start, part.end, part.text)
            continue
        space = "" if part.language in UNSPACED else " "
        held: list[Word] = []
        for word in part.words:
            if held and _full(held, word, space):
                yield _cue(held, space)
                held = []
            held.append(word)
        yield _cue(held, space)


def as_srt(found: Sequence[Cue]) -> str:
    """SubRip."""
    return "\n".join(
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_lines(cue.text)}\n"
        for number, cue in enumerate(found, 1)
    )


def as_vtt(found: Sequence[Cue]) -> str:
    """WebVTT."""
    shown = (
        f"\n{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_escaped(_lines(cue.text))}\n"
        for cue in found
    )
    return "WEBVTT\n" + "".join(shown)


def as_markdown(title: str, found: Sequence[Cue]) -> str:
    """A heading, then paragraphs, each after the time at which it begins."""
    paragraphs: list[list[Cue]] = []
    for cue in found:
        last = paragraphs[-1] if paragraphs else []
        long = (
            bool(last)
            and last[-1].end - last[0].start >= PARAGRAPH_SECONDS
            and _SENTENCE.search(last[-1].text)
        )
        if not last or cue.start - last[-1].end >= PARAGRAPH_GAP or long:
            paragraphs.append([cue])
        else:
            last.append(cue)
    shown = (f"\n**{_clock(one[0].start)}** {' '.join(cue.text for cue in one)}\n" for one in paragraphs)
    return f"# {title}\n" + "".join(shown)


def _full(held: Sequence[Word], word: Word, space: str) -> bool:
    """Whether `word` begins a new cue."""
    text = space.join(one.text for one in held)
    return (
        word.start - held[-1].end >= GAP
        or word.end - held[0].start > LONGEST
        or len(text) + len(space) + len(word.text) > 2 * LINE
        or (len(text) > LINE / 2 and bool(_SENTENCE.search(text)))
    )


def _cue(words: Sequence[Word], space: str) -> Cue:
    return Cue(
        words[0].start, max(words[-1].end, words[0].start + 0.1), space.join(word.text for word in words)
    )


def _lines(text: str) -> str:
    """In one line or two of about the same length; no empty ones, which would end a cue."""
    text = " ".join(text.split())
    if len(text) <= LINE:
        return text
    narrow = (
        textwrap.wrap(text, width, break_long_words=False) for width in range(len(text) // 2, len(text))
    )
    return "\n".join(next(lines for lines in narrow if len(lines) <= 2))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float, point: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
