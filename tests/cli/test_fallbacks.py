"""Who stood in for whom and why is told; what is not on this machine is named, or fetched where somebody can say yes."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import run_vita
from vita_tui import paths, settings
from vita_tui.cli.fallbacks import first_only
from vita_tui.cli.weights import missing_weights
from vita_tui.errors import SettingsError
from vita_tui.health.processes import temporary_path


def vita(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    done = run_vita(*arguments, env={**os.environ, **env})
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def question(tmp_path: Path) -> Path:
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs espeak-ng")
    file = tmp_path / "question.wav"
    subprocess.run(["espeak-ng", "-w", str(file), "How many days has a week?"], check=True)
    return file


@pytest.mark.parametrize(
    ("command", "says", "fetch"),
    [
        (["ask", "hi"], "SmolLM2 135M Instruct, Q4_1 is not on", "smollm2-135m-instruct"),
        (["transcribe", "x.wav"], "Whisper base is not on", "whisper-base"),
        (["transcribe", "x.wav", "--model", "small"], "Whisper small is not on", "whisper-small"),
        (["turn", "x.wav"], "Whisper base and SmolLM2", "whisper-base smollm2-135m-instruct"),
        (["say", "hi", "--out", "x.wav", "--no-fallback"], "Piper voice Joe", "en_US-joe-medium"),
        (["say", "hi", "--out", "x.wav", "--engine", "piper"], "Piper voice Joe", "en_US-joe-medium"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_no_weights(command: list[str], says: str, fetch: str, tmp_path: Path) -> None:
    done = vita(*command)
    assert done.returncode == 3
    first, second = done.stderr.splitlines()
    assert says in first
    assert second.endswith(f": vita models pull {fetch}")
    assert done.stdout == ""
    assert not (tmp_path / "vita").exists()


@pytest.mark.parametrize("answer", [b"n\n", b"\x04"], ids=["n", "ctrl+d"])
def test_on_a_terminal_fetching_is_offered(home: Path, answer: bytes) -> None:
    """With its size; who does not want it is told the command."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "vita_tui", "ask", "hi"], stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        seen = b""
        while data := _read(ours):
            seen += data
            if answer and b"[Y/n]" in seen:  # not before: only who reads is interrupted
                os.write(ours, answer)
                answer = b""
        assert process.wait(60) == 3
    os.close(ours)
    text = seen.decode()
    assert "MB, is not on this machine." in text
    assert "Fetch it now? [Y/n]" in text
    assert "vita models pull smollm2-135m-instruct" in text
    assert not (home / "data").exists()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_the_voice_of_the_system_speaks_and_that_is_told(tmp_path: Path) -> None:
    done = vita("say", "hi", "--json", "--out", str(tmp_path / "x.wav"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["engine"], told["instead_of"]) == ("pyttsx3", "piper")
    assert "is not there" in told["because"]
    assert "pyttsx3 spoke instead of piper: " in done.stderr
    assert "vita models pull en_US-joe-medium" in done.stderr


@pytest.mark.models
@pytest.mark.parametrize(
    ("damage", "says"),
    [(slice(0, 3_000_000), "Protobuf parsing failed"), (slice(0, 0), "it is empty")],
    ids=["altered", "empty"],
)
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_a_damaged_voice_is_told_with_what_mends_it(
    home: Path, tmp_path: Path, damage: slice, says: str
) -> None:
    """In words, once, and with the command, though the file is there and may be of the right size."""
    voices = home / "data" / "models"
    real = next(voices.glob("en_US-joe-medium/*.onnx"), None)
    if real is None:
        pytest.skip("needs the default voice")
    models = voices.resolve()
    voices.unlink()
    shutil.copytree(models / "en_US-joe-medium", voices / "en_US-joe-medium")
    file = voices / "en_US-joe-medium" / real.name
    content = file.read_bytes()
    file.write_bytes(os.urandom(damage.stop) + content[damage.stop :] if damage.stop else b"")
    done = vita("say", "hi", "--out", str(tmp_path / "x.wav"))
    assert done.returncode == 0, done.stderr
    first, second = done.stderr.splitlines()
    assert first.startswith("vita: pyttsx3 spoke instead of piper: The Piper voice")
    assert first.endswith(f"{says}.")
    assert first.count(str(file)) == 1
    assert "ONNXRuntimeError" not in first
    assert second == "  → vita models pull en_US-joe-medium"


@pytest.mark.models
def test_a_smaller_model_understands_and_that_is_told(home: Path, question: Path) -> None:
    models = paths.models_dir().resolve()
    (home / "data" / "models").unlink()
    (home / "data" / "models").mkdir()
    (home / "data" / "models" / "whisper-tiny.en").symlink_to(models / "whisper-tiny.en")
    base = home / "data" / "models" / "whisper-base"
    shutil.copytree(models / "whisper-base", base)
    with (base / "model.bin").open("r+b") as file:
        file.truncate(3_000_000)
    done = vita("transcribe", str(question), str(question), "--json")
    assert done.returncode == 0, done.stderr
    for told in json.loads(done.stdout):
        assert (told["engine"], told["instead_of"]) == ("whisper tiny.en", "whisper base")
        assert "damaged" in told["because"]
    assert done.stderr.count("whisper tiny.en understood the speech instead of whisper base: ") == 1
    refused = vita("transcribe", str(question), "--no-fallback", "--json")
    assert refused.returncode == 3
    assert "Whisper base is damaged." in refused.stderr
    assert "vita models pull whisper-base" in refused.stderr


def test_only_the_first_of_each_job() -> None:
    chosen = first_only(settings.load(overrides={"tts": {"engines": ["remote", "piper", "pyttsx3"]}}))
    assert chosen.stt.fallback == ()
    assert chosen.llm.fallback is False
    assert chosen.tts.engines == ("piper",)
    assert [model.kind for model in missing_weights(chosen, "tts")] == ["tts"]


@pytest.mark.parametrize("variable", ["VITA_HOME", "VITA_CONFIG"])
def test_a_user_who_does_not_exist(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "~nosuchuser/x")
    with pytest.raises(SettingsError, match=f"{variable} is ~nosuchuser/x"):
        paths.config_file()


def test_names_that_nothing_can_have() -> None:
    for name in ("a" * 300, "a\0b", "hf:" + "a" * 5000):
        assert not paths.there(Path(name))
        done = vita("models", "path", name.replace("\0", ""))
        assert done.returncode == 3


def test_a_folder_whose_name_is_not_utf8_is_named_as_the_cause(tmp_path: Path) -> None:
    done = vita("transcribe", "x.wav", VITA_HOME=os.fsdecode(os.fsencode(tmp_path) + b"/h\xe9"))
    assert done.returncode == 3
    assert r"h\xe9/data/models has a name that is not UTF-8" in done.stderr


def test_where_the_home_cannot_be_written_temporary_files_go_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VITA_HOME", str(tmp_path / "file"))
    with temporary_path(".wav", owner="test") as path:
        path.write_bytes(b"x")
    assert not path.exists()
    with (
        pytest.raises(OSError, match="Not a directory"),
        temporary_path(owner="test", room=1 << 60),
    ):
        pass


def test_who_answers_without_any_engine_replaces_none() -> None:
    from vita_tui.cli.fallbacks import Fallbacks
    from vita_tui.engines.chain import Chain
    from vita_tui.engines.llm.fake import FakeResponder
    from vita_tui.events import EventBus
    from vita_tui.settings import Settings

    bus, settings = EventBus(), Settings()
    chain = Chain("llm", [FakeResponder(name="model"), FakeResponder(name="other")], settings.health, bus=bus)
    fallbacks = Fallbacks(settings, bus, [chain])
    assert fallbacks.answered("llm", "built in")["instead_of"] is None
    assert fallbacks.answered("llm", "other")["instead_of"] == "model"
