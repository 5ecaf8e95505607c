"""What `vita bench stt` reports: structure and counts, never times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vita_tui import settings as all_settings
from vita_tui.audio.encoding import write_wav
from vita_tui.bench.microphone import StudioMicrophone
from vita_tui.bench.recordings import SpokenSample, synthesised, trimmed, with_references
from vita_tui.bench.stt import WAYS, Transcribed, Way, measure, report
from vita_tui.errors import AudioFileError, ModelError
from vita_tui.settings import Settings

SETTINGS = {"stt": {"fallback": []}, "talk": {"adaptive": False, "end_silence": 10.0}}


def test_wer_is_over_all_words_together() -> None:
    recordings = [
        SpokenSample("a", np.zeros(16_000, np.float32), "one two three"),
        SpokenSample("b", np.zeros(16_000, np.float32), "four"),
    ]
    told = {"ours": ("one two three", "for"), "transcribe": ("one two", "four")}
    ways = {
        name: Way(
            [
                Transcribed(text, ms, ("8 s window: repeats",) if text == "for" else ())
                for text, ms in zip(texts, (100.0, 200.0), strict=True)
            ]
        )
        for name, texts in told.items()
    }
    result = report(Settings(), recordings, ways)
    assert result["ours"] == {"wer": 0.25, "ms_p50": 150.0, "ms_p95": 195.0, "rtf": 0.15}
    assert result["transcribe"]["wer"] == 0.25
    assert result["words"] == {"spoken": 4, "more_wrong": 0, "interval": [-2, 2]}
    assert result["ratio"] == 1.0
    assert [(one["file"], one["errors"], one["guard"]) for one in result["utterances"]] == [
        ("a", 0, []),
        ("b", 1, ["8 s window: repeats"]),
    ]
    assert result["raw"]["ours_ms"] == [100.0, 200.0]


def test_more_errors_in_every_recording_are_more_than_chance() -> None:
    recordings = [SpokenSample(str(number), np.zeros(16_000, np.float32), "one two") for number in range(8)]
    ways = {
        "ours": Way([Transcribed("one" if number else "", 1.0) for number in range(8)]),
        "transcribe": Way([Transcribed("one two", 1.0)] * 8),
    }
    words = report(Settings(), recordings, ways)["words"]
    assert (words["spoken"], words["more_wrong"]) == (16, 9)
    assert words["interval"][0] == 8


@pytest.mark.parametrize("table", [None, "", "name\ttext\na\tb\n", "file\ttranscript\na.wav\n"])
def test_a_folder_without_a_table_says_what_is_needed(tmp_path: Path, table: str | None) -> None:
    if table is not None:
        (tmp_path / "refs.tsv").write_text(table)
    with pytest.raises(AudioFileError) as told:
        with_references(tmp_path)
    assert "transcript" in told.value.remedy


def test_recordings_come_with_their_words(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.full(8_000, 0.1, np.float32), 16_000)
    (tmp_path / "refs.tsv").write_text('file\ttranscript\na.wav\the said "go"\n')
    (recording,) = with_references(tmp_path)
    assert (recording.text, recording.seconds) == ('he said "go"', 0.5)


def test_silence_at_the_end_is_set_exactly() -> None:
    audio = np.concatenate([np.zeros(100), np.full(500, 0.5), np.zeros(9_000)]).astype(np.float32)
    assert len(trimmed(audio, 0.2)) == 600 + 3_200
    assert len(trimmed(np.zeros(50, np.float32))) == 50


def test_the_studio_hears_one_recording_after_the_other() -> None:
    microphone = StudioMicrophone()
    ended: list[str] = []
    heard: list[float] = []
    positions: list[int] = []
    for name, level in (("first", 0.25), ("second", 0.5)):
        microphone.cue(np.full(512 * 3, level, np.float32), lambda name=name: ended.append(name))  # type: ignore[misc]
        microphone.play()
        while name not in ended:
            if (frame := microphone.read(1.0)) is not None:
                heard.append(float(frame.samples[0]))
                positions.append(frame.position)
    quiet = microphone.read(1.0)
    microphone.close()
    assert heard == [0.25] * 3 + [0.5] * 3
    assert positions == [512 * index for index in range(6)]
    assert quiet is not None
    assert not quiet.samples.any()
    assert ended == ["first", "second"]


async def test_missing_weights_are_named(home: Path) -> None:
    settings = all_settings.load(overrides=SETTINGS)
    with pytest.raises(ModelError) as told:
        await measure(settings, [SpokenSample("a", np.zeros(16_000, np.float32), "a")])
    assert "vita models pull" in told.value.remedy


@pytest.mark.models
@pytest.mark.audio
async def test_all_ways_understand_the_same_question() -> None:
    settings = all_settings.load(overrides=SETTINGS)
    result = await measure(settings, synthesised(("How many days are in a week?",)))
    assert [len(result["raw"][f"{name}_ms"]) for name in WAYS] == [1, 1, 1, 1]
    assert [result[name]["wer"] for name in WAYS] == [0.0] * 4
    assert result["partials"]["count"] >= 1
