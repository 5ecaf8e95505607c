"""Whisper with its real weights: what is said is understood, and what is not said is not made up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vita_tui import paths
from vita_tui.audio.files import read_audio
from vita_tui.engines.stt.base import SAMPLE_RATE
from vita_tui.engines.stt.runtime.loading import WhisperWeights
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

Sound = NDArray[np.float32]
SECONDS = 4


@pytest.fixture(scope="module")
def whisper() -> WhisperRecognizer:
    recognizer = WhisperRecognizer(WhisperWeights("base", paths.models_dir() / "whisper-base"))
    recognizer.load()
    return recognizer


def _time() -> NDArray[np.float64]:
    return np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE


def silence() -> Sound:
    return np.zeros(SECONDS * SAMPLE_RATE, np.float32)


def white_noise(level: float = 0.1) -> Sound:
    return (level * np.random.default_rng(1).standard_normal(SECONDS * SAMPLE_RATE)).astype(np.float32)


def pink_noise() -> Sound:
    spectrum = np.fft.rfft(white_noise())
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    pink = np.fft.irfft(spectrum)
    scaled: Sound = (0.2 * pink / np.abs(pink).max()).astype(np.float32)
    return scaled


def hum() -> Sound:
    t = _time()
    return (0.1 * np.sin(2 * np.pi * 50 * t) + 0.05 * np.sin(2 * np.pi * 100 * t)).astype(np.float32)


def chords() -> Sound:
    """Four triads with decay, such as a piano plays."""
    t = _time()
    sound = np.zeros_like(t)
    for number, root in enumerate((261.6, 220.0, 174.6, 196.0)):
        since = np.clip(t - number, 0, None)
        for ratio in (1.0, 1.25, 1.5):
            sound += (t >= number) * np.exp(-2 * since) * np.sin(2 * np.pi * root * ratio * t)
    return (0.1 * sound).astype(np.float32)


@pytest.mark.parametrize(
    "make", [silence, white_noise, pink_noise, hum, chords], ids=lambda make: make.__name__
)
def test_what_is_not_speech_gives_no_words(whisper: WhisperRecognizer, make: Callable[[], Sound]) -> None:
    result = whisper.transcribe(make())
    assert result.text == ""
    assert result.confidence == 0.0


def test_nothing_at_all_gives_no_words(whisper: WhisperRecognizer) -> None:
    assert whisper.transcribe(np.zeros(0, np.float32)).text == ""


def _words(text: str) -> str:
    from whisper_normalizer.english import EnglishTextNormalizer

    return str(EnglishTextNormalizer()(text))  # type: ignore[no-untyped-call]  # the library has no types


def _takes(audio: Sound) -> Iterator[Sound]:
    """As it is, half as loud, and with a noise 20 dB below the speech."""
    noise = np.random.default_rng(1).standard_normal(len(audio)).astype(np.float32)
    yield audio
    yield audio * np.float32(0.5)
    yield audio + noise * np.sqrt(np.mean(audio**2)) * np.float32(0.1)


@pytest.mark.speech
@pytest.mark.slow
def test_a_short_window_costs_no_words(whisper: WhisperRecognizer, speech: Path) -> None:
    """Word error rate on real speech, ours against `transcribe` as it comes, on the same model.

    Where two words are as likely as each other, the processor's rounding decides: `transcribe` alone makes two to four errors in the
    recordings as they are. So each is heard three times, and one word in a hundred is allowed for.
    """
    import jiwer
    from faster_whisper import WhisperModel

    theirs = WhisperModel(str(paths.models_dir() / "whisper-base"), device="cpu", compute_type="int8")
    wanted, ours, plain = [], [], []
    windows = 0
    for file, text in (line.split("\t") for line in (speech / "refs.tsv").read_text().splitlines()[1:]):
        for audio in _takes(read_audio(speech / file)):
            result = whisper.transcribe(audio)
            windows += result.windows
            wanted.append(_words(text))
            ours.append(_words(result.text))
            plain.append(_words(" ".join(part.text for part in theirs.transcribe(audio, language="en")[0])))
    assert jiwer.wer(wanted, ours) <= jiwer.wer(wanted, plain) + 0.01
    assert windows <= len(wanted) * 1.5, "the guard seldom has anything decoded again"


@pytest.mark.speech
def test_known_words_are_not_decoded_again(whisper: WhisperRecognizer, speech: Path) -> None:
    audio = read_audio(speech / "librivox-0880.wav")
    whole = whisper.transcribe(audio)
    known = " ".join(whole.text.split()[:5])
    rest = whisper.transcribe(audio, prefix=known)
    assert _words(rest.text) == _words(whole.text)
    assert rest.tokens < whole.tokens


@pytest.mark.speech
def test_speech_longer_than_a_window_is_understood_in_pieces(
    whisper: WhisperRecognizer, speech: Path
) -> None:
    pause = np.zeros(SAMPLE_RATE, np.float32)
    one = read_audio(speech / "jfk.flac")
    audio = np.concatenate([one, pause, one, pause, one, pause, one])
    result = whisper.transcribe(audio)
    assert _words(result.text).count("fellow americans") == 4
    assert result.windows >= 2


@pytest.mark.speech
def test_words_have_their_times(whisper: WhisperRecognizer, speech: Path) -> None:
    audio = read_audio(speech / "goforward.wav")
    words = whisper.transcribe(audio, words=True).words
    assert [_words(word.text) for word in words] == ["go", "forward", "10", "meters"]
    assert all(a.end <= b.start + 0.05 for a, b in itertools.pairwise(words))
    assert words[-1].end <= len(audio) / SAMPLE_RATE
