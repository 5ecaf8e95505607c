"""What is expected is found in the sound, and what cannot become it is not followed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.stt.base import Expected
from vita_tui.engines.stt.decoding.expected_search import MOST_LOOKS, likeliest_expected

WORDS = ["", "slow", "so", "down", "tall", "up", "hurry", "."]
"""By token; the first ends a text."""
REQUESTS = {"slow down": "slower", "slow down.": "slower", "hurry up": "faster", "slow up": "other"}


class WordTokenizer:
    def decode(self, tokens: list[int]) -> str:
        return "".join(f" {WORDS[token]}" if WORDS[token].isalpha() else WORDS[token] for token in tokens)


class ScriptedSound:
    """Finds words likely by their place, whatever comes before them."""

    end = 0

    def __init__(self, *places: dict[str, float]) -> None:
        """
        Args:
            places: log-probability of words; what is not named has -20.
        """
        self._places = places
        self.looks = 0

    def likely_next(
        self, sound: Any, past: tuple[Any, ...], tokens: list[int], *, first: bool
    ) -> tuple[NDArray[np.float32], tuple[Any, ...]]:
        self.looks += 1
        place = 0 if first else len(past)
        said = self._places[place] if place < len(self._places) else {"": 0.0}
        return np.array([said.get(word, -20.0) for word in WORDS], np.float32), (*past, None)


class Requests:
    def meant(self, text: str, language: str) -> Expected | None:
        meaning = REQUESTS.get(text)
        return None if meaning is None else Expected(text, meaning, usable=True)

    def sounding_like(self, text: str, language: str) -> list[Expected]:
        return []

    def may_begin(self, text: str, language: str) -> bool:
        return any(request.startswith(text.strip()) for request in REQUESTS)


def found(sound: ScriptedSound, least: float = -8.0) -> list[str]:
    engine: Any = sound
    tokenizer: Any = WordTokenizer()
    window: Any = None
    search = likeliest_expected(engine, window, [99], tokenizer, "en", Requests(), least=least, lead=4.0)
    return [one.text for one in search]


SO_TALL = {"so": -0.1, "slow": -2.0}, {"tall": -0.1, "down": -1.5, "up": -4.5}


def test_what_was_misheard_is_found() -> None:
    assert found(ScriptedSound(*SO_TALL)) == ["slow down", "slow up"]


def test_what_is_much_less_likely_is_no_rival() -> None:
    assert found(ScriptedSound({"slow": -0.1}, {"down": -0.1, "up": -6.0})) == ["slow down"]


def test_one_meaning_is_found_once() -> None:
    assert found(ScriptedSound(*SO_TALL[:1], {"down": -0.1}, {"": -0.7, ".": -0.7})) == ["slow down"]


def test_nothing_is_found_below_what_is_asked_for() -> None:
    assert found(ScriptedSound(*SO_TALL), least=-3.0) == []


def test_where_nothing_of_the_kind_was_said_one_look_is_enough() -> None:
    sound = ScriptedSound({"so": -0.1, "tall": -2.0})
    assert found(sound) == []
    assert sound.looks == 1


def test_looks_are_bounded() -> None:
    class Endless(Requests):
        def may_begin(self, text: str, language: str) -> bool:
            return True

    sound: Any = ScriptedSound(*[dict.fromkeys(WORDS[1:], -0.01)] * 100)
    tokenizer: Any = WordTokenizer()
    window: Any = None
    likeliest_expected(sound, window, [99], tokenizer, "en", Endless(), least=-8.0, lead=4.0)
    assert sound.looks == MOST_LOOKS
