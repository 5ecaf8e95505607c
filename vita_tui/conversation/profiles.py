"""The profile that is used: what it names is another than in the settings, for as long as it is used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from vita_tui.errors import SettingsError
from vita_tui.settings import Profile, Settings, assign, value_of

__all__ = ["Profiles", "values_of"]


class Profiles:
    """On the assistant's loop."""

    def __init__(self, settings: Settings) -> None:
        """Begins with the profile that the settings want: `settings` are changed by it, before engines are made of them."""
        self._settings = settings
        self._before: dict[str, Any] = {}
        """What the settings were that the profile has changed."""
        self.name = settings.profiles.use
        """Of the one that is used; empty for none."""
        if self.name:
            values = values_of(settings.profiles.named[self.name], settings)
            self._before = {key: value_of(settings, key) for key in values}
            for key, value in values.items():
                assign(settings, key, value)

    async def use(self, name: str, change: Callable[[Mapping[str, Any]], Awaitable[None]]) -> None:
        """Use the profile called `name` from now on; an empty name ends the use of any.

        Args:
            change: has settings apply from now on; raises `SettingsError` when one cannot.

        Raises:
            SettingsError: there is no such profile, or a setting cannot be what it says.
        """
        named = self._settings.profiles.named
        if name and name not in named:
            raise SettingsError(
                f"There is no profile {name}.",
                remedy=f"There are: {', '.join(named)}"
                if named
                else "Write one into the settings file: [profiles.named.NAME]",
            )
        values = values_of(named[name], self._settings) if name else {}
        # The name of a language model means nothing on another server: what the profile before has changed is undone with it.
        wanted = {**self._before, **values}
        before = {key: self._before.get(key, value_of(self._settings, key)) for key in values}
        changes = {key: value for key, value in wanted.items() if value_of(self._settings, key) != value}
        if changes:
            await change(changes)
        self._before, self.name = before, name

    def note(self, key: str, value: Any) -> None:
        """The user has chosen a setting for good: it stays when the profile ends."""
        if key in self._before:
            self._before[key] = value


def values_of(profile: Profile, settings: Settings) -> dict[str, Any]:
    """The settings that `profile` changes, by "section.name"."""
    given = profile.model_dump(exclude_none=True)
    found: dict[str, Any] = {}
    for name, value in given.items():
        match name:
            case "base_url" | "model" | "temperature":
                found[f"llm.{name}"] = value
            case "system_prompt":
                found |= {"llm.system_prompt": value, "llm.text_prompt": ""}
            case "voice":
                found["tts.remote_voice" if settings.tts.base_url else "tts.voice"] = value
            case "language":
                found["stt.language"] = value
            case "tools":
                found["tools.enabled"] = value
            case _:
                raise AssertionError(name)
    return found
