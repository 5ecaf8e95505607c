"""Whisper on ONNX Runtime: the same words as with CTranslate2, drafts that change nothing, and an end at any moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from vita_tui import paths
from vita_tui.audio.files import read_audio
from vita_tui.bench.recordings import synthesised, trimmed
from vita_tui.bench.word_errors import errors, normalised
from vita_tui.engines.stt.base import SAMPLE_RATE, Stop
from vita_tui.engines.stt.decoding.decoder import Decoder
from vita_tui.engines.stt.decoding.windows import fitted_to
from vita_tui.engines.stt.runtime.graphs import UnsupportedError, layers
from vita_tui.engines.stt.runtime.loading import WhisperWeights
from vita_tui.engines.stt.runtime.onnx_whisper import EncodedWindow, OnnxWhisper, _circles, _file
from vita_tui.engines.stt.runtime.variables import CutOffError, mapped
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer
from vita_tui.engines.stt.scheduling.agreement import PartialTranscriber

pytestmark = pytest.mark.models

SPEECH = ROOT.parent / "shared" / "speech"


@pytest.fixture(scope="module")
def weights() -> WhisperWeights:
    return WhisperWeights("base", paths.models_dir() / "whisper-base")


@pytest.fixture(scope="module")
def whisper(weights: WhisperWeights) -> WhisperRecognizer:
    recognizer = WhisperRecognizer(weights)
    recognizer.load()
    return recognizer


@pytest.fixture(scope="module")
def question() -> Any:
    [recording] = synthesised(("How many days are there in a week?",))
    return trimmed(recording.audio, 0.3)


def _inside(whisper: WhisperRecognizer) -> tuple[Decoder, OnnxWhisper]:
    decoder = whisper._decoder
    assert decoder is not None
    assert decoder._text is not None
    return decoder, decoder._text


def test_a_right_draft_saves_passes_and_a_wrong_one_costs_none(
    whisper: WhisperRecognizer, question: Any
) -> None:
    _, text = _inside(whisper)
    passes: list[int] = []
    read = text._read

    def counted(memory: EncodedWindow, past: Any, tokens: Any, rows: Any) -> Any:
        passes.append(len(tokens))
        return read(memory, past, tokens, rows)

    text._read = counted  # type: ignore[method-assign]
    try:
        found = {}
        for draft in ("", "How many days are there in", "How many Danes", "Something else altogether."):
            passes.clear()
            found[draft] = (whisper.transcribe(question, draft=draft), len(passes))
    finally:
        text._read = read  # type: ignore[method-assign]
    plain, most = found[""]
    assert plain.text
    assert {one.text for one, _ in found.values()} == {plain.text}
    assert all(one.confidence == pytest.approx(plain.confidence, abs=0.02) for one, _ in found.values())
    assert found["How many days are there in"][1] <= most - 3
    assert found["Something else altogether."][1] <= most


def test_what_was_said_is_likelier_than_what_was_not(whisper: WhisperRecognizer, question: Any) -> None:
    decoder, text = _inside(whisper)
    tokenizer = decoder._tokenizer("en")
    sound = text.memory(fitted_to(decoder._features(question), 5.0))
    assert sound is not None
    start = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    said, other, longer = (
        text.likelihood(sound, start, tokenizer.encode(words))
        for words in (
            " How many days are there in a week?",
            " The kettle is on the stove.",
            " How many days are there in a week? And in a year, and in a month?",
        )
    )
    assert 0 > said > other
    assert said > longer


@pytest.mark.speech
@pytest.mark.skipif(not SPEECH.is_dir(), reason="needs ../shared/speech")
def test_as_many_words_are_understood_as_with_ctranslate2(
    weights: WhisperWeights, whisper: WhisperRecognizer
) -> None:
    plain = WhisperRecognizer(weights, drafts=False)
    plain.load()
    wrong = {whisper: 0, plain: 0}
    with (SPEECH / "refs.tsv").open(encoding="utf-8") as lines:
        next(lines)
        rows = [line.rstrip("\n").split("\t") for line in lines]
    for name, said, *_ in rows:
        audio = read_audio(SPEECH / name)
        for recognizer in wrong:
            wrong[recognizer] += errors(normalised(said), normalised(recognizer.transcribe(audio).text))
    assert wrong[whisper] <= wrong[plain] + 1


def test_a_window_that_is_cancelled_is_not_encoded_to_its_end(whisper: WhisperRecognizer) -> None:
    _, text = _inside(whisper)
    stop = Stop()
    stop.set()
    assert text.memory(np.zeros((80, 3000), np.float32), stop) is None
    assert text.memory(np.zeros((80, 200), np.float32), Stop()) is not None


def test_words_end_when_it_is_cancelled(whisper: WhisperRecognizer, question: Any) -> None:
    decoder, text = _inside(whisper)
    features = decoder._features(question)
    sound = text.memory(fitted_to(features, 5.0))
    assert sound is not None
    stop = Stop()
    stop.set()
    tokenizer = decoder._tokenizer("en")
    written = text.write(
        sound, [*tokenizer.sot_sequence, tokenizer.no_timestamps], [], [], 50, cancelled=stop
    )
    assert written.stopped
    assert not written.tokens


@pytest.mark.parametrize(
    ("tokens", "circles"),
    [
        ([5] * 9, False),
        ([5] * 10, True),
        ([1, 2, 3] * 3, False),
        ([9, *[1, 2, 3] * 4], True),
        ([1, 2] * 5, True),
    ],
)
def test_going_round_in_circles(tokens: list[int], circles: bool) -> None:
    assert _circles(tokens) is circles


def test_the_graphs_are_kept_and_damaged_ones_are_made_anew(
    weights: WhisperWeights, whisper: WhisperRecognizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    _, text = _inside(whisper)
    vocabulary = whisper._decoder.model.vocabulary  # type: ignore[union-attr]
    OnnxWhisper(weights.path, vocabulary, threads=1)
    files = {name: _file(weights.path, name) for name in ("sound", "text")}
    sizes = {name: file.stat().st_size for name, file in files.items()}
    files["text"].write_bytes(b"damaged")
    made = OnnxWhisper(weights.path, vocabulary, threads=1)
    assert {name: file.stat().st_size for name, file in files.items()} == sizes
    assert sorted(file.name for file in (tmp_path / "cache").iterdir()) == sorted(
        file.name for file in files.values()
    )
    assert made.longest == text.longest


RSS = """
import sys
import psutil
from tokenizers import Tokenizer
from pathlib import Path
from vita_tui.engines.stt.runtime.onnx_whisper import OnnxWhisper
from vita_tui.health.process_memory import give_back, settle_allocator

