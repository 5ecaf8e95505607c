"""Every action by name: what the palette lists, and what `/` in the prompt offers. One list for both, in the order of use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hits
from textual.system_commands import SystemCommandsProvider

from vita_tui.tui.choice_commands import (
    choose_language,
    choose_profile,
    choose_theme,
    mute,
    say,
    system_prompt,
)
from vita_tui.tui.formatting import count, size
from vita_tui.tui.word_offers import own_words

if TYPE_CHECKING:
    from vita_tui.tui.app import VitaApp

STEPS = {"tts.rate": (0.5, 2.0), "tts.volume": (0.1, 1.0)}
"""How far a figure of the voice goes step by step."""

__all__ = [
    "COMMANDS",
    "ByUse",
    "Command",
    "clean_up",
    "commands",
    "find",
    "matching",
    "reset_engines",
]


@dataclass(frozen=True, slots=True)
class Command:
    """Something that can be asked of VITA by name."""

    name: str
    """Behind the slash."""
    title: str
    """In the palette."""
    help: str
    run: Callable[[VitaApp, str], object]
    """Takes what stands behind the name; empty when nothing does."""
    takes: str = ""
    """What may stand behind the name, such as "[TITLE]"; empty: nothing."""
    binding: str = ""
    """Id of the key that does the same."""

    @property
    def needs(self) -> bool:
        """Whether it can do nothing by itself."""
        return bool(self.takes) and not self.takes.startswith("[")


class ByUse(SystemCommandsProvider):
    """The commands in the order in which they are given, not by the alphabet: what is used most is at the top."""

    async def discover(self) -> Hits:
        for name, help_text, callback, shown in self.app.get_system_commands(self.screen):
            if shown:
                yield DiscoveryHit(name, callback, help=help_text)


def commands(app: VitaApp) -> Iterable[SystemCommand]:
    """Those that need no words, for the palette, each with its key."""
    for command in COMMANDS:
        if not command.needs:
            key = key_of(app, command)
            words = f"{command.help}  ({key})" if key else command.help
            yield SystemCommand(command.title, words, _without_words(app, command))


def _without_words(app: VitaApp, command: Command) -> Callable[[], object]:
    return lambda: command.run(app, "")


def key_of(app: VitaApp, command: Command) -> str:
    """The key that does the same, as it is shown; empty when there is none."""
    for active in app.main.active_bindings.values() if command.binding else ():
        if active.binding.id == command.binding:
            return app.get_key_display(active.binding)
    return ""


def find(name: str) -> Command | None:
    return next((command for command in COMMANDS if command.name == name), None)


def matching(name: str) -> list[Command]:
    """The commands that `name` may become: those that begin with it, then those that have it inside."""
    begins = [command for command in COMMANDS if command.name.startswith(name)]
    return begins + [command for command in COMMANDS if name in command.name and command not in begins]


# ---- what they do


def _voice(app: VitaApp, key: str, title: str, step: float) -> None:
    """One step of a figure of the voice, from the next sentence on."""
    if app.core is None:
        return
    section, name = key.split(".")
    least, most = STEPS[key]
    value = round(min(most, max(least, getattr(getattr(app.core.settings, section), name) + step)), 2)
    app.change(key, value)
    app.notify(f"{value:.0%}", title=title, timeout=3, markup=False)


def _rename(app: VitaApp, title: str) -> None:
    app.spawn(app.rename_conversation(title), "rename")


def _export(app: VitaApp, file: str) -> None:
    app.spawn(app.export_conversation(file), "export")


def reset_engines(app: VitaApp) -> None:
    """Let every engine be tried on the next request."""
    if app.core is None:
        return
    for chain in app.core.chains.values():
        chain.reset()
    app.notify("All engines will be retried on the next request.", title="Engines", markup=False)


def fetch_models(app: VitaApp) -> None:
    """Show what is missing and fetch it."""
    from vita_tui.tui.widgets.fetch import offer

    app.spawn(offer(app, always=True), "fetch models")


def clean_up(app: VitaApp) -> None:
    """End what crashed programs left behind, close what leaked here, and give memory back; what is in use stays open."""
    app.spawn(_clean_up(app), "clean up")


async def _clean_up(app: VitaApp) -> None:
    from vita_tui.health.control import standard_answers
    from vita_tui.health.processes import clean_up as end_and_remove

    done = await asyncio.to_thread(end_and_remove)
    here = await asyncio.to_thread(standard_answers()["cleanup"])
    closed = len(here["leaks"]) - len(here["remaining"])
    words = f"{count(len(done.ended), 'stale helper')} ended, {count(len(done.removed), 'file')} removed, "
    words += f"{count(closed, 'leak')} closed, {size(max(0, here['freed']))} freed."
    if failed := len(done.stubborn) + len(done.kept) + len(here["remaining"]):
        words += f" {failed} could not be: see the log."
    app.notify(words, title="Clean up", markup=False)


COMMANDS: Sequence[Command] = (
    Command(
        "talk",
        "Talk",
        "Open the microphone, or send what you said",
        lambda app, _: app.main.action_talk(),
        binding="talk",
    ),
    Command(
        "stop",
        "Stop",
        "Stop speech, reply and recording",
        lambda app, _: app.main.action_stop(),
        binding="stop",
    ),
    Command(
        "new",
        "New conversation",
        "Start afresh; this one is kept",
        lambda app, _: app.main.action_new(),
        binding="new",
    ),
    Command(
        "history",
        "History",
        "Find and continue earlier conversations",
        lambda app, _: app.action_history(),
        binding="history",
    ),
    Command(
        "retry",
        "Ask again",
        "Have your last question answered anew, by another model if you name one; this answer is kept",
        lambda app, model: app.main.regenerate(model),
        takes="[MODEL]",
    ),
    Command(
        "branch",
        "Other answers",
        "Turn to the conversation before a question was asked again, and back",
        lambda app, _: app.other_branch(),
        binding="branch",
    ),
    Command(
        "read",
        "Read on",
        "Read the last reply aloud from where the voice stopped, or all of it",
        lambda app, _: app.read_on(),
    ),
    Command(
        "edit",
        "Edit the last question",
        "Put your last question into the prompt",
        lambda app, _: app.main.edit_last(),
    ),
    Command(
        "copy",
        "Copy last reply",
        "Put it on the clipboard",
        lambda app, _: app.main.action_copy_reply(),
        binding="copy.reply",
    ),
    Command(
        "code",
        "Copy last code block",
        "Put the code of the last reply on the clipboard",
        lambda app, _: app.main.action_copy_code(),
    ),
    Command(
        "model",
        "Language model",
        "Choose what answers, from the next question on",
        lambda app, words: app.action_choose("model", words),
        takes="[NAME]",
        binding="choose.model",
    ),
    Command(
        "voice",
        "Voice",
        "Choose the voice, and hear it before",
        lambda app, words: app.action_choose("voice", words),
        takes="[NAME]",
    ),
    Command(
        "language",
        "Language",
        "Choose recognition, voice and answers together",
        choose_language,
        takes="[NAME]",
    ),
    Command(
        "words",
        "Words of yours",
        "Names that recognition prefers, or add some: NAME, NAME",
        own_words,
        takes="[NAME]",
    ),
    Command(
        "persona",
        "Profile",
        "Use a profile, or keep what is set now as one: save NAME",
        choose_profile,
        takes="[NAME]",
    ),
    Command(
        "system",
        "System prompt",
        "What the model is told in this conversation",
        system_prompt,
        takes="[PROMPT]",
    ),
    Command(
        "mute",
        "Mute",
        "Speak nothing for now; replies stay as they are",
        lambda app, _: mute(app),
        binding="mute",
    ),
    Command(
        "text",
        "Voice or text",
        "Speak replies aloud, or only show them, at more length",
        lambda app, _: app.main.action_voice(),
        binding="voice",
    ),
    Command("say", "Say a text", "Read a text aloud", say, takes="TEXT"),
    Command(
        "pause",
        "Pause the voice",
        "Pause the voice, and go on at the same word",
        lambda app, _: app.main.action_pause(),
        binding="pause",
    ),
    Command(
        "back",
        "Back a sentence",
        "Have the sentence said again, or the one before",
        lambda app, _: app.main.action_back(),
        binding="voice.back",
    ),
    Command(
        "skip",
        "Skip a sentence",
        "Go on with the next sentence",
        lambda app, _: app.main.action_skip(),
        binding="voice.skip",
    ),
    Command("slower", "Slower", "Speak more slowly", lambda app, _: _voice(app, "tts.rate", "Speed", -0.1)),
    Command("faster", "Faster", "Speak faster", lambda app, _: _voice(app, "tts.rate", "Speed", 0.1)),
    Command(
        "quieter", "Quieter", "Speak more quietly", lambda app, _: _voice(app, "tts.volume", "Volume", -0.1)
    ),
    Command("louder", "Louder", "Speak louder", lambda app, _: _voice(app, "tts.volume", "Volume", 0.1)),
    Command(
        "hands-free",
        "Hands-free",
        "Listen without a key: on or off",
        lambda app, _: app.main.action_hands_free(),
        binding="hands.free",
    ),
    Command("rename", "Rename the conversation", "Give this conversation a title", _rename, takes="TITLE"),
    Command(
        "export",
        "Export the conversation",
        "Write this conversation to a Markdown file",
        _export,
        takes="[FILE]",
    ),
    Command(
        "timings",
        "Timings of the last turn",
        "Where the time went, stage by stage",
        lambda app, _: app.main.run_worker(app.main.action_timings()),
        binding="timings",
    ),
    Command(
        "panel",
        "Panel",
        "Show or hide the live panel",
        lambda app, _: app.main.action_panel(),
        binding="panel",
    ),
    Command(
        "settings",
        "Settings",
        "See and change the settings",
        lambda app, _: app.action_settings(),
        binding="settings",
    ),
    Command("theme", "Theme", "Choose the colours, and see them before", choose_theme, takes="[NAME]"),
    Command(
        "doctor",
        "Diagnostics",
        "Is everything working? Engines, memory and open resources",
        lambda app, _: app.action_diagnostics(),
        binding="diagnostics",
    ),
    Command("log", "Log", "What VITA wrote to its log", lambda app, _: app.action_log(), binding="log"),
    Command(
        "welcome",
        "Welcome",
        "Try microphone and voice, and see what one can say",
        lambda app, _: app.spawn(app.main.action_welcome(), "welcome"),
    ),
    Command("help", "Help", "All keys, and how to talk", lambda app, _: app.action_help(), binding="help"),
    Command(
        "quit", "Quit", "Leave VITA", lambda app, _: app.spawn(app.action_quit(), "quit"), binding="quit"
    ),
    Command(
        "screenshot",
        "Screenshot",
        "Save this screen as an SVG picture",
        lambda app, _: app.deliver_screenshot(),
    ),
    Command(
        "engines",
        "Retry disabled engines",
        "Re-enable every engine now, after a fix",
        lambda app, _: reset_engines(app),
    ),
    Command(
        "models",
        "Fetch missing models",
        "Download what VITA needs and does not have",
        lambda app, _: fetch_models(app),
    ),
    Command(
        "cleanup", "Clean up", "Close what was left open and end stale helpers", lambda app, _: clean_up(app)
    ),
)
"""What is used most comes first."""
