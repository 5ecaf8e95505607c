"""Dates, times and ranges of anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vita_tui.text.reading_kind import ReadingKind, RegexMatch, Saying, currency_sign

__all__ = ["DateReadings"]


class DateReadings(ReadingKind):
    def table(self) -> Mapping[str, Saying]:
        return {
            "stamp": self.stamp,
            "duration": self.duration,
            "weekday": self.weekday,
            "weekdays": self.weekdays,
            "months": self.months,
            "alphabet": lambda match: self.language.range(match["letter_from"], match["letter_to"]),
            "ratio": self.ratio,
            "range": self.span,
        }

    def stamp(self, match: RegexMatch) -> str:
        said = self.language.date(int(match["iso_day"]), int(match["iso_month"]), match["iso_year"])
        if match["iso_hour"] is None:
            return said
        return f"{said}, {self.language.clock(match['iso_hour'], match['iso_minute'])}"

    def weekdays(self, match: RegexMatch) -> str:
        return self.language.range(
            *(self._listed(self.language.v.weekdays, match[name]) for name in ("day_from", "day_to"))
        )

    def duration(self, match: RegexMatch) -> str:
        return " ".join(
            self.language.measure(match[name], unit) for name, unit in (("hours", "h"), ("minutes", "min"))
        )

    def weekday(self, match: RegexMatch) -> str:
        return self._listed(self.language.v.weekdays, match["weekday_before"] or match["weekday_after"])

    def months(self, match: RegexMatch) -> str:
        return self.language.range(
            *(self._listed(self.language.v.months, match[name]) for name in ("month_from", "month_to"))
        )

    def _listed(self, table: Sequence[Sequence[str]], form: str) -> str:
        return next(forms[0] for forms in table if form in forms)

    def span(self, match: RegexMatch) -> str:
        """A range of anything: numbers, money, units, years."""
        language = self.language
        low, high = match["low"], match["high"]
        low_unit, unit, scale = match["low_unit"], match["range_unit"], match["range_scale"] or ""
        currency = match["high_currency"] or match["low_currency"]
        if unit and currency is None and language.v.is_currency(currency_sign(unit)):
            currency, unit = unit, None
        if currency:
            own = (match["low_currency"] and match["high_currency"]) or low_unit
            start = language.money(low, currency_sign(currency)) if own else language.number(low, "m")
            return language.range(start, language.money(high, currency_sign(currency), scale))
        if unit == "x":
            return f"{language.range(language.number(low), language.number(high))} {self._words.get('multiple', self._words['times'])}"
        if scale:
            return (
                f"{language.range(language.number(low), language.number(high))} {language.magnitude(scale)}"
            )
        if unit:
            start = (
                language.measure(low, low_unit)
                if low_unit and low_unit != unit
                else language.number(low, language.v.unit(unit).gender)
            )
            return language.range(start, language.measure(high, unit))
        if low_unit:
            return language.range(language.measure(low, low_unit), language.number(high))
        if language.looks_like_year(low) and (len(high) == 2 or _is_year(high)):
            return language.range(
                language.year(low), language.year(high) if len(high) == 4 else language.number(high)
            )
        gender = language.gender(match.string[match.end() : match.end() + 40])
        if match.string[match.end("low")] == "-":
            if re.match(r"\s?=", match.string[match.end() : match.end() + 2]):
                return f"{language.number(low)} {self._words['minus']} {language.number(high)}"
            if low.isdigit() and high.isdigit() and int(low) > int(high) and len(low) > 2:  # Boeing 747-400
                return f"{language.number(low)} {language.number(high)}"
        return language.range(language.number(low, gender), language.number(high, gender))

    def ratio(self, match: RegexMatch) -> str:
        divided = re.match(r"\s?=", match.string[match.end() : match.end() + 2])
        between = self.language.v.symbols["÷"] if divided else self._words["ratio"]
        return (
            f"{self.language.whole(match['ratio_one'])} {between} {self.language.whole(match['ratio_two'])}"
        )


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and 1100 <= int(text) <= 2099
