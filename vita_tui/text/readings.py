"""What is said for each piece of text that `patterns` finds."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping

from vita_tui.text import addresses, numbers
from vita_tui.text.lexicon import ABBREVIATIONS, MAGNITUDES, MONTHS, SYMBOLS

__all__ = ["CODE_ON_SCREEN", "digit", "read"]

Match = re.Match[str]

CODE_ON_SCREEN = "There's code on the screen."
ROMANS = {"I": 1, "V": 5, "X": 10}
TITLES = {
    "dr.", "mr.", "mrs.", "ms.", "prof.", "capt.", "col.", "gen.", "gov.", "hon.", "lt.", "rep.", "rev.", "sen.", "sgt.", "mt.", "st.",
}  # fmt: skip
"""Abbreviations only where a name follows."""
COUNTED = {"no.", "p.", "pp.", "ch.", "fig.", "eq.", "vol.", "apt."}
"""Abbreviations only where a number follows."""
AFTER_NUMBER = {"ft.", "hr.", "hrs.", "min.", "max."}
"""Abbreviations only where a number stands before."""
STREETS = {"st.": "Street", "dr.": "Drive"}
OPERATORS = {
    "<": "is less than", ">": "is greater than", "<=": "is at most", ">=": "is at least", "==": "equals", "!=": "is not equal to",
}  # fmt: skip
WORDS = {
    "underscore": " ",
    "cell": ", ",
    "dash": ", ",
    "apostrophe": "'",
    "plural": "s",
    "sharp": " sharp ",
    "both": " and ",
    "hash": " number ",
    "hashtag": " hashtag ",
    "about": " about ",
    "minus": " minus ",
    "times": " times ",
    "over": " over ",
    "arrow": " to ",
    "and_or": " ",
    "slash": " slash ",
    "line": " ",
    "citation": " ",
    "tag": " ",
    "comment": " ",
    "smiley": " ",
}
"""What is the same wherever it stands. What is named nowhere is not said."""


def read(kind: str, match: Match, language: str, english: bool) -> tuple[str, bool]:
    """What is said for `match`, and whether that is text which is to be read once more."""
    if kind in WORDS:
        return WORDS[kind], False
    if kind in MARKUP:
        return MARKUP[kind](match, english), kind != "fence"
    if kind == "whole":
        return numbers.in_language(int(match[0]), language) or match[0], False
    if kind in TWICE:
        return f" {TWICE[kind](match)} ", True
    if kind in ONCE:
        return f" {ONCE[kind](match)} ", False
    return "", False


def digit(text: str) -> str:
    """What is left of a number at the end: a digit, a point or a comma, in words."""
    return {".": "point", ",": ""}.get(text) or (
        numbers.digits(str(unicodedata.digit(text))) if text.isdigit() else ""
    )


# ---- markup


def _bracket(match: Match, english: bool) -> str:
    return ", "


def _item(match: Match, english: bool) -> str:
    return f" {match['item_number']}, "


MARKUP: Mapping[str, Callable[[Match, bool], str]] = {
    "fence": lambda match, english: f" {CODE_ON_SCREEN} " if english else " ",
    "picture": lambda match, english: f" {match['alt']} ",
    "link": lambda match, english: match["label"],
    "code": lambda match, english: addresses.code(match["inline"]) if english else match["inline"],
    "entity": lambda match, english: html.unescape(match[0]),
    "bracket": _bracket,
    "item": _item,
}


# ---- words, addresses


def _abbreviation(match: Match) -> str:
    written = match["short"]
    short = written.lower()
    before = match.string[: match.start()]
    after = match.string[match.end() :]
    named = re.match(r"\s+[A-Z]", after) is not None
    counted = re.match(r"\s*\d", after) is not None
    if short in TITLES:
        place = re.search(r"[A-Z]\w+\s$", before[-40:]) is not None
        if short in STREETS and place and not named:
            return STREETS[short] + _stop(after)
        if not (named and written[0].isupper()):
            return written
    elif short in COUNTED:
        if not counted:
            return written
    elif short in AFTER_NUMBER:
        if not re.search(r"\d\s?$", before[-20:]):
            return written
    elif short in ("co.", "inc.", "ltd.", "jr.", "sr.", "ave.", "blvd.", "rd.") and not written[0].isupper():
        return written
    said = ABBREVIATIONS[short]
    if short.endswith(".") and short not in ("e.g.", "i.e.", "vs.", "approx.", "cf.", *TITLES, *COUNTED):
        said += _stop(after)
    return said


def _stop(after: str) -> str:
    """A full stop when the sentence ends with the abbreviation that stands before `after`."""
    return "." if re.match(r"\s*$|\s*\n|\s+[A-Z]", after) else ""


def _initials(match: Match) -> str:
    said = match["letters"].replace(".", "").upper()
    # "The U.S. Army": a capital after it ends no sentence.
    return said + ("." if re.match(r"\s*$|\s*\n", match.string[match.end() :]) else "")


def _mixture(match: Match) -> str:
    """MP3, GPT4o, H2O: letters and digits in turn."""
    text = match[0]
    if len(text) > 20:
        return "a long code"
    parts: list[str] = re.findall(r"\d+|\D+", text)
    return " ".join(
        numbers.cardinal(part)
        if part.isdigit() and len(part) <= 4
        else numbers.digits(part)
        if part.isdigit()
        else part
        for part in parts
    )


def _roman(match: Match) -> str:
    values = [ROMANS[letter] for letter in match["numeral"]]
    total = sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
    before = re.search(r"(\w+) $", match.string[max(0, match.start() - 40) : match.start()])
    return numbers.cardinal(str(total)) if before is not None and before[1][0].isupper() else match["numeral"]


# ---- dates and times


def _stamp(match: Match) -> str:
    said = numbers.date(int(match["iso_day"]), int(match["iso_month"]), match["iso_year"])
    if match["iso_hour"] is None:
        return said
    return f"{said}, {numbers.clock_time(match['iso_hour'], match['iso_minute'])}"


def _slashed(match: Match) -> str:
    """Month first, as in the United States, unless it cannot be a month."""
    month, day = int(match["slash_one"]), int(match["slash_two"])
    if month > 12:
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ", ".join(numbers.cardinal(part) for part in match[0].split("/"))
    return numbers.date(day, month, match["slash_year"])


def _month(name: str) -> int:
    return next(place for place, month in enumerate(MONTHS, 1) if month.startswith(name.rstrip(".")))


def _calendar(day: str, month: str, in_year: str | None) -> str:
    if not 1 <= int(day) <= 31:
        raise ValueError(day)
    return numbers.date(int(day), _month(month), in_year or "")


def _clock(match: Match) -> str:
    if match["hour"] is None:
        return numbers.clock_time(match["bare_hour"], "", "", match["bare_half"]) + _stop_after_half(match)
    return numbers.clock_time(
        match["hour"], match["minute"], match["second"] or "", match["half"] or ""
    ) + _stop_after_half(match)


def _stop_after_half(match: Match) -> str:
    return _stop(match.string[match.end() :]) if match[0].endswith(".") else ""


# ---- numbers


def _version(match: Match) -> str:
    parts = match["parts"] or match["short_parts"]
    return ("version " if match[0][0] in "vV" else "") + numbers.version(parts)


def _money(match: Match) -> str:
    if match["currency"] is not None:
        return numbers.money(
            (match["money_sign"] or "") + match["amount"], match["currency"][-1], match["magnitude"] or ""
        )
    return numbers.money(match["amount_first"], match["currency_last"], match["magnitude_first"] or "")


def _range(match: Match) -> str:
    low, high, unit = match["low"], match["high"], match["range_unit"]
    if unit:
        return f"{numbers.number(low)} to {numbers.measure(high, unit)}"
    if numbers.looks_like_year(low) and (numbers.looks_like_year(high) or len(high) == 2):
        return f"{numbers.year(low)} to {numbers.year(high) if len(high) == 4 else numbers.number(high)}"
    return f"{numbers.number(low)} to {numbers.number(high)}"


def _fraction(match: Match) -> str:
    said = numbers.fraction(int(match["top"]), int(match["bottom"]))
    if match["mixed"] is None:
        return said
    return f"{numbers.cardinal(match['mixed'])} and {said.replace('one ', 'a ', 1) if match['top'] == '1' else said}"


def _power(match: Match) -> str:
    exponent = match["exponent"]
    return {"2": "squared", "3": "cubed"}.get(exponent, f"to the power of {exponent}")


def _number(match: Match) -> str:
    value = match["value"]
    return numbers.year(value) if numbers.looks_like_year(value) else numbers.number(value)


TWICE: Mapping[str, Callable[[Match], str]] = {
    "url": lambda match: addresses.url(match[0].strip("<>")),
    "email": lambda match: addresses.email(match[0].removeprefix("mailto:")),
    "domain": lambda match: addresses.url(match[0]),
    "path": lambda match: addresses.path(match[0]),
    "file": lambda match: addresses.path(match[0]),
    "power": _power,
}
"""What comes of these may hold numbers, which are read in their turn."""

ONCE: Mapping[str, Callable[[Match], str]] = {
    "abbreviation": _abbreviation,
    "stamp": _stamp,
    "slashed": _slashed,
    "month_first": lambda match: _calendar(match["mf_day"], match["mf_month"], match["mf_year"]),
    "day_first": lambda match: _calendar(match["df_day"], match["df_month"], match["df_year"]),
    "clock": _clock,
    "ratio": lambda match: (
        f"{numbers.cardinal(match['ratio_one'])} to {numbers.cardinal(match['ratio_two'])}"
    ),
    "phone": lambda match: ("plus " if match[0][0] == "+" else "") + numbers.digits(match[0]),
    "version": _version,
    "money": _money,
    "range": _range,
    "vulgar": lambda match: numbers.vulgar(match["vulgar_sign"], (match["vulgar_whole"] or "").strip()),
    "fraction": _fraction,
    "ordinal": lambda match: numbers.ordinal(match["rank"]),
    "decade": lambda match: numbers.decade(match["decade_years"]),
    "measure": lambda match: numbers.measure(
        match["measured"], match["unit"], joined=match["joined"] is not None
    ),
    "large": lambda match: f"{numbers.number(match['large_value'])} {MAGNITUDES[match['scale']]}",
    "number": _number,
    "mixture": _mixture,
    "roman": _roman,
    "initials": _initials,
    "comparison": lambda match: OPERATORS[match[0]],
    "symbol": lambda match: SYMBOLS[match[0]],
}
