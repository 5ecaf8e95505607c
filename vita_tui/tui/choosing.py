"""What the user chooses: a model, a voice, a language, a theme, a profile; from now on, and for the next start."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vita_tui.errors import VitaError
from vita_tui.events import Notice, Part
from vita_tui.tui.base_app import BaseApp
from vita_tui.tui.core import Core, Lacking, Weights

if TYPE_CHECKING:
    from vita_tui.tui.model_choices import Selectable

__all__ = ["Choosing"]


class Choosing(BaseApp):
    """The part of `VitaApp` that has choices apply and keeps them."""

    weights: Weights | None = None
    """None: nothing is ever fetched."""
    trying_theme = False
    """A theme is only looked at: it is not kept."""
    _arriving: dict[str, Mapping[str, Any]]
    """Settings that change when what they need has come, by its name."""

    def take_choice(self, choice: Selectable, job: Part) -> None:
        """Have `choice` apply, and keep it; what it lacks is fetched first, and the rest waits for that.

        Args:
            job: that the weights are for.
        """
        self.spawn(self._take(choice, job), "choose")

    async def _take(self, choice: Selectable, job: Part) -> None:
        if self.core is None:
            return
        if not choice.lacking or self.weights is None:
            await self.set_values(choice.values)
            return
        now, then = (choice.values, choice.later) if choice.later else ({}, choice.values)
        if now:
            await self.set_values(now)
        from vita_tui.tui.widgets.fetch import Fetch

        if self.main.query(Fetch):
            self.notify(
                "Something is being fetched. Try again when it is here.", title=choice.title, markup=False
            )
            return
        self._arriving = {choice.lacking: then}
        lacking = [Lacking(choice.lacking, job, choice.bytes)]
        await self.main.query_one("#left").mount(Fetch(self.weights, lacking), before="#partial")

    async def set_values(self, values: Mapping[str, Any]) -> None:
        """Have settings apply from now on, together, and keep them in the settings file.

        Raises:
            VitaError: one cannot have its value: none has changed. Or the file cannot be written.
        """
        if self.core is not None:
            await self.core.change_all(values)
            await asyncio.to_thread(_keep, values)
            self._show_mode()

    def arrived(self, names: set[str]) -> bool:
        """What `names` are called is here; whether a choice waited for one of it."""
        waiting = getattr(self, "_arriving", {})
        found = [waiting.pop(name) for name in list(waiting) if name in names]
        for values in found:
            self.spawn(self.set_values(values), "choose")
        return bool(found)

    # ---- the theme

    def keep_theme(self) -> None:
        """What is chosen is chosen for good."""
        from vita_tui.settings import file as settings_file

        if self.core is None or self.trying_theme or self.theme == self.core.settings.ui.theme:
            return
        self.core.settings.ui.theme = self.theme
        try:
            settings_file.change("ui.theme", self.theme)
        except VitaError as error:
            self.main.show_notice(Notice("The theme is not kept", error.message, error.remedy, "warning"))

    # ---- profiles and system prompts

    def use_profile(self, name: str) -> None:
        """Use a profile; an empty name is none."""
        if self.core is not None:
            self.spawn(self._use_profile(self.core, name), "profile")

    async def _use_profile(self, core: Core, name: str) -> None:
        await core.use_profile(name)
        words = "From the next question on; this conversation keeps it." if name else "As the settings say."
        self.notify(words, title=f"Profile {name}" if name else "No profile", timeout=4, markup=False)

    async def save_profile(self, name: str) -> None:
        """Write what is set now into the settings file as a profile called `name`.

        Raises:
            SettingsError: it is no name, or the file cannot be written.
        """
        from vita_tui.settings import Profile
        from vita_tui.settings.named_tables import put_table

        core = self.core
        if core is None:
            return
        chosen = core.settings
        values = {
            "base_url": chosen.llm.base_url,
            "model": chosen.llm.model,
            "temperature": chosen.llm.temperature,
            "system_prompt": core.system_prompt,
            "voice": chosen.tts.remote_voice if chosen.tts.base_url else chosen.tts.voice,
            "language": chosen.stt.language,
            "tools": chosen.tools.enabled,
        }
        file = await asyncio.to_thread(put_table, "profiles", "named", name, values)
        chosen.profiles.named[name] = Profile.model_validate(values)
        self.notify(f"Written to {file}", title=f"Profile {name} is kept", markup=False)

    def set_system_prompt(self, prompt: str) -> None:
        """Give the conversation a system prompt of its own; an empty one is that of the settings."""
        if self.core is not None:
            self.spawn(self._set_system_prompt(self.core, prompt), "system prompt")

    async def _set_system_prompt(self, core: Core, prompt: str) -> None:
        await core.set_system_prompt(prompt)
        words = "From the next question on." if prompt else "As the settings say, from the next question on."
        self.notify(words, title="System prompt", timeout=4, markup=False)


def _keep(values: Mapping[str, Any]) -> None:
    from vita_tui.settings import file as settings_file

    for key, value in values.items():
        settings_file.change(key, list(value) if isinstance(value, tuple) else value)
