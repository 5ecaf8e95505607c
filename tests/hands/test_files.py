"""Recordings as people have them, and files that are written: the cases of files.toml."""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import threading
import tomllib
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import typer

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.encoding import write_audio, write_wav
from vita_tui.audio.files import read_audio
from vita_tui.cli.audio_input import audio_target
from vita_tui.errors import AudioFileError
from vita_tui.text.clean import clean_name

CASES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("files.toml").read_text("utf-8")
)


def cases(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[kind], ids=[case["name"] for case in CASES[kind]])


def tone(hertz: float, seconds: float, rate: int = SAMPLE_RATE) -> Samples:
    return np.asarray(0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate), np.float32)


def noise(seconds: float) -> Samples:
    return np.random.default_rng(1).normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32)


def pitch(samples: Samples) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * SAMPLE_RATE / len(samples)


def written(path: Path, *tracks: Samples, codec: str, rate: int = 48_000, default: int = 0) -> Path:
    """A file of tracks in a codec; `default` is the place of the one that is marked, from 1."""
    import av
    from av.stream import Disposition

    with av.open(str(path), "w", format="adts" if path.suffix == ".aac" else None) as container:
        streams: list[Any] = [container.add_stream(codec, rate=rate, layout="mono") for _ in tracks]
        for place, (stream, language) in enumerate(zip(streams, ("eng", "deu"), strict=False), 1):
            stream.metadata["language"] = language
            stream.disposition = Disposition.default.value if place == default else 0
        for stream, samples in zip(streams, tracks, strict=True):
            pcm = (samples * 32767).astype(np.int16)
            for start in range(0, len(pcm), SAMPLE_RATE):
                frame = av.AudioFrame.from_ndarray(
                    pcm[np.newaxis, start : start + SAMPLE_RATE], format="s16", layout="mono"
                )
                frame.sample_rate, frame.pts = SAMPLE_RATE, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


