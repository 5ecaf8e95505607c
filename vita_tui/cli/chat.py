"""The conversation line by line, without a screen: for pipes, for terminals that know no escape codes, and for screen readers.

Answers go to standard output, everything else to standard error. On a terminal the next question may be typed while the answer is
spoken; from a pipe each is answered whole before the next one is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vita_tui.cli.ask import PrintedReply
from vita_tui.cli.chat_commands import carry_out, tell_session
from vita_tui.cli.output import complain, echo, plain, quiet_libraries, run_async, say, say_lines, write
from vita_tui.cli.streams import need_output
from vita_tui.cli.tool_approval import ToolsInWords, can_ask
from vita_tui.cli.typed_lines import TypedLines
from vita_tui.text.slash import parse

if TYPE_CHECKING:
    from vita_tui.conversation.assistant import Assistant
    from vita_tui.events import Event
    from vita_tui.settings import Settings

__all__ = ["LineChat", "chat"]

_SENTENCE_ENDS = re.compile(r"[.!?:;…。！？]+[\"'”’)\]]*\s+|\n")


def chat(resume: str | None = None, overrides: Mapping[str, Any] | None = None, question: str = "") -> int:
    """Talk until the input ends or the user leaves; returns the exit code.

    Args:
        resume: id of the conversation to go on with; "latest" for the last one.
        overrides: settings from the command line, as nested dictionaries.
        question: is asked first; all that is asked where nobody types.

    Raises:
        VitaError: the settings are wrong.
        KeyboardInterrupt: the user left with ctrl+c.
    """
    from vita_tui import settings as all_settings
    from vita_tui.cli.weights import need_weights
    from vita_tui.errors import ModelError

    need_output()
    os.environ["TERM"] = "dumb"  # for the libraries, and for the commands that tools run
    settings = all_settings.load(overrides=overrides or {})
    try:
        need_weights(settings, "llm")
    except ModelError as error:  # the time, timers and sums need none
        complain(error.message, error.remedy)
    with quiet_libraries():
        return run_async(_talk(settings, resume, question))


async def _talk(settings: Settings, resume: str | None, question: str) -> int:
    from vita_tui.conversation.build import build

    typed = sys.stdin.isatty()
    # Where nothing is to be spoken, no sound device is opened.
    assistant = build(settings, recognition=False, speech=settings.audio.speak, upkeep=typed, asks=can_ask())
    try:
        talk = LineChat(assistant, typed=typed, speech=settings.audio.speak)
        await assistant.start(resume=resume)
        return await talk.run(question)
    finally:
        await assistant.aclose()


class LineChat:
    """One conversation over lines."""

    def __init__(self, assistant: Assistant, *, typed: bool, speech: bool = True) -> None:
        """
        Args:
            typed: somebody types at a terminal, and sees a prompt.
            speech: there is a voice.
        """
        self.speech = speech
        self.assistant = assistant
        self._typed = typed
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._turn: asyncio.Task[None] | None = None
        self._written = asyncio.Event()
        """The present reply's text is whole; it may still be spoken."""
        self._asked = ""
        """The call of a tool of which the next line decides."""
        self._told: set[str] = set()
        self._leaving = False
        self._code = 0
        self._tools = ToolsInWords(assistant, self._wait_for_consent)
        self._reply = SpokenLines()
        assistant.bus.subscribe(self._listen_from_anywhere)

    async def run(self, question: str = "") -> int:
        """Until the input ends or the user leaves; returns the exit code. See `chat`."""
        if self._typed:
            self._greet()
            with contextlib.suppress(NotImplementedError):  # Windows
                self._loop.add_signal_handler(signal.SIGINT, self._interrupt)
        if question:
            self._take(question)
        if question and not self._typed:
            self._take(None)
        else:
            TypedLines(self._take)
        while not self._leaving:
            if self._typed:
                say_lines("You: ")
            line = await self._next_question()
            if line is None:
                break
            self._told.discard("ctrl+c")
            await self._answer(line)
        if not self._typed and self._turn is not None:
            await self._turn
        return self._code

    def leave(self) -> None:
        """After the present command."""
        self._leaving = True

    async def ask(self, question: str) -> None:
        """Have a question answered; from a terminal, returns when its text is there."""
        if self._turn is not None and not self._typed:
            await self._turn
        self._written.clear()
        self._turn = asyncio.ensure_future(self._ask(question))
        written = asyncio.ensure_future(self._written.wait())
        await asyncio.wait(
            {self._turn, written} if self._typed else {self._turn}, return_when="FIRST_COMPLETED"
        )
        written.cancel()

    async def _ask(self, question: str) -> None:
        assistant = self.assistant
        before = assistant.last
        await assistant.ask(question)
        last = assistant.last
        self._code = 0
        if last is not None and last is not before and last.error is not None:
            complain(last.error.message, last.error.remedy)
            self._code = 3

    # ---- lines

    def _take(self, line: str | None) -> None:
        if self._asked:
            call, self._asked = self._asked, ""
            self._tools.decide(call, line or "")
            if line is not None:
                return
        self._lines.put_nowait(line)

    def _wait_for_consent(self, call: str) -> None:
        self._asked = call

    async def _next_question(self) -> str | None:
        """What was typed; a line that ends with a backslash goes on in the next one."""
        so_far = ""
        while (line := await self._lines.get()) is not None:
            if not line.endswith("\\"):
                return so_far + line
            so_far += line[:-1] + "\n"
        self._lines.put_nowait(None)  # the end stays the end
        return so_far or None

    async def _answer(self, line: str) -> None:
        from vita_tui.errors import VitaError

        text = plain(line).strip()
        if not text:
            if self._typed:
                self.assistant.stop()  # enter alone: be quiet
            return
        command = None if text.startswith("//") else parse(text)
        try:
            if command is None:
                await self.ask(text[1:] if text.startswith("//") else text)
            else:
                await carry_out(self, *command)
        except VitaError as error:
            complain(error.message, error.remedy)

    def _interrupt(self) -> None:
        """ctrl+c: the reply first, then a warning, then out."""
        if self._turn is not None and not self._turn.done():
            self.assistant.stop()
        elif "ctrl+c" in self._told:
            self._code = 130
            self._leaving = True
            self._lines.put_nowait(None)
        else:
            self._told.add("ctrl+c")
            say("")
            say("ctrl+c again leaves, as ctrl+d and /quit do.")
            say_lines("You: ")

    def _greet(self) -> None:
        say("VITA. Type a question and press enter; /help lists the commands, ctrl+d leaves.")
        if (session := self.assistant.session) is not None:
            tell_session(session)

    # ---- what happens

    def _listen_from_anywhere(self, event: Event) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._listen, event)

    def _listen(self, event: Event) -> None:
        from vita_tui.events import Notice, ReplyFinished, ReplyStarted, Ringing, TurnFailed

        match event:
            case ReplyStarted(because=because) if because:
                self._tell(f"{event.engine} answers instead of {event.instead_of}: {because.rstrip('.')}.")
            case ReplyStarted() if self._typed:
                say_lines("VITA: ")
            case Notice(key="speaker", title="No speaker"):
                self._tell("No speaker: replies are shown only.")
                self.assistant.speaking_aloud = False
            case Notice(severity="warning" | "error"):
                self._tell(f"{event.title}: {event.message}" if event.message else event.title, event.remedy)
            case TurnFailed(job="tts"):
                self._tell(event.message)
            case Ringing(on=True):
                say(event.text)
            case _:
                pass
        self._tools.listen(event)
        self._reply.listen(event)
        if isinstance(event, ReplyFinished):
            self._reply.tell()
            self._reply = SpokenLines()
            self._written.set()

    def _tell(self, message: str, remedy: str = "") -> None:
        """Once."""
        if message not in self._told:
            self._told.add(message)
            complain(message, remedy)


class SpokenLines(PrintedReply):
    """A reply sentence by sentence: a screen reader says what is written at once in one go."""

    def __init__(self) -> None:
        super().__init__(quiet=False)

    def _print(self, *, last: bool = False) -> None:
        waiting = self._text[self._printed :]
        if not last:
            ends = [found.end() for found in _SENTENCE_ENDS.finditer(waiting)]
            if not ends or (self._started is not None and not sys.stdout.isatty() and self._held()):
                return
            waiting = waiting[: ends[-1]]
        self._printed += len(waiting)
        write(waiting)
        if last and self._text:
            echo()
