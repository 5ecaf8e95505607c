"""The commands as a user runs them: real processes, exit codes, one clear sentence for what goes wrong."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.forked import run_vita
from vita_tui.audio.encoding import write_wav
from vita_tui.audio.files import read_audio

Run = Callable[..., subprocess.CompletedProcess[str]]
MINUTES = int(os.environ.get("VITA_PROOF_MINUTES", "20"))
"""Of a long file."""


@pytest.fixture
def vita(home: Path, request: pytest.FixtureRequest) -> Run:
    """Run the command; no test of these may end in a traceback."""

    engines = any(request.node.get_closest_marker(mark) for mark in ("audio", "models"))

    def run(*arguments: str, input: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:  # noqa: A002
        environment = {**os.environ, "VITA_HOME": str(home), **env}
        done = run_vita(*arguments, input=input, env=environment, fresh=engines)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def wav(path: Path, samples: bytes, *, rate: int = 16_000, width: int = 2, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


@pytest.fixture
def say(vita: Run, tmp_path: Path) -> Callable[[str], Path]:
    """Text as a file of speech, by the system's voice."""

    def speak(text: str) -> Path:
        file = tmp_path / "said.wav"
        subprocess.run(["espeak-ng", "-v", "en-us+f2", "-s", "145", "-w", str(file), text], check=True)
        return file

    return speak


def test_help_loads_nothing_heavy() -> None:
    heavy = {
        "numpy",
        "textual",
        "httpx2",
        "faster_whisper",
        "sounddevice",
        "pydantic",
        "redis",
        "huggingface_hub",
        "av",
        "asyncio",
        "rich",
    }
    code = (
        "import sys; from vita_tui.__main__ import main\n"
        "try: main()\n"
        f"finally: print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert "transcribe" in done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit('Words.')", 1, "Words."),
        ("raise RuntimeError('A defect.')", 1, "A defect."),
    ],
)
def test_the_process_ends_with_its_code_after_everything_else(ending: str, code: int, said: str) -> None:
    program = (
        "import atexit, sys, threading, time, vita_tui.__main__ as program\n"
        "def run():\n"
        "    atexit.register(print, 'second')\n"
        "    threading.Thread(target=lambda: (time.sleep(0.1), print('first'))).start()\n"
        f"    {ending}\n"
        "program._run = run\n"
        "program.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stdout.split() == ["first", "second"]
    assert said in done.stderr


@pytest.mark.models
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_who_answers_in_place_of_a_server_that_is_away_is_told(vita: Run, flags: tuple[str, ...]) -> None:
    done = vita("ask", "What is the capital of Spain?", *flags, VITA_LLM__BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 0
    assert done.stdout.strip()  # what a small model says is its own affair
    if flags:
        told = json.loads(done.stdout)
        assert told["engine"] == "smollm2-135m-instruct"
        assert told["instead_of"] == "smollm2-135m-instruct at 127.0.0.1:9"
        assert "No language model answers at 127.0.0.1:9" in told["because"]
    assert done.stderr.startswith("vita: smollm2-135m-instruct answered instead of ")
    assert "No language model answers at 127.0.0.1:9" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "arguments", [("--version",), ("models", "list"), ("config", "show"), ("sessions", "list", "--json")]
)
def test_a_full_disk_under_the_output_is_told(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "vita_tui", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "vita: The output cannot be written: No space left on device.\n"


def test_the_help_says_each_command_on_one_line(vita: Run) -> None:
    for arguments in ((), ("config",), ("models",)):
        said = vita(*arguments, "-h", COLUMNS="80").stdout
        commands = said.split("Commands:\n")[1]
        assert "..." not in commands, commands


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--version",), "vita "),
        (("-h",), "transcribe"),
        (("config", "path"), "vita.toml"),
        (("config", "show"), "[stt]"),
        (("models", "list"), "whisper-base"),
        (("sessions", "list"), ""),
    ],
)
def test_commands_that_only_tell(vita: Run, arguments: tuple[str, ...], says: str) -> None:
    done = vita(*arguments)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[stt\n", "not valid TOML"),
        ("[stt]\nmodle = 'base'\n", "stt.model"),
        ("[stt]\nthreads = 'many'\n", "stt.threads"),
        ("[speech]\nrate = 1\n", "no setting speech"),
        ("[tts]\nrate = 40.0\n", "tts.rate"),
    ],
)
def test_a_wrong_settings_file_is_named_with_the_key(
    vita: Run, tmp_path: Path, content: str, says: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(content)
    done = vita("config", "show", VITA_CONFIG=str(file))
    assert done.returncode == 2
    assert says in done.stderr
    assert str(file) in done.stderr


def test_a_wrong_environment_variable_is_named(vita: Run) -> None:
    done = vita("config", "show", VITA_LLM__MAX_TOKENS="lots")
    assert done.returncode == 2
    assert "VITA_LLM__MAX_TOKENS" in done.stderr


def test_init_writes_a_file_that_changes_nothing_and_is_private(vita: Run) -> None:
    before = vita("config", "show").stdout
    file = Path(vita("config", "init").stdout.strip())
    assert file.stat().st_mode & 0o777 == 0o600
    assert vita("config", "show").stdout == before
    assert vita("config", "init").returncode == 1


def test_init_leaves_the_folder_of_a_chosen_file_as_it_is(vita: Run, tmp_path: Path) -> None:
    folder = tmp_path / "dotfiles"
    folder.mkdir(mode=0o755)
    assert vita("config", "init", VITA_CONFIG=str(folder / "vita.toml")).returncode == 0
    assert folder.stat().st_mode & 0o777 == 0o755
    done = vita("config", "init", "--force", VITA_CONFIG=str(folder))
    assert done.returncode == 2
    assert f"{folder} cannot be written" in done.stderr


def test_keys_are_never_printed(vita: Run) -> None:
    for arguments in (("config", "show"), ("config", "show", "--json")):
        assert "sesame" not in vita(*arguments, VITA_LLM__API_KEY="sesame").stdout


@pytest.mark.models
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "nowhere.wav", "no file"),
        (lambda folder: folder, "directory"),
        (lambda folder: _write(folder / "empty.wav", b""), "empty"),
        (lambda folder: _write(folder / "letter.wav", b"Dear Sir or Madam, " * 100), "not an audio file"),
        (lambda folder: wav(folder / "silent.wav", b""), "0 seconds"),
    ],
)
def test_what_is_not_audio_is_one_sentence(
    vita: Run, tmp_path: Path, make: Callable[[Path], Path], says: str
) -> None:
    done = vita("transcribe", str(make(tmp_path)))
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stdout == ""


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.models
@pytest.mark.audio
def test_any_format_is_understood(vita: Run, say: Callable[[str], Path], tmp_path: Path) -> None:
    samples = read_audio(say("How many days are in a week?"))
    eight_bit = wav(tmp_path / "8bit.wav", ((samples * 127) + 128).astype(np.uint8).tobytes(), width=1)
    high = np.repeat(samples, 6)
    stereo = np.stack([high, high], axis=1)
    wide = wav(tmp_path / "96k.wav", (stereo * 32767).astype("<i2").tobytes(), rate=96_000, channels=2)
    subprocess.run(["sox", str(wide), str(tmp_path / "whole.flac")], check=True)
    cut = tmp_path / "cut.flac"
    content = (tmp_path / "whole.flac").read_bytes()
    cut.write_bytes(content[: int(len(content) * 0.9)])
    done = vita("transcribe", str(eight_bit), str(wide), str(cut), "--json")
    assert done.returncode == 1, done.stderr
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("vita:")]
    assert "cut.flac breaks off after" in told  # and of the others nothing is said
    results = json.loads(done.stdout)
    keys = "because engine file instead_of language ms parts problem seconds text".split()
    assert [sorted(result) for result in results] == [keys] * 3
    assert all("days" in result["text"] for result in results), results


