"""Units into units, by pint, with exact numbers."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from vita_tui.abilities.arithmetic import ends
from vita_tui.abilities.base import Answer, Context, Failure, Match
from vita_tui.abilities.numbers import digits, fold
from vita_tui.abilities.phrases import data
from vita_tui.abilities.rendering import singular

__all__ = ["Conversion", "convert", "registry"]


class Conversion:
    """Converts."""

    intents: Sequence[str] = ("Convert",)

    def answer(self, match: Match, context: Context) -> Answer | None:
        language = match.language
        amount = _quantity(str(match.slots["quantity"]), language)
        target = _units(language).get(fold(str(match.slots["unit"])))
        if amount is None or target is None:
            return None
        value, source = amount
        result = convert(value, source, target)
        if result is None:
            raise Failure("not_the_same", one=_name(source, 2, language), other=_name(target, 2, language))
        return Answer(
            "converted" if ends(result) else "about_converted",
            {
                "value": value,
                "source": _name(source, value, language),
                "result": result,
                "target": _name(target, result, language),
            },
        )


@functools.cache
def registry() -> Any:
    """Pint's units; takes a second to load."""
    import pint

    return pint.UnitRegistry(non_int_type=Fraction, autoconvert_offset_to_baseunit=True)


def convert(value: Fraction, source: str, target: str) -> Fraction | None:
    """`value` of pint's unit `source` in `target`; None when they measure different things."""
    import pint

    try:
        result = registry().Quantity(value, source).to(target).magnitude
    except pint.DimensionalityError:
        return None
    return Fraction(result).limit_denominator(10**15)


@functools.cache
def _units(language: str) -> dict[str, str]:
    found = {}
    for unit, names in data(language).get("measures", {}).items():
        for name in names:
            found[fold(name)] = unit
    return found


def _name(unit: str, value: Fraction | int, language: str) -> str:
    one, many = data(language)["measures"][unit][:2]
    return str(one if singular(Fraction(value), data(language)["words"]) else many)


def _quantity(text: str, language: str) -> tuple[Fraction, str] | None:
    """A number and its unit; "a mile" is one."""
    plain = fold(text)
    for half, value in data(language).get("halves_of", {}).items():
        if plain.startswith(f"{fold(half)} ") and (
            unit := _units(language).get(plain.removeprefix(f"{fold(half)} "))
        ):
            return Fraction(value), unit
    found = re.fullmatch(r"([-−]?)\s*(\d+(?:\.\d+)?)\s*(.+)", digits(plain, language))
    sign, number, rest = ("", "1", plain) if found is None else (found[1], found[2], found[3])
    for minus in data(language)["numbers"].get("minus", ()):
        begun = re.fullmatch(rf"{minus} (\d+(?:\.\d+)?)\s*(.+)", digits(plain, language))
        if begun is not None:
            sign, number, rest = "-", begun[1], begun[2]
    for article in data(language)["numbers"].get("articles", ()):
        rest = rest.removeprefix(f"{article} ")
    for extra in data(language)["numbers"].get("of", ()):
        rest = rest.removeprefix(f"{extra} ")
    unit = _units(language).get(rest)
    return None if unit is None else (Fraction(("-" if sign else "") + number), unit)
