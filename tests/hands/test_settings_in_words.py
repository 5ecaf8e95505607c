"""Settings as a person reads and types them: the cases are in settings.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from vita_tui import settings
from vita_tui.errors import SettingsError
from vita_tui.tui.setting_rows import SettingRow, setting_rows

CASES = tomllib.loads(Path(__file__).with_name("settings.toml").read_text("utf-8"))["typed"]
ROWS = {row.key: row for row in setting_rows()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['key']} {case['typed'].strip()}")
def test_typed(case: dict[str, Any]) -> None:
    row = ROWS[case["key"]]
    if "says" in case:
        with pytest.raises(SettingsError) as caught:
            row.parse(case["typed"])
        assert caught.value.message == case["says"]
        return
    value = row.parse(case["typed"])
    assert value == case["value"]
    assert row.in_words(value) == case["words"]
    settings.assign(settings.Settings(), row.key, value)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_setting_is_told_in_words(row: SettingRow) -> None:
    assert row.group
    assert row.about
    assert row.name[0].isupper(), row.name
    assert "_" not in row.name, row.name
    assert len(row.name) < 36, row.name
    same = [other.key for other in ROWS.values() if (other.group, other.name) == (row.group, row.name)]
    assert same == [row.key], "two rows of a group have one name"
    assert row.in_words(row.default)
    if row.kind in ("number", "whole") or (row.kind == "list" and row.default):
        parsed = row.parse(row.typed(row.default))
        assert (tuple(parsed) if row.kind == "list" else parsed) == row.default


def test_the_groups_are_each_in_one_place() -> None:
    groups = [row.group for row in ROWS.values()]
    places = [at for at, group in enumerate(groups) if at == 0 or groups[at - 1] != group]
    assert len(places) == len(set(groups))
    assert sorted(ROWS) == sorted(key for key, _ in settings.fields())


@pytest.mark.parametrize(
    ("words", "key"),
    [("loud", "tts.volume"), ("silence ends", "talk.end_silence"), ("dBFS room", "audio.noise_floor"), ("llm.temp", "llm.temperature")],
)  # fmt: skip
def test_the_filter_reads_names_and_descriptions(words: str, key: str) -> None:
    assert key in [row.key for row in ROWS.values() if row.matches(words)]
    assert not ROWS[key].matches(f"{words} zzz")