@pytest.mark.models
@pytest.mark.audio
def test_a_transcript_is_written_as_subtitles_and_with_times(
    vita: Run, say: Callable[[str], Path], tmp_path: Path
) -> None:
    file = str(say("How many days are in a week?"))
    subtitles = vita("transcribe", file, "--format", "srt")
    assert subtitles.returncode == 0, subtitles.stderr
    number, times, *text = subtitles.stdout.splitlines()
    assert number == "1"
    assert re.fullmatch(r"00:00:0\d,\d{3} --> 00:00:0\d,\d{3}", times)
    assert "days" in " ".join(text)
    (found,) = json.loads(vita("transcribe", file, "--format", "json").stdout)
    (part,) = found["parts"]
    assert " ".join(word["text"] for word in part["words"]) == part["text"]
    assert all(word["start"] <= word["end"] <= found["seconds"] + 0.1 for word in part["words"])


def test_subtitles_are_of_one_recording(vita: Run) -> None:
    done = vita("transcribe", "a.wav", "b.wav", "--format", "vtt")
    assert done.returncode == 2
    assert "one FILE" in done.stderr


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_long_files_take_no_more_memory_than_short_ones(vita: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    minute = (rng.normal(0, 3, 8000 * 60) + 128).clip(0, 255).astype(np.uint8).tobytes()

    def peak(minutes: int) -> int:
        file = wav(tmp_path / f"{minutes}.wav", minute * minutes, rate=8000, width=1)
        code = (
            "import resource, sys; from vita_tui.__main__ import main\n"
            "try: main()\n"
            "except SystemExit as end: assert not end.code\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "transcribe", str(file), "--model", "tiny.en"],
            capture_output=True, text=True, check=True, env=os.environ,
        )  # fmt: skip
        assert done.stdout.strip() == ""
        return int(done.stderr.split()[-1])

    assert peak(MINUTES) < peak(2) * 1.2
    assert resource.RUSAGE_CHILDREN


@pytest.mark.models
def test_a_question_without_words_is_not_answered(vita: Run, tmp_path: Path) -> None:
    write_wav(tmp_path / "quiet.wav", np.zeros(16_000, np.float32), 16_000)
    done = vita("turn", str(tmp_path / "quiet.wav"), "--json")
    assert done.returncode == 3
    assert "No words were understood" in done.stderr


@pytest.mark.models
@pytest.mark.audio
def test_a_turn_with_files_in_place_of_devices(
    vita: Run, say: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = tmp_path / "reply.wav"
    # Otherwise no model would be asked.
    monkeypatch.setenv("VITA_ABILITIES__ENABLED", "false")
    done = vita("turn", str(say("How many days are in a week?")), "--out", str(reply), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) == {
        "transcript", "reply", "engines", "instead_of", "because", "reply_seconds", "timings_ms"
    }  # fmt: skip
    assert set(result["instead_of"].values()) == {None}
    assert "days" in result["transcript"]
    assert result["engines"] == {"stt": "whisper base", "llm": "smollm2-135m-instruct", "tts": "piper"}
    assert len(read_audio(reply)) / 16_000 == pytest.approx(result["reply_seconds"], abs=0.1)
    timings = result["timings_ms"]
    times = [
        timings[stage] for stage in ("llm_first_token", "first_clause", "tts_first_audio", "voice_to_voice")
    ]
    assert times == sorted(times), "each stage follows the one before"
    # The model may have begun before the question was certain; nothing sounds before it is.
    assert timings["stt"] <= timings["voice_to_voice"]


def test_a_server_that_is_not_there_is_said(vita: Run) -> None:
    done = vita("ask", "Hello?", "--base-url", "http://127.0.0.1:9/v1")
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr
    assert [line[:4] for line in done.stderr.splitlines()] == ["vita", "  → "], done.stderr
    assert done.stdout == ""


@pytest.mark.models
def test_a_question_from_a_pipe_is_answered_on_stdout(vita: Run) -> None:
    done = vita("ask", "-", "--json", input="Say hello.\n")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["question"] == "Say hello."
    assert result["reply"].strip()


@pytest.mark.parametrize(
    "arguments", [("ask", " "), ("say", ""), ("nonsense",), ("transcribe",), ("--config", "/nowhere")]
)
def test_wrong_usage_is_code_2(vita: Run, arguments: tuple[str, ...]) -> None:
    assert vita(*arguments).returncode == 2


@pytest.mark.audio
def test_speech_into_a_file(vita: Run, tmp_path: Path) -> None:
    out = tmp_path / "time.wav"
    done = vita("say", "It is half past ten.", "--engine", "pyttsx3", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert len(read_audio(out)) > 16_000


@pytest.mark.audio
@pytest.mark.skipif(sys.platform != "linux", reason="hides the sound devices from ALSA")
def test_without_a_speaker_that_is_said_and_not_which_voice_stood_in(vita: Run, tmp_path: Path) -> None:
    # Without a sound card, a sound server and a configuration that would name one.
    nothing = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PULSE_SERVER": "unix:/none"}
    done = vita("say", "Hello.", **nothing)
    assert done.returncode == 3
    assert "no speaker" in done.stderr


@pytest.mark.models
@pytest.mark.audio
def test_a_model_that_is_named_is_used_or_none(vita: Run, say: Callable[[str], Path]) -> None:
    done = vita("transcribe", str(say("How many days are in a week?")), "--model", "nonsense")
    assert (done.returncode, done.stdout) == (3, "")
    assert "nonsense" in done.stderr


def test_without_a_voice_it_is_said_what_is_missing(vita: Run, tmp_path: Path) -> None:
    done = vita("say", "Hello.", "--engine", "piper", "--out", str(tmp_path / "x.wav"))
    assert done.returncode == 3
    assert "vita models pull" in done.stderr


@pytest.mark.models
def test_doctor_tries_everything(vita: Run) -> None:
    done = vita("doctor", "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 0
    assert result["usable"]
    status = {check["name"]: check["status"] for check in result["checks"]}
    assert (
        status["Language model: smollm2-135m-instruct"] == status["Speech recognition: whisper base"] == "ok"
    )
    assert {"settings", "weights", "speech_recognition", "language_model", "voice"} <= {
        check["about"] for check in result["checks"]
    }
    assert all(check["remedy"] for check in result["checks"] if check["status"] == "failed")


def test_doctor_without_weights_names_the_command(vita: Run) -> None:
    done = vita("doctor")
    assert done.returncode == 1
    assert "✗ Weights whisper-base" in done.stdout
    assert "→ vita models pull whisper-base" in done.stdout
