"""Whisper that does not load says what, why and what to do; and the next one that works is taken, and named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vita_tui import paths
from vita_tui.engines.stt.loading import Weights
from vita_tui.engines.stt.whisper import WhisperRecognizer
from vita_tui.errors import EngineError, ModelError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the small model that may be damaged."""
    return Path(shutil.copytree(paths.models_dir() / "whisper-tiny.en", tmp_path / "tiny.en"))


def tiny(path: Path, **sizes: int) -> Weights:
    return Weights("tiny.en", path, sizes)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not there|missing|does not exist") as error:
        WhisperRecognizer(tiny(tmp_path / "nowhere")).load()
    assert "vita models pull" in error.value.remedy


@pytest.mark.models
def test_truncated(copy: Path) -> None:
    whole = (copy / "model.bin").read_bytes()
    (copy / "model.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError) as error:
        WhisperRecognizer(tiny(copy)).load()
    assert "tiny.en" in error.value.message
    assert error.value.remedy


@pytest.mark.models
@pytest.mark.parametrize(
    "content", [b"<html>not found</html>", b"GGUF" + bytes(100), b"", b"version https://git-lfs"]
)
def test_not_a_model(copy: Path, content: bytes) -> None:
    (copy / "model.bin").write_bytes(content)
    with pytest.raises(ModelError) as error:
        WhisperRecognizer(tiny(copy)).load()
    assert error.value.remedy


@pytest.mark.models
def test_an_unsupported_compute_type_falls_back_and_is_told() -> None:
    recognizer = WhisperRecognizer(
        tiny(paths.models_dir() / "whisper-tiny.en"), device="cpu", compute_type="float16"
    )
    recognizer.load()
    assert recognizer.compute_type == "float32"
    assert "float16" in recognizer.notes


@pytest.mark.models
def test_the_next_model_stands_in_and_is_told(tmp_path: Path) -> None:
    recognizer = WhisperRecognizer(
        Weights("base", tmp_path / "nowhere"), tiny(paths.models_dir() / "whisper-tiny.en")
    )
    recognizer.load()
    assert recognizer.name == "whisper tiny.en"
    assert "base" in recognizer.notes


@pytest.mark.models
def test_a_language_that_the_model_does_not_know_is_said() -> None:
    with pytest.raises(ModelError, match="English only"):
        WhisperRecognizer(tiny(paths.models_dir() / "whisper-tiny.en"), language="de").load()


def test_nothing_is_made_up_without_a_model(tmp_path: Path) -> None:
    import numpy as np

    with pytest.raises(EngineError, match="not loaded"):
        WhisperRecognizer(tiny(tmp_path)).transcribe(np.zeros(16_000, np.float32))
