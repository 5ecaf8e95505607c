"""Days as people name them: "tomorrow", "next friday", "the third of may", "in two weeks", "christmas"."""

from __future__ import annotations

import calendar
import functools
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from vita_tui.abilities.numbers import digits, fold
from vita_tui.abilities.phrases import data
from vita_tui.text.language import in_words

__all__ = ["day_of"]

_SPANS = {"day": 1, "week": 7}


def day_of(text: str, language: str, today: date, *, past: bool = False) -> date | None:
    """The day that `text` names; None when it does not name one.

    Args:
        past: without a year, or by a weekday alone, the last such day is meant and not the next.
    """
    words: Mapping[str, Any] = data(language)["dates"]
    plain = _without(fold(text), words)
    if (offset := _folded(language, "relative").get(plain)) is not None:
        return today + timedelta(days=int(offset))
    year = re.search(r"\b(\d{4})$", plain)
    name = plain[: year.start()].strip() if year else plain
    if (feast := _folded(language, "feasts").get(name)) is not None:
        return _feast(feast, today, int(year[1]) if year else None, past=past)
    if found := re.fullmatch(r"(\d{4})-(\d\d?)-(\d\d?)", plain):
        return _date(int(found[1]), int(found[2]), int(found[3]))
    if found := re.fullmatch(r"(\d\d?)([./])\s?(\d\d?)(?:[./]\s?(\d{4})?)?", plain):
        first, second = int(found[1]), int(found[3])
        month, day = (first, second) if words.get("month_first") and found[2] == "/" else (second, first)
        return _yearless(month, day, int(found[4]) if found[4] else None, today, past=past)
    return _span(plain, language, today) or _named(plain, language, today, past=past)


@functools.cache
def _folded(language: str, name: str) -> dict[str, Any]:
    return {fold(str(word)): value for word, value in data(language)["dates"].get(name, {}).items()}


@functools.cache
def _ordinals(language: str) -> dict[str, int]:
    found = {fold(in_words(day, language, "ordinal")): day for day in range(1, 32)}
    return {**found, **_folded(language, "ordinals")}


def _without(plain: str, words: Mapping[str, Any]) -> str:
    """Without the small words that say nothing."""
    plain = plain.rstrip(".?!,")
    for prefix in words.get("beginnings", ()):
        plain = plain.removeprefix(f"{fold(prefix)} ")
    return plain.strip()


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _yearless(month: int, day: int, year: int | None, today: date, *, past: bool) -> date | None:
    if year is not None:
        return _date(year, month, day)
    years = range(today.year, today.year - 9, -1) if past else range(today.year, today.year + 9)
    for candidate in years:  # a leap day comes every four years, once in eight
        found = _date(candidate, month, day)
        if found is not None and (found <= today if past else found >= today):
            return found
    return None


def easter(year: int) -> date:
    """Western Easter Sunday (Butcher's algorithm)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _feast(feast: str, today: date, year: int | None, *, past: bool) -> date | None:
    """`feast` is "MM-DD", "easter+N" or "MM/weekday/N" for the nth weekday of a month."""

    def in_year(number: int) -> date:
        if feast.startswith("easter"):
            return easter(number) + timedelta(days=int(feast.removeprefix("easter") or 0))
        if "/" in feast:
            month, weekday, nth = map(int, feast.split("/"))
            first = (weekday - date(number, month, 1).weekday()) % 7 + 1
            return date(number, month, first + 7 * (nth - 1))
        return date(number, int(feast[:2]), int(feast[3:]))

    if year is not None:
        return in_year(year)
    this = in_year(today.year)
    if past:
        return this if this <= today else in_year(today.year - 1)
    return this if this >= today else in_year(today.year + 1)


def _span(plain: str, language: str, today: date) -> date | None:
    words: Mapping[str, Any] = data(language)["dates"]
    plain = digits(plain, language)
    for pattern, sign in ((words["in"], 1), (words["ago"], -1)):
        found = re.fullmatch(str(pattern).replace("#", r"(?P<n>\d+) (?P<unit>\w+)"), plain)
        unit = _folded(language, "spans").get(found["unit"]) if found else None
        if found is None or unit is None or len(found["n"]) > 5:
            continue
        number = sign * int(found["n"])
        if unit in _SPANS:
            return _moved(today, days=number * _SPANS[unit])
        months = today.year * 12 + today.month - 1 + number * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        if not 1 <= year <= 9999:
            return None
        return date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))
    return None


def _moved(today: date, days: int) -> date | None:
    try:
        return today + timedelta(days=days)
    except OverflowError:
        return None


def _named(plain: str, language: str, today: date, *, past: bool) -> date | None:
    """A weekday, or a day of a month: the words in any order, and no others."""
    words: Mapping[str, Any] = data(language)["dates"]
    weekdays, months, ordinals = (
        _folded(language, "weekdays"),
        _folded(language, "months"),
        _ordinals(language),
    )
    small = {fold(word) for word in words["small"]}
    weekday = month = day = year = step = None
    tokens = plain.replace(",", " ").split()
    index = 0
    while index < len(tokens):
        for end in range(min(len(tokens), index + 4), index, -1):
            said = " ".join(tokens[index:end])
            number = re.fullmatch(rf"(\d\d?)(?:{words['ordinal_ending']})?\.?", said)
            if said in weekdays and weekday is None:
                weekday = int(weekdays[said])
            elif said in months and month is None:
                month = int(months[said])
            elif number is not None and day is None:
                day = int(number[1])
            elif re.fullmatch(r"\d{4}", said) and year is None:
                year = int(said)
            elif said in ordinals and day is None:
                day = ordinals[said]
            elif said in _folded(language, "steps") and step is None:
                step = int(_folded(language, "steps")[said])
            elif (value := digits(said, language)).isdigit() and day is None and int(value) <= 31:
                day = int(value)
            elif (value.isdigit() and len(value) == 4) and year is None:
                year = int(value)
            elif said not in small:
                continue
            index = end
            break
        else:
            return None
    if month is not None and day is not None and step is None:
        return _yearless(month, day, year, today, past=past)
    if weekday is not None and (month, day, year) == (None, None, None):
        return _weekday(weekday, step, today, past=past)
    return None


def _weekday(weekday: int, step: int | None, today: date, *, past: bool) -> date:
    if step == -1 or (past and step is None):
        return today - timedelta(days=(today.weekday() - weekday - 1) % 7 + 1)
    ahead = (weekday - today.weekday()) % 7
    return today + timedelta(days=ahead or (7 if step == 1 else 0))
