"""What can be asked of VITA by name in the conversation over lines; the names are those of the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vita_tui.cli.output import complain, say, say_lines
from vita_tui.cli.session_store import ID_DIGITS, one_line

if TYPE_CHECKING:
    from vita_tui.cli.chat import LineChat
    from vita_tui.sessions.session import Session, Turn

__all__ = ["LINE_COMMANDS", "LineCommand", "carry_out", "tell_session"]

LISTED = 10
"""Conversations in a list."""
SHOWN_TURNS = 2
"""Turns of a conversation that is gone on with."""


@dataclass(frozen=True, slots=True)
class LineCommand:
    name: str
    help: str
    run: Callable[[LineChat, str], Awaitable[None]]
    """Takes what stands behind the name; empty when nothing does."""
    takes: str = ""
    """What may stand behind the name, such as "[TITLE]"; empty: nothing."""


async def carry_out(chat: LineChat, name: str, words: str) -> None:
    """Do what was typed, or say why not.

    Raises:
        VitaError: it did not work.
    """
    command = next((command for command in LINE_COMMANDS if command.name == name), None)
    if command is None:
        complain(f"There is no command /{name} here.", "/help lists them; // begins a question with a slash.")
    elif words and not command.takes:
        complain(f"/{name} takes no words.")
    elif not words and command.takes and not command.takes.startswith("["):
        complain(f"Usage: /{name} {command.takes}")
    else:
        await command.run(chat, words)


def tell_session(session: Session) -> None:
    """Say which conversation it is, and what was said last."""
    say(f"{session.id[:ID_DIGITS]}: {one_line(session.title)}, {len(session.turns)} turns.")
    for turn in session.turns[-SHOWN_TURNS:]:
        say_lines(f"{'You' if turn.role == 'user' else 'VITA'}: {turn.text}\n")


async def _new(chat: LineChat, _: str) -> None:
    await chat.assistant.new_session()
    say("A new conversation.")


async def _history(chat: LineChat, words: str) -> None:
    from vita_tui.sessions.export import moment

    if words:
        hits = await chat.assistant.sessions.search(words, LISTED)
        rows = [(hit.session_id, hit.started, f"{hit.title}: {hit.snippet}") for hit in hits]
    else:
        found = await chat.assistant.sessions.list(LISTED)
        rows = [(one.id, one.last_active, one.title) for one in found]
    for session_id, when, text in rows:
        say(f"{session_id[:ID_DIGITS]}  {moment(when)}  {one_line(text)}")
    say("/resume ID goes on with one." if rows else "Nothing was found.")


async def _resume(chat: LineChat, words: str) -> None:
    await chat.assistant.resume(words or "latest")
    if (session := chat.assistant.session) is not None:
        tell_session(session)
    else:
        say("There are no conversations yet.")


def _last(chat: LineChat, role: str) -> Turn | None:
    session = chat.assistant.session
    return next((turn for turn in reversed(session.turns if session else ()) if turn.role == role), None)


async def _retry(chat: LineChat, model: str) -> None:
    if (question := _last(chat, "user")) is None:
        complain("Nothing was asked yet.")
        return
    if model:
        await chat.assistant.change("llm.model", model)
    await chat.assistant.branch(question.id)
    await chat.ask(question.text)


async def _copy(chat: LineChat, _: str) -> None:
    from vita_tui import clipboard

    reply = _last(chat, "assistant")
    place = await asyncio.to_thread(clipboard.copy, reply.text) if reply is not None else ""
    say(f"Copied to {place}." if place else "There is nothing to copy, or no clipboard here.")


async def _model(chat: LineChat, name: str) -> None:
    if name:
        await chat.assistant.change("llm.model", name)
    say(f"Language model: {chat.assistant.settings.llm.model}")


async def _system(chat: LineChat, prompt: str) -> None:
    if prompt:
        await chat.assistant.set_system_prompt(prompt)
    say_lines(f"{chat.assistant.system_prompt}\n")


async def _persona(chat: LineChat, name: str) -> None:
    await chat.assistant.use_profile("" if name == "none" else name)
    say("No profile." if name == "none" else f"Profile: {name}")


async def _mute(chat: LineChat, _: str) -> None:
    if not chat.assistant.speaking_aloud:
        say("Replies are shown only; /text has them spoken.")
        return
    chat.assistant.muted = not chat.assistant.muted
    say("Muted." if chat.assistant.muted else "Replies are spoken again.")


async def _text(chat: LineChat, _: str) -> None:
    if not chat.speech:
        complain("Nothing can be spoken in this run.", "Start VITA without --quiet, and with audio.speak on.")
        return
    chat.assistant.speaking_aloud = not chat.assistant.speaking_aloud
    say("Replies are spoken." if chat.assistant.speaking_aloud else "Replies are shown only.")


async def _read(chat: LineChat, _: str) -> None:
    if not await chat.assistant.read():
        say("There is nothing to read yet.")


async def _say(chat: LineChat, words: str) -> None:
    await chat.assistant.say(words)


async def _stop(chat: LineChat, _: str) -> None:
    chat.assistant.stop()


async def _rename(chat: LineChat, title: str) -> None:
    await chat.assistant.rename(title)
    session = chat.assistant.session
    say(f"Now called: {one_line(session.title)}" if session is not None else "")


async def _export(chat: LineChat, file: str) -> None:
    from vita_tui.errors import StoreError
    from vita_tui.sessions.export import write_markdown

    if (session := chat.assistant.session) is None:
        raise StoreError("Nothing was said yet.")
    try:
        written = await asyncio.to_thread(write_markdown, session, file)
    except FileExistsError as error:
        raise StoreError(f"{error.filename} exists already.", remedy="/export FILE") from None
    except OSError as error:
        raise StoreError(f"{error.filename} cannot be written: {error.strerror}.") from None
    say(f"Written to {written}")


async def _help(_: LineChat, __: str) -> None:
    usages = [(f"/{command.name} {command.takes}".rstrip(), command.help) for command in LINE_COMMANDS]
    width = max(len(usage) for usage, _ in usages)
    for usage, words in usages:
        say(f"{usage.ljust(width)}  {words}")
    say(
        "Enter alone silences the voice; a line that ends with \\ goes on in the next; // begins a question with a slash."
    )


async def _quit(chat: LineChat, _: str) -> None:
    chat.leave()


LINE_COMMANDS: Sequence[LineCommand] = (
    LineCommand("help", "This list", _help),
    LineCommand("new", "Start afresh; this conversation is kept", _new),
    LineCommand("history", "The last conversations, or those in which words were said", _history, "[WORDS]"),
    LineCommand("resume", "Go on with an earlier conversation, by default the last", _resume, "[ID]"),
    LineCommand(
        "retry", "Have the last question answered anew, by another model if you name one", _retry, "[MODEL]"
    ),
    LineCommand("stop", "Silence the voice", _stop),
    LineCommand("read", "Read the last reply aloud from where the voice stopped", _read),
    LineCommand("say", "Read a text aloud", _say, "TEXT"),
    LineCommand("mute", "Speak nothing for now, or speak again", _mute),
    LineCommand("text", "Speak replies, or only show them", _text),
    LineCommand("copy", "Put the last reply on the clipboard", _copy),
    LineCommand("model", "Choose what answers, from the next question on", _model, "[NAME]"),
    LineCommand("persona", "Use a profile of the settings; none ends it", _persona, "NAME"),
    LineCommand("system", "What the model is told in this conversation", _system, "[PROMPT]"),
    LineCommand("rename", "Give this conversation a title", _rename, "TITLE"),
    LineCommand("export", "Write this conversation to a Markdown file", _export, "[FILE]"),
    LineCommand("quit", "Leave VITA", _quit),
)
