"""The terminal is Textual's alone while the screen runs: what native libraries print goes to the log file.

Textual draws on standard error. Here the terminal gets its own descriptor, standard output and error of the process are
led into the log, and the driver is told. A terminal that goes away is noticed instead of being written to for ever, and one that can
report key releases is asked to.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, Protocol

from vita_tui.tui import guard, private_textual, splash
from vita_tui.tui.keyboard import (
    ADD_EVENTS,
    ASK,
    FOCUS_OUT,
    PASTE_END,
    PASTE_START,
    Edge,
    TalkKey,
    mark_pastes,
    parse_flags,
    parse_stroke,
)

log = logging.getLogger(__name__)

READ = 4096
ONE_KEY = 16
"""Bytes that one key sends at most."""
READ_BYTES = 1_000_000
"""Bytes that are taken in one go."""
PASTE_GAP_SECONDS = 0.01
"""Seconds between two parts of one paste."""

__all__ = ["TerminalFile", "Watch", "driver_class", "parser_class", "private_terminal"]


class TerminalFile:
    """Where the driver's writer thread writes; after the first failed write everything is dropped."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.lost = False
        self.on_log: Callable[[], None] = lambda: None
        """To be called when the log is there: what libraries print waits for it."""
        self.on_lost: Callable[[], None] = lambda: None
        """Called once, in the writing thread."""

    def write(self, text: str) -> int:
        self._try(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return True

    def size(self) -> tuple[int, int]:
        """Columns and rows.

        Raises:
            OSError: it is not there any more.
        """
        return tuple(os.get_terminal_size(self._file.fileno()))  # type: ignore[return-value]  # terminal_size is a pair

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._file.close()

    def _try(self, work: Callable[[], Any]) -> None:
        if self.lost:
            return
        try:
            work()
        except (OSError, ValueError):
            self.lost = True
            self.on_lost()


@contextlib.contextmanager
def private_terminal() -> Iterator[TerminalFile | None]:
    """Keep the terminal for the screen; standard output and error go to the log file as long as the context lasts.

    None where that is not possible (Windows, no terminal, no driver that could be told): then all stays as it was.
    """
    stderr_is_terminal = os.isatty(2)
    if (
        os.name != "posix"
        or not (os.isatty(1) or stderr_is_terminal)
        or private_textual.terminal_driver() is None
    ):
        yield None
        return
    from vita_tui.tui.native_output import NativeOutput

    output = NativeOutput()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # What the user redirected already stays where it was sent.
    redirected = [fd for fd in (1, 2) if os.isatty(fd)]
    saved = {fd: os.dup(fd) for fd in redirected}
    terminal = TerminalFile(os.fdopen(os.dup(redirected[0]), "w", encoding="utf-8", errors="replace"))
    for fd in redirected:
        os.dup2(output.descriptor, fd)
    terminal.on_log = output.start
    with contextlib.suppress(OSError):
        faulthandler.enable(output.descriptor, all_threads=False)
    try:
        yield terminal
    finally:
        faulthandler.disable()
        for fd, original in saved.items():
            os.dup2(original, fd)
            os.close(original)
        output.cleanup()
        terminal.close()


class Watch(Protocol):
    """Who is told what the terminal does; every method is called in the driver's threads."""

    def on_terminal_lost(self) -> None:
        """The terminal is gone."""

    def on_quit_key(self) -> None:
        """The key that quits was pressed."""

    def quit_keys(self) -> Container[str]:
        """The keys that quit, as Textual names them."""
        ...

    def on_key_flags(self, flags: int) -> None:
        """The terminal knows the Kitty keyboard protocol, and these flags of it are set."""

    def on_talk_edge(self, edge: Edge) -> None:
        """The talk key went down or came up."""

    def holds(self) -> bool:
        """Whether the talk key is one that is held; otherwise it is a key like others."""
        ...

    def talk_keys(self) -> Container[str]:
        """The talk key, as Textual names it."""
        ...


def parser_class(watch: Watch) -> type[Any] | None:
    """Textual's parser, for terminals that also report repeated and released keys; None where this Textual has another."""
    from textual import events
    from textual.keys import Keys

    if TYPE_CHECKING:
        from textual._xterm_parser import XTermParser
    elif (XTermParser := private_textual.key_parser()) is None:  # noqa: N806 - a class
        return None

    class VitaParser(XTermParser):
        def __init__(self, debug: bool) -> None:
            super().__init__(debug)
            self.talk_key = TalkKey(watch.on_talk_edge)
            self._marked = False
            """A paste has begun that the terminal marks as one."""

        def feed(self, data: str) -> Iterable[Any]:
            if FOCUS_OUT in data:
                self.talk_key.focus_lost()
            # In the middle of a sequence, or of a paste that is marked as one, nothing is a paste by itself.
            if self._awaiting.timeout is None and not self._marked:
                data = mark_pastes(data)
            if (last := max(data.rfind(PASTE_START), data.rfind(PASTE_END))) >= 0:
                self._marked = data.startswith(PASTE_START, last)
            return super().feed(data)

        def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
            if (flags := parse_flags(sequence)) is not None:
                watch.on_key_flags(flags)
                yield events.Key(Keys.Ignore, sequence)
                return
            stroke = parse_stroke(sequence)
            if stroke is None:
                yield from super()._sequence_to_key_events(sequence, alt)
                return
            keys = list(super()._sequence_to_key_events(stroke.plain, alt))
            is_talk_key = watch.holds() and any(key.key in watch.talk_keys() for key in keys)
            if self.talk_key.take(stroke, is_talk_key):
                # Textual must see something, or it takes the sequence for one that is not complete.
                yield events.Key(Keys.Ignore, sequence)
                return
            yield from keys

    return VitaParser


def driver_class(terminal: TerminalFile, watch: Watch) -> type[Any]:
    """A driver for Linux and macOS that draws on `terminal` and tells `watch` what Textual's would not.

    `private_textual.terminal_driver` must be there, as it is where there is a `private_terminal`.
    """
    import selectors
    from codecs import getincrementaldecoder

    from textual import constants
    from textual.events import Key

    if TYPE_CHECKING:
        from textual.drivers.linux_driver import LinuxDriver
    else:
        LinuxDriver = private_textual.terminal_driver()  # noqa: N806 - a class

    parser_type = parser_class(watch)

    class VitaDriver(LinuxDriver):
        def process_message(self, message: Any) -> None:
            if isinstance(message, Key) and message.key in watch.quit_keys():
                watch.on_quit_key()
            super().process_message(message)

        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            super().__init__(*arguments, **keywords)
            self._file = terminal  # type: ignore[assignment]  # it is written to, flushed and asked for its fileno
            terminal.on_lost = watch.on_terminal_lost
            self._starts_anew = False
            self._lent = False
            """Somebody else has the terminal."""

        def write(self, data: str) -> None:
            if not self._lent:
                super().write(data)

        def suspend_application_mode(self) -> None:
            super().suspend_application_mode()
            self._lent = True

        def resume_application_mode(self) -> None:
            self._lent = False
            super().resume_application_mode()

        def _get_terminal_size(self) -> tuple[int, int]:
            # Textual asks standard output, which is the log file now.
            try:
                columns, rows = terminal.size()
            except OSError:
                columns, rows = 0, 0
            return columns or 80, rows or 25

        def start_application_mode(self) -> None:
            super().start_application_mode()  # type: ignore[no-untyped-call]  # it has no types
            splash.take_over()
            if guard.attributes_before is not None:  # Textual found what the guard had made of them
                self.attrs_before = guard.attributes_before
            if parser_type is not None and not constants.DISABLE_KITTY_KEY:
                self.write(ADD_EVENTS + ASK)
                self.flush()

        def _sigcont_application(self, *arguments: Any) -> None:
            # Stopped from outside (SIGSTOP), it has left nothing: what runs ends first, or there were two of each thread.
            if not self._running():
                super()._sigcont_application(*arguments)
                self._loop.call_soon_threadsafe(self._repaint)
            elif self._auto_restart and not self._starts_anew:
                self._starts_anew = True
                self._loop.call_soon_threadsafe(self._start_anew)

        def _running(self) -> bool:
            reader = getattr(self, "_key_thread", None)
            return reader is not None and reader.is_alive()

        def _start_anew(self) -> None:
            """Take the terminal again, with which a shell may have done anything while the program was stopped."""
            self._starts_anew = False
            if not self._running() or self.exit_event.is_set():
                return
            if not _in_foreground(self.fileno):
                os.kill(os.getpid(), signal.SIGSTOP)  # continued in the background, as Textual does
                return
            self.suspend_application_mode()
            self.resume_application_mode()
            self._repaint()

        def _repaint(self) -> None:
            # The alternate screen is empty by now; a window of the size that it had is no reason for Textual to paint it.
            self._app.refresh(layout=True)

        def run_input_thread(self) -> None:
            """As Textual's, but the end of the input is the end of the terminal and not a reason to spin."""
            if parser_type is None:
                super().run_input_thread()
                return
            parser = parser_type(self._debug)
            decode = getincrementaldecoder("utf-8")(errors="replace").decode
            with selectors.DefaultSelector() as selector:
                try:
                    selector.register(self.fileno, selectors.EVENT_READ)
                except (OSError, ValueError):
                    watch.on_terminal_lost()
                    return
                while not self.exit_event.is_set():
                    try:
                        if selector.select(0.1):
                            if not (data := self._read(selector)):
                                watch.on_terminal_lost()
                                return
                            for message in parser.feed(decode(data)):
                                self.process_message(message)
                        parser.talk_key.tick()
                        for message in parser.tick():
                            self.process_message(message)
                    except Exception:
                        # A sequence that no parser was prepared for costs what was read, not the keyboard.
                        log.exception("the input could not be understood")
                        parser = parser_type(self._debug)

        def _read(self, selector: selectors.BaseSelector) -> bytes:
            """What was typed or pasted, as far as it comes in one go; nothing at the end of the terminal."""
            data = b""
            with contextlib.suppress(OSError):
                data = os.read(self.fileno, READ)
                # More than one key at once is a paste, or a program that types: its next part belongs to it.
                while len(data) > ONE_KEY and len(data) < READ_BYTES and selector.select(PASTE_GAP_SECONDS):
                    if not (more := os.read(self.fileno, READ)):
                        break
                    data += more
            return data

    return VitaDriver


def _in_foreground(terminal: int) -> bool:
    """Whether the terminal takes what this process group does with it; so does one that controls nobody."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True
