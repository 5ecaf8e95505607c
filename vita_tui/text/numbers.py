"""Numbers as English readers say them: cardinals, years, dates, times, money, units, fractions, digits.

All functions take text that is already known to have the right shape, and return words without digits.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vita_tui.text.lexicon import (
    CURRENCIES,
    CURRENCY_CODES,
    DENOMINATORS,
    FRACTIONS,
    MAGNITUDES,
    MONTHS,
    UNITS,
)

__all__ = [
    "cardinal",
    "clock_time",
    "date",
    "decade",
    "digits",
    "fraction",
    "in_language",
    "looks_like_year",
    "measure",
    "money",
    "number",
    "ordinal",
    "version",
    "vulgar",
    "year",
]

LONGEST = 15
"""Digits from which a number is read digit by digit."""
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@lru_cache(maxsize=1024)
def _words(value: int, to: str = "cardinal", language: str = "en") -> str:
    from num2words import num2words

    # The commas in "one million, two hundred" would be heard as pauses.
    said = num2words(value, to=to, lang=language)  # type: ignore[no-untyped-call]  # it has no types
    return str(said).replace(",", "")


def in_language(value: int, language: str) -> str | None:
    """The cardinal in another language; None where num2words does not speak it or not so far."""
    try:
        return _words(value, language=language)
    except (NotImplementedError, OverflowError, ValueError, KeyError, IndexError, TypeError):
        return None


def digits(text: str) -> str:
    """Digit by digit; everything else becomes a pause."""
    groups = [" ".join(DIGITS[int(digit)] for digit in group) for group in re.findall(r"[0-9]+", text)]
    return ", ".join(groups)


def cardinal(text: str) -> str:
    """A whole number, perhaps with commas; leading zeros are said."""
    plain = text.replace(",", "").replace("\u202f", "").replace("'", "").replace(" ", "")
    if len(plain) > LONGEST or (len(plain) > 1 and plain.startswith("0")):
        return digits(plain)
    return _words(int(plain))


def number(text: str) -> str:
    """A number with an optional sign, thousands separated by commas, and decimals after a point."""
    sign = ""
    if text[:1] in "-−–":
        sign, text = "minus ", text[1:]
    elif text[:1] == "+":
        sign, text = "plus ", text[1:]
    whole, point, decimals = text.partition(".")
    said = cardinal(whole) if whole else "zero"
    if point and decimals:
        said += " point " + digits(decimals)
    return sign + said


def year(text: str) -> str:
    """1969 → nineteen sixty-nine; 2005 → two thousand five."""
    value = int(text)
    if 2000 <= value < 2010:
        return _words(value).replace(" and ", " ")
    high, low = divmod(value, 100)
    if low == 0:
        return _words(value) if high % 10 == 0 else f"{_words(high)} hundred"
    return f"{_words(high)} {'oh ' if low < 10 else ''}{_words(low)}"


def looks_like_year(text: str) -> bool:
    """Whether four bare digits are rather read in pairs."""
    return len(text) == 4 and text.isdigit() and 1100 <= int(text) <= 2099


def ordinal(text: str) -> str:
    """A whole number as a rank: 21 → twenty-first."""
    plain = text.replace(",", "")
    return _words(int(plain), "ordinal") if len(plain) <= LONGEST else digits(plain)


def decade(text: str) -> str:
    """1990 → nineteen nineties; 90 → nineties."""
    tens = _words(int(text[-2:])) if text[-2:] != "00" else "hundred"
    plural = tens[:-1] + "ies" if tens.endswith("y") else f"{tens}s"
    if len(text) == 2:
        return plural
    if text == "2000":
        return "two thousands"
    return f"{_words(int(text[:2]))} {plural}"


def version(text: str) -> str:
    """1.2.3 → one point two point three; four parts, as in internet addresses, with "dot"."""
    parts = text.split(".")
    return (" dot " if len(parts) == 4 else " point ").join(cardinal(part) for part in parts)


def measure(text: str, unit: str, *, joined: bool = False) -> str:
    """5, GB → five gigabytes; joined with a hyphen, five gigabyte."""
    one, many = UNITS[unit]
    return f"{number(text)} {one if joined or text.lstrip('-−+') == '1' else many}"


def money(amount: str, currency: str, magnitude: str = "") -> str:
    """3.50, $ → three dollars and fifty cents. `currency` is a sign or a code of three letters."""
    one, many, cent, cents = CURRENCIES[CURRENCY_CODES.get(currency, currency)]
    if magnitude:
        return f"{number(amount)} {MAGNITUDES[magnitude]} {many}"
    whole, _, decimals = amount.partition(".")
    plain = whole.lstrip("-−+").replace(",", "")
    if decimals and (len(decimals) != 2 or not cent):
        return f"{number(amount)} {many}"
    hundredths = int(decimals or 0)
    small = f"{_words(hundredths)} {cent if hundredths == 1 else cents}" if hundredths else ""
    if hundredths and not plain.strip("0"):
        return ("minus " if whole[:1] in ("-", "−") else "") + small
    large = f"{number(whole)} {one if plain == '1' else many}"
    return f"{large} and {small}" if small else large


def fraction(top: int, bottom: int) -> str:
    """3, 4 → three quarters; with large or odd denominators "over"."""
    if bottom in DENOMINATORS:
        name = DENOMINATORS[bottom][top != 1]
    elif 2 < bottom <= 20 or bottom in (100, 1000):
        name = _words(bottom, "ordinal") + ("s" if top != 1 else "")
    else:
        return f"{_words(top)} over {_words(bottom)}"
    return f"{_words(top)} {name}"


def vulgar(sign: str, whole: str = "") -> str:
    """½ → one half; 1½ → one and a half."""
    top, bottom = FRACTIONS[sign]
    said = fraction(top, bottom)
    if not whole:
        return said
    return f"{cardinal(whole)} and {said.replace('one ', 'a ', 1) if top == 1 else said}"


def clock_time(hour: str, minute: str, second: str = "", half: str = "") -> str:
    """10, 30, "", "am" → ten thirty AM; 14, 05 → fourteen oh five. Seconds may be empty, and so may `half` and `minute`."""
    half = half.replace(".", "").upper()
    hours = _words(int(hour))
    minutes = int(minute or 0)
    if minutes:
        said = f"{hours} {'oh ' if minutes < 10 else ''}{_words(minutes)}"
    elif half:
        said = hours
    elif not 1 <= int(hour) <= 12:
        said = f"{hours} hundred" if int(hour) else "midnight"
    else:
        said = f"{hours} o'clock"
    if second:
        said += f" and {_words(int(second))} second{'' if int(second) == 1 else 's'}"
    return f"{said} {half}".rstrip()


def date(day: int, month: int, in_year: str = "") -> str:
    """6, 5, 2024 → May sixth, twenty twenty-four."""
    said = f"{MONTHS[month - 1]} {_words(day, 'ordinal')}"
    return f"{said}, {year(in_year)}" if in_year else said
