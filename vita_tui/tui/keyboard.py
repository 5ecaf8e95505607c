"""The talk key as a key that is held: how terminals with the Kitty keyboard protocol report releases.

https://sw.kovidgoyal.net/kitty/keyboard-protocol/: with flag 2 a key comes as `CSI code ; modifiers : event … u`, the event being 1
for a press, 2 for a repeat and 3 for a release. Textual asks for other flags of the protocol and knows no events; `terminal` adds the
flag, and hands each such sequence to a `TalkKey` first. Nothing here knows Textual.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ADD_EVENTS",
    "ASK",
    "FOCUS_OUT",
    "PASTE_END",
    "PASTE_START",
    "REPORT_EVENTS",
    "Edge",
    "Stroke",
    "TalkKey",
    "mark_pastes",
    "parse_flags",
    "parse_stroke",
    "reports_releases",
]

Edge = Literal["press", "release"]
StrokeKind = Literal[1, 2, 3]

REPORT_EVENTS = 2
ASK = "\x1b[?u"
"""Answered with the flags that are set, by terminals that know the protocol; others say nothing."""
ADD_EVENTS = f"\x1b[={REPORT_EVENTS};2u"
"""Adds the flag to those that Textual has pushed; they are popped together."""
FOCUS_OUT = "\x1b[O"
"""Another window has the keyboard now."""
SILENT_SECONDS = 1.5
"""A held key that had repeated and does not any more, for so long, was released unheard."""
FEW_REPEATS = 3

_STROKE = re.compile(r"\x1b\[(\d*)((?::\d*)*)(?:;(\d*)(?::([123]))?((?:;[\d:]*)?))?([u~ABCDEFHPQRS])")
_FLAGS = re.compile(r"\x1b\[\?(\d+)u")
PASTE_START, PASTE_END = "\x1b[200~", "\x1b[201~"
"""Around what is pasted, by terminals that mark it."""
_LINES = re.compile(
    r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\x00-\x1f\x7f][\r\n][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*"
)
_MODIFIER_CODES = frozenset(range(57441, 57455))
"""Shift, control, alt and their like, left and right, as keys of their own."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One event of one key."""

    code: str
    """Of the key, with the letter that ends the sequence; the same for press, repeat and release, whatever the modifiers."""
    kind: StrokeKind
    plain: str
    """The sequence as it would be without the event."""
    is_modifier: bool


def parse_stroke(sequence: str) -> Stroke | None:
    """The stroke that `sequence` reports; None when it is not of that form."""
    match = _STROKE.fullmatch(sequence)
    if match is None:
        return None
    code, alternates, modifiers, kind, text, end = match.groups(default="")
    plain = f"\x1b[{code}{alternates}"
    if modifiers or text:
        plain += f";{modifiers}{text}"
    number = int(code) if code else 1
    event: StrokeKind = 3 if kind == "3" else 2 if kind == "2" else 1
    return Stroke(f"{number}{end}", event, plain + end, end == "u" and number in _MODIFIER_CODES)


def mark_pastes(data: str) -> str:
    """`data`, which came in one go, with the pastes in it marked that the terminal did not mark: several lines come from no hand at once.

    A line end at the end of `data` is the enter key.
    """
    if "\x1b" in data or not re.search(r"[\r\n][^\r\n]", data):
        return data

    def marked(match: re.Match[str]) -> str:
        text = match[0]
        return f"{PASTE_START}{text}{PASTE_END}" if re.search(r"[\r\n][^\r\n]", text) else text

    return _LINES.sub(marked, data)


def parse_flags(sequence: str) -> int | None:
    """The flags that the terminal says are set, when `sequence` is that answer."""
    match = _FLAGS.fullmatch(sequence)
    return int(match[1]) if match is not None else None


class TalkKey:
    """Finds the presses and releases of the talk key among all strokes. Fed by the input thread.

    A release may be lost: another window takes the keyboard, a multiplexer drops it. So the key counts as released when the
    terminal loses the focus, when it is pressed anew, and when it had repeated and is silent while no other key is at work.
    """

    def __init__(
        self, on_edge: Callable[[Edge], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Args:
            on_edge: called in the thread that feeds.
        """
        self._on_edge = on_edge
        self._clock = clock
        self._code = ""
        """Of the talk key while it is down."""
        self._held = False
        """It was pressed and no release was told yet."""
        self._repeats = 0
        self._last = 0.0
        self._alone = True
        """No other key was used since the press."""

    @property
    def held(self) -> bool:
        return self._held

    def take(self, stroke: Stroke, is_talk_key: bool) -> bool:
        """Take a stroke; True when nobody else is to see it.

        Args:
            is_talk_key: with its modifiers, it is what the user talks with.
        """
        if stroke.code == self._code:
            self._own(stroke, is_talk_key)
            return True
        if stroke.kind == 3:
            if stroke.is_modifier:
                self._release()  # "control" of control+space; the space may come up later
            return True
        if is_talk_key and stroke.kind == 1:
            self._press(stroke.code)
            return True
        if stroke.kind == 1 and self._held and not stroke.is_modifier:
            self._alone = False
        return False

    def tick(self) -> None:
        """To be called some times a second, for what does not come."""
        repeating = self._held and self._alone and self._repeats >= FEW_REPEATS
        if repeating and self._clock() - self._last > SILENT_SECONDS:
            self._release()

    def focus_lost(self) -> None:
        """Releases go to somebody else now."""
        self._release()
        self._code = ""

    # ----

    def _own(self, stroke: Stroke, is_talk_key: bool) -> None:
        self._last = self._clock()
        if stroke.kind == 3:
            self._release()
            self._code = ""
        elif stroke.kind == 2:
            self._repeats += 1
        elif is_talk_key:  # pressed anew: the release was lost
            self._release()
            self._press(stroke.code)

    def _press(self, code: str) -> None:
        self._release()
        self._code, self._held, self._repeats, self._alone = code, True, 0, True
        self._last = self._clock()
        self._on_edge("press")

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._on_edge("release")


def reports_releases(seconds: float = 0.3) -> bool | None:
    """Ask this process's terminal whether it can report key releases; None when there is no terminal to ask."""
    try:
        import termios
        import tty

        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except (ImportError, OSError):
        return None
    try:
        before = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal)
            # Every terminal answers the second question, so that silence about the first is known at once.
            os.write(terminal, f"\x1b[>{REPORT_EVENTS}u{ASK}\x1b[<u\x1b[c".encode())
            answer = b""
            deadline = time.monotonic() + seconds
            while b"c" not in answer and (left := deadline - time.monotonic()) > 0:
                if select.select([terminal], [], [], left)[0]:
                    answer += os.read(terminal, 256)
        finally:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
    except (OSError, termios.error):
        return None
    finally:
        with contextlib.suppress(OSError):
            os.close(terminal)
    found = _FLAGS.search(answer.decode("latin-1"))
    return found is not None and bool(int(found[1]) & REPORT_EVENTS)
