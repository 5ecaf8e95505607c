"""Requests that need no model, for speech recognition: what may have been meant by what it wrote."""

from __future__ import annotations

from collections.abc import Sequence

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import Abilities
from vita_tui.clock import Clock
from vita_tui.engines.stt.base import Expected
from vita_tui.settings import Settings

__all__ = ["ExpectedRequests"]


class ExpectedRequests:
    """An `Expects`."""

    def __init__(self, abilities: Abilities, settings: Settings, clock: Clock) -> None:
        self._abilities = abilities
        self._settings = settings
        self._clock = clock

    def __call__(self, text: str, language: str) -> Sequence[Expected]:
        if not self._settings.abilities.enabled:
            return ()
        found = self._abilities.sounding_like(text, Context(self._clock), language)
        return [Expected(one.text, one.meaning, one.usable) for one in found]
