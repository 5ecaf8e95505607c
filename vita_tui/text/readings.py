"""What is said for each piece of text that `patterns` finds."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from vita_tui.text.date_readings import DateReadings
from vita_tui.text.language import Language
from vita_tui.text.number_readings import NumberReadings
from vita_tui.text.reading_kind import RegexMatch
from vita_tui.text.sign_readings import SignReadings
from vita_tui.text.word_readings import WordReadings

__all__ = ["Readings"]


class Readings:
    """Of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        words = language.words
        self._fixed: Mapping[str, str] = {
            "sharp": " sharp ",
            "both": f" {words['and']} ",
            "hash": f" {words['number']} ",
            "hashtag": f" {words['hashtag']} ",
            "about": f" {words['about']} ",
            "times": f" {words['times']} ",
            "by": f" {words['by']} ",
            "divided": f" {language.v.symbols['÷']} ",
            "over": f" {words['over']} ",
            "until": f" {words['to']} ",
            "and_or": " ",
            "menu": ", ",
            "sections": f" {words['sections']} ",
            "either": f" {words['or']} ",
            "negated": f" {words['not']} ",
            "lower": f" {words['minus']} ",
        }
        self._own = {name for name, _ in (*language.dates(""), *language.ranks())}
        kinds = [kind(language) for kind in (WordReadings, DateReadings, NumberReadings, SignReadings)]
        self._once = {name: reading for kind in kinds for name, reading in kind.table().items()}
        self._again = {name: reading for kind in kinds for name, reading in kind.again().items()}

    def say(self, kind: str, match: RegexMatch) -> tuple[str, bool] | None:
        """What is said for `match`, and whether that is text which is to be read once more; None when it is of another kind.

        Raises:
            ValueError, KeyError, OverflowError: it is not what it looked like.
        """
        if kind in self._fixed:
            return self._fixed[kind], False
        if kind in self._own:
            return f" {self.language.read(kind, match)} ", False
        if kind in self._again:
            return f" {self._again[kind](match)} ", True
        if kind in self._once:
            return f" {self._once[kind](match)} ", False
        return None

    def digit(self, sign: str) -> str:
        """What is left of a number at the end: a digit, a point or a comma, in words."""
        if sign == ".":
            return self.language.words["dot" if self.language.code != "en" else "point"]
        return self.language.digits(str(unicodedata.digit(sign))) if sign.isdigit() else ""
