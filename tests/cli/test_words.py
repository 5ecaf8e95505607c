"""`vita words`: what is added is in the settings file, once, as it was written last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vita_tui import paths
from vita_tui.cli.app import app

pytestmark = pytest.mark.usefixtures("home")


def words(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["words", *arguments])
    return done.exit_code, done.stdout


def listed() -> list[str]:
    found: list[str] = json.loads(words("list", "--json")[1])
    return found


def test_words_are_kept_in_the_settings_file_beside_what_is_there() -> None:
    file = paths.config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('# mine\n[stt]\nlanguage = "de" # German\n', encoding="utf-8")
    assert words("add", "Priyanka", "Rio  Tinto", "priyanka") == (0, "")
    assert listed() == ["priyanka", "Rio Tinto"]
    assert "# German" in file.read_text(encoding="utf-8")


def test_the_last_spelling_counts() -> None:
    words("add", "kubectl", "Ann")
    words("add", "KUBECTL")
    assert listed() == ["Ann", "KUBECTL"]
    assert words("list") == (0, "Ann\nKUBECTL\n")


def test_what_is_removed_is_gone_and_what_was_not_there_is_told() -> None:
    words("add", "Ann", "Bob")
    assert words("remove", "ANN", "Carl")[0] == 0
    assert listed() == ["Bob"]
    assert words("remove", "Carl")[0] == 1


@pytest.mark.parametrize("word", ["", "  ", "...", "x" * 61, "a\x1b[31m"])
def test_what_is_no_word_is_refused(word: str) -> None:
    assert words("add", "Ann", word)[0] == 2
    assert not paths.config_file().exists()


def test_an_empty_list_says_how_to_fill_it(home: Path) -> None:
    assert words("list") == (0, "")
