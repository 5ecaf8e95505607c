"""Piper with the real voice: what it says, how it ends, and what it says of weights that are not right."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vita_tui import paths
from vita_tui.engines.tts import piper as module
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.piper import PiperSynthesizer
from vita_tui.engines.tts.piper_network import FRAMES, Network
from vita_tui.engines.tts.piper_voice import Voice
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError, ModelError
from vita_tui.health.registry import registry

VOICE = "en_US-joe-medium"
HOP = 256
"""Samples of a frame."""
PATIENCE = 120.0
"""Seconds for a clause on a machine that is busy with other things."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is meant to hang is given up."""
    monkeypatch.setattr(module, "GRACE_SECONDS", PATIENCE)


@pytest.fixture
def voice() -> Path:
    return next((paths.models_dir() / VOICE).glob("*.onnx"))


@pytest.fixture
def piper(voice: Path) -> Iterator[PiperSynthesizer]:
    synthesizer = PiperSynthesizer(voice, timeout=PATIENCE)
    yield synthesizer
    synthesizer.cleanup()


def say(synthesizer: PiperSynthesizer, text: str) -> list[Pcm]:
    return list(synthesizer.speak(text, cancelled=threading.Event()))


def seconds(synthesizer: PiperSynthesizer, text: str) -> float:
    return sum(map(len, say(synthesizer, text))) / synthesizer.sample_rate


def loudness(synthesizer: PiperSynthesizer, text: str) -> float:
    """Root mean square: the loudest sample alone differs from take to take."""
    return float(np.sqrt(np.mean(np.square(np.concatenate(say(synthesizer, text))))))


def threads() -> list[str]:
    return [resource.name for resource in registry.open() if resource.owner == "engines.tts.piper"]


@pytest.mark.models
class TestSpeaking:
    def test_gives_sound_in_pieces_the_first_of_which_is_short(self, piper: PiperSynthesizer) -> None:
        pieces = say(piper, "There are seven days in a week, and the first of them is Monday.")
        assert [len(samples) for samples in pieces[:2]] == [FRAMES[0] * HOP, FRAMES[1] * HOP]
        assert len(pieces) >= 3
        for samples in pieces:
            assert samples.dtype == np.float32
            assert samples.ndim == 1
        assert 0.3 < np.abs(np.concatenate(pieces)).max() <= 1.0

    def test_rate_and_volume(self, voice: Path, piper: PiperSynthesizer) -> None:
        text = "The weather will be fine tomorrow morning, and the day after that as well. We will go for a long walk."
        fast = PiperSynthesizer(voice, rate=2.0, volume=0.25, timeout=PATIENCE)
        try:
            assert 0.4 < seconds(fast, text) / seconds(piper, text) < 0.75
            assert loudness(fast, text) / loudness(piper, text) == pytest.approx(0.25, rel=0.2)
        finally:
            fast.cleanup()

    def test_rate_changes_from_one_clause_to_the_next(self, piper: PiperSynthesizer) -> None:
        text = "The weather is fine today."
        piper.load()
        usual = seconds(piper, text)
        piper.rate = 2.0
        assert seconds(piper, text) < usual * 0.7
        piper.rate = 1.0
        assert seconds(piper, text) > usual * 0.8

    @pytest.mark.parametrize("text", ["", "   ", "...", "😀"])
    def test_nothing_to_say_is_no_sound(self, piper: PiperSynthesizer, text: str) -> None:
        assert say(piper, text) == []

    def test_long_text_comes_in_pieces(self, piper: PiperSynthesizer) -> None:
        cancelled = threading.Event()
        got = 0
        for _ in piper.speak("word and other things " * 60, cancelled=cancelled):
            got += 1
            if got == 2:
                cancelled.set()
        assert got == 2

    def test_cancelled_before_it_begins(self, piper: PiperSynthesizer) -> None:
        piper.load()
        cancelled = threading.Event()
        cancelled.set()
        assert list(piper.speak("Hello.", cancelled=cancelled)) == []
        assert say(piper, "Hello.")

    def test_reader_that_goes_away_ends_the_work(self, piper: PiperSynthesizer) -> None:
        stream = piper.speak("One. Two. Three. Four. Five.", cancelled=threading.Event())
        next(stream)
        stream.close()  # type: ignore[attr-defined]  # it is a generator
        hello = np.concatenate(say(piper, "Hello."))
        assert len(hello) < 2 * piper.sample_rate

    def test_works_again_after_cleanup(self, piper: PiperSynthesizer) -> None:
        piper.load()
        assert threads() == ["piper"]
        piper.cleanup()
        piper.cleanup()
        assert threads() == []
        assert say(piper, "Hello.")


