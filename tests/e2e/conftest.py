"""A room with a microphone, a speaker, someone who asks, and someone who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.terminal import Terminal
from tests.virtual_audio import VirtualAudio, virtual_audio
from vita_tui.engines.tts.spoken import spoken

Ask = Callable[[str], NDArray[np.float32]]
Understand = Callable[[NDArray[np.float32]], str]


@pytest.fixture(scope="session")
def room() -> Iterator[VirtualAudio]:
    with virtual_audio() as audio:
        yield audio


@pytest.fixture
def open_vita(room: VirtualAudio, home: Path) -> Iterator[Callable[..., Terminal]]:
    """Open the program; every one that was opened is gone at the end."""
    opened: list[Terminal] = []

    def start(**settings: str) -> Terminal:
        terminal = Terminal(room.env, home, settings)
        opened.append(terminal)
        return terminal

    yield start
    for terminal in opened:
        terminal.close()


@pytest.fixture(scope="session")
def voice_of_user(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Speech by another voice than the assistant's, as samples at 16 kHz."""
    import subprocess

    from vita_tui.audio.files import read_audio

    folder = tmp_path_factory.mktemp("questions")

    def say(text: str) -> NDArray[np.float32]:
        file = folder / f"{abs(hash(text))}.wav"
        subprocess.run(["espeak-ng", "-v", "en-us+f2", "-s", "145", "-w", str(file), text], check=True)
        return read_audio(file)

    return say


@pytest.fixture(scope="session")
def understand() -> Understand:
    """Whisper, as the judge of what a recording says."""
    from vita_tui import paths
    from vita_tui.engines.stt.loading import Weights
    from vita_tui.engines.stt.whisper import WhisperRecognizer

    recognizer = WhisperRecognizer(Weights("base", paths.models_dir() / "whisper-base"))
    recognizer.load()
    return lambda samples: recognizer.transcribe(samples).text


def word_error_rate(wanted: str, heard: str) -> float:
    """Of what was heard against what was to be said, both as plain words."""
    import jiwer
    from whisper_normalizer.english import EnglishTextNormalizer

    normal = EnglishTextNormalizer()  # type: ignore[no-untyped-call]  # the library has no types
    return float(jiwer.wer(normal(spoken(wanted)), normal(heard)))
