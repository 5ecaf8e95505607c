"""Fills the answers of a language: `{left:duration}`, `{at:clock}`, `{day:date}`, `{days:of.day}`,
`{total:number}`, `{list:named}`."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from vita_tui.abilities.phrases import data

__all__ = ["Renderer", "singular"]

DIGITS = 6
"""Significant ones of a number that has no end, or too many."""


class Renderer(string.Formatter):
    """One language's way to say things."""

    def __init__(self, language: str) -> None:
        self._data = data(language)
        self._words = self._data["words"]

    def render(self, key: str, values: Mapping[str, Any]) -> str:
        """The answer `key`, filled with `values`."""
        template = self._data["answers"][key]
        said = self.vformat(template, (), {key: _plain(value) for key, value in values.items()})
        for wrong, right in self._words.get("corrections", ()):
            said = re.sub(wrong, right, said)
        return said

    def topic(self, intent: str) -> str:
        """What `intent` is about, in a word or two."""
        return str(self._data.get("topics", {}).get(intent, ""))

    def has(self, key: str) -> bool:
        """Whether there is such an answer."""
        return key in self._data["answers"]

    def format_field(self, value: Any, format_spec: str) -> str:
        """`value` as the answer wants it said."""
        name, _, argument = format_spec.partition(".")
        match name:
            case "duration":
                return self.duration(value)
            case "durations":
                return self.joined([self.duration(seconds) for seconds in value])
            case "clock":
                return self.clock(value)
            case "moment":
                return self.moment(value)
            case "clocks":
                return self.joined([self.moment(moment) for moment in value])
            case "reminders":
                return self.joined([f"{what}, {self.moment(moment)}" for moment, what in value])
            case "days":
                return self.repeated(value)
            case "date":
                return self.date(value, form=f"date_{argument}" if argument else "date")
            case "day":
                return self.date(value, form="date_without_year")
            case "named":
                return self.list_name(value)
            case "weekday":
                return str(self._words["weekdays"][value if isinstance(value, int) else value.weekday()])
            case "number":
                return self.number(value)
            case "of":
                return self.amount(value, argument)
            case "list":
                return self.joined(value)
            case "choice":
                return str(self._words[argument][value])
            case _:
                return str(value)

    def number(self, value: Fraction | int) -> str:
        """In digits, with the language's own marks; a number without an end is cut."""
        value = Fraction(value)
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        if Fraction(exact) != value or len(exact.as_tuple().digits) > 2 * DIGITS:
            exact = Context(prec=DIGITS).create_decimal(exact)
        text = f"{exact:,f}"
        whole, _, rest = text.partition(".")
        rest = rest.rstrip("0")
        if len(whole.lstrip("-")) <= 5:
            whole = whole.replace(",", "")
        whole = whole.replace(",", self._words["thousands"]).replace("-", "−")
        return f"{whole}{self._words['decimal']}{rest}" if rest else whole

    def amount(self, value: Fraction | int, unit: str) -> str:
        """A number with its unit in the right number: "1 day", "2 days"."""
        one, many = self._words["units"][unit]
        return f"{self.number(value)} {one if singular(value, self._words) else many}"

    def duration(self, seconds: float) -> str:
        """Such as "1 hour and 5 minutes"; at most two units, rounded to the second."""
        left = max(0, round(seconds))
        parts = []
        for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
            count, left = divmod(left, size)
            if count:
                parts.append(self.amount(count, unit))
            if len(parts) == 2:
                break
        return self.joined(parts) if parts else self.amount(0, "second")

    def clock(self, moment: datetime | time) -> str:
        """The time of day."""
        hour, words = moment.hour, self._words
        form = words["clock"] if moment.minute else words.get("clock_at_the_hour", words["clock"])
        return str(form).format(
            h24=hour,
            h12=hour % 12 or 12,
            mm=f"{moment.minute:02}",
            half=self._words["halves"][hour >= 12],
        )

    def moment(self, due: datetime) -> str:
        """The day, in short, and the time of day."""
        return str(self._words["moment"]).format(
            weekday=self._words["weekdays"][due.weekday()], clock=self.clock(due)
        )

    def repeated(self, days: str) -> str:
        """On which days something comes again."""
        named: Mapping[str, str] = self._words["repeated"]
        if days in named:
            return named[days]
        return self.joined([str(self._words["weekdays"][int(day)]) for day in days])

    def list_name(self, name: str) -> str:
        """A list by its name, such as "list of errands"."""
        known: Mapping[str, str] = self._words["list_names"]
        return known.get(name) or str(self._words["list_named"]).format(
            name=name, Name=name[:1].upper() + name[1:]
        )

    def date(self, day: date, *, form: str = "date") -> str:
        """The day in full.

        Args:
            form: a key of the language's words.
        """
        words = self._words
        return str(words[form]).format(
            weekday=words["weekdays"][day.weekday()],
            day=words.get("first_day", day.day) if day.day == 1 else day.day,
            month=words["months"][day.month - 1],
            year=day.year,
        )

    def joined(self, things: Sequence[str]) -> str:
        """As a list that is read out."""
        if len(things) < 2:
            return "".join(things)
        return f"{', '.join(things[:-1])} {self._words['and']} {things[-1]}"


def singular(value: Fraction | int, words: Mapping[str, Any]) -> bool:
    """Whether a unit is said in the singular after `value`: where the language counts 1.5 as more than one, only after 1."""
    until = words.get("one_until")
    return abs(value) == 1 if until is None else abs(value) < until


def _plain(value: Any) -> Any:
    """What was said by a user is no template, but may be empty."""
    return "" if value is None else value
