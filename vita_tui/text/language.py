"""How numbers are said: what the languages have in common. Where they differ, `english`, `german`, `french` and `spanish` have
methods of their own.

Methods take text that is already known to have the right shape, and return words without digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from vita_tui.text.vocabulary import Vocabulary

__all__ = [
    "MAX_NUMBER_DIGITS",
    "VULGAR",
    "Language",
    "PatternPart",
    "in_words",
    "minus_word",
    "roman",
    "stop",
]

MAX_NUMBER_DIGITS = 15
"""Digits from which a number is read digit by digit."""
SIGNS = {"-": "minus", "−": "minus", "–": "minus", "+": "plus"}
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
VULGAR: Mapping[str, tuple[int, int]] = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6),
    "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
ROMANS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

PatternPart = tuple[str, str]
"""The name of a kind of text, and the pattern by which it is found."""


class Parts(NamedTuple):
    """A number as it is written."""

    sign: str
    """A key of `words`, or empty."""
    whole: str
    separator: str
    """A key of `words` for what is said before the decimals."""
    decimals: str


@lru_cache(maxsize=2048)
def in_words(value: int, language: str, to: str = "cardinal") -> str:
    """As num2words says it.

    Raises:
        NotImplementedError: num2words does not speak it.
    """
    from num2words import num2words

    # The commas in "one million, two hundred" would be heard as pauses.
    said = num2words(value, to=to, lang=language)  # type: ignore[no-untyped-call]  # it has no types
    return str(said).replace(",", "")


@lru_cache(maxsize=64)
def minus_word(language: str) -> str:
    """What is said before a negative number; empty where num2words does not know."""
    try:
        return in_words(-5, language).removesuffix(in_words(5, language)).strip()
    except (NotImplementedError, OverflowError, ValueError, KeyError, IndexError, TypeError):
        return ""


class Language:
    """The grammar of one language, with its vocabulary."""

    code = ""
    phones = ""
    """Pattern of telephone numbers."""
    dotted_ranks = False
    """A number with a dot may be a rank."""
    scale_gender = "m"
    """Of the names of large numbers."""
    singular_scales: Mapping[str, str] = {}
    """Names of large numbers after "one", where they differ."""
    longest_decimals = 0
    """Decimals up to so many digits are said as one number."""
    noun = ""
    """Pattern of the noun after a number, in group 1, where its gender counts."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.v = vocabulary
        self.words = vocabulary.words

    # ---- what the language writes its own way; see `patterns`

    def dates(self, number: str) -> tuple[PatternPart, ...]:
        """Patterns of dates and times. `number` is that of a number without a sign."""
        raise NotImplementedError

    def ranks(self) -> tuple[PatternPart, ...]:
        """Patterns of ordinals, decades and Roman numbers."""
        raise NotImplementedError

    def read(self, kind: str, match: re.Match[str]) -> str:
        """What is said for one of the patterns above."""
        raise NotImplementedError

    def goes_on(self, text: str) -> bool:
        """Whether the sentence goes on after the dot in `text`, which ends with a number, a dot and a word."""
        return False

    def date(self, day: int, month: int, in_year: str = "") -> str:
        """A day of the calendar."""
        raise NotImplementedError

    def slashed(self, match: re.Match[str]) -> str:
        """6/5/24, or 06/05: the day before the month."""
        if match["short_day"]:
            return self.date(int(match["short_day"]), int(match["short_month"]))
        year = match["year"]
        return self.date(int(match["day"]), int(match["month"]), year if len(year) == 4 else f"20{year}")

    def clock(self, hour: str, minute: str, second: str = "") -> str:
        """A time of day; seconds may be empty."""
        raise NotImplementedError

    def phone(self, text: str) -> str:
        """A telephone number without its plus."""
        return self.digits(text)

    # ---- whole numbers

    def cardinal(self, value: int, gender: str = "") -> str:
        """
        Args:
            gender: of the noun that follows, "m" or "f"; empty when none does.
        """
        return in_words(value, self.code)

    def ordinal(self, value: int, before: str = "", after: str = "") -> str:
        """A rank; `before` and `after` is the text around it, for its ending."""
        return in_words(value, self.code, "ordinal")

    def year(self, text: str) -> str:
        return self.cardinal(int(text))

    def looks_like_year(self, text: str) -> bool:
        """Whether four bare digits are rather read in pairs."""
        return False

    def gender(self, after: str) -> str:
        """Of the word with which the text after a number begins; empty when it is no noun."""
        noun = re.match(self.noun, after) if self.noun else None
        if noun is None:
            return ""
        return (
            "f" if re.search(self.v.feminine, noun[1]) and not re.search(self.v.masculine, noun[1]) else "m"
        )

    def digits(self, text: str) -> str:
        """Digit by digit; everything else becomes a pause."""
        groups = (
            " ".join(self.cardinal(int(digit)) for digit in group) for group in re.findall(r"\d+", text)
        )
        return ", ".join(groups)

    def whole(self, plain: str, gender: str = "") -> str:
        """Digits without anything between; leading zeros are said."""
        if len(plain) > MAX_NUMBER_DIGITS or (len(plain) > 1 and plain.startswith("0")):
            return self.digits(plain)
        return self.cardinal(int(plain), gender)

    # ---- numbers with sign and decimals

    def parts(self, text: str) -> Parts:
        sign = SIGNS.get(text[:1], "")
        text = text[1:] if sign else text
        v = self.v
        if "." in text and "," in text and text.rfind(".") > text.rfind(","):  # as in English
            whole, _, decimals = text.rpartition(".")
            return Parts(sign, whole.replace(",", ""), "point", decimals)
        if v.decimal in text:
            whole, _, decimals = text.rpartition(v.decimal)
            return Parts(sign, re.sub(r"\D", "", whole), "point", decimals)
        grouped = re.fullmatch(rf"\d{{1,3}}(?:[{re.escape(v.thousands)}]\d{{3}})+", text)
        if "." in text and (not grouped or text.startswith("0")):
            whole, _, decimals = text.partition(".")
            return Parts(sign, whole, "dot", decimals)
        return Parts(sign, re.sub(r"\D", "", text), "point", "")

    def number(self, text: str, gender: str = "") -> str:
        sign, whole, separator, decimals = self.parts(text)
        said = self.whole(whole, gender if not decimals else "") if whole else self.cardinal(0)
        if decimals:
            said += f" {self.words[separator]} {self._decimals(decimals)}"
        return f"{self.words[sign]} {said}" if sign else said

    def _decimals(self, text: str) -> str:
        plain = text.lstrip("0")
        if len(plain) > 1 and len(text) <= self.longest_decimals:
            return " ".join([self.cardinal(0)] * (len(text) - len(plain)) + [self.cardinal(int(plain))])
        return self.digits(text)

    def is_one(self, text: str) -> bool:
        """Whether the unit after this number is singular."""
        parts = self.parts(text)
        return parts.whole.lstrip("0") == "1" and not parts.decimals

    def version(self, text: str) -> str:
        """1.2.3 → one point two point three; four parts, as in internet addresses, with "dot"."""
        parts = text.split(".")
        between = self.words["point" if self.v.decimal == "." and len(parts) != 4 else "dot"]
        return f" {between} ".join(self.whole(part) for part in parts)

    # ---- numbers of something

    def measure(self, text: str, unit: str, *, joined: bool = False) -> str:
        """5, GB → five gigabytes; joined with a hyphen, five gigabyte."""
        one, many, gender = self.v.unit(unit)
        name = one if joined or self.is_one(text) else many
        parts = self.parts(text)
        return (
            f"{self.number(text, gender)} {name if parts.decimals else self.after_number(parts.whole, name)}"
        )

    def magnitude(self, written: str) -> str:
        return self.v.magnitudes[written]

    def currency(self, written: str) -> tuple[str, str, str, str, str]:
        """One, many, cent, cents, gender of a sign or code."""
        names = self.v.currencies[self.v.codes.get(written, written)]
        one, many, cent, cents = names[:4]
        return one, many, cent, cents, names[4] if len(names) > 4 else "m"

    def money(self, amount: str, written: str, magnitude: str = "") -> str:
        """3.50, $ → three dollars and fifty cents. `written` is a sign or a code."""
        one, many, cent, cents, gender = self.currency(written)
        parts = self.parts(amount)
        if magnitude:
            scale = self.magnitude(magnitude)
            number = f"{self.number(amount, 'm')} {scale}"
            if self.is_one(amount) and self.one_of(scale) != scale:
                number = f"{self.number(amount, self.scale_gender)} {self.one_of(scale)}"
            return f"{number} {self.after_magnitude(scale, many)}"
        if parts.decimals and (len(parts.decimals) != 2 or not cent):
            return f"{self.number(amount, gender)} {many}"
        sign = f"{self.words[parts.sign]} " if parts.sign else ""
        hundredths = int(parts.decimals or 0)
        if hundredths and not parts.whole.strip("0"):
            return f"{sign}{self.cardinal(hundredths, 'm')} {cent if hundredths == 1 else cents}"
        name = one if parts.whole.lstrip("0") == "1" else many
        whole = parts.whole or "0"
        large = f"{sign}{self.whole(whole, gender)} {self.after_number(whole, name)}"
        return self.with_cents(large, hundredths, cent if hundredths == 1 else cents) if hundredths else large

    def one_of(self, scale: str) -> str:
        """The name of a large number after "one", whose gender is `scale_gender`."""
        return self.singular_scales.get(scale, scale)

    def after_magnitude(self, scale: str, many: str) -> str:
        return many

    def after_number(self, whole: str, name: str) -> str:
        """`name` of what there are `whole` of: behind round millions as behind their name, "un million d'euros"."""
        return self.after_magnitude("", name) if whole.strip("0") and whole.endswith("000000") else name

    def with_cents(self, large: str, hundredths: int, cents: str) -> str:
        return f"{large} {self.words['and']} {self.cardinal(hundredths, 'm')} {cents}"

    def fraction(self, top: int, bottom: int, noun: str = "") -> str:
        """3, 4 → three quarters; with unusual denominators "over". `noun` is what it is a part of, where that is known."""
        name = self.denominator(top, bottom)
        if not name:
            return f"{self.cardinal(top)} {self.words['over']} {self.cardinal(bottom)}"
        return f"{self.cardinal(top, 'm')} {name}"

    def denominator(self, top: int, bottom: int) -> str:
        names = self.v.fractions.get(str(bottom))
        return names[top != 1] if names else ""

    def mixed(self, whole: str, top: int, bottom: int) -> str:
        """1, 1, 2 → one and a half."""
        return self.words["mixed"].format(self.whole(whole), self.fraction(top, bottom))

    def power(self, exponent: str) -> str:
        """After a base: 2 → squared; -3 → to the minus three."""
        plain = exponent.translate(SUPERSCRIPTS).strip("{}").replace("−", "-")
        if plain in ("2", "3"):
            return self.words["squared" if plain == "2" else "cubed"]
        return self.words["power"].format(self.number(plain) if re.fullmatch(r"[-+]?\d+", plain) else plain)

    def scientific(self, mantissa: str, exponent: str, unit: str = "") -> str:
        """6.02, 23 → six point zero two times ten to the twenty-three."""
        plain = exponent.translate(SUPERSCRIPTS).replace("−", "-").lstrip("+")
        exponent_words = self.number(plain.replace("-0", "-") if len(plain) > 2 else plain)
        said = f"{self.number(mantissa)} {self.words['ten_to'].format(exponent_words)}"
        return f"{said} {self.v.unit(unit).many}" if unit else said

    def range(self, low: str, high: str) -> str:
        return f"{low} {self.words['to']} {high}"


def roman(numeral: str) -> int:
    """XIV → 14."""
    values = [ROMANS[letter] for letter in numeral]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))


def stop(after: str, *, strict: bool = False) -> str:
    """A full stop when the sentence ends with the abbreviation that stands before `after`; `strict` where nouns have capitals."""
    return "." if re.match(r"\s*$|\s*\n" if strict else r"\s*$|\s*\n|\s+[A-Z]", after) else ""
