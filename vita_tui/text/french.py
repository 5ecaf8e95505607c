"""French: "1er", centuries in Roman numbers, hours with h, "un" and "une"."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vita_tui.text.language import Language, PatternPart, in_words, roman

__all__ = ["French"]

ROMAN = r"[IVX]{1,6}"
PARTS = frozenset(
    "chapitre tome acte partie annexe article titre volume livre scène phase niveau chap vol art t".split()
)


class French(Language):
    code = "fr"
    phones = r"\+\d{1,3}(?: \(0\))?(?:[ .-]?\d{1,4}){3,7}|0\d(?:[ .-]?\d\d){4}"
    longest_decimals = 3
    singular_scales: Mapping[str, str] = {"millions": "million", "milliards": "milliard"}
    noun = r"\s([a-zà-ÿœ-]+)"

    def dates(self, number: str) -> tuple[PatternPart, ...]:
        month = self.v.month_pattern
        return (
            (
                "slashed",
                r"(?<![\w/])(?P<day>[0-3]?\d)[/.](?P<month>0?[1-9]|1[0-2])[/.](?P<year>(?:1\d|20)\d\d|\d\d)(?![\w/]|[.,]\d)|(?<![\w/.,])(?P<short_day>[0-3]\d)/(?P<short_month>0[1-9])(?![\w/]|[.,]\d)",
            ),
            (
                "day_month",
                rf"(?<![\w.,:/])(?:(?P<dm_from>[0-3]?\d)(?:er)?\s?[-–]\s?)?(?P<dm_day>[0-3]?\d)(?:er)?\s(?P<dm_month>{month})(?!\w)",
            ),
            (
                "clock",
                r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4])(?:\s?h\s?(?P<minute>[0-5]\d)(?:\s?min)?(?!\w|[.,]\d)|:(?P<colon>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])(?:\s?h(?!\w))?)(?!\w)",
            ),
        )

    def ranks(self) -> tuple[PatternPart, ...]:
        return (
            (
                "ordinal",
                r"(?<![\w.,])(?P<rank>\d{1,6})(?:\^\{?)?(?P<suffix>ers?|i?[eè]res?|res?|nde?s?|i?[eè]mes?|es?|ᵉʳ|ᵉ)\}?(?!\w)",
            ),
            (
                "century",
                rf"(?<!\w)(?P<century_roman>{ROMAN})(?P<century_end>ers?|re|ère|i?[eè]mes?|es?|ᵉ)(?!\w)",
            ),
            ("ruler", r"(?:(?<=[a-zéèê] )|(?<=[a-z]\. ))(?P<reign>[IVX]{2,6}|V|X)(?!\w)"),
        )

    def read(self, kind: str, match: re.Match[str]) -> str:
        if kind == "slashed":
            return self.slashed(match)
        if kind == "day_month":
            start = f"{self._day(int(match['dm_from']))} à " if match["dm_from"] else ""
            return start + self.date(int(match["dm_day"]), self.v.month_numbers[match["dm_month"]])
        if kind == "clock":
            return self.clock(match["hour"], match["minute"] or match["colon"], match["second"] or "")
        if kind == "ordinal":
            return self._rank(int(match["rank"]), match["suffix"])
        if kind == "century":
            return self._rank(roman(match["century_roman"]), match["century_end"])
        name = re.search(r"(\w+)\.? $", match.string[max(0, match.start() - 30) : match.start()])
        return (
            self.cardinal(roman(match["reign"]))
            if name and (name[1][0].isupper() or name[1] in PARTS)
            else match["reign"]
        )

    # ----

    def cardinal(self, value: int, gender: str = "") -> str:
        said = in_words(value, "fr")
        return f"{said}e" if gender == "f" and said.endswith("un") else said

    def phone(self, text: str) -> str:
        """In pairs, as it is said: 06 12 → zéro six, douze."""
        groups = re.findall(r"\d+", text)
        if any(len(group) > 2 for group in groups[1:]) or len(groups) < 3:
            joined = "".join(groups)
            groups = [joined[place : place + 2] for place in range(0, len(joined), 2)]
        return ", ".join(
            f"{self.cardinal(0)} {self.cardinal(int(group))}"
            if len(group) == 2 and group[0] == "0"
            else self.whole(group)
            for group in groups
        )

    def denominator(self, top: int, bottom: int) -> str:
        if bottom > 4:
            return in_words(bottom, "fr", "ordinal") + ("s" if top != 1 else "")
        return super().denominator(top, bottom)

    def fraction(self, top: int, bottom: int, noun: str = "") -> str:
        if (top, bottom) == (1, 2) and noun:
            return f"{self.cardinal(1, self.gender(f' {noun}'))} demi"
        return super().fraction(top, bottom)

    def mixed(self, whole: str, top: int, bottom: int) -> str:
        if (top, bottom) == (1, 2):
            return f"{self.whole(whole)} et demi"
        return super().mixed(whole, top, bottom)

    def after_magnitude(self, scale: str, many: str) -> str:
        if scale == "mille":
            return many
        return f"d'{many}" if many[0] in "aeiou" else f"de {many}"

    def with_cents(self, large: str, hundredths: int, cents: str) -> str:
        return f"{large} {self.cardinal(hundredths)}"

    def clock(self, hour: str, minute: str, second: str = "") -> str:
        """14, 30 → quatorze heures trente."""
        hours = int(hour)
        said = f"{self.cardinal(hours, 'f')} heure{'s' if hours > 1 else ''}"
        if minute and (int(minute) or second):
            said += f" {self.cardinal(int(minute), '' if second else 'f' if int(minute) == 1 else '')}"
        if second:
            said += f" et {self.cardinal(int(second), 'f')} seconde{'s' if int(second) > 1 else ''}"
        return said

    def date(self, day: int, month: int, in_year: str = "") -> str:
        """6, 5, 2024 → six mai deux mille vingt-quatre."""
        if not 1 <= day <= 31:
            raise ValueError(day)
        said = f"{self._day(day)} {self.v.months[month - 1][0]}"
        return f"{said} {self.year(in_year)}" if in_year else said

    def _day(self, day: int) -> str:
        return "premier" if day == 1 else self.cardinal(day)

    def _rank(self, value: int, suffix: str) -> str:
        if value == 1:
            said = "premier" if suffix.startswith(("er", "ᵉʳ")) else "première"
        elif value == 2 and suffix.startswith("nd"):
            said = "seconde" if suffix.startswith("nde") else "second"
        else:
            said = in_words(value, "fr", "ordinal")
        return said + ("s" if suffix.endswith("s") else "")
