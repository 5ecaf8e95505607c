"""Commands that choose: with a name they choose at once, without one they open a list."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from vita_tui.errors import SettingsError

if TYPE_CHECKING:
    from vita_tui.tui.app import VitaApp

__all__ = ["choose_language", "choose_profile", "choose_theme", "mute", "say", "system_prompt"]


def choose_theme(app: VitaApp, name: str) -> None:
    if name in app.available_themes:
        app.theme = name
    else:
        app.action_choose("theme", name)


def choose_language(app: VitaApp, words: str) -> None:
    if words:
        app.spawn(_choose_language(app, words), "language")
    else:
        app.action_choose("language")


async def _choose_language(app: VitaApp, words: str) -> None:
    from vita_tui.text.spoken_languages import spoken_languages
    from vita_tui.tui.voice_choices import language_choices

    if app.core is None:
        return
    meant = next((one for one in spoken_languages().values() if one.answers_to(words)), None)
    choices = await asyncio.to_thread(language_choices, app.core.settings)
    choice = next((one for one in choices if meant and one.values["stt.language"] == meant.code), None)
    if choice is None:
        app.action_choose("language", words)
    else:
        app.take_choice(choice, "tts")


def choose_profile(app: VitaApp, words: str) -> None:
    """ "NAME" uses it, "save NAME" keeps what is set now under it, "none" ends the use of any."""
    if saved := re.fullmatch(r"save\s+(\S+)", words):
        app.spawn(_save_profile(app, saved[1]), "save profile")
    elif words == "none":
        app.use_profile("")
    elif words:
        app.use_profile(words)
    else:
        app.action_choose("profile")


async def _save_profile(app: VitaApp, name: str) -> None:
    from vita_tui.settings import PROFILE_NAME

    if not re.match(PROFILE_NAME, name):
        raise SettingsError(
            f"{name} is no name for a profile.", remedy="Letters, digits and dashes, 40 at most."
        )
    await app.save_profile(name)


def system_prompt(app: VitaApp, words: str) -> None:
    if words:
        app.set_system_prompt(words)
    else:
        app.action_choose("system")


def say(app: VitaApp, words: str) -> None:
    if app.core is not None:
        app.spawn(app.core.say(words), "say")


def mute(app: VitaApp) -> None:
    """Speak nothing for now, or speak again."""
    if app.core is None:
        return
    if not app.core.speaking_aloud:
        app.notify("Replies are shown only: f9 has them spoken.", title="Text", timeout=4, markup=False)
        return
    app.core.muted = not app.core.muted
