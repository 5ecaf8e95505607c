"""The words that a language has for what is written in other signs: one table of data for each language, `languages/CODE.toml`.

A language without a table is read in the plain way of `spoken`: whole numbers and signs before them in words, all else left to
the voice.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["Unit", "Vocabulary", "base", "load"]

FOLDER = "languages"


class Unit(NamedTuple):
    """What stands behind a number."""

    one: str
    many: str
    gender: str = "m"
    """That of the number before it: "f" for "eine Stunde", "una hora"."""


@dataclass(frozen=True)
class Vocabulary:
    """The tables of one language."""

    decimal: str
    """What stands before decimals."""
    thousands: str
    """What may stand between groups of three digits."""
    months: Sequence[Sequence[str]]
    """The name said, then other ways to write it."""
    weekdays: Sequence[Sequence[str]]
    abbreviations: Mapping[str, str]
    """In small letters, as written, with the dot; said as given."""
    words: Mapping[str, str]
    """What is said between and around numbers; {} stands for what it is said with."""
    comparisons: Mapping[str, Sequence[str]]
    """For each sign, what is said before a value alone, and between two."""
    symbols: Mapping[str, str]
    currencies: Mapping[str, Sequence[str]]
    """One, many, and the same of its hundredth; a fifth "f" when it is feminine."""
    codes: Mapping[str, str]
    """Other ways to write a currency."""
    magnitudes: Mapping[str, str]
    """After a sum of money."""
    fractions: Mapping[str, Sequence[str]]
    """Denominators: one, many."""
    units: Mapping[str, Sequence[str]]
    """After a number: one, many, gender. Squares, cubes and quotients are made of these."""
    code: Mapping[str, str]
    """Signs in quoted code, paths and addresses."""
    tex: Mapping[str, str]
    """Functions and operators of formulas."""
    greek: Mapping[str, str]
    titles: Sequence[str] = ()
    """Abbreviations only where a name follows."""
    counted: Sequence[str] = ()
    """Abbreviations only where a number follows."""
    after_number: Sequence[str] = ()
    """Abbreviations only where a number stands before."""
    capital: Sequence[str] = ()
    """Abbreviations only with a capital letter."""
    never_last: Sequence[str] = ()
    """Abbreviations after which a sentence never ends."""
    more_dotted: Sequence[str] = ()
    """Other words after whose dot a sentence usually goes on."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Words that are said otherwise than written, such as "802.11"."""
    streets: Mapping[str, str] = field(default_factory=dict)
    """Abbreviations that mean another thing after a name."""
    regnal: Sequence[str] = ()
    """Names of rulers, after which a Roman number is a rank."""
    starters: Sequence[str] = ()
    """Words with which a sentence begins rather than that a rank stands before them."""
    conjunctions: Sequence[str] = ()
    """Words before which a speaker may draw breath."""
    phrases: Sequence[str] = ()
    """Words with which a phrase begins, before which one may too: "the capital of France | is Paris"."""
    clinging: Sequence[str] = ()
    """Words after which one does not pause."""
    pronouns: Sequence[str] = ()
    """Words that their verb follows without a breath."""
    before_capital: Sequence[str] = ()
    """Abbreviations that end the sentence when a capital follows."""
    feminine: str = "(?!)"
    """Pattern of nouns before which "one" is feminine, in languages where it matters."""
    masculine: str = "(?!)"
    """Exceptions to it."""

    @cached_property
    def dotted(self) -> frozenset[str]:
        """Words, in small letters, after whose dot a sentence usually goes on."""
        parts = {part for short in self.abbreviations for part in short.split() if part.endswith(".")}
        dates = {
            form.lower() for forms in (*self.months, *self.weekdays) for form in forms if form.endswith(".")
        }
        sums = {name.lower() for name in self.magnitudes if name.endswith(".")}
        return frozenset(parts | dates | sums | set(self.more_dotted))

    @cached_property
    def month_numbers(self) -> Mapping[str, int]:
        return {form: number for number, forms in enumerate(self.months, 1) for form in forms}

    @cached_property
    def month_pattern(self) -> str:
        """Matches the name of a month, the longest that fits."""
        return "|".join(sorted(map(re.escape, self.month_numbers), key=len, reverse=True))

    def is_currency(self, written: str) -> bool:
        return written in self.currencies or written in self.codes

    def unit(self, written: str) -> Unit:
        """Of "km", "m²", "km/h", "m/s²".

        Raises:
            KeyError: no such unit.
        """
        top, slash, bottom = written.partition("/")
        unit = self._power(top)
        if not slash:
            return unit
        divisor = bottom.rstrip("²³23^")
        power = {"2": "squared", "²": "squared", "3": "cubed", "³": "cubed"}.get(bottom[-1], "")
        per = f"{self.words['per']} {self._power(divisor).one} {self.words[power] if power else ''}".rstrip()
        return Unit(f"{unit.one} {per}", f"{unit.many} {per}", unit.gender)

    def _power(self, written: str) -> Unit:
        bare = written.rstrip("²³23^") if written not in self.units else written
        unit = Unit(*self.units[bare])
        power = written[len(bare) :].lstrip("^")
        if not power:
            return unit
        pattern = self.words["square" if power in "²2" else "cubic"]
        if not pattern.startswith("{"):  # "Quadrat{}" takes a small letter, "square {}" stays
            one, many = (name if " " in pattern else name.lower() for name in unit[:2])
            return Unit(pattern.format(one), pattern.format(many), unit.gender)
        return Unit(pattern.format(unit.one).removesuffix("s"), pattern.format(unit.many), unit.gender)


def base(language: str) -> str:
    """The language of a code: "pt-BR" → "pt"; English for "auto" and nothing."""
    code = language.replace("_", "-").partition("-")[0].lower()
    return "en" if code in ("", "auto") else code


@lru_cache(maxsize=8)
def load(code: str) -> Vocabulary | None:
    """The vocabulary of a language; None when there is no table for it."""
    table = files(__package__).joinpath(FOLDER, f"{code}.toml")
    if not code.isalpha() or not table.is_file():
        return None
    return Vocabulary(**tomllib.loads(table.read_text("utf-8")))
