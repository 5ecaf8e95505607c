"""When and how long, as it is said, by rows. It is Friday, 27 November 2026, 15:40."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from vita_tui.abilities.moments import moment_of, next_time, seconds_of

NOW = datetime(2026, 11, 27, 15, 40)

SPANS = [
    ("en", "ten minutes", 600),
    ("en", "10 min", 600),
    ("en", "an hour and a half", 5400),
    ("en", "one and a half hours", 5400),
    ("en", "half an hour", 1800),
    ("en", "1 hour and 20 minutes", 4800),
    ("en", "two minutes thirty seconds", 150),
    ("en", "2.5 minutes", 150),
    ("en", "ninety seconds", 90),
    ("en", "a while", None),
    ("en", "zero minutes", None),
    ("en", "ten", None),
    ("en", "400 days", None),
]

MOMENTS = [
    ("en", "in ten minutes", "2026-11-27 15:50"),
    ("en", "at half past six", "2026-11-27 18:30"),
    ("en", "at quarter to nine", "2026-11-27 20:45"),
    ("en", "at 4", "2026-11-27 16:00"),
    ("en", "at 3", "2026-11-28 03:00"),
    ("en", "at 3 pm", "2026-11-28 15:00"),
    ("en", "at 6:30 am", "2026-11-28 06:30"),
    ("en", "at 18:05", "2026-11-27 18:05"),
    ("en", "at seven in the morning", "2026-11-28 07:00"),
    ("en", "at noon", "2026-11-28 12:00"),
    ("en", "at midnight", "2026-11-28 00:00"),
    ("en", "tomorrow at nine", "2026-11-28 09:00"),
    ("en", "tomorrow at 3", "2026-11-28 15:00"),
    ("en", "tomorrow", "2026-11-28 09:00"),
    ("en", "on monday at 8 am", "2026-11-30 08:00"),
    ("en", "on december 24 at 6 pm", "2026-12-24 18:00"),
    ("en", "every weekday at nine", "2026-11-30 09:00 01234"),
    ("en", "every day at 8 pm", "2026-11-27 20:00 0123456"),
    ("en", "every monday at 7:15 am", "2026-11-30 07:15 0"),
    ("en", "at 25:00", None),
    ("en", "at 6:75", None),
    ("en", "yesterday at nine", None),
    ("en", "at the station", None),
]


@pytest.mark.parametrize(("language", "text", "seconds"), SPANS)
def test_a_span_in_words_is_so_many_seconds(language: str, text: str, seconds: float | None) -> None:
    assert seconds_of(text, language) == seconds


@pytest.mark.parametrize(("language", "text", "expected"), MOMENTS)
def test_a_moment_in_words_is_one_on_the_wall(language: str, text: str, expected: str | None) -> None:
    moment = moment_of(text, language, NOW)
    said = moment and f"{datetime.fromtimestamp(moment.due):%Y-%m-%d %H:%M} {moment.days}".strip()
    assert said == expected


@pytest.fixture
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("needs time.tzset")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_berlin")
@pytest.mark.parametrize(
    ("after", "hours"),
    [
        (datetime(2026, 10, 24, 9), 25),  # the night in which summer time ends
        (datetime(2026, 3, 28, 9), 23),  # and the one in which it begins
        (datetime(2026, 6, 1, 9), 24),
    ],
)
def test_what_comes_every_day_keeps_its_hour_over_summer_time(after: datetime, hours: int) -> None:
    assert next_time("09:00", "0123456", after) - after.timestamp() == hours * 3600
