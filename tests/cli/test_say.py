"""`vita say`: in which language, and with --print what would be spoken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.engines.tts.speech_server import Answer, serving, wave
from tests.forked import run_vita


def vita(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return run_vita(*arguments, env={**os.environ, "VITA_HOME": str(home), **env})


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (("It is 1.5x faster.",), {}, "It is one point five times faster."),
        (("Wir haben 25 Tage.",), {"VITA_STT__LANGUAGE": "de"}, "Wir haben fünfundzwanzig Tage."),
        (("Wir haben 25 Tage.", "--language", "de"), {}, "Wir haben fünfundzwanzig Tage."),
        (("25 jours", "--language", "fr"), {"VITA_STT__LANGUAGE": "de"}, "vingt-cinq jours"),
        (("I have 2.", "--language", "en-GB"), {"VITA_STT__LANGUAGE": "de"}, "I have two."),
        (("-5 °C",), {"VITA_STT__LANGUAGE": "auto"}, "minus five degrees Celsius"),
    ],
)
def test_printed_in_the_language(
    home: Path, arguments: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    # No voice is needed for it: there is none.
    done = vita(home, "say", "--print", *arguments[1:], "--", arguments[0], VITA_TTS__ENGINES="", **env)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{said}\n", "")


def test_printing_loads_no_voice(home: Path) -> None:
    code = (
        "import sys; from vita_tui.cli.app import app; app(['say', '--print', 'I have 2.'], standalone_mode=False);"
        "print(sorted({'onnxruntime', 'sounddevice', 'piper', 'av', 'faster_whisper'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
        env={**os.environ, "VITA_HOME": str(home)},
    )
    assert done.stdout == "I have two.\n[]\n", done.stderr


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(("--language", "de"), {}), ((), {"VITA_STT__LANGUAGE": "de"})],
    ids=["option", "setting"],
)
def test_spoken_in_the_language(
    home: Path, tmp_path: Path, arguments: tuple[str, ...], env: dict[str, str]
) -> None:
    sound = Answer(wave(np.zeros(2400, np.float32) + 0.1, 24_000))
    with serving(lambda _: sound) as server:
        done = vita(
            home,
            "say",
            "Wir haben 25 Tage.",
            "--out",
            str(tmp_path / "said.wav"),
            *arguments,
            VITA_TTS__BASE_URL=server.base_url,
            VITA_TTS__ENGINES="remote",
            **env,
        )
        assert done.returncode == 0, done.stderr
        assert " ".join(request["input"] for request in server.requests) == "Wir haben fünfundzwanzig Tage."


def test_without_any_voice_in_the_settings_that_is_said(home: Path) -> None:
    done = vita(home, "say", "Hello.", "--out", os.devnull, VITA_TTS__ENGINES="[]")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("vita: No voice is set up.\n  → Name one in tts.engines")


@pytest.mark.parametrize("language", ["Deutsch", "d", "de DE", "../de", ""])
def test_what_is_no_code_of_a_language_is_refused(home: Path, language: str) -> None:
    done = vita(home, "say", "--print", "--language", language, "25 %")
    assert (done.returncode, done.stdout) == (2, "")
    assert "not the code of a language" in done.stderr
