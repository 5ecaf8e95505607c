"""The settings in words: all of them, in groups, each changed, set back and explained where it stands."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from vita_tui import paths, settings
from vita_tui.errors import SettingsError, VitaError
from vita_tui.events import Event, SettingChanged
from vita_tui.settings import file as settings_file
from vita_tui.tui.formatting import clean, one_line
from vita_tui.tui.look import MUTED
from vita_tui.tui.screens.base import Sheet
from vita_tui.tui.screens.menu import Menu, MenuEntry
from vita_tui.tui.setting_rows import SettingRow, setting_rows
from vita_tui.tui.widgets.typing import Line

__all__ = ["SettingList", "SettingsScreen"]

NAME_WIDTH = 34
"""Cells of a row's name where there is room."""
SOURCES = {
    "flag": "It comes from the command line, which goes before your file.",
    "environment": "It comes from the environment, which goes before your file.",
    "file": "It comes from your file; r sets it back.",
    "default": "",
}


class SettingList(OptionList):
    """A row for each setting, by its key; the rows of groups have none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", "Change", id="setting.change", tooltip="Change the setting", show=False),
    ]


class SettingsScreen(Sheet):
    HEADING = "Settings"
    AUTO_FOCUS = "SettingList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="settings.filter", tooltip="Find a setting by its words"),
        Binding("r,delete", "reset", "Default", id="settings.reset", tooltip="Back to the default"),
        Binding("down", "into_list", "List", id="settings.list", tooltip="To the list", show=False),
    ]

    class _Changed(Message):
        """A setting has another value, whoever changed it."""

    def __init__(self) -> None:
        super().__init__()
        self._loaded: settings.Settings | None = None
        """What the next start will take; None when the file cannot be read."""
        self._content: dict[str, Any] = {}
        """Of the settings file."""
        self._said = ("", False)
        """What came of the last change, and whether it failed."""

    def content(self) -> ComposeResult:
        yield Line(placeholder="/ finds a setting: loud, silence, key …", id="settings-filter", compact=True)
        yield SettingList(id="settings-list", markup=False)
        yield Static(id="settings-note")

    def ways(self) -> str:
        return "enter changes · r sets back · / finds · esc closes"

    def on_mount(self) -> None:
        core = self.app.core
        assert core is not None
        self._unsubscribe = core.bus.subscribe(self._happened)
        self._show()

    def on_unmount(self) -> None:
        self._unsubscribe()

    def _happened(self, event: Event) -> None:
        if isinstance(event, SettingChanged):
            with contextlib.suppress(RuntimeError):  # the loop is closed: the program is ending
                self.post_message(self._Changed())

    @on(_Changed)
    def _show_change(self) -> None:
        self._show()

    def on_screen_resume(self) -> None:
        self._show()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    # ---- what is shown

    def _now(self, key: str) -> Any:
        """What counts in this run."""
        core = self.app.core
        assert core is not None
        if key == "ui.theme":
            return self.app.theme
        if key == "audio.speak":  # f9 and ctrl+t change what counts, and not the settings
            return core.speaking_aloud
        if key == "talk.hands_free":
            return core.hands_free
        return settings.value_of(core.settings, key)

    def _saved(self, key: str) -> Any:
        """What the next start will take."""
        return self._now(key) if self._loaded is None else settings.value_of(self._loaded, key)

    def _current(self, key: str) -> Any:
        return self._now(key) if settings.at_once(key) else self._saved(key)

    def _read(self) -> None:
        self._loaded, self._content = None, {}
        with contextlib.suppress(SettingsError):
            self._content = settings_file.read()
            self._loaded = settings.load(overrides=self.app.overrides)

    @property
    def marked(self) -> SettingRow | None:
        """The setting that the mark is on."""
        listing = self.query_one(SettingList)
        if listing.highlighted is None:
            return None
        key = listing.get_option_at_index(listing.highlighted).id
        return next((row for row in setting_rows() if row.key == key), None)

    def _show(self) -> None:
        """What is saved may be another than it was."""
        if self.is_mounted:
            self._read()
            self._draw()

    def _draw(self) -> None:
        if not self.is_mounted or not self.query(SettingList):
            return
        before = self.marked
        words = self.query_one("#settings-filter", Line).value
        rows = [row for row in setting_rows() if row.matches(words)]
        options, group = list[Option](), ""
        for row in rows:
            if row.group != group:
                group = row.group
                options += [Option(" ", disabled=True)] if options else []
                options.append(Option(Content.assemble((group, "bold $text-primary")), disabled=True))
            options.append(Option(self._line(row), id=row.key))
        listing = self.query_one(SettingList)
        with self.prevent(OptionList.OptionHighlighted):
            listing.set_options(options)
            if rows:
                kept = before if before in rows else rows[0]
                listing.highlighted = listing.get_option_index(kept.key if kept else rows[0].key)
        self._note()

    def _line(self, row: SettingRow) -> Content:
        value = self._current(row.key)
        changed = value != row.default
        room = max(20, self.query_one(SettingList).scrollable_content_region.width or self.size.width - 8) - 4
        width = min(NAME_WIDTH, room // 2)
        name = one_line(row.name, width).ljust(width)
        later = "   at the next start" if self._waits(row) else ""
        shown = one_line(clean(row.in_words(value)), max(4, room - width - 3 - len(later)))
        return Content.assemble(
            ("● " if changed else "  ", "$text-primary"),
            (name, ""),
            " ",
            (shown, "bold $text-primary" if changed else MUTED),
            (later, "$text-warning"),
        )

    def _waits(self, row: SettingRow) -> bool:
        """Whether it is saved and does not count yet."""
        return not settings.at_once(row.key) and self._now(row.key) != self._saved(row.key)

    def _note(self) -> None:
        note = self.query_one("#settings-note", Static)
        words, failed = self._said
        parts: list[Content | str | tuple[str, str]] = []
        if words:
            parts += [(clean(words), "$text-error" if failed else "$text-success"), "\n"]
        if (row := self.marked) is None:
            parts.append(("No setting has these words.", MUTED))
        else:
            when = "" if settings.at_once(row.key) else "Takes effect at the next start."
            source = settings_file.source_of(row.key, self.app.overrides, self._content)
            limits = f"{row.range[:1].upper()}{row.range[1:]}." if row.range else ""
            default = f"Default: {one_line(clean(row.in_words(row.default)), 60)}."
            if row.kind == "table":
                default, limits = "", f"Tables in {paths.config_file()}."
            facts = " ".join(part for part in (limits, default, when, SOURCES[source]) if part)
            parts += [(clean(row.about), ""), "\n", (f"{row.key} · {facts}", MUTED)]
        note.update(Content.assemble(*parts))

    def _say(self, words: str, *, failed: bool = False) -> None:
        self._said = (words, failed)
        self._show()

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        self._said = ("", False)
        self._note()

    # ---- finding one

    def action_filter(self) -> None:
        self.query_one("#settings-filter", Line).focus()

    def action_into_list(self) -> None:
        self.query_one(SettingList).focus()

    @on(Input.Changed, "#settings-filter")
    def _filtered(self) -> None:
        self._said = ("", False)
        self._draw()

    @on(Input.Submitted, "#settings-filter")
    def _found(self) -> None:
        self.query_one(SettingList).focus()

    def action_close(self) -> None:
        words = self.query_one("#settings-filter", Line)
        if self.app.screen is self and (words.value or words.has_focus):
            words.value = ""
            self.query_one(SettingList).focus()
        else:
            super().action_close()

    # ---- changing one

    @on(OptionList.OptionSelected)
    def _chosen(self) -> None:
        if (row := self.marked) is None:
            return
        value = self._current(row.key)
        if (picker := _picker(row.key)) is not None:
            self.app.push_screen(picker)
        elif row.kind == "switch":
            self._later(row, not value)
        elif row.kind == "choice":
            self._choose(row, {choice: row.in_words(choice) for choice in row.choices}, value)
        elif row.key in ("audio.input", "audio.output"):
            self.run_worker(self._choose_device(row, value), exclusive=True)
        elif row.kind == "table":
            self._say(f"These are tables, which are written in {paths.config_file()}.", failed=True)
        else:
            from vita_tui.tui.screens.setting_editor import SettingEditor

            self.app.push_screen(SettingEditor(row, value, partial(self._keep, row)))

    def _choose(self, row: SettingRow, choices: dict[str, str], value: Any) -> None:
        names = list(choices)
        entries = [
            MenuEntry(str(at), f"{'●' if name == value else ' '} {clean(choices[name])}")
            for at, name in enumerate(names)
        ]

        def taken(at: str | None) -> None:
            if at and names[int(at)] != value:
                self._later(row, names[int(at)])

        self.app.push_screen(Menu(row.name, entries), taken)

    async def _choose_device(self, row: SettingRow, value: str) -> None:
        from vita_tui.audio.devices import devices

        kind = row.key.partition(".")[2]
        try:
            found = await asyncio.to_thread(devices)
        except VitaError as error:
            self._say(f"✗ {error}", failed=True)
            return
        names = ["", *sorted({device.name for device in found if device.kind == kind})]
        if value not in names:
            names.append(value)
        if self.app.screen is self:
            self._choose(row, {name: row.in_words(name) for name in names}, value)

    def _later(self, row: SettingRow, value: Any) -> None:
        self.app.spawn(self._try(row, value), f"change {row.key}")

    async def _try(self, row: SettingRow, value: Any) -> None:
        try:
            await self._keep(row, value)
        except SettingsError as error:
            self._say(f"✗ {error}", failed=True)

    async def _keep(self, row: SettingRow, value: Any) -> None:
        """Save `value`, and have it apply where it can.

        Raises:
            SettingsError: it cannot be saved, or not be used.
        """
        file = await asyncio.to_thread(settings_file.change, row.key, value)
        await self._apply(row, tuple(value) if isinstance(value, list) else value)
        when = "now" if settings.at_once(row.key) else "at the next start"
        self._say(f"✓ {row.name} is saved in {file}; it takes effect {when}.")

    async def _apply(self, row: SettingRow, value: Any) -> None:
        if settings.at_once(row.key) and self.app.core is not None and self._now(row.key) != value:
            await self.app.apply(row.key, value)

    def action_reset(self) -> None:
        if (row := self.marked) is None:
            return
        if row.kind == "table":
            self._say(f"Tables are taken out where they are written: {paths.config_file()}.", failed=True)
        else:
            self.app.spawn(self._reset(row), f"reset {row.key}")

    async def _reset(self, row: SettingRow) -> None:
        try:
            await asyncio.to_thread(settings_file.forget, row.key)
            loaded = await asyncio.to_thread(settings.load, overrides=self.app.overrides)
            await self._apply(row, settings.value_of(loaded, row.key))
        except SettingsError as error:
            self._say(f"✗ {error}", failed=True)
            return
        when = "" if settings.at_once(row.key) else ", from the next start on"
        self._say(f"✓ {row.name} is the default again{when}.")


def _picker(key: str) -> Screen[Any] | None:
    """The list that a setting is chosen from; None where it has none of its own."""
    from vita_tui.tui.screens.model_picker import ModelPicker
    from vita_tui.tui.screens.quick_pickers import LanguagePicker, ThemePicker
    from vita_tui.tui.screens.voice_picker import VoicePicker

    match key:
        case "ui.theme":
            return ThemePicker()
        case "llm.model":
            return ModelPicker()
        case "tts.voice":
            return VoicePicker()
        case "stt.language":
            return LanguagePicker()
    return None
