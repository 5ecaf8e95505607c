"""Settings that change while the program runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vita_tui.conversation.engine_care import EngineCare
from vita_tui.conversation.hands_free import HandsFreeSwitch
from vita_tui.conversation.profiles import Profiles
from vita_tui.errors import SettingsError
from vita_tui.events import EventBus, SettingChanged
from vita_tui.settings import Settings, assign, value_of

__all__ = ["LiveSettings"]


class LiveSettings:
    """On the assistant's loop."""

    def __init__(
        self,
        settings: Settings,
        engines: EngineCare,
        hands_free: HandsFreeSwitch,
        profiles: Profiles,
        bus: EventBus,
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._hands_free = hands_free
        self._profiles = profiles
        self._bus = bus

    async def change(self, values: Mapping[str, Any]) -> None:
        """Have settings apply from now on, each one of those that `settings.at_once`, whatever profile is used.

        Raises:
            SettingsError: one of them cannot have this value; none of them has changed.
        """
        await self.follow_profile(values)
        for key, value in values.items():
            self._profiles.note(key, value)

    async def follow_profile(self, values: Mapping[str, Any]) -> None:
        """As `change`, for as long as a profile is used."""
        before = [(key, value_of(self._settings, key)) for key in values]
        try:
            for key, value in values.items():
                assign(self._settings, key, value)
        except SettingsError:
            for key, value in before:
                assign(self._settings, key, value)
            raise
        for key, value in values.items():
            await self._engines.apply(key, value)
            if key in ("stt.language", "tts.engines"):
                self._engines.order_voices(self._settings)
            elif key == "talk.hands_free":
                self._hands_free.set(value)
            self._bus.publish(SettingChanged(key, value))

    def speak(self, on: bool) -> None:
        """Speak replies from now on, or show them only."""
        self._settings.audio.speak = on
        self._engines.reread("audio.speak")
        self._bus.publish(SettingChanged("audio.speak", on))
