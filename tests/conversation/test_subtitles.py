"""Transcripts as subtitles and as paragraphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vita_tui.audio.encoding import write_wav
from vita_tui.conversation.subtitles import LINE, LONGEST, Cue, as_markdown, as_srt, as_vtt, cues
from vita_tui.conversation.transcripts import TranscriptPart, transcribe_file
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer, Word
from vita_tui.engines.stt.fake import FakeRecognizer
from vita_tui.events import EventBus
from vita_tui.settings import HealthSettings


def part(text: str, *, seconds: float = 0.4, language: str = "en", pause_after: str = "") -> TranscriptPart:
    """`text` with so many seconds a word, and two more after the word `pause_after`."""
    words, now = [], 0.0
    for word in text.split():
        words.append(Word(word, round(now, 2), round(now + seconds, 2)))
        now += seconds + (2.0 if word == pause_after else 0.0)
    return TranscriptPart(0.0, now, language, text, tuple(words))


def test_a_cue_ends_where_the_speaker_pauses() -> None:
    found = list(cues([part("I think so. But wait", pause_after="so.")]))
    assert found == [Cue(0.0, 1.2, "I think so."), Cue(3.2, 4.0, "But wait")]


def test_a_cue_is_never_longer_than_can_be_read() -> None:
    found = list(cues([part("supercalifragilistic " * 30, seconds=0.9)]))
    assert all(cue.end - cue.start <= LONGEST for cue in found)
    assert all(len(cue.text) <= 2 * LINE for cue in found)
    assert " ".join(cue.text for cue in found) == ("supercalifragilistic " * 30).strip()


def test_a_sentence_ends_a_cue_that_is_not_all_too_short() -> None:
    found = list(cues([part("Yes. This is a sentence of some words. And more.", seconds=0.2)]))
    assert [cue.text for cue in found] == ["Yes. This is a sentence of some words.", "And more."]


def test_a_part_without_times_of_words_is_one_cue() -> None:
    assert list(cues([TranscriptPart(1.0, 9.0, "en", "all of it")])) == [Cue(1.0, 9.0, "all of it")]


def test_words_of_languages_without_spaces_are_joined() -> None:
    (cue,) = cues([part("今日 は 晴れ", language="ja")])
    assert cue.text == "今日は晴れ"


def test_subrip() -> None:
    found = [
        Cue(0.0, 1.5, "Hello."),
        Cue(3_661.25, 3_662.0, "An hour later\n\nthere is more of it to say than before"),
    ]
    assert as_srt(found) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n"
        "2\n01:01:01,250 --> 01:01:02,000\nAn hour later there is more\nof it to say than before\n"
    )
    assert as_srt([]) == ""


def test_webvtt() -> None:
    assert as_vtt([Cue(0.0, 1.5, "a < b & c")]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na &lt; b &amp; c\n"
    )
    assert as_vtt([]) == "WEBVTT\n"


def test_markdown_has_a_paragraph_for_each_pause() -> None:
    found = [Cue(0.0, 2.0, "One."), Cue(2.5, 4.0, "Two."), Cue(3_700.0, 3_701.0, "Three.")]
    assert as_markdown("talk.mp3", found) == "# talk.mp3\n\n**0:00** One. Two.\n\n**1:01:40** Three.\n"


@pytest.mark.parametrize("words", [False, True])
def test_words_have_their_times_in_the_recording_and_progress_is_told(tmp_path: Path, words: bool) -> None:
    file = tmp_path / "a.wav"
    noise = np.random.default_rng(1).standard_normal(16_000 * 130)
    write_wav(file, (0.01 * noise).astype(np.float32), 16_000)
    engine = FakeRecognizer(["one two", "three"])
    chain: Chain[Recognizer] = Chain("stt", [engine], HealthSettings(), bus=EventBus())
    told: list[tuple[float, float | None]] = []
    found = transcribe_file(
        chain, file, words=words, on_progress=lambda done, total: told.append((round(done), total))
    )
    assert [call.words for call in engine.calls] == [words] * len(engine.calls)
    (all_of_it,) = found.parts
    assert all_of_it.text.startswith("one two three")
    assert len(all_of_it.words) == (len(all_of_it.text.split()) if words else 0)
    if words:
        starts = [word.start for word in all_of_it.words]
        assert starts == sorted(starts)
        assert starts[2] == pytest.approx(59.0, abs=0.5)
        assert all_of_it.words[-1].end == pytest.approx(130.0, abs=0.1)
    assert len(told) == len(engine.calls)
    assert told[-1][0] == 130
    assert told[-1][1] == pytest.approx(130.0)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
