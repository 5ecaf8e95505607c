"""Audio files of every kind, and files in place of a microphone and a speaker."""

from __future__ import annotations

import os
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, PlaybackMark
from vita_tui.audio.decoding import iter_audio
from vita_tui.audio.encoding import write_wav
from vita_tui.audio.files import (
    SPEAKER_BLOCK_SECONDS,
    FileMicrophone,
    FileSpeaker,
    read_audio,
)
from vita_tui.errors import AudioFileError, DeviceError
from vita_tui.health.registry import registry

DEADLINE = 60.0
"""Seconds after which what is waited for has failed to come."""

Samples = NDArray[np.float32]


def tone(hertz: float, seconds: float, rate: int) -> Samples:
    return np.asarray(0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate), np.float32)


def pitch(samples: Samples, rate: int = SAMPLE_RATE) -> float:
    """Hertz of the loudest frequency."""
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum)) * rate / len(samples)


def wav(path: Path, pcm: bytes, *, rate: int, width: int, channels: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(pcm)
    return path


def flac(path: Path, samples: Samples, rate: int) -> Path:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            (samples * 32767).astype(np.int16)[np.newaxis], format="s16", layout="mono"
        )
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


# ---- reading


def test_eight_bits(tmp_path: Path) -> None:
    pcm = ((tone(440, 1.0, 8000) * 127) + 128).astype(np.uint8).tobytes()
    samples = read_audio(wav(tmp_path / "a.wav", pcm, rate=8000, width=1, channels=1))
    assert len(samples) == pytest.approx(SAMPLE_RATE, abs=64)
    assert pitch(samples) == pytest.approx(440, abs=2)
    assert abs(samples).max() == pytest.approx(0.5, abs=0.03)


def test_ninety_six_kilohertz_in_stereo(tmp_path: Path) -> None:
    left = tone(1000, 1.0, 96_000)
    both = (np.stack([left, np.zeros_like(left)], axis=1) * 32767).astype("<i2").tobytes()
    samples = read_audio(wav(tmp_path / "a.wav", both, rate=96_000, width=2, channels=2))
    assert len(samples) == pytest.approx(SAMPLE_RATE, abs=64)
    assert pitch(samples) == pytest.approx(1000, abs=2)
    assert 0.4 < abs(samples).max() < 0.6  # as loud as the channel that holds sound


def test_a_file_that_breaks_off_gives_what_there_is(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * SAMPLE_RATE).astype(np.float32)
    file = flac(tmp_path / "a.flac", noise, SAMPLE_RATE)
    assert len(read_audio(file)) == len(noise)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    told: list[str] = []
    assert SAMPLE_RATE < len(read_audio(file, on_cut=told.append)) < len(noise)
    (sentence,) = told
    assert sentence.startswith(f"{file} breaks off after 1.")
    assert " of 3.0 seconds" in sentence


def test_written_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    samples = tone(440, 0.5, SAMPLE_RATE)
    write_wav(file, np.concatenate([samples, np.array([3.0, -3.0], np.float32)]), SAMPLE_RATE)
    again = read_audio(file)
    assert np.allclose(again[:-2], samples, atol=1e-4)
    assert again[-2:] == pytest.approx([1.0, -1.0], abs=1e-3)  # cut, not wrapped around


def test_only_the_beginning_is_read_when_that_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    write_wav(file, tone(440, 3.0, SAMPLE_RATE), SAMPLE_RATE)
    assert len(read_audio(file, max_seconds=0.5)) == SAMPLE_RATE // 2
    assert len(next(iter_audio(file))) < SAMPLE_RATE


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.wav", b"", "is empty"),
        ("notes.wav", b"Dear diary, today I went to the sea. " * 50, "not an audio file"),
        ("zeros.mp3", bytes(5000), "not an audio file"),
        ("cut.wav", b"RIFF\x24\x00\x00\x00WAVE", "not an audio file"),
    ],
)
def test_what_is_not_audio(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(AudioFileError, match=says):
        read_audio(file)


def test_zero_seconds(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="0 seconds"):
        read_audio(wav(tmp_path / "a.wav", b"", rate=16_000, width=2, channels=1))


def test_titles_in_other_encodings_do_not_matter(tmp_path: Path) -> None:
    file = wav(tmp_path / "a.wav", bytes(32_000), rate=SAMPLE_RATE, width=2, channels=1)
    title = b"Gr\xfc\xdfe.\0"
    tag = b"INFOINAM" + len(title).to_bytes(4, "little") + title
    content = file.read_bytes() + b"LIST" + len(tag).to_bytes(4, "little") + tag
    file.write_bytes(content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:])
    assert len(read_audio(file)) == SAMPLE_RATE


