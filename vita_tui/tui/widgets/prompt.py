"""Where the user types: several lines, what was asked before on the arrow keys."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widgets.text_area import Location

from vita_tui.errors import VitaError
from vita_tui.tui import graphemes
from vita_tui.tui.prompt_history import PromptHistory
from vita_tui.tui.widgets.attaching import Attaching
from vita_tui.tui.widgets.typing import InOrder

__all__ = ["PLACEHOLDER", "Prompt"]

PLACEHOLDER = {True: "Ask anything, or press ctrl+space and speak", False: "Ask anything"}
"""With a microphone, and without one."""


LONG = 1000
"""Characters from which it is looked whether the model takes them all."""
IDLE_KEY_SECONDS = 0.3
"""Without a key, before it is looked."""


class Prompt(Attaching, InOrder):
    """Grows with its text up to the style's `max-height`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "send",
            "Send",
            id="prompt.send",
            tooltip="Send what you typed",
            show=False,
        ),
        Binding(
            "shift+enter,alt+enter,ctrl+j",
            "newline",
            "New line",
            id="prompt.newline",
            tooltip="Start a new line",
            show=False,
        ),
        Binding(
            "up",
            "older",
            "Older",
            id="prompt.older",
            tooltip="On the first line: what you asked before",
            show=False,
        ),
        Binding(
            "down",
            "newer",
            "Newer",
            id="prompt.newer",
            tooltip="On the last line: what you asked after that",
            show=False,
        ),
        Binding(
            "tab",
            "complete",
            "Complete",
            id="prompt.complete",
            tooltip="Complete a command behind / or a file behind @",
            show=False,
        ),
        Binding(
            "ctrl+r",
            "search_asked",
            "Search",
            id="prompt.search",
            tooltip="Search what you asked before",
            show=False,
        ),
        Binding(
            "ctrl+g",
            "edit_outside",
            "Editor",
            id="prompt.editor",
            tooltip="Write in your editor ($EDITOR)",
            show=False,
        ),
        Binding(
            "alt+o",
            "unfold",
            "Unfold",
            id="prompt.unfold",
            tooltip="Put the pasted text in the place of its mark",
            show=False,
        ),
        Binding(
            "ctrl+z",
            "app.suspend_process",
            "Suspend",
            id="prompt.suspend",
            tooltip="Suspend VITA; fg brings it back",
            show=False,
        ),
        Binding(
            "ctrl+underscore,alt+z",
            "undo",
            "Undo",
            id="prompt.undo",
            tooltip="Undo what was typed",
            show=False,
        ),
        Binding(
            "end",
            "end",
            "End",
            id="prompt.end",
            tooltip="To the end of the line, then to the newest words",
            show=False,
        ),
        Binding(
            "ctrl+d",
            "delete_or_leave",
            "Delete",
            id="prompt.delete",
            tooltip="Delete to the right; with nothing typed: leave VITA",
            show=False,
        ),
    ]

    class Sent(Message):
        """The user has asked this."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Grown(Message):
        """The text has become long: whoever knows the model answers with `looked`."""

        def __init__(self, text: str, *, send: bool) -> None:
            super().__init__()
            self.text = text
            self.send = send
            """The user has sent it, before it was known whether it fits."""

    class Search(Message):
        """What was asked before is wanted."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Outside(Message):
        """The prompt is to be written in the user's editor."""

    class Leave(Message):
        """The user has closed an empty prompt, as one closes a shell."""

    class Question(Message):
        """A question mark in an empty prompt: what can one do here?"""

    class ToBlocks(Message):
        """After escape, k or j leads to the blocks of the conversation."""

    class ToTheEnd(Message):
        """The end of the text was left behind: the end of the conversation is meant."""

    class Decided(Message):
        """A key was pressed in a pause of what the user says."""

        def __init__(self, *, send: bool) -> None:
            super().__init__()
            self.send = send
            """That was all; otherwise the user will go on."""

    def __init__(self) -> None:
        super().__init__(PLACEHOLDER[True])
        self.recall: PromptHistory | None = None
        """None until it was read from disk."""
        self._looking: Timer | None = None
        self._known = ""
        """The long text of which it is known how much fits."""
        self.after_escape = False
        """Escape was the last key, and nothing is typed."""
        self.in_pause: Callable[[], bool] = lambda: False
        """Whether the user pauses in what they say."""
        self.cut_off = False
        """The last reply was cut off: enter has it gone on with."""

    def on_text_area_changed(self) -> None:
        """A long text may be more than the model takes: that is said before it is sent."""
        self.border_subtitle = ""
        if self.completions is not None:
            self.completions.look(self.text, self.file_word)
        if self._looking is not None:
            self._looking.stop()
            self._looking = None
        if len(self.text) > LONG:
            self._looking = self.set_timer(IDLE_KEY_SECONDS, self._look)

    def _look(self, *, send: bool = False) -> None:
        with contextlib.suppress(VitaError):  # told when it is sent
            if text := self.whole:
                self.post_message(self.Grown(text, send=send))

    def looked(self, text: str, warning: str, *, send: bool) -> None:
        """It is known how much of `text` fits: say `warning`, or send it if the user wants that and all fits."""
        try:
            if text != self.whole:
                return
        except VitaError:
            return
        self._known = text
        if warning:
            self.border_subtitle = f"{warning}: enter sends the end of it"
        elif send:
            self.action_send()

    def render_line(self, y: int) -> Strip:
        # The placeholder cannot be wrapped to no width at all.
        return super().render_line(y) if self.content_size.width > 0 else Strip.blank(0)

    def action_send(self) -> None:
        text = self.text.strip()
        if not text:
            if self.cut_off:
                self.screen.post_message(self.Sent("go on"))
            return
        if self.completions is not None and (command := self.completions.chosen) is not None:
            if command.needs:
                self._show(f"/{command.name} ")
                return
            text = f"/{command.name}"
        elif self.take_file():
            return
        else:
            try:
                text = self.whole
            except VitaError as error:
                words = f"{error.message} {error.remedy}".strip()
                self.app.notify(words, title="Not sent", severity="warning", markup=False)
                return
        if len(text) > LONG and text != self._known:
            self._look(send=True)
            return
        if self.recall is not None:
            self.recall.add(text)
        self.clear()
        # Straight to the screen: keys that follow are in order with it.
        self.screen.post_message(self.Sent(text))

    def undo(self) -> None:
        with self._wrapped_anew():
            super().undo()

    def redo(self) -> None:
        with self._wrapped_anew():
            super().redo()

    @contextlib.contextmanager
    def _wrapped_anew(self) -> Iterator[None]:
        """Textual 8 wraps what an undo has changed by the line numbers before it, and fails where there are fewer lines now."""
        try:
            yield
        except ValueError:
            self.wrapped_document.wrap(self.wrap_width, self.indent_width)
            self.move_cursor(self.document.end)
            self.refresh(layout=True)

    def action_newline(self) -> None:
        self.insert("\n")
        self.scroll_cursor_visible()

    def action_complete(self) -> None:
        """The marked command, ready for its words; elsewhere tab goes to the next widget."""
        if self.completions is not None and (command := self.completions.chosen) is not None:
            self._show(f"/{command.name} " if command.takes else f"/{command.name}")
        elif not self.take_file():
            self.screen.focus_next()

    def action_search_asked(self) -> None:
        """Choose from what was asked before."""
        if self.recall is not None:
            self.post_message(self.Search(self.text))

    def action_edit_outside(self) -> None:
        self.post_message(self.Outside())

    def action_end(self) -> None:
        """To the end of the line; from the end of the text, to the end of the conversation."""
        if self.cursor_location == self.document.end:
            self.post_message(self.ToTheEnd())
        else:
            self.action_cursor_line_end()

    def action_delete_or_leave(self) -> None:
        if self.text:
            self.action_delete_right()
        else:
            self.post_message(self.Leave())

    def action_older(self) -> None:
        if self.completions is not None and self.completions.move(-1):
            return
        if self.recall is not None and self.cursor_at_first_line and self._on_first_wrapped_row():
            older = self.recall.older(self.text)
            if older is not None:
                self._show(older)
            return
        self.action_cursor_up()

    def action_newer(self) -> None:
        if self.completions is not None and self.completions.move(1):
            return
        if self.recall is not None and self.cursor_at_last_line and self._on_last_wrapped_row():
            newer = self.recall.newer()
            if newer is not None:
                self._show(newer)
            return
        self.action_cursor_down()

    def _on_first_wrapped_row(self) -> bool:
        return self.wrapped_document.location_to_offset(self.cursor_location).y == 0

    def _on_last_wrapped_row(self) -> bool:
        row = self.wrapped_document.location_to_offset(self.cursor_location).y
        return bool(row >= self.wrapped_document.height - 1)

    def put(self, text: str) -> None:
        """Have `text` edited, which may have been sent before, with others along."""
        self._show(text)
        self.focus()

    def _show(self, text: str) -> None:
        self.text = self.pasted.take_apart(text)
        self.move_cursor(self.document.end)

    async def _on_key(self, event: events.Key) -> None:
        if self.in_pause() and not self.text and event.key in ("enter", "space"):
            # Whoever reaches for the keyboard in a pause wants to decide how long it lasts.
            event.stop()
            event.prevent_default()
            self.screen.post_message(self.Decided(send=event.key == "enter"))
            return
        after_escape, self.after_escape = self.after_escape, False
        if after_escape and not self.text and event.key in ("j", "k"):
            event.stop()
            event.prevent_default()
            self.post_message(self.ToBlocks())
            return
        if self.in_pause() and event.is_printable:  # whoever begins to type has not finished
            self.screen.post_message(self.Decided(send=False))
        if await self.take(event):
            return
        if event.character == "?" and not self.text:
            event.stop()
            event.prevent_default()
            self.post_message(self.Question())
            return
        if graphemes.is_text(event.character):
            event.stop()
            event.prevent_default()
            # Textual's private way makes typed letters one step to undo; the public one does no more than put them in.
            put = getattr(self, "_replace_via_keyboard", self.replace)
            put(event.character or "", *self.selection)

    # ---- what the eye sees as one character is one

    def get_cursor_left_location(self) -> Location:
        row, column = self.cursor_location
        return (
            (row, graphemes.before(self.document[row], column))
            if column
            else super().get_cursor_left_location()
        )

    def get_cursor_right_location(self) -> Location:
        row, column = self.cursor_location
        line = self.document[row]
        return (
            (row, graphemes.after(line, column))
            if column < len(line)
            else super().get_cursor_right_location()
        )

    def clamp_visitable(self, location: Location) -> Location:
        row, column = super().clamp_visitable(location)
        return row, graphemes.nearest(self.document[row], column)
