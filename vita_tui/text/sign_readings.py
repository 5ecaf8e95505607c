"""Signs between words and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vita_tui.text.reading_kind import ReadingKind, RegexMatch, Saying

__all__ = ["SignReadings"]


class SignReadings(ReadingKind):
    def table(self) -> Mapping[str, Saying]:
        return {
            "becomes": lambda match: (
                f"{self.language.v.symbols[{'-': '−', '*': '×', '/': '÷'}[match[0].strip()[0]]]} {self.language.v.symbols['=']}"
            ),
            "alone": lambda match: self.language.v.unit(match["alone_unit"]).one,
            "per_many": self.per_many,
            "function": self.function,
            "shift": lambda match: self._words["shift_left" if match[0] == "<<" else "shift_right"],
            "comparison": self.comparison,
            "arrow": self.arrow,
            "slash": self.slash,
            "minus": self.minus,
            "greek": lambda match: self.language.v.greek[match[0]],
            "symbol": lambda match: self.language.v.symbols[match[0]],
        }

    def per_many(self, match: RegexMatch) -> str:
        """7 l/100 km, $5/100 g."""
        before = match.string[max(0, match.start() - 20) : match.start()]
        return self._words["per" if re.search(r"[$€£]\s?[\d.,]+$|[^\W\d_]$", before) else "over"]

    def function(self, match: RegexMatch) -> str:
        """f(x), sin(x)."""
        said = self.language.v.tex.get(match["called"], match["called"])
        of = self._words["of"]
        return said if said.endswith(f" {of}") else f"{said} {of}"

    def comparison(self, match: RegexMatch) -> str:
        """ "less than" before a value, "is less than" between two."""
        operator = match["operator"].replace("===", "==").replace("!==", "!=")
        alone, between = self.language.v.comparisons[operator]
        before = match.string[max(0, match.start() - 40) : match.start()]
        if before.lower().rstrip().endswith(alone):
            return ""
        tight = before[-1:].isalnum()
        operand = re.search(r"(?:(?<![^\W_])[^\W_]|[\d)\]}%°²³])\s?$", before)
        return between if tight or operand else alone

    def minus(self, match: RegexMatch) -> str:
        """Between numbers that grow and are not said to be equal to something a dash is a range: "10 - 15 minutes"."""
        low = re.search(r"\d{1,9}(?:[.,]\d{1,9})?$", match.string[max(0, match.start() - 20) : match.start()])
        high = re.match(
            r"(\d{1,9}(?:[.,]\d{1,9})?)(?!\d|\s?[-+*/=^×÷])", match.string[match.end() : match.end() + 20]
        )
        if low and high and float(low[0].replace(",", ".")) < float(high[1].replace(",", ".")):
            return self._words["to"]
        return self._words["minus"]

    def slash(self, match: RegexMatch) -> str:
        """ "per" behind a number of something, as in "€/month"."""
        before = match.string[max(0, match.start() - 20) : match.start()]
        if re.search(r"[$€£]\s?[\d.,]+$|\d\s?(?:[$€£%]|[^\W\d_]{1,12})$", before):
            unit = match["per_unit"]
            return f"{self._words['per']} {self.language.v.unit(unit).one if unit else ''}"
        if match["per_unit"]:
            return f"{self._words['slash'] if self.language.code == 'en' else ''} {match['per_unit']}"
        return self._words["slash"] if self.language.code == "en" else ""

    def arrow(self, match: RegexMatch) -> str:
        symbols = self.language.v.symbols
        if match[0] == "=>":
            return self._words["arrow"]
        if match[0].startswith("<"):
            return symbols["↔" if match[0].endswith(">") else "←"]
        return symbols["→"]