def test_a_picture_holds_no_audio(tmp_path: Path) -> None:
    file = tmp_path / "a.bmp"
    import av

    with av.open(str(file), "w", format="image2") as container:
        stream = container.add_stream("bmp", rate=1)
        stream.width = stream.height = 8
        stream.pix_fmt = "bgr24"
        frame = av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8), format="bgr24")
        container.mux(stream.encode(frame))
    with pytest.raises(AudioFileError, match="holds no audio"):
        read_audio(file)


def test_what_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="is a directory"):
        read_audio(tmp_path)
    with pytest.raises(AudioFileError, match="There is no file"):
        read_audio(tmp_path / "missing.wav")
    with pytest.raises(AudioFileError, match="is a device"):
        read_audio(Path(os.devnull))


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="cannot be written"):
        write_wav(tmp_path / "no" / "such" / "folder.wav", tone(440, 0.1, SAMPLE_RATE), SAMPLE_RATE)


# ---- a file as a microphone


def test_every_frame_comes_once_and_then_the_end() -> None:
    samples = tone(440, 1.0, SAMPLE_RATE)
    microphone = FileMicrophone(samples, pace=False, silence=0.1)
    microphone.open()
    frames = []
    with pytest.raises(EOFError):
        while (frame := microphone.read(1.0)) is not None:
            frames.append(frame)
    assert [frame.position for frame in frames] == [BLOCK * place for place in range(len(frames))]
    heard = np.concatenate([frame.samples for frame in frames])
    assert np.array_equal(heard[: len(samples)], samples)
    assert not heard[len(samples) :].any()
    assert len(heard) >= len(samples) + 0.1 * SAMPLE_RATE
    microphone.close()


def test_a_microphone_that_is_held_waits_for_the_talk_key() -> None:
    microphone = FileMicrophone(tone(440, 1.0, SAMPLE_RATE), pace=False)
    microphone.open()
    microphone.hold()
    assert microphone.read(0.0) is None
    microphone.play()
    frame = microphone.read(1.0)
    assert frame is not None
    assert frame.position == 0


def test_closing_lets_a_reader_go() -> None:
    microphone = FileMicrophone(tone(440, 60.0, SAMPLE_RATE))
    microphone.open()
    read = threading.Event()

    def listen() -> None:
        while microphone.read(30.0) is not None:
            read.set()

    reader = threading.Thread(target=listen)
    reader.start()
    assert read.wait(DEADLINE)
    microphone.close()
    reader.join(DEADLINE)
    assert not reader.is_alive()


# ---- a file as a speaker


class Marks:
    """Collects what a speaker tells."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._marks: list[PlaybackMark] = []

    def __call__(self, mark: PlaybackMark) -> None:
        with self._changed:
            self._marks.append(mark)
            self._changed.notify_all()

    def until(self, count: int) -> list[PlaybackMark]:
        """The marks when there are `count` of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._marks) >= count, DEADLINE), self._marks
            return list(self._marks)


def test_spans_start_and_finish_in_order_and_all_is_recorded() -> None:
    speaker = FileSpeaker(pace=False)
    marks = Marks()
    speaker.subscribe(marks)
    speaker.open()
    first, second = tone(300, 0.2, speaker.sample_rate), tone(600, 0.1, speaker.sample_rate)
    spans = [speaker.enqueue(first), speaker.enqueue(second)]
    assert (spans[0].start, spans[0].end, spans[1].end) == (0, len(first), len(first) + len(second))
    told = marks.until(4)
    for span in spans:
        assert [mark.kind for mark in told if mark.span == span] == ["started", "finished"]
    kinds = [(mark.kind, mark.span) for mark in told]
    assert kinds.index(("finished", spans[0])) < kinds.index(("finished", spans[1]))
    assert speaker.played() == spans[1].end
    assert np.array_equal(speaker.samples(), np.concatenate([first, second]))
    speaker.close()


