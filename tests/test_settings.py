"""Settings: what is wrong is one sentence that names the place, and lists can be given as words."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vita_tui import settings
from vita_tui.errors import SettingsError
from vita_tui.settings import sources


@pytest.mark.parametrize(
    ("content", "says", "remedy"),
    [
        ("stt = 3", "stt is a section", "[stt]"),
        ("[stt]\nthreads = 'many'", "stt.threads is wrong: it should be a whole number", "Default: 2."),
        ("[stt]\nlanguage = 3", "stt.language is wrong: it should be text in quotes", 'Default: "en".'),
        ("[audio]\nspeak = 'loud'", "audio.speak is wrong: it should be true or false", "Default: true."),
        (
            "[tts]\nengines = ['piper', 'festival']",
            "tts.engines is wrong",
            'Default: ["remote", "piper", "pyttsx3"].',
        ),
        ("[tts]\nengines = 3", "tts.engines is wrong: it should be a list", "Voices to try"),
        ("[tts]\nrat = 1.0", "there is no setting tts.rat", "Did you mean tts.rate?"),
        ("[tts]\nzzz = 1.0", "there is no setting tts.zzz", "Did you mean tts."),
        ("[sst]\nmodel = 'base'", "there is no setting sst", "Did you mean stt?"),
        ("[nonsense]\na = 1", "there is no setting nonsense", "See: vita config show"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_what_it_should_be(
    tmp_path: Path, content: str, says: str, remedy: str
) -> None:
    file = tmp_path / "vita.toml"
    file.write_text(content)
    with pytest.raises(SettingsError) as raised:
        settings.load(file)
    assert raised.value.message.startswith(f"{file}: ")
    assert says in raised.value.message
    assert remedy in raised.value.remedy


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("VITA_STTT__MODEL", "base", "VITA_STTT__MODEL: there is no setting sttt.model"),
        ("VITA_STT__MODLE", "base", "VITA_STT__MODLE: there is no setting stt.modle"),
        ("VITA_STT", "base", "VITA_STT is not JSON"),
        ("VITA_STT__FALLBACK", '["tiny.en"', "neither JSON nor words"),
        ("VITA_TTS__ENGINES", "piper,festival", "VITA_TTS__ENGINES: tts.engines is wrong"),
    ],
)
def test_a_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as raised:
        settings.load(tmp_path / "none.toml")
    assert says in raised.value.message


@pytest.mark.parametrize("value", ["pyttsx3, piper", '["pyttsx3", "piper"]'])
def test_a_list_is_words_or_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    monkeypatch.setenv("VITA_TTS__ENGINES", value)
    assert settings.load(tmp_path / "none.toml").tts.engines == ("pyttsx3", "piper")


def test_an_empty_variable_is_an_empty_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VITA_STT__FALLBACK", "")
    assert settings.load(tmp_path / "none.toml").stt.fallback == ()


def test_threads_that_read_at_once_read_each_their_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_have_read = threading.Barrier(2, timeout=60)
    monkeypatch.setattr(sources, "_check_variables", both_have_read.wait)

    def rate(number: int) -> float:
        file = tmp_path / f"{number}.toml"
        file.write_text(f"[tts]\nrate = 1.{number}\n")
        return settings.load(file).tts.rate

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(rate, (1, 2))) == [1.1, 1.2]
