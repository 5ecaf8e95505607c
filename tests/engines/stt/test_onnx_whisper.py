"""Whisper on ONNX Runtime: the same words as with CTranslate2, drafts that change nothing, and an end at any moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from vita_tui import paths
from vita_tui.audio.files import read_audio
from vita_tui.bench.recordings import synthesised, trimmed
from vita_tui.bench.words import errors, normalised
from vita_tui.engines.stt.base import Stop
from vita_tui.engines.stt.decoding import Decoder
from vita_tui.engines.stt.graphs import UnsupportedError, layers
from vita_tui.engines.stt.loading import Weights
from vita_tui.engines.stt.onnx_whisper import Memory, OnnxWhisper, _circles, _file
from vita_tui.engines.stt.variables import CutOffError, mapped
from vita_tui.engines.stt.whisper import WhisperRecognizer

pytestmark = pytest.mark.models

SPEECH = ROOT.parent / "shared" / "speech"


@pytest.fixture(scope="module")
def weights() -> Weights:
    return Weights("base", paths.models_dir() / "whisper-base")


@pytest.fixture(scope="module")
def whisper(weights: Weights) -> WhisperRecognizer:
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

    def counted(memory: Memory, past: Any, tokens: Any, rows: Any) -> Any:
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


@pytest.mark.speech
@pytest.mark.skipif(not SPEECH.is_dir(), reason="needs ../shared/speech")
def test_as_many_words_are_understood_as_with_ctranslate2(
    weights: Weights, whisper: WhisperRecognizer
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
    sound = text.memory(np.pad(features, ((0, 0), (0, 500 - features.shape[1]))))
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
    weights: Weights, whisper: WhisperRecognizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    _, text = _inside(whisper)
    vocabulary = whisper._decoder._model.hf_tokenizer  # type: ignore[union-attr]
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


def test_without_a_place_for_the_graphs_it_works_all_the_same(
    weights: Weights, whisper: WhisperRecognizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setattr(paths, "cache_dir", lambda: blocked / "cache")
    vocabulary = whisper._decoder._model.hf_tokenizer  # type: ignore[union-attr]
    made = OnnxWhisper(weights.path, vocabulary, threads=1)
    assert made.memory(np.zeros((80, 200), np.float32)) is not None


def test_weights_of_another_kind_are_decoded_by_ctranslate2(
    weights: Weights, question: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnsupportedError("weights of type int8")

    monkeypatch.setattr("vita_tui.engines.stt.whisper.OnnxWhisper", refuse)
    recognizer = WhisperRecognizer(weights)
    recognizer.load()
    assert recognizer._decoder is not None
    assert recognizer._decoder._text is None
    assert recognizer.transcribe(question, draft="How many").text


def test_quantised_weights_are_refused(weights: Weights) -> None:
    variables = mapped(weights.path / "model.bin")
    name = "decoder/layer_0/ffn/linear_0/weight"
    with pytest.raises(UnsupportedError):
        layers({**variables, name: variables[name].astype(np.int8)})


def test_variables_are_read_as_they_are(weights: Weights, tmp_path: Path) -> None:
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