def test_flush_drops_what_was_not_heard_and_the_next_span_is_heard_whole() -> None:
    speaker = FileSpeaker()
    marks = Marks()
    speaker.subscribe(marks)
    speaker.open()
    long, never = (
        speaker.enqueue(tone(300, 60, speaker.sample_rate)),
        speaker.enqueue(tone(300, 60, speaker.sample_rate)),
    )
    assert marks.until(1)[0].kind == "started"
    heard = speaker.flush()
    assert 0 < heard < long.end
    assert [(mark.kind, mark.span) for mark in marks.until(3)] == [
        ("started", long),
        ("dropped", long),
        ("dropped", never),
    ]
    after = speaker.enqueue(tone(600, 0.1, speaker.sample_rate))
    assert [(mark.kind, mark.span) for mark in marks.until(5)[3:]] == [
        ("started", after),
        ("finished", after),
    ]
    assert len(speaker.samples()) < speaker.sample_rate * 30
    speaker.close()


def test_closing_drops_what_is_left_and_leaves_nothing() -> None:
    before = len(registry.open())
    speaker = FileSpeaker()
    marks = Marks()
    speaker.subscribe(marks)
    speaker.open()
    speaker.enqueue(tone(300, 60, speaker.sample_rate))
    marks.until(1)
    speaker.close()
    speaker.close()
    assert [mark.kind for mark in marks.until(2)] == ["started", "dropped"]
    assert len(registry.open()) == before
    with pytest.raises(DeviceError):
        speaker.enqueue(tone(300, 1, speaker.sample_rate))


def test_who_no_longer_listens_is_told_nothing_and_one_who_fails_harms_nobody() -> None:
    speaker = FileSpeaker(pace=False)
    gone, marks = Marks(), Marks()

    def broken(_mark: PlaybackMark) -> None:
        raise RuntimeError("a defect in a subscriber")

    end = speaker.subscribe(gone)
    end()
    speaker.subscribe(broken)
    speaker.subscribe(marks)
    speaker.open()
    speaker.enqueue(tone(300, 0.1, speaker.sample_rate))
    marks.until(2)
    assert gone.until(0) == []
    speaker.close()


def test_fading_makes_it_quieter() -> None:
    speaker = FileSpeaker(pace=False)
    marks = Marks()
    speaker.subscribe(marks)
    speaker.open()
    speaker.fade(0.25, 0.03)
    speaker.enqueue(tone(300, 0.2, speaker.sample_rate))
    marks.until(2)
    assert abs(speaker.samples()).max() == pytest.approx(0.125, abs=0.01)
    speaker.close()


class LateClock:
    """Goes on whenever it is read, so that a speaker, which reads it three times for a block, begins each a millisecond late."""

    def __init__(self) -> None:
        self._now = 100.0

    def monotonic(self) -> float:
        self._now += (SPEAKER_BLOCK_SECONDS + 0.001) / 3
        return self._now

    time = monotonic


def test_a_paced_speaker_has_a_clock_of_its_own() -> None:
    """It wakes up a little late for every block; what it sounds follows without a gap all the same."""
    speaker = FileSpeaker(clock=LateClock())
    dues: list[float] = []
    speaker.tap(lambda _block, filled, due, _rate: dues.append(due) if filled else None)
    over = threading.Event()
    speaker.subscribe(lambda mark: over.set() if mark.kind == "finished" else None)
    speaker.open()
    try:
        speaker.enqueue(np.full(speaker.sample_rate // 2, 0.1, np.float32))
        assert over.wait(60)
    finally:
        speaker.close()
    follow = np.isclose(np.diff(dues), SPEAKER_BLOCK_SECONDS, atol=1e-6)
    assert len(dues) == 25
    assert np.count_nonzero(~follow) <= 2  # once it was late by a whole block