settle_allocator()
folder = Path(sys.argv[1])
whisper = OnnxWhisper(folder, Tokenizer.from_file(str(folder / "tokenizer.json")), threads=1)
give_back()
print(psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is given back on Linux")
def test_making_the_graphs_leaves_nothing_in_memory(weights: WhisperWeights, tmp_path: Path) -> None:
    def resident() -> int:
        done = subprocess.run(
            [sys.executable, "-c", RSS, str(weights.path)],
            capture_output=True, text=True, check=True, timeout=120,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path), "VITA_HOME": ""},
        )  # fmt: skip
        return int(done.stdout)

    first, second = resident(), resident()
    assert list(tmp_path.rglob("*.onnx"))
    # The weights are 145 MB, and so are the graphs.
    assert first - second < 50_000_000


def test_without_a_place_for_the_graphs_it_works_all_the_same(
    weights: WhisperWeights, whisper: WhisperRecognizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setattr(paths, "cache_dir", lambda: blocked / "cache")
    vocabulary = whisper._decoder.model.vocabulary  # type: ignore[union-attr]
    made = OnnxWhisper(weights.path, vocabulary, threads=1)
    assert made.memory(np.zeros((80, 200), np.float32)) is not None


def test_weights_of_another_kind_are_decoded_by_ctranslate2(
    weights: WhisperWeights, question: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnsupportedError("weights of type int8")

    monkeypatch.setattr("vita_tui.engines.stt.runtime.whisper.OnnxWhisper", refuse)
    recognizer = WhisperRecognizer(weights)
    recognizer.load()
    assert recognizer._decoder is not None
    assert recognizer._decoder._text is None
    assert recognizer.transcribe(question, draft="How many").text


def test_ctranslate2_is_loaded_for_nothing_in_mid_speech(weights: WhisperWeights) -> None:
    recognizer = WhisperRecognizer(weights, language="auto")
    recognizer.load()
    decoder, _ = _inside(recognizer)
    first, second, third = (
        one.audio
        for one in synthesised(
            (
                "How many days are there in a week?",
                "And who wrote the play Romeo and Juliet?",
                "I want to know what the capital of France is.",
            )
        )
    )
    long = np.concatenate([first, second, third])
    transcriber = PartialTranscriber()
    for seconds in range(1, len(long) // SAMPLE_RATE + 1):
        transcriber.decode(recognizer, long[: seconds * SAMPLE_RATE])
    assert len(transcriber._cuts) > 1, "words had their times, so that sound could be left out"
    assert recognizer.transcribe(first).language == "en"
    assert "whole" not in vars(decoder.model)


UNNEEDED = """
import sys
import numpy as np
from pathlib import Path
from vita_tui.engines.stt.runtime.loading import WhisperWeights
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer

recognizer = WhisperRecognizer(WhisperWeights("base", Path(sys.argv[1])), device="cpu")
recognizer.load()
recognizer.transcribe(np.random.default_rng(1).standard_normal(32000).astype(np.float32) / 50, words=True)
print(sorted({"ctranslate2", "av", "huggingface_hub", "faster_whisper"} & set(sys.modules)))
"""


def test_of_faster_whisper_only_that_is_loaded_which_is_needed(weights: WhisperWeights) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNNEEDED, str(weights.path)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split() == ["[]"], done.stdout


def test_words_have_the_times_that_ctranslate2_gives_them(
    whisper: WhisperRecognizer, weights: WhisperWeights, question: Any
) -> None:
    other = WhisperRecognizer(weights, drafts=False)
    other.load()
    ours, theirs = (one.transcribe(question, words=True).words for one in (whisper, other))
    assert [word.text for word in ours] == [word.text for word in theirs]
    assert len(ours) == 8
    assert np.abs([[a.start - b.start, a.end - b.end] for a, b in zip(ours, theirs, strict=True)]).max() < 0.1


def test_the_language_is_the_one_that_ctranslate2_tells(whisper: WhisperRecognizer) -> None:
    decoder, text = _inside(whisper)
    for seed, seconds in enumerate((1, 3, 5)):
        sound = np.random.default_rng(seed).standard_normal(seconds * 16_000).astype(np.float32)
        features = fitted_to(decoder._features(sound), 5.0)
        memory = text.memory(features)
        assert memory is not None
        whole = decoder.model.whole
        token = whole.model.detect_language(whole.encode(features))[0][0][0]
        assert f"<|{text.language(memory, decoder.model.languages)}|>" == token


def test_words_are_drawn_at_a_temperature(whisper: WhisperRecognizer, question: Any) -> None:
    decoder, text = _inside(whisper)
    features = decoder._features(question)
    sound = text.memory(fitted_to(features, 5.0))
    assert sound is not None
    tokenizer = decoder._tokenizer("en")
    start = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    likeliest = text.write(sound, start, [], [], 20)
    drawn = [text.write(sound, start, [], [], 20, temperature=2.0) for _ in range(5)]
    assert len({one.tokens for one in drawn}) > 1
    assert max(one.log_probability for one in drawn) < likeliest.log_probability


def test_quantised_weights_are_refused(weights: WhisperWeights) -> None:
    variables = mapped(weights.path / "model.bin")
    name = "decoder/layer_0/ffn/linear_0/weight"
    with pytest.raises(UnsupportedError):
        layers({**variables, name: variables[name].astype(np.int8)})


def test_variables_are_read_as_they_are(weights: WhisperWeights, tmp_path: Path) -> None:
    variables = mapped(weights.path / "model.bin")
    config = json.loads((weights.path / "config.json").read_bytes())
    assert layers(variables) == 6
    assert variables["decoder/embeddings/weight"].shape == (51865, 512)
    assert variables["decoder/projection/weight"] is not None
    assert max(layer for layer, _ in config["alignment_heads"]) < layers(variables)
    cut = tmp_path / "model.bin"
    cut.write_bytes((weights.path / "model.bin").read_bytes()[:1000])
    with pytest.raises(CutOffError):
        mapped(cut)