@cases("channels")
def test_channels(case: dict[str, Any], tmp_path: Path) -> None:
    import wave

    voice = tone(440, 2.0)
    pcm = (np.stack([voice * share for share in case["shares"]], axis=1) * 32767).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((len(case["shares"]), 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())
    heard = read_audio(tmp_path / "a.wav")
    assert pitch(heard) == pytest.approx(440, abs=2)
    loud = 0.5 * np.mean([abs(share) for share in case["shares"] if abs(share) > 0.01])
    assert abs(heard[100:-100]).max() == pytest.approx(loud, rel=0.05)


def test_two_speakers_on_a_channel_each_are_both_heard(tmp_path: Path) -> None:
    import wave

    both = np.stack([tone(300, 2.0), tone(700, 2.0)], axis=1)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((both * 32767).astype("<i2").tobytes())
    heard = read_audio(tmp_path / "a.wav")
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum[600] == pytest.approx(spectrum[1400], rel=0.05)


@pytest.mark.parametrize("offset", [-0.6, -0.03, 0.0, 0.02, 0.3, 0.6])
def test_a_constant_offset_is_taken_away(offset: float, tmp_path: Path) -> None:
    """Of a cheap sound card: voice activity knows no voice on it."""
    write_wav(tmp_path / "a.wav", (tone(440, 3.0) * 0.6 + offset).astype(np.float32), SAMPLE_RATE)
    heard = read_audio(tmp_path / "a.wav")
    assert abs(heard[SAMPLE_RATE:].mean()) < 0.003
    assert pitch(heard) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("tail", [64, 1 << 16, 1 << 40])
def test_zeros_behind_a_recording_are_not_searched(tail: int, tmp_path: Path) -> None:
    """What a program that makes room in advance leaves, or a copy that was not finished."""
    file = tmp_path / "a.wav"
    write_wav(file, tone(440, 1.0), SAMPLE_RATE)
    whole = read_audio(file)
    try:
        os.truncate(file, file.stat().st_size + tail)
    except OSError:
        pytest.skip("needs a file system with sparse files")
    assert np.array_equal(read_audio(file), whole)


@cases("damaged")
def test_damaged(case: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / f"a{case['ending']}"
    sound = noise(10.0)
    if case["ending"] in {".mka", ".m4a"}:
        codec = "aac" if case["ending"] == ".m4a" else "libopus"
        written(file, sound, codec=codec, rate=48_000)
    else:
        write_audio(file, sound, SAMPLE_RATE)
    told: list[str] = []
    whole = len(read_audio(file, on_cut=told.append))
    assert told == []
    content = bytearray(file.read_bytes())
    start = int(len(content) * case["at"])
    end = min(len(content), start + int(len(content) * case["size"]))
    instead = {
        "noise": np.random.default_rng(2).bytes(end - start),
        "zeros": bytes(end - start),
        "left out": b"",
    }
    content[start:end] = instead[case["how"]]
    file.write_bytes(content)
    left = len(read_audio(file, on_cut=told.append))
    (sentence,) = told
    assert re.search(case["says"], sentence), sentence
    assert sentence.startswith(str(file))
    assert left > whole * (0.6 if case["size"] == 1.0 else 0.8)


@cases("tracks")
def test_tracks(case: dict[str, Any], tmp_path: Path) -> None:
    file = written(
        tmp_path / f"a{case['ending']}", tone(300, 1.0), tone(700, 1.0), codec="aac", default=case["default"]
    )
    notes: list[str] = []
    if "fails" in case:
        with pytest.raises(AudioFileError, match=re.escape(case["fails"])):
            read_audio(file, track=case["track"])
        return
    heard = read_audio(file, track=case.get("track"), on_note=notes.append)
    assert pitch(heard) == pytest.approx(case["read"], abs=5)
    assert case["says"] in "".join(notes)
    assert bool(notes) == bool(case["says"])


def test_a_format_that_changes_on_the_way(tmp_path: Path) -> None:
    first = written(tmp_path / "1.aac", tone(300, 2.0), codec="aac", rate=44_100)
    second = written(tmp_path / "2.aac", tone(700, 2.0), codec="aac", rate=16_000)
    joined = tmp_path / "joined.aac"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    heard = read_audio(joined)
    half = len(heard) // 2
    assert len(heard) == pytest.approx(4.0 * SAMPLE_RATE, rel=0.1)
    assert pitch(heard[: half - 3000]) == pytest.approx(300, abs=5)
    assert pitch(heard[half + 3000 :]) == pytest.approx(700, abs=5)


@pytest.mark.parametrize("ending", [".ogg", ".opus"])
def test_ogg_files_that_were_joined_are_read_to_their_end(ending: str, tmp_path: Path) -> None:
    pitches = [300, 700, 1100]
    joined = tmp_path / f"joined{ending}"
    with joined.open("wb") as file:
        for hertz in pitches:
            part = tmp_path / f"{hertz}{ending}"
            write_audio(part, tone(hertz, 2.0), SAMPLE_RATE)
            file.write(part.read_bytes())
    told: list[str] = []
    heard = read_audio(joined, on_cut=told.append)
    assert told == []
    assert len(heard) == pytest.approx(6.0 * SAMPLE_RATE, rel=0.02)
    parts = [heard[int((2 * n + 0.3) * SAMPLE_RATE) : int((2 * n + 1.7) * SAMPLE_RATE)] for n in range(3)]
    assert [pitch(part) for part in parts] == pytest.approx(pitches, abs=5)


@cases("names")
def test_names(case: dict[str, Any], tmp_path: Path) -> None:
    name = Path(os.fsdecode(ast.literal_eval(f"b'''{case['name']}'''")))
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    write_wav(file, tone(440, 0.5), SAMPLE_RATE)
    assert len(read_audio(file)) == SAMPLE_RATE // 2
    assert clean_name(name) == case["shown"]
    file.unlink()
    with pytest.raises(AudioFileError) as missing:
        read_audio(file)
    assert missing.value.message.endswith(f"{case['shown']}.")
    assert missing.value.message.isprintable()


@pytest.mark.parametrize("ending", [".wav", ".flac", ".ogg", ".mp3", ".mka", ".m4a"])
def test_through_a_pipe(ending: str, tmp_path: Path) -> None:
    """What stands at the end of a file cannot be gone back to."""
    file = tmp_path / f"a{ending}"
    if ending in {".mka", ".m4a"}:
        written(file, tone(440, 3.0), codec="aac")
    else:
        write_audio(file, tone(440, 3.0), SAMPLE_RATE)
    os.mkfifo(tmp_path / "pipe")
    feeder = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(file.read_bytes()), daemon=True)
    feeder.start()
    told: list[str] = []
    heard = read_audio(tmp_path / "pipe", on_cut=told.append)
    assert len(heard) == pytest.approx(3.0 * SAMPLE_RATE, rel=0.05)
    assert pitch(heard) == pytest.approx(440, abs=2)
    assert told == []
    feeder.join(60)


def test_a_program_that_does_not_know_the_length_yet(tmp_path: Path) -> None:
    """As sox, ffmpeg and arecord write a WAV into a pipe."""
    file = tmp_path / "a.wav"
    write_wav(file, tone(440, 1.0), SAMPLE_RATE)
    content = file.read_bytes()
    told: list[str] = []
    for size in (0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000):
        file.write_bytes(content[:40] + size.to_bytes(4, "little") + content[44:])
        assert len(read_audio(file, on_cut=told.append)) == SAMPLE_RATE
    assert told == []


def test_an_open_file_that_is_empty() -> None:
    with pytest.raises(AudioFileError, match="Standard input"):
        read_audio(io.BytesIO(b""))


@cases("out")
def test_out(case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if "refused" in case:
        with pytest.raises(typer.BadParameter, match=re.escape(case["refused"])):
            audio_target(case["name"])
        assert list(tmp_path.iterdir()) == []
        return
    target = audio_target(case["name"])
    assert target is not None
    for rate in (16_000, 22_050, 24_000, 44_100):
        target.write(tone(440, 1.0, rate), rate)
        assert (tmp_path / case["name"]).read_bytes().startswith(case["begins"].encode())
        assert pitch(read_audio(tmp_path / case["name"])) == pytest.approx(440, abs=3)
    assert [file.name for file in tmp_path.iterdir()] == [case["name"]]


def test_out_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        target = audio_target(str(tmp_path / "pipe"))
        assert target is not None
        target.write(tone(440, 0.1), SAMPLE_RATE)
        cast("io.BufferedWriter", target.place).close()
        assert reader.communicate(timeout=60)[0].startswith(b"RIFF")


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(b"mine")
    (tmp_path / "a.mp3").mkdir()
    with pytest.raises(AudioFileError, match="cannot be written"):
        write_audio(tmp_path / "a.mp3", tone(440, 0.1), SAMPLE_RATE)
    with pytest.raises(AudioFileError, match="does not write"):
        write_audio(tmp_path / "a.xyz", tone(440, 0.1), SAMPLE_RATE)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.mp3", "a.wav"]
    assert file.read_bytes() == b"mine"
