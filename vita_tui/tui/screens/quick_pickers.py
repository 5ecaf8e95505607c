"""Pickers of what is known at once: the language, the theme, the profile."""

from __future__ import annotations

import asyncio

from vita_tui.settings.sections.profiles import Profile
from vita_tui.text.spoken_languages import name_of
from vita_tui.tui.model_choices import Selectable
from vita_tui.tui.screens.picker import Picker
from vita_tui.tui.voice_choices import language_choices

__all__ = ["LanguagePicker", "ProfilePicker", "ThemePicker"]


class LanguagePicker(Picker):
    HEADING = "Language"
    PLACEHOLDER = "Type to filter: German, Deutsch, …"

    def on_mount(self) -> None:
        self.run_worker(self._look())

    async def _look(self) -> None:
        assert self.app.core is not None
        self.offer(await asyncio.to_thread(language_choices, self.app.core.settings))

    def choose(self, choice: Selectable) -> None:
        self.app.take_choice(choice, "tts")


class ThemePicker(Picker):
    """Each is seen while the mark is on it."""

    HEADING = "Theme"

    def on_mount(self) -> None:
        self._before = self.app.theme
        self._chosen = False
        self.app.trying_theme = True
        themes = sorted(self.app.available_themes.values(), key=lambda theme: (not theme.dark, theme.name))
        self.offer(
            Selectable(
                theme.name,
                "",
                "Dark" if theme.dark else "Light",
                {"ui.theme": theme.name},
                current=theme.name == self._before,
            )
            for theme in themes
        )

    def highlighted(self, choice: Selectable) -> None:
        if self.is_attached:
            self.app.theme = choice.title

    def choose(self, choice: Selectable) -> None:
        self._chosen = True
        self.app.trying_theme = False
        self.app.theme = choice.title
        self.app.keep_theme()

    def on_unmount(self) -> None:
        if not self._chosen:
            self.app.theme = self._before
            self.app.trying_theme = False


class ProfilePicker(Picker):
    HEADING = "Profile"

    def on_mount(self) -> None:
        core = self.app.core
        assert core is not None
        used = self.app.main.profile
        choices = [Selectable("None", "as the settings say", "Profiles", {"name": ""}, current=not used)]
        choices += [
            Selectable(name, _facts(profile), "Profiles", {"name": name}, current=name == used)
            for name, profile in core.settings.profiles.named.items()
        ]
        self.offer(choices)
        if len(choices) == 1:
            self.say("/persona save NAME keeps what is set now as a profile.")

    def choose(self, choice: Selectable) -> None:
        self.app.use_profile(str(choice.values["name"]))


def _facts(profile: Profile) -> str:
    parts = [
        profile.model or "",
        profile.voice or "",
        name_of(profile.language) if profile.language else "",
        "" if profile.temperature is None else f"temperature {profile.temperature:g}",
        "" if profile.tools is None else ("with tools" if profile.tools else "without tools"),
        profile.system_prompt or "",
    ]
    return " · ".join(part for part in parts if part)[:120]
