"""The system's voice: with the real espeak-ng, and with a pyttsx3 that hangs, chatters and dies."""

from __future__ import annotations

import ctypes.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from vita_tui import paths
from vita_tui.engines.tts.pyttsx3 import Pyttsx3Synthesizer
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError
from vita_tui.health.registry import registry

needs_voice = pytest.mark.skipif(
    sys.platform == "linux" and ctypes.util.find_library("espeak-ng") is None, reason="needs espeak-ng"
)
needs_signals = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

STAND_IN = """
import os, sys, time, wave
class Engine:
    def setProperty(self, name, value): pass
    def getProperty(self, name): return []
    def save_to_file(self, text, file): self.text, self.file = text, file
    def runAndWait(self):
        if not hasattr(self, "text"): return
        print("chatter on standard output", flush=True)
        os.write(1, b'{"id": 1, "rate": 1, "bytes": 0}\\n')
        if "hang" in self.text:
            open(os.environ["MARK"], "w").close()
            time.sleep(10_000)
        if "die" in self.text: os._exit(7)
        if "raise" in self.text: raise RuntimeError("no breath")
        if "silent" in self.text: return
        with wave.open(self.file, "wb") as sound:
            sound.setnchannels(2); sound.setsampwidth(2); sound.setframerate(8000)
            sound.writeframes(b"\\0\\x40\\0\\0" * 800)
def init(): return Engine()
"""


@pytest.fixture
def voice() -> Iterator[Pyttsx3Synthesizer]:
    synthesizer = Pyttsx3Synthesizer()
    yield synthesizer
    synthesizer.cleanup()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that the child takes for pyttsx3; returns the file that appears when it hangs."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "pyttsx3.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("MARK", str(tmp_path / "hangs"))
    return tmp_path / "hangs"


