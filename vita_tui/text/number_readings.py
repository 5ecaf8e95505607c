"""Numbers: money, measures, fractions, powers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from vita_tui.text.language import VULGAR
from vita_tui.text.reading_kind import ReadingKind, RegexMatch, Saying, currency_sign

__all__ = ["NumberReadings"]


class NumberReadings(ReadingKind):
    def table(self) -> Mapping[str, Saying]:
        return {
            "phone": lambda match: (
                (f"{self._words['plus']} " if match[0][0] == "+" else "") + self.language.phone(match[0])
            ),
            "version": self.version,
            "money": self.money,
            "dimension": self.dimension,
            "scientific": self.scientific,
            "vulgar": self.vulgar,
            "fraction": self.fraction,
            "multiple": self.multiple,
            "measure": lambda match: self.language.measure(
                match["measured"], match["unit"], joined=match["joined"] is not None
            ),
            "large": lambda match: (
                f"{self.language.number(match['large_value'])} {self.language.magnitude(match['scale'])}"
            ),
            "number": self.number,
            "angle": self.angle,
            "inch_mark": self.inch_mark,
            "charge": self.charge,
        }

    def again(self) -> Mapping[str, Saying]:
        return {
            "power": self.power,
            "raised_to": lambda match: self.language.power(match["raised_by"]),
        }

    def version(self, match: RegexMatch) -> str:
        said = self.language.version(match["parts"] or match["short_parts"])
        return f"{self._words['version']} {said}" if match[0][0] in "vV" else said

    def money(self, match: RegexMatch) -> str:
        if match["currency"] is not None:
            amount = (match["money_sign"] or "") + match["amount"]
            return self.language.money(amount, currency_sign(match["currency"]), match["magnitude"] or "")
        return self.language.money(
            match["amount_first"], match["currency_last"], match["magnitude_first"] or ""
        )

    def dimension(self, match: RegexMatch) -> str:
        language = self.language
        sides = re.split(r"\s?[x×]\s?", match["sides"])
        unit = match["dimension_unit"]
        said = [language.number(side) for side in sides]
        if unit:
            said[-1] = language.measure(sides[-1], unit)
        return f" {self._words['by']} ".join(said)

    def scientific(self, match: RegexMatch) -> str:
        exponent = match["exponent_e"] or match["exponent_caret"] or match["exponent_raised"]
        return self.language.scientific(match["mantissa"], exponent, match["scientific_unit"] or "")

    def fraction(self, match: RegexMatch) -> str:
        top, bottom = int(match["top"]), int(match["bottom"])
        mixed = match["mixed"] or ""
        before = match.string[max(0, match.start() - 3) : match.start()]
        after = match.string[match.end() : match.end() + 40]
        if not mixed and (
            (re.match(r"\s?=", after) and top % bottom == 0)
            or (" / " in match[0] and (re.search(r"[-+*×=]\s?$", before) or re.match(r"\s?[-+*×=]", after)))
        ):
            return f"{self.language.cardinal(top)} {self.language.v.symbols['÷']} {self.language.cardinal(bottom)}"
        if not mixed and top == bottom:  # "fifty fifty"
            return f"{self.language.cardinal(top)} {self.language.cardinal(bottom)}"
        return self._parts_of(mixed, top, bottom, match["fraction_unit"], after)

    def vulgar(self, match: RegexMatch) -> str:
        top, bottom = VULGAR[match["vulgar_sign"]]
        return self._parts_of(
            (match["vulgar_whole"] or "").strip(),
            top,
            bottom,
            match["vulgar_unit"],
            match.string[match.end() : match.end() + 40],
        )

    def _parts_of(self, whole: str, top: int, bottom: int, unit: str | None, after: str) -> str:
        if whole:
            said = self.language.mixed(whole, top, bottom)
        else:
            noun = re.match(r"\s([^\W\d_]+)", after)
            said = self.language.fraction(
                top, bottom, self.language.v.unit(unit).one if unit else noun[1] if noun else ""
            )
        if not unit:
            return said
        one, many, _ = self.language.v.unit(unit)
        return f"{said} {many if whole else one}"

    def angle(self, match: RegexMatch) -> str:
        parts = (("degrees", "°"), ("arc_minutes", "min"), ("arc_seconds", "s"))
        return " ".join(self.language.measure(match[name], unit) for name, unit in parts if match[name])

    def inch_mark(self, match: RegexMatch) -> str:
        """A mark behind a number, unless it closes what is quoted."""
        line = match.string[max(0, match.start() - 400) : match.end() - 1].rpartition("\n")[2]
        quoted = False
        for mark in re.finditer('["“”„]', line):
            opens = mark[0] in "“„" or (
                mark[0] == '"' and (mark.start() == 0 or line[mark.start() - 1] in " ([{:=,")
            )
            quoted = opens
        if quoted:
            return self.language.number(match["inched"])
        # "a six inch pipe", but "six inches of pipe"
        noun = r"\s(?!(?:of|and|or|by|to|in|x|at|on|from|long|wide|thick|tall|high|deep)\b)[A-Za-z]"
        joined = self.language.code == "en" and re.match(noun, match.string[match.end() : match.end() + 8])
        return self.language.measure(match["inched"], "″", joined=bool(joined))

    def charge(self, match: RegexMatch) -> str:
        """Of an ion: Fe³⁺, SO4^2-."""
        count = match["charge_count"] or match["flat_charge"] or ""
        sign = "plus" if (match["charge_sign"] or match["flat_sign"]) in "⁺+" else "minus"
        number = self.language.cardinal(unicodedata.digit(count)) if count else ""
        return f"{number} {self._words[sign]}"

    def multiple(self, match: RegexMatch) -> str:
        return (
            f"{self.language.number(match['multiplied'])} {self._words.get('multiple', self._words['times'])}"
        )

    def number(self, match: RegexMatch) -> str:
        value = match["value"]
        if self.language.looks_like_year(value):
            return self.language.year(value)
        return self.language.number(value, self.language.gender(match.string[match.end() : match.end() + 40]))

    def power(self, match: RegexMatch) -> str:
        raised = match["raised"]
        if raised and re.search(r"[^\W\d_]{4}$", match.string[max(0, match.start() - 4) : match.start()]):
            return ""  # a footnote
        return self.language.power(raised or match["grouped"] or match["exponent"])
