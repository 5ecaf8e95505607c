"""Words that tell whether somebody has finished, by language: `turn_words.toml`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["TurnWords", "turn_words", "words_of"]

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class TurnWords:
    """Of one language; every set is empty for one that is not in the file. What each holds is said there."""

    answers: frozenset[str] = frozenset()
    hanging: frozenset[str] = frozenset()
    hanging_even_before_question_mark: frozenset[str] = frozenset()
    question: frozenset[str] = frozenset()
    yes_no: frozenset[str] = frozenset()
    conjunctions: frozenset[str] = frozenset()
    digits: frozenset[str] = frozenset()
    thinking: tuple[str, ...] = ()
    holding: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the file has the language."""
        return bool(self.hanging)


@cache
def _all() -> dict[str, TurnWords]:
    text = files("vita_tui.conversation.hearing").joinpath("turn_words.toml").read_text("utf-8")
    found = {}
    for language, table in tomllib.loads(text).items():
        table["conjunctions"] = table.pop("and")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else frozenset(value.split())
            for name, value in table.items()
        }
        found[language] = TurnWords(**values)
    return found


def turn_words(language: str) -> TurnWords:
    """Those of `language`, a code such as "en" or "pt-BR"."""
    return _all().get(re.split("[-_]", language.lower())[0], TurnWords())


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation; what an apostrophe or a hyphen joins is one."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]
