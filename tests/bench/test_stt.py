"""What `vita bench stt` reports: structure and counts, never times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vita_tui import settings as all_settings
from vita_tui.audio.encoding import write_wav
from vita_tui.bench.microphone import StudioMicrophone
from vita_tui.bench.recordings import (
    SpokenSample,
    reference_recordings,
    spread_over,
    synthesised,
    trimmed,
    with_references,
)
from vita_tui.bench.stt import WAYS, Transcribed, Way, in_a_room, measure, report
from vita_tui.errors import AudioFileError, ModelError
from vita_tui.settings import Settings

SETTINGS: dict[str, Any] = {"stt": {"fallback": []}}


def sample(name: str, text: str, *, seconds: float = 2.0, **kind: Any) -> SpokenSample:
    return SpokenSample(name, np.zeros(round(seconds * 16_000), np.float32), text, **kind)


def reported(recordings: list[SpokenSample], **told: tuple[str, ...]) -> dict[str, Any]:
    """The report where every way understood the same but those that are named."""
    same = told.pop("others")
    return report(
        Settings(),
        recordings,
        {name: Way([Transcribed(text, 100.0) for text in told.get(name, same)]) for name in WAYS},
    )


def test_wer_is_over_all_words_together() -> None:
    recordings = [sample("a", "one two three"), sample("b", "four")]
    result = reported(recordings, in_use=("one two three", "for"), others=("one two", "four"))
    assert [result[name]["wer"] for name in WAYS] == [0.25] * 4
    assert result["in_use"] | {"ms_p50": 100.0, "ms_p95": 100.0} == result["in_use"]
    assert result["words"]["in_use"] == {"more_wrong": 0, "interval": [-2, 2]}
    assert result["words"]["spoken"] == 4
    assert [
        (one["file"], one["errors"]["in_use"], one["heard"]["in_use"]) for one in result["utterances"]
    ] == [
        ("a", 0, "one two three"),
        ("b", 1, "for"),
    ]
    assert result["raw"]["key_ms"] == [100.0, 100.0]


def test_more_errors_in_every_recording_are_more_than_chance() -> None:
    recordings = [sample(str(number), "one two") for number in range(8)]
    result = reported(recordings, in_use=("", *("one",) * 7), others=("one two",) * 8)
    assert result["words"]["in_use"]["more_wrong"] == 9
    assert result["words"]["in_use"]["interval"][0] == 8
    assert result["words"]["key"]["more_wrong"] == 0
    assert result["in_use"]["not_heard"] == 1


def test_words_that_must_be_found_are_counted_once_each_and_transcribe_is_the_reference() -> None:
    recordings = [sample("a", "iced coffee coffee", kind="words")]
    result = reported(recordings, in_use=("Coffee, iced.",), others=("An iced coffee with coffee.",))
    assert (result["in_use"]["words_found"], result["transcribe"]["words_found"]) == (0.6667, 1.0)
    assert (result["in_use"]["wer"], result["transcribe"]["wer"]) == (0.8, 0.0)


def test_digits_may_be_written_in_one_or_in_words() -> None:
    recordings = [sample("a", "two three four", kind="digits"), sample("b", "one", kind="digits")]
    result = reported(recordings, in_use=("234", "One."), others=("2, three, 4", "1"))
    assert [result[name]["wer"] for name in WAYS] == [0.0] * 4


def test_short_recordings_are_shown_apart() -> None:
    recordings = [sample("a", "yes", seconds=0.5), sample("b", "one two three", seconds=2.0)]
    result = reported(recordings, in_use=("ES.", "one two three"), others=("yes", "one two three"))
    assert result["in_use"]["short"] == {"recordings": 1, "wer": 1.0}
    assert result["in_use"]["long"] == {"recordings": 1, "wer": 0.0}


def test_every_second_room_is_louder_and_the_same_one_is_the_same_again() -> None:
    recording = sample("a", "one", seconds=1.0)
    quiet, loud = (in_a_room(recording, number) for number in (0, 1))
    assert 1.3 <= quiet.seconds <= 1.7
    assert np.sqrt(np.mean(quiet.audio**2)) < np.sqrt(np.mean(loud.audio**2)) / 5
    assert np.array_equal(loud.sound(0.5), in_a_room(recording, 1).sound(0.5))


def test_at_most_so_many_are_spread_over_all() -> None:
    recordings = [sample(str(number), "") for number in range(10)]
    assert [one.name for one in spread_over(recordings, 3)] == ["0", "3", "6"]
    assert spread_over(recordings, 100) == recordings


def test_digits_are_known_by_their_names_and_said_in_series_too(tmp_path: Path) -> None:
    for name in ("7_ann_0", "3_ann_1", "0_bob_0"):
        write_wav(tmp_path / f"{name}.wav", np.full(8_000, 0.1, np.float32), 16_000)
    found = reference_recordings(tmp_path)
    alone = [(one.name, one.text) for one in found if "series" not in one.name]
    assert alone == [("0_bob_0.wav", "zero"), ("3_ann_1.wav", "three"), ("7_ann_0.wav", "seven")]
    series = [one for one in found if one.name == "series 0 of ann"]
    assert set(series[0].text.split()) <= {"three", "seven"}
    assert series[0].seconds > 2.5
    assert {one.kind for one in found} == {"digits"}


def test_words_of_a_folder_are_known_from_its_table(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.full(8_000, 0.1, np.float32), 16_000)
    (tmp_path / "words.tsv").write_text("file\twords\na.wav\ticed coffee\n")
    (recording,) = reference_recordings(tmp_path)
    assert (recording.text, recording.kind) == ("iced coffee", "words")


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
    (heard,) = [one["heard"] for one in result["utterances"]]
    assert all("days" in heard[name] for name in WAYS), heard
    assert result["in_use"]["cut_off"] == result["in_use"]["not_heard"] == 0
    assert result["partials"]["count"] >= 1
