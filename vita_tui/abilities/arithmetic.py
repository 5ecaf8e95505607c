"""Arithmetic as it is said: exact, with fractions."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from vita_tui.abilities.base import Answer, Context, Failure, Match
from vita_tui.abilities.numbers import digits, fold
from vita_tui.abilities.phrases import data

__all__ = ["Arithmetic", "calculate", "ends"]

BIGGEST = 10**15
"""What is beyond is not read out."""
_TOKEN = re.compile(r"\d+(?:\.\d+)?|sqrt|cbrt|[-+*/^()!]")
NO_SUMS = frozenset(("7-11", "9-11", "24-7", "50-50", "20-20", "4-4-2"))
"""Names and sayings that are written like one."""


class Arithmetic:
    """Calculates."""

    intents: Sequence[str] = ("Calculate", "PercentageOf")

    def answer(self, match: Match, context: Context) -> Answer | None:
        try:
            if match.intent == "PercentageOf":
                part, whole = (
                    calculate(str(match.slots[name]), match.language, bare=True) for name in ("part", "whole")
                )
                result = None if part is None or whole is None else part / whole * 100
                key = "percentage"
            elif str(match.slots["expression"]).strip() in NO_SUMS:
                return None
            else:
                result, key = calculate(str(match.slots["expression"]), match.language), "result"
        except ZeroDivisionError:
            raise Failure("divided_by_zero") from None
        except OverflowError:
            raise Failure("too_large") from None
        except ArithmeticError:
            raise Failure("not_real") from None
        if result is None:
            return None
        exact = isinstance(result, Fraction)
        value = result if isinstance(result, Fraction) else Fraction(result)
        if abs(value) >= BIGGEST:
            raise Failure("too_large")
        if value != 0 and abs(value) < Fraction(1, 10**9):
            raise Failure("too_small")
        finite = exact and ends(value)
        return Answer(key if finite else f"about_{key}", {"result": value})


def ends(value: Fraction) -> bool:
    """Whether it has an end in decimals, and not too late."""
    return 10**9 % value.denominator == 0


def calculate(text: str, language: str, *, bare: bool = False) -> Fraction | float | None:
    """What `text` comes to; a float where it has no exact value, None where it is no arithmetic.

    Args:
        bare: a number by itself is arithmetic, too.

    Raises:
        ArithmeticError: it has no value (ZeroDivisionError), none that is real, or one that is too large (OverflowError).
    """
    plain = re.sub(r"(?<=\d)x(?=\d)", " * ", f" {fold(text)} ")
    signs = data(language)["arithmetic"]
    for said in sorted(signs, key=len, reverse=True):
        edge = r"\b" if said[0].isalnum() else ""
        end = r"\b" if said[-1].isalnum() else ""
        plain = re.sub(rf"{edge}{re.escape(fold(said))}{end}", f" {signs[said]} ", plain)
    if re.fullmatch(r"\s*\S+ +/ 100\s*", plain):
        return None  # "one percent"
    plain = digits(re.sub(r"([-+*/^()!])", r" \1 ", plain), language)
    tokens = _TOKEN.findall(plain)
    if "".join(tokens) != plain.replace(" ", "") or re.search(r"[\d.)] +[\d(]", plain):
        return None
    if not bare and (len(tokens) < 2 or (len(tokens) == 2 and tokens[0] == "-")):
        return None
    parser = _Parser(tokens)
    value = parser.sum()
    return value if value is not None and parser.index == len(tokens) else None


class _Parser:
    """Recursive descent: sum, product, sign, power, atom. None where the tokens make no sense."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self.index = 0
        self._depth = 0

    def _take(self, *wanted: str) -> str | None:
        if self.index < len(self._tokens) and self._tokens[self.index] in wanted:
            self.index += 1
            return self._tokens[self.index - 1]
        return None

    def sum(self) -> Fraction | float | None:
        value = self._product()
        while value is not None and (sign := self._take("+", "-")):
            other = self._product()
            if other is None:
                return None
            value = value + other if sign == "+" else value - other
        return value

    def _product(self) -> Fraction | float | None:
        value = self._sign()
        while value is not None and (sign := self._take("*", "/")):
            other = self._sign()
            if other is None:
                return None
            value = value * other if sign == "*" else value / other
        return value

    def _sign(self) -> Fraction | float | None:
        if self._take("-"):
            value = self._sign()
            return None if value is None else -value
        return self._power()

    def _power(self) -> Fraction | float | None:
        base = self._atom()
        if base is None or not self._take("^"):
            return base
        exponent = self._sign()
        return None if exponent is None else _power(base, exponent)

    def _atom(self) -> Fraction | float | None:
        self._depth += 1
        if self._depth > 50:
            return None
        if root := self._take("sqrt", "cbrt"):
            inner = self._sign() if self._tokens[self.index : self.index + 1] == ["-"] else self._atom()
            return None if inner is None else _root(inner, 2 if root == "sqrt" else 3)
        if self._take("("):
            value = self.sum()
            return value if self._take(")") else None
        if self.index >= len(self._tokens) or not self._tokens[self.index][0].isdigit():
            return None
        value = Fraction(self._tokens[self.index])
        self.index += 1
        while self._take("!"):
            if value.denominator != 1 or value > 20:
                raise OverflowError
            value = Fraction(math.factorial(int(value)))
        return value


def _power(base: Fraction | float, exponent: Fraction | float) -> Fraction | float:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        if base not in (0, 1, -1) and abs(exponent) * max(1, abs(math.log10(abs(base)))) > 60:
            raise OverflowError
        return Fraction(base ** int(exponent))
    result = float(base) ** float(exponent)
    if isinstance(result, complex):
        raise ArithmeticError
    return float(result)


def _root(value: Fraction | float, degree: int) -> Fraction | float:
    if value < 0 and degree == 2:
        raise ArithmeticError
    if isinstance(value, Fraction):
        sign, value = (-1, -value) if value < 0 else (1, value)
        parts = [round(part ** (1 / degree)) for part in (value.numerator, value.denominator)]
        if parts[0] ** degree == value.numerator and parts[1] ** degree == value.denominator:
            return sign * Fraction(parts[0], parts[1])
        return float(sign * math.pow(value, 1 / degree))
    return math.copysign(abs(value) ** (1 / degree), value)
