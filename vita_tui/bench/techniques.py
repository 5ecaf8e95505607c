"""The techniques that make a turn fast, each of which can be left out to see what it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vita_tui.errors import SettingsError

__all__ = ["TECHNIQUES", "without"]

TECHNIQUES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "short-windows": {"stt": {"short_windows": False}},
    "drafts": {"stt": {"drafts": False}},
    "partials": {"stt": {"partials": False}},
    "think-ahead": {"talk": {"think_ahead": False}},
    "smart-turn": {"talk": {"smart_turn": False}},
    "ask-model": {"talk": {"ask_model": False}},
    "read-ahead": {"llm": {"read_ahead": False}},
    "early-clause": {"tts": {"early": False}},
    "sound-ahead": {"tts": {"ahead": False}},
}
"""By name: the settings that leave it out."""


def without(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The settings that leave out all of `names`.

    Raises:
        SettingsError: there is no such technique.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        if name not in TECHNIQUES:
            raise SettingsError(f"There is no technique {name}.", remedy=f"One of: {', '.join(TECHNIQUES)}")
        for section, values in TECHNIQUES[name].items():
            found.setdefault(section, {}).update(values)
    return found
