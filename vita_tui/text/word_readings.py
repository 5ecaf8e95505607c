"""Words, names and addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vita_tui.text import addresses
from vita_tui.text.language import Language, stop
from vita_tui.text.reading_kind import ReadingKind, RegexMatch, Saying

__all__ = ["WordReadings"]

MULTIPLE_LONGEST = 20
NUMBER_PART = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[-_.]")


class WordReadings(ReadingKind):
    def __init__(self, language: Language) -> None:
        super().__init__(language)
        self._abbreviations = {
            short.replace(" ", ""): said for short, said in language.v.abbreviations.items()
        }

    def table(self) -> Mapping[str, Saying]:
        return {
            "abbreviation": self.abbreviation,
            "name": self.name,
            "initials": self.initials,
        }

    def again(self) -> Mapping[str, Saying]:
        return {
            "url": lambda match: addresses.url(match[0].strip("<>"), self.language.v.code),
            "email": lambda match: addresses.email(
                match[0].strip("<>").removeprefix("mailto:"), self.language.v.code
            ),
            "domain": lambda match: addresses.url(match[0], self.language.v.code),
            "path": lambda match: addresses.path(match[0], self.language.v.code),
            "file": lambda match: addresses.path(match[0], self.language.v.code),
        }

    def abbreviation(self, match: RegexMatch) -> str:
        v = self.language.v
        written = match["short"]
        short = re.sub(r"\s", "", written.lower())
        before = match.string[max(0, match.start() - 40) : match.start()]
        after = match.string[match.end() : match.end() + 40]
        named = re.match(r"(?:\s+|-)(?:[A-ZÀ-Þ]|(?:med|phil|rer|jur|h)\.)", after) is not None
        if short in v.titles:
            place = re.search(r"[A-Z]\w+\s$", before) is not None
            if short in v.streets and place and not named:
                return v.streets[short] + stop(after)
            if not (named and written[0].isupper()):
                return written
        elif short in v.counted:
            if not re.match(r"\s*(?:\d|[IVXLC]{2,}\b|[VX]\b)", after):
                return written
        elif short in v.after_number:
            if not re.search(r"\d\.?\s?$", before):
                return written
        elif short in v.capital and not written[0].isupper():
            return written
        said = self._abbreviations[short]
        if re.search(r"(?<![\d.,])1\s?$", before):
            said = self.language.one_of(said)
        never = {one.replace(" ", "") for one in (*v.never_last, *v.titles, *v.counted)}
        if short.endswith(".") and short not in never:
            said += stop(after, strict=self.language.code == "de")
        return said

    def initials(self, match: RegexMatch) -> str:
        said = match["letters"].replace(".", "").upper()
        # "The U.S. Army": a capital after it ends no sentence.
        return said + ("." if re.match(r"\s*$|\s*\n", match.string[match.end() : match.end() + 20]) else "")

    def name(self, match: RegexMatch) -> str:
        """Llama-3.2-1B, 802.11ax, MP3: letters and digits in turn."""
        text = match[0]
        if not any(letter.isdigit() for letter in text):
            return text
        if re.fullmatch(r"[a-z]-\d{1,4}", text):
            return f"{text[0]} {self._words['minus']} {self.language.number(text[2:])}"
        if re.fullmatch(r"(?:GMT|UTC)-\d{1,2}", text):
            return f"{text[:3]} {self._words['minus']} {self.language.number(text[4:])}"
        if len(text) > 40 or (len(text) > MULTIPLE_LONGEST and text.isalnum()):
            return self._words["long_code"]
        said: list[str] = []
        parts: list[str] = NUMBER_PART.findall(text)
        for place, part in enumerate(parts):
            if part == "-" and place and parts[place - 1][-1].isdigit() and parts[place + 1 : place + 2]:
                said.append("," if parts[place + 1][0].isdigit() else "")
            elif part[0].isdigit():
                said.append(self._name_number(part))
            elif part[0].isalpha():
                follows = place > 0 and parts[place - 1][-1].isdigit()
                said.append(" ".join(part.upper()) if follows and len(part) <= 2 and part.islower() else part)
        return " ".join(said).replace(" ,", ",")

    def _name_number(self, part: str) -> str:
        if part in self.language.v.names:
            return self.language.v.names[part]
        if not part.isdigit():
            return self.language.version(part) if "," not in part else self.language.number(part)
        if self.language.looks_like_year(part):
            return self.language.year(part)
        return self.language.whole(part) if len(part) <= 4 else self.language.digits(part)
