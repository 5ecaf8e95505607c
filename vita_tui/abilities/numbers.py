"""Numbers as people say and write them, in the language's own words; exact."""

from __future__ import annotations

import functools
import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import Any

from vita_tui.abilities.phrases import data
from vita_tui.text.language import in_words

__all__ = ["as_number", "digits", "fold"]

_LONGEST = 7
"""Words of a number below a thousand."""


def fold(text: str) -> str:
    """Lower case, without accents, hyphens between letters and doubled blanks: what is compared."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("’", "'").replace("ß", "ss"))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = re.sub(r"(?<=[^\W\d_])[-‑](?=[^\W\d_])", " ", plain)
    return " ".join(plain.split())


@functools.cache
def _names(language: str) -> dict[str, int]:
    """Each number below a thousand by its words."""
    words = _words(language)
    found: dict[str, int] = {}
    for number in range(1000):
        name = fold(in_words(number, language))
        for said in {name, *(re.sub(f" {fold(word)} ", " ", name) for word in words.get("joined_by", ()))}:
            found[said] = number
            for optional in words.get("optional_beginnings", ()):
                if number > 1 and said.startswith(optional) and said != optional:
                    found.setdefault(said.removeprefix(optional), number)
    for name, number in words.get("more", {}).items():
        found[fold(name)] = number
    return found


def _words(language: str) -> dict[str, Any]:
    found: dict[str, Any] = data(language).get("numbers", {})
    return found


def digits(text: str, language: str) -> str:
    """`text`, folded, with every number written in digits with a decimal point: "two hundred and five" becomes "205"."""
    words = _words(language)
    names, scales = _names(language), {fold(name): value for name, value in words.get("scales", {}).items()}
    plain = _plain_digits(fold(text), words.get("decimal", "."))
    for compound in words.get("compound", ()):
        plain = re.sub(rf"(?<=\w){compound}|{compound}(?=\w)", f" {compound} ", plain)
    tokens = plain.split()
    out: list[str] = []
    index = 0
    while index < len(tokens):
        found = _read(tokens, index, names, scales, words)
        if found is None:
            out.append(tokens[index])
            index += 1
        else:
            value, index = found
            out.append(value)
    return " ".join(out)


def as_number(text: str, language: str) -> Fraction | None:
    """`text` if it is one number and nothing else."""
    plain = digits(text, language)
    return Fraction(plain) if re.fullmatch(r"-?\d+(\.\d+)?", plain) else None


def _plain_digits(text: str, decimal: str) -> str:
    group = "," if decimal == "." else r"[.'’]"
    text = re.sub(
        rf"(?<![\d.,])\d{{1,3}}(?:{group}\d{{3}})+(?!\d)", lambda m: re.sub(r"[.,'’]", "", m[0]), text
    )
    return re.sub(r"(?<=\d),(?=\d)", ".", text) if decimal == "," else text


def _read(
    tokens: list[str], start: int, names: dict[str, int], scales: dict[str, int], words: dict[str, Any]
) -> tuple[str, int] | None:
    """The number that begins at `start`, in digits, and where it ends."""
    total, index, smallest = Fraction(0), start, None
    joined = [fold(word) for word in words.get("joined_by", ())]
    while index < len(tokens):
        here = index + (smallest is not None and tokens[index] in joined)
        chunk, after = _chunk(tokens, here, names)
        if chunk is None and index == start and tokens[start] in scales:
            chunk, after = "1", start
        if chunk is None:
            break
        scale = scales.get(tokens[after]) if after < len(tokens) else None
        if scale is not None and (smallest is None or scale < smallest):
            total, smallest, index = total + Fraction(chunk) * scale, scale, after + 1
            continue
        if smallest is None or Fraction(chunk) < smallest:
            total, index = total + Fraction(chunk), after
        break
    if index == start:
        return None
    if index == start + 1 and "." in tokens[start]:
        return tokens[start], index  # as it is: "6.30" may be a time of day
    written = f"{Decimal(total.numerator) / Decimal(total.denominator):f}"
    point = [fold(word) for word in words.get("point", ())]
    if index < len(tokens) and tokens[index] in point and "." not in written:
        decimals, after = "", index + 1
        while (part := _chunk(tokens, after, names))[0] is not None and len(part[0]) <= 2:
            decimals, after = decimals + part[0], part[1]
        if decimals:
            return f"{written}.{decimals}", after
    return written, index


def _chunk(tokens: list[str], start: int, names: dict[str, int]) -> tuple[str | None, int]:
    """A number below a thousand, or digits."""
    if start < len(tokens) and re.fullmatch(r"\d+(\.\d+)?", tokens[start]):
        return tokens[start], start + 1
    for end in range(min(len(tokens), start + _LONGEST), start, -1):
        number = names.get(" ".join(tokens[start:end]))
        if number is not None:
            return str(number), end
    return None, start
