"""A list to choose one from: filtered while one types, in groups, with what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from vita_tui.tui.formatting import clean
from vita_tui.tui.look import MUTED
from vita_tui.tui.model_choices import Selectable
from vita_tui.tui.screens.base import Sheet
from vita_tui.tui.widgets.typing import Line

__all__ = ["Picker"]


class Picker(Sheet):
    """Subclasses give what there is with `offer`, and do what is chosen in `choose`."""

    PLACEHOLDER = "Type to filter"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Next", id="picker.next", tooltip="The next one", show=False),
        Binding("up", "move(-1)", "Previous", id="picker.previous", tooltip="The one before", show=False),
        Binding("pagedown", "move(8)", "Further", id="picker.further", tooltip="Further down", show=False),
        Binding("pageup", "move(-8)", "Back", id="picker.back", tooltip="Further up", show=False),
    ]

    def __init__(self, words: str = "") -> None:
        """
        Args:
            words: that the list is filtered by at first.
        """
        super().__init__()
        self._words = words
        self._all: list[Selectable] = []
        self._shown: list[Selectable] = []
        self._waiting: set[str] = set()
        """What is still being looked for."""
        self._moved = False
        """The user has moved the mark, which then stays where it is."""

    def content(self) -> ComposeResult:
        yield Line(self._words, placeholder=self.PLACEHOLDER, id="picker-words", select_on_focus=False)
        yield OptionList(id="picker-list", markup=False)
        yield Static("", id="picker-note")

    def ways(self) -> str:
        return "enter chooses · esc closes"

    # ---- for subclasses

    def offer(self, choices: Iterable[Selectable]) -> None:
        """Add to what there is to choose from."""
        self._all += choices
        self._show()

    def await_more(self, what: str) -> None:
        """Say that `what` is being looked for."""
        self._waiting.add(what)
        self._note()

    def came(self, what: str) -> None:
        """`what` has been looked for."""
        self._waiting.discard(what)
        self._note()

    def written(self, words: str) -> Selectable | None:
        """What the words in the line stand for, where they stand for something that is not in the list."""
        return None

    def highlighted(self, choice: Selectable) -> None:
        """The mark is on `choice`."""

    def choose(self, choice: Selectable) -> None:
        """`choice` was chosen; the screen is closed already."""

    def say(self, words: str, *, failed: bool = False) -> None:
        """Below the list."""
        for note in self.query("#picker-note").results(Static):  # none when the screen was closed meanwhile
            note.set_class(failed, "failed")
            note.update(Content(clean(words)))
            note.display = bool(words)

    @property
    def marked(self) -> Selectable | None:
        """The choice that the mark is on."""
        for listing in self.query(OptionList):
            if listing.highlighted is not None:
                option = listing.get_option_at_index(listing.highlighted)
                return self._shown[int(option.id)] if option.id is not None else None
        return None

    # ----

    @on(Input.Changed)
    def _changed(self) -> None:
        self._moved = False
        self._show()

    def _show(self) -> None:
        if not self.query(OptionList):
            return
        words = self.query_one(Line).value
        before = self.marked if self._moved else None
        found = [one for one in self._all if _matches(one, words)]
        if words.strip() and (written := self.written(words)) is not None and not found:
            found = [written]
        # One group after the other, each in the order in which it was offered.
        groups = list(dict.fromkeys(one.group for one in found))
        self._shown = [one for group in groups for one in found if one.group == group]
        listing = self.query_one(OptionList)
        listing.clear_options()
        options, group = list[Option](), ""
        for number, one in enumerate(self._shown):
            if one.group != group:
                group = one.group
                options.append(Option(Content.assemble((clean(group), f"bold {MUTED}")), disabled=True))
            options.append(Option(_line(one), id=str(number)))
        listing.add_options(options)
        self._mark(before)
        self._note()

    def _mark(self, before: Selectable | None) -> None:
        """Put the mark where it was, or on what is chosen now, or on the first."""
        current = next((one for one in self._shown if one.current), None)
        typed = bool(self.query_one(Line).value.strip())
        wanted = before if before in self._shown else None if typed else current
        listing = self.query_one(OptionList)
        if wanted is not None:
            listing.highlighted = listing.get_option_index(str(self._shown.index(wanted)))
        elif self._shown:
            listing.highlighted = listing.get_option_index("0")

    def _note(self) -> None:
        if self._waiting:
            self.say(f"Looking for {' and '.join(sorted(self._waiting))} …")
        elif not self._shown:
            self.say("Nothing of that name.")
        else:
            self.say(self.marked.warning if self.marked is not None else "", failed=True)

    def action_move(self, step: int) -> None:
        self._moved = True
        listing = self.query_one(OptionList)
        for _ in range(abs(step)):
            listing.action_cursor_down() if step > 0 else listing.action_cursor_up()

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        if (choice := self.marked) is not None:
            self._note()
            self.highlighted(choice)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self._take(self.marked)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        if event.option.id is not None:
            self._take(self._shown[int(event.option.id)])

    def _take(self, choice: Selectable | None) -> None:
        if choice is not None and self.close():
            self.choose(choice)


def _matches(choice: Selectable, words: str) -> bool:
    text = f"{choice.title} {choice.facts} {choice.group}".casefold()
    return all(word in text for word in words.casefold().split())


def _line(choice: Selectable) -> Content:
    mark, style = ("● ", "$text-success") if choice.current else ("  ", "")
    parts: Sequence[Content | str | tuple[str, str]] = [
        (mark, style),
        (clean(choice.title), "bold" if choice.current else ""),
        ("  ! " if choice.warning else "", "$text-warning"),
        (f"   {clean(choice.facts)}" if choice.facts else "", MUTED),
    ]
    return Content.assemble(*parts)
