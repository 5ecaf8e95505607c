"""The languages that can be spoken: by which names people know them, and which voice reads them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from vita_tui.text.vocabulary import base

__all__ = ["SpokenLanguage", "language_of_voice", "name_of", "spoken_languages"]


@dataclass(frozen=True, slots=True)
class SpokenLanguage:
    code: str
    """As speech recognition has it: "de"."""
    name: str
    """In English."""
    own_name: str
    voice: str
    """Piper voice of the catalogue that reads it; empty where only the system's may."""

    def answers_to(self, words: str) -> bool:
        """Whether somebody who writes `words` means it."""
        return words.strip().casefold() in (self.code, self.name.casefold(), self.own_name.casefold())


@lru_cache(maxsize=1)
def spoken_languages() -> Mapping[str, SpokenLanguage]:
    """All of them, by code."""
    text = (files("vita_tui.text") / "spoken_languages.toml").read_text(encoding="utf-8")
    return {code: SpokenLanguage(code, *entry) for code, entry in tomllib.loads(text).items()}


def name_of(code: str) -> str:
    """The English name of the language with this code, such as "de" or "de_DE"; the code itself where it is not known."""
    known = spoken_languages().get(base(code))
    return known.name if known is not None else code


def language_of_voice(voice: str) -> str:
    """The code of the language that a Piper voice speaks by its name; empty where the name does not tell."""
    found = re.match(r"([a-z]{2,3})[_-]", Path(voice).name)
    return found[1] if found else ""
