"""How long and when, as people say it: "an hour and a half", "in ten minutes", "tomorrow at half past six", "every weekday at nine"."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import Any

from vita_tui.abilities.dates import day_of
from vita_tui.abilities.numbers import digits, fold
from vita_tui.abilities.phrases import data

__all__ = ["Moment", "moment_of", "next_time", "seconds_of"]

MAX_SECONDS = 366 * 86_400
"""Seconds; nobody waits longer for a timer."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is to happen."""

    due: float
    """Seconds since 1970."""
    at: str = ""
    """The time of day, "HH:MM", of what comes again."""
    days: str = ""
    """The weekdays on which it comes again, such as "01234"; Monday is 0."""


@functools.cache
def _folded(language: str, name: str) -> dict[str, Any]:
    return {fold(str(said)): value for said, value in data(language)["moments"].get(name, {}).items()}


def seconds_of(text: str, language: str) -> float | None:
    """A span of time in seconds; None when it is none, or one without end."""
    plain = fold(text).replace(",", " ")
    for said, value in sorted(_folded(language, "spans").items(), key=lambda one: -len(one[0])):
        plain = re.sub(rf"\b{re.escape(said)}\b", f" {value} ", plain)
    plain = digits(plain, language)
    units, joined = _folded(language, "units"), [fold(w) for w in data(language)["moments"]["joined_by"]]
    tokens = re.sub(r"(?<=\d)(?=[a-z])|-", " ", plain).split()
    total, index = Fraction(0), 0
    while index < len(tokens):
        if tokens[index] in joined and index:
            index += 1
        if index + 1 >= len(tokens) or not re.fullmatch(r"\d+(\.\d+)?", tokens[index]):
            return None
        unit = units.get(tokens[index + 1])
        if unit is None:
            return None
        total += Fraction(tokens[index]) * int(unit)
        index += 2
    return float(total) if 0 < total <= MAX_SECONDS else None


def moment_of(text: str, language: str, now: datetime) -> Moment | None:
    """When `text` says; None when it says nothing of the kind, or what has passed.

    Args:
        now: local time without a zone: what the clock on the wall shows, also over a change to summer time.
    """
    words: Mapping[str, Any] = data(language)["moments"]
    plain = fold(text).strip(" .,!?")
    if (found := re.fullmatch(words["in"], plain)) is not None and (
        span := seconds_of(found["span"], language)
    ) is not None:
        return Moment(now.timestamp() + span)
    days = ""
    for said, value in sorted(_folded(language, "repeats").items(), key=lambda one: -len(one[0])):
        if re.search(rf"\b{re.escape(said)}\b", plain):
            days = str(value)
            plain = re.sub(rf"\b{re.escape(said)}\b", " ", plain, count=1)
            break
    minutes, exact, rest = _clock(plain, language)
    if minutes is None:
        part = _folded(language, "parts").get(rest)
        if part is None or days:
            return None
        return Moment(
            datetime.combine(now.date() + timedelta(days=int(part[0])), _time(int(part[1]))).timestamp()
        )
    rest = " ".join(word for word in rest.split() if word not in words["small"])
    if days:
        at = _time(minutes if exact else _by_day(minutes))
        return None if rest else Moment(next_time(f"{at:%H:%M}", days, now), f"{at:%H:%M}", days)
    if rest:
        day = day_of(rest, language, now.date())
        if day is None:
            return None
        due = datetime.combine(day, _time(minutes if exact else _by_day(minutes)))
        return Moment(due.timestamp()) if due > now else None
    return Moment(_soonest(minutes, exact or not words.get("twelve_hours"), now).timestamp())


def next_time(at: str, days: str, after: datetime) -> float:
    """The next moment after `after`, local time without a zone, at "HH:MM" on one of `days`; in seconds since 1970."""
    wall = time.fromisoformat(at)
    for ahead in range(8):
        day = after.date() + timedelta(days=ahead)
        if str(day.weekday()) in days and datetime.combine(day, wall) > after:
            return datetime.combine(day, wall).timestamp()
    raise ValueError(f"no days: {days!r}")


def _time(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def _by_day(minutes: int) -> int:
    """One to five are in the afternoon where nobody says so."""
    return minutes + 720 if 60 <= minutes < 360 else minutes


def _soonest(minutes: int, exact: bool, now: datetime) -> datetime:
    candidates = [minutes] if exact else [minutes % 720, minutes % 720 + 720]
    moments = [
        datetime.combine(now.date() + timedelta(days=ahead), _time(one))
        for ahead in (0, 1)
        for one in candidates
    ]
    return min(moment for moment in moments if moment > now)


def _clock(plain: str, language: str) -> tuple[int | None, bool, str]:
    """Minutes since midnight, whether the half of the day is certain, and what else was said."""
    words = data(language)["moments"]
    for said, value in sorted(_folded(language, "times").items(), key=lambda one: -len(one[0])):
        if re.search(rf"\b{re.escape(said)}\b", plain):
            hours, minutes = map(int, str(value).split(":"))
            return (
                hours * 60 + minutes,
                True,
                re.sub(rf"(?:\b\w+ )?\b{re.escape(said)}\b", _keep_day(words), plain, count=1).strip(),
            )
    half, said_whole = None, " ".join(plain.split())
    for said, value in sorted(_folded(language, "halves").items(), key=lambda one: -len(one[0])):
        pattern = rf"(?<![a-z]){re.escape(said)}(?![a-z])"
        if re.search(pattern, plain):
            half, plain = str(value), re.sub(pattern, " ", plain, count=1)
            break
    spelled = digits(plain, language)
    for pattern in words["clocks"]:
        found = re.search(pattern, spelled)
        if found is None:
            continue
        groups = {name: value for name, value in found.groupdict().items() if value is not None}
        hour, minute = int(groups["h"]), int(groups.get("m", 0))
        if hour > 24 or minute > 59 or (half and hour > 12):
            return None, False, said_whole
        total = hour * 60 + minute + int(groups.get("past", 0)) - int(groups.get("to", 0))
        for name, value in words.get("fractions", {}).items():
            if name in groups:
                total += int(value)
        rest = " ".join((spelled[: found.start()] + " " + spelled[found.end() :]).split())
        if half is not None:
            total = total % 720 + (720 if half == "pm" else 0)
        return total % 1440, half is not None or hour > 12 or hour == 0, rest
    return None, False, said_whole


def _keep_day(words: Mapping[str, Any]) -> Any:
    """Takes "at" away with "at noon", and leaves "tomorrow" of "tomorrow noon"."""
    small = {fold(word) for word in words["small"]}

    def keep(found: re.Match[str]) -> str:
        first = found[0].split()[0]
        return " " if first in small or " " not in found[0] else f"{first} "

    return keep
