"""The log file: what is said again and again is written once, and then how often."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from vita_tui.tui.logs import REPEAT_SECONDS, _PrivateFile


@pytest.fixture
def handler(tmp_path: Path) -> Iterator[_PrivateFile]:
    handler = _PrivateFile(tmp_path / "vita.log", encoding="utf-8")
    yield handler
    handler.close()


def say(handler: _PrivateFile, text: str, at: float = 0.0) -> None:
    handler.emit(logging.makeLogRecord({"name": "native", "msg": text, "created": at}))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (["a", "a", "a"], ["a", "a (× 2 more)"]),
        (["a", "b", "a", "b", "a"], ["a", "b", "a (× 2 more)", "b (× 1 more)"]),
        (["a", "b", "c"], ["a", "b", "c"]),
        ([], []),
    ],
)
def test_repeats_are_counted(handler: _PrivateFile, said: list[str], written: list[str]) -> None:
    for text in said:
        say(handler, text)
    handler.close()
    assert Path(handler.baseFilename).read_text().splitlines() == written


def test_after_a_minute_it_is_said_again(handler: _PrivateFile) -> None:
    for at in (0.0, 1.0, 2.0, REPEAT_SECONDS + 1.0):
        say(handler, "underrun", at)
    handler.close()
    written = Path(handler.baseFilename).read_text().splitlines()
    assert written == ["underrun", "underrun (× 2 more)", "underrun"]
