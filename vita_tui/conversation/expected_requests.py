"""Requests that need no model, for speech recognition: what may have been meant by what it wrote."""

from __future__ import annotations

from collections.abc import Sequence

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import Abilities, MisheardRequest
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

    def sounding_like(self, text: str, language: str) -> Sequence[Expected]:
        if not self._settings.abilities.enabled:
            return ()
        found = self._abilities.sounding_like(text, Context(self._clock), language)
        return [_expected(one) for one in found]

    def meant(self, text: str, language: str) -> Expected | None:
        if not self._settings.abilities.enabled:
            return None
        found = self._abilities.meant(text, Context(self._clock), language)
        return None if found is None else _expected(found)

    def may_begin(self, text: str, language: str) -> bool:
        return self._settings.abilities.enabled and self._abilities.may_begin(text, language)


def _expected(request: MisheardRequest) -> Expected:
    return Expected(request.text, request.meaning, request.usable)