@pytest.mark.models
class TestOverrun:
    def test_clause_that_takes_too_long(self, piper: PiperSynthesizer) -> None:
        piper.load()
        piper.timeout = 1e-4
        with pytest.raises(EngineTimeoutError, match="longer than"):
            say(piper, "This takes longer than no time at all.")
        piper.timeout = PATIENCE
        assert say(piper, "Hello.")

    def test_voice_that_hangs_is_left_behind_and_replaced(
        self, piper: PiperSynthesizer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        piper.load()
        hung, back = threading.Event(), threading.Event()

        def hang(*_: Any, **__: Any) -> Iterator[Any]:
            hung.set()
            back.wait()
            return iter(())

        with monkeypatch.context() as patch:
            patch.setattr(Voice, "speak", hang)
            patch.setattr(module, "GRACE_SECONDS", 0.05)
            piper.timeout = 0.05
            with pytest.raises(EngineTimeoutError):
                say(piper, "Hello.")
        assert hung.is_set()
        assert threads() == ["piper (stuck)"]
        piper.timeout = PATIENCE
        assert say(piper, "Hello again.")
        assert sorted(threads()) == ["piper", "piper (stuck)"]
        stuck = next(thread for thread in module._stuck)
        back.set()
        stuck.join(PATIENCE)
        assert threads() == ["piper"]

    def test_no_more_threads_are_lost_than_the_limit(
        self, piper: PiperSynthesizer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        back = threading.Event()

        def hang(*_: Any, **__: Any) -> Iterator[Any]:
            back.wait()
            return iter(())

        for _ in range(module.MAX_STUCK):
            piper.load()
            with monkeypatch.context() as patch:
                patch.setattr(Voice, "speak", hang)
                patch.setattr(module, "GRACE_SECONDS", 0.05)
                piper.timeout = 0.05
                with pytest.raises(EngineTimeoutError):
                    say(piper, "Hello.")
        with pytest.raises(EngineUnavailableError, match="stuck"):
            piper.load()
        stuck = list(module._stuck)
        back.set()
        for thread in stuck:
            thread.join(PATIENCE)
        piper.timeout = PATIENCE
        assert say(piper, "Hello.")

    def test_sound_that_is_no_sound(self, piper: PiperSynthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
        piper.load()
        monkeypatch.setattr(Network, "run", lambda *_: iter([np.full(100, np.nan, np.float32)]))
        with pytest.raises(ModelError, match="not sound"):
            say(piper, "Hello.")

    def test_error_of_the_library_is_the_engines(
        self, piper: PiperSynthesizer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from piper import PiperVoice

        def fail(*_: Any, **__: Any) -> Any:
            raise RuntimeError("no phonemes today")

        piper.load()
        monkeypatch.setattr(PiperVoice, "phonemize", fail)
        with pytest.raises(EngineError, match="no phonemes today"):
            say(piper, "Hello.")

    def test_closing_while_it_computes(self, piper: PiperSynthesizer) -> None:
        stream = piper.speak("word and other things " * 100, cancelled=threading.Event())
        next(stream)
        piper.cleanup()
        assert threads() == []

    def test_program_ends_while_it_computes(self, voice: Path) -> None:
        program = (
            "import sys, threading\nfrom pathlib import Path\nfrom vita_tui.engines.tts.piper import PiperSynthesizer\n"
            "s = PiperSynthesizer(Path(sys.argv[1]))\n"
            "next(s.speak('Yes. ' + 'word and other things ' * 100, cancelled=threading.Event()))\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program, str(voice)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")


class TestWeights:
    """Each thing that may be wrong with the files is a sentence that names the file and what to do."""

    @pytest.fixture
    def copy(self, voice: Path, tmp_path: Path) -> Path:
        """The voice's two files as links, to be replaced one at a time."""
        folder = tmp_path / "voice"
        folder.mkdir()
        for file in (voice, voice.with_name(f"{voice.name}.json")):
            (folder / file.name).symlink_to(file)
        return folder / voice.name

    @staticmethod
    def replace(file: Path, content: bytes) -> None:
        file.unlink()
        file.write_bytes(content)

    @staticmethod
    def complaint(path: Path) -> ModelError:
        synthesizer = PiperSynthesizer(path)
        with pytest.raises(ModelError) as caught:
            synthesizer.load()
        assert threads() == []
        return caught.value

    def test_missing(self, tmp_path: Path) -> None:
        error = self.complaint(tmp_path / "en_XX-none-low.onnx")
        assert "does not exist" in error.message
        assert error.remedy == "Run: vita models pull en_XX-none-low"

    @pytest.mark.models
    def test_configuration_is_missing(self, copy: Path) -> None:
        copy.with_name(f"{copy.name}.json").unlink()
        assert f"{copy.name}.json does not exist" in self.complaint(copy).message

    @pytest.mark.models
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b"[]", "no table"),
            (b"{}", "audio is missing"),
            (b"\xff\xfe\x00", "not JSON"),
        ],
    )
    def test_configuration_is_damaged(self, copy: Path, content: bytes, why: str) -> None:
        self.replace(copy.with_name(f"{copy.name}.json"), content)
        error = self.complaint(copy)
        assert why in error.message
        assert f"{copy.name}.json" in error.message

    @pytest.mark.models
    @pytest.mark.parametrize(
        "change",
        [
            {"audio": 5},
            {"phoneme_id_map": []},
            {"espeak": {}},
            {"phoneme_type": "smoke"},
            {"num_speakers": "x"},
        ],
    )
    def test_configuration_has_other_types(self, copy: Path, change: dict[str, Any]) -> None:
        file = copy.with_name(f"{copy.name}.json")
        self.replace(file, json.dumps({**json.loads(file.read_bytes()), **change}).encode())
        assert "damaged" in self.complaint(copy).message

    @pytest.mark.models
    def test_weights_are_cut_off(self, copy: Path) -> None:
        self.replace(copy, copy.read_bytes()[:2_000_000])
        error = self.complaint(copy)
        assert "damaged" in error.message
        assert str(copy) in error.message
        assert "vita models pull" in error.remedy

    @pytest.mark.models
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "empty"),
            (b"version https://git-lfs.github.com/spec/v1\n", "LFS pointer"),
            (b"<!DOCTYPE html>", "web page"),
            (b"GGUF\3\0\0\0", "GGUF"),
            (bytes(range(256)) * 64, "damaged"),
        ],
        ids=["empty", "lfs", "html", "gguf", "noise"],
    )
    def test_weights_are_something_else(self, copy: Path, content: bytes, why: str) -> None:
        self.replace(copy, content)
        assert why in self.complaint(copy).message

    @pytest.mark.models
    def test_weights_are_a_folder(self, copy: Path) -> None:
        copy.unlink()
        copy.mkdir()
        assert "is a folder" in self.complaint(copy).message

    @pytest.mark.models
    def test_package_is_missing(self, voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name == "piper" or name.startswith("piper.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "piper", None)
        with pytest.raises(EngineUnavailableError) as caught:
            PiperSynthesizer(voice).load()
        assert caught.value.remedy == "Run: pip install 'vita-tui[piper]'"
