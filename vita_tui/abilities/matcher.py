"""Understands sentences without a model: hassil, with sentences of our own and those of Home Assistant.

A language is loaded when it is first needed (a tenth of a second or two), a sentence then takes some milliseconds. What is only nearly
one of the sentences is none: it goes to the model.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import resources
from typing import Any

from vita_tui.abilities.base import Match

__all__ = ["LONGEST", "Matcher", "languages"]

LONGEST = 200
"""Characters of a sentence; what is longer is a question for the model."""

BORROWED = {
    "HassGetCurrentTime": "GetTime",
    "HassGetCurrentDate": "GetDate",
    "HassStartTimer": "StartTimer",
    "HassCancelTimer": "CancelTimer",
    "HassCancelAllTimers": "CancelAllTimers",
    "HassIncreaseTimer": "AddToTimer",
    "HassDecreaseTimer": "TakeFromTimer",
    "HassPauseTimer": "PauseTimer",
    "HassUnpauseTimer": "ResumeTimer",
    "HassTimerStatus": "TimerStatus",
    "HassShoppingListAddItem": "AddToList",
    "HassNevermind": "NeverMind",
}
"""Intents of Home Assistant that are ours under another name. Those that speak of homes (rooms, lights, devices) are left out."""
_FOREIGN = re.compile(r"\{(?:area|floor|name|domain|timer_command)\b|<(?:area|floor|name)>")
"""Sentences that need a house."""


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages with sentences of our own."""
    place = resources.files("vita_tui.abilities") / "sentences"
    return tuple(sorted(entry.name[:2] for entry in place.iterdir() if entry.name.endswith(".yaml")))


@functools.cache
def data(language: str) -> dict[str, Any]:
    """Our own sentences and answers; empty for a language that has none."""
    import yaml

    file = resources.files("vita_tui.abilities") / "sentences" / f"{language}.yaml"
    if not file.is_file():
        return {}
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded


class Matcher:
    """One language. Used by one thread at a time."""

    def __init__(self, language: str) -> None:
        """
        Args:
            language: two letters.
        """
        from hassil.intents import Intents

        self.language = language
        own = data(language)
        borrowed = _borrowed(language)
        merged: dict[str, Any] = {
            "language": language,
            "intents": {},
            "lists": {**borrowed.get("lists", {}), **own.get("lists", {})},
            "expansion_rules": {**borrowed.get("expansion_rules", {}), **own.get("expansion_rules", {})},
            "skip_words": [*own.get("skip_words", ()), *borrowed.get("skip_words", ())],
        }
        for source in (borrowed, own):
            for name, intent in source.get("intents", {}).items():
                merged["intents"].setdefault(name, {"data": []})["data"] += intent["data"]
        self._intents = Intents.from_dict(merged)

    def match(self, text: str) -> Match | None:
        """What `text` asks for; None when that is none of the sentences."""
        from hassil.recognize import recognize_best

        plain = _plain(text)
        if not plain or len(text) > LONGEST:
            return None
        found = recognize_best(plain, self._intents, language=self.language)
        if found is None:
            return None
        slots = {
            entity.name: entity.value.strip() if isinstance(entity.value, str) else entity.value
            for entity in found.entities_list
        }
        return Match(found.intent.name, slots, self.language, text)


def _borrowed(language: str) -> dict[str, Any]:
    """What Home Assistant has for `language`, without what needs a house."""
    try:
        file = resources.files("home_assistant_intents") / "data" / f"{language}.json"
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (ModuleNotFoundError, FileNotFoundError):
        return {}
    intents: dict[str, Any] = {}
    for theirs, ours in BORROWED.items():
        kept = []
        for block in content["intents"].get(theirs, {}).get("data", ()):
            sentences = [sentence for sentence in block["sentences"] if not _FOREIGN.search(sentence)]
            if sentences:
                kept.append({"sentences": sentences})
        if kept:
            intents[ours] = {"data": kept}
    return {**content, "intents": intents}


def _plain(text: str) -> str:
    """`text` without the punctuation that Whisper and people put at the end."""
    return re.sub(r"\s+", " ", text.strip().rstrip(".!?…").strip())
