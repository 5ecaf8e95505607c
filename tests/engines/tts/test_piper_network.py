"""A voice's network in two parts: the same sound as in one, piece by piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from vita_tui import paths
from vita_tui.engines.tts import piper_network as module
from vita_tui.engines.tts.piper_network import DECODER, FRAMES, NEIGHBOURS, Network, open_network

VOICE = "en_US-joe-medium"
HOP = 4
"""Samples of a frame of the decoder below."""


class Session:
    """A decoder whose sound of a frame depends on as many neighbours as are allowed, or a network that gives `made`."""

    def __init__(self, made: Any = None, names: tuple[str, ...] = ("frames",)) -> None:
        self.made = made
        self.names = names
        self.given: list[dict[str, Any]] = []

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": name})() for name in self.names]

    def run(self, _outputs: None, given: dict[str, Any], _options: Any) -> list[Any]:
        self.given.append(given)
        if self.made is not None:
            return [self.made]
        frames = np.pad(given["frames"][0, 0], NEIGHBOURS)
        sums = np.convolve(frames, np.arange(2 * NEIGHBOURS + 1, dtype=np.float32), "valid")
        return [np.repeat(sums, HOP).reshape(1, 1, 1, -1)]


def frames(count: int) -> Any:
    return np.random.default_rng(1).integers(-9, 9, (1, 1, count)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 45, 46, 96, 97, 224, 500])
def test_pieces_are_the_whole(count: int) -> None:
    made = frames(count)
    [whole] = Session().run(None, {"frames": made}, None)
    pieces = list(Network(Session(made), Session()).run({}, None))
    assert np.array_equal(np.concatenate(pieces), whole.reshape(-1))
    assert all(len(piece) <= FRAMES[-1] * HOP for piece in pieces)
    assert len(pieces[0]) == min(count, FRAMES[0]) * HOP


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    decoder = Session()
    sound = Network(Session(frames(500)), decoder).run({}, None)
    next(sound)
    assert len(decoder.given) == 1
    assert decoder.given[0]["frames"].shape[2] == FRAMES[0] + NEIGHBOURS


def test_the_decoder_is_told_who_speaks() -> None:
    decoder = Session(names=("sid", "frames"))
    who = np.array([3], np.int64)
    list(Network(Session(frames(80)), decoder).run({"input": 1, "sid": who}, None))
    assert all(given["sid"] is who for given in decoder.given)
    assert all("input" not in given for given in decoder.given)


@pytest.mark.models
class TestVoice:
    @pytest.fixture
    def voice(self) -> Path:
        return next((paths.models_dir() / VOICE).glob("*.onnx"))

    def test_its_decoder_gives_the_same_samples_piece_by_piece(self, voice: Path) -> None:
        network = open_network(voice, 1)
        made = np.random.default_rng(1).standard_normal((1, 192, 300)).astype(np.float32)
        decoder = network._decoder
        [whole] = decoder.run(None, {decoder.get_inputs()[0].name: made})
        pieces = list(Network(Session(made), decoder).run({}, None))
        assert len(pieces) == 4
        assert np.abs(np.concatenate(pieces) - whole.reshape(-1)).max() < 1e-4

    @pytest.mark.parametrize("lacks", ["name", "shapes"])
    def test_one_that_cannot_be_parted_is_run_as_a_whole(
        self,
        voice: Path,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
        lacks: str,
    ) -> None:
        # The cache of tests that need weights is lent: nothing of this voice belongs there.
        monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
        model = onnx.load(voice)
        if lacks == "shapes":
            del model.graph.value_info[:]
        for node in model.graph.node if lacks == "name" else ():
            node.input[:] = ["renamed" if name == DECODER else name for name in node.input]
        for weight in model.graph.initializer:
            if weight.name == DECODER and lacks == "name":
                weight.name = "renamed"
        other = tmp_path / "other.onnx"
        onnx.save(model, other)
        network = open_network(other, 1)
        ids = np.array([[1, 0, 20, 0, 21, 0, 2]], np.int64)
        inputs = {"input": ids, "input_lengths": np.array([7]), "scales": np.array([0.6, 1, 0.8], np.float32)}
        assert len(list(network.run(inputs, None))) == 1
        assert "sentence by sentence" in caplog.text


def test_the_file_of_a_voice_is_parted_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is opened, and in which order: the decoder first, because it tells whether there is one."""
    opened: list[str] = []

    def open_prepared(_graph: Path, _threads: int, part: str = "", _cut: Any = None) -> Session:
        opened.append(part)
        return Session()

    monkeypatch.setattr(module, "open_prepared", open_prepared)
    open_network(tmp_path / "voice.onnx", 1)
    assert opened == ["decoder", "frames"]
