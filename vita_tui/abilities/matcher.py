"""Understands sentences without a model: hassil, with sentences of our own and those of Home Assistant.

A language is loaded when it is first needed (a tenth of a second or two), a sentence then takes some milliseconds. What is only nearly
one of the sentences is none: it goes to the model.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from vita_tui.abilities.base import Match
from vita_tui.abilities.phrases import data, languages

if TYPE_CHECKING:
    from hassil.intents import Intents

__all__ = ["MAX_SENTENCE", "Matcher"]

MAX_SENTENCE = 200
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
}
"""Intents of Home Assistant that are ours under another name. Those that speak of homes (rooms, lights, devices) are left out."""
_FOREIGN = re.compile(r"\{(?:area|floor|name|domain|timer_command)\b|<(?:area|floor|name)>")
"""Sentences that need a house."""


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
        if own:
            names = [{"in": name, "out": code} for code, name in own["languages"].items()]
            merged["lists"]["spoken_language"] = {"values": [*names, *_in_their_own_words()]}
        for source in (own, borrowed):
            for name, intent in source.get("intents", {}).items():
                merged["intents"].setdefault(name, {"data": []})["data"] += intent["data"]
        self._intents = Intents.from_dict(merged)

    def matches(self, text: str) -> list[Match]:
        """What `text` may ask for, the likeliest first: the one with the least that could be anything."""
        from hassil.recognize import recognize_all

        plain = _plain(text)
        if not plain or len(text) > MAX_SENTENCE or "\n" in text.strip():
            return []
        found: dict[tuple[str, str], tuple[tuple[int, int], Match]] = {}
        for result in recognize_all(plain, self._intents, language=self.language):
            slots = {
                entity.name: _as_said(str(entity.value), text) if entity.is_wildcard else _value(entity.value)
                for entity in result.entities_list
            }
            free = [str(entity.value) for entity in result.entities_list if entity.is_wildcard]
            match = Match(result.intent.name, slots, self.language, text)
            rank = (sum(map(len, free)), len(free))
            key = (match.intent, repr(sorted(slots.items())))
            if key not in found or rank < found[key][0]:
                found[key] = (rank, match)
        return [match for _, match in sorted(found.values(), key=lambda one: one[0])]

    def own_sentences(self) -> Intents:
        """Those that are not borrowed, with all names of languages that can be spoken."""
        from hassil.intents import Intents

        own = data(self.language)
        return Intents.from_dict({"language": self.language, "lists": {}, "expansion_rules": {}, **own})


def _in_their_own_words() -> list[dict[str, str]]:
    """The languages that have sentences, as they call themselves: who wants German says "Deutsch"."""
    return [{"in": data(code)["languages"][code], "out": code} for code in languages()]


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


def _value(value: Any) -> Any:
    """Numbers of sentences are whole."""
    if isinstance(value, str):
        return value.strip()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_said(value: str, text: str) -> str:
    """The words of `value` with the commas that they have in `text`."""
    found = re.search(r"[\s,;:]+".join(map(re.escape, value.split())), text, re.IGNORECASE)
    return found[0] if found is not None and value.strip() else value.strip()


def _plain(text: str) -> str:
    """`text` without the punctuation that Whisper and people put at the end."""
    return re.sub(r"\s+", " ", text.strip().strip('¿¡"“”„«»').rstrip(".!?…").strip())
