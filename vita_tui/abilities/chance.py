"""A coin, dice, and a choice among several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random, SystemRandom

from vita_tui.abilities.base import Answer, Context, Failure, Match
from vita_tui.abilities.numbers import as_number
from vita_tui.abilities.phrases import data

__all__ = ["Chance"]

MOST_DICE = 20


class Chance:
    """Decides."""

    intents: Sequence[str] = ("FlipCoin", "RollDice", "Choose", "RandomNumber")

    def __init__(self, random: Random | None = None) -> None:
        self._random = random or SystemRandom()

    def answer(self, match: Match, context: Context) -> Answer | None:
        slots, random = match.slots, self._random
        match match.intent:
            case "FlipCoin":
                return Answer("coin", {"side": random.randrange(2)})
            case "RollDice":
                count, sides = int(slots.get("count") or 1), int(slots.get("sides") or 6)
                if not 1 <= count <= MOST_DICE:
                    raise Failure("too_many_dice", most=MOST_DICE)
                rolled = [random.randint(1, sides) for _ in range(count)]
                if count == 1:
                    return Answer("die", {"rolled": rolled[0]})
                return Answer("dice", {"rolled": [str(one) for one in rolled], "total": sum(rolled)})
            case "RandomNumber":
                ends = [
                    as_number(str(slots.get(name, end)), match.language)
                    for name, end in (("low", 1), ("high", 100))
                ]
                if ends[0] is None or ends[1] is None:
                    return None
                low, high = sorted((int(ends[0]), int(ends[1])))
                return Answer("random_number", {"number": random.randint(low, high)})
            case _:
                joint = data(match.language)["numbers"]["or"]
                choices = [
                    choice.strip(" ,")
                    for choice in re.split(rf",?\s+{joint}\s+|,\s*", str(slots["choices"]))
                    if choice.strip(" ,")
                ]
                return Answer("choice", {"choice": random.choice(choices)}) if len(choices) > 1 else None