def say(synthesizer: Pyttsx3Synthesizer, text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    pieces = list(synthesizer.speak(text, cancelled=threading.Event()))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def seconds(synthesizer: Pyttsx3Synthesizer, text: str) -> float:
    return len(say(synthesizer, text)) / synthesizer.sample_rate


def left_behind() -> list[str]:
    files = [path.name for path in paths.runtime_dir().rglob("*") if path.is_file()]
    return files + [resource.name for resource in registry.open() if resource.owner == "engines.tts.pyttsx3"]


@needs_voice
class TestRealVoice:
    def test_gives_sound_again_and_again_from_any_thread(self, voice: Pyttsx3Synthesizer) -> None:
        lengths = [seconds(voice, "One small sentence.") for _ in range(5)]
        other = threading.Thread(target=lambda: lengths.append(seconds(voice, "One small sentence.")))
        other.start()
        other.join()
        assert len(lengths) == 6
        assert all(0.5 < length < 3.0 for length in lengths)
        assert voice.starts == 1

    def test_rate_and_volume(self, voice: Pyttsx3Synthesizer) -> None:
        other = Pyttsx3Synthesizer(rate=2.0, volume=0.2)
        text = "The weather will be fine tomorrow morning."
        try:
            assert seconds(other, text) < 0.7 * seconds(voice, text)
            assert np.abs(say(other, text)).max() < 0.5 * np.abs(say(voice, text)).max()
        finally:
            other.cleanup()

    def test_rate_changes_from_one_clause_to_the_next(self, voice: Pyttsx3Synthesizer) -> None:
        text = "The weather will be fine tomorrow morning."
        usual = seconds(voice, text)
        voice.rate = 2.0
        assert seconds(voice, text) < 0.7 * usual
        assert voice.starts == 2

    def test_language_chooses_the_voice(self, voice: Pyttsx3Synthesizer) -> None:
        german = Pyttsx3Synthesizer(language="de")
        try:
            assert not np.array_equal(say(german, "Guten Tag"), say(voice, "Guten Tag"))
        finally:
            german.cleanup()

    def test_voice_that_does_not_exist(self) -> None:
        synthesizer = Pyttsx3Synthesizer("nobody")
        with pytest.raises(EngineUnavailableError, match="does not know 'nobody'") as caught:
            synthesizer.load()
        assert "tts.system_voice" in caught.value.remedy
        assert left_behind() == []

    @pytest.mark.parametrize("text", ["", " ", "...", "😀"])
    def test_nothing_to_say_is_no_sound(self, voice: Pyttsx3Synthesizer, text: str) -> None:
        assert len(say(voice, text)) == 0

    def test_text_is_never_markup_or_a_line_of_the_protocol(self, voice: Pyttsx3Synthesizer) -> None:
        assert len(say(voice, '"quoted"\n{"id": 5}\n<speak>bold</speak> \\ é 日本')) > 0

    def test_long_text(self, voice: Pyttsx3Synthesizer) -> None:
        text = "This is said many times over. " * 200
        assert len(list(voice.speak(text, cancelled=threading.Event()))) > 1

    def test_load_starts_once_and_cleanup_ends_all(self, voice: Pyttsx3Synthesizer) -> None:
        voice.load()
        voice.load()
        assert voice.starts == 1
        assert voice.pid is not None
        child = psutil.Process(voice.pid)
        voice.cleanup()
        voice.cleanup()
        assert not child.is_running()
        assert left_behind() == []
        assert len(say(voice, "Back again.")) > 0

    @needs_signals
    def test_child_that_dies_is_an_error_once(self, voice: Pyttsx3Synthesizer) -> None:
        voice.load()
        assert voice.pid is not None
        os.kill(voice.pid, signal.SIGKILL)
        try:
            say(voice, "Hello?")
        except EngineError as error:
            assert "died" in error.message  # noqa: PT017  # it may also be noticed before the clause, and mended
        assert len(say(voice, "Hello.")) > 0
        assert voice.starts == 2

    @needs_signals
    def test_child_that_does_not_even_read(self, voice: Pyttsx3Synthesizer) -> None:
        voice.load()
        assert voice.pid is not None
        child = psutil.Process(voice.pid)
        child.suspend()
        voice.timeout = 0.2
        with pytest.raises(EngineTimeoutError):
            say(voice, "word " * 5000)
        assert not child.is_running()
        assert left_behind() == []


class TestMisbehaving:
    def test_chatter_does_not_disturb_the_protocol(self, voice: Pyttsx3Synthesizer, stand_in: Path) -> None:
        samples = say(voice, "good")
        assert voice.sample_rate == 8000
        assert samples.tolist() == [0.5] * 800  # the left channel
        log = paths.log_file().with_name("pyttsx3.log")
        assert "chatter" in log.read_text()
        assert log.stat().st_mode & 0o077 == 0 or os.name != "posix"

    def test_hang_is_killed_and_started_anew(self, voice: Pyttsx3Synthesizer, stand_in: Path) -> None:
        voice.load()
        assert voice.pid is not None
        child = psutil.Process(voice.pid)
        voice.timeout = 0.3
        with pytest.raises(EngineTimeoutError, match="longer than"):
            say(voice, "hang")
        assert not child.is_running()
        assert left_behind() == []
        voice.timeout = 10.0
        assert len(say(voice, "good")) == 800
        assert voice.starts == 2

    def test_cancelled_while_it_hangs(self, voice: Pyttsx3Synthesizer, stand_in: Path) -> None:
        voice.load()
        cancelled = threading.Event()
        _after(stand_in, cancelled.set)
        assert list(voice.speak("hang", cancelled=cancelled)) == []

    def test_answer_to_a_cancelled_clause_is_passed_over(
        self, voice: Pyttsx3Synthesizer, stand_in: Path
    ) -> None:
        voice.load()
        cancelled = threading.Event()
        child = voice._child
        assert child is not None
        child.send({"text": "good good"})
        assert len(say(voice, "good")) == 800
        cancelled.set()
        assert list(voice.speak("good", cancelled=cancelled)) == []

    @pytest.mark.parametrize(
        ("text", "message"), [("die", "exit status 7"), ("raise", "no breath"), ("silent", "failed")]
    )
    def test_failures_are_named_and_passed(
        self, voice: Pyttsx3Synthesizer, stand_in: Path, text: str, message: str
    ) -> None:
        with pytest.raises(EngineError, match=message):
            say(voice, text)
        assert len(say(voice, "good")) == 800

    def test_closed_from_another_thread_while_it_hangs(
        self, voice: Pyttsx3Synthesizer, stand_in: Path
    ) -> None:
        voice.load()
        _after(stand_in, voice.cleanup)
        with pytest.raises(EngineError, match="closed"):
            say(voice, "hang")

    def test_driver_that_is_missing(self, voice: Pyttsx3Synthesizer, stand_in: Path, tmp_path: Path) -> None:
        (tmp_path / "modules" / "pyttsx3.py").write_text(
            "def init(): raise OSError('libespeak-ng.so.1: not found')"
        )
        with pytest.raises(EngineUnavailableError, match="not found") as caught:
            voice.load()
        if sys.platform == "linux":
            assert caught.value.remedy == "Run: sudo apt-get install espeak-ng"
        assert left_behind() == []

    @needs_signals
    def test_child_is_gone_after_its_parent_is_killed_in_the_middle_of_a_clause(
        self, stand_in: Path, tmp_path: Path
    ) -> None:
        program = (
            "import threading\nfrom vita_tui.engines.tts.pyttsx3 import Pyttsx3Synthesizer\n"
            "s = Pyttsx3Synthesizer(timeout=1000)\ns.load()\nprint(s.pid, flush=True)\n"
            "list(s.speak('hang', cancelled=threading.Event()))\n"
        )
        parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        try:
            assert parent.stdout is not None
            child = psutil.Process(int(parent.stdout.readline()))
            _appears(stand_in)
        finally:
            parent.kill()
            parent.communicate()
        gone, _ = psutil.wait_procs([child], timeout=60)
        assert gone == [child]
        assert list((paths.runtime_dir() / "tmp").iterdir()) == []


def _after(file: Path, action: Callable[[], None]) -> None:
    """Call `action` from another thread as soon as there is `file`."""

    def watch() -> None:
        _appears(file)
        action()

    threading.Thread(target=watch, daemon=True).start()


def _appears(file: Path) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if file.exists():
            return
        pause.wait(0.01)
    raise AssertionError(f"{file} did not appear")
